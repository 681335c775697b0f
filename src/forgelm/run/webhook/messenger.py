"""Sends messages where the section ``webhook`` says: wanted or not, shaped, signed, tried again, never in the way."""

from __future__ import annotations

import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import AddressRefusedError, ConfigError, ForgeError, NetworkError
from forgelm.base.files import to_json_safe
from forgelm.base.network.client import HttpClient
from forgelm.base.network.guard import PlainHttp, Policy
from forgelm.base.network.retry import Retries
from forgelm.base.network.target import read_target
from forgelm.config.webhook import WebhookConfig
from forgelm.run.webhook.messages import Message
from forgelm.run.webhook.outbox import Outbox
from forgelm.run.webhook.shapes import choose_shape, shape
from forgelm.run.webhook.signing import read_secret, sign_message

_log = logging.getLogger(__name__)
_LAST_WAIT_SECONDS = 5.0
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Messenger:
    """One destination. Threads may share it, and a fork may go on using it."""

    def __init__(
        self,
        section: WebhookConfig | None,
        *,
        client: HttpClient | None = None,
        first_wait_seconds: float = 0.5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._section = section
        self._client = client
        self._first_wait_seconds = first_wait_seconds
        self._clock = clock
        wait = _LAST_WAIT_SECONDS + (section.timeout if section else 0)
        self._outbox = Outbox(last_wait_seconds=wait)

    def send(self, message: Message, about: Mapping[str, Any] = _NOTHING) -> None:
        """Take ``message`` for delivery, if it is wanted; returns at once and raises nothing.

        ``about`` is what else stands in it: the run's id, the size and the root of its log.
        """
        section = self._section
        if section is None or not getattr(section, f"notify_on_{message.occasion}"):
            return
        try:
            url, secret = read_url(section), _read_secret(section)
            form = choose_shape(section.format, read_target(url).host)
        except ForgeError as error:
            _log.warning("no message about %s: %s", message.event, error.message)
            return
        name = uuid.uuid4().hex
        stamp = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds")
        whole = {**message.payload(), "id": name, "timestamp": stamp, **to_json_safe(dict(about))}
        body = json.dumps(shape(form, whole), ensure_ascii=False).encode("utf-8", "backslashreplace")

        def deliver(pause: Callable[[float], object]) -> None:
            self._deliver(url, body, message.event, lambda: _sign(secret, name, int(self._clock()), body), pause)

        self._outbox.put(deliver)

    def close(self, timeout_seconds: float | None = None) -> bool:
        """Give what is on its way its last moments; return whether all of it was dealt with.

        The default is one attempt's time and five seconds.
        """
        return self._outbox.close(timeout_seconds)

    def _deliver(
        self,
        url: str,
        body: bytes,
        event: str,
        sign: Callable[[], dict[str, str]],
        pause: Callable[[float], object],
    ) -> None:
        section = self._section
        assert section is not None
        client = self._client or build_client(section)
        retries = Retries(section.max_attempts, self._first_wait_seconds, sleep=pause)
        try:
            reply = retries.send(
                lambda: client.request("POST", url, body=body, headers={"Content-Type": "application/json", **sign()})
            )
        except ForgeError as error:
            _log.warning("the message %s was not delivered: %s", event, error.message)
            return
        if not reply.ok:
            _log.warning("the message %s was not taken by %s: status %d", event, read_target(url), reply.status)


def build_client(section: WebhookConfig) -> HttpClient:
    """Return the client of a destination: http is allowed, with a warning, unless it was ruled out."""
    policy = Policy(
        allow_private=section.allow_private_destinations,
        plain_http=PlainHttp.NEVER if section.require_https else PlainHttp.ANYWHERE,
        ca_bundle=section.tls_ca_bundle,
        allow_private_key="webhook.allow_private_destinations",
    )
    return HttpClient(policy, timeout_seconds=section.timeout)


def check_webhook(section: WebhookConfig | None) -> None:
    """See before a run that there is a URL, that it may be connected to, and a secret where messages are signed.

    A name that cannot be resolved now is only warned about: a message is never worth a run.

    Raises:
        ConfigError: a variable is not set, or the URL leads where no connection is made.
    """
    if section is None:
        return
    url = read_url(section)
    _read_secret(section)
    try:
        target = build_client(section).check(url)
    except AddressRefusedError as error:
        raise AddressRefusedError(f"webhook.url: {error.message}", hint=error.hint) from error
    except NetworkError as error:
        _log.warning("the webhook may not be reached: %s", error.message)
        return
    if target.scheme == "http":
        _log.warning("messages to %s are sent in the clear; webhook.require_https: true rules that out", target)


def read_url(section: WebhookConfig) -> str:
    """Return the URL, from its variable where one is named.

    Raises:
        ConfigError: the variable is not set.
    """
    if section.url_env is None:
        return section.url or ""
    url = os.environ.get(section.url_env, "").strip() or section.url
    if not url:
        raise ConfigError(
            f"the environment variable {section.url_env}, which should hold the webhook's URL, is not set",
            hint="set it, or correct webhook.url_env",
        )
    return url


def _read_secret(section: WebhookConfig) -> str | None:
    name = section.signing_secret_env
    if name is None:
        return None
    secret = os.environ.get(name, "").strip()
    try:
        if secret and read_secret(secret):
            return secret
    except ValueError as error:
        raise ConfigError(f"the secret in the environment variable {name} cannot be used: {error}") from error
    raise ConfigError(
        f"the environment variable {name}, which should hold the webhook's secret, is not set",
        hint="set it, or correct webhook.signing_secret_env",
    )


def _sign(secret: str | None, name: str, timestamp: int, body: bytes) -> dict[str, str]:
    return sign_message(secret, name, timestamp, body) if secret else {}
