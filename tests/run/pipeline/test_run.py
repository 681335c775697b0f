"""A chain of real trainings: each on what the one before left, whatever stops it in between."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import Heard, order_rows, sections, write_rows

from forgelm.base.errors import ConfigError, ExitCode, IntegrityError, StoppedError
from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.config.root import ForgeConfig
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.documents.lineage import LINEAGE_FILE
from forgelm.evidence.entries import read_entries
from forgelm.evidence.pipeline.state import FinalStatus, StageStatus, read_state
from forgelm.evidence.pipeline.verify import verify_pipeline
from forgelm.publish.decide import approve_run
from forgelm.publish.desk import Opinion
from forgelm.run.pipeline.run import PipelineResult, run_pipeline
from forgelm.run.pipeline.wishes import PipelineWishes
from forgelm.run.stop import StopRequest

pytestmark = pytest.mark.slow


def pairs(folder: Path) -> Path:
    rows = [
        {"prompt": row["messages"][0]["content"], "chosen": row["messages"][-1]["content"], "rejected": "no"}
        for row in order_rows(48)
    ]
    return write_rows(folder / "pairs.jsonl", rows)


def build(folder: Path, *, steps: int = 6, evaluation: dict[str, Any] | None = None, **stages: Any) -> dict[str, Any]:
    """Three stages; ``stages`` merge into them by name."""
    chats, compared = write_rows(folder / "chats.jsonl", order_rows(64)), pairs(folder)

    def training(name: str, trainer: str, **more: Any) -> dict[str, Any]:
        out = {"output_dir": str(folder / "out" / name), "trainer_type": trainer, "max_steps": steps}
        common = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1, "save_steps": 2, "eval_steps": 2}
        return {**out, **common, "learning_rate": 1e-3, "report_to": "none", **more}

    chain: list[dict[str, Any]] = [
        {"name": "sft", "training": training("sft", "sft"), "data": {"dataset_name_or_path": str(chats)}},
        {"name": "dpo", "training": training("dpo", "dpo"), "data": {"dataset_name_or_path": str(compared)}},
        {"name": "orpo", "training": training("orpo", "orpo"), "data": {"dataset_name_or_path": str(compared)}},
    ]
    if evaluation:
        chain[0]["evaluation"] = evaluation
    for stage in chain:
        stage.update(stages.get(stage["name"], {}))
    return sections(
        chats, folder / "out" / "unused", pipeline={"output_dir": str(folder / "out" / "chain"), "stages": chain}
    )


def weights(folder: Path, name: str) -> str:
    return sha256_file(folder / "out" / name / "final_model" / "adapter_model.safetensors")


@dataclass(frozen=True)
class Ran:
    folder: Path
    given: dict[str, Any]
    result: PipelineResult
    heard: Heard


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("pipeline")
    given, heard = build(folder), Heard()
    return Ran(folder, given, run_pipeline(ForgeConfig(**given), listen=heard), heard)


def test_every_stage_continues_the_one_before(ran: Ran) -> None:
    state = ran.result.state
    assert (ran.result.exit_code, state.final_status) == (ExitCode.OK, FinalStatus.COMPLETED)
    assert [stage.status for stage in state.stages] == [StageStatus.COMPLETED] * 3
    assert [stage.input_source for stage in state.stages] == ["root", "chain", "chain"]
    for before, stage in zip(state.stages, state.stages[1:], strict=False):
        assert (stage.input_model, stage.input_root) == (before.output_model, before.output_root)
        base = json.loads((Path(stage.output_model or "") / "adapter_config.json").read_text())
        assert base["base_model_name_or_path"] == stage.loaded_from
        assert (Path(stage.loaded_from or "") / "model.safetensors").is_file()
    lineage = json.loads((Path(state.stages[2].output_model or "") / LINEAGE_FILE).read_text())
    assert lineage["base_model"] == "builtin/ember"
    assert [item["run_id"] for item in lineage["modifications"]] == [stage.run_id for stage in state.stages]


def test_the_chain_has_a_log_a_manifest_and_sums(ran: Ran) -> None:
    chain = ran.folder / "out" / "chain"
    assert verify_audit_log(str(chain / "audit_log.jsonl")).state == "closed"
    found = verify_pipeline(chain)
    assert (found.violations, found.hash_state, found.evidence_verified) == ((), "verified", 3)
    assert found.audit_corroboration is not None and found.audit_corroboration.outcome == "unattested"
    state = read_state(chain)
    assert state == ran.result.state
    totals = ran.result.state.as_record()["totals"]
    assert totals["real_tokens"] == sum(stage.totals["real_tokens"] for stage in ran.result.state.stages) > 0
    assert totals["flop_operations"] > 0
    names = [name for name in ran.heard.names() if name.startswith("pipeline.stage")]
    assert names == [Event.STAGE_STARTED, Event.STAGE_COMPLETED] * 3


def test_a_changed_file_shows(ran: Ran, tmp_path: Path) -> None:
    copy = shutil.copytree(ran.folder / "out" / "chain", tmp_path / "chain")
    report = copy / "stages/dpo/test_report.json"
    report.write_bytes(report.read_bytes() + b" ")
    assert "stage dpo: stages/dpo/test_report.json was changed" in verify_pipeline(copy).violations


def test_one_stage_can_be_run_again_and_what_follows_it_is_then_stale(ran: Ran, tmp_path: Path) -> None:
    """The pipeline's folders are copied with their absolute names kept, so this works on the folder itself, last."""
    config = ForgeConfig(**ran.given)
    before = weights(ran.folder, "dpo")
    again = run_pipeline(config, PipelineWishes(stage="dpo"))
    assert again.exit_code is ExitCode.OK
    assert again.state.pipeline_run_id == ran.result.state.pipeline_run_id
    assert weights(ran.folder, "dpo") == before
    assert (ran.folder / "out/dpo/superseded").is_dir()
    with pytest.raises(ConfigError, match="no stage 'dpp'"):
        run_pipeline(config, PipelineWishes(stage="dpp"))
    (ran.folder / "out/sft/final_model/README.md").write_text("changed")
    with pytest.raises(IntegrityError):
        raise_failed(run_pipeline(config, PipelineWishes(resume_from="dpo")))
    # What a stage that is not run ended with earlier is not how this ends.
    again = run_pipeline(config, PipelineWishes(stage="sft"))
    assert (again.exit_code, again.state.stage("dpo").exit_code) == (ExitCode.OK, ExitCode.INTEGRITY)


def test_another_launcher_s_processes_run_no_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="from one process"):
        run_pipeline(ForgeConfig(**build(tmp_path)))
    assert not (tmp_path / "out").exists()


def raise_failed(result: PipelineResult) -> None:
    stage = next(stage for stage in result.state.stages if stage.status is StageStatus.FAILED)
    assert result.exit_code is ExitCode.INTEGRITY
    raise IntegrityError(stage.error or "")


def test_a_stage_that_fails_its_gate_ends_the_chain(tmp_path: Path) -> None:
    given = build(tmp_path, evaluation={"auto_revert": True, "max_acceptable_loss": 0.0001}, sft={})
    given["data"]["validation_split_ratio"] = 0.1
    given["pipeline"]["stages"][0]["data"]["validation_split_ratio"] = 0.1
    result = run_pipeline(ForgeConfig(**given))
    state = result.state
    assert (result.exit_code, state.final_status, state.stopped_at) == (
        *(ExitCode.GATE_FAILED, FinalStatus.STOPPED, "sft"),
    )
    assert state.stage("sft").auto_revert_triggered
    assert "above max_acceptable_loss" in (state.stage("sft").error or "")
    assert {state.stage(name).status for name in ("dpo", "orpo")} == {StageStatus.SKIPPED}
    (told,) = read_entries(tmp_path / "out" / "chain" / "audit_log.jsonl", [Event.STAGE_REVERTED])
    assert (told.fields["stage_name"], told.fields["gate_decision"]) == ("sft", "failed")
    assert told.fields["auto_revert_triggered"]
    assert verify_pipeline(tmp_path / "out" / "chain").violations == ()


def test_a_held_stage_waits_and_goes_on_once_approved(tmp_path: Path) -> None:
    given = build(tmp_path, steps=3, evaluation={"require_human_approval": True})
    given["pipeline"]["stages"].pop()
    config = ForgeConfig(**given)
    held = run_pipeline(config)
    assert (held.exit_code, held.state.final_status) == (ExitCode.AWAITING_APPROVAL, FinalStatus.GATED)
    assert held.state.stage("dpo").status is StageStatus.PENDING
    staged = held.state.stage("sft").run_id
    still = run_pipeline(config)
    assert (still.exit_code, still.state.stage("sft").run_id) == (ExitCode.AWAITING_APPROVAL, staged)
    approve_run(str(tmp_path / "out/sft"), staged or "", Opinion("looked at it"))
    changed = config.replace("training.weight_decay", 0.02)
    with pytest.raises(ConfigError, match="is another one"):
        run_pipeline(changed)
    done = run_pipeline(changed, PipelineWishes(force_resume=True))
    assert (done.exit_code, done.state.final_status) == (ExitCode.OK, FinalStatus.COMPLETED)
    assert done.state.stage("sft").run_id == staged
    wanted = [Event.STAGE_GATED, Event.PIPELINE_RESUME_REFUSED, Event.PIPELINE_FORCE_RESUME]
    gated, refused, forced = read_entries(tmp_path / "out" / "chain" / "audit_log.jsonl", wanted)
    assert (gated.fields["stage_name"], gated.fields["gate_decision"]) == ("sft", "approval_pending")
    assert gated.fields["staging_path"] == held.state.stage("sft").staging_path
    assert (refused.fields["requested_stage"], refused.fields["blocking_stage"]) == ("sft", "sft")
    assert forced.fields["old_config_hash"] == still.state.pipeline_config_hash
    assert forced.fields["new_config_hash"] == done.state.pipeline_config_hash
    assert verify_pipeline(tmp_path / "out" / "chain").violations == ()


def test_a_stop_is_continued_by_the_same_call(tmp_path: Path) -> None:
    given = build(tmp_path)
    given["pipeline"]["stages"].pop()
    config, stop = ForgeConfig(**given), StopRequest()

    def listen(event: Event, /, **fields: Any) -> None:
        if event is Event.PROGRESS and fields.get("step", 0) >= 3:
            stop.ask()

    with pytest.raises(StoppedError):
        run_pipeline(config, listen=listen, stop=stop)
    state = read_state(tmp_path / "out" / "chain")
    assert state is not None and state.stage("sft").status is StageStatus.RUNNING
    heard = Heard()
    assert run_pipeline(config, listen=heard).exit_code is ExitCode.OK
    assert Event.TRAINING_RESUMED in heard.names()
    changed = ForgeConfig(**{**given, "model": {**given["model"], "max_length": 200}})
    with pytest.raises(ConfigError, match="another one"):
        run_pipeline(changed, PipelineWishes(resume_from="dpo"))


DRIVER = """
import json, sys
import torch
torch.set_num_threads(1)
from forgelm.config.root import ForgeConfig
from forgelm.run.pipeline.run import run_pipeline
print("ready", flush=True)
sys.exit(run_pipeline(ForgeConfig(**json.loads(sys.argv[1]))).exit_code)
"""


def run_under_fire(folder: Path, kills: int, seed: int, seconds: float) -> None:
    """Run the pipeline in a child that is killed ``kills`` times, at moments up to ``seconds`` after it is loaded."""
    given, chance = build(folder), random.Random(seed)
    left = kills
    while True:
        child = subprocess.Popen([sys.executable, "-c", DRIVER, json.dumps(given)], stdout=subprocess.PIPE)
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        if left:
            time.sleep(chance.random() * seconds)
            child.send_signal(signal.SIGKILL)
        code = child.wait()
        if code == 0:
            return
        assert code == -signal.SIGKILL
        left -= 1


def check_under_fire(ran: Ran, folder: Path, kills: int, seconds: float) -> None:
    run_under_fire(folder, kills, seed=kills, seconds=seconds)
    assert [weights(folder, name) for name in ("sft", "dpo", "orpo")] == [
        weights(ran.folder, name) for name in ("sft", "dpo", "orpo")
    ]
    found = verify_pipeline(folder / "out" / "chain")
    assert (found.violations, found.evidence_verified) == ((), 3)


@pytest.mark.skipif(os.name == "nt", reason="a kill there is no kill")
def test_killed_twice_it_ends_with_the_same_models(ran: Ran, tmp_path: Path) -> None:
    check_under_fire(ran, tmp_path, kills=2, seconds=8)


@pytest.mark.torture
def test_killed_ten_times_it_ends_with_the_same_models(ran: Ran, tmp_path: Path) -> None:
    check_under_fire(ran, tmp_path, kills=10, seconds=12)
