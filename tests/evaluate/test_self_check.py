"""The self-check: passes on what was saved, fails on every kind of broken artefact."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from support import computed, ember_model, ember_tokenizer

from forgelm.data.batching import choose_batching
from forgelm.data.rows import Row
from forgelm.evaluate.self_check import measure_saved_model
from forgelm.model.precision import Precision
from forgelm.train.loop import Outcome
from forgelm.train.probe import probe_logits
from forgelm.train.token_ledger import TokenLedger
from forgelm.train.tokenise import Example

FLOAT32 = Precision("float32", None, False, "float32")
PROBE = tuple(Example(ids, ids, Row({}, "rows", 1)) for ids in ([2, 50, 51, 52, 53], [3, 60, 61]))


@pytest.fixture
def trained() -> Any:
    model = ember_model()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.01)
    return model


@pytest.fixture
def outcome(trained: Any, tmp_path: Path) -> Outcome:
    return Outcome(
        staging=tmp_path,
        steps=1,
        train_loss=1.0,
        seconds=1.0,
        resumed_from=None,
        keeps_best=False,
        train_ledger=TokenLedger(),
        validation_ledger=None,
        probe=PROBE,
        base_logits=probe_logits(ember_model(), PROBE),
        trained_logits=probe_logits(trained, PROBE),
        compute=computed(),
        batching=choose_batching([], 1),
    )


def problems(saved: Any, outcome: Outcome) -> list[str]:
    check = measure_saved_model(saved, ember_tokenizer(), outcome, FLOAT32)
    return list(check.details["problems"])


def test_the_same_model_passes(trained: Any, outcome: Outcome) -> None:
    check = measure_saved_model(trained, ember_tokenizer(), outcome, FLOAT32)
    assert check.details["problems"] == []
    assert check.value == 0.0
    assert check.details["change"] > 0
    assert check.n == 8


def test_one_changed_matrix_is_seen(trained: Any, outcome: Outcome) -> None:
    broken = copy.deepcopy(trained)
    with torch.no_grad():
        broken.model.layers[0].mlp.up_proj.weight.mul_(1.5)
    assert "differ from the trained one's" in problems(broken, outcome)[0]


def test_the_base_model_saved_by_mistake_is_seen(outcome: Outcome) -> None:
    found = " ".join(problems(ember_model(), outcome))
    assert "exactly like its base" in found


def test_weights_that_are_not_numbers_are_seen(trained: Any, outcome: Outcome) -> None:
    broken = copy.deepcopy(trained)
    with torch.no_grad():
        broken.model.norm.weight.fill_(float("nan"))
    assert "not finite" in problems(broken, outcome)[0]


def test_an_embedding_smaller_than_the_tokenizer_is_seen(trained: Any, outcome: Outcome) -> None:
    smaller = copy.deepcopy(trained)
    smaller.resize_token_embeddings(1000)
    found = " ".join(problems(smaller, outcome))
    assert "the saved embedding 1000 rows" in found


@pytest.mark.parametrize(
    ("precision", "merged", "limit"),
    [
        (FLOAT32, False, 1e-3),
        (FLOAT32, True, 1e-3),
        (Precision("float32", "bf16", False, "float32"), False, 5e-2),
        (Precision("bfloat16", "bf16", False, "bfloat16"), False, 5e-2),
        (Precision("float32", None, True, "float32"), False, 5e-2),
        (Precision("bfloat16", "bf16", True, "bfloat16"), True, 0.5),
    ],
)
def test_the_limit_follows_from_the_numbers_computed_in(
    trained: Any, outcome: Outcome, precision: Precision, merged: bool, limit: float
) -> None:
    check = measure_saved_model(trained, ember_tokenizer(), outcome, precision, merged=merged)
    assert check.details["limit"] == limit
