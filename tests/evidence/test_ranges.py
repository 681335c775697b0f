import tracemalloc

import pytest

from forgelm.evidence import ranges
from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.ranges import walk_file, walk_in_ranges
from forgelm.evidence.walk import Rules


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A log longer than two ranges."""
    logger = AuditLogger(str(tmp_path_factory.mktemp("log")))
    logger.log_events([("x", {"number": number}) for number in range(70_000)])
    logger.close_run()
    return logger.path


def walk(path, **rules):
    with path.open("rb") as stream:
        return walk_file(stream, path.stat().st_size, Rules(**rules))


def test_ranges_begin_behind_whole_lines(log):
    content = log.read_bytes()
    with log.open("rb") as stream:
        parts = ranges._split(stream, len(content))
    assert [part.before for part in parts] == [0, 32768, 65536]
    assert [part.start for part in parts] == [0, *(part.end for part in parts[:-1])]
    assert parts[-1].end == len(content)
    for part in parts:
        assert content[: part.start].count(b"\n") == part.before


def test_processes_find_what_one_walk_finds(log):
    whole, total = walk(log, sizes=frozenset({40_000}))
    shared = walk_in_ranges(log, log.stat().st_size, Rules(sizes=frozenset({40_000})), workers=2)
    assert total == 70_001
    assert (shared.number, shared.head, shared.roots) == (whole.number, whole.head, whole.roots)
    assert shared.tree.root() == whole.tree.root()


def test_a_log_that_does_not_hold_or_is_short_is_left_to_one_walk(log, tmp_path):
    content = bytearray(log.read_bytes())
    content[len(content) * 3 // 4] ^= 1
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(content)
    assert walk_in_ranges(bad, len(content), Rules(), workers=2) is None
    bad.write_bytes(log.read_bytes()[:-5])
    assert walk_in_ranges(bad, bad.stat().st_size, Rules(), workers=2) is None
    bad.write_bytes(log.read_bytes()[:100_000])
    assert walk_in_ranges(bad, 100_000, Rules(), workers=2) is None


def test_memory_does_not_grow_with_the_log(log, tmp_path):
    short = tmp_path / "short.jsonl"
    short.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:7_000]))
    peaks = []
    for path in (short, log):
        tracemalloc.start()
        walk(path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] < 6 << 20
