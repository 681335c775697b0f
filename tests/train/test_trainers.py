"""The trainer TRL gives us: silent, in our order of rows, and exact when it packs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trl
from sft_trainer import trainer_for
from support import ember_model, ember_tokenizer, order_rows

from forgelm.base.errors import OptionalDependencyError, StorageError
from forgelm.config.root import ForgeConfig
from forgelm.data.rows import Row, RowFormat
from forgelm.evaluate.loss import measure_loss
from forgelm.train.checkpoints import list_checkpoints
from forgelm.train.listeners import Listener
from forgelm.train.seal import broken_seal
from forgelm.train.tokenise import Example, choose_encoding, tokenise
from forgelm.train.trainers import check_trackers, keep_to_one_gpu

Make = Callable[..., ForgeConfig]


@pytest.fixture(scope="module")
def examples() -> tuple[Example, ...]:
    rows = tuple(Row(value, "rows", number) for number, value in enumerate(order_rows(40), 1))
    encoding = choose_encoding(
        ember_tokenizer(), rows, RowFormat.MESSAGES, max_length=256, add_eos=True, reply_mask=None
    )
    return tokenise(rows, encoding).examples


def test_a_tracker_that_is_not_installed_is_named_with_its_extra() -> None:
    check_trackers([])
    check_trackers(["tensorboard"])
    with pytest.raises(OptionalDependencyError, match="whose package is not installed") as raised:
        check_trackers(["tensorboard", "no_such_tracker"])
    assert "forgelm[no_such_tracker]" in str(raised.value)


def test_what_is_measured_goes_to_the_tracker(make_config: Make, examples: tuple[Example, ...], tmp_path: Path) -> None:
    training = {"max_steps": 1, "logging_steps": 1, "report_to": "tensorboard"}
    trainer_for(make_config(training=training), examples).train()
    (written,) = (tmp_path / "run" / "runs").rglob("events.out.tfevents.*")
    assert b"train/loss" in written.read_bytes()


def test_the_trainer_gets_exactly_our_tokens_and_labels(make_config: Make, examples: tuple[Example, ...]) -> None:
    trainer = trainer_for(make_config(training={"train_sampling_strategy": "sequential"}), examples)
    batch = next(iter(trainer.get_train_dataloader()))
    for index, example in enumerate(examples[: len(batch["input_ids"])]):
        size = len(example.input_ids)
        assert batch["input_ids"][index][:size].tolist() == example.input_ids
        assert batch["labels"][index][:size].tolist() == example.labels
        assert set(batch["labels"][index][size:].tolist()) <= {-100}
        assert batch["attention_mask"][index].sum() == size


def test_nothing_is_printed_and_nothing_is_sent(
    make_config: Make, examples: tuple[Example, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = trainer_for(make_config(training={"max_steps": 2, "logging_steps": 1}), examples)
    trainer.train()
    assert capsys.readouterr().out == ""
    assert "send" in type(trainer)._send_telemetry.__name__
    assert type(trainer)._send_telemetry.__qualname__.startswith("quieten.")


def test_the_order_of_rows_is_ours_in_every_epoch(make_config: Make, examples: tuple[Example, ...]) -> None:
    loader = trainer_for(make_config(training={"train_sampling_strategy": "random"}), examples).get_train_dataloader()
    loader.set_epoch(0)
    first = [batch["input_ids"].tolist() for batch in loader]
    loader.set_epoch(1)
    second = [batch["input_ids"].tolist() for batch in loader]
    loader.set_epoch(0)
    assert [batch["input_ids"].tolist() for batch in loader] == first
    assert first != second


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_rows_do_not_see_each_other(make_config: Make, examples: tuple[Example, ...], attention: str) -> None:
    """The loss of packed rows equals the loss of the same rows alone, token for token."""
    model = ember_model()
    model.set_attn_implementation(attention)
    alone = measure_loss(model, examples, pad_token_id=0).value
    # One batch holds all: transformers averages over batches, we over tokens.
    config = make_config(training={"packing": True, "per_device_eval_batch_size": 64}, model={"max_length": 256})
    trainer = trainer_for(config, examples, model)
    assert len(trainer.eval_dataset) < len(examples) / 3
    assert trainer.evaluate()["eval_loss"] == pytest.approx(alone, abs=2e-5)


def test_padding_free_batches_have_the_loss_of_padded_ones(make_config: Make, examples: tuple[Example, ...]) -> None:
    alone = measure_loss(ember_model(), examples, pad_token_id=0).value
    trainer = trainer_for(make_config(training={"padding_free": True, "per_device_eval_batch_size": 64}), examples)
    batch = next(iter(trainer.get_eval_dataloader()))
    assert batch["input_ids"].shape == (1, sum(len(example.input_ids) for example in examples))
    assert trainer.evaluate()["eval_loss"] == pytest.approx(alone, abs=2e-5)


def test_listeners_hear_begin_steps_and_logs(make_config: Make, examples: tuple[Example, ...]) -> None:
    heard: list[str] = []

    class Ear(Listener):
        def begin(self, state: Any) -> None:
            heard.append("begin")

        def step(self, state: Any, control: Any) -> None:
            heard.append(f"step {state.global_step}")

        def log(self, state: Any, numbers: Any) -> None:
            heard.extend(["loss"] if "loss" in numbers else [])

    trainer_for(make_config(training={"max_steps": 2, "logging_steps": 1}), examples, listeners=(Ear(),)).train()
    assert heard == ["begin", "step 1", "loss", "step 2", "loss"]


def test_a_checkpoint_that_cannot_be_written_is_removed_whole(
    make_config: Make, examples: tuple[Example, ...], tmp_path: Path
) -> None:
    trainer = trainer_for(make_config(training={"max_steps": 1}), examples)
    blocked = tmp_path / "run" / ".writing-checkpoint-1"
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("in the way")
    with pytest.raises(StorageError, match="checkpoint-1"):
        trainer.train()
    assert not (tmp_path / "run" / "checkpoint-1").exists()


def test_checkpoints_appear_sealed_and_the_oldest_go(
    make_config: Make, examples: tuple[Example, ...], tmp_path: Path
) -> None:
    training = {"max_steps": 6, "save_steps": 1, "eval_steps": 1, "save_total_limit": 2}
    trainer = trainer_for(make_config(training=training), examples)
    trainer.train()
    left = list_checkpoints(tmp_path / "run")
    best = Path(trainer.state.best_model_checkpoint)
    assert best in left
    states = [json.loads((path / "trainer_state.json").read_text()) for path in left]
    assert {Path(state["best_model_checkpoint"]).parent for state in states} == {tmp_path / "run"}
    assert {path.name for path in left} == {best.name, "checkpoint-6"} | {path.name for path in left[-2:]}
    assert [broken_seal(path) for path in left] == [None] * len(left)
    assert not list((tmp_path / "run").glob(".writing-*"))


def test_a_process_keeps_to_one_gpu_however_many_it_sees() -> None:
    arguments = trl.SFTConfig(output_dir="run", report_to="none", use_cpu=True, bf16=False)
    arguments._n_gpu, arguments.per_device_train_batch_size = 8, 4
    assert (arguments.n_gpu, arguments.train_batch_size) == (8, 32)
    assert (keep_to_one_gpu(arguments).n_gpu, arguments.train_batch_size) == (1, 4)
