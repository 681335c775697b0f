"""One document as files: JSON for machines, HTML and where it is wanted Markdown for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forgelm.base.files import sha256_bytes, to_json_safe
from forgelm.base.redact import redact
from forgelm.evidence.documents.page import Link, Page, render_html, render_markdown


@dataclass(frozen=True)
class Document:
    """``name`` is the files' common name; ``purpose`` one sentence for the index, ``law`` the provision it serves.

    ``page`` or ``record`` may be absent: then there is no file of that kind.
    """

    name: str
    title: str
    purpose: str
    law: str
    record: Mapping[str, Any] | None
    page: Page | None = None
    markdown: bool = False

    def files(self, home: Link | None = None) -> dict[str, bytes]:
        """Return the bytes of every file of the document, by file name; its page leads to ``home``."""
        files: dict[str, bytes] = {}
        if self.record is not None:
            files[f"{self.name}.json"] = encode_json(self.record)
        if self.page is not None:
            files[f"{self.name}.html"] = _encode(render_html(self.page, home))
            if self.markdown:
                files[f"{self.name}.md"] = _encode(render_markdown(self.page))
        return files


def encode_json(record: Mapping[str, Any]) -> bytes:
    """Return readable JSON without NaN and without secrets."""
    return _encode(json.dumps(redact(to_json_safe(record)), indent=2, ensure_ascii=False) + "\n")


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file."""
    return {name: sha256_bytes(content) for name, content in files.items()}


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
