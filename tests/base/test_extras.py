"""An optional package is imported, or its absence names the command that brings it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forgelm.base.errors import OptionalDependencyError
from forgelm.base.extras import is_installed, load_extra


def test_an_installed_module_is_returned() -> None:
    assert load_extra("json", extra="train") is json
    assert load_extra("json.decoder", extra="train") is json.decoder


def test_a_missing_package_names_itself_and_its_extra() -> None:
    with pytest.raises(OptionalDependencyError) as caught:
        load_extra("no_such_package_here.part", extra="qlora")
    assert "'no_such_package_here'" in caught.value.message
    assert caught.value.hint == "pip install 'forgelm[qlora]'"
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_what_the_package_itself_misses_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_installed.py").write_text("import its_own_dependency.deep\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(OptionalDependencyError, match="'its_own_dependency'"):
        load_extra("half_installed", extra="train")


def test_a_package_that_does_not_load_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_build.py").write_text("raise ImportError('libfoo.so.1: cannot open shared object file')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(OptionalDependencyError, match=r"'broken_build'.*libfoo\.so\.1"):
        load_extra("broken_build", extra="train")


def test_a_bug_in_a_package_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "with_a_bug.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        load_extra("with_a_bug", extra="train")


def test_whether_a_package_is_there_is_told_without_importing_it() -> None:
    assert is_installed("json") and not is_installed("no_such_package_at_all")
