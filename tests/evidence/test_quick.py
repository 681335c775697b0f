import json
import random
import sys

import pytest

from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.line import read_entry
from forgelm.evidence.quick import find_reader
from forgelm.evidence.walk import LogWalk, Rules

pytest.importorskip("msgspec", reason="the extra fast is not installed")
SECRET = "a secret of some length"
LINE = (
    '{"timestamp": "2026", "run_id": "r", "operator": "o", "event": "e", "prev_hash": "aaaa", "seq": 3,'
    ' "x": [1, 2.5, -3e5, null, true, {"a": "\\u00e9\\\\ \\" q", "b": {}}], "n": -0.0}'
)


def expecting(runs=("r",), events=("e",)):
    reader = find_reader()
    reader.expect(runs, events)
    return reader


def read_one(line, reader):
    links = reader.read([line.encode("utf-8", "surrogateescape")])
    return links and (links.previous[0], links.numbers and links.numbers[0], *links[2:])


def slow(line):
    try:
        entry = read_entry(line.encode("utf-8", "surrogateescape"))
        return (entry["prev_hash"], entry.get("seq"), [entry["timestamp"]], entry["run_id"], entry["event"])
    except (ValueError, KeyError):
        return None


def test_columns_hold_what_the_lines_say():
    lines = [json.dumps(json.loads(LINE) | {"seq": number, "event": f"e{number}"}).encode() for number in (3, 4)]
    links = expecting(events=("e3", "e4")).read(lines)
    assert (links.numbers, links.first_run, links.last_event, links.stamps) == ([3, 4], "r", "e4", ["2026"] * 2)
    assert expecting().read([LINE.replace('"seq": 3,', "").encode()]).numbers is None


def test_only_what_is_expected_is_read():
    line = [LINE.encode()]
    assert find_reader().read(line) is None
    assert expecting(runs=("other",)).read(line) is None
    assert expecting(events=("other",)).read(line) is None
    reader = expecting()
    assert reader.read(line)
    reader.expect((), ())
    assert reader.read(line) is None
    reader.expect([f"r{number}" for number in range(9)], ())
    assert reader.read(line) is None
    reader.expect(("r", "s"), ("f",))
    assert reader.read(line)


def test_whatever_it_accepts_reads_the_same_the_careful_way():
    chance = random.Random(2)
    accepted, reader = 0, expecting(runs=("r", "", "rr", "1"), events=("e", "", "a"))
    for _ in range(30_000):
        line = LINE
        for _ in range(chance.choice((1, 1, 2, 3))):
            place = chance.randrange(len(line))
            width = chance.choice((0, 0, 1, 1, 4))
            line = (
                line[:place] + chance.choice(["", *'{}[]":,019.-+eEtruefalsn\\/ \t\x01\x7fab']) + line[place + width :]
            )
        found = read_one(line, reader)
        if found is not None:
            accepted += 1
            assert found == slow(line), line
    assert accepted > 3_000


@pytest.mark.parametrize(
    "line",
    [
        f" {LINE}",
        f"{LINE} ",
        f"{LINE}\r",
        LINE.replace('"o"', '"\udcff"'),
        LINE.replace('"o"', '"é"'),
        LINE.replace('"o"', '"\\ud800"'),
        LINE.replace("-0.0", "NaN"),
        LINE.replace("3,", "3.0,"),
        LINE.replace("3,", "true,"),
        LINE.replace("3,", "null,"),
        LINE.replace('"e"', "7"),
        LINE.replace('"timestamp"', '"time"'),
        f"[{LINE}]",
        LINE + LINE,
        "{}",
        "",
        "[" * 100_000,
        LINE.replace("2.5", "1" * 4301),
    ],
)
def test_what_is_unusual_is_left_to_the_careful_way(line):
    assert read_one(line, expecting()) is None


def walked(lines, rules, reader, width=7):
    walk = LogWalk(rules)
    for start in range(0, len(lines), width):
        walk.take(lines[start : start + width], reader)
        if walk.problem:
            break
    return walk


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Lines of two runs side by side, of which one is closed and goes on."""
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")

    def write():
        one, other = AuditLogger(str(tmp_path), "one"), AuditLogger(str(tmp_path), "other")
        one.log_events([("x", {"n": number}) for number in range(30)])
        other.log_events([("y" if number % 3 else "x", {"n": number}) for number in range(30)])
        one.close_run()
        one.log_events([("x", {"n": number}) for number in range(30)])
        other.close_run()
        return one.path.read_bytes().splitlines()

    return write


@pytest.mark.parametrize("secret", [None, SECRET])
def test_quick_and_careful_walks_end_alike(write, monkeypatch, secret):
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", secret or "")
    lines, rules, reader = write(), Rules(secret), find_reader()
    quick, careful = walked(lines, rules, reader), walked(lines, rules, None)
    assert (quick.tree.root(), quick.head, quick.number) == (careful.tree.root(), careful.head, len(lines))
    assert (quick.first, quick.open_runs, quick._stamps) == (careful.first, careful.open_runs, careful._stamps)
    assert (quick.tagged, quick.last_event, quick.problem) == (careful.tagged, "run.closed", None)
    assert quick.open_runs == ["one"]
    for place in range(len(lines)):
        for old, new in ((b'"n": ', b'"n": 1'), (b'"seq"', b'"sep"'), (b'"seq": ', b'"seq": 1')):
            changed = [*lines[:place], lines[place].replace(old, new, 1), *lines[place + 1 :]]
            assert walked(changed, rules, find_reader()).problem == walked(changed, rules, None).problem


def test_most_lines_go_the_quick_way(write, monkeypatch):
    lines = write()
    stepped = []
    step = LogWalk._step
    monkeypatch.setattr(LogWalk, "_step", lambda walk, line: stepped.append(line) or step(walk, line))
    assert walked(lines, Rules(), find_reader()).problem is None
    assert len(stepped) < len(lines) // 2


@pytest.mark.parametrize("secret", [None, SECRET])
def test_runs_that_were_killed_long_ago_slow_nothing_down(tmp_path, monkeypatch, secret):
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", secret or "")
    for number in range(12):
        AuditLogger(str(tmp_path), f"killed{number}").log_event(f"kind {number}")
    log = AuditLogger(str(tmp_path), "last")
    log.log_events([(f"kind {number}", {}) for number in range(100)] + [("x", {"n": n}) for n in range(200)])
    stepped = []
    step = LogWalk._step
    monkeypatch.setattr(LogWalk, "_step", lambda walk, line: stepped.append(line) or step(walk, line))
    walk = walked(log.path.read_bytes().splitlines(), Rules(secret), find_reader(), width=20)
    assert (walk.problem, len(walk.open_runs)) == (None, 13)
    assert len(stepped) <= 12 + 100 + 40


def test_tags_are_checked_at_once_and_one_wrong_one_is_found(write, monkeypatch):
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", SECRET)
    lines = write()[:20]
    for bad in (lines[-1][:-3] + b'0"}', lines[-1].replace(b', "_hmac"', b', "_hmad"')):
        walk = walked([*lines[:-1], bad], Rules(SECRET), find_reader())
        assert (walk.problem.line, walk.tagged) == (20, 19)


def test_without_the_extra_there_is_no_reader(monkeypatch):
    monkeypatch.setitem(sys.modules, "msgspec", None)
    assert find_reader() is None
