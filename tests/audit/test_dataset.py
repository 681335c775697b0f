"""The whole audit: equal to a slow one that is obviously right, the same however it is run, polite when it fails."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audit_reference import audit_slowly, check_against, make_corpus

from forgelm import ArgumentError, DataError, OptionalDependencyError, SourceError, audit_dataset
from forgelm.audit.dataset import AuditRequest, run_audit
from forgelm.audit.language import summarize_languages
from forgelm.audit.matching.engines import EngineName
from forgelm.audit.reading.blocks import iterate_file
from forgelm.audit.reading.find import find_source
from forgelm.audit.reading.source import Source
from forgelm.audit.report.record import AuditReport
from forgelm.audit.rows.compiling import IS_AVAILABLE
from forgelm.audit.rows.state import RowSettings
from forgelm.audit.scan.finish import Asked, build_report, search_duplicates
from forgelm.audit.scan.options import AuditOptions, Tools, load_tools
from forgelm.audit.scan.runner import FileState, Scan, audit_block, scan_source
from forgelm.audit.scan.state import join_states
from forgelm.base.extras import is_installed


def _audit(path: Path, *, compiled: bool, matching: EngineName, scan: Scan) -> AuditReport:
    source = find_source(str(path))
    tools = load_tools(AuditOptions(rows=RowSettings(quality=True)), compiled=compiled, matching=matching)
    files = scan_source(source, tools, scan)
    languages = {name: summarize_languages(files[0].state.languages, None) for name in source.splits}
    searched = search_duplicates(source, files, tools)
    report = build_report(source, searched, languages, tools, Asked())
    return replace(report, generated_at="then")


ENGINES = [
    pytest.param(compiled, matching, id=f"{'numba' if compiled else 'numpy'}-{matching}")
    for compiled in ([False, True] if IS_AVAILABLE else [False])
    for matching in (["arrow", "hyperscan"] if is_installed("hyperscan") else ["arrow"])
]


@pytest.mark.parametrize("seed", range(6))
def test_counts_are_those_of_a_slow_audit(seed: int, tmp_path: Path) -> None:
    data = make_corpus(seed)
    path = tmp_path / "data.jsonl"
    path.write_bytes(data)
    check_against(audit_dataset(str(path), enable_quality_filter=True), audit_slowly(data))


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(100, 400))
def test_many_counts_are_those_of_a_slow_audit(seed: int, tmp_path: Path) -> None:
    test_counts_are_those_of_a_slow_audit(seed, tmp_path)


@pytest.mark.parametrize(("compiled", "matching"), ENGINES)
@pytest.mark.parametrize("seed", [1, 4, 5])
def test_every_engine_any_cut_and_any_number_of_workers_give_one_report(
    seed: int, compiled: bool, matching: EngineName, tmp_path: Path
) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(make_corpus(seed))
    chance = random.Random(seed)
    expected = _audit(path, compiled=False, matching="arrow", scan=Scan())
    for workers in (1, 3):
        scan = Scan(workers, block_bytes=chance.choice([64, 300, 1000]), text_bytes=chance.choice([0, 1 << 20]))
        found = _audit(path, compiled=compiled, matching=matching, scan=scan)
        assert _without_columns(found) == _without_columns(expected)


def _without_columns(report: AuditReport) -> AuditReport:
    """A part of a file in which no column has a known name gives all its text: small parts differ there."""
    return replace(report, columns=())


def test_what_a_report_holds(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "mail bob@example.org"}]},
        {"messages": [{"role": "user", "content": "key"}, {"role": "assistant", "content": "AKIAIOSFODNN7EXAMPLQ"}]},
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "mail bob@example.org"}]},
    ]
    (tmp_path / "train.jsonl").write_text("\n" + "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "test.jsonl").write_text(json.dumps(rows[0]) + "\nbroken\n", encoding="utf-8")
    report = audit_dataset(str(tmp_path), output_dir=str(tmp_path / "out"), enable_quality_filter=True)
    assert {name: split["sample_count"] for name, split in report.splits.items()} == {"train": 3, "test": 1}
    first = report.pii_findings[0]
    assert (first.kind, first.field, first.span) == ("email", "messages[1].content", (5, 20))
    assert first.place.where == f"{tmp_path}/train.jsonl:2" and first.place.row == 0
    assert report.secrets_findings[0].place.where == f"{tmp_path}/train.jsonl:3"
    assert report.duplicate_count == 2 and report.duplicates[0].exact and report.duplicates[0].size == 3
    assert "[REDACTED]" in report.duplicates[0].rows[0].example and "bob@" not in report.duplicates[0].rows[0].example
    assert report.cross_split_overlap["pairs"]["train__test"]["leaked_rows_in_b"] == 1
    assert report.details["test"].problems[0].first[0].where == f"{tmp_path}/test.jsonl:2"
    assert report.verdict == "failed" and [gate.status for gate in report.gates] == ["passed", "failed"]
    assert all(file.sha256 for file in report.files)
    text = (tmp_path / "out" / "data_audit_report.json").read_text(encoding="utf-8")
    assert "bob@example.org" not in text and "AKIAIOSFODNN7EXAMPLQ" not in text
    assert json.loads(text)["total_samples"] == 4


def test_gates_are_recorded_when_let_through(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "card 4111 1111 1111 1111 and AKIAIOSFODNN7EXAMPLQ"}\n', encoding="utf-8")
    report = audit_dataset(str(path), allow_pii=True, allow_secrets=True)
    assert report.verdict == "passed" and [gate.status for gate in report.gates] == ["suppressed", "suppressed"]
    assert report.gates[0].critical_types == ("credit_card",)


def test_excluded_columns_are_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "hello", "by": "bob@example.org", "m": [{"x": "al@example.org"}]}\n', encoding="utf-8")
    assert audit_dataset(str(path)).pii_summary == {"email": 2}
    report = audit_dataset(str(path), exclude=["by"])
    assert report.pii_summary == {"email": 1}
    assert {column.name for column in report.columns if column.excluded} == {"by"}
    assert audit_dataset(str(path), exclude=["by", "m[].x"]).pii_summary == {}


@pytest.mark.parametrize("broken", [b"", b"no JSON\n"])
def test_a_name_to_exclude_that_no_row_has_is_said(broken: bytes, tmp_path: Path) -> None:
    # Without a broken line Arrow reads the rows, with one Python does; the columns of the last row are others.
    path = tmp_path / "a.jsonl"
    row = b'{"text": "hi", "m": [{"n": 1}], "deep": {"x": {"y": "q"}}}\n'
    path.write_bytes(row * 3 + b'{"text": "ho", "late": "x"}\n' + broken)
    there = ["late", "m[].n", "deep", "deep.x.y"]
    assert not any("--exclude" in note for note in audit_dataset(str(path), exclude=there).notes)
    (note,) = (note for note in audit_dataset(str(path), exclude=[*there, "NAME"]).notes if "--exclude" in note)
    assert note.startswith("no row has 'NAME'") and note.endswith("the columns are text, m, deep, late")
    with pytest.raises(SourceError, match=r"no row has 'm\.n'"):
        audit_dataset(str(path), exclude=["m.n"], strict=True)


def test_a_line_is_counted_as_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"no JSON\n")
    with pytest.raises(SourceError, match=r"not JSON \(1 line, "):
        audit_dataset(str(path))
    path.write_bytes(b'no JSON\n{"text": "hi"}\n')
    assert "train: 1 line holds no row that can be read and was left out" in audit_dataset(str(path)).notes


def test_tokens_are_counted_by_the_tokenizer_given(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": "w " * size}) + "\n" for size in (1, 2, 30)), encoding="utf-8")
    report = audit_dataset(str(path), count_tokens=lambda texts: [len(text.split()) for text in texts], max_length=10)
    lengths = report.details["train"].lengths
    assert lengths.tokens is not None and lengths.tokens.total == 33
    assert lengths.truncation is not None and lengths.truncation.rows == 1
    assert lengths.batching is not None


def test_benchmark_texts_are_found(tmp_path: Path) -> None:
    item = "a long question about the colour of tea that is asked in an exam every single year"
    (tmp_path / "exam.jsonl").write_text(json.dumps({"question": item}) + "\n", encoding="utf-8")
    path = tmp_path / "data.jsonl"
    path.write_text('{"text": "clean"}\n' + json.dumps({"text": f"So: {item}!"}) + "\n", encoding="utf-8")
    report = audit_dataset(str(path), benchmark_files=[str(tmp_path / "exam.jsonl")])
    assert report.contamination is not None and report.contamination.rows == {"exam": 1}
    assert report.contamination.first[0].place.where == "data.jsonl:2"


@pytest.mark.parametrize(
    "wrong",
    [
        {"dedup_method": "magic"},
        {"near_dup_threshold": -1},
        {"workers": 0},
        {"dedup_method": "minhash", "minhash_jaccard": 0.0},
        {"dedup_method": "minhash", "minhash_num_perm": 0},
        {"max_length": 8},
    ],
)
def test_wrong_arguments_are_value_errors(wrong: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x"}\n', encoding="utf-8")
    with pytest.raises(ArgumentError) as caught:
        audit_dataset(str(path), **wrong)  # type: ignore[arg-type]
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no row"),
        (b"\n" * 50_000, "holds no row"),
        (bytes(range(256)) * 40, "holds no row that can be read"),
        (b'["a"]\n"b"\n', r"not an object \(2 lines, the first is data\.jsonl:1\)"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_files_without_a_row_are_errors_that_say_why(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=said) as caught:
        audit_dataset(str(path))
    assert isinstance(caught.value, OSError) and isinstance(caught.value, DataError)


def test_what_does_not_exist_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        audit_dataset(str(tmp_path / "nothing.jsonl"))


def test_strict_refuses_what_is_otherwise_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "fine"}\n{"text": "half \\ud800"}\n')
    assert audit_dataset(str(path)).details["train"].problems[0].reason == "lone_surrogate"
    with pytest.raises(SourceError, match=r"a\.jsonl:2: half of a surrogate pair"):
        audit_dataset(str(path), strict=True)


def test_a_missing_model_for_names_is_said_before_anything_is_read(tmp_path: Path) -> None:
    if is_installed("presidio_analyzer") and is_installed("spacy"):
        pytest.skip("presidio is installed")
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x"}\n', encoding="utf-8")
    heard: list[object] = []
    request = AuditRequest(options=AuditOptions(pii_ml="en"), listen=heard.append, output_dir=tmp_path / "out")
    with pytest.raises(OptionalDependencyError, match="ner"):
        run_audit(find_source(str(path)), request)
    assert heard == [] and not (tmp_path / "out").exists()


def test_nothing_of_names_is_loaded_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x"}\n', encoding="utf-8")
    program = (
        f"import sys, forgelm; forgelm.audit_dataset({str(path)!r});"
        "heavy = {'presidio_analyzer', 'spacy', 'torch', 'transformers', 'datasets', 'pandas'};"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_parquet_files_of_one_split_may_have_other_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a row of words"], "n": [1]}), tmp_path / "train-00000-of-00002.parquet")
    other = pa.table({"text": ["mail al@example.org"], "n": ["two"], "more": [{"by": "bob@example.org"}]})
    pq.write_table(other, tmp_path / "train-00001-of-00002.parquet", compression="zstd")
    report = audit_dataset(str(tmp_path))
    assert report.splits["train"]["sample_count"] == 2
    assert report.splits["train"]["schema_drift_columns"] == ["n", "more"]
    assert [(found.field, found.place.where.rpartition("/")[2]) for found in report.findings] == [
        ("text", "train-00001-of-00002.parquet, row 1"),
        ("more.by", "train-00001-of-00002.parquet, row 1"),
    ]


def test_a_file_that_grows_is_audited_as_it_was_found(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    line = json.dumps({"text": "a row of ordinary words " * 20}) + "\n"
    path.write_text(line * 20_000, encoding="utf-8")
    done = threading.Event()

    def grow() -> None:
        with path.open("a", encoding="utf-8") as stream:
            while not done.wait(0.001):
                stream.write(line * 50)
                stream.flush()

    writer = threading.Thread(target=grow)
    source = find_source(str(path))
    writer.start()
    try:
        report = run_audit(source, AuditRequest(workers=2))
    finally:
        done.set()
        writer.join()
    assert report.total_samples == 20_000 and report.duplicate_count == 19_999
    assert any("changed" in note for note in report.notes)


def test_another_runner_gives_the_same_report(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(make_corpus(7))

    def scan_backwards(source: Source, tools: Tools, scan: Scan) -> list[FileState]:
        (file,) = source.files
        blocks = list(iterate_file(file, 0, block_bytes=500))
        states = {block.number: audit_block(file, block, tools) for block in reversed(blocks)}
        parts = [states[block.number] for block in blocks]
        return [FileState(file, join_states(parts, tools.options.findings_shown))]

    here = run_audit(find_source(str(path)), AuditRequest())
    there = run_audit(find_source(str(path)), AuditRequest(scan_files=scan_backwards))
    assert _without_columns(replace(there, generated_at="")) == _without_columns(replace(here, generated_at=""))


@pytest.mark.parametrize("method", ["simhash", "minhash"])
def test_calls_from_many_threads_do_not_meet(method: str, tmp_path: Path) -> None:
    paths = []
    for number in range(4):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(make_corpus(number))
        paths.append(str(path))
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda path: audit_dataset(path, dedup_method=method), paths))
    alone = [audit_dataset(path, dedup_method=method) for path in paths]
    assert [replace(one, generated_at="") for one in together] == [replace(one, generated_at="") for one in alone]


@pytest.mark.torture
def test_ten_million_empty_lines_and_one_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n" * 10_000_000 + b'{"text": "bob@example.org"}\n')
    report = audit_dataset(str(path), workers=2)
    assert report.total_samples == 1 and report.findings[0].place.where == "a.jsonl:10000001"


@pytest.mark.torture
def test_a_binary_file_of_a_hundred_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(random.Random(0).randbytes(100 << 20))
    with pytest.raises(SourceError, match="holds no row that can be read"):
        audit_dataset(str(path), workers=2)


@pytest.mark.torture
def test_one_line_of_200_megabytes_is_audited(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "' + b"some words " * 18_000_000 + b'bob@example.org"}\n{"text": "next"}\n')
    report = audit_dataset(str(path), enable_quality_filter=True)
    assert report.total_samples == 2 and report.pii_summary == {"email": 1}
