"""Keeps secrets out of whatever leaves the process: values under secret-looking keys and tokens inside text."""

from __future__ import annotations

import re
from typing import Any

REDACTED = "***REDACTED***"
# Shorter ones hold no credential.
_LONG_KEY = 12

_SECRET_KEY = re.compile(
    # Words of a tokenizer (eos_token) and counts (target_tokens) are no secrets.
    r"(?:^|[_-])(?:(?<!(?:eos|bos|pad|unk|sep|cls)_)(?<!(?:mask|stop)_)token"
    r"|(?:api[_-]?key|(?:access|private|secret)[_-]key|secret|password|passwd|passphrase|credential|authorization)s?)$",
    re.IGNORECASE,
)
# Whatever it matches has one of the characters that redact_text looks for first, or the word "bearer".
_SECRET_TEXT = re.compile(
    # Families with a prefix of their own; a letter before it means an ordinary word, such as "task-...".
    r"(?<![A-Za-z0-9])(?:"
    r"hf_[A-Za-z0-9]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}"
    r"|glpat-[A-Za-z0-9_-]{20,}"
    r"|sk-(?=[A-Za-z0-9_-]{0,200}[A-Za-z0-9]{16})[A-Za-z0-9_-]{20,}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|AIza[A-Za-z0-9_-]{35}"
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|npm_[A-Za-z0-9]{30,}"
    r"|pypi-AgE[A-Za-z0-9_-]{40,}"
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"
    r"|do[opr]_v1_[a-f0-9]{32,}"
    r"|shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"
    r"|hv[sb]\.[A-Za-z0-9_-]{24,}"
    r"|eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"
    r")"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    # Without a digit in it, what follows is a word: "the bearer certificate".
    r"|(?<=(?i:bearer) )(?=[A-Za-z._~+/-]*[0-9])[A-Za-z0-9._~+/-]{8,}=*"
    r"|-----BEGIN (?:[A-Z ]+ )?PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]+-----|\Z)",
    re.DOTALL,
)


def redact_text(text: str) -> str:
    """Return ``text`` with every recognisable credential replaced."""
    # Looking for single characters is a tenth of the work, and most short texts have none of them.
    if not ("_" in text or "-" in text or "." in text or ":" in text or "A" in text or "earer" in text.lower()):
        return text
    return _SECRET_TEXT.sub(REDACTED, text)


def is_unremarkable(name: str) -> bool:
    """Return whether ``redact`` leaves this name of a field as it is, and its value unhidden."""
    return not _SECRET_KEY.search(name) and _name(name) == name


def redact(value: Any) -> Any:
    """Return a copy of nested dicts and lists with secret fields and credentials inside strings replaced."""
    if isinstance(value, dict):
        return {
            _name(key): _hide(item) if _SECRET_KEY.search(str(key)) else redact(item) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redact(item) for item in value]
    return redact_text(value) if isinstance(value, str) else value


def _name(key: Any) -> Any:
    return redact_text(key) if isinstance(key, str) and len(key) > _LONG_KEY else key


def _hide(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_hide(item) for item in value]
    return REDACTED if value and isinstance(value, str) else redact(value)
