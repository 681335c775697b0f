"""Reads the code for what a user can name: fields, commands, options, public symbols, events."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import finetune_cli as finetune_cli_package
import forgelm
from finetune_cli.cli.main import finetune_cli
from finetune_cli.core.config import PipelineConfig
from forgelm.base.events import TRANSIENT, Event
from forgelm.cli.main import forgelm as forgelm_command
from forgelm.config import build_json_schema
from forgelm.run.webhook import messages

# What may change in a minor version.
EXPERIMENTAL = frozenset(
    {
        "AccessRequest",
        "Anchor",
        "ApprovalCheck",
        "BenchmarkResult",
        "Checkpoint",
        "DatasetPreview",
        "IngestionResult",
        "describe_strategies",
        "ingest_path",
        "list_supported_formats",
        "ExportReport",
        "MergeReport",
        "Opinion",
        "PipelineResult",
        "PipelineVerification",
        "PipelineWishes",
        "PublicKey",
        "PurgeKind",
        "RowOrder",
        "RowPurge",
        "SubjectKeys",
        "SynthesisResult",
        "SyntheticDataGenerator",
        "Unproven",
        "WebhookNotifier",
        "approve_run",
        "compute_minhash",
        "compute_simhash",
        "export_gguf",
        "find_overdue",
        "get_model_and_tokenizer",
        "list_pending",
        "manage_checkpoints",
        "merge_adapter",
        "merge_models",
        "run_safety_eval",
        "SafetyResult",
        "prepare_dataset",
        "preview_dataset",
        "purge_row",
        "purge_run",
        "read_anchors",
        "read_public_key",
        "reject_run",
        "revoke_run",
        "run_benchmark",
        "run_pipeline",
        "search_person",
        "setup_authentication",
        "show_run",
        "verify_approvals",
        "verify_pipeline",
    }
)
SECOND_MODULES = (
    "finetune_cli.core.config",
    "finetune_cli.core.exceptions",
    "finetune_cli.core.types",
    "finetune_cli.data",
    "finetune_cli.evaluation",
    "finetune_cli.models.loader",
    "finetune_cli.trainers",
)
_STATED_DEFAULT = re.compile(r"[Dd]efault:? ([\w./-]*[\w/])")
SHARED = ("output_format", "quiet", "log_level")
Facts = dict[str, Any]


def sections(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every section of the YAML with its path; in lists and mappings it stands for each of their values."""
    for name, field in schema["properties"].items():
        for path, section in _nested(schema, name, field):
            # A stage's sections are the file's own, which have their tables.
            if not path.startswith("pipeline.stages[]."):
                yield path, section


def resolve(schema: Mapping[str, Any], field: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a field's value may be, without the null that makes it optional."""
    for choice in field.get("anyOf", [field]):
        if "$ref" in choice:
            found: Mapping[str, Any] = schema["$defs"][choice["$ref"].rpartition("/")[2]]
            return found
    return field


def default_of(section: Mapping[str, Any], name: str) -> Any:
    """Return the default of a field that is not required; the schema is silent about those that are made anew."""
    field = section["properties"][name]
    if "default" in field:
        return field["default"]
    model = getattr(importlib.import_module("forgelm.config"), section["title"])
    return model.model_fields[name].get_default(call_default_factory=True)


def read_fields() -> dict[str, Facts]:
    """Return every field of forgelm's YAML by its path, sections included."""
    schema = build_json_schema()
    found = {name: _field(schema, schema, name) for name in schema["properties"]}
    for path, section in sections(schema):
        found |= {f"{path}.{name}": _field(schema, section, name) for name in section["properties"]}
    return found


def read_second_fields() -> dict[str, Facts]:
    """Return every field of finetune-cli's YAML by its path."""
    found = {}
    for name, section in PipelineConfig.model_fields.items():
        found[name] = _model_field(section)
        kinds = [section.annotation, *getattr(section.annotation, "__args__", ())]
        model = next(kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, BaseModel))
        found |= {f"{name}.{key}": _model_field(field) for key, field in model.model_fields.items()}
    return found


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command of both programs, each group before those in it."""
    for name, program in (("forgelm", forgelm_command), ("finetune-cli", finetune_cli)):
        yield name, program
        yield from _below(name, program)


def read_commands() -> dict[str, Facts]:
    """Return the positional arguments of every command."""
    return {
        name: {"arguments": [str(p.name).upper() for p in found.params if isinstance(p, click.Argument)]}
        for name, found in commands()
    }


def read_options() -> dict[str, Facts]:
    """Return every long option of every command; those all commands share stand at the programs' own."""
    shared = {option for param in forgelm_command.params for option in param.opts if param.name in SHARED}
    return {
        f"{name} {option}": _option(param)
        for name, found in commands()
        for param in found.params
        if isinstance(param, click.Option)
        for option in (*param.opts, *param.secondary_opts)
        if option.startswith("--") and not (name.startswith("forgelm ") and option in shared)
    }


def read_symbols() -> set[str]:
    """Return the dotted name of everything public of both packages."""
    found = {f"forgelm.{name}" for name in forgelm.__all__}
    for module in map(importlib.import_module, SECOND_MODULES):
        own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
        found |= {f"{module.__name__}.{name}" for name in getattr(module, "__all__", own) if not name.startswith("_")}
    return found


def read_symbol(name: str) -> Any:
    """Return what a dotted name means; raises ``AttributeError`` for what is not there."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            value = getattr(value, part)
        return value
    raise AttributeError(name)


def read_events() -> set[str]:
    """Return the names of the events that reach the audit log."""
    return {str(event) for event in set(Event) - TRANSIENT}


def read_webhook_events() -> set[str]:
    """Return the names of the events that reach a webhook: what every message begins with."""
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(messages))) if isinstance(node, ast.Call)]
    return {
        call.args[0].value
        for call in calls
        if ast.unparse(call.func) == "Message" and isinstance(call.args[0], ast.Constant)
    }


@cache
def read_texts() -> set[str]:
    """Return every text in the code of both packages: the names of files and environment variables are among them."""
    folders = [Path(package.__file__).parent for package in (forgelm, finetune_cli_package)]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for folder in folders for path in folder.rglob("*.py")]
    constants = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {value for value in constants if isinstance(value, str)}


def _nested(schema: Mapping[str, Any], name: str, field: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = resolve(schema, field)
    inner = found.get("items") or found.get("additionalProperties")
    if isinstance(inner, Mapping):
        yield from _nested(schema, f"{name}[]" if "items" in found else f"{name}.*", inner)
    elif "properties" in found:
        yield name, found
        for key, nested in found["properties"].items():
            yield from _nested(schema, f"{name}.{key}", nested)


def _field(schema: Mapping[str, Any], section: Mapping[str, Any], name: str) -> Facts:
    field = section["properties"][name]
    required = name in section.get("required", ())
    facts: Facts = {"required": True} if required else {"default": default_of(section, name)}
    kinds = [resolve(schema, one) for one in field.get("anyOf", [field])]
    choices = [choice for kind in kinds for choice in kind.get("enum", [kind["const"]] if "const" in kind else [])]
    return facts | ({"choices": choices} if choices else {})


def _model_field(field: Any) -> Facts:
    facts: Facts = {"required": True} if field.default is PydanticUndefined else {"default": field.default}
    kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
    words = [str(word) for kind in kinds for word in getattr(kind, "__members__", {}).values()]
    words += [word for kind in kinds for word in (kind, *getattr(kind, "__args__", ())) if isinstance(word, str)]
    return facts | ({"choices": words} if words else {})


def _below(path: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in [*group.commands] or group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield f"{path} {name}", found
        if isinstance(found, click.Group):
            yield from _below(f"{path} {name}", found)


def _option(option: click.Option) -> Facts:
    facts: Facts = {"short": next((name for name in option.opts if not name.startswith("--")), None)}
    if option.required:
        facts["required"] = True
    else:
        # A default that the code works out is only told in the help.
        stated = _STATED_DEFAULT.search(option.help or "")
        value = option.to_info_dict()["default"]
        facts["default"] = _read(stated[1]) if value is None and stated else value
    return facts | ({"choices": list(option.type.choices)} if isinstance(option.type, click.Choice) else {})


def _read(text: str) -> Any:
    return int(text) if text.isdecimal() else text
