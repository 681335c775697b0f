"""``forgelm verify-annex-iv`` as a user runs it: the answer, the exit code, one JSON document."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from forgelm.evidence.documents.annex_iv import count, group, manifest_hash
from forgelm.evidence.documents.annex_iv_items import ITEMS


def run(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "forgelm", "verify-annex-iv", *arguments], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def write(folder: Path, **changes: Any) -> str:
    """Write a file in which every item is declared not to apply, but for ``changes``."""
    declaration = {"statement": "It does not apply to this system.", "by": "Jane Doe", "on": "2026-11-20"}
    items: dict[str, Any] = {
        key: {"status": "not_applicable", "evidence": [], "declaration": declaration, **changes.get(f"item_{key}", {})}
        for key in ITEMS
    }
    names = ("provider_name", "system_name", "intended_purpose")
    record: dict[str, Any] = {"system_identification": dict.fromkeys(names, "Exemplar"), "items": group(items)}
    record["coverage"] = count(items)
    record["metadata"] = {"manifest_hash": manifest_hash(record)}
    path = folder / "annex_iv_metadata.json"
    path.write_text(json.dumps(record | changes.get("after", {})))
    return str(path)


def test_a_complete_file(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert run(path) == (0, "OK: 23 items, 0 evidenced, 0 declared, 23 not applicable, 0 missing, evidence unchanged\n")
    code, output = run(path, "--output-format", "json")
    envelope = json.loads(output)
    assert code == 0
    assert {
        "success",
        "valid",
        "reason",
        "missing_fields",
        "manifest_hash_actual",
        "manifest_hash_expected",
        "path",
    } <= set(envelope)
    assert (envelope["success"], envelope["missing_fields"], envelope["path"]) == (True, [], path)


def test_a_missing_item_is_1_and_named(tmp_path: Path) -> None:
    code, output = run(write(tmp_path, item_9={"status": "missing", "declaration": None}))
    assert code == 1
    assert "missing: 9 Post-market monitoring system and plan" in output


def test_a_changed_file_is_6(tmp_path: Path) -> None:
    code, output = run(write(tmp_path, after={"note": "added afterwards"}), "--output-format", "json")
    envelope = json.loads(output)
    assert (code, envelope["success"], envelope["failure"]) == (6, False, "integrity")
    assert envelope["manifest_hash_actual"] != envelope["manifest_hash_expected"]


def test_evidence_that_is_gone_is_6(tmp_path: Path) -> None:
    evidence = [{"document": "compliance_report.json", "pointer": "/environment", "sha256": "0" * 64}]
    code, output = run(write(tmp_path, item_1c={"status": "evidenced", "evidence": evidence, "declaration": None}))
    assert code == 6
    assert "changed or gone: the evidence of 1c" in output


@pytest.mark.parametrize("content", [None, "", "[]"])
def test_what_cannot_be_checked_is_1(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "annex.json"
    if content is not None:
        path.write_text(content)
    code, output = run(str(path), "--output-format", "json")
    assert (code, json.loads(output)["success"]) == (1, False)
