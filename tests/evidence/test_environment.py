"""The software of a run is named from package metadata, without importing any of it."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib.metadata import version

from forgelm.evidence.environment import describe_environment, package_version


def test_a_version_is_the_installed_one_or_nothing() -> None:
    assert package_version("pydantic") == version("pydantic")
    assert package_version("no-such-package-here") is None


def test_the_description_is_json_and_names_what_is_here() -> None:
    found = json.loads(json.dumps(describe_environment()))
    assert found["python"] == platform.python_version()
    assert found["machine"] == platform.machine()
    assert found["packages"]["pydantic"] == version("pydantic")
    assert None not in found["packages"].values()


def test_describing_imports_no_heavy_package() -> None:
    code = (
        "import sys; from forgelm.evidence.environment import describe_environment as d; names = d()['packages']\n"
        "print([name for name in names if name in sys.modules and name != 'forgelm'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
