"""A judge behind an OpenAI-compatible endpoint: messages and the form of a reply in, its words and its bill out."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forgelm.base.errors import ConfigError, NetworkError
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
from forgelm.config.judge import JudgeConfig, JudgeModelConfig
from forgelm.evaluate.judge.rubric import Question

LONGEST_REPLY_TOKENS = 400
_LONGEST_THOUGHT_TOKENS = 4096


class JudgeRefusesError(ConfigError):
    """The endpoint will not answer anything: the key, the model or the address is wrong."""


@dataclass(frozen=True)
class _Dialect:
    """How a question is worded; servers differ in what they understand."""

    form: str | None
    reasons: bool = False

    def body(self, model: str, question: Question) -> dict[str, Any]:
        body: dict[str, Any] = {"model": model, "messages": question.messages}
        if self.reasons:
            body["max_completion_tokens"] = _LONGEST_THOUGHT_TOKENS
        else:
            body |= {"temperature": 0, "max_tokens": LONGEST_REPLY_TOKENS}
        if self.form == "json_schema":
            body["response_format"] = {"type": self.form, "json_schema": dict(question.schema)}
        elif self.form is not None:
            body["response_format"] = {"type": self.form}
        return body


# The first is what most servers understand; each next one asks for less.
_DIALECTS = (_Dialect("json_schema"), _Dialect("json_schema", reasons=True), _Dialect("json_object"), _Dialect(None))


@dataclass
class Endpoint:
    """One judge at one URL. The key is in no repr and no error."""

    name: str
    url: str
    client: HttpClient
    retries: Retries
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    stopped: threading.Event = field(repr=False, default_factory=threading.Event)
    _dialect: int = 0

    @property
    def identity(self) -> dict[str, Any]:
        """What a reply depends on, beside the question."""
        return {"model": self.name, "url": self.url}

    @property
    def place(self) -> str:
        """Where the endpoint is, without its path."""
        return str(read_target(self.url))

    def most_output_tokens(self) -> int:
        return _LONGEST_THOUGHT_TOKENS

    def ask(self, question: Question) -> Said:
        """Return the reply to one question.

        Raises:
            JudgeRefusesError, AddressRefusedError: no question will be answered.
            NetworkError: this one was not.
        """
        while True:
            dialect = self._dialect
            body = _DIALECTS[dialect].body(self.name, question)
            reply = self.retries.send(lambda body=body: self._send(body))  # type: ignore[misc]
            if reply.ok:
                return read_completion(reply, f"the judge {self.name}")
            if reply.status in REFUSED:
                raise JudgeRefusesError(f"the judge {self.name} refuses ({reply.status}): {REFUSED[reply.status]}")
            if reply.status not in NOT_UNDERSTOOD or dialect + 1 == len(_DIALECTS):
                said = hide_headers(reply.excerpt(), self.headers)
                raise NetworkError(f"the judge {self.name} answered with status {reply.status}: {said}")
            # Another thread may have moved on already.
            self._dialect = max(self._dialect, dialect + 1)

    def _send(self, body: dict[str, Any]) -> Reply:
        if self.stopped.is_set():
            raise JudgeRefusesError(f"the judge {self.name} is not asked any more")
        return self.client.post_json(self.url, body, self.headers)


def build_endpoint(
    judge: JudgeModelConfig, config: JudgeConfig, *, client: HttpClient | None = None, retries: Retries | None = None
) -> Endpoint:
    """Return the endpoint of ``judge``.

    Raises:
        ConfigError: the variable that should hold the key is not set.
    """
    policy = Policy(
        allow_private=config.allow_private_destinations,
        ca_bundle=config.tls_ca_bundle,
        allow_private_key="evaluation.llm_judge.allow_private_destinations",
    )
    url, stopped = complete_url(judge.judge_api_base or OPENAI), threading.Event()
    return Endpoint(
        name=judge.judge_model,
        url=url,
        client=client or HttpClient(policy, timeout_seconds=config.timeout_seconds),
        retries=retries or Retries(attempts=config.max_attempts, sleep=stopped.wait),
        stopped=stopped,
        headers=_authorise(url, judge.judge_api_key_env),
    )


def _authorise(url: str, variable: str | None) -> dict[str, str]:
    if variable is None:
        return {}
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ConfigError(
            f"the environment variable {variable}, which should hold the judge's key, is not set",
            hint="set it, or correct evaluation.llm_judge.judge_api_key_env",
        )
    return build_key_header(url, key)
