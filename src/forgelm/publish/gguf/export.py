"""A model folder, or an adapter on its base, to one GGUF file with its digest beside it and its origin inside."""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.base.files import INTEGRITY_FILE, make_folder, replacing, storage_errors, sync_folder
from forgelm.base.leftovers import claim, sweep
from forgelm.base.network import hub_token, private
from forgelm.evidence.anchor import RECORD_KEY
from forgelm.evidence.checkpoint import read_record
from forgelm.evidence.environment import package_version
from forgelm.evidence.exported import record_export, seal_digest
from forgelm.evidence.inventory import require_intact
from forgelm.model.merge.adapter import is_adapter, load_adapter
from forgelm.model.merge.base import find_base, find_model
from forgelm.model.merge.state import State, open_state
from forgelm.publish.gguf.families import describe_model, find_family
from forgelm.publish.gguf.recipes import QUANTS
from forgelm.publish.gguf.template import for_serving, read_json, read_template
from forgelm.publish.gguf.tokenizer import read_tokenizer
from forgelm.publish.gguf.verify import SIDECAR_SUFFIX, verify_gguf
from forgelm.publish.gguf.write import Content, write_gguf

_UNFINISHED = ".unfinished"
_LAYER = re.compile(r"model\.layers\.(\d+)\.")


@dataclass(frozen=True)
class ExportReport:
    """What was written. ``packed`` counts tensors by type, ``notes`` say what the file cannot."""

    output_path: str
    format: str
    quant: str
    sha256: str
    size_bytes: int
    packed: dict[str, int]
    recorded_in: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Opened:
    """A model to export: its tensors, the folder of its tokenizer, and the folder whose seal speaks for it."""

    state: State
    tokenizer: Path
    sealed: Path


def export_gguf(
    model_path: str | Path,
    output: str | Path,
    *,
    quant: str = "q4_k_m",
    adapter: str | Path | None = None,
    update_integrity: bool = True,
    offline: bool = False,
    token: str | None = None,
) -> ExportReport:
    """Write the model in ``model_path`` to the GGUF file ``output``, and its SHA-256 beside it.

    ``model_path`` may be an adapter, which is merged into the base it names; ``adapter`` is merged into
    ``model_path``. Tokenizer and chat template go into the file, and where the model is sealed the root of its audit
    log does too. ``update_integrity`` adds the file to ``exported_artifacts`` of the model's manifest.

    Raises:
        ModelError: the model, or its tokenizer, is of a kind that cannot be exported; the message lists which can.
        IntegrityError: the model or the adapter was sealed and is not what was sealed.
        ConfigError: ``quant`` or ``output`` cannot be used.
        StorageError: the file could not be written; what was there before still is.
        OptionalDependencyError: the extra ``export`` is not installed.
    """
    if quant not in QUANTS:
        raise ConfigError(f"there is no quantisation {quant!r}", hint=f"one of {', '.join(QUANTS)}")
    opened = _open(Path(model_path), adapter, offline=offline, token=token)
    target = _check_target(Path(output), opened)
    content, notes = _build(opened, quant, str(model_path))
    packed, digest = _write(target, content)
    recorded = _record(opened, target, quant, digest) if update_integrity else None
    if update_integrity and recorded is None and (opened.sealed / INTEGRITY_FILE).is_file():
        notes += (f"{INTEGRITY_FILE} was left as it is: a signature covers it, or it was written by something else",)
    counts = _count(packed)
    return ExportReport(str(target), "gguf", quant, digest, target.stat().st_size, counts, recorded, notes)


def try_export(
    model_path: str,
    output: Path,
    *,
    quant: str,
    layers: int,
    revision: str | None = None,
    offline: bool = False,
    token: str | None = None,
) -> ExportReport:
    """Write only the first ``layers`` of a whole model, to see whether it can be exported at all. Records nothing.

    Raises:
        ModelError: the model, or its tokenizer, is of a kind that cannot be exported.
        OptionalDependencyError: the extra ``export`` is not installed.
    """
    with private(offline=offline):
        found = find_model(model_path, revision=revision, offline=offline, token=hub_token(token))
    state = _cut(open_state(found.folder, label=found.name), layers)
    content, notes = _build(_Opened(state, found.folder, found.folder), quant, model_path)
    packed, digest = _write(output, content)
    return ExportReport(str(output), "gguf", quant, digest, output.stat().st_size, _count(packed), None, notes)


def _cut(state: State, layers: int) -> State:
    """Return the model without the layers after the first ``layers``."""
    kept = min(layers, int(state.config.get("num_hidden_layers") or layers))
    tensors = {
        name: tensor
        for name, tensor in state.weights.tensors.items()
        if not (found := _LAYER.match(name)) or int(found[1]) < kept
    }
    config = {**state.config, "num_hidden_layers": kept}
    return replace(state, weights=replace(state.weights, tensors=tensors), config=config)


def _build(opened: _Opened, quant: str, name: str) -> tuple[Content, tuple[str, ...]]:
    family = find_family(opened.state.config)
    _, notes = describe_model(family, opened.state.config)
    rows = next((item.shape[0] for item in opened.state.plan() if item.name == opened.state.table), 0)
    template = read_template(opened.tokenizer)
    if not template:
        notes += ("the model has no chat template, so neither has the file",)
    content = Content(
        opened.state,
        family,
        read_tokenizer(opened.tokenizer, rows, _generation(opened)),
        for_serving(template) if template else None,
        QUANTS[quant],
        _origin(opened, name),
    )
    return content, notes


def _count(packed: dict[str, str]) -> dict[str, int]:
    return {kind: list(packed.values()).count(kind) for kind in sorted(set(packed.values()))}


def _open(model: Path, adapter: str | Path | None, *, offline: bool, token: str | None) -> _Opened:
    with private(offline=offline):
        if adapter is not None or is_adapter(model):
            folder = Path(adapter) if adapter is not None else model
            _check_seal(folder)
            loaded = load_adapter(folder)
            name = str(model) if adapter is not None else None
            base = find_base(loaded, name, offline=offline, token=hub_token(token))
            _check_seal(base.folder)
            tokenizer = folder if (folder / "tokenizer.json").is_file() else base.folder
            return _Opened(open_state(base.folder, label=base.name, adapter=loaded), tokenizer, folder)
        found = find_model(str(model), offline=offline, token=hub_token(token))
        _check_seal(found.folder)
        return _Opened(open_state(found.folder, label=found.name), found.folder, found.folder)


def _check_seal(folder: Path) -> None:
    if (folder / INTEGRITY_FILE).exists():
        require_intact(folder)


def _check_target(output: Path, opened: _Opened) -> Path:
    if output.suffix.lower() != ".gguf":
        raise ConfigError(f"{output} does not end in .gguf", hint="servers tell the format by the name")
    if output.exists() and not output.is_file():
        raise ConfigError(f"{output} is not a file")
    target = Path(os.path.abspath(output))
    sealed = Path(os.path.realpath(opened.sealed))
    if (sealed / INTEGRITY_FILE).exists() and Path(os.path.realpath(target)).is_relative_to(sealed):
        raise ConfigError(
            f"{output} lies in the sealed model folder, which would no longer be what was sealed",
            hint="write it beside the folder",
        )
    return target


def _generation(opened: _Opened) -> dict[str, Any]:
    folder = opened.state.weights.folder
    return {**opened.state.config, **read_json(folder / "generation_config.json")}


def _origin(opened: _Opened, name: str) -> dict[str, str | int]:
    """Return what ties the file to the evidence of its run: the seal's digest, and how far the log went when sealed."""
    about: dict[str, str | int] = {
        "general.name": Path(name).name,
        "general.type": "model",
        "forgelm.version": package_version("forgelm") or "unknown",
    }
    manifest = opened.sealed / INTEGRITY_FILE
    if manifest.is_file():
        data = manifest.read_bytes()
        about["forgelm.manifest_sha256"] = seal_digest(data)
        checkpoint = read_record(json.loads(data).get(RECORD_KEY))
        if checkpoint is not None:
            about |= {"forgelm.audit_log.size": checkpoint.size, "forgelm.audit_log.root": checkpoint.root}
    return about


def _write(target: Path, content: Content) -> tuple[dict[str, str], str]:
    """Write aside, read back, and put in place with the digest beside it; return how tensors are packed, and that."""
    make_folder(target.parent)
    sweep(target, _UNFINISHED)
    aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}{_UNFINISHED}")
    with storage_errors(str(target)):
        try:
            with aside.open("xb") as held:
                claim(held)
                packed = write_gguf(aside, content)
                checked = verify_gguf(str(aside))
                if not checked.valid:
                    raise IntegrityError(f"the file that was written cannot be read back: {checked.reason}")
                os.fsync(held.fileno())
            digest = str(checked.checks["sha256_actual"])
            # The digest is on the disk before the file moves: neither lacks the other for want of space.
            with replacing(target.with_name(target.name + SIDECAR_SUFFIX)) as sidecar:
                sidecar.write(f"{digest}  {target.name}\n".encode())
                sidecar.flush()
                os.fsync(sidecar.fileno())
                aside.replace(target)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
    return packed, digest


def _record(opened: _Opened, target: Path, quant: str, digest: str) -> str | None:
    if not (opened.sealed / INTEGRITY_FILE).is_file():
        return None
    entry = {
        "file": target.name,
        "format": "gguf",
        "quant": quant,
        "sha256": digest,
        "size_bytes": target.stat().st_size,
    }
    path = record_export(opened.sealed, entry)
    return str(path) if path else None
