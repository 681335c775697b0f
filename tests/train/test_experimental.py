"""Everything we rely on in TRL's experimental part is still there; when this fails, its surface has moved."""

from __future__ import annotations

import warnings
from dataclasses import fields

import pytest

from forgelm.base.errors import OptionalDependencyError
from forgelm.train.experimental import SURFACE, load_trainer_module
from forgelm.train.trainers import TRAINERS


@pytest.mark.parametrize("name", SURFACE)
def test_the_surface_is_where_it_was(name: str) -> None:
    config_class, trainer_class, wanted, methods = SURFACE[name]
    module = load_trainer_module(name)
    assert set(wanted) <= {field.name for field in fields(getattr(module, config_class))}
    assert [method for method in methods if not hasattr(getattr(module, trainer_class), method)] == []


def test_the_table_and_the_surface_name_the_same_modules() -> None:
    used = {kind.module for kind in TRAINERS.values() if "experimental" in kind.module}
    assert used == set(SURFACE)


def test_a_module_that_is_gone_says_so_and_nothing_is_announced() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_trainer_module("trl.experimental.orpo")
    with pytest.raises(OptionalDependencyError, match="trl"):
        load_trainer_module("trl.experimental.gone")
