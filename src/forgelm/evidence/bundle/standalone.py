"""Renders ``verify.py``: the modules that check a bundle, as they are here, in one file that needs no package."""

from __future__ import annotations

import ast
from importlib.resources import files

from forgelm.base.errors import ForgeError

VERIFIER_FILE = "verify.py"
_ROOT = "forgelm.evidence.bundle.offline"
_HEAD = '''\
#!/usr/bin/env python3
"""Checks a ForgeLM evidence bundle or run folder, offline, with Python 3.11 or newer and nothing else.

    python3 -I verify.py BUNDLE.zip [--key PUBLIC_KEY.pem] [--output-format json]

Below stand the modules of ForgeLM that do the checks, word for word, each under its name; the last lines run them.
"""

import importlib.abc
import importlib.util
import sys

if sys.version_info < (3, 11):
    raise SystemExit("verify.py needs Python 3.11 or newer")

SOURCES = {}
'''
_TAIL = '''

class Modules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports what stands in SOURCES, and nothing of a ForgeLM that may be installed here."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != "forgelm":
            return None
        package = any(other.startswith(name + ".") for other in SOURCES)
        if not package and name not in SOURCES:
            raise ModuleNotFoundError(f"verify.py holds no {name}", name=name)
        return importlib.util.spec_from_loader(name, self, origin=f"verify.py:{name}", is_package=package)

    def exec_module(self, module):
        name = module.__name__
        exec(compile(SOURCES.get(name, ""), f"verify.py:{name}", "exec"), module.__dict__)


sys.meta_path.insert(0, Modules())

if __name__ == "__main__":
    from forgelm.evidence.bundle.offline import main

    raise SystemExit(main(sys.argv[1:]))
'''


def render_verifier() -> bytes:
    """Return the text of ``verify.py``."""
    parts = [_HEAD]
    for name, source in sorted(_closure().items()):
        parts.append(f"\nSOURCES[{name!r}] = r'''{source}'''\n")
    return "".join([*parts, _TAIL]).encode()


def _closure() -> dict[str, str]:
    """Return the source of every module of ours that the root imports, and that these import."""
    found: dict[str, str] = {}
    waiting = [_ROOT]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        source = _read(name)
        if "'''" in source:
            raise ForgeError(f"{name} cannot stand in {VERIFIER_FILE}: it holds three quotes in a row")
        found[name] = source
        waiting += _imports(source)
    return found


def _imports(source: str) -> list[str]:
    """Return what a module imports when it runs: what only a type checker reads is no part of it."""
    return [
        node.module
        for part in ast.parse(source).body
        if not (isinstance(part, ast.If) and ast.unparse(part.test) == "TYPE_CHECKING")
        for node in ast.walk(part)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("forgelm.")
    ]


def _read(name: str) -> str:
    *folders, module = name.split(".")
    return files(".".join(folders)).joinpath(f"{module}.py").read_text(encoding="utf-8")
