"""The model one stage left, as the next stage begins with it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from forgelm.base.errors import ConfigError
from forgelm.base.files import MERGE_FILE
from forgelm.config.stages import Stage, with_model
from forgelm.evidence.inventory import require_intact, verify_integrity
from forgelm.evidence.pipeline.state import PipelineState
from forgelm.model.merge.adapter import is_adapter
from forgelm.publish.merging import merge_adapter
from forgelm.publish.moves import seal_of
from forgelm.run.folder import run_files


@dataclass(frozen=True)
class Handover:
    """What a stage begins with: its configuration, the model it continues, and the folder that is loaded."""

    stage: Stage
    input_model: str
    input_root: str | None = None
    loaded_from: str | None = None


def hand_over(folder: Path, stages: tuple[Stage, ...], name: str, state: PipelineState, given: str | None) -> Handover:
    """Return what stage ``name`` begins with. An adapter is merged into its base first, once, below ``folder``.

    A stage's own adapter then stands on whole weights: two adapters on top of one another would load as one.

    Raises:
        ConfigError, IntegrityError, StorageError: there is no such model, or it cannot be used.
    """
    stage = next(stage for stage in stages if stage.name == name)
    if given is not None:
        path = Path(given).absolute()
        if not path.is_dir():
            raise ConfigError(f"there is no model folder {path}", hint="--input-model takes the folder of a model")
        stage = replace(stage, source="cli_override")
    elif stage.source == "chain":
        path = Path(state.stages[stage.index - 1].output_model or run_files(stages[stage.index - 1].config).final_model)
        if not path.is_dir():
            raise ConfigError(
                f"stage '{stages[stage.index - 1].name}' has left no model in {path}",
                hint="run it first, or name a model with --input-model",
            )
        require_intact(path)
    else:
        return Handover(stage, stage.config.model.name_or_path)
    loaded = _whole(path, folder / "inputs" / name, offline=stage.config.model.offline)
    return Handover(with_model(stage, str(loaded)), str(path), seal_of(path), str(loaded) if loaded != path else None)


def _whole(path: Path, target: Path, *, offline: bool) -> Path:
    """Return a folder with the whole weights of the model in ``path``."""
    if not is_adapter(path):
        return path
    if target.exists():
        if _is_merge_of(target, path):
            return target
        shutil.rmtree(target)
    merge_adapter(path, target, offline=offline)
    return target


def _is_merge_of(target: Path, path: Path) -> bool:
    record, seal = target / MERGE_FILE, seal_of(path)
    if not record.is_file() or seal is None or not verify_integrity(str(target)).valid:
        return False
    return f'"{seal}"' in record.read_text(encoding="utf-8")
