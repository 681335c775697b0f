import base64

import pytest

from forgelm.evidence.checkpoint import (
    Checkpoint,
    checkpoint_path,
    log_origin,
    parse_checkpoint,
    read_checkpoint,
    read_record,
    render_checkpoint,
    write_checkpoint,
)
from forgelm.evidence.keys import generate_key
from forgelm.evidence.note import check_note

ROOT = "12" * 32
# The example of the tlog-checkpoint specification.
SOFA = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)


def test_a_checkpoint_is_a_note_of_origin_size_and_root(tmp_path):
    key = generate_key(tmp_path / "key.pem", "me")
    origin = log_origin("ab" * 32)
    text = render_checkpoint(origin, Checkpoint(12, ROOT), [key])
    lines = text.splitlines()
    assert lines[:4] == [origin, "12", base64.b64encode(bytes.fromhex(ROOT)).decode(), ""]
    assert lines[4].startswith("— me ")
    found, checkpoint, note = parse_checkpoint(text)
    assert (found, checkpoint) == (origin, Checkpoint(12, ROOT))
    assert check_note(note, [key.public]) == (key.public,)
    unsigned = parse_checkpoint(render_checkpoint(origin, Checkpoint(0, ROOT), []))
    assert unsigned[1:] == (Checkpoint(0, ROOT), unsigned[2])
    assert unsigned[2].signatures == ()


def test_checkpoints_of_other_logs_read_the_same():
    origin, checkpoint, note = parse_checkpoint(SOFA)
    assert (origin, checkpoint.size, checkpoint.root[:8]) == ("example.com/behind-the-sofa", 20852163, "0ac5186a")
    assert note.signatures[0].name == origin


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("origin\n12\n\n", "three lines"),
        ("origin\n\n12\nroot\n\n", "three lines"),
        (SOFA.replace("20852163", "020852163"), "size"),
        (SOFA.replace("20852163", "-1"), "size"),
        (SOFA.replace("20852163", "٣"), "size"),
        (SOFA.replace("CsUY", "CsU"), "root"),
        (SOFA.replace("CsUYapGG", ""), "root"),
        ("text", "empty line"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        parse_checkpoint(text)


def test_it_travels_as_a_record():
    checkpoint = Checkpoint(12, ROOT)
    assert checkpoint.as_record() == {"size": 12, "root": ROOT}
    assert read_record({**checkpoint.as_record(), "more": 1}) == checkpoint
    for other in (None, 12, [], {}, {"size": True, "root": ROOT}, {"size": -1, "root": ROOT}, {"size": 1, "root": "x"}):
        assert read_record(other) is None


def test_it_stands_beside_the_log(tmp_path):
    log = tmp_path / "audit_log.jsonl"
    assert read_checkpoint(log) is None
    write_checkpoint(log, "one")
    write_checkpoint(log, "two")
    assert (read_checkpoint(log), checkpoint_path(log).name) == ("two", "audit_log.jsonl.checkpoint")
    checkpoint_path(log).write_bytes(b"\xff")
    with pytest.raises(ValueError, match="UTF-8"):
        read_checkpoint(log)
