"""The four commands as a reviewer uses them, with the contract's JSON and exit codes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from held import RUN, hold

from forgelm.base.errors import ExitCode
from forgelm.base.files import RunFiles
from forgelm.cli.main import run
from forgelm.cli.train import reply_to
from forgelm.config.root import ForgeConfig
from forgelm.evidence.approval_check import verify_approvals
from forgelm.evidence.inventory import verify_integrity
from forgelm.run.single import run_single

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command and return its exit code and its JSON, or its text."""

    def call(*words: str, text: bool = False) -> tuple[int, Any]:
        capsys.readouterr()
        code = run([*words] if text else [*words, "--output-format", "json"])
        said = capsys.readouterr().out
        return code, said if text else json.loads(said)

    return call


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    return hold(tmp_path / "run")


def test_pending_then_approved(files: RunFiles, ask: Ask) -> None:
    place = ("--output-dir", str(files.root))
    code, reply = ask("approvals", "--pending", *place)
    assert (code, reply["count"]) == (ExitCode.OK, 1)
    wanted = {"run_id", "staging_path", "staging_exists", "requested_at", "age_seconds", "metrics", "config_hash"}
    assert wanted | {"reason"} <= set(reply["pending"][0])
    assert RUN in ask("approvals", "--pending", *place, text=True)[1]
    code, reply = ask("approve", RUN, *place, "--comment", "fits", "--role", "owner")
    assert code == ExitCode.OK
    assert reply["final_model_path"] == str(files.final_model)
    assert (reply["approver"], reply["promote_strategy"], reply["run_id"]) == ("tests", "rename", RUN)
    assert ask("approvals", "--pending", *place) == (ExitCode.OK, {"success": True, "pending": [], "count": 0})
    assert "No model waits" in ask("approvals", "--pending", *place, text=True)[1]
    code, reply = ask("approvals", "--show", RUN, *place)
    assert (code, reply["status"], len(reply["chain"]), reply["staging_contents"]) == (ExitCode.OK, "granted", 2, [])
    assert "owner, fits" in ask("approvals", "--show", RUN, *place, text=True)[1]
    code, reply = ask("revoke", RUN, *place)
    assert (code, reply["status"]) == (ExitCode.OK, "revoked")


def test_rejected(files: RunFiles, ask: Ask) -> None:
    code, reply = ask("reject", RUN, "--output-dir", str(files.root), "--comment", "no")
    assert code == ExitCode.OK
    assert {"success": True, "run_id": RUN, "approver": "tests", "comment": "no"}.items() <= reply.items()
    assert reply["staging_path"] == str(files.staging(RUN))
    assert Path(reply["quarantine_path"]).is_dir()


def test_the_first_of_two_approvals_leaves_the_model_waiting(tmp_path: Path, ask: Ask) -> None:
    files = hold(tmp_path / "two", min_approvers=2)
    code, reply = ask("approve", RUN, "--output-dir", str(files.root))
    assert (code, reply["status"], reply["needed"]) == (ExitCode.AWAITING_APPROVAL, "pending", 1)
    code, reply = ask("approve", RUN, "--output-dir", str(files.root))
    assert (code, reply["success"]) == (ExitCode.CONFIG, False)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["approvals"], ExitCode.CONFIG),
        (["approvals", "--pending", "--show", RUN], ExitCode.CONFIG),
        (["approvals", "--show", "fg-9"], ExitCode.CONFIG),
        (["approve", "fg-9"], ExitCode.CONFIG),
        (["reject", "fg-9"], ExitCode.CONFIG),
        (["revoke", RUN], ExitCode.CONFIG),
        (["approve"], ExitCode.CONFIG),
        (["approve", RUN, "--key", "nowhere.pem"], ExitCode.CONFIG),
    ],
)
def test_what_cannot_be_asked(words: list[str], code: ExitCode, files: RunFiles, ask: Ask) -> None:
    found, reply = ask(*words, "--output-dir", str(files.root))
    assert (found, reply["success"]) == (code, False)
    assert reply["error"]


def test_what_is_no_run_folder_is_left_as_it_is(tmp_path: Path) -> None:
    for words in (["approve", RUN], ["reject", RUN], ["revoke", RUN], ["approvals", "--pending"]):
        assert run([*words, "--output-dir", str(tmp_path)]) in (ExitCode.OK, ExitCode.CONFIG)
        assert list(tmp_path.iterdir()) == []


def test_a_log_that_does_not_hold(files: RunFiles, ask: Ask) -> None:
    files.audit_log.write_bytes(files.audit_log.read_bytes().replace(b'"model": "m"', b'"model": "n"'))
    code, reply = ask("approvals", "--show", RUN, "--output-dir", str(files.root))
    assert (code, reply["corrupted"]) == (ExitCode.INTEGRITY, True)
    assert "line 2" in reply["corruption_detail"]
    assert "PROBLEM" in ask("approvals", "--show", RUN, "--output-dir", str(files.root), text=True)[1]


def test_a_reviewers_day_with_a_real_run(make_config: Callable[..., ForgeConfig], ask: Ask, tmp_path: Path) -> None:
    """Train, read why, change one byte and be refused by name, put it back, approve, hand it over, change one again."""
    rules = {"require_human_approval": True, "approval": {"expires_after_days": 30}}
    compliance = {"provider_name": "Example", "system_name": "Order taker", "intended_purpose": "Takes orders."}
    config = make_config(training={"max_steps": 3}, evaluation=rules, compliance=compliance)
    result = run_single(config)
    root = Path(str(result.staging_path)).parent
    place, name = ("--output-dir", str(root)), str(result.run_id)
    told = reply_to(result, str(root)).text
    assert f"forgelm approvals --show {name} --output-dir {root}" in told
    assert str(root / "compliance" / "index.html") in told

    shown = ask("approvals", "--show", name, *place)[1]
    assert f"review/{name}/compliance/compliance_report.json" in shown["documents"]
    gates = shown["chain"][0]["gates"]
    assert {gate["gate"] for gate in gates} >= {"self_check", "loss"}
    for folder in (root / "compliance", root / "review" / name / "compliance"):
        pages = {page.name: Read(page) for page in folder.glob("*.html")}
        assert all((folder / link).is_file() for page in pages.values() for link in page.links)
        assert set(pages) - {"index.html"} <= set(pages["index.html"].links)
        assert all("index.html" in page.links for file, page in pages.items() if file != "index.html")
        for page in (pages["index.html"], pages["test_report.html"]):
            assert [gate["reason"] for gate in gates if gate["reason"] not in page.text] == []
        assert "provider: what is declared is a placeholder" in pages["annex_iv_metadata.html"].text

    weights = Path(str(result.staging_path)) / "adapter_model.safetensors"
    with one_byte_changed(weights):
        code, reply = ask("approve", name, *place)
        assert code == ExitCode.INTEGRITY
        assert str(weights) in reply["error"]
        assert ask("approvals", "--pending", *place)[1]["count"] == 1
        code, said = ask("verify", str(root), text=True)
        assert (code, f"changed: {weights.parent.name}/{weights.name}" in said) == (ExitCode.INTEGRITY, True)
    code, reply = ask("approve", name, *place)
    assert code == ExitCode.OK
    final = Path(reply["final_model_path"])
    assert verify_integrity(str(final)).valid
    (check,) = verify_approvals(root / "audit_log.jsonl", model_root=reply["model_root"])
    assert check.valid

    bundle, verifier = tmp_path / "evidence.zip", tmp_path / "verify.py"
    assert ask("verify", str(root))[0] == ExitCode.OK
    assert ask("bundle", str(root), "--with-model", "--output", str(bundle))[0] == ExitCode.OK
    assert ask("bundle", "--verifier", str(verifier))[0] == ExitCode.OK
    command = [sys.executable, "-I", str(verifier)]
    done = subprocess.run([*command, str(bundle)], capture_output=True, text=True, check=False)
    assert (done.returncode, f"{name}: granted by" in done.stdout) == (ExitCode.OK, True), done.stdout
    with one_byte_changed(final / weights.name):
        assert ask("verify", str(root))[0] == ExitCode.INTEGRITY
        assert subprocess.run([*command, str(root)], capture_output=True, check=False).returncode == ExitCode.INTEGRITY


class Read(HTMLParser):
    """The text of a page, and what it links to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text = ""
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [str(value).partition("#")[0] for name, value in attrs if (tag, name) == ("a", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


@contextlib.contextmanager
def one_byte_changed(path: Path) -> Iterator[None]:
    intact = path.read_bytes()
    path.write_bytes(intact[:-1] + bytes([intact[-1] ^ 1]))
    yield
    path.write_bytes(intact)
