"""The loop's own decisions; whole trainings are tested with the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support import Heard

from forgelm.base.errors import StoppedError
from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.model.load import load
from forgelm.run.folder import run_files
from forgelm.train.loop import Wishes, train
from forgelm.train.tokenised import tokenise_data

Make = Callable[..., ForgeConfig]


def test_a_stop_leaves_a_checkpoint_and_no_model(make_config: Make, caplog: pytest.LogCaptureFixture) -> None:
    config, heard = make_config(training={"max_steps": 3, "eval_steps": 4}), Heard()
    loaded = load(config)
    data = tokenise_data(config, prepare_run(config), loaded.tokenizer)
    wishes = Wishes(stop_requested=lambda: True)
    with pytest.raises(StoppedError, match="stopped at step 1 as asked; the checkpoint is saved"):
        train(config, data, loaded, run_files(config), run_id="x", emit=heard, wishes=wishes)
    assert heard.fields(Event.TRAINING_STARTED)["rows"] == len(data.train.examples)
    assert [path.name for path in run_files(config).root.glob("checkpoint-*")] == ["checkpoint-1"]
    assert not run_files(config).staging("x").exists()
    assert "training.eval_steps (4) is more than the 3 steps of this training" in caplog.text


def test_training_ends_after_so_many_evaluations_without_improvement(make_config: Make) -> None:
    still = {"learning_rate": 1e-30, "max_steps": 6, "eval_steps": 1, "save_steps": 1, "early_stopping_patience": 2}
    config = make_config(training=still, data={"validation_split_ratio": 0.1})
    loaded = load(config)
    data = tokenise_data(config, prepare_run(config), loaded.tokenizer)
    outcome = train(config, data, loaded, run_files(config), run_id="x", emit=Heard())
    assert outcome.steps == 3, "the first evaluation, and two that are no better"
