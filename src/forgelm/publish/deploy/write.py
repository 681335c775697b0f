"""Writes the file a server is started with, for a model that is whole, intact and final."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

from forgelm.base.errors import ConfigError
from forgelm.base.files import write_text
from forgelm.publish.deploy.model import look_at_model
from forgelm.publish.deploy.targets import TARGETS, USUAL_LENGTH, Wishes


@dataclass(frozen=True)
class DeployReport:
    """What was written and how the server is started with it."""

    target: str
    output_path: str
    start: str
    notes: tuple[str, ...]


def write_deployment(
    model_path: str, target: str, *, output: str | None = None, wishes: Wishes | None = None
) -> DeployReport:
    """Write the file that ``target`` is started with; without ``output`` into the current folder, by its usual name.

    Raises:
        ConfigError: there is no such target, or no model that can be served there.
        IntegrityError: the model was sealed and is not what was sealed.
        StorageError: the file could not be written.
    """
    if target not in TARGETS:
        raise ConfigError(f"there is no target {target!r}", hint=f"one of {', '.join(TARGETS)}")
    chosen = TARGETS[target]
    wishes = wishes or Wishes()
    model = look_at_model(model_path, needs_folder=chosen.needs_folder)
    if model.is_gguf and target not in ("ollama", "vllm"):
        raise ConfigError(f"{target} does not read GGUF files", hint="give the model's folder")
    if wishes.max_length is None:
        wishes = replace(wishes, max_length=min(USUAL_LENGTH, model.context_length or USUAL_LENGTH))
    elif model.context_length is not None and wishes.max_length > model.context_length:
        raise ConfigError(
            f"the model reads {model.context_length} tokens at most, and {wishes.max_length} were asked for",
            hint=f"--max-length {model.context_length}",
        )
    path = Path(output or chosen.file_name)
    if path.is_dir():
        path = path / chosen.file_name
    if model.is_local and not model.is_gguf and Path(path).resolve().is_relative_to(Path(model.place).resolve()):
        raise ConfigError(f"{path} lies in the model folder, which would no longer be what was sealed")
    text, notes = chosen.render(model, wishes)
    for wish in fields(Wishes):
        if wish.name not in chosen.reads and getattr(wishes, wish.name) != wish.default:
            notes += (f"{target} has no place for --{wish.name.replace('_', '-')}: it was left out",)
    write_text(path, text)
    return DeployReport(target, str(path), chosen.start.format(file=path), (*model.notes, *notes))
