"""Builds the wheel and uses it in an environment that holds its core dependencies and nothing else: no torch."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from pages import ROOT

Done = subprocess.CompletedProcess[str]
Forgelm = Callable[..., Done]
CONFIG = """\
model: {name_or_path: builtin/ember}
lora: {}
training: {output_dir: run}
data: {dataset_name_or_path: train.jsonl}
"""
ROW = {"messages": [{"role": "user", "content": "two teas"}, {"role": "assistant", "content": "Two teas."}]}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="building the wheel needs hatchling, of the extra dev")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment made as an installer would make it, from what is installed here instead of from a registry."""
    folder = tmp_path_factory.mktemp("core")
    venv.create(folder)
    home = next(folder.glob("lib/python*/site-packages"), folder / "Lib" / "site-packages")
    for name in _needed_by(wheel):
        for top in {file.parts[0] for file in importlib.metadata.files(name) or () if ".." not in file.parts}:
            source = Path(str(importlib.metadata.distribution(name).locate_file(top)))
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, home / top)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(home)
    return next(path for path in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if path.exists())


@pytest.fixture
def forgelm(core: Path, tmp_path: Path) -> Forgelm:
    """Run the wheel's console script as an installer's launcher does; ``tmp_path`` is the working folder."""
    launcher = (
        "import sys\n"
        "from importlib.metadata import entry_points\n"
        "(script,) = entry_points(group='console_scripts', name='forgelm')\n"
        "sys.exit(script.load()())\n"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FORGELM", "HF_"))}
    environment = {**clean, "FORGELM_OPERATOR": "tests"}

    def call(*arguments: str) -> Done:
        command = [str(core), "-c", launcher, *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    return call


def test_the_wheel_holds_what_it_needs_and_is_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    for file in (
        "py.typed",
        "gate/decide.py",
        "model/ember/model.safetensors",
        "model/ember/tokenizer.json",
        "train/deepspeed/zero3_offload.json",
        "model/ember/chat_template.jinja",
        "model/ember/README.md",
        "assist/orders/train.jsonl",
        "evaluate/benchmark/bundled/cafe_orders.yaml",
        "evaluate/benchmark/bundled/orders.jsonl",
        "assist/orders/heldout.jsonl",
        "assist/grpo_math/train.jsonl",
        "assist/customer_support/train.jsonl",
        "assist/code_assistant/train.jsonl",
        "assist/medical_qa_tr/train.jsonl",
        "assist/medical_qa_tr/validation.jsonl",
        "pages/exit-codes.md",
        "pages/configuration.md",
    ):
        assert f"forgelm/{file}" in names
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"forgelm", "finetune_cli"}
    pages = {Path(name).name for name in names if name.startswith("forgelm/pages/")}
    assert pages == {path.name for path in (ROOT / "docs").glob("*.md")}
    assert [name for name in names if "__pycache__" in name or "/tests/" in name or "/." in name] == []
    assert wheel.stat().st_size <= 6_000_000
    assert "License-Expression: Apache-2.0" in metadata
    assert "One YAML in; a fine-tuned language model" in metadata


def test_the_core_installs_without_a_heavy_library(wheel: Path, core: Path) -> None:
    assert {"click", "filelock", "pydantic", "pyyaml"} <= set(_needed_by(wheel))
    listed = (
        "import importlib.metadata, forgelm\n"
        "print(forgelm.__file__, *sorted(d.name.lower() for d in importlib.metadata.distributions()))\n"
    )
    found = subprocess.run(
        [str(core), "-c", listed], capture_output=True, text=True, check=True, cwd=core.parent
    ).stdout
    place, *found = found.split()
    assert Path(place).is_relative_to(core.parents[1])
    assert "forgelm" in found
    assert set(found).isdisjoint({"torch", "transformers", "trl", "peft", "datasets", "numpy", "pyarrow"})


def test_help_version_and_schema(forgelm: Forgelm) -> None:
    assert "forgelm --config run.yaml" in forgelm("--help").stdout
    assert forgelm("--version").stdout == f"ForgeLM {importlib.metadata.version('forgelm')}\n"
    schema = json.loads(forgelm("schema").stdout)
    assert {"model", "lora", "training", "data"} <= set(schema["properties"])


def test_every_command_has_its_help(forgelm: Forgelm) -> None:
    for command in ("preview", "quickstart", "schema", "verify-audit", "verify-integrity"):
        done = forgelm(command, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"Usage: forgelm {command}" in done.stdout


def test_the_doctor_says_what_a_core_install_lacks(forgelm: Forgelm) -> None:
    done = forgelm("doctor", "--offline", "--json")
    reply = json.loads(done.stdout)
    found = {check["name"]: check for check in reply["checks"]}
    assert (done.returncode, reply["summary"]["crashed"]) == (1, 0)
    assert found["forgelm.install"]["extras"]["in_site_packages"] is True
    assert found["torch.installed"]["status"] == found["gpu.inventory"]["status"] == "fail"
    assert "forgelm[train]" in found["torch.installed"]["fix"]
    assert found["numpy.torch_abi"]["extras"]["skipped"] is True
    assert found["extras.train"]["extras"]["packages"]["torch"] is None


def test_what_was_installed_explains_itself(forgelm: Forgelm) -> None:
    assert "A gate failed" in forgelm("explain", "3").stdout
    assert forgelm("docs", "exit-codes").stdout.startswith("# Exit codes\n")
    assert "_FORGELM_COMPLETE=bash_complete" in forgelm("completion", "bash").stdout


def test_a_wrong_config_is_one_document_and_exit_code_1(forgelm: Forgelm, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(CONFIG.replace("lora: {}", "lora: {rank: 4}"))
    done = forgelm("--config", "run.yaml", "--output-format", "json")
    assert done.returncode == 1
    reply = json.loads(done.stdout)
    assert reply["success"] is False
    assert reply["problems"][0]["path"] == "lora.rank"
    assert (reply["problems"][0]["line"], reply["problems"][0]["hint"]) == (2, "did you mean 'r'?")


def test_training_names_the_extra_that_is_missing(forgelm: Forgelm, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(CONFIG)
    (tmp_path / "train.jsonl").write_text(f"{json.dumps(ROW)}\n" * 4)
    for arguments in (["--config", "run.yaml"], ["--config", "run.yaml", "--dry-run"], ["quickstart"]):
        done = forgelm(*arguments)
        assert done.returncode == 2, done.stderr
        assert "pip install 'forgelm[train]'" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
    reply = json.loads(forgelm("--config", "run.yaml", "--output-format", "json").stdout)
    assert reply["hint"] == "pip install 'forgelm[train]'"
    assert [path.name for path in (tmp_path / "run").glob("final_model*")] == []


def test_evidence_is_verified_without_torch(forgelm: Forgelm, core: Path, tmp_path: Path) -> None:
    write = (
        "from forgelm import AuditLogger\n"
        "logger = AuditLogger('run')\n"
        "for number in range(3): logger.log_event('step', number=number)\n"
        "logger.close_run()\n"
    )
    subprocess.run([str(core), "-c", write], cwd=tmp_path, check=True, env={"FORGELM_OPERATOR": "tests"})
    good = forgelm("verify-audit", "run/audit_log.jsonl")
    assert good.returncode == 0
    assert good.stdout.startswith("OK: 4 entries verified; the log is closed\nhead: ")
    log = tmp_path / "run" / "audit_log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    for kept in (lines[:1] + lines[2:], lines[1:], [*lines[:3], lines[3][:40]]):
        log.write_bytes(b"".join(kept))
        done = forgelm("verify-audit", "run/audit_log.jsonl", "--output-format", "json")
        assert done.returncode == 6
        assert json.loads(done.stdout)["valid"] is False
    missing = forgelm("verify-audit", "nowhere.jsonl")
    assert (missing.returncode, missing.stderr) == (1, "error: there is no file nowhere.jsonl\n")


def test_a_sealed_folder_is_verified_without_torch(forgelm: Forgelm, core: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"weights")
    seal = (
        "from pathlib import Path\n"
        "from forgelm.evidence.inventory import write_integrity_manifest\n"
        "write_integrity_manifest(Path('model'))\n"
    )
    subprocess.run([str(core), "-c", seal], cwd=tmp_path, check=True)
    assert forgelm("verify-integrity", "model").stdout == "OK: 1 file verified\n"
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"Weights")
    done = forgelm("verify-integrity", "model")
    assert done.returncode == 6
    assert "changed: weights.safetensors" in done.stdout


def _needed_by(wheel: Path) -> list[str]:
    """Return every distribution that the wheel needs without extras, and what those need in turn."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))
    waiting = [line.partition(": ")[2] for line in metadata.decode().splitlines() if line.startswith("Requires-Dist: ")]
    found: list[str] = []
    while waiting:
        requirement = Requirement(waiting.pop())
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name.lower() not in found:
            found.append(requirement.name.lower())
            waiting += importlib.metadata.requires(requirement.name) or []
    return found
