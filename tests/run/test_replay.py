"""A replay gives the recorded losses to the bit; a changed record, or nothing to compare, is said."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.root import ForgeConfig
from forgelm.run.folder import run_files
from forgelm.run.replay import Replay, Replayed, replay_run
from forgelm.run.single import run_single
from forgelm.train.checkpoints import list_checkpoints
from forgelm.train.losses import LOSSES
from forgelm.train.seal import SEAL, seal_folder

TRAINING = {"max_steps": 6, "save_steps": 2, "eval_steps": 50, "gradient_accumulation_steps": 2}
Make = Callable[..., ForgeConfig]


def test_a_replay_gives_the_recorded_losses_and_leaves_the_run_as_it_is(make_config: Make) -> None:
    config = make_config(training=TRAINING, lora={"dropout": 0.1})
    run_single(config)
    root = run_files(config).root
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}

    found = replay_run(config, steps=2)
    assert (found.checkpoint, found.recorded_in, found.limit) == ("checkpoint-4", "checkpoint-6", 0.0)
    assert [one.step for one in found.steps] == [5, 6]
    assert (found.same, found.largest_difference) == (True, 0.0)
    further = replay_run(config, checkpoint=str(root / "checkpoint-2"), steps=3)
    assert ([one.step for one in further.steps], further.same) == ([3, 4, 5], True)
    assert len(replay_run(config, steps=100).steps) == 4
    assert before == {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}

    newest = list_checkpoints(root)[-1]
    losses = json.loads((newest / LOSSES).read_text())
    (newest / LOSSES).write_text(json.dumps([*losses[:5], losses[5] + 1e-9]))
    identity = json.loads((newest / SEAL).read_text())["identity"]
    (newest / SEAL).unlink()
    seal_folder(newest, identity)
    changed = replay_run(config, steps=2)
    assert (changed.same, changed.steps[0].replayed == changed.steps[0].recorded) == (False, True)
    with pytest.raises(ConfigError, match=r"training\.learning_rate"):
        replay_run(make_config(training={**TRAINING, "learning_rate": 1e-4}, lora={"dropout": 0.1}), steps=2)
    with pytest.raises(ConfigError, match="no step after checkpoint-6"):
        replay_run(config, checkpoint=str(newest))


def test_there_is_something_to_replay_or_it_is_said(make_config: Make) -> None:
    with pytest.raises(ConfigError, match="there is no run"):
        replay_run(make_config())
    run_files(make_config()).root.mkdir()
    with pytest.raises(ConfigError, match="no valid checkpoint"):
        replay_run(make_config())
    with pytest.raises(ConfigError, match="nothing to compare"):
        replay_run(make_config(training={"determinism": "off"}))


def test_a_difference_is_relative_to_the_recorded_loss() -> None:
    replay = Replay("a", "b", (Replayed(1, 2.0, 2.01), Replayed(2, 1.0, 1.0)), 1e-2)
    assert (round(replay.largest_difference, 6), replay.same) == (0.005, True)
    assert replay.as_record()["steps"][0] == {"step": 1, "recorded": 2.0, "replayed": 2.01}
