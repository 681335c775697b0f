"""Who answers the prompts: an endpoint over the network, the seed file itself, or a callable handed in from above."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from forgelm.base.errors import ConfigError, NetworkError
from forgelm.base.files import canonical_json, sha256_bytes
from forgelm.base.network.client import HttpClient, Reply, hide_headers
from forgelm.base.network.completions import (
    NOT_UNDERSTOOD,
    OPENAI,
    REFUSED,
    build_key_header,
    complete_url,
    read_completion,
)
from forgelm.base.network.guard import Policy
from forgelm.base.network.replies import Said
from forgelm.base.network.retry import Retries
from forgelm.base.network.target import read_target
from forgelm.config.synthetic import SyntheticConfig

_PLAIN_SYSTEM = "You are a helpful assistant."
# What servers call the limit on a reply: the older name, and the one that reasoning models want.
_LIMIT_NAMES = ("max_tokens", "max_completion_tokens")


class TeacherRefusesError(ConfigError):
    """The teacher will not answer anything: the key, the model or the address is wrong."""


@dataclass(frozen=True)
class Request:
    """One prompt as the teacher gets it. ``place`` is where the prompt stands; ``known`` its reply in a seed file."""

    prompt: str
    place: str
    section: SyntheticConfig = field(repr=False)
    known: str | None = None

    @property
    def messages(self) -> list[dict[str, str]]:
        system = self.section.system_prompt if self.section.system_prompt.strip() else _PLAIN_SYSTEM
        return [{"role": "system", "content": system}, {"role": "user", "content": self.prompt}]

    @property
    def prompt_sha256(self) -> str:
        return sha256_bytes(self.prompt.encode("utf-8", "backslashreplace"))

    def key(self, identity: Mapping[str, Any]) -> str:
        """Return the digest of everything a reply depends on."""
        asked = {"messages": self.messages, "max_new_tokens": self.section.max_new_tokens, "known": self.known}
        asked["temperature"] = self.section.temperature
        return sha256_bytes(canonical_json({"teacher": dict(identity), **asked}))


class Teacher(Protocol):
    """Answers requests. ``workers`` threads may ask at once, each ``together`` requests."""

    @property
    def identity(self) -> dict[str, Any]: ...
    @property
    def workers(self) -> int: ...
    @property
    def together(self) -> int: ...
    def ask(self, requests: Sequence[Request], keys: Sequence[str]) -> list[Said]:
        """Return the replies in the order of ``requests``; ``keys`` are their digests.

        Raises:
            TeacherRefusesError, AddressRefusedError: no request will be answered.
            NetworkError: these ones were not.
        """
        ...

    def stop(self) -> None:
        """Send nothing more; what is on its way may still arrive."""
        ...


class Pace:
    """Lets calls begin at least ``delay_seconds`` apart, whoever makes them."""

    def __init__(
        self,
        delay_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._delay, self._clock, self._sleep = delay_seconds, clock, sleep
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        with self._lock:
            now = self._clock()
            begin = max(now, self._next)
            self._next = begin + self._delay
        if begin > now:
            self._sleep(begin - now)


@dataclass
class ApiTeacher:
    """A teacher behind an OpenAI-compatible endpoint. The key is in no repr and no error."""

    section: SyntheticConfig = field(repr=False)
    url: str
    client: HttpClient
    retries: Retries
    pace: Pace
    headers: Mapping[str, str] = field(repr=False)
    stopped: threading.Event = field(repr=False)
    together: int = 1
    _limit_name: int = 0

    @property
    def identity(self) -> dict[str, Any]:
        return {"backend": "api", "model": self.section.teacher_model, "url": self.url}

    @property
    def workers(self) -> int:
        return self.section.api_workers

    def stop(self) -> None:
        self.stopped.set()

    def ask(self, requests: Sequence[Request], keys: Sequence[str]) -> list[Said]:
        return [self._ask(request) for request in requests]

    def _ask(self, request: Request) -> Said:
        name = self.section.teacher_model
        while True:
            number = self._limit_name
            body = {"model": name, "messages": request.messages, "temperature": self.section.temperature}
            body[_LIMIT_NAMES[number]] = self.section.max_new_tokens
            reply = self.retries.send(lambda body=body: self._send(body))  # type: ignore[misc]
            if reply.ok:
                return read_completion(reply, f"the teacher {name}")
            if reply.status in REFUSED:
                raise TeacherRefusesError(f"the teacher {name} refuses ({reply.status}): {REFUSED[reply.status]}")
            if reply.status not in NOT_UNDERSTOOD or number + 1 == len(_LIMIT_NAMES) or not _is_about_limit(reply):
                said = hide_headers(reply.excerpt(), self.headers)
                raise NetworkError(f"the teacher {name} answered with status {reply.status}: {said}")
            # Another thread may have moved on already.
            self._limit_name = max(self._limit_name, number + 1)

    def _send(self, body: dict[str, Any]) -> Reply:
        self.pace.wait()
        if self.stopped.is_set():
            raise TeacherRefusesError(f"the teacher {self.section.teacher_model} is not asked any more")
        return self.client.post_json(self.url, body, self.headers)


@dataclass(frozen=True)
class FileTeacher:
    """Replies that stand in the seed file beside their prompts."""

    section: SyntheticConfig = field(repr=False)
    workers: int = 1
    together: int = 256

    @property
    def identity(self) -> dict[str, Any]:
        return {"backend": "file", "model": self.section.teacher_model, "path": self.section.seed_file}

    def stop(self) -> None:
        """Nothing is ever on its way."""

    def ask(self, requests: Sequence[Request], keys: Sequence[str]) -> list[Said]:
        return [Said(request.known or "") for request in requests]


def build_api_teacher(
    section: SyntheticConfig, *, client: HttpClient | None = None, retries: Retries | None = None
) -> ApiTeacher:
    """Return the teacher at the endpoint, having resolved its address and sent nothing.

    Raises:
        ConfigError: the variable that should hold the key is not set.
        AddressRefusedError: the policy does not allow the address.
        NetworkError: its name cannot be resolved.
    """
    policy = Policy(
        allow_private=section.allow_private_destinations,
        ca_bundle=section.tls_ca_bundle,
        allow_private_key="synthetic.allow_private_destinations",
    )
    url, stopped = complete_url(section.api_base.strip() or OPENAI), threading.Event()
    client = client or HttpClient(policy, timeout_seconds=section.api_timeout)
    headers = _authorise(section, url)
    read_target(url)
    client.check(url)
    return ApiTeacher(
        section=section,
        url=url,
        client=client,
        retries=retries or Retries(attempts=section.max_attempts, sleep=stopped.wait),
        pace=Pace(section.api_delay, sleep=stopped.wait),
        headers=headers,
        stopped=stopped,
    )


def _authorise(section: SyntheticConfig, url: str) -> dict[str, str]:
    key = section.api_key
    if section.api_key_env is not None:
        key = os.environ.get(section.api_key_env, "").strip()
        if not key:
            raise ConfigError(
                f"the environment variable {section.api_key_env}, which should hold the teacher's key, is not set",
                hint="set it, or correct synthetic.api_key_env",
            )
    return build_key_header(url, key) if key else {}


def _is_about_limit(reply: Reply) -> bool:
    return _LIMIT_NAMES[0].encode() in reply.body or _LIMIT_NAMES[1].encode() in reply.body
