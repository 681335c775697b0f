"""Erasing a row reaches what a teacher made of it, what lies beside generated rows, and the same text elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from judges import completion
from loopback import serving

from forgelm.base.errors import RunBusyError
from forgelm.base.events import Event
from forgelm.config.synthetic import SyntheticConfig
from forgelm.data.ingest import ingest_documents
from forgelm.data.synthesis.generate import alone, generate_rows
from forgelm.data.synthesis.outcome import SynthesisFiles, SynthesisResult
from forgelm.data.synthesis.seeds import read_seeds
from forgelm.data.synthesis.teacher import build_api_teacher
from forgelm.evidence.entries import read_entries
from forgelm.evidence.erasure.purge import RowOrder, purge_row
from forgelm.evidence.erasure.rows import row_address
from forgelm.evidence.erasure.search import AccessRequest, search_person

PROMPTS = ("Who is Ada?", "Who is Bob?", "And who else is Ada?")


def generate(folder: Path, url: str) -> SynthesisResult:
    section = SyntheticConfig.model_validate(
        {"enabled": True, "teacher_model": "t", "api_base": url, "api_delay": 0, "allow_private_destinations": True,
         "seed_file": str(folder / "seeds.jsonl"), "output_file": str(folder / "made.jsonl"), "api_workers": 1,
         "deduplicate": "replies"}
    )  # fmt: skip
    return generate_rows(section, read_seeds(section), build_api_teacher(section))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    seeds = [{"id": f"s{number}", "prompt": text} for number, text in enumerate(PROMPTS)]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))

    def answer(asked: Any) -> Any:
        return completion("Bob." if "Bob" in asked.json()["messages"][1]["content"] else "Ada  Lovelace.")

    with serving(answer) as server:
        generate(tmp_path, server.url)
    return tmp_path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def test_a_generated_row_goes_with_its_replies_and_its_origin(folder: Path) -> None:
    made = folder / "made.jsonl"
    first, second = lines(made)
    done = purge_row(RowOrder(row_address(first), str(made)))
    assert done.matches == 1
    assert lines(made) == [second]
    (origin,) = lines(folder / "made.jsonl.provenance")
    assert (origin["row"], origin["prompt"].rpartition(":")[2]) == (1, "2")
    # The third prompt got the same reply, which gave no row of its own.
    assert [said["text"] for said in lines(folder / "made.jsonl.replies")] == ["Bob."]
    for path in filter(Path.is_file, folder.rglob("*")):
        assert b"Lovelace" not in path.read_bytes(), path
    (completed,) = read_entries(folder / "audit_log.jsonl", (Event.ERASURE_COMPLETED,))
    names = [Path(name).name for name in completed.fields["files_modified"]]
    assert names == ["made.jsonl.replies", "made.jsonl.provenance", "made.jsonl"]


def test_a_dry_run_touches_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.glob("made*")}
    purge_row(RowOrder(row_address(lines(folder / "made.jsonl")[0]), str(folder / "made.jsonl"), dry_run=True))
    assert {path.name: path.read_bytes() for path in folder.glob("made*")} == before


def test_a_corpus_that_is_being_generated_is_busy(folder: Path) -> None:
    made = folder / "made.jsonl"
    with alone(SynthesisFiles(made.resolve())), pytest.raises(RunBusyError):
        purge_row(RowOrder(row_address(lines(made)[0]), str(made)))
    assert len(lines(made)) == 2


def test_a_prompt_that_goes_names_the_rows_made_of_it(folder: Path) -> None:
    done = purge_row(RowOrder("s1", str(folder / "seeds.jsonl")))
    assert any("made.jsonl, line 2" in warning for warning in done.warnings)
    (warned,) = read_entries(folder / "audit_log.jsonl", (Event.ERASURE_WARNING_SYNTHETIC,))
    assert [Path(name).name for name in warned.fields["synthetic_files"]] == ["made.jsonl"]


def test_the_same_text_ingested_twice_is_found_by_its_content_id(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("About Ada.")
    for name in ("one.jsonl", "two.jsonl"):
        ingest_documents(tmp_path / "in", output_path=tmp_path / name)
    (row,) = lines(tmp_path / "one.jsonl")
    done = purge_row(RowOrder(row["id"], str(tmp_path / "one.jsonl")))
    assert lines(tmp_path / "one.jsonl") == []
    assert any("two.jsonl, line 1" in warning for warning in done.warnings)
    assert len(lines(tmp_path / "two.jsonl")) == 1


def test_a_search_for_a_person_reads_what_lies_beside_generated_rows(folder: Path) -> None:
    found = search_person([str(folder / "made.jsonl")], AccessRequest("lovelace", output_dir=str(folder)))
    assert [(Path(match.file).name, match.line) for match in found.matches] == [
        ("made.jsonl", 1),
        ("made.jsonl.replies", 2),
        ("made.jsonl.replies", 6),
    ]
