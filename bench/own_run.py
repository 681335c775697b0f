"""The training that several benchmarks run of ours: LoRA on the bundled model, on rows that are written for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.chats import write_chats


def configure(
    folder: Path, rows: list[dict[str, Any]], held_out: list[dict[str, Any]], **training: Any
) -> dict[str, Any]:
    """Write the rows into ``folder`` and return the sections of a run there; ``training`` adds to that section."""
    data = folder / "data"
    data.mkdir(parents=True)
    write_chats(data / "train.jsonl", rows)
    write_chats(data / "validation.jsonl", held_out)
    return {
        "model": {"name_or_path": "builtin/ember", "max_length": 1024, "load_in_4bit": False, "offline": True},
        "lora": {"r": 8, "alpha": 16, "dropout": 0.0, "target_modules": "all-linear"},
        "training": {
            "output_dir": str(folder / "run"),
            "gradient_accumulation_steps": 1,
            "report_to": "none",
            **training,
        },
        "data": {"dataset_name_or_path": str(data)},
    }
