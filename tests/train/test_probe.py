"""The probe: few rows, cut short, and logits that do not depend on the model's mode."""

from __future__ import annotations

import torch
from support import ember_model

from forgelm.data.rows import Row
from forgelm.train.probe import choose_probe, probe_logits
from forgelm.train.tokenise import Example


def test_at_most_four_rows_of_sixty_four_tokens() -> None:
    example = Example([5] * 100, [5] * 100, Row({"text": ""}, "rows", 1))
    probe = choose_probe([example] * 9)
    assert [len(row.input_ids) for row in probe] == [64] * 4
    assert choose_probe([]) == ()


def test_logits_are_float32_on_the_cpu_and_the_mode_is_kept() -> None:
    model = ember_model().train()
    row = Example([2, 50, 51], [2, 50, 51], Row({"text": ""}, "rows", 1))
    (logits,) = probe_logits(model, [row])
    assert model.training
    assert logits.shape == (3, 1024)
    assert logits.dtype is torch.float32
    assert torch.equal(logits, probe_logits(model.eval(), [row])[0])
