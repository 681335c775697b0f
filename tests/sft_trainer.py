"""A trainer of the bundled model, as the loop builds it."""

from __future__ import annotations

from typing import Any

from support import ember_model, ember_tokenizer

from forgelm.config.root import ForgeConfig
from forgelm.model.hardware import Hardware
from forgelm.model.precision import Precision
from forgelm.train.arguments import Plan, build_arguments
from forgelm.train.columns import build_sft_dataset
from forgelm.train.compute import Meter
from forgelm.train.quiet import Ways
from forgelm.train.tokenise import Example
from forgelm.train.trainers import TRAINERS, build_trainer


def trainer_for(config: ForgeConfig, examples: tuple[Example, ...], model: Any = None, **parts: Any) -> Any:
    model = model or ember_model()
    plan = Plan(
        output_dir=config.training.output_dir,
        rows=len(examples),
        has_validation=True,
        max_length=config.model.max_length,
        run_name="test",
        hardware=Hardware("cpu", bf16=False, fp16=False),
        precision=Precision("float32", None, False, "float32"),
    )
    return build_trainer(
        TRAINERS["sft"],
        build_arguments(config.training, plan),
        Ways(
            Meter(model, plan.hardware),
            config.training.train_sampling_strategy or "random",
            joins=parts.pop("joins", False),
        ),
        listeners=parts.pop("listeners", ()),
        patience=None,
        model=model,
        processing_class=ember_tokenizer(),
        train_dataset=build_sft_dataset(examples),
        eval_dataset=build_sft_dataset(examples),
    )
