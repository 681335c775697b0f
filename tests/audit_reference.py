"""A slow audit that is obviously right, and rows that make the fast one stumble: what both find must be the same."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from forgelm.audit.pii.find import find_pii
from forgelm.audit.report.record import AuditReport
from forgelm.audit.rows.quality import judge_text, summarize_quality
from forgelm.audit.scan.row_text import TRAINING_COLUMNS
from forgelm.audit.secrets.find import find_secrets

SENTENCES = (
    "the order of tea and cake arrived late again today because nobody had read the note on the door "
    "Der Tee kam heute spät, weil niemand den Zettel las чай сегодня пришёл поздно 今天 的 茶 来得 很 晚"
)
WORDS = SENTENCES.split()
_DIGITS = {"arabic": 0x660, "wide": 0xFF10, "devanagari": 0x966}
VALUES = (
    *("bob@example.org", "+49 30 12345678", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "10000000146"),
    *("AKIAIOSFODNN7EXAMPLQ", "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2, "8.8.8.8", "xoxb-123456789012-abcdefGHIJKL"),
    *("078-05-1120", "2024-01-01", "\u0000", "😀", "“quoted”", "\u2028"),
    *("".join(chr(zero + int(digit)) for digit in "4111111111111111") for zero in _DIGITS.values()),
)
BROKEN = (
    *(b"{broken", b"[1, 2]", b'"text"', b"null", b"\xff\xfe\x00", b'{"text": "a"}{"text": "b"}', b"[" * 3000),
    *(b'{"text": "\xff bytes"}', b'{"a": ' * 300 + b"1" + b"}" * 300, b"{'text': 1}", b'{"text": "tab\there"}'),
)


@dataclass
class Expected:
    """What an audit must report."""

    rows: int = 0
    pii: Counter[str] = field(default_factory=Counter)
    secrets: Counter[str] = field(default_factory=Counter)
    texts: list[str] = field(default_factory=list)
    skipped: int = 0

    @property
    def blank(self) -> int:
        return sum(not text.strip() for text in self.texts)

    @property
    def quality(self) -> dict[str, Any]:
        counts = Counter(int(judge_text(text)) for text in self.texts)
        return summarize_quality([counts[flags] for flags in range(64)])

    @property
    def repeated(self) -> int:
        said = [text for text in self.texts if text]
        return len(said) - len(set(said))


def audit_slowly(data: bytes) -> Expected:
    """Read every line with ``json``, look at every text with the functions for one text."""
    expected = Expected()
    rows: list[dict[str, Any]] = []
    for line in data.split(b"\n"):
        if not line.strip(b" \t\r"):
            continue
        try:
            row = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or _depth(row) > 200:
            expected.skipped += 1
            continue
        expected.rows += 1
        for text in _texts(row):
            expected.pii.update(found.kind for found in find_pii(text))
            expected.secrets.update(found.kind for found in find_secrets(text))
        rows.append(row)
    is_known = any(name in TRAINING_COLUMNS for row in rows for name in row)
    expected.texts = ["\n".join(text for text in (_said(row) if is_known else _texts(row)) if text) for row in rows]
    return expected


def check_against(report: AuditReport, expected: Expected) -> None:
    """Compare everything that is counted."""
    split = report.splits["train"]
    assert report.total_samples == expected.rows
    assert report.pii_summary == dict(expected.pii)
    assert report.secrets_summary == dict(expected.secrets)
    assert report.quality_summary == expected.quality
    assert split["null_or_empty_count"] == expected.blank
    assert split["parse_errors"] + split["non_object_rows"] == expected.skipped
    assert report.details["train"].exact_duplicates == expected.repeated
    lengths = sorted(len(text) for text in expected.texts if text)
    assert split["text_length"]["max"] == (lengths[-1] if lengths else 0)
    assert split["text_length"]["min"] == (lengths[0] if lengths else 0)


def make_corpus(seed: int, rows: int = 60) -> bytes:
    """JSON lines of one shape, with duplicates, values at the ends of rows, odd characters and, at times, damage."""
    chance = random.Random(seed)
    shape = chance.choice(["text", "messages", "pair", "preference", "mixed", "unknown"])
    damage = chance.choice([0.0, 0.0, 0.1])
    lines: list[bytes] = []
    for number in range(rows):
        if lines and chance.random() < 0.1:
            lines.append(chance.choice(lines))
        elif chance.random() < damage:
            lines.append(chance.choice((b"", b"   ", *BROKEN)))
        else:
            row = _make_row(chance, shape, number)
            lines.append(json.dumps(row, ensure_ascii=chance.random() < 0.5).encode("utf-8", "replace"))
    end = chance.choice([b"\n", b"\r\n"])
    # A file that begins with the mark of UTF-16 is read as such.
    return (end.join(lines) + chance.choice([b"", end])).removeprefix(b"\xff\xfe\x00" + end)


def _make_row(chance: random.Random, shape: str, number: int) -> dict[str, Any]:
    if shape == "text":
        return {"text": _make_text(chance), "date": "2024-01-01"}
    if shape == "messages":
        turns = [{"role": role, "content": _make_text(chance)} for role in ("user", "assistant")]
        call = {"tool_calls": [{"function": {"name": "mail", "arguments": {"to": _make_text(chance)}}}]}
        return {"id": number, "messages": [*turns, *([turns[0] | call] if chance.random() < 0.2 else [])]}
    if shape == "pair":
        return {"output": _make_text(chance), "instruction": _make_text(chance), "meta": {"by": _make_text(chance)}}
    if shape == "preference":
        return {name: _make_text(chance) for name in ("prompt", "chosen", "rejected")}
    if shape == "mixed":
        return {"text": chance.choice([_make_text(chance), None, 7, [_make_text(chance)], {"x": _make_text(chance)}])}
    return {"ein.feld": _make_text(chance), "liste": [[_make_text(chance)], []], "leer": None}


def _make_text(chance: random.Random) -> str:
    words = [chance.choice(WORDS) for _ in range(chance.choice([0, 1, 3, 12, 40]))]
    for _ in range(chance.choice([0, 0, 1, 2])):
        words.insert(chance.choice([0, len(words), chance.randrange(len(words) + 1)]), chance.choice(VALUES))
    return chance.choice([" ", " ", "\n"]).join(words)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _texts(item)]


def _said(row: dict[str, Any]) -> list[str]:
    """What the row would train on, in reading order."""
    parts: list[str] = []
    for name in (name for name in TRAINING_COLUMNS if name in row):
        if isinstance(row[name], str):
            parts.append(row[name])
        elif isinstance(row[name], list):
            parts += [turn for turn in row[name] if isinstance(turn, str)]
            parts += [turn["content"] for turn in row[name] if isinstance(turn, dict)]
    return parts


def _depth(value: Any) -> int:
    if isinstance(value, (dict, list)):
        return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0
