import json
import random
import sys

import pytest

from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.line import read_entry
from forgelm.evidence.quick import find_reader
from forgelm.evidence.walk import LogWalk, Rules

pytest.importorskip("msgspec", reason="the extra fast is not installed")
LINE = (
    '{"timestamp": "2026", "run_id": "r", "operator": "o", "event": "e", "prev_hash": "aaaa", "seq": 3,'
    ' "x": [1, 2.5, -3e5, null, true, {"a": "\\u00e9\\\\ \\" q", "b": {}}], "n": -0.0}'
)


def read_one(line):
    links = find_reader()([line.encode("utf-8", "surrogateescape")])
    return None if links is None else (links.previous[0], links.numbers and links.numbers[0], *map(list, links[2:]))


def slow(line):
    try:
        entry = read_entry(line.encode("utf-8", "surrogateescape"))
        return (entry["prev_hash"], entry.get("seq"), [entry["event"]], [entry["run_id"]], [entry["timestamp"]])
    except (ValueError, KeyError):
        return None


def test_columns_hold_what_the_lines_say():
    lines = [json.dumps(json.loads(LINE) | {"seq": number, "event": f"e{number}"}).encode() for number in (3, 4)]
    links = find_reader()(lines)
    assert (links.numbers, links.events, links.run_ids, links.stamps) == ([3, 4], ["e3", "e4"], ["r"] * 2, ["2026"] * 2)
    assert find_reader()([LINE.replace('"seq": 3,', "").encode()]).numbers is None


def test_whatever_it_accepts_reads_the_same_the_careful_way():
    chance = random.Random(2)
    accepted = 0
    for _ in range(30_000):
        line = LINE
        for _ in range(chance.choice((1, 1, 2, 3))):
            place = chance.randrange(len(line))
            width = chance.choice((0, 0, 1, 1, 4))
            line = (
                line[:place] + chance.choice(["", *'{}[]":,019.-+eEtruefalsn\\/ \t\x01\x7fab']) + line[place + width :]
            )
        found = read_one(line)
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
    ],
)
def test_what_is_unusual_is_left_to_the_careful_way(line):
    assert read_one(line) is None


def test_quick_and_careful_walks_end_alike(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")
    log = AuditLogger(str(tmp_path))
    log.log_events([("x", {"n": number}) for number in range(50)])
    lines = log.path.read_bytes().splitlines()
    quick, careful = LogWalk(Rules()), LogWalk(Rules())
    quick.take(lines, find_reader())
    careful.take(lines)
    assert quick.__dict__.keys() == careful.__dict__.keys()
    assert (quick.tree.root(), quick.head, quick.number) == (careful.tree.root(), careful.head, 50)
    assert (quick.first, quick.open_runs, quick._stamps) == (careful.first, careful.open_runs, careful._stamps)
    for place in (0, 20, 49):
        changed = [
            *lines[:place],
            lines[place].replace(b'"seq"', b'"sep"').replace(b"genesis", b"x"),
            *lines[place + 1 :],
        ]
        quick, careful = LogWalk(Rules()), LogWalk(Rules())
        quick.take(changed, find_reader())
        careful.take(changed)
        assert quick.problem == careful.problem


def test_tags_are_checked_at_once_and_one_wrong_one_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", "a secret of some length")
    log = AuditLogger(str(tmp_path))
    log.log_events([("x", {"n": number}) for number in range(20)])
    lines = log.path.read_bytes().splitlines()
    walk = LogWalk(Rules(secret="a secret of some length"))
    walk.take(lines, find_reader())
    assert (walk.problem, walk.tagged) == (None, 20)
    for bad in (lines[-1][:-3] + b'0"}', lines[-1].replace(b', "_hmac"', b', "_hmad"')):
        walk = LogWalk(Rules(secret="a secret of some length"))
        walk.take([*lines[:-1], bad], find_reader())
        assert (walk.problem.line, walk.tagged) == (20, 19)


def test_without_the_extra_there_is_no_reader(monkeypatch):
    monkeypatch.setitem(sys.modules, "msgspec", None)
    assert find_reader() is None
