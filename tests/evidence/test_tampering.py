"""What can be done to a log, and what shows it: the log alone, a secret, a trusted key, an anchor kept elsewhere.

Whoever does it may change every file in the run folder, and knows neither the secret nor the key unless it says so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from forgelm.evidence.anchor import Anchor, read_anchors
from forgelm.evidence.chain import VerifyResult, verify_audit_log
from forgelm.evidence.keys import PublicKey, SigningKey, generate_key
from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.merkle import hash_leaf, merkle_root
from forgelm.evidence.note import sign_note

SECRET = "a secret of some length"
RECORDS = ("run.closed", "log.checkpoint")
Lines = list[bytes]


@dataclass(frozen=True)
class World:
    """A finished run's folder, what was kept elsewhere, and a stranger's key."""

    folder: Path
    anchors: tuple[Anchor, ...]
    trusted: PublicKey
    stranger: SigningKey

    @property
    def log(self) -> Path:
        return self.folder / "audit_log.jsonl"

    def read(self) -> Lines:
        return self.log.read_bytes().splitlines()

    def write(self, lines: Lines) -> None:
        self.log.write_bytes(b"".join(line + b"\n" for line in lines))

    def drop(self, *names: str) -> None:
        for name in names:
            (self.folder / f"audit_log.jsonl.{name}").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two runs, 16 lines: lines 6 and 14 are checkpoints, lines 8 and 16 close."""
    root = tmp_path_factory.mktemp("original")
    key = generate_key(root / "key.pem", "example.org/ci")
    with pytest.MonkeyPatch.context() as patch:
        own_the_machine(patch, root)
        for run_id, events in (("fg-1", 5), ("fg-2", 5)):
            write_run(root / "run", run_id, events)
    kept = shutil.copy(root / "run" / "audit_log.jsonl.checkpoint", root / "kept")
    return World(root / "run", read_anchors(str(kept)), key.public, generate_key(root / "stranger.pem", "mallory"))


@pytest.fixture
def world(original: World, tmp_path: Path) -> World:
    folder = tmp_path / "run"
    shutil.copytree(original.folder, folder)
    return World(folder, original.anchors, original.trusted, original.stranger)


def own_the_machine(patch: pytest.MonkeyPatch, root: Path) -> None:
    patch.setenv("FORGELM_OPERATOR", "tester")
    patch.setenv("FORGELM_AUDIT_SECRET", SECRET)
    patch.setenv("FORGELM_SIGNING_KEY", str(root / "key.pem"))


def write_run(folder: Path, run_id: str, events: int) -> None:
    log = AuditLogger(str(folder), run_id=run_id)
    for number in range(events):
        log.log_event("x", n=number, text="a, b")
    log.checkpoint()
    log.log_event("y")
    log.close_run()


def edited(line: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(line) | changes).encode()


def forge(lines: Lines, start: int = 0, *, secret: str = "", key: SigningKey | None = None, **changes: Any) -> Lines:
    """Write the lines from ``start`` on anew, with ``changes``, so that the log agrees with itself again."""
    done = list(lines[:start])
    for number in range(start, len(lines)):
        entry = {name: value for name, value in json.loads(lines[number]).items() if name != "_hmac"} | changes
        entry |= {"prev_hash": hashlib.sha256(done[-1]).hexdigest() if done else "genesis", "seq": number + 1}
        if entry["event"] in RECORDS:
            root = merkle_root([hash_leaf(line) for line in done])
            entry |= {"count": number, "root": root.hex(), "signed_by": None, "note": None}
            if key is not None:
                origin = f"forgelm/audit-log/{hashlib.sha256(done[0]).hexdigest()[:32]}"
                note = f"{origin}\n{number}\n{base64.b64encode(root).decode()}\n"
                entry |= {"signed_by": key.public.text, "note": sign_note(note, [key])}
        line = json.dumps(entry).encode()
        if secret:
            tag_key = hashlib.sha256(secret.encode() + entry["run_id"].encode()).digest()
            tag = hashlib.new("sha256")
            tag.update(tag_key + line)
            line = json.dumps(entry | {"_hmac": tag.hexdigest()}).encode()
        done.append(line)
    return done


# Changes to the lines alone. Nothing is tidied up behind them, and each of them is found by the log itself.
CLUMSY: dict[str, Callable[[Lines], Lines]] = {
    "edit a field of the first line": lambda t: [edited(t[0], n=9), *t[1:]],
    "edit a field in the middle": lambda t: [*t[:3], edited(t[3], n=9), *t[4:]],
    "edit an operator": lambda t: [*t[:3], edited(t[3], operator="other"), *t[4:]],
    "edit a time": lambda t: [*t[:3], edited(t[3], timestamp="2020-01-01T00:00:00.000000+00:00"), *t[4:]],
    "edit an event's name": lambda t: [*t[:3], edited(t[3], event="z"), *t[4:]],
    "edit a run id": lambda t: [*t[:3], edited(t[3], run_id="fg-3"), *t[4:]],
    "edit a link": lambda t: [*t[:3], edited(t[3], prev_hash="0" * 64), *t[4:]],
    "edit a number": lambda t: [*t[:3], edited(t[3], seq=5), *t[4:]],
    "edit a tag": lambda t: [*t[:3], edited(t[3], _hmac="0" * 64), *t[4:]],
    "edit one space": lambda t: [*t[:3], t[3].replace(b", ", b",  ", 1), *t[4:]],
    "write a letter as an escape": lambda t: [*t[:3], t[3].replace(b"tester", b"\\u0074ester"), *t[4:]],
    "add a field": lambda t: [*t[:3], edited(t[3], more=1), *t[4:]],
    "remove a field": lambda t: [*t[:3], t[3].replace(b', "n": 3', b""), *t[4:]],
    "reorder a line's fields": lambda t: [
        *t[:3],
        json.dumps(dict(reversed(json.loads(t[3]).items()))).encode(),
        *t[4:],
    ],
    "edit the count of a closing record": lambda t: [*t[:7], edited(t[7], count=6), *t[8:]],
    "edit the root of a closing record": lambda t: [*t[:7], edited(t[7], root="0" * 64), *t[8:]],
    "edit the count of the last record": lambda t: [*t[:-1], edited(t[-1], count=14)],
    "edit the root of the last record": lambda t: [*t[:-1], edited(t[-1], root="0" * 64)],
    "empty the last record": lambda t: [*t[:-1], edited(t[-1], root=None, count=None)],
    "delete the first line": lambda t: t[1:],
    "delete a line": lambda t: [*t[:3], *t[4:]],
    "delete several lines": lambda t: [*t[:3], *t[9:]],
    "delete a closing record": lambda t: [*t[:7], *t[8:]],
    "insert a line": lambda t: [*t[:3], edited(t[2], n=9), *t[3:]],
    "insert an empty line": lambda t: [*t[:3], b"", *t[3:]],
    "duplicate a line": lambda t: [*t[:4], t[3], *t[4:]],
    "swap two lines": lambda t: [*t[:3], t[4], t[3], *t[5:]],
    "reverse all": lambda t: t[::-1],
    "exchange the runs": lambda t: [*t[8:], *t[:8]],
    "append the log to itself": lambda t: [*t, *t],
    "append a line that does not fit": lambda t: [*t, edited(t[3], n=9)],
    "cut inside the last line": lambda t: [*t[:-1], t[-1][:100]],
    "change line ends": lambda t: [line + b"\r" for line in t],
    "begin with a byte order mark": lambda t: [b"\xef\xbb\xbf" + t[0], *t[1:]],
    "put a zero byte in": lambda t: [*t[:3], t[3].replace(b"a, b", b"a\0 b"), *t[4:]],
    "put bytes in that are no text": lambda t: [*t[:3], t[3].replace(b"a, b", b"a\xff b"), *t[4:]],
    "wrap a line": lambda t: [*t[:3], b"[" + t[3] + b"]", *t[4:]],
    "join two lines": lambda t: [*t[:3], t[3] + t[4], *t[5:]],
}


@dataclass(frozen=True)
class Careful:
    """A change after which the log agrees with itself and the files beside it. ``None`` is: it is found.

    Otherwise: the name under which the output says that this is not proven, with nothing at hand, with the secret and
    required tags, with the trusted key, with the anchor.
    """

    change: Callable[[World], None]
    alone: str | None
    secret: str | None
    key: str | None
    anchor: str | None = None


def rewriting(start: int, change: Callable[[Lines], Lines], **options: Any) -> Callable[[World], None]:
    """Change the lines, forge those from ``start`` on, and tidy up."""

    def apply(world: World) -> None:
        key = world.stranger if options.get("key") else None
        world.write(forge(change(world.read()), start, **(options | {"key": key})))
        world.drop("checkpoint", *(["manifest.json"] if start == 0 else []))

    return apply


def shortening(count: int) -> Callable[[World], None]:
    def apply(world: World) -> None:
        world.write(world.read()[:-count])
        world.drop("checkpoint")

    return apply


def roll_the_checkpoint_back(world: World) -> None:
    """Cut to where an earlier, truly signed record stands, and put its own note beside the log."""
    lines = world.read()
    (world.folder / "audit_log.jsonl.checkpoint").write_text(json.loads(lines[7])["note"], encoding="utf-8")
    world.write(lines[:8])


def begin_anew_as_a_stranger(world: World) -> None:
    shutil.rmtree(world.folder)
    write_run(world.folder, "fg-9", 5)


def restamp_the_manifest(world: World) -> None:
    world.write(forge(world.read(), n=9))
    world.drop("checkpoint")
    first = hashlib.sha256(world.read()[0]).hexdigest()
    manifest = world.folder / "audit_log.jsonl.manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"first_entry_sha256": first}))


def append_a_line(**changes: Any) -> Callable[[World], None]:
    def apply(world: World) -> None:
        lines = world.read()
        world.write(forge([*lines, edited(lines[3], **changes)], len(lines)))

    return apply


CAREFUL: dict[str, Careful] = {
    **{f"cut {n} lines from the end": Careful(shortening(n), "end", "end", "end") for n in range(1, 11)},
    "cut to before the first record": Careful(shortening(11), "end", "end", None),
    "cut all but one line": Careful(shortening(15), "end", "end", None),
    "cut, and roll the checkpoint back": Careful(roll_the_checkpoint_back, "end", "end", "end"),
    "edit the last line": Careful(
        rewriting(16, lambda t: [*t[:-1], edited(t[-1], operator="other")]), "rewrite", None, "rewrite"
    ),
    "edit a line and write the rest anew": Careful(
        rewriting(4, lambda t: [*t[:4], edited(t[4], n=9), *t[5:]]), "rewrite", None, None
    ),
    "delete a line and write the rest anew": Careful(rewriting(3, lambda t: [*t[:3], *t[4:]]), "rewrite", None, None),
    "insert a line and write the rest anew": Careful(
        rewriting(3, lambda t: [*t[:3], t[2], *t[3:]]), "rewrite", None, None
    ),
    "swap two lines and write the rest anew": Careful(
        rewriting(3, lambda t: [*t[:3], t[4], t[3], *t[5:]]), "rewrite", None, None
    ),
    "exchange the runs and write all anew": Careful(rewriting(0, lambda t: [*t[8:], *t[:8]]), "rewrite", None, None),
    "write the last run anew": Careful(rewriting(8, lambda t: t, n=9), "rewrite", None, None),
    "write all anew": Careful(rewriting(0, lambda t: t, n=9), "rewrite", None, None),
    "write all anew with the manifest stamped again": Careful(restamp_the_manifest, "rewrite", None, None),
    "strip every tag": Careful(rewriting(0, lambda t: t), "rewrite", None, None),
    "tag with another secret": Careful(rewriting(0, lambda t: t, secret="guessed, not known"), "rewrite", None, None),
    "set the clock back everywhere": Careful(
        rewriting(0, lambda t: t, timestamp="2020-01-01T00:00:00.000000+00:00"), "rewrite", None, None
    ),
    "change who it was everywhere": Careful(rewriting(0, lambda t: t, operator="other"), "rewrite", None, None),
    "sign with another key": Careful(rewriting(0, lambda t: t, key=True), "rewrite", None, None),
    "sign the last run with another key": Careful(rewriting(8, lambda t: t, key=True), "rewrite", None, None),
    "wipe and begin anew": Careful(begin_anew_as_a_stranger, "replacement", None, None),
    "append a forged line": Careful(append_a_line(n=9), "rewrite", None, "rewrite", "rewrite"),
    "append a forged closing record": Careful(append_a_line(event="run.closed"), "rewrite", None, None, "rewrite"),
}


def look(world: World, **given: Any) -> VerifyResult:
    return verify_audit_log(str(world.log), **given)


def judge(result: VerifyResult, expected: str | None) -> None:
    """``None``: it is found. A name: it holds, and the output names what it does not prove."""
    if expected is None:
        assert not result.valid, result
        assert result.failure == "integrity"
        assert result.reason
    else:
        assert result.valid, result.reason
        assert expected in {item.what for item in result.unproven}


def test_the_original_holds_before_everyone(world: World) -> None:
    result = look(world, hmac_secret=SECRET, require_hmac=True, keys=[world.trusted], anchors=world.anchors)
    assert (result.valid, result.state, result.anchored, result.signed) == (True, "closed", 16, 16)
    assert {item.what for item in result.unproven} == {"operator", "time", "content"}
    assert result.notices == ()


@pytest.mark.parametrize("name", CLUMSY)
def test_what_does_not_agree_with_itself_is_found_by_the_log_alone(world: World, name: str) -> None:
    before = world.read()
    changed = CLUMSY[name](before)
    assert changed != before
    world.write(changed)
    world.drop("checkpoint")
    for given in (
        {},
        {"anchors": world.anchors},
        {"hmac_secret": SECRET, "require_hmac": True},
        {"keys": [world.trusted]},
    ):
        judge(look(world, **given), None)


@pytest.mark.parametrize("name", CAREFUL)
def test_what_agrees_with_itself_is_found_or_named_as_not_proven(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORGELM_AUDIT_SECRET", raising=False)
    kind = CAREFUL[name]
    kind.change(world)
    judge(look(world), kind.alone)
    judge(look(world, hmac_secret=SECRET, require_hmac=True), kind.secret)
    judge(look(world, keys=[world.trusted]), kind.key)
    judge(look(world, anchors=world.anchors), kind.anchor)


@pytest.mark.parametrize("name", ["wipe", "fork", "exchange"])
def test_the_machine_itself_is_contradicted_by_the_anchor_alone(
    world: World, original: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_the_machine(monkeypatch, original.folder.parent)
    if name == "fork":
        roll_the_checkpoint_back(world)
    else:
        shutil.rmtree(world.folder)
    write_run(world.folder, "fg-2" if name == "exchange" else "fg-8", 7)
    named = "rewrite" if name == "fork" else "replacement"
    for given in ({}, {"hmac_secret": SECRET, "require_hmac": True}, {"keys": [world.trusted]}):
        judge(look(world, **given), named)
    judge(look(world, anchors=world.anchors), None)


@pytest.mark.parametrize("left", [(), ("manifest.json",), ("checkpoint",)])
def test_an_emptied_log_is_found_by_whatever_is_left(world: World, left: tuple[str, ...]) -> None:
    world.write([])
    world.drop(*({"manifest.json", "checkpoint"} - set(left)))
    alone = look(world)
    assert (alone.valid, alone.failure) == (False, "integrity" if left else "empty")
    judge(look(world, anchors=world.anchors), None)


@pytest.mark.parametrize("name", ["manifest.json", "checkpoint"])
def test_a_forged_file_beside_the_log_is_found(world: World, name: str) -> None:
    path = world.folder / f"audit_log.jsonl.{name}"
    text = path.read_text(encoding="utf-8")
    for change in (text.upper(), text[:-40], "", text.replace("1", "2")):
        path.write_text(change, encoding="utf-8")
        judge(look(world, keys=[world.trusted]), None)


def test_a_clock_that_was_set_back_between_runs_is_named(world: World) -> None:
    lines = world.read()
    world.write(forge([*lines[:8], *(edited(line, timestamp="2020-01-01T00:00:00+00:00") for line in lines[8:])], 8))
    world.drop("checkpoint")
    assert "line 9 is dated more than a second before" in look(world).notices[0]


def test_the_corpus_has_more_than_forty_kinds() -> None:
    assert len(CLUMSY) + len(CAREFUL) + 3 + 3 + 2 + 1 >= 70
