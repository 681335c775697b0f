from __future__ import annotations

from pathlib import Path

import pytest
from support import order_rows, write_rows

from forgelm.assist.recommend import Wanted, choose_gpu, read_shapes, recommend
from forgelm.base.errors import ConfigError, ModelError
from forgelm.config.load import load_config
from forgelm.model.gpus import GPUS, any_gpu, find_gpu
from forgelm.run.single import run_single


@pytest.mark.parametrize("gpu", sorted(GPUS))
def test_what_is_recommended_fits(gpu: str) -> None:
    found = recommend(Wanted("3B"), find_gpu(gpu))
    assert found.fit.verdict == "FITS"
    training = found.config.training
    assert training.per_device_train_batch_size * training.gradient_accumulation_steps == 16


@pytest.mark.parametrize(
    ("model", "gpu", "method"),
    [
        ("0.1B", "rtx-4090", "full"),
        ("8B", "h100", "lora"),
        ("8B", "t4", "qlora"),
        ("70B", "h100", "qlora"),
        ("70B", "b200", "lora"),
    ],
)
def test_the_method_is_the_best_that_fits(model: str, gpu: str, method: str) -> None:
    assert recommend(Wanted(model), find_gpu(gpu)).method == method


def test_more_memory_never_gets_less() -> None:
    tokens = []
    for size in (8, 12, 16, 24, 40, 80):
        config = recommend(Wanted("3B"), any_gpu(size)).config
        tokens.append(config.training.per_device_train_batch_size * config.model.max_length)
    assert tokens[-1] > tokens[0]


def test_what_cannot_fit_is_refused_with_what_it_would_take() -> None:
    with pytest.raises(ConfigError, match=r"the smallest training takes \d+") as caught:
        recommend(Wanted("70B"), find_gpu("l4"))
    assert "distributed" in str(caught.value)


@pytest.mark.parametrize("trainer", ["sft", "dpo", "kto", "grpo"])
def test_every_trainer_gets_a_configuration_of_its_own(trainer: str, tmp_path: Path) -> None:
    found = recommend(Wanted("1B", trainer_type=trainer, max_length=777), find_gpu("h100"))
    (tmp_path / "run.yaml").write_text(found.yaml)
    config = load_config(str(tmp_path / "run.yaml"))
    assert config.training.trainer_type == trainer
    assert config.model.max_length == 777


def test_the_yaml_trains_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.jsonl", order_rows(20))
    found = recommend(Wanted("builtin/ember", dataset="rows.jsonl", offline=True))
    (tmp_path / "run.yaml").write_text(found.yaml)
    config = load_config(str(tmp_path / "run.yaml"), ["training.num_train_epochs=1", "training.max_steps=4"])
    assert run_single(config).success
    assert (tmp_path / "runs" / "first" / "final_model").is_dir()


def test_a_name_that_says_nothing_is_refused() -> None:
    with pytest.raises(ModelError, match="says no size"):
        read_shapes("someone/mystery", offline=True)
    with pytest.raises(ModelError):
        read_shapes("0B", offline=True)
    assert read_shapes("7b").parameters == pytest.approx(6.7e9, rel=0.05)


def test_a_gpu_is_named_or_measured() -> None:
    assert choose_gpu(None, None) is None
    assert choose_gpu("h100", None) is GPUS["h100-80gb"]
    assert choose_gpu(None, 12.5) == any_gpu(12.5)
    with pytest.raises(ConfigError, match="not both"):
        choose_gpu("h100", 80)
