"""Where compiled code is kept, and what happens where nothing can be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from duplicate_corpora import NEEDS_NUMBA

import forgelm
from forgelm.audit.rows.compiling import IS_AVAILABLE, compiled


def _run_copy(package: Path, **environment: str) -> str:
    code = (
        "from forgelm.audit.duplicates.pair_kernel import join; import numpy as np, forgelm;"
        "parents = np.arange(5, dtype=np.int32); join(parents, np.array([[4, 3]])); print(parents[4], forgelm.__file__)"
    )
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


def test_a_function_works_with_and_without_a_compiler() -> None:
    function = compiled(_double)
    assert function(21) == 42
    assert (function is _double) is not IS_AVAILABLE


def _double(number: int) -> int:
    return 2 * number
