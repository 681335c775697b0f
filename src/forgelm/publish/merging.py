"""Adapters and models into one sealed model folder: sources checked first, a record and a card beside the weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.files import INTEGRITY_FILE, MERGE_FILE, sha256_file, write_json, write_text
from forgelm.base.network import hub_token, private
from forgelm.base.new_folder import new_folder
from forgelm.config.merge import MergeConfig, MergeSource
from forgelm.config.root import ForgeConfig
from forgelm.config.section import log_warning
from forgelm.evidence.anchor import RECORD_KEY
from forgelm.evidence.checkpoint import read_record
from forgelm.evidence.documents.lineage import LINEAGE_FILE
from forgelm.evidence.environment import package_version
from forgelm.evidence.exported import seal_digest
from forgelm.evidence.inventory import require_intact, write_integrity_manifest
from forgelm.evidence.markup import code, table
from forgelm.model.merge.adapter import is_adapter, load_adapter
from forgelm.model.merge.base import Place, find_base, find_model
from forgelm.model.merge.merge import Recipe, Source, measure_digest, write_blend, write_merged_adapter
from forgelm.model.merge.state import State, open_state
from forgelm.model.revision import BUILTIN_PREFIX

DTYPES = MappingProxyType({"float32": "F32", "float16": "F16", "bfloat16": "BF16"})


@dataclass(frozen=True)
class MergeReport:
    """What was merged. ``method`` is the one that was used, ``requested_method`` the one asked for."""

    method: str
    requested_method: str
    num_models: int
    output_dir: str
    sources: tuple[dict[str, Any], ...]
    manifest_sha256: str


def merge_adapter(
    adapter: str | Path,
    output_dir: str | Path,
    *,
    base_model: str | None = None,
    dtype: str | None = None,
    allow_other_base: bool = False,
    offline: bool = False,
    token: str | None = None,
) -> MergeReport:
    """Merge an adapter into its base model and write the whole model, sealed, to ``output_dir``.

    The result answers as base and adapter together do, weights that base layers share included. ``dtype`` is
    ``float32``, ``float16`` or ``bfloat16``; without it numbers stay of the base's type.

    Raises:
        ModelError: there is no such adapter, or it was not trained on ``base_model``.
        IntegrityError: the adapter or the base was sealed and is not what was sealed.
        ConfigError: ``output_dir`` exists already.
        StorageError: something could not be written; nothing is left behind.
    """
    if dtype is not None and dtype not in DTYPES:
        raise ConfigError(f"there is no dtype {dtype!r}", hint=f"one of {', '.join(DTYPES)}")
    folder = Path(adapter)
    _check_seal(folder)
    opened = load_adapter(folder)
    with private(offline=offline):
        base = find_base(opened, base_model, offline=offline, token=hub_token(token), allow_other_base=allow_other_base)
    _check_seal(base.folder)
    state = open_state(base.folder, label=base.name, adapter=opened)
    report = _report("adapter", "adapter", output_dir, [_describe(state, folder.name, 1.0, measure_digest(state))])
    with new_folder(Path(output_dir)) as target:
        write_merged_adapter(target, state, dtype=DTYPES[dtype] if dtype else None)
        if (folder / LINEAGE_FILE).is_file():
            shutil.copyfile(folder / LINEAGE_FILE, target / LINEAGE_FILE)
        return _seal(target, report, base, {"dtype": dtype or "as the base model"})


def merge_models(config: ForgeConfig) -> MergeReport:
    """Merge the models and adapters of the section ``merge`` and write the result, sealed, to its ``output_dir``.

    Raises:
        ConfigError: the section is missing or not enabled, or the output folder exists.
        ModelError: a source cannot be found or read, or is of another shape than the base.
        IntegrityError: a source was sealed and is not what was sealed.
        StorageError: something could not be written; nothing is left behind.
    """
    section = config.merge
    if section is None or not section.enabled:
        raise ConfigError("there is nothing to merge", hint="write a section merge with enabled: true")
    token = hub_token(config.auth.hf_token if config.auth else None)
    model = config.model
    with private(offline=model.offline):
        base = find_model(model.name_or_path, revision=model.revision, offline=model.offline, token=token)
        _check_seal(base.folder)
        state = open_state(base.folder, label=base.name)
        sources = [_open_source(source, base, offline=model.offline, token=token) for source in section.models]
    recipe, parameters = _choose(section)
    described = [
        _describe(source.state, entry.path, source.weight, source.digest)
        for source, entry in zip(sources, section.models, strict=True)
    ]
    report = _report(recipe.method, section.method, section.output_dir, described)
    with new_folder(Path(section.output_dir)) as target:
        write_blend(target, state, sources, recipe)
        return _seal(target, report, base, parameters)


def _choose(section: MergeConfig) -> tuple[Recipe, dict[str, Any]]:
    """Return how to merge, and those parameters that have a say in it."""
    method = section.method
    if method == "slerp" and len(section.models) != 2:
        log_warning(f"slerp is between two models and there are {len(section.models)}: they are merged linearly")
        method = "linear"
    recipe = Recipe(method, section.ties_trim_fraction, section.dare_drop_rate, section.dare_seed)
    return recipe, {name: value for name, value in vars(recipe).items() if name.startswith(f"{method}_")}


def _open_source(source: MergeSource, base: Place, *, offline: bool, token: str | None) -> Source:
    folder = Path(source.path)
    if is_adapter(folder):
        _check_seal(folder)
        adapter = load_adapter(folder)
        find_base(adapter, base.name, offline=offline, token=token)
        state = open_state(base.folder, label=source.path, adapter=adapter)
    else:
        found = find_model(source.path, revision=source.revision, offline=offline, token=token)
        _check_seal(found.folder)
        state = open_state(found.folder, label=source.path)
    return Source(state, source.weight, measure_digest(state))


def _check_seal(folder: Path) -> None:
    if (folder / INTEGRITY_FILE).exists():
        require_intact(folder)


def _describe(state: State, path: str, weight: float, digest: str) -> dict[str, Any]:
    folder = state.adapter.folder if state.adapter else state.weights.folder
    manifest = folder / INTEGRITY_FILE
    sealed = manifest.read_bytes() if manifest.is_file() else None
    noted = read_record(json.loads(sealed).get(RECORD_KEY)) if sealed else None
    return {
        "path": path,
        "kind": "adapter" if state.adapter else "model",
        "weight": weight,
        "weights_sha256": digest,
        "manifest_sha256": seal_digest(sealed) if sealed else None,
        RECORD_KEY: noted.as_record() if noted else None,
    }


def _report(method: str, requested: str, output_dir: str | Path, sources: Sequence[dict[str, Any]]) -> MergeReport:
    return MergeReport(method, requested, len(sources), str(output_dir), tuple(sources), "")


def _seal(target: Path, report: MergeReport, base: Place, parameters: dict[str, Any]) -> MergeReport:
    digest = measure_digest(open_state(base.folder))
    record = {
        "method": report.method,
        "requested_method": report.requested_method,
        "parameters": parameters,
        "base_model": {"name": base.name, "revision": base.revision, "weights_sha256": digest},
        "sources": list(report.sources),
        "forgelm_version": package_version("forgelm"),
    }
    write_json(target / MERGE_FILE, record)
    write_text(target / "README.md", render_merge_card(record))
    # How far the run's log went leaves with the merged model too, unless there are several runs.
    noted = {read_record(source[RECORD_KEY]) for source in report.sources}
    manifest = write_integrity_manifest(target, audit_log=noted.pop() if len(noted) == 1 else None)
    return MergeReport(**{**vars(report), "manifest_sha256": sha256_file(manifest)})


def render_merge_card(record: dict[str, Any]) -> str:
    """Return the card of a merged model: what is in it, and that nobody has judged it yet."""
    base = record["base_model"]
    local = base["name"].startswith((BUILTIN_PREFIX, "/", ".", "~")) or Path(base["name"]).exists()
    metadata = ["library_name: transformers", "pipeline_tag: text-generation", "tags: [forgelm, merge]"]
    if not local:
        metadata.insert(0, f"base_model: {base['name']}")
        metadata.insert(1, "base_model_relation: merge")
    shown = [("Method", record["method"]), ("Base model", code(base["name"]))]
    shown += [("Revision", base["revision"])] if base["revision"] else []
    shown += [(name, str(value)) for name, value in record["parameters"].items()]
    sources = [
        (code(source["path"]), f"{source['kind']}, weight {source['weight']:g}, SHA-256 {source['weights_sha256']}")
        for source in record["sources"]
    ]
    parts = [
        "---\n" + "\n".join(metadata) + "\n---",
        "# A merged model",
        "> No gate has looked at this model: what its parts were measured at is not true of it.",
        table(shown),
        "## What was merged\n\n" + table(sources),
        f"Merged by ForgeLM {record['forgelm_version']}; the same as data is in `{MERGE_FILE}`.",
    ]
    return "\n\n".join(parts) + "\n"
