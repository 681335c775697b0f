import pytest

from forgelm.evidence.beside import find_contradiction, known_checkpoint
from forgelm.evidence.checkpoint import Checkpoint, log_origin, render_checkpoint, write_checkpoint
from forgelm.evidence.pin import Pin, write_pin

FIRST = Pin("ab" * 32, "fg-1")
CHECKPOINT = Checkpoint(5, "12" * 32)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "audit_log.jsonl"
    write_pin(path, FIRST)
    write_checkpoint(path, render_checkpoint(log_origin(FIRST.first_entry_sha256), CHECKPOINT, []))
    return path


def test_nothing_contradicts_the_log_it_stands_beside(log, tmp_path):
    assert find_contradiction(log, FIRST, 5) is None
    assert find_contradiction(log, FIRST, 6) is None
    assert find_contradiction(tmp_path / "elsewhere", FIRST, 1) is None
    assert known_checkpoint(log) == CHECKPOINT
    assert known_checkpoint(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(
    ("first", "number", "gone", "why"),
    [
        (None, 0, True, "gone or empty, and its manifest is not"),
        (Pin("cd" * 32, "fg-1"), 5, False, "first line is not the one its manifest pins"),
        (Pin("ab" * 32, "fg-2"), 5, False, "first line is not the one its manifest pins"),
        (FIRST, 4, False, "had 5 lines and has 4"),
    ],
)
def test_each_contradiction_says_which_file_says_what(log, first, number, gone, why):
    found = find_contradiction(log, first, number)
    assert (found.gone, found.pin) == (gone, FIRST)
    assert why in found.reason
    assert str(log.parent) in found.reason


def test_the_checkpoint_counts_without_the_manifest(log):
    log.with_name(log.name + ".manifest.json").unlink()
    assert "its checkpoint is not" in find_contradiction(log, None, 0).reason
    assert "another log" in find_contradiction(log, Pin("cd" * 32, "fg-1"), 9).reason


@pytest.mark.parametrize("name", ["audit_log.jsonl.manifest.json", "audit_log.jsonl.checkpoint"])
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xff"])
def test_a_damaged_file_is_a_contradiction(log, name, content):
    log.with_name(name).write_bytes(content)
    found = find_contradiction(log, FIRST, 5)
    assert name in found.reason
    assert not found.gone
