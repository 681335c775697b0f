"""Exports inside a run: tried out before training, held against the trained model, and written once it is promoted."""

from __future__ import annotations

import contextlib
import functools
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from forgelm.base.errors import ForgeError, ModelError
from forgelm.base.events import Emit, Event
from forgelm.base.extras import load_extra
from forgelm.base.files import RunFiles, make_folder
from forgelm.base.network import hub_token
from forgelm.config.export import ExportConfig
from forgelm.config.root import ForgeConfig
from forgelm.evaluate.evaluator import Subject
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.parity import REPLIES, TOKENS, Render, choose_probes, measure_replies, measure_tokens
from forgelm.evaluate.served import Served, load_served
from forgelm.model.merge.base import find_model
from forgelm.model.merge.state import read_model_config
from forgelm.model.positions import read_rope
from forgelm.model.revision import BUILTIN_PREFIX
from forgelm.publish.gguf.export import ExportReport, export_gguf, try_export
from forgelm.publish.gguf.families import describe_model, find_family
from forgelm.publish.gguf.parse import parse_gguf
from forgelm.publish.gguf.read_tokenizer import load_tokeniser
from forgelm.publish.rendering import render_chat
from forgelm.train.tokenised import TokenisedData

_TRIED_LAYERS = 2


def check_export(config: ForgeConfig) -> None:
    """Look at what can be known about an export before anything is loaded.

    Raises:
        OptionalDependencyError: the extra ``export`` is not installed.
        ModelError: a model on this machine is of a family that cannot be exported, or with the run's rope scaling.
    """
    if config.export is None:
        return
    load_extra("gguf", extra="export")
    name = config.model.name_or_path
    if name.startswith(BUILTIN_PREFIX) or Path(name).exists():
        found = read_model_config(find_model(name, offline=True).folder)
        family, asked = find_family(found), config.training.rope_scaling
        if asked:
            kind = asked.get("rope_type") or asked.get("type")
            describe_model(family, {**found, "rope_parameters": {**read_rope(found), **asked, "rope_type": kind}})


def rehearse_export(subject: Subject, files: RunFiles) -> None:
    """Export the first layers of the untrained model, load the file back, and compare how text becomes tokens.

    Raises:
        ModelError: the model cannot be exported so, or the file would serve other tokens than training sees.
    """
    config, data, tokenizer, emit = subject.config, subject.data, subject.tokenizer, subject.emit
    wanted = config.export
    if wanted is None or not wanted.rehearse:
        return
    emit(Event.STAGE, name="rehearsing the export")
    begun = time.monotonic()
    with _scratch(files) as folder:
        report = try_export(
            config.model.name_or_path,
            folder / "rehearsal.gguf",
            quant=wanted.quant,
            layers=_TRIED_LAYERS,
            revision=config.model.revision,
            offline=config.model.offline,
            token=_token(config),
        )
        served = _load(folder / "rehearsal.gguf", data)
        probes = choose_probes(data, wanted.parity_rows)
        measured = measure_tokens(probes, tokenizer, served, _render(folder / "rehearsal.gguf", tokenizer))
        served.reply(probes[0].trained[:8] or [0], 1)
    if measured.value != 1.0:
        raise ModelError(
            f"the exported file would not serve what is trained: {_first_difference(measured)}",
            hint="nothing was trained; without the section export the model can be trained and served otherwise",
        )
    emit(
        Event.EXPORT_REHEARSED,
        quant=wanted.quant,
        packed=report.packed,
        engine=served.engine,
        rows_compared=measured.n,
        seconds=round(time.monotonic() - begun, 3),
    )


def measure_export(subject: Subject, files: RunFiles, staging: Path) -> tuple[Measurement, ...]:
    """Return how far a file of the staged model serves what was trained: ids and replies. Nothing of it is kept."""
    config, data, tokenizer = subject.config, subject.data, subject.tokenizer
    wanted = config.export
    if wanted is None:
        return ()
    subject.emit(Event.STAGE, name="comparing the exported file with the model")
    try:
        with _scratch(files) as folder:
            export_gguf(
                staging,
                folder / "parity.gguf",
                quant=wanted.quant,
                update_integrity=False,
                offline=config.model.offline,
                token=_token(config),
            )
            served = _load(folder / "parity.gguf", data)
            probes = choose_probes(data, wanted.parity_rows)
            render = _render(folder / "parity.gguf", tokenizer)
            return (
                measure_tokens(probes, tokenizer, served, render),
                measure_replies(probes, subject.model, tokenizer, served, data.encoding.stop_ids),
            )
    except ForgeError as error:
        return tuple(Measurement(name, None, 0, "share of rows", problem=error.message) for name in (TOKENS, REPLIES))


def write_export(config: ForgeConfig, files: RunFiles, emit: Emit) -> ExportReport | None:
    """Write the promoted model to the file the configuration names, its seal's digest inside."""
    wanted = config.export
    if wanted is None:
        return None
    emit(Event.STAGE, name="exporting the model")
    report = export_gguf(
        files.final_model,
        place_of(wanted, files),
        quant=wanted.quant,
        offline=config.model.offline,
        token=_token(config),
    )
    emit(
        Event.MODEL_EXPORTED,
        path=report.output_path,
        format=report.format,
        quant=report.quant,
        sha256=report.sha256,
        size_bytes=report.size_bytes,
        notes=list(report.notes),
    )
    return report


def place_of(wanted: ExportConfig, files: RunFiles) -> Path:
    """Return where the file goes."""
    return Path(wanted.output) if wanted.output else files.root / "model.gguf"


@contextlib.contextmanager
def _scratch(files: RunFiles) -> Iterator[Path]:
    folder = files.root / ".export"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield make_folder(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _load(path: Path, data: TokenisedData) -> Served:
    @functools.cache
    def read() -> Callable[[str], list[int]]:
        return load_tokeniser(path)

    def tokenise(text: str) -> list[int]:
        tokeniser = read()
        return tokeniser(text)

    return load_served(path, tokenise, data.encoding.stop_ids)


def _render(path: Path, tokenizer: Any) -> Render | None:
    """Return a function that renders messages with the template in the file, as servers do."""
    template = parse_gguf(path).metadata.get("tokenizer.chat_template")
    if not isinstance(template, str):
        return None
    special = {name: str(token) for name, token in tokenizer.special_tokens_map.items() if isinstance(token, str)}

    def render(messages: Sequence[Mapping[str, Any]], tools: Any, asked: bool) -> str:
        return render_chat(template, messages, add_generation_prompt=asked, special_tokens=special, tools=tools or None)

    return render


def _first_difference(measured: Measurement) -> str:
    found = measured.details.get("differences")
    return str(found[0]) if found else str(measured.problem)


def _token(config: ForgeConfig) -> str | None:
    return hub_token(config.auth.hf_token if config.auth else None)
