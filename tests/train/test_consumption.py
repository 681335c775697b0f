"""The replay of the order counts what training really drew, and says so where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import order_rows, write_rows

from forgelm.base.events import emit_nothing
from forgelm.base.files import RunFiles
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.data.rows import Row
from forgelm.model.load import load
from forgelm.train.consumption import measure_consumption, replay
from forgelm.train.loop import train
from forgelm.train.order import EpochOrder
from forgelm.train.tokenise import IGNORED, Example
from forgelm.train.tokenised import tokenise_data

Make = Callable[..., ForgeConfig]


def examples(*lengths: int, source: str = "a") -> list[Example]:
    return [
        Example([1] * length, [IGNORED] + [1] * (length - 1), Row({"text": "x"}, source, number))
        for number, length in enumerate(lengths, 1)
    ]


@pytest.mark.parametrize(
    ("steps", "drawn"),
    [(0, []), (1, [1, 1, 1, 1, 0]), (2, [1] * 5), (3, [2, 2, 2, 2, 1]), (4, [2] * 5), (6, [3] * 5)],
)
def test_an_epochs_last_step_is_short(steps: int, drawn: list[int]) -> None:
    order = EpochOrder([1] * 5, batch_size=2, seed=1, strategy="sequential")
    seen = replay(order, per_step=4, steps=steps)
    assert [seen[index] for index in range(5)] == (drawn or [0] * 5)


def test_without_rows_nothing_is_drawn() -> None:
    assert not replay(EpochOrder([], batch_size=2, seed=1, strategy="random"), per_step=2, steps=3)


@pytest.mark.parametrize(("max_steps", "packing"), [(5, False), (-1, False), (5, True)])
def test_a_real_training_consumed_what_the_replay_says(
    make_config: Make, tmp_path: Any, max_steps: int, packing: bool
) -> None:
    extra = write_rows(tmp_path / "extra.jsonl", order_rows(190)[150:])
    config = make_config(
        training={
            "max_steps": max_steps,
            "packing": packing,
            "num_train_epochs": 2,
            "per_device_train_batch_size": 3,
            "gradient_accumulation_steps": 2,
        },
        data={"extra_datasets": [str(extra)]},
    )
    prepared, loaded = prepare_run(config), load(config)
    tokenised = tokenise_data(config, prepared, loaded.tokenizer)
    files = RunFiles(tmp_path / "run")
    outcome = train(config, tokenised, loaded, files, run_id="fg-1", emit=emit_nothing)
    compute, order = outcome.compute, outcome.batching.order
    rows = tokenised.train.examples
    found = measure_consumption(config, rows, order=order, steps=compute.steps, real_tokens=compute.real_tokens)
    assert found.exact is not packing
    assert (found.note is None) is found.exact
    assert found.tokens_trained == pytest.approx(compute.real_tokens, abs=2)
    assert {source.source for source in found.sources} == {config.data.dataset_name_or_path, str(extra)}
    assert sum(source.share for source in found.sources) == pytest.approx(1)
    if max_steps == -1 and not packing:
        ledger = tokenised.train.ledger
        assert (found.tokens_used, found.tokens_trained) == (ledger.tokens, 2 * ledger.tokens)
        assert sum(source.target_tokens_trained for source in found.sources) == 2 * ledger.target_tokens
    if max_steps == 5 and not packing:
        assert 0 < sum(source.rows_used for source in found.sources) == 30


def test_what_does_not_add_up_is_shared_out_and_said(make_config: Make) -> None:
    rows = [*examples(10, 10), *examples(20, source="b")]
    found = measure_consumption(make_config(), rows, order="random", steps=1, real_tokens=80)
    assert not found.exact
    assert "40 tokens against 80" in str(found.note)
    assert {source.source: source.tokens_trained for source in found.sources} == {"a": 40, "b": 40}
