import pytest

from forgelm.evidence.unproven import Proof, list_notices, list_unproven
from forgelm.evidence.walk import LogWalk, Rules

ALWAYS = ["operator", "time", "content"]


def proof(**changes):
    nothing = {
        "lines": 9,
        "anchored": 0,
        "signed": 0,
        "signer": None,
        "tags": "none",
        "closed": True,
        "last_event": "run.closed",
    }
    return Proof(**(nothing | changes))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["end", "rewrite", "replacement", *ALWAYS]),
        ({"tags": "all"}, ["end", "rewrite", "replacement", *ALWAYS]),
        ({"signed": 9}, ["end", "rewrite", "replacement", *ALWAYS]),
        ({"anchored": 5}, ["end", "rewrite", *ALWAYS]),
        ({"anchored": 9}, ALWAYS),
    ],
)
def test_only_what_is_kept_elsewhere_shows_that_the_log_is_whole(changes, names):
    assert [item.what for item in list_unproven(proof(**changes))] == names


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "no signature and no tag"),
        ({"tags": "some"}, "where lines carry no tag"),
        ({"tags": "all"}, "knows the secret"),
        ({"signer": "me"}, "signed by me, and no key was given"),
        ({"signed": 9, "signer": "me"}, "holds the signing key can."),
        ({"signed": 5}, "behind line 5, whoever can write the file"),
        ({"anchored": 5}, "after line 5, the last that the anchor covers"),
    ],
)
def test_who_could_have_written_it_anew_is_named(changes, words):
    text = {item.what: item.text for item in list_unproven(proof(**changes))}["rewrite"]
    assert words in text


def test_an_open_log_is_said_to_be_open():
    ends = [list_unproven(proof(closed=closed, last_event="x.y"))[0].text for closed in (True, False)]
    assert "whole runs" in ends[0]
    assert "open: it ends with 'x.y'" in ends[1]


def test_odd_things_are_listed_and_cut_short():
    walk = LogWalk(Rules())
    assert list_notices(walk) == ()
    walk.clock_steps += range(2, 10)
    walk._note_runs({f"fg-{number}": True for number in range(8)})
    notices = list_notices(walk)
    assert len(notices) == 7
    assert notices[0].startswith("line 2 is dated")
    assert "3 more lines" in notices[5]
    assert notices[6].endswith("fg-4 and 3 more")
