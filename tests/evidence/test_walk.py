import json
import pickle
import random

import pytest

from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.merkle import hash_leaf, merkle_root
from forgelm.evidence.walk import LogWalk, Rules

SECRET = "a secret of some length"


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """Ninety lines of three runs with records between them, tagged."""
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", SECRET)
    for run in range(3):
        log = AuditLogger(str(tmp_path), run_id=f"fg-{run}")
        log.log_events([("x", {"n": number}) for number in range(27)])
        log.checkpoint()
        log.log_event("y")
        log.close_run()
    return log.path.read_bytes().splitlines()


def summary(walk):
    found = dict(walk.__dict__)
    for name in ("rules", "tree", "_first_prev", "_key", "_run_id", "_claims", "_marks"):
        found.pop(name)
    return found | {"root": walk.tree.root(), "size": walk.tree.size}


def test_one_walk_knows_the_root_the_runs_and_the_end(lines):
    walk = LogWalk(Rules(secret=SECRET, sizes=frozenset({1, 30, 90})))
    walk.take(lines)
    assert walk.problem is None
    assert (walk.number, walk.tagged, walk.open_runs, walk.last_event) == (90, 90, [], "run.closed")
    leaves = [hash_leaf(line) for line in lines]
    assert walk.roots == {size: merkle_root(leaves[:size]).hex() for size in (1, 30, 90)}
    assert json.loads(lines[29])["root"] == merkle_root(leaves[:29]).hex()


@pytest.mark.parametrize("width", [1, 2, 8, 16, 32, 64])
@pytest.mark.parametrize("secret", [None, SECRET])
def test_ranges_join_to_what_one_walk_finds(lines, width, secret):
    rules = Rules(secret=secret, sizes=frozenset({1, 17, 30, 64, 90}))
    whole = LogWalk(rules)
    whole.take(lines)
    parts = []
    for start in range(0, len(lines), width):
        part = LogWalk(rules, start)
        part.take(lines[start : start + width])
        parts.append(pickle.loads(pickle.dumps(part)))
    joined, *rest = parts
    assert all(joined.join(part) for part in rest)
    assert summary(joined) == summary(whole)


def test_ranges_that_do_not_hold_do_not_join(lines):
    chance = random.Random(5)
    for turn in range(200):
        changed = list(lines)
        number = chance.randrange(len(lines))
        if turn % 3 == 0:
            del changed[number]
        elif turn % 3 == 1:
            entry = json.loads(changed[number])
            key = chance.choice([key for key in entry if key != "_hmac"])
            changed[number] = json.dumps(entry | {key: "forged"}).encode()
        else:
            other = chance.randrange(len(lines))
            changed[number], changed[other] = changed[other], changed[number]
        if changed == lines or (turn % 3 == 0 and number == len(lines) - 1):
            continue
        rules = Rules(secret=SECRET)
        parts = []
        for start in range(0, len(changed), 16):
            part = LogWalk(rules, start)
            part.take(changed[start : start + 16])
            parts.append(part)
        whole = LogWalk(rules)
        whole.take(changed)
        joined, *rest = parts
        assert whole.problem is not None
        assert not all(joined.join(part) for part in rest) or joined.problem


def test_tags_that_end_at_a_border_do_not_join(lines):
    rules = Rules(secret=SECRET)
    tagged, untagged = LogWalk(rules), LogWalk(rules, 1)
    tagged.take(lines[:1])
    entry = json.loads(lines[1])
    del entry["_hmac"]
    untagged.take([json.dumps(entry).encode()])
    assert untagged.problem is None
    assert not tagged.join(untagged)


def test_a_clock_that_went_back_is_noted_also_at_a_border(lines):
    later = [json.loads(line) for line in lines[:3]]
    later[0]["timestamp"] = "2030-01-01T00:00:02.000000+00:00"
    later[1]["timestamp"] = "2030-01-01T00:00:01.500000+00:00"
    later[2]["timestamp"] = "2030-01-01T00:00:00.000000+00:00"
    walks = [LogWalk(Rules()), LogWalk(Rules(), 2)]
    for walk, entries in zip(walks, (later[:2], later[2:]), strict=True):
        for entry in entries:
            walk._take_in(b"", entry, "x")
    walks[1]._first_prev = walks[0].head
    assert walks[0].clock_steps == []
    assert walks[0].join(walks[1])
    assert walks[0].clock_steps == [3]
    walks[0]._note_time("not a time", 4)
    walks[0]._note_time("2030-01-01T00:00:00", 5)
    assert walks[0].clock_steps == [3]


@pytest.mark.parametrize("event", [{}, [], 7, None, {"run.closed": 1}])
def test_an_event_that_is_no_text_is_no_record_and_stops_nothing(event):
    walk = LogWalk(Rules())
    walk.take([json.dumps({"event": event, "run_id": event, "timestamp": event, "prev_hash": "genesis"}).encode()])
    assert (walk.problem, walk.number) == (None, 1)
