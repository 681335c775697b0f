"""One tree of errors: each knows its exit code, shows its hint, and is what a caller's own ``except`` expects."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from forgelm.base import errors
from forgelm.base.errors import (
    AddressRefusedError,
    ArgumentError,
    CancelledError,
    ClusterError,
    ConfigError,
    DataError,
    ExitCode,
    ForgeError,
    IntegrityError,
    ModelError,
    NetworkError,
    NotAFolderError,
    OptionalDependencyError,
    Problem,
    RunBusyError,
    SourceError,
    StoppedError,
    StorageError,
    TrainingError,
)

EXIT_CODES = {
    ForgeError: 2,
    ConfigError: 1,
    ArgumentError: 1,
    AddressRefusedError: 1,
    DataError: 1,
    SourceError: 1,
    ModelError: 1,
    RunBusyError: 1,
    OptionalDependencyError: 2,
    ClusterError: 2,
    NetworkError: 2,
    TrainingError: 2,
    StorageError: 2,
    NotAFolderError: 1,
    IntegrityError: 6,
    CancelledError: 5,
    StoppedError: 75,
}


def test_the_table_of_codes_is_the_contract() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "CONFIG": 1,
        "RUNTIME": 2,
        "GATE_FAILED": 3,
        "AWAITING_APPROVAL": 4,
        "CANCELLED": 5,
        "INTEGRITY": 6,
        "STOPPED": 75,
    }


def test_every_error_of_the_module_is_in_the_table_below() -> None:
    defined = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ForgeError)}
    assert defined == set(EXIT_CODES)


@pytest.mark.parametrize(("kind", "code"), EXIT_CODES.items())
def test_exit_code_of(kind: type[ForgeError], code: int) -> None:
    assert kind("it broke").exit_code == code


@pytest.mark.parametrize("kind", EXIT_CODES)
def test_the_hint_is_shown_below_the_message(kind: type[ForgeError]) -> None:
    error = kind("the disk is full", hint="make space")
    assert (error.message, error.hint) == ("the disk is full", "make space")
    assert str(error) == "the disk is full\n  hint: make space"
    assert str(kind("the disk is full")) == "the disk is full"


@pytest.mark.parametrize(
    ("kind", "caught_as"),
    [
        (StorageError, OSError),
        (NetworkError, ConnectionError),
        (AddressRefusedError, ConfigError),
        (TrainingError, RuntimeError),
        (OptionalDependencyError, ImportError),
        (DataError, ConfigError),
        (ArgumentError, ValueError),
        (SourceError, DataError),
        (SourceError, OSError),
        (ModelError, ConfigError),
        (RunBusyError, ConfigError),
    ],
)
def test_a_caller_catches_it_as(kind: type[ForgeError], caught_as: type[Exception]) -> None:
    with pytest.raises(caught_as, match="it broke") as caught:
        raise kind("it broke")
    assert isinstance(caught.value, ForgeError)


@pytest.mark.parametrize("other", [OSError, RuntimeError, ImportError, ValueError])
def test_a_configuration_error_is_none_of_pythons_own(other: type[Exception]) -> None:
    assert not issubclass(ConfigError, other)


@pytest.mark.parametrize("kind", EXIT_CODES)
def test_it_survives_being_sent_to_another_process(kind: type[ForgeError]) -> None:
    sent = kind("it broke", hint="mend it")
    for received in (pickle.loads(pickle.dumps(sent)), copy.copy(sent)):
        assert type(received) is kind
        assert (str(received), received.exit_code) == (str(sent), sent.exit_code)


def test_what_else_an_error_carries_survives_too() -> None:
    problem = Problem("unknown key", path="model.x")
    assert pickle.loads(pickle.dumps(ConfigError("bad", problems=(problem,)))).problems == (problem,)
    assert pickle.loads(pickle.dumps(StoppedError("stopped", checkpoint="checkpoint-3"))).checkpoint == "checkpoint-3"
    assert ConfigError("bad").problems == ()
    assert StoppedError("stopped").checkpoint is None


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "too long"),
        ({"path": "model.revision"}, "model.revision: too long"),
        ({"file": "run.yaml"}, "run.yaml: too long"),
        ({"file": "run.yaml", "line": 3}, "run.yaml:3: too long"),
        ({"file": "run.yaml", "line": 3, "column": 7}, "run.yaml:3:7: too long"),
        (
            {"file": "run.yaml", "line": 3, "column": 7, "path": "model.revision", "hint": "cut it"},
            "run.yaml:3:7: model.revision: too long (cut it)",
        ),
        ({"hint": "cut it"}, "too long (cut it)"),
    ],
)
def test_a_problem_reads(fields: dict[str, Any], shown: str) -> None:
    assert str(Problem("too long", **fields)) == shown
