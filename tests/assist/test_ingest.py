"""The library's ingestion: flags by name, the fields of the command's document, and what contradicts itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import forgelm
from forgelm.assist.ingest import IngestFlags, describe_strategies, ingest_path, list_supported_formats
from forgelm.base.errors import ArgumentError
from forgelm.cli.ingest import ingest
from forgelm.data.chunk import STRATEGIES

FIELDS = {
    *("output_path", "chunk_count", "files_processed", "files_skipped", "total_chars", "format_counts"),
    *("pii_redaction_counts", "secrets_redaction_counts", "pdf_header_footer_lines_stripped"),
    *("pdf_paragraph_packed_lines_stripped", "script_sanity_triggered", "strip_pattern_substitutions", "urls_handled"),
    *("frontmatter_pages_dropped", "notes", "notes_structured"),
}


def test_the_result_has_the_fields_of_the_contract(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Write to jane.doe@example.com now or call.")
    heard: list[tuple[int, int]] = []
    result = forgelm.ingest_path(
        tmp_path, output_path=tmp_path / "o" / "k.jsonl", all_mask=True, strategy="sliding", chunk_size=20, overlap=5,
        advance=lambda *told: heard.append(told),
    )  # fmt: skip
    rows = [json.loads(line) for line in (tmp_path / "o" / "k.jsonl").read_text().splitlines()]
    assert set(vars(result)) == FIELDS
    assert (result.pii_redaction_counts, result.chunk_count, heard) == ({"email": 1}, len(rows), [(1, 1)])
    assert result.notes_structured["strategy"] == "sliding"
    assert all(len(row["text"]) <= 20 for row in rows)


@pytest.mark.parametrize(
    "flags",
    [{"chunk_tokens": 5}, {"overlap_tokens": 5}, {"page_range": "3-1"}, {"chunk_size": 0}, {"strategy": "semantic"},
     {"no_such": 1}, {"chunk_tokens": 9, "tokenizer": "builtin/ember", "overlap": 1}],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(flags: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(ArgumentError):
        ingest_path(tmp_path, output_path=tmp_path / "k.jsonl", **flags)
    assert not (tmp_path / "k.jsonl").exists()


def test_every_flag_of_the_command_is_one_of_the_library() -> None:
    asked = {option.name for option in ingest.params if option.expose_value}
    assert asked - {"input_path", "output"} == set(IngestFlags.__annotations__)


def test_strategies_and_formats() -> None:
    assert tuple(describe_strategies()) == STRATEGIES
    assert {".pdf", ".docx", ".epub", ".html", ".md", ".txt"} <= set(list_supported_formats())
