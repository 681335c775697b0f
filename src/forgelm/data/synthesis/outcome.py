"""What a teacher said to rows in a file and, in a file beside it, where each row came from; and the counts of both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.files import replacing, sha256_bytes
from forgelm.base.network.replies import Said
from forgelm.data.synthesis.layout import build_row
from forgelm.data.synthesis.teacher import Request

TOO_LONG = "too long"

EMPTY = "the reply is empty"


@dataclass(frozen=True)
class SynthesisFiles:
    """Where rows go, where their origin goes, and where replies are kept as they arrive."""

    rows: Path

    @property
    def provenance(self) -> Path:
        # Not .jsonl, so that a folder of data never takes these files for rows.
        return self.rows.with_name(f"{self.rows.name}.provenance")

    @property
    def replies(self) -> Path:
        return self.rows.with_name(f"{self.rows.name}.replies")

    @property
    def lock(self) -> Path:
        return self.rows.with_name(f".{self.rows.name}.lock")

    def check(self) -> None:
        """Refuse to write over a file that was not written here.

        Raises:
            ConfigError: there is such a file, or something that is none.
        """
        try:
            there = self.rows.stat().st_size if self.rows.exists() else 0
            is_ours = self.provenance.is_file()
        except OSError as error:
            raise ConfigError(
                f"synthetic.output_file cannot be used: {error.strerror or error}", hint="name another file"
            ) from error
        if self.rows.is_dir():
            raise ConfigError(f"synthetic.output_file is a folder: {self.rows}", hint="name a file in it")
        if there and not is_ours:
            raise ConfigError(
                f"{self.rows} is there already and not from --generate-data: no {self.provenance.name} is beside it",
                hint="name another synthetic.output_file, or move the file away",
            )


@dataclass(frozen=True)
class Written:
    """One usable reply to one request."""

    request: Request
    key: str
    said: Said

    @property
    def reply(self) -> str:
        return self.said.text.strip()


@dataclass(frozen=True)
class SynthesisResult:
    """How it went. ``successful`` prompts have a usable reply; ``duplicates`` of those gave no row of their own.

    ``asked`` replies are new and ``resumed`` ones were kept by an earlier command; ``cost_usd`` is for the new ones
    and ``None`` where no prices are configured. ``errors`` holds the first ten.
    """

    total_prompts: int
    successful: int
    failed: int
    duplicates: int
    rows: int
    asked: int
    resumed: int
    cost_usd: float | None
    min_success_rate: float
    output_file: str
    provenance_file: str
    duration_seconds: float
    errors: tuple[str, ...] = ()

    @property
    def success_rate(self) -> float:
        return self.successful / self.total_prompts if self.total_prompts else 0.0

    @property
    def success(self) -> bool:
        return self.successful > 0 and self.success_rate >= self.min_success_rate


def is_worth_keeping(said: Said | None) -> bool:
    """Whether a reply stands; an empty one does not, as the next may say something."""
    return said is not None and find_fault(said) != EMPTY


def find_fault(said: Said | None) -> str | None:
    """Return why a reply is no row, ``None`` if it is one."""
    if said is None:
        return "there is no reply"
    if said.finish == TOO_LONG:
        return "the prompt is longer than the teacher can read"
    if not said.text.strip():
        return EMPTY
    if said.finish == "length":
        return "the reply was cut off at synthetic.max_new_tokens"
    if said.finish == "content_filter":
        return "the teacher's filter cut the reply off"
    return None


def write_rows(files: SynthesisFiles, written: Sequence[Written], identity: Mapping[str, Any]) -> int:
    """Write rows and their provenance, line by line the same, and return how many; with no reply nothing is written.

    Raises:
        StorageError: a file cannot be written; the rows are then those of before.
    """
    lines: list[bytes] = []
    origins: list[bytes] = []
    seen: set[Any] = set()
    for each in written:
        section = each.request.section
        same = " ".join(each.reply.split())
        content = same if section.deduplicate == "replies" else (" ".join(each.request.prompt.split()), same)
        if content in seen:
            continue
        seen.add(content)
        lines.append(_line(build_row(section, each.request.prompt, each.reply)))
        origins.append(_line(_origin(each, len(lines), lines[-1], identity)))
    if lines:
        # Provenance first: rows are never without it.
        for path, whole in ((files.provenance, origins), (files.rows, lines)):
            with replacing(path) as stream:
                stream.writelines(whole)
    return len(lines)


def _origin(each: Written, number: int, line: bytes, identity: Mapping[str, Any]) -> dict[str, Any]:
    section = each.request.section
    return {
        "row": number,
        "row_sha256": sha256_bytes(line.rstrip(b"\n")),
        "prompt": each.request.place,
        "prompt_sha256": each.request.prompt_sha256,
        "request_sha256": each.key,
        "teacher": dict(identity),
        "temperature": section.temperature,
        "max_new_tokens": section.max_new_tokens,
        "time": each.said.time,
        "input_tokens": each.said.input_tokens,
        "output_tokens": each.said.output_tokens,
    }


def _line(value: Any) -> bytes:
    # Half a surrogate pair in a reply has no form in UTF-8 but one in JSON.
    return (json.dumps(value, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
