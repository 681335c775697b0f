"""A misspelt or misplaced key leads to the right one."""

from __future__ import annotations

import pytest

from forgelm.config import ForgeConfig
from forgelm.config.nearest import _OTHER_NAMES, known_paths, nearest_key, nearest_word


@pytest.mark.parametrize(
    ("section", "key", "meant"),
    [
        ("model", "load_in_4bti", "load_in_4bit"),
        ("model", "Max-Length", "max_length"),
        ("model", "learning_rate", "training.learning_rate"),
        ("model", "lerning_rate", "training.learning_rate"),
        ("training", "max_length", "model.max_length"),
        ("training", "lr", "learning_rate"),
        ("training", "batch_size", "per_device_train_batch_size"),
        ("", "epochs", "training.num_train_epochs"),
        ("", "trainning", "training"),
        ("", "evaluate", "evaluation"),
        ("", "learning_rate", "training.learning_rate"),
        ("data", "dpia_completed", "data.governance.dpia_completed"),
        ("data.governance", "known_bias", "known_biases"),
        ("lora", "target_module", "target_modules"),
        ("lora", "lora_alpha", "alpha"),
        ("lora", "xyzzy", None),
    ],
)
def test_nearest_key(section: str, key: str, meant: str | None) -> None:
    found = nearest_key(ForgeConfig, section, key)
    assert found == meant or (found is not None and f"{section}.{found}" == meant)


def test_nearest_word_keeps_the_known_spelling() -> None:
    assert nearest_word("causal_lm", ["CAUSAL_LM"]) == "CAUSAL_LM"
    assert nearest_word("high risk", ["high-risk", "limited-risk"]) == "high-risk"
    assert nearest_word("zzz", ["abc"]) is None


def test_other_names_lead_to_keys_that_exist() -> None:
    assert set(_OTHER_NAMES.values()) <= set(known_paths(ForgeConfig))
