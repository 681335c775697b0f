"""The library's snippet, and a stop from another thread."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from forgelm import ForgeTrainer
from forgelm.base.errors import StoppedError
from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig

Make = Callable[..., ForgeConfig]


def test_the_snippet_trains(make_config: Make) -> None:
    result = ForgeTrainer(make_config(training={"max_steps": 2})).train()
    assert result.success
    assert result.output_dir == result.final_model_path
    assert result.revert_reason is None
    assert "promoted" in result._repr_html_()


def test_stop_may_be_called_from_any_thread(make_config: Make) -> None:
    def listen(event: Event, /, **fields: Any) -> None:
        if event is Event.TRAINING_STARTED:
            threading.Thread(target=trainer.stop).start()

    trainer = ForgeTrainer(make_config(training={"num_train_epochs": 100}), listen=listen)
    with pytest.raises(StoppedError) as stopped:
        trainer.train()
    assert stopped.value.checkpoint is not None
    assert "--resume" in str(stopped.value)


def test_constructing_is_cheap_and_keeps_the_config(make_config: Make) -> None:
    before = set(sys.modules)
    config = make_config()
    assert ForgeTrainer(config).config is config
    assert not {"torch", "trl"} & (set(sys.modules) - before)
