"""Trainer on instructions: rows of instruction, input and response, written with headings, the prompt masked."""

from __future__ import annotations

from typing import Any

from finetune_cli.core.types import LoRAConfig, TrainingConfig
from finetune_cli.data.rendering import render_prompt
from finetune_cli.trainers.lora import LoRATrainer
from forgelm.base.extras import load_extra


class InstructionTrainer(LoRATrainer):
    """Formats rows, tokenises them and trains an adapter; rows with ``input_ids`` or ``text`` are taken as they are."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        training_config: TrainingConfig,
        lora_config: LoRAConfig,
        instruction_col: str = "instruction",
        input_col: str = "input",
        response_col: str = "response",
    ) -> None:
        super().__init__(model, tokenizer, training_config, lora_config)
        self._columns = (instruction_col, input_col, response_col)

    def _rows(self, rows: Any) -> Any:
        return rows if "input_ids" in rows.column_names else format_instruction_dataset(rows, *self._columns)


def format_instruction_dataset(
    dataset: Any,
    instruction_col: str = "instruction",
    input_col: str = "input",
    response_col: str = "response",
    text_col: str = "text",
) -> Any:
    """Return a dataset with the one column ``text_col``: each row's prompt with its headings, then the response.

    A dataset that has the column already is returned as it is. The input's heading stands only where there is input.

    Raises:
        ValueError: the instruction or response column is missing, or a row of it holds no text.
    """
    if text_col in dataset.column_names:
        return dataset
    for name in (instruction_col, response_col):
        if name not in dataset.column_names:
            raise ValueError(f"there is no column {name!r} (columns: {', '.join(dataset.column_names)})")
    texts = []
    for number, row in enumerate(dataset, start=1):
        asked, said = row[instruction_col], row[response_col]
        if not isinstance(asked, str) or not isinstance(said, str):
            raise ValueError(f"row {number}: instruction and response must be text")
        texts.append(render_prompt(asked, row.get(input_col)) + said)
    return load_extra("datasets", extra="train").Dataset.from_dict({text_col: texts})
