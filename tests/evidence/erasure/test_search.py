"""A person is found wherever a string, number or key of a row names them, and the log learns only a commitment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError
from forgelm.base.events import Event
from forgelm.evidence.entries import read_entries
from forgelm.evidence.erasure.identifiers import IdentifierType
from forgelm.evidence.erasure.search import AccessRequest, UnreadableFile, expand, search_person
from forgelm.evidence.subjects import SubjectKeys

EMAIL = IdentifierType.EMAIL


def write(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def ask(tmp_path: Path, query: str, kind: IdentifierType = IdentifierType.LITERAL) -> AccessRequest:
    return AccessRequest(query=query, kind=kind, output_dir=str(tmp_path / "run"))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()


def test_every_place_a_row_can_name_a_person_in(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": "I am Ada Lovelace"}]},
        {"chosen": "x", "rejected": "ada  lovelace"},
        {"Ada Lovelace": {"deep": [1, 2]}},
        {"text": "Ada L."},
        {"id": "r-5", "meta": {"who": ["bob", "ADA LOVELACE"]}},
    ]
    file = write(
        tmp_path / "rows.jsonl", *(json.dumps(row) for row in rows), "Ada Lovelace, plain", "{broken ada lovelace"
    )
    report = search_person([file], ask(tmp_path, "Ada Lovelace"))
    assert [match.line for match in report.matches] == [1, 2, 3, 5, 6, 7]
    assert [match.row_id for match in report.matches][3:] == ["r-5", None, None]
    assert str(report.matches[0].row_id).startswith("content:")
    assert report.files_scanned == ((file, 6),)
    assert report.match_count == 6


def test_escapes_and_numbers_are_read(tmp_path: Path) -> None:
    file = write(
        tmp_path / "rows.jsonl",
        '{"t": "\\u0061da@x.org"}',
        '{"n": 10000000146}',
        '  "t": "\\u0061da@x.org \\ud83d\\ude00",',
    )
    assert [m.line for m in search_person([file], ask(tmp_path, "ADA@x.org", EMAIL)).matches] == [1, 3]
    tr = search_person([file], ask(tmp_path, "10000000146", IdentifierType.TR_ID))
    assert [match.line for match in tr.matches] == [2]


def test_a_snippet_is_short_and_around_the_hit(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", json.dumps({"t": "x" * 500 + " ada@x.org " + "y" * 500}))
    (match,) = search_person([file], ask(tmp_path, "ada@x.org", EMAIL)).matches
    assert len(match.snippet) == 160
    assert "ada@x.org" in match.snippet


def test_tables_are_searched_by_row(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"id": ["a", "b"], "text": ["nobody", "Ada@x.org"]}), tmp_path / "t.parquet")
    report = search_person([str(tmp_path / "t.parquet")], ask(tmp_path, "ada@x.org", EMAIL))
    assert [(match.line, match.row_id) for match in report.matches] == [(2, "b")]


def test_the_log_knows_the_question_by_a_commitment_only(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", '{"t": "ada@x.org"}')
    report = search_person([file], ask(tmp_path, "ada@x.org", EMAIL))
    log = tmp_path / "run" / "audit_log.jsonl"
    assert b"ada@x" not in log.read_bytes()
    (entry,) = read_entries(log, [Event.ACCESS_REQUEST_QUERY])
    wanted = {"query_hash": report.query_hash, "identifier_type": "email", "scan_mode": "plaintext"}
    assert wanted.items() <= dict(entry.fields).items()
    assert (entry.fields["files_scanned"], entry.fields["match_count"], entry.fields["salt_source"]) == (
        1,
        1,
        "plaintext",
    )


def test_the_log_itself_can_be_asked_about_a_person_until_the_key_is_destroyed(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", '{"t": "ada@x.org"}')
    search_person([file], ask(tmp_path, "ada@x.org"))
    log = str(tmp_path / "run" / "audit_log.jsonl")
    hashed = AccessRequest(query="Ada@X.org", hashed="per_dir", output_dir=str(tmp_path / "run"))
    report = search_person([log], hashed)
    assert [match.line for match in report.matches] == [1]
    assert (report.scan_mode, report.salt_source) == ("hash", "per_dir")
    SubjectKeys(tmp_path / "run").destroy("ada@x.org")
    with pytest.raises(ConfigError, match="there is no key"):
        search_person([log], hashed)
    other = AccessRequest(query="Ada@X.org", hashed="env_var", output_dir=str(tmp_path / "run"))
    with pytest.raises(ConfigError, match="there is no key"):
        search_person([log], other)


def test_a_file_that_cannot_be_read_stops_the_search_on_the_record(tmp_path: Path) -> None:
    good = write(tmp_path / "a.jsonl", '{"t": "ada"}')
    (tmp_path / "b.jsonl").write_bytes(b'{"t": "x"}\n\xff\xfe ada\n')
    with pytest.raises(UnreadableFile, match=r"b\.jsonl:2: not UTF-8 at byte 1"):
        search_person([good, str(tmp_path / "b.jsonl")], ask(tmp_path, "ada"))
    (entry,) = read_entries(tmp_path / "run" / "audit_log.jsonl", [Event.ACCESS_REQUEST_QUERY])
    assert (entry.fields["error_class"], entry.fields["files_scanned"], entry.fields["match_count"]) == (
        "UnreadableFile",
        1,
        1,
    )


def test_patterns_reach_into_folders_and_name_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    one, two = write(tmp_path / "d" / "one.jsonl", "x"), write(tmp_path / "d" / "e" / "two[1].jsonl", "x")
    assert [str(path) for path in expand([f"{tmp_path}/d/**", one, two])] == [two, one]
    for pattern in (f"{tmp_path}/nothing*", str(tmp_path / "d"), str(tmp_path / "gone.jsonl")):
        with pytest.raises(ConfigError, match="names no file"):
            expand([pattern])
    with pytest.raises(ConfigError, match="no file to search"):
        expand([])
