"""What the model says to the same few held-out prompts, checkpoint after checkpoint, as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.errors import DataError
from forgelm.base.files import write_text
from forgelm.config.training import TrainingConfig
from forgelm.data.rows import Row
from forgelm.model.generate import generate_texts
from forgelm.train.columns import first_target
from forgelm.train.tokenise import IGNORED, Example

SAMPLES = "samples.jsonl"


@dataclass(frozen=True)
class Prompt:
    """The tokens a reply is asked for, the row they come from, and the reply that row holds, where it holds one."""

    input_ids: list[int]
    row: Row
    wanted: list[int]


@dataclass
class Samples:
    """Asks a model for its replies and keeps those of all checkpoints so far; without prompts it does nothing."""

    tokenizer: Any = None
    prompts: tuple[Prompt, ...] = ()
    max_new_tokens: int = 64
    lines: list[str] = field(default_factory=list)

    def restore(self, checkpoint: Path) -> None:
        """Continue the list that lies in ``checkpoint``."""
        found = checkpoint / SAMPLES
        if self.prompts and found.is_file():
            self.lines = found.read_text(encoding="utf-8").splitlines()

    def take(self, model: Any, step: int) -> None:
        """Add the greedy replies of ``model`` after ``step`` optimizer steps. Every process calls it."""
        if not self.prompts:
            return
        asked = [prompt.input_ids for prompt in self.prompts]
        replies = generate_texts(model, self.tokenizer, asked, max_new_tokens=self.max_new_tokens)
        for prompt, reply in zip(self.prompts, replies, strict=True):
            entry = {
                "step": step,
                "row": prompt.row.where,
                "prompt": self.tokenizer.decode(prompt.input_ids),
                "reply": reply,
                "wanted": self.tokenizer.decode(prompt.wanted, skip_special_tokens=True) if prompt.wanted else None,
            }
            self.lines.append(json.dumps(entry, ensure_ascii=False))

    def write(self, folder: Path) -> None:
        """Write the replies of this checkpoint and of all before it into ``folder``."""
        if self.prompts:
            write_text(folder / SAMPLES, "".join(f"{line}\n" for line in self.lines))


def choose_samples(training: TrainingConfig, validation: Sequence[Example] | None, tokenizer: Any) -> Samples:
    """Return what asks the first ``sample_prompts`` validation rows.

    Raises:
        DataError: there are no validation rows to ask.
    """
    if not training.sample_prompts:
        return Samples()
    if not validation:
        raise DataError(
            f"training.sample_prompts asks for replies to {training.sample_prompts} held-out prompts, and there are no "
            "validation rows",
            hint="set data.validation_split_ratio, or sample_prompts: 0",
        )
    prompts = tuple(_prompt(example) for example in validation[: training.sample_prompts])
    return Samples(tokenizer, prompts, training.sample_max_new_tokens)


def _prompt(example: Example) -> Prompt:
    if not example.targets:
        return Prompt(list(example.input_ids), example.row, [])
    # Plain text has no prompt of its own: its first quarter asks for the rest.
    begin = first_target(example) or max(1, len(example.input_ids) // 4)
    return Prompt(
        example.input_ids[:begin], example.row, [label for label in example.labels[begin:] if label != IGNORED]
    )
