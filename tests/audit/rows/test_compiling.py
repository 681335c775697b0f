"""Where compiled code is kept, and what happens where nothing can be."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from duplicate_corpora import NEEDS_NUMBA

import forgelm
from forgelm.audit.rows.compiling import IS_AVAILABLE, compiled


def _run_copy(package: Path, **environment: str) -> str:
    return _run(
        package,
        "from forgelm.audit.duplicates.pair_kernel import join; import numpy as np, forgelm;"
        "parents = np.arange(5, dtype=np.int32); join(parents, np.array([[4, 3]]));"
        "print(parents[4], forgelm.__file__)",
        **environment,
    )


def _run(package: Path, code: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-B", "-c", code],
        env={**os.environ, "PYTHONPATH": str(package.parent), **environment},
        capture_output=True,
        check=True,
        text=True,
    ).stdout


@NEEDS_NUMBA
def test_compiled_code_goes_to_the_folder_the_user_names(tmp_path: Path) -> None:
    package = shutil.copytree(Path(forgelm.__file__).parent, tmp_path / "site" / "forgelm")
    cache = tmp_path / "cache"
    assert _run_copy(package, NUMBA_CACHE_DIR=str(cache)).startswith(f"3 {package}")
    assert list(cache.rglob("*.nbi"))


@NEEDS_NUMBA
def test_no_folder_to_write_to_is_no_error(tmp_path: Path) -> None:
    package = shutil.copytree(
        Path(forgelm.__file__).parent, tmp_path / "site" / "forgelm", ignore=shutil.ignore_patterns("__pycache__")
    )
    blocked = tmp_path / "file"
    blocked.write_text("")
    # A file where the cache folders would be stands for a file system that cannot be written, for root as well.
    (package / "audit" / "duplicates" / "__pycache__").write_text("")
    output = _run_copy(package, HOME=str(blocked), XDG_CACHE_HOME=str(blocked / "cache"), LOCALAPPDATA=str(blocked))
    assert output.startswith("3 ")


@NEEDS_NUMBA
def test_what_an_earlier_version_compiled_is_not_run(tmp_path: Path) -> None:
    package = shutil.copytree(Path(forgelm.__file__).parent, tmp_path / "site" / "forgelm")
    opening = "from forgelm.audit.rows.compiling import compiled, inner\n"
    (package / "audit" / "duplicates" / "outer.py").write_text(
        f"{opening}from forgelm.audit.rows.called import answer\n@compiled\ndef ask():\n    return answer()\n"
    )
    said = []
    for number in (1, 2):
        # The file of the function that is compiled stays as it is; the one it calls is replaced by one as long.
        called = package / "audit" / "rows" / "called.py"
        called.write_text(f"{opening}@inner\ndef answer():\n    return {number}\n")
        said.append(_run(package, "from forgelm.audit.duplicates.outer import ask; print(ask())").strip())
    assert said == ["1", "2"]


def test_compiled_functions_take_nothing_from_elsewhere() -> None:
    source = Path(forgelm.__file__).parent / "audit"
    for path in source.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "\n@compiled\n" in text or "\n@inner\n" in text:
            assert path.parent.name in ("rows", "duplicates"), path
            taken = set(re.findall(r"^(?:from|import) forgelm\.(\S+)\.\w+ ", text, re.M))
            assert taken <= {"audit.rows", "audit.duplicates"}, path


def test_a_function_works_with_and_without_a_compiler() -> None:
    function = compiled(_double)
    assert function(21) == 42
    assert (function is _double) is not IS_AVAILABLE


def _double(number: int) -> int:
    return 2 * number
