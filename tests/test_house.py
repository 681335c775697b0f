"""Keeps the house: what a reader of the source may rely on in every file, and what the public face promises."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import click
import pytest
import yaml
from compatibility import find_problems, load_contract, load_links
from pages import ROOT, Block, blocks, command_lines, inline_commands, parse_command, table_codes

import forgelm
from finetune_cli.cli.main import finetune_cli
from forgelm.base.errors import ExitCode
from forgelm.base.events import TRANSIENT, Event
from forgelm.config.load import load_config

SOURCE = ROOT / "src" / "forgelm"
SECOND = ROOT / "src" / "finetune_cli"
# Those of the second package stand under its name, as their tests do.
MODULES = {path.relative_to(SOURCE).as_posix(): path for path in sorted(SOURCE.rglob("*.py"))} | {
    path.relative_to(SECOND.parent).as_posix(): path for path in sorted(SECOND.rglob("*.py"))
}
TREES: dict[str, ast.Module] = {}
BROKEN: list[str] = []
for _name, _path in MODULES.items():
    try:
        TREES[_name] = ast.parse(_path.read_text(encoding="utf-8"), filename=_name)
    except SyntaxError as error:
        BROKEN.append(str(error))
HEAVY = frozenset({"torch", "transformers", "trl", "peft", "datasets", "bitsandbytes", "pyarrow", "accelerate"})
EVENTS = "base/events.py"
CHANGES = frozenset({"append", "extend", "insert", "add", "update", "pop", "remove", "clear", "setdefault"})
Node = TypeVar("Node", bound=ast.AST)

# Modules without a test file of their own, each with the reason.
NO_MIRROR = {
    "audit/reading/source.py": "records without behaviour",
    "audit/report/parts.py": "records without behaviour",
    "data/documents/record.py": "records without behaviour",
    "__main__.py": "one call; run by test_python_dash_m_is_the_command below",
    "cli/__main__.py": "one call; run by tests/cli/test_main.py",
    "evidence/record.py": "a record without behaviour",
    "run/current.py": "a record without behaviour",
    "finetune_cli/__main__.py": "one call; run by test_python_dash_m_is_the_command below",
}
# Test files that look at many modules at once.
SPANNING = {
    "finetune_cli/test_seed_page.py": "every code block of the page the second API is written after",
    "finetune_cli/test_merge.py": "the command merge and the proof behind it",
    "finetune_cli/test_recommend.py": "the command recommend and its table",
    "finetune_cli/test_learning.py": "every training method through the whole command",
    "assist/test_preview_page.py": "the page of preview.py in a browser, which not every machine has",
    "audit/report/test_page_browser.py": "the page of page.py in a browser, which not every machine has",
    "run/test_kills.py": "a whole run, killed and resumed",
    "model/test_load_options.py": "options of loading that show only in weights or in a training",
    "run/test_several_processes.py": "whole runs of two processes",
    "run/test_every_gate.py": "a whole run with every gate on",
    "run/test_evaluations.py": "whole runs whose evaluations pass, fail and cannot tell",
    "run/test_multimodal.py": "a model that reads images through whole runs",
    "run/test_learning.py": "every trainer through a whole run",
    "cli/test_bad_input.py": "what a user gets wrong, through the whole command",
    "publish/test_power_cuts.py": "what a power cut can leave of a decision or an erasure",
    "evidence/test_crash_states.py": "what a power cut can leave of the log",
    "evidence/test_faults.py": "kills, full and broken disks, many writers",
    "run/test_planted_secrets.py": "credentials planted in everything a run reads",
    "evidence/test_tampering.py": "what can be done to a log, and what shows it",
}
MAY_PRINT = {"cli/render.py"}
MAY_EXIT = {"cli/main.py", "cli/worker.py", "finetune_cli/cli/main.py"}
MAY_SET_UP_LOGGING = {"cli/options.py"}
MAY_CATCH_EVERYTHING = {"cli/main.py", "finetune_cli/cli/main.py"}
NO_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|managers?|orchestrators?)(_|$)")


def test_every_module_is_python() -> None:
    assert BROKEN == []


def test_every_module_has_its_test_file() -> None:
    wanted = {name for name in MODULES if not name.endswith("__init__.py") and name not in NO_MIRROR}
    assert sorted(name for name in wanted if not any(path.is_file() for path in _mirrors(name))) == []


def test_no_test_file_outlives_its_module() -> None:
    wanted = {path for name in MODULES for path in _mirrors(name)}
    folders = [*(path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()), SECOND.name]
    tests = {path for folder in folders for path in (ROOT / "tests" / folder).rglob("test_*.py")}
    found = {path.relative_to(ROOT / "tests").as_posix() for path in tests - wanted}
    assert found - set(SPANNING) == set()
    assert [name for name in NO_MIRROR if name not in MODULES] == []


def test_files_stay_below_their_ceiling() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > _ceiling(name)} == {}


def test_functions_stay_below_their_ceiling() -> None:
    functions = [(name, node.name, (node.end_lineno or 0) - node.lineno + 1) for name, node in _each(ast.FunctionDef)]
    assert [found for found in functions if found[2] > 70] == []


def test_every_module_opens_with_what_it_is() -> None:
    documented = {name: ast.get_docstring(tree) or "" for name, tree in TREES.items()}
    assert {name for name, text in documented.items() if not 1 <= len(text.splitlines()) <= 5} == set()


def test_every_name_says_something() -> None:
    assert [name for name in MODULES if NO_NAMES.search(Path(name).stem)] == []
    assert [name for name in MODULES if NO_NAMES.search(Path(name).parent.name)] == []


def test_internal_imports_stand_at_the_top_and_are_absolute() -> None:
    nested = [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if any(module.split(".")[0] in ("forgelm", SECOND.name) for module in _imported(node))
    ]
    assert nested == []
    assert [f"{name}:{node.lineno}" for name, node in _each(ast.ImportFrom) if node.level] == []


def test_heavy_imports_stand_in_functions() -> None:
    found = [
        f"{name}: {module}"
        for name, tree in TREES.items()
        for node in tree.body
        for module in _imported(node)
        if module.split(".")[0] in HEAVY
    ]
    assert found == []


@pytest.mark.parametrize(
    ("call", "allowed"),
    [
        ("print", MAY_PRINT),
        ("sys.exit", MAY_EXIT),
        ("exit", set()),
        ("os._exit", set()),
        ("logging.basicConfig", set()),
        ("logging.getLogger().setLevel", MAY_SET_UP_LOGGING),
    ],
)
def test_only_the_command_prints_and_exits(call: str, allowed: set[str]) -> None:
    found = {name for name, node in _each(ast.Call) if ast.unparse(node.func) == call}
    assert found - allowed == set()


def test_only_the_top_of_the_command_catches_everything() -> None:
    broad = {
        name
        for name, node in _each(ast.ExceptHandler)
        if node.type is None or re.search(r"\bException\b", ast.unparse(node.type))
    }
    assert broad == MAY_CATCH_EVERYTHING


def test_no_module_keeps_state_that_changes() -> None:
    found = []
    for name, tree in TREES.items():
        tables = {ast.unparse(target) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            shared = tables - _bound_in(function)
            for node in ast.walk(function):
                if isinstance(node, ast.Global) or _changed(node) in shared:
                    found.append(f"{name}:{node.lineno}")  # type: ignore[attr-defined]
    assert found == []


def test_every_event_used_is_in_the_catalogue_and_every_one_there_is_used() -> None:
    used = {
        node.attr
        for name, node in _each(ast.Attribute)
        if name != EVENTS and isinstance(node.value, ast.Name) and node.value.id == "Event"
    }
    assert used - set(Event.__members__) == set()
    assert set(Event.__members__) - used == set()


def test_no_event_is_spelt_by_hand() -> None:
    calls = [
        f"{name}:{node.lineno}"
        for name, node in _each(ast.Call)
        if re.search(r"(?:^|[._])(?:emit|listen|log_event)$", ast.unparse(node.func))
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]
    assert calls == []


def test_nothing_names_a_machine_a_person_or_a_plan() -> None:
    place = re.compile(r"(?<![\w.$}~-])/(?:home|root|Users|work|mnt|workspace|scratch)/\w|[A-Z]:\\\\?Users\b")
    plan = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in _texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (place.search(line) or plan.search(line)) and path.name != Path(__file__).name
    ]
    assert found == []


def test_the_public_names_are_one_list() -> None:
    homes, typed = _lazy_table(), _typed_names()
    assert typed == homes
    assert sorted(forgelm.__all__) == sorted([*homes, "__api_version__", "__version__"])
    assert list(forgelm.__all__) == sorted(forgelm.__all__)
    assert dir(forgelm) == sorted(forgelm.__all__)
    for name, home in homes.items():
        value = getattr(forgelm, name)
        assert (value.__module__, value.__name__) == (home, name)
    with pytest.raises(AttributeError, match="no attribute 'ForgeTrainr'"):
        _ = forgelm.ForgeTrainr  # type: ignore[attr-defined]


def test_importing_the_package_costs_nothing() -> None:
    loaded = _modules_after("import forgelm")
    assert loaded & (HEAVY | {"pydantic", "yaml", "click", "numpy"}) == set()
    assert {name for name in loaded if name.startswith("forgelm")} == {"forgelm"}


@pytest.mark.parametrize(
    "code",
    [
        "import forgelm; forgelm.ForgeTrainer",
        "import forgelm; [getattr(forgelm, name) for name in forgelm.__all__]",
        "import forgelm; forgelm.load_config('examples/chat-messages.yaml')",
        "import forgelm; forgelm.ForgeTrainer(forgelm.load_config('examples/chat-messages.yaml'))",
        "from forgelm.cli.main import run; run(['--help'])",
        "from forgelm.cli.main import run; run(['schema'])",
        "from forgelm.cli.main import run; run(['verify-audit', 'nowhere.jsonl'])",
    ],
)
def test_what_needs_no_model_loads_no_heavy_library(code: str) -> None:
    assert _modules_after(code) & HEAVY == set()


@pytest.mark.parametrize(
    "code",
    [
        "from finetune_cli.core.config import ConfigBuilder, PipelineConfig",
        "import finetune_cli.core.types, finetune_cli.core.exceptions",
        "import finetune_cli.data, finetune_cli.models.loader, finetune_cli.trainers, finetune_cli.evaluation",
        "from finetune_cli.cli.main import run; run(['--help'])",
        "from finetune_cli.cli.main import run; run(['train', '--help'])",
        "from finetune_cli.cli.main import run; run(['train', '--config', 'nowhere.yaml'])",
    ],
)
def test_the_second_api_loads_no_heavy_library_before_it_must(code: str) -> None:
    assert _modules_after(code) & HEAVY == set()


def test_help_loads_neither_pydantic_nor_yaml() -> None:
    assert _modules_after("from forgelm.cli.main import run; run(['--help'])") & {"pydantic", "yaml"} == set()


def test_python_dash_m_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "forgelm", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"ForgeLM {forgelm.__version__}\n"
    second = [sys.executable, "-m", "finetune_cli", "--version"]
    done = subprocess.run(second, capture_output=True, text=True, check=True)
    assert done.stdout == f"finetune-cli (ForgeLM {forgelm.__version__})\n"


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_every_configuration_in_the_documentation_loads(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(block.body, encoding="utf-8")
    assert load_config(path).data.dataset_name_or_path


@pytest.mark.parametrize("block", blocks("yaml part"), ids=str)
def test_every_part_of_a_configuration_loads_with_the_rest_of_one(block: Block, tmp_path: Path) -> None:
    whole = {"model": {"name_or_path": "m"}, "lora": {}, "training": {}, "data": {"dataset_name_or_path": "d"}}
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(whole | yaml.safe_load(block.body)), encoding="utf-8")
    assert load_config(path).training


@pytest.mark.parametrize("block", blocks("yaml other"), ids=str)
def test_yaml_for_other_programs_is_yaml(block: Block) -> None:
    assert all(isinstance(document, dict) for document in yaml.safe_load_all(block.body))


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_loads_and_says_how_to_run_it(path: Path) -> None:
    assert load_config(path).training.output_dir == f"runs/{path.stem}"
    assert f"# forgelm --config examples/{path.name}" in path.read_text(encoding="utf-8")


def test_no_yaml_escapes_the_checks() -> None:
    marked = {block.info for block in blocks() if "yaml" in block.info or "apiVersion" in block.body}
    assert marked == {"yaml", "yaml part", "yaml other"}


@pytest.mark.parametrize(("place", "words"), command_lines(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_in_the_documentation_exists(place: str, words: list[str]) -> None:
    program, *arguments = words
    if program == "forgelm":
        parse_command(arguments)
    elif program == "finetune-cli":
        parse_command(arguments, finetune_cli)
    elif program == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert set(arguments) <= set(targets)
    elif program == "python":
        assert (ROOT / arguments[0]).is_file()
    else:
        assert words[:2] == ["pip", "install"]
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "optional-dependencies"
        ]
        assert set(re.findall(r"\[(\w+)\]", arguments[1])) <= set(extras)


@pytest.mark.parametrize(
    ("place", "words"), inline_commands(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_named_in_running_text_exists(place: str, words: list[str]) -> None:
    with contextlib.suppress(click.MissingParameter):
        parse_command(words[1:])


@pytest.mark.parametrize("page", ["README.md", "docs/exit-codes.md"])
def test_the_documented_exit_codes_are_the_codes(page: str) -> None:
    assert table_codes(page) == sorted(ExitCode)


def test_the_documented_events_are_the_catalogue() -> None:
    text = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8").partition("### Events")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `([a-z_.]+)` \|", text, re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == set(Event) - TRANSIENT


def test_every_item_of_the_contract_is_here_and_a_test_shows_it() -> None:
    assert find_problems(load_contract(), load_links()) == []


def test_the_documented_environment_variables_are_those_that_are_read() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(FORGELM_\w+|HUGGINGFACE_TOKEN)`", text))
    assert documented == set(re.findall(r"FORGELM_[A-Z_]+|HUGGINGFACE_TOKEN", " ".join(_source_strings())))


def _ceiling(name: str) -> int:
    """Return how many lines a file may have: the second package re-dresses the engine, so its files are small."""
    return 200 if name.startswith(SECOND.name) else 400


def _mirrors(name: str) -> Iterator[Path]:
    """Yield where a module's tests may stand: its mirror, or the one file for a folder inside a layer's folder."""
    module = Path(name)
    yield ROOT / "tests" / module.parent / f"test_{module.name}"
    if len(module.parts) > 2:
        yield ROOT / "tests" / module.parent.parent / f"test_{module.parent.name}.py"


def _each(kind: type[Node]) -> Iterator[tuple[str, Node]]:
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, kind):
                yield name, node


def _source_strings() -> Iterator[str]:
    """Yield every text in the source that is no docstring."""
    for name, node in _each(ast.Constant):
        if isinstance(node.value, str) and name not in ("__init__.py",):
            yield node.value


def _changed(node: ast.AST) -> str | None:
    """Return the name whose value this statement or call changes in place, if it does."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
        targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
        places = [target.value for target in targets if isinstance(target, ast.Subscript)]
        return ast.unparse(places[0]) if places else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
        return ast.unparse(node.func.value)
    return None


def _bound_in(function: ast.FunctionDef) -> set[str]:
    """Return the names that are the function's own."""
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _texts() -> Iterator[Path]:
    """Yield every text file that people write, by its kind, outside environments, caches and builds."""
    kinds = {".py", ".md", ".toml", ".yaml", ".yml", ".jinja", ".txt"}
    for path in sorted(ROOT.rglob("*")):
        inner = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") or part in ("build", "dist", "configs", "__pycache__") for part in inner[:-1])
        if not hidden and (path.suffix in kinds or path.name == "Makefile") and path.is_file():
            yield path


def _lazy_table() -> dict[str, str]:
    table = next(
        node.value.args[0]
        for node in TREES["__init__.py"].body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "_HOMES"
        and isinstance(node.value, ast.Call)
    )
    homes: dict[str, str] = ast.literal_eval(table)
    return homes


def _typed_names() -> dict[str, str]:
    block = next(
        node
        for node in TREES["__init__.py"].body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    return {
        alias.asname or alias.name: node.module or ""
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }


def _modules_after(code: str) -> set[str]:
    """Return the top-level names, and our own modules in full, that a fresh interpreter has loaded after ``code``."""
    script = f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded: list[str] = json.loads(done.stderr.splitlines()[-1])
    return {name if name.startswith("forgelm") else name.partition(".")[0] for name in loaded}
