"""Both splits as tokens, and what cannot be learnt from is refused; whole trainings are tested with the run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import ember_tokenizer, sections, write_rows

from forgelm.base.errors import DataError
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.train.tokenised import tokenise_data

Make = Callable[..., ForgeConfig]


def targets(config: ForgeConfig) -> float:
    return tokenise_data(config, prepare_run(config), ember_tokenizer()).train.ledger.target_share


def test_each_switch_governs_its_own_format_and_the_other_is_reported(
    make_config: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="forgelm"):
        masked = targets(make_config(training={"completion_only_loss": False}))
    assert masked < 0.9
    assert "training.completion_only_loss is set, but has no effect" in caplog.text
    assert targets(make_config(training={"assistant_only_loss": False})) == 1.0


def test_completion_only_loss_governs_pairs(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "pairs.jsonl", [{"prompt": "2+2=", "completion": "4"}] * 8)

    def config(**training: Any) -> ForgeConfig:
        return ForgeConfig(**sections(data, tmp_path / "run", training=training))

    assert targets(config()) < 0.9
    assert targets(config(completion_only_loss=False)) == 1.0


def test_stop_ids_come_from_the_generation_config_too(tmp_path: Path) -> None:
    """A template that ends turns with a token only the generation config knows is accepted."""
    data = write_rows(
        tmp_path / "rows.jsonl",
        [{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}] * 8,
    )
    config = ForgeConfig(**sections(data, tmp_path / "run"))
    tokenizer = ember_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|tool|>"
        "{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}"
    )
    prepared = prepare_run(config)
    with pytest.raises(DataError, match="never learn to stop"):
        tokenise_data(config, prepared, tokenizer)

    class Generation:
        eos_token_id = (1, 5)

    assert tokenise_data(config, prepared, tokenizer, Generation()).train.examples


def test_no_validation_row_that_fits_is_refused(tmp_path: Path) -> None:
    short = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    long = {"messages": [{"role": "user", "content": "word " * 300}, {"role": "assistant", "content": "b"}]}
    write_rows(tmp_path / "train.jsonl", [short] * 4)
    write_rows(tmp_path / "validation.jsonl", [long])
    config = ForgeConfig(**sections(tmp_path, tmp_path / "run", model={"max_length": 64}))
    with pytest.raises(DataError, match="no validation row"):
        tokenise_data(config, prepare_run(config), ember_tokenizer())
