"""What is left to do follows from the state and the wishes; what cannot be meant is refused before anything runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import sections

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.config.root import ForgeConfig
from forgelm.config.stages import Stage, build_stages
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.evidence.pipeline.state import FinalStatus, PipelineState, StageState, StageStatus
from forgelm.publish.moves import seal_of
from forgelm.run.pipeline.run import begin_state
from forgelm.run.pipeline.wishes import PipelineWishes, build_plan, check_done, check_wishes, find_problem

NAMES = ("sft", "dpo", "grpo")


def config() -> ForgeConfig:
    stages = [{"name": n, "training": {"trainer_type": n, "output_dir": f"out/{n}"}} for n in NAMES]
    return ForgeConfig(**sections(Path("d.jsonl"), Path("root"), pipeline={"output_dir": "chain", "stages": stages}))


def stages() -> tuple[Stage, ...]:
    return build_stages(config())


def state(*statuses: str, **changes: Any) -> PipelineState:
    fresh = begin_state(config(), stages())
    for name, status in zip(NAMES, statuses, strict=False):
        fresh = fresh.with_stage(name, status=StageStatus(status))
    return replace(fresh, **changes)


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (PipelineWishes(stage="sft", resume_from="dpo"), "give one of the two"),
        (PipelineWishes(input_model="m"), "says what one stage begins with"),
        (PipelineWishes(stage="dp0"), "no stage 'dp0'"),
        (PipelineWishes(resume_from="ppo"), "no stage 'ppo'"),
    ],
)
def test_what_cannot_be_meant_is_refused(wishes: PipelineWishes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_wishes(wishes, stages())


@pytest.mark.parametrize(
    ("wishes", "before", "todo", "fresh"),
    [
        (PipelineWishes(), None, NAMES, True),
        (PipelineWishes(stage="dpo"), None, ("dpo",), True),
        (PipelineWishes(), state("completed", "running"), ("dpo", "grpo"), False),
        (PipelineWishes(), state("completed", "gated_pending_approval"), ("dpo", "grpo"), False),
        (PipelineWishes(), state("failed", "skipped_due_to_prior_revert"), NAMES, False),
        (PipelineWishes(), state(*["completed"] * 3), (), False),
        (PipelineWishes(), state(*["completed"] * 3, final_status=FinalStatus.COMPLETED), NAMES, True),
        (PipelineWishes(stage="dpo"), state(*["completed"] * 3, final_status=FinalStatus.COMPLETED), ("dpo",), False),
        (PipelineWishes(resume_from="dpo"), state(*["completed"] * 3), ("dpo", "grpo"), False),
    ],
)
def test_what_is_left_to_do(
    wishes: PipelineWishes, before: PipelineState | None, todo: tuple[str, ...], fresh: bool
) -> None:
    plan = build_plan(wishes, begin_state(config(), stages()), before)
    assert (plan.todo, plan.fresh) == (todo, fresh)
    if before is not None and not fresh:
        assert plan.state.pipeline_run_id == before.pipeline_run_id
    kept = {StageStatus.RUNNING, StageStatus.GATED, StageStatus.PENDING}
    assert {plan.state.stage(name).status for name in plan.todo} <= kept


def test_a_stage_trained_on_a_model_that_is_gone_is_not_done() -> None:
    before = state("completed", "completed", "completed")
    before = before.with_stage("sft", output_root="new").with_stage("dpo", input_source="chain", input_root="old")
    assert build_plan(PipelineWishes(), begin_state(config(), stages()), before).todo == ("dpo", "grpo")


def test_a_changed_configuration_goes_on_only_when_forced() -> None:
    before, fresh = state("completed"), replace(state(), pipeline_config_hash="sha256:other")
    with pytest.raises(ConfigError, match="is another one"):
        build_plan(PipelineWishes(), fresh, before)
    plan = build_plan(PipelineWishes(force_resume=True), fresh, before)
    assert (plan.forced, plan.state.pipeline_config_hash) == (before.pipeline_config_hash, "sha256:other")


def test_other_stages_go_on_under_no_circumstances() -> None:
    before = replace(state(), stages=(StageState("other", 0, "sft"),))
    with pytest.raises(ConfigError, match="had the stages other"):
        build_plan(PipelineWishes(force_resume=True), state(), before)


def test_there_must_be_something_to_resume() -> None:
    with pytest.raises(ConfigError, match="no earlier state"):
        build_plan(PipelineWishes(resume_from="dpo"), state(), None)


def test_what_a_stage_left_is_looked_at_before_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("w")
    write_integrity_manifest(tmp_path)
    root = seal_of(tmp_path)
    done = state("completed").with_stage("sft", output_model=str(tmp_path), output_root=root)
    check_done(done, "dpo")
    assert find_problem(replace(done.stage("sft"), output_root="other")) == "another model stands in its place"
    assert "no sealed model" in (find_problem(replace(done.stage("sft"), output_model=None)) or "")
    with pytest.raises(ConfigError, match="stage 'dpo', before 'grpo', is pending"):
        check_done(done, "grpo")
    (tmp_path / "weights").write_text("x")
    with pytest.raises(IntegrityError, match="is not what it was"):
        check_done(done, "dpo")
