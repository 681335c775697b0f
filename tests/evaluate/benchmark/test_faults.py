"""What the harness raises becomes one sentence; being stopped does not."""

from __future__ import annotations

import pytest

from forgelm.evaluate.benchmark.faults import harness_faults, say_fault


def test_a_fault_is_said_in_one_line_with_its_kind() -> None:
    assert say_fault(ValueError("no such split\n  at line 3")) == "ValueError: no such split"
    assert say_fault(AssertionError()) == "AssertionError"
    assert len(say_fault(OSError("x" * 5000))) == 300


@pytest.mark.parametrize("error", [KeyError, ConnectionError, AssertionError, ZeroDivisionError, ImportError])
def test_broken_tasks_are_faults(error: type[Exception]) -> None:
    assert issubclass(error, harness_faults())


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
def test_being_stopped_is_none(error: type[BaseException]) -> None:
    assert not issubclass(error, harness_faults())
