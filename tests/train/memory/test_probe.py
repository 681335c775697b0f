from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Heard

from forgelm.base.errors import TrainingError
from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare
from forgelm.model.load import load
from forgelm.run.folder import run_files
from forgelm.train.loop import Outcome, train
from forgelm.train.tokenised import tokenise_data


def run(config: ForgeConfig, *, largest: int | None = None) -> tuple[Outcome, Heard]:
    loaded = load(config)
    data = tokenise_data(config, prepare(config.data, seed=1), loaded.tokenizer)
    if largest is not None:
        refuse_above(loaded.model, largest)
    heard = Heard()
    return train(config, data, loaded, run_files(config), run_id="x", emit=heard), heard


def refuse_above(model: Any, rows: int) -> None:
    import torch

    def hear(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if torch.is_grad_enabled() and kwargs["input_ids"].shape[0] > rows:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    model.get_decoder().register_forward_pre_hook(hear, with_kwargs=True)


@pytest.fixture
def configured(make_config: Callable[..., ForgeConfig]) -> Callable[..., ForgeConfig]:
    def make(folder: str, *, full: bool = False, **training: Any) -> ForgeConfig:
        adapter = None if full else {"r": 8, "dropout": 0.2, "target_modules": "all-linear"}
        config = make_config(
            lora=adapter, training={"max_steps": 3, "save_steps": 2, "eval_steps": 2, "logging_steps": 1, **training}
        )
        return config.replace("training.output_dir", str(Path(config.training.output_dir).with_name(folder)))

    return make


@pytest.mark.parametrize("full", [False, True])
def test_nothing_of_the_training_is_changed(configured: Callable[..., ForgeConfig], full: bool) -> None:
    """Dropout, optimizer state and weights: the same bytes with and without it."""
    import torch

    runs = {}
    for name, probe in (("without", False), ("with", True)):
        config = configured(name, memory_probe=probe, full=full)
        outcome, heard = run(config)
        root = run_files(config).root
        weights = {path.name: path.read_bytes() for path in outcome.staging.glob("*.safetensors")}
        state = torch.load(root / "checkpoint-2" / "optimizer.pt", weights_only=True)
        moments = [tensor for one in state["state"].values() for tensor in one.values()]
        reports = [
            {key: value for key, value in fields.items() if key in ("loss", "grad_norm", "eval_loss")}
            for event, fields in heard.events
            if event is Event.PROGRESS
        ]
        runs[name] = (weights, moments, reports, outcome.train_loss, outcome.compute.real_tokens)
    without, watched = runs["without"], runs["with"]
    assert without[0] == watched[0]
    assert all(torch.equal(torch.as_tensor(a), torch.as_tensor(b)) for a, b in zip(without[1], watched[1], strict=True))
    assert [one for one in without[2] if one] == [one for one in watched[2] if one]
    assert without[3:] == watched[3:]


def test_what_was_predicted_is_compared_with_what_was_counted(configured: Callable[..., ForgeConfig]) -> None:
    outcome, heard = run(configured("probed", memory_probe=True, max_steps=1))
    found = outcome.probed
    assert found is not None
    assert found.rows == 8
    assert found.evaluated_rows > 0
    assert found.skipped == ()
    assert found.measured_bytes > 10 * 2**20
    # In a model this small the loss is nearly everything, and how torch computes it here is only known roughly.
    assert abs(found.difference) < 0.25
    assert heard.fields(Event.TRAINING_MEMORY_PROBED)["measured_bytes"] == found.measured_bytes
    order = heard.names()
    assert order.index(Event.TRAINING_MEMORY_PROBED) < order.index(Event.PROGRESS)


def test_without_a_gpu_it_is_made_only_when_asked_for(configured: Callable[..., ForgeConfig]) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("here it is made by itself")
    outcome, heard = run(configured("unasked", max_steps=1))
    assert outcome.probed is None
    assert Event.TRAINING_MEMORY_PROBED not in heard.names()


def test_memory_that_runs_out_in_it_ends_the_run_before_the_first_step(configured: Callable[..., ForgeConfig]) -> None:
    with pytest.raises(TrainingError, match="out of memory while training"):
        run(configured("full", memory_probe=True), largest=4)


def test_or_makes_the_batch_smaller_and_is_made_again(configured: Callable[..., ForgeConfig]) -> None:
    outcome, heard = run(configured("smaller", memory_probe=True, oom_recovery=True, max_steps=1), largest=4)
    assert heard.fields(Event.TRAINING_OOM_RECOVERY)["step"] == 0
    assert outcome.probed is not None
    assert outcome.probed.rows == 4
    assert outcome.steps == 1


@pytest.mark.parametrize("optim", ["schedule_free_adamw", "sgd"])
def test_a_step_that_cannot_be_taken_back_is_not_made(configured: Callable[..., ForgeConfig], optim: str) -> None:
    if optim.startswith("schedule_free"):
        pytest.importorskip("schedulefree")
    outcome, _ = run(configured(optim, memory_probe=True, max_steps=1, optim=optim))
    assert outcome.probed is not None
    assert bool(outcome.probed.skipped) == optim.startswith("schedule_free")
