from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Heard, order_rows, write_rows

from forgelm.base.errors import TrainingError
from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.model.load import load
from forgelm.run.folder import run_files
from forgelm.train.loop import Outcome, train
from forgelm.train.memory.recovery import BatchPlan, choose_smaller
from forgelm.train.tokenised import tokenise_data


@pytest.mark.parametrize(
    ("plan", "least", "smaller"),
    [
        ((8, 1, 8), 1, (4, 2, 4)),
        ((8, 2, 2), 1, (4, 4, 2)),
        ((4, 3, 4), 3, (3, 4, 3)),
        ((6, 1, 6), 1, (3, 2, 3)),
        ((5, 2, 5), 1, (2, 5, 2)),
        ((7, 1, 7), 1, (1, 7, 1)),
        ((7, 1, 7), 2, None),
        ((2, 1, 2), 2, None),
        ((1, 8, 1), 1, None),
    ],
)
def test_a_smaller_batch_keeps_the_rows_of_a_step(
    plan: tuple[int, int, int], least: int, smaller: tuple[int, int, int] | None
) -> None:
    found = choose_smaller(BatchPlan(*plan), min_rows=least, where="training")
    assert found == (BatchPlan(*smaller) if smaller else None)
    if found is not None:
        assert found.step_rows == BatchPlan(*plan).step_rows
        assert least <= found.rows <= max(plan[0] // 2, least)


def test_evaluation_gets_smaller_by_itself_and_elsewhere_nothing_helps() -> None:
    plan = BatchPlan(8, 1, 4)
    assert choose_smaller(plan, min_rows=1, where="evaluating") == BatchPlan(8, 1, 2)
    assert choose_smaller(BatchPlan(8, 1, 1), min_rows=1, where="evaluating") is None
    assert choose_smaller(plan, min_rows=1, where="elsewhere") is None


class Full:
    """Memory that is full from optimizer step ``step`` on for passes of more than ``rows`` rows."""

    def __init__(self, *, rows: int, passes: int = 0, training: bool = True) -> None:
        self.rows, self.passes, self.training = rows, passes, training
        self.seen = 0

    def watch(self, model: Any) -> None:
        import torch

        def hear(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if torch.is_grad_enabled() is not self.training:
                return
            self.seen += 1
            if self.seen > self.passes and kwargs["input_ids"].shape[0] > self.rows:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nmore")

        model.get_decoder().register_forward_pre_hook(hear, with_kwargs=True)


def run(config: ForgeConfig, full: Full | None = None) -> tuple[Outcome, Heard, list[float]]:
    loaded = load(config)
    data = tokenise_data(config, prepare_run(config), loaded.tokenizer)
    if full is not None:
        full.watch(loaded.model)
    heard = Heard()
    outcome = train(config, data, loaded, run_files(config), run_id="x", emit=heard)
    losses = [fields["loss"] for name, fields in heard.events if name is Event.PROGRESS and "loss" in fields]
    return outcome, heard, losses


@pytest.fixture
def configured(make_config: Callable[..., ForgeConfig]) -> Callable[..., ForgeConfig]:
    def make(folder: str, **training: Any) -> ForgeConfig:
        config = make_config(training={"logging_steps": 1, "oom_recovery": True, "max_steps": 6, **training})
        return config.replace("training.output_dir", str(Path(config.training.output_dir).with_name(folder)))

    return make


@pytest.mark.parametrize("passes", [0, 3])
def test_training_goes_on_from_the_same_step_and_learns_the_same(
    configured: Callable[..., ForgeConfig], passes: int
) -> None:
    import torch

    # In random order, which rows share a step does not depend on the micro-batch.
    order = {"train_sampling_strategy": "random"}
    small, _, wanted = run(configured("small", per_device_train_batch_size=2, gradient_accumulation_steps=4, **order))
    outcome, heard, losses = run(configured("full", **order), Full(rows=2, passes=passes))
    told = [fields for name, fields in heard.events if name is Event.TRAINING_OOM_RECOVERY]
    assert [(one["old_batch_size"], one["new_batch_size"], one["new_grad_accum"]) for one in told] == [
        (8, 4, 2),
        (4, 2, 4),
    ]
    assert [one["step"] for one in told] == [passes, passes]
    assert [one["continues_from"] for one in told] == [f"checkpoint-{passes}" if passes else "the beginning"] * 2
    assert outcome.batch == BatchPlan(2, 4, 2)
    assert outcome.steps == small.steps == 6
    # One report for each step: none was trained twice, none left out.
    assert len(losses) == 6
    assert losses == pytest.approx(wanted, abs=1e-4)
    assert outcome.train_loss == pytest.approx(sum(losses) / 6, abs=1e-3)
    assert outcome.compute.real_tokens == small.compute.real_tokens
    for ours, theirs in zip(outcome.trained_logits, small.trained_logits, strict=True):
        assert torch.allclose(torch.as_tensor(ours), torch.as_tensor(theirs), atol=1e-3)


def test_rows_share_the_steps_they_would_have_without_it(configured: Callable[..., ForgeConfig]) -> None:
    import torch

    whole, _, wanted = run(configured("whole"))
    outcome, _, losses = run(configured("full"), Full(rows=4, passes=3))
    assert losses == pytest.approx(wanted, abs=1e-4)
    assert outcome.compute.real_tokens == whole.compute.real_tokens
    assert outcome.train_loss == pytest.approx(whole.train_loss, abs=1e-4)
    for ours, theirs in zip(outcome.trained_logits, whole.trained_logits, strict=True):
        assert torch.allclose(torch.as_tensor(ours), torch.as_tensor(theirs), atol=1e-3)


def test_it_stops_at_the_smallest(configured: Callable[..., ForgeConfig]) -> None:
    with pytest.raises(TrainingError, match="no smaller one to try") as caught:
        run(configured("least", oom_recovery_min_batch_size=4), Full(rows=2, passes=3))
    assert "micro-batches of 4 rows" in caught.value.message
    assert "more" not in caught.value.message


def test_without_it_the_first_time_is_the_last(configured: Callable[..., ForgeConfig]) -> None:
    with pytest.raises(TrainingError, match="out of memory while training") as caught:
        run(configured("off", oom_recovery=False), Full(rows=4))
    assert "--fit-check" in str(caught.value)


def test_evaluation_that_is_too_large_is_made_smaller(configured: Callable[..., ForgeConfig]) -> None:
    config = configured("eval", eval_steps=2, max_steps=4, per_device_eval_batch_size=8)
    outcome, heard, _ = run(config, Full(rows=4, passes=0, training=False))
    told = heard.fields(Event.TRAINING_OOM_RECOVERY)
    assert (told["where"], told["old_batch_size"], told["new_batch_size"]) == ("evaluating", 8, 4)
    assert outcome.steps == 4
    assert outcome.batch is not None
    assert outcome.batch.rows == 8


def test_grpo_goes_on_with_the_replies_it_would_have_drawn(
    configured: Callable[..., ForgeConfig], tmp_path: Path
) -> None:
    import torch

    rows = write_rows(tmp_path / "p.jsonl", [{"prompt": row["messages"][:1]} for row in order_rows(24)])
    changes: dict[str, Any] = {"trainer_type": "grpo", "grpo_rewards": ["length"], "grpo_num_generations": 4}
    changes |= {"grpo_max_completion_length": 8, "max_steps": 3}

    def config(folder: str) -> ForgeConfig:
        return configured(folder, **changes).replace("data.dataset_name_or_path", str(rows))

    whole, _, wanted = run(config("whole"))
    outcome, heard, losses = run(config("full"), Full(rows=4, passes=1))
    told = heard.fields(Event.TRAINING_OOM_RECOVERY)
    assert (told["step"], told["old_batch_size"], told["new_batch_size"], told["new_grad_accum"]) == (1, 8, 4, 2)
    assert losses == pytest.approx(wanted, abs=1e-4)
    for ours, theirs in zip(outcome.trained_logits, whole.trained_logits, strict=True):
        assert torch.allclose(torch.as_tensor(ours), torch.as_tensor(theirs), atol=1e-3)


def test_replies_that_cannot_be_drawn_at_once_end_it(configured: Callable[..., ForgeConfig], tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "p.jsonl", [{"prompt": row["messages"][:1]} for row in order_rows(24)])
    config = configured("g", trainer_type="grpo", grpo_rewards=["length"], grpo_max_completion_length=8, max_steps=2)
    with pytest.raises(TrainingError, match="while drawing the replies of a step") as caught:
        run(config.replace("data.dataset_name_or_path", str(rows)), Full(rows=4, passes=2, training=False))
    assert "smaller micro-batches would not help" in caught.value.message
    assert "grpo_max_completion_length" in str(caught.value.hint)
