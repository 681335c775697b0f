"""``verify.py`` as a reviewer runs it: another folder, no site packages, an isolated interpreter."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packing import flip, pack, unpack

from forgelm.evidence.bundle.standalone import render_verifier
from forgelm.evidence.bundle.verify import verify_evidence
from forgelm.evidence.ec_key import EcKey


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reviewer") / "verify.py"
    path.write_bytes(render_verifier())
    return path


def ask(verifier: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", str(verifier), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=verifier.parent, env={}, check=False)


def test_it_gives_the_same_answer_as_the_package(verifier: Path, whole: Path, light: Path, signed_run: Path) -> None:
    for path in (whole, light, signed_run):
        done = ask(verifier, path, "--output-format", "json")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == json.loads(json.dumps(verify_evidence(path).as_record()))


def test_it_checks_signatures_with_no_library(verifier: Path, whole: Path, key: EcKey, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(key.public.pem)
    done = ask(verifier, whole, "--key", tmp_path / "key.pub")
    assert done.returncode == 0
    assert re.search(r"passed +model signature +holds for final_model", done.stdout)
    assert re.search(r"passed +bundle signature", done.stdout)


def test_it_finds_one_changed_byte_of_the_weights(verifier: Path, whole: Path, tmp_path: Path) -> None:
    members = unpack(whole)
    weights = "run/final_model/adapter_model.safetensors"
    done = ask(verifier, pack(tmp_path / "changed.zip", {**members, weights: flip(members[weights])}))
    assert done.returncode == 6
    assert f"changed: {weights}" in done.stdout
    assert "changed: final_model/adapter_model.safetensors" in done.stdout


def test_it_asks_for_nothing_but_the_standard_library(verifier: Path) -> None:
    text = verifier.read_text()
    compile(text, "verify.py", "exec")
    sources = [ast.literal_eval(match) for match in re.findall(r"^SOURCES\[.*?\] = (r'''.*?''')$", text, re.M | re.S)]
    names = {
        module.split(".")[0]
        for tree in map(ast.parse, [text, *sources])
        for node in tree.body
        for module in (
            [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None)]
        )
        if module
    }
    assert len(sources) > 12
    assert names - set(sys.stdlib_module_names) == {"forgelm"}
    assert str(Path.home()) not in text


def test_it_uses_no_other_forgelm_that_is_installed(verifier: Path, whole: Path, tmp_path: Path) -> None:
    (tmp_path / "forgelm").mkdir()
    (tmp_path / "forgelm" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    command = [sys.executable, str(verifier), str(whole)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def test_the_bundle_carries_it(verifier: Path, light: Path) -> None:
    assert unpack(light)["verify.py"] == verifier.read_bytes() == render_verifier()
