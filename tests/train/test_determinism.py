"""Bitwise training lets torch refuse what varies, and leaves the process as it was."""

from __future__ import annotations

import os

import pytest
import torch

from forgelm.train.determinism import determinism


@pytest.mark.parametrize("level", ["seeded", "off"])
def test_the_other_levels_change_nothing(level: str) -> None:
    with determinism(level):  # type: ignore[arg-type]
        assert not torch.are_deterministic_algorithms_enabled()


def test_operations_that_vary_are_refused_within_and_allowed_after() -> None:
    before = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    with determinism("bitwise"):
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        with pytest.raises(RuntimeError, match="deterministic"):
            torch.zeros(3).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
    assert not torch.are_deterministic_algorithms_enabled()
    assert os.environ.get("CUBLAS_WORKSPACE_CONFIG") == before
