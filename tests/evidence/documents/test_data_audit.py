"""The dataset audit in a run folder: read, or kept with what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.evidence.documents.data_audit import read_audit


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\x00\xff", "report.json is not JSON"),
        (b"[" * 100_000, "report.json is not JSON"),
        (b"[1]", "report.json is not an audit report"),
        (b'{"total_samples": 1, "pii_severity": 3}', "report.json is not laid out as an audit report"),
    ],
)
def test_what_is_no_report_is_said_and_never_raised(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "report.json"
    assert read_audit(path) is None
    path.write_bytes(content)
    found = read_audit(path)
    assert found is not None
    assert str(found.problem).startswith(problem)


def test_what_a_report_does_not_say_is_not_found_to_be_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    for more, said in (("", False), (', "pii_severity": {}, "secrets_summary": {}', True)):
        path.write_text(f'{{"total_samples": 1{more}}}')
        found = read_audit(path)
        assert found is not None
        assert ("personalSensitiveInformation" in found.responsible) is said


def test_a_file_that_cannot_be_read_is_a_problem_too(tmp_path: Path) -> None:
    unreadable = Path("/proc/self/mem")
    if not unreadable.is_file():
        pytest.skip("no file here that even its owner cannot read")
    path = tmp_path / "report.json"
    path.symlink_to(unreadable)
    found = read_audit(path)
    assert found is not None
    assert str(found.problem).startswith("report.json cannot be read")
