"""A run folder with a sealed model that waits for a person, made in milliseconds by the parts that make it in a run."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forgelm.base.events import Event
from forgelm.base.files import INTEGRITY_FILE, RunFiles, sha256_file, write_json, write_text
from forgelm.evidence.approval import Policy
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.review import copy_for_review

RUN = "fg-000000000001"
_TOUCHES = frozenset({"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"})


def stage(files: RunFiles, run_id: str = RUN) -> str:
    """Write a sealed model into staging and return its seal."""
    folder = files.staging(run_id)
    (folder / "parts").mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_text(f"weights of {run_id}")
    (folder / "parts" / "README.md").write_text(f"card of {run_id}")
    return sha256_file(write_integrity_manifest(folder))


def hold(root: Path, run_id: str = RUN, *, gates_passed: bool = True, **policy: Any) -> RunFiles:
    """Make ``root`` the folder of a run that ended waiting for a person, under the rules ``policy``."""
    files = RunFiles(root)
    root.mkdir(exist_ok=True)
    logger = AuditLogger(str(root), run_id)
    logger.log_event(Event.PIPELINE_INITIALIZED, model="m")
    write_json(files.compliance / "compliance_report.json", {"run_id": run_id})
    write_text(files.config, "model: {}\n")
    seal = stage(files, run_id)
    logger.log_event(Event.MODEL_INTEGRITY_VERIFIED, artifacts=2, manifest_sha256=seal)
    logger.log_event(
        Event.HUMAN_APPROVAL_REQUIRED,
        gate="final_model",
        reason="require_human_approval=true",
        metrics={"eval_loss": 0.5},
        staging_path=str(files.staging(run_id)),
        gates_passed=gates_passed,
        gates=[{"gate": "loss", "status": "passed", "reason": "validation loss 0.5"}],
        final_model_dir=files.final_model_dir,
        model_root=seal,
        evidence_sha256=copy_for_review(files, run_id),
        policy=Policy.read(policy).as_record(),
    )
    logger.close_run()
    logger.close()
    return files


def seal(folder: Path) -> str | None:
    manifest = folder / INTEGRITY_FILE
    return sha256_file(manifest) if manifest.exists() else None


def kill_at(root: Path, step: int, act: Callable[[], object]) -> bool:
    """Run ``act`` in a child that is killed when it touches ``root`` the ``step``-th time; return whether it was."""
    child = os.fork()
    if child == 0:
        seen = 0

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal seen
            if event in _TOUCHES and str(root) in str(arguments[0]):
                seen += 1
                if seen == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)
