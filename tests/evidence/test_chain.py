"""The checks of a whole log, against a writer and a reader of the contract's format that share no code with ours."""

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forgelm.evidence.anchor import Anchor, read_anchors
from forgelm.evidence.chain import VerifyResult, verify_audit_log
from forgelm.evidence.checkpoint import Checkpoint
from forgelm.evidence.keys import generate_key
from forgelm.evidence.ledger import AuditLogger

EXISTING_LOGS = Path(__file__).with_name("existing_logs")
SECRET = "a secret of some length"


@pytest.fixture(autouse=True)
def operator(monkeypatch):
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")
    monkeypatch.delenv("FORGELM_AUDIT_SECRET", raising=False)


class ContractWriter:
    """Writes as the contract page describes it, without ``seq``."""

    def __init__(self, folder, run_id="fg-0123456789ab", secret=None):
        self.path, self.run_id, self.secret, self.head = folder / "audit_log.jsonl", run_id, secret, "genesis"

    def log(self, event, **details):
        entry = {
            "timestamp": datetime.now(UTC).isoformat(),
            "run_id": self.run_id,
            "operator": "somebody@host",
            "event": event,
            "prev_hash": self.head,
            **details,
        }
        if self.secret:
            key = hashlib.sha256(self.secret.encode() + self.run_id.encode()).digest()
            entry["_hmac"] = hmac.new(key, json.dumps(entry, default=str).encode(), hashlib.sha256).hexdigest()
        text = json.dumps(entry, default=str)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(text + "\n")
        digest = hashlib.sha256(text.encode()).hexdigest()
        if self.head == "genesis":
            pins = {"audit_log": self.path.name, "run_id": self.run_id, "first_entry_sha256": digest}
            self.path.with_name(self.path.name + ".manifest.json").write_text(json.dumps(pins, indent=2))
        self.head = digest


def contract_accepts(path, secret=None, require_hmac=False):
    """The contract's rules 4 to 8, by parsing each line and writing it again."""
    lines = path.read_text("utf-8").splitlines()
    head = "genesis"
    for line in lines:
        entry = json.loads(line)
        if not isinstance(entry, dict) or entry.get("prev_hash") != head:
            return False
        if secret:
            tag = entry.pop("_hmac", None)
            key = hashlib.sha256(secret.encode() + entry["run_id"].encode()).digest()
            if tag is None and require_hmac:
                return False
            if tag is not None and tag != hmac.new(key, json.dumps(entry).encode(), hashlib.sha256).hexdigest():
                return False
        head = hashlib.sha256(line.encode()).hexdigest()
    pins = json.loads(path.with_name(path.name + ".manifest.json").read_text())
    first = json.loads(lines[0])["run_id"], hashlib.sha256(lines[0].encode()).hexdigest()
    return first == (pins["run_id"], pins["first_entry_sha256"])


DETAILS = [
    {},
    {"loss": 0.1 + 0.2, "big": 10**30, "tiny": 1e-300, "text": 'quote " back\\slash \u2028 é 😀 \x00'},
    {"nested": {"a": [1, {"b": None}, True]}, "path": 'x, "_hmac": "y"}'},
]


@pytest.mark.parametrize("secret", [None, SECRET])
def test_a_reader_of_the_contract_accepts_our_log(tmp_path, monkeypatch, secret):
    if secret:
        monkeypatch.setenv("FORGELM_AUDIT_SECRET", secret)
    log = AuditLogger(str(tmp_path))
    for details in DETAILS:
        log.log_event("x.y", **details)
    AuditLogger(str(tmp_path), run_id="another").log_event("x.z", loss=float("nan"))
    assert contract_accepts(log.path, secret, require_hmac=secret is not None)
    assert not secret or not contract_accepts(log.path, secret + "?")


@pytest.mark.parametrize("secret", [None, SECRET])
def test_we_accept_and_continue_a_log_of_the_contract(tmp_path, monkeypatch, secret):
    writer = ContractWriter(tmp_path, secret=secret)
    for details in [*DETAILS, {"kind": int, "loss": float("nan")}]:
        writer.log("x.y", **details)
    result = verify_audit_log(str(writer.path), hmac_secret=secret, require_hmac=secret is not None)
    assert (result.valid, result.entries_count, result.chain_head) == (True, 4, writer.head)
    assert result.hmac_verified is (True if secret else None)
    if secret:
        monkeypatch.setenv("FORGELM_AUDIT_SECRET", secret)
    AuditLogger(str(tmp_path)).log_event("ours")
    assert json.loads(writer.path.read_text().splitlines()[-1])["seq"] == 5
    assert verify_audit_log(str(writer.path), hmac_secret=secret).valid


def build(folder, secret, monkeypatch, count=6):
    if secret:
        monkeypatch.setenv("FORGELM_AUDIT_SECRET", secret)
    log = AuditLogger(str(folder), run_id="fg-1")
    for number in range(count):
        log.log_event("x", n=number)
    return log.path


def rechain(lines, start=0, secret=None):
    """Rewrite the links from line ``start`` on, as someone with the code but perhaps not the secret can."""
    head = hashlib.sha256(lines[start - 1]).hexdigest() if start else "genesis"
    for number in range(start, len(lines)):
        entry = json.loads(lines[number])
        entry.pop("_hmac", None)
        entry |= {"prev_hash": head, "seq": number + 1}
        if secret:
            key = hashlib.sha256(secret.encode() + entry["run_id"].encode()).digest()
            entry["_hmac"] = hmac.new(key, json.dumps(entry).encode(), hashlib.sha256).hexdigest()
        lines[number] = json.dumps(entry).encode()
        head = hashlib.sha256(lines[number]).hexdigest()
    return lines


def edited(line, **changes):
    return json.dumps(json.loads(line) | changes).encode()


# What is done to the six lines, and the first bad line that is then reported: without the secret, and with it.
# ``None``: it passes, because nothing inside the log contradicts it.
TAMPERING = {
    "edit first": (lambda t: [edited(t[0], n=9), *t[1:]], 2, 1),
    "edit middle": (lambda t: [*t[:3], edited(t[3], n=9), *t[4:]], 5, 4),
    "edit one byte of space": (lambda t: [*t[:3], t[3].replace(b", ", b",  ", 1), *t[4:]], 5, 4),
    "edit last": (lambda t: [*t[:5], edited(t[5], n=9)], None, 6),
    "edit operator of last": (lambda t: [*t[:5], edited(t[5], operator="x")], None, 6),
    "delete first": (lambda t: t[1:], 1, 1),
    "delete middle": (lambda t: [*t[:3], *t[4:]], 4, 4),
    "delete middle and relink": (lambda t: rechain([*t[:3], *t[4:]], 3), None, 4),
    "insert": (lambda t: [*t[:3], edited(t[2], n=9), *t[3:]], 4, 4),
    "insert and relink": (lambda t: rechain([*t[:3], edited(t[2], n=9), *t[3:]], 3), None, 4),
    "insert a blank line": (lambda t: [*t[:3], b"", *t[3:]], 4, 4),
    "duplicate": (lambda t: [*t[:3], t[2], *t[3:]], 4, 4),
    "swap": (lambda t: [*t[:2], t[3], t[2], *t[4:]], 3, 3),
    "reverse": (lambda t: t[::-1], 1, 1),
    "rewrite all": (lambda t: rechain([edited(line, n=9) for line in t]), 1, 1),
    "rewrite the tail untagged": (lambda t: rechain([*t[:4], edited(t[4], n=9), t[5]], 4), None, 5),
    "append a forged line": (lambda t: rechain([*t, edited(t[5], n=9)], 6), None, 7),
    "append with another secret": (lambda t: rechain([*t, edited(t[5], n=9)], 6, "guessed"), None, 7),
    "append with a wrong number": (lambda t: [*t, edited(t[5], prev_hash=sha(t[5]), seq=8)], 7, 7),
    "append with no number": (lambda t: [*t, edited(t[5], prev_hash=sha(t[5]), seq=None)], 7, 7),
    "append True for a number": (lambda t: [edited(t[0], seq=True), *t[1:]], 1, 1),
    "strip one tag": (lambda t: [*t[:5], strip(t[5])], None, 6),
    "no JSON": (lambda t: [*t[:3], b"{", *t[4:]], 4, 4),
    "two objects on a line": (lambda t: [*t[:3], t[3] + t[4], t[5]], 4, 4),
    "an array": (lambda t: [*t[:3], b"[" + t[3] + b"]", *t[4:]], 4, 4),
    "not UTF-8": (lambda t: [*t[:3], t[3].replace(b"tester", b"teste\xff"), *t[4:]], 4, 4),
    "another line end": (lambda t: [*t[:3], t[3] + b"\r", *t[4:]], 4, 4),
    "cut from the end": (lambda t: t[:4], None, None),
}


def sha(line):
    return hashlib.sha256(line).hexdigest()


def strip(line):
    return json.dumps({key: value for key, value in json.loads(line).items() if key != "_hmac"}).encode()


@pytest.mark.parametrize("kind", TAMPERING)
@pytest.mark.parametrize("keyed", [False, True])
def test_tampering_is_found_at_the_line_where_the_log_contradicts_itself(tmp_path, monkeypatch, kind, keyed):
    path = build(tmp_path, SECRET, monkeypatch)
    change, plain_line, keyed_line = TAMPERING[kind]
    path.write_bytes(b"".join(line + b"\n" for line in change(path.read_bytes().splitlines())))
    result = verify_audit_log(str(path), hmac_secret=SECRET if keyed else None)
    expected = keyed_line if keyed else plain_line
    assert (result.first_invalid_index, result.valid) == (expected, expected is None), result.reason
    assert result.failure == (None if result.valid else "integrity")
    assert bool(result.reason) is not result.valid


def test_a_log_rewritten_with_its_manifest_passes_only_without_required_tags(tmp_path, monkeypatch):
    path = build(tmp_path, SECRET, monkeypatch)
    path.write_bytes(b"".join(line + b"\n" for line in rechain(path.read_bytes().splitlines())))
    (tmp_path / "audit_log.jsonl.manifest.json").unlink()
    assert verify_audit_log(str(path)).valid
    untagged = verify_audit_log(str(path), hmac_secret=SECRET)
    assert (untagged.valid, untagged.hmac_verified) == (True, False)
    strict = verify_audit_log(str(path), hmac_secret=SECRET, require_hmac=True)
    assert (strict.valid, strict.first_invalid_index, strict.hmac_verified) == (False, 1, False)


def test_tags_may_begin_later_but_not_end(tmp_path, monkeypatch):
    path = build(tmp_path, None, monkeypatch, count=2)
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", SECRET)
    AuditLogger(str(tmp_path)).log_event("y")
    mixed = verify_audit_log(str(path), hmac_secret=SECRET)
    assert (mixed.valid, mixed.hmac_verified) == (True, False)
    assert verify_audit_log(str(path), hmac_secret=SECRET, require_hmac=True).first_invalid_index == 1


def test_the_wrong_secret_fails(tmp_path, monkeypatch):
    path = build(tmp_path, SECRET, monkeypatch)
    result = verify_audit_log(str(path), hmac_secret=SECRET + "?")
    assert (result.valid, result.first_invalid_index, result.hmac_verified) == (False, 1, False)
    assert SECRET not in result.reason


@pytest.mark.parametrize("content", ["{", "[]", '{"run_id": "fg-1"}', '{"run_id": "x", "first_entry_sha256": "y"}'])
def test_a_manifest_that_does_not_pin_this_log_fails(tmp_path, monkeypatch, content):
    path = build(tmp_path, None, monkeypatch)
    (tmp_path / "audit_log.jsonl.manifest.json").write_text(content)
    result = verify_audit_log(str(path))
    assert (result.valid, result.failure) == (False, "integrity")
    assert "manifest" in result.reason


def test_an_empty_log_is_not_a_valid_one(tmp_path):
    path = tmp_path / "audit_log.jsonl"
    path.write_bytes(b"")
    assert (verify_audit_log(str(path)).valid, verify_audit_log(str(path)).failure) == (False, "empty")
    (tmp_path / "audit_log.jsonl.manifest.json").write_text("{}")
    assert verify_audit_log(str(path)).failure == "integrity"


def test_the_result_counts_all_lines_and_those_that_hold(tmp_path, monkeypatch):
    path = build(tmp_path, None, monkeypatch, count=40)
    lines = path.read_bytes().splitlines(keepends=True)
    good = verify_audit_log(str(path))
    assert (good.entries_count, good.entries_checked, good.chain_head) == (40, 40, sha(lines[-1][:-1]))
    path.write_bytes(b"".join([*lines[:9], b"broken\n", *lines[10:], b"torn"]))
    bad = verify_audit_log(str(path))
    assert (bad.entries_count, bad.first_invalid_index, bad.entries_checked) == (41, 10, 9)
    assert bad.chain_head == sha(lines[8][:-1])
    with pytest.raises(AttributeError):
        bad.entries_checked = 1
    with pytest.raises(AttributeError):
        bad.chain_head = ""


def test_lines_across_read_blocks_are_checked_and_counted(tmp_path):
    log = AuditLogger(str(tmp_path))
    for size in (10, 900_000, 900_000, 3_000_000, 10):
        log.log_event("x", filling="x" * size)
    assert verify_audit_log(str(log.path)).entries_checked == 5
    content = log.path.read_bytes()
    log.path.write_bytes(content.replace(b"genesis", b"genesiS"))
    early = verify_audit_log(str(log.path))
    assert (early.first_invalid_index, early.entries_count, early.chain_head) == (1, 5, None)
    log.path.write_bytes(content.replace(b"genesis", b"genesiS") + b"torn")
    assert verify_audit_log(str(log.path)).entries_count == 6


def test_a_file_without_an_end_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "audit_log.jsonl"
    with path.open("wb") as stream:
        stream.truncate(18 << 20)
    assert "longer than" in verify_audit_log(str(path)).reason


def test_what_cannot_be_read_is_an_os_error_and_a_bad_question_a_result(tmp_path):
    with pytest.raises(FileNotFoundError):
        verify_audit_log(str(tmp_path / "nothing"))
    with pytest.raises(OSError, match="not a regular file"):
        verify_audit_log(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        verify_audit_log(str(tmp_path / "pipe"))
    result = verify_audit_log(str(tmp_path / "nothing"), hmac_secret=None, require_hmac=True)
    assert (result.valid, result.failure) == (False, "usage")
    assert "secret" in result.reason


def close(path):
    return AuditLogger(str(path.parent)).close_run()


def what(result):
    return [item.what for item in result.unproven]


def test_an_unclosed_log_is_open_and_says_so(tmp_path, monkeypatch):
    path = build(tmp_path, None, monkeypatch)
    result = verify_audit_log(str(path))
    assert (result.valid, result.state, what(result)[0]) == (True, "open", "end")
    assert result.notices == ("without a closing record: fg-1",)
    closed = close(path)
    result = verify_audit_log(str(path))
    assert (result.state, result.root, result.entries_count) == ("closed", closed.root, closed.size)
    AuditLogger(str(tmp_path)).log_event("after")
    assert verify_audit_log(str(path)).state == "open"


def test_the_checkpoint_beside_the_log_contradicts_a_shorter_one(tmp_path, monkeypatch):
    path = build(tmp_path, None, monkeypatch)
    close(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    result = verify_audit_log(str(path))
    assert (result.valid, result.failure, result.state) == (False, "integrity", None)
    assert "audit_log.jsonl.checkpoint knows 7 lines, and the log has 6" in result.reason
    path.with_name(path.name + ".checkpoint").write_text("nonsense")
    assert "not a checkpoint" in verify_audit_log(str(path)).reason


def test_an_anchor_kept_elsewhere_covers_its_lines_and_no_more(tmp_path, monkeypatch):
    path = build(tmp_path / "run", None, monkeypatch)
    checkpoint = close(path)
    kept = tmp_path / "kept"
    kept.write_text(path.with_name(path.name + ".checkpoint").read_text())
    anchors = read_anchors(str(kept))
    whole = verify_audit_log(str(path), anchors=anchors)
    assert (whole.valid, whole.anchored, what(whole)) == (True, 7, ["operator", "time", "content"])
    beside = verify_audit_log(str(path), anchors=read_anchors(f"{path}.checkpoint"))
    assert (beside.valid, beside.anchored, what(beside)[0]) == (True, 0, "end")
    AuditLogger(str(path.parent)).log_event("after")
    later = verify_audit_log(str(path), anchors=anchors)
    assert (later.valid, later.anchored, what(later)[:2]) == (True, 7, ["end", "rewrite"])
    bare = Anchor("noted", checkpoint)
    assert verify_audit_log(str(path), anchors=[bare]).anchored == 7
    other = Anchor("noted", Checkpoint(7, "00" * 32))
    assert "noted does not fit" in verify_audit_log(str(path), anchors=[bare, other]).reason
    build(tmp_path / "other", None, monkeypatch, count=9)
    foreign = verify_audit_log(str(tmp_path / "other" / "audit_log.jsonl"), anchors=anchors)
    assert "about another log" in foreign.reason


def test_a_log_shorter_than_asked_for_fails(tmp_path, monkeypatch):
    path = build(tmp_path, None, monkeypatch)
    assert verify_audit_log(str(path), min_size=6).valid
    result = verify_audit_log(str(path), min_size=7)
    assert (result.valid, result.failure) == (False, "integrity")
    assert "6 lines, and at least 7" in result.reason
    path.write_bytes(b"")
    (tmp_path / "audit_log.jsonl.manifest.json").unlink()
    assert verify_audit_log(str(path)).failure == "empty"
    assert verify_audit_log(str(path), min_size=1).failure == "integrity"


def test_signatures_hold_for_the_trusted_key_and_no_other(tmp_path, monkeypatch):
    keys = [generate_key(tmp_path / f"{name}.pem", name) for name in ("mine", "other")]
    path = build(tmp_path / "run", None, monkeypatch)
    unsigned = verify_audit_log(str(path), keys=[keys[0].public])
    assert "no record in the log is signed" in unsigned.reason
    monkeypatch.setenv("FORGELM_SIGNING_KEY", str(tmp_path / "mine.pem"))
    close(path)
    signed = verify_audit_log(str(path), keys=[keys[1].public, keys[0].public])
    assert (signed.valid, signed.signed, signed.signer) == (True, 7, keys[0].public.text)
    assert "no record" in verify_audit_log(str(path), keys=[keys[1].public]).reason
    monkeypatch.setenv("FORGELM_SIGNING_KEY", str(tmp_path / "other.pem"))
    close(path)
    swapped = verify_audit_log(str(path), keys=[keys[0].public])
    assert (swapped.first_invalid_index, swapped.reason) == (
        8,
        "is not signed by a trusted key, and an earlier record is",
    )
    assert verify_audit_log(str(path), keys=[key.public for key in keys]).signed == 8


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"count": 5}, "says 5 lines come before it, and 6 do"),
        ({"root": "00" * 32}, "its root is not that of the lines before it"),
        ({"count": None}, "without the count and root"),
        ({"root": 3}, "without the count and root"),
    ],
)
def test_a_record_that_does_not_fit_its_lines_fails(tmp_path, monkeypatch, changes, why):
    path = build(tmp_path, None, monkeypatch)
    close(path)
    *lines, last = path.read_bytes().splitlines()
    path.write_bytes(b"".join(line + b"\n" for line in [*lines, edited(last, **changes)]))
    result = verify_audit_log(str(path))
    assert (result.valid, result.first_invalid_index) == (False, 7)
    assert why in result.reason


def test_processes_that_share_the_work_find_the_same(tmp_path):
    log = AuditLogger(str(tmp_path))
    log.log_events([("x", {"n": number}) for number in range(33_000)])
    log.close_run()
    one, two = (verify_audit_log(str(log.path), workers=workers) for workers in (1, 2))
    assert one == two
    content = bytearray(log.path.read_bytes())
    content[len(content) // 2] ^= 1
    log.path.write_bytes(content)
    one, two = (verify_audit_log(str(log.path), workers=workers) for workers in (1, 2))
    assert one == two
    assert not one.valid


def test_the_library_page_s_snippet(tmp_path, monkeypatch):
    path = build(tmp_path, SECRET, monkeypatch)
    result = verify_audit_log(str(path), hmac_secret=None, require_hmac=True)
    assert isinstance(result, VerifyResult)
    with pytest.raises(SystemExit, match="audit chain broken: require_hmac"):
        raise SystemExit(f"audit chain broken: {result.reason}")
    result = verify_audit_log(str(path), hmac_secret=SECRET, require_hmac=True)
    assert f"verified {result.entries_checked} entries; head={result.chain_head}".startswith(
        "verified 6 entries; head="
    )


@pytest.mark.parametrize(("name", "secret"), [("plain", None), ("tagged", SECRET)])
def test_logs_that_the_existing_package_wrote_hold_and_go_on(tmp_path, monkeypatch, name, secret):
    """forgelm 0.11.1 wrote them, through two of its loggers."""
    log = Path(shutil.copytree(EXISTING_LOGS / name, tmp_path / name)) / "audit_log.jsonl"
    result = verify_audit_log(str(log), hmac_secret=secret, require_hmac=secret is not None)
    assert (result.valid, result.entries_count, result.hmac_verified) == (True, 5, True if secret else None)
    assert contract_accepts(log, secret, require_hmac=secret is not None)
    if secret:
        monkeypatch.setenv("FORGELM_AUDIT_SECRET", secret)
    AuditLogger(str(log.parent)).log_event("ours")
    assert json.loads(log.read_text().splitlines()[-1])["seq"] == 6
    assert verify_audit_log(str(log), hmac_secret=secret, require_hmac=secret is not None).valid
    log.write_text(log.read_text().replace("nan_inf", "nan_imf"))
    assert not verify_audit_log(str(log), hmac_secret=secret).valid


@pytest.mark.skipif("FORGELM_EXISTING_SITE" not in os.environ, reason="names no folder with the existing package")
@pytest.mark.parametrize("secret", ["", SECRET])
def test_the_existing_package_accepts_ours_and_we_accept_its(tmp_path, monkeypatch, secret):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from forgelm.compliance import AuditLogger, verify_audit_log\n"
        "result = verify_audit_log(sys.argv[2], hmac_secret=sys.argv[3] or None, require_hmac=bool(sys.argv[3]))\n"
        "print(result.valid, result.entries_count)\n"
        "for details in ({}, {'a': [1.5, None, 'é']}, {'kind': int}):\n"
        "    AuditLogger(sys.argv[4]).log_event('theirs', **details)\n"
    )
    generate_key(tmp_path / "key.pem", "me")
    monkeypatch.setenv("FORGELM_SIGNING_KEY", str(tmp_path / "key.pem"))
    path = build(tmp_path / "ours", secret, monkeypatch, count=5)
    close(path)
    site = os.environ["FORGELM_EXISTING_SITE"]
    for folder in ("theirs", "ours"):
        command = [sys.executable, "-c", script, site, str(path), secret, str(tmp_path / folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["True", "6"]
        result = verify_audit_log(
            str(tmp_path / folder / "audit_log.jsonl"), hmac_secret=secret or None, require_hmac=bool(secret)
        )
        assert (result.valid, result.entries_count) == (True, {"theirs": 3, "ours": 9}[folder])
    AuditLogger(str(tmp_path / "theirs")).log_event("ours")
    assert verify_audit_log(str(tmp_path / "theirs" / "audit_log.jsonl"), hmac_secret=secret or None).valid
