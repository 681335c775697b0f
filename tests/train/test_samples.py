"""The same held-out prompts are asked at every checkpoint; the replies travel with it, also over a resume."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forgelm.base.errors import DataError, StoppedError
from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.config.root import ForgeConfig
from forgelm.config.training import TrainingConfig
from forgelm.run.folder import run_files
from forgelm.run.single import run_single
from forgelm.run.stop import StopRequest
from forgelm.train.checkpoints import list_checkpoints
from forgelm.train.samples import SAMPLES, Samples, choose_samples
from forgelm.train.seal import broken_seal

TRAINING = {"max_steps": 6, "save_steps": 2, "eval_steps": 2, "logging_steps": 1, "learning_rate": 2e-2}


def read(checkpoint: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (checkpoint / SAMPLES).read_text(encoding="utf-8").splitlines()]


def test_replies_over_time_lie_in_the_sealed_checkpoints_and_change_nothing_else(
    make_config: Callable[..., ForgeConfig], tmp_path: Path
) -> None:
    config = make_config(training={**TRAINING, "sample_prompts": 2, "sample_max_new_tokens": 32})
    plain = make_config(training={**TRAINING, "output_dir": str(tmp_path / "plain")})
    weights = [run_files(one).final_model / "adapter_model.safetensors" for one in (config, plain)]
    metrics = [run_single(one).metrics for one in (config, plain)]
    assert metrics[0] == metrics[1]
    assert sha256_file(weights[0]) == sha256_file(weights[1])
    assert not list((tmp_path / "plain").glob(f"*/{SAMPLES}"))

    newest = list_checkpoints(run_files(config).root)[-1]
    assert broken_seal(newest) is None
    lines = read(newest)
    assert [line["step"] for line in lines] == [2, 2, 4, 4, 6, 6]
    assert [line["row"] for line in lines] == [lines[0]["row"], lines[1]["row"]] * 3
    assert lines[0]["prompt"] == lines[2]["prompt"]
    assert lines[0]["wanted"]
    assert len({line["reply"] for line in lines if line["row"] == lines[0]["row"]}) > 1
    (newest / SAMPLES).write_text("", encoding="utf-8")
    assert broken_seal(newest) is not None


def test_a_resumed_training_goes_on_with_the_list(make_config: Callable[..., ForgeConfig]) -> None:
    config = make_config(training={**TRAINING, "sample_prompts": 1, "sample_max_new_tokens": 4})
    stop = StopRequest()

    def listen(event: Event, /, **fields: Any) -> None:
        if event is Event.PROGRESS and fields["step"] == 3:
            stop.ask()

    with pytest.raises(StoppedError):
        run_single(config, listen=listen, stop=stop)
    steps = [line["step"] for line in read(list_checkpoints(run_files(config).root)[-1])]
    run_single(config, resume="auto")
    again = [line["step"] for line in read(list_checkpoints(run_files(config).root)[-1])]
    assert again == [*steps, *(step for step in (4, 6) if step > steps[-1])]


def test_there_is_something_to_ask_or_the_run_is_refused() -> None:
    assert choose_samples(TrainingConfig(), None, None) == Samples()
    for nothing in (None, ()):
        with pytest.raises(DataError, match="no validation rows"):
            choose_samples(TrainingConfig(sample_prompts=1), nothing, None)
