"""The one HTTP client: a URL, a policy and a body in, a reply out. No proxies, no cookies, no redirects."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import AddressRefusedError, ConfigError, NetworkError
from forgelm.base.network.guard import PUBLIC_ONLY, Policy, Resolve, resolve_host, vet
from forgelm.base.network.stream import Connect, Deadline, Stream, open_socket, open_stream
from forgelm.base.network.target import Target, read_target
from forgelm.base.redact import REDACTED, redact_text

_LARGEST_REPLY = 4 * 2**20
_BLOCK = 2**16
_NOTHING: Mapping[str, str] = MappingProxyType({})
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class Reply:
    """A whole reply. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return what the body holds.

        Raises:
            ValueError: it is not JSON in UTF-8.
        """
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def excerpt(self) -> str:
        """Return the start of the body for an error's message, on one line and without credentials."""
        text = " ".join(self.body[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "replace").split())
        return redact_text("".join(char for char in text if char.isprintable()))[:_SHOWN_CHARACTERS]


@dataclass(frozen=True)
class HttpClient:
    """Sends requests where ``policy`` allows. Each makes its own connection, so threads and forks may share a client.

    ``timeout_seconds`` is for a whole request, from the resolver to the last byte of the reply.
    """

    policy: Policy = PUBLIC_ONLY
    timeout_seconds: float = 30.0
    largest_reply: int = _LARGEST_REPLY
    resolve: Resolve = resolve_host
    connect: Connect = open_socket

    def check(self, url: str) -> Target:
        """Return where ``url`` leads, having resolved its name and connected to nothing.

        Raises:
            AddressRefusedError: the policy does not allow it.
            NetworkError: its name cannot be resolved.
        """
        target = read_target(url)
        vet(target, self.policy, self.resolve, self.timeout_seconds)
        return target

    def post_json(self, url: str, value: Any, headers: Mapping[str, str] = _NOTHING) -> Reply:
        """Send ``value`` as JSON; see ``request``."""
        body = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
        return self.request("POST", url, body=body, headers={"Content-Type": "application/json", **headers})

    def request(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] = _NOTHING
    ) -> Reply:
        """Return the reply, whatever its status, except that a redirect is an error.

        Raises:
            AddressRefusedError: the policy does not allow the address; nothing was sent.
            NetworkError: there is no connection or no whole reply in time, or the reply is a redirect or too large.
            ConfigError: the file of trusted authorities cannot be used.
        """
        target = read_target(url)
        _check_headers(headers)
        deadline = Deadline(self.timeout_seconds)
        with _network_errors(target, headers):
            addresses = vet(target, self.policy, self.resolve, self.timeout_seconds)
            tls = (self._trust(), target.host) if target.scheme == "https" else None
            stream = open_stream(addresses, target.port, deadline, connect=self.connect, tls=tls)
            try:
                return self._exchange(stream, method, target, body, headers)
            finally:
                stream.end()

    def _exchange(
        self, stream: Stream, method: str, target: Target, body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = stream
        standard = {"Host": target.host_header, "User-Agent": "forgelm", "Connection": "close"}
        standard["Accept-Encoding"] = "identity"
        connection.putrequest(method, target.path, skip_host=True, skip_accept_encoding=True)
        for name, value in {**standard, **headers}.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        if 300 <= response.status < 400:
            raise NetworkError(f"{target} answered with a redirect ({response.status}), and none is followed")
        return Reply(response.status, MappingProxyType(found), self._read(response, target))

    def _read(self, response: http.client.HTTPResponse, target: Target) -> bytes:
        body = bytearray()
        while block := response.read(_BLOCK):
            body += block
            if len(body) > self.largest_reply:
                raise NetworkError(f"the reply of {target} is larger than {self.largest_reply} bytes")
        if response.length:
            raise NetworkError(f"the reply of {target} ends before its announced length")
        return bytes(body)

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.policy.ca_bundle)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"the trusted authorities in {self.policy.ca_bundle} cannot be used: {error}") from error


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable():
            raise ConfigError(f"the header {name} cannot be sent: its value is not printable ASCII on one line")


@contextmanager
def _network_errors(target: Target, headers: Mapping[str, str]) -> Iterator[None]:
    """Turn what the system raises into a ``NetworkError`` that names the place but neither path nor headers."""
    try:
        yield
    except (AddressRefusedError, ConfigError):
        raise
    except NetworkError as error:
        said = error.message if str(target) in error.message else f"{target}: {error.message}"
        raise NetworkError(hide_headers(said, headers)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = str(error) or type(error).__name__
        raise NetworkError(hide_headers(f"{target}: {said}", headers)) from error


def hide_headers(text: str, headers: Mapping[str, str]) -> str:
    """Return ``text`` without the values of ``headers``, which may be keys, and without what looks like one."""
    for value in headers.values():
        for secret in (value, *value.split(" ")):
            if len(secret) >= 8:
                text = text.replace(secret, REDACTED)
    return redact_text(text)
