from __future__ import annotations

from forgelm.train.memory.watch import watch_peak


def test_the_peak_is_the_most_that_lives_at_once() -> None:
    import torch

    model = torch.nn.Linear(10, 10)
    own = sum(parameter.numel() * 4 for parameter in model.parameters())
    with watch_peak(model, on_gpu=False) as peak:
        first = torch.zeros(1000)
        second = torch.zeros(2000)
        del first
        third = torch.zeros(500)
        view = second[:10]
    assert peak.bytes == own + 12000
    assert view.numel() + third.numel() == 510


def test_an_error_inside_still_leaves_the_peak() -> None:
    import pytest
    import torch

    model = torch.nn.Linear(1, 1)
    with pytest.raises(ValueError, match="inside"), watch_peak(model, on_gpu=False) as peak:
        held = torch.zeros(1000)
        raise ValueError(f"inside {held.numel()}")
    assert peak.bytes >= 4000
