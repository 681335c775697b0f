"""Entries come back as they were written, and a size has the root that the lines up to it have."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.evidence.entries import read_entries, read_roots, take_checkpoint
from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.merkle import hash_leaf, merkle_root


@pytest.fixture
def log(tmp_path: Path) -> Path:
    logger = AuditLogger(str(tmp_path), "fg-1")
    for number in range(5):
        logger.log_event("even" if number % 2 == 0 else "odd", number=number, word='"odd"')
    return logger.path


def test_only_the_events_asked_for_come_and_know_their_line(log: Path) -> None:
    odd = list(read_entries(log, ["odd"]))
    assert [(entry.number, entry.fields["number"]) for entry in odd] == [(2, 1), (4, 3)]
    assert (odd[0].event, odd[0].run_id, odd[0].text("word"), odd[0].text("number")) == ("odd", "fg-1", '"odd"', "")
    assert odd[0].timestamp.endswith("+00:00")
    assert list(read_entries(log, [])) == []


def test_a_line_that_is_still_being_written_is_not_there_yet(log: Path) -> None:
    with log.open("ab") as stream:
        stream.write(b'{"event": "odd", "half')
    assert len(list(read_entries(log, ["odd"]))) == 2
    assert take_checkpoint(log).size == 5


def test_what_is_no_entry_is_passed_over(log: Path) -> None:
    with log.open("ab") as stream:
        stream.write(b'"odd" and no JSON\n')
    assert len(list(read_entries(log, ["odd"]))) == 2


def test_roots_are_those_of_the_lines(log: Path) -> None:
    leaves = [hash_leaf(line) for line in log.read_bytes().splitlines()]
    assert take_checkpoint(log).root == merkle_root(leaves).hex()
    assert read_roots(log, [2, 5, 9]) == {2: merkle_root(leaves[:2]).hex(), 5: merkle_root(leaves).hex()}
