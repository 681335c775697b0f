"""What every OpenAI-compatible endpoint shares: its URL, its key's header, the meaning of a refusal, and its reply."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from forgelm.base.errors import AddressRefusedError, NetworkError
from forgelm.base.network.client import Reply
from forgelm.base.network.replies import Said

OPENAI = "https://api.openai.com/v1"
# Statuses after which no other question will be answered either.
REFUSED = MappingProxyType(
    {
        401: "it does not accept the key",
        402: "the account has no credit",
        403: "the key may not use it",
        404: "there is no such model or path",
    }
)
NOT_UNDERSTOOD = (400, 422)
_PATH = "/chat/completions"


def complete_url(base: str) -> str:
    """Return the URL of completions below a base URL, or the URL itself where it is one (Azure's ends in a query).

    Raises:
        AddressRefusedError: it is no URL.
    """
    try:
        parts = urlsplit(base)
    except ValueError as error:
        raise AddressRefusedError("that is no URL a connection can be made to") from error
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith(_PATH) else path + _PATH))


def build_key_header(url: str, key: str) -> dict[str, str]:
    """Return the header that carries ``key`` to ``url``."""
    azure = (urlsplit(url).hostname or "").endswith(".openai.azure.com")
    return {"api-key": key} if azure else {"Authorization": f"Bearer {key}"}


def read_completion(reply: Reply, who: str) -> Said:
    """Return what a reply says.

    Raises:
        NetworkError: it is no chat completion; ``who`` opens the sentence.
    """
    try:
        answer = reply.json()
        choice = answer["choices"][0]
        text, finish = _text(choice["message"]), choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NetworkError(f"{who} answered with something other than a chat completion") from error
    usage = answer.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    read, written = (_count(counts.get(name)) for name in ("prompt_tokens", "completion_tokens"))
    return Said(text, read, written, finish if isinstance(finish, str) else None)


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part["text"] for part in content if part.get("type") in ("text", "output_text"))
    # A refusal and an empty reply are replies, which hold no points.
    return content if isinstance(content, str) else str(message.get("refusal") or "")


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
