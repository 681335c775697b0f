"""The section ``training``: where a run writes, and how its steps are taken."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from forgelm.config.galore import GaloreConfig
from forgelm.config.objectives import ObjectiveConfig
from forgelm.config.rope import check_rope_scaling
from forgelm.config.section import Place, Section, refuse, warn_deprecated

Schedule = Literal[
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
]
Optimizer = Literal[
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_torch_8bit",
    "adamw_torch_4bit",
    "adamw_bnb_8bit",
    "adamw_8bit",
    "paged_adamw_32bit",
    "paged_adamw_8bit",
    "adafactor",
    "sgd",
    "adagrad",
    "rmsprop",
    "rmsprop_bnb",
    "rmsprop_bnb_8bit",
    "rmsprop_bnb_32bit",
    "lion_8bit",
    "lion_32bit",
    "paged_lion_8bit",
    "paged_lion_32bit",
    "ademamix",
    "ademamix_8bit",
    "paged_ademamix_8bit",
    "paged_ademamix_32bit",
    "grokadamw",
    "stable_adamw",
    "schedule_free_adamw",
    "schedule_free_radam",
    "schedule_free_sgd",
]
Trouble = Literal[
    "zero_gradient", "gradient_not_finite", "impossible_loss", "no_reward_signal", "far_from_start", "slowdown"
]
Tracker = Literal["tensorboard", "wandb", "mlflow", "trackio", "none"]
_TAKEN_NAMES = frozenset({"compliance", "seen_rows", "quarantine", "review", "superseded"})
_FOLDER_NAME = re.compile(r"\w[\w.+ -]*(?<![. ])")


def _check_folder_name(value: str) -> str:
    if not _FOLDER_NAME.fullmatch(value):
        raise ValueError("must be a plain folder name: letters, digits, '_', '-' or '.', and no '/'")
    if value.lower() in _TAKEN_NAMES or value.startswith("checkpoint-"):
        raise ValueError("is a name the run folder uses for something else")
    return value


def _check_trackers(value: Any) -> Any:
    """Refuse anything but one tracker or a list of different ones."""
    names = value if isinstance(value, (list, tuple)) else [value]
    known = get_args(Tracker)
    if not names or not all(isinstance(name, str) and name in known for name in names):
        raise ValueError(f"allowed: {', '.join(known)}, or a list of them")
    if len(set(names)) < len(names) or ("none" in names and len(names) > 1):
        raise ValueError("must name each tracker once, and none alone")
    return value


class StepsConfig(Section):
    """Where a run writes, and how steps are taken, measured and saved."""

    output_dir: Place = Field("./checkpoints", description="Run folder: checkpoints, audit log and evidence.")
    final_model_dir: Annotated[str, AfterValidator(_check_folder_name)] = Field(
        "final_model", description="Folder inside output_dir that the promoted model is put in."
    )
    merge_adapters: bool = Field(False, description="Save full weights with the adapter merged in.")
    max_steps: int = Field(-1, ge=-1, description="Number of optimizer steps; -1 or 0 counts epochs instead.")
    num_train_epochs: int = Field(3, ge=1, description="Passes over the data when max_steps does not decide.")
    per_device_train_batch_size: int = Field(4, ge=1, description="Rows per device in one forward pass.")
    per_device_eval_batch_size: int | None = Field(
        None, ge=1, description="Rows per device when measuring the loss; null takes the training batch size."
    )
    gradient_accumulation_steps: int = Field(2, ge=1, description="Forward passes per optimizer step.")
    learning_rate: float = Field(2e-5, gt=0, description="Peak learning rate.")
    lr_scheduler_type: Schedule = Field("linear", description="Course of the learning rate after warm-up.")
    warmup_ratio: float = Field(0.1, ge=0, le=1, description="Share of the steps in which the learning rate rises.")
    weight_decay: float = Field(0.01, ge=0, description="Weight decay of the optimizer.")
    max_grad_norm: float = Field(1.0, ge=0, description="Gradients are clipped to this norm; 0 switches clipping off.")
    optim: Optimizer | None = Field(None, description="Optimizer of transformers; null chooses AdamW for the hardware.")
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of everything random in the run.")
    determinism: Literal["bitwise", "seeded", "off"] = Field(
        "seeded",
        description="Repeatability: bitwise also refuses operations that vary; seeded derives each step; off does not.",
    )
    preemption_grace_seconds: float | None = Field(
        None, gt=0, description="Time after SIGTERM or SIGUSR1 in which the command ends; null finishes the step."
    )
    bf16: bool | None = Field(None, description="Train in bfloat16; null uses it where the hardware has it.")
    fp16: bool | None = Field(None, description="Train in float16; null uses it where only that is there.")
    gradient_checkpointing: bool | None = Field(
        None, description="Recompute activations to save memory; null switches it on with a GPU."
    )
    use_liger_kernel: bool = Field(False, description="Use Liger's fused kernels, which need a GPU and forgelm[liger].")
    torch_compile: bool = Field(False, description="Compile the model's passes with torch.compile.")
    oom_recovery: bool = Field(
        False, description="When memory runs out, go on from the same step with smaller micro-batches."
    )
    oom_recovery_min_batch_size: int = Field(1, ge=1, description="Smallest micro-batch that oom_recovery tries.")
    memory_probe: bool | None = Field(
        None, description="Try the longest rows before the first step; null does so on a GPU."
    )
    eval_steps: int = Field(200, ge=1, description="Measure the validation loss every this many steps.")
    save_steps: int = Field(200, ge=1, description="Save a checkpoint every this many steps.")
    load_best_model_at_end: bool | None = Field(
        None,
        description="Keep the checkpoint with the least validation loss; null does so where each save is measured.",
    )
    save_total_limit: int = Field(3, ge=1, description="Number of newest checkpoints that are kept.")
    logging_steps: int | None = Field(
        None, ge=1, description="Report every this many steps; null follows the row count."
    )
    stop_on: list[Trouble] = Field(
        default_factory=list, description="Signs of trouble that end the run; the others are reported only."
    )
    early_stopping_patience: int = Field(
        3, ge=1, description="Stop after this many validations without improvement; needs validation rows."
    )
    packing: bool = Field(False, description="Put several short rows into one sequence.")
    padding_free: bool | None = Field(
        None, description="Join the rows of a batch instead of padding them; null follows the rows' lengths."
    )
    sample_packing: bool = Field(
        False,
        exclude=True,
        description="Deprecated: write 'packing'.",
        json_schema_extra={"deprecated": True},
    )
    assistant_only_loss: bool | None = Field(
        None, description="Learn only the assistant's turns; null means yes for conversations."
    )
    completion_only_loss: bool | None = Field(
        None, description="Learn only the completion; null means yes for prompt and completion rows."
    )
    train_sampling_strategy: Literal["group_by_length", "random", "sequential"] | None = Field(
        None, description="Order of the rows; null follows their lengths, and data.shuffle."
    )
    neftune_noise_alpha: float | None = Field(None, gt=0, description="Strength of the noise added to embeddings.")
    rope_scaling: Annotated[dict[str, Any] | None, AfterValidator(check_rope_scaling)] = Field(
        None, description="Scaling of positions for long contexts: a type and its factors, handed to the model."
    )
    sliding_window_attention: int | None = Field(
        None, ge=1, description="Attention window in tokens, in place of the model's."
    )
    dataloader_num_workers: int = Field(
        0, ge=0, description="Processes that load batches; 0 loads in the main process."
    )
    dataset_num_proc: int | None = Field(
        None, ge=1, description="Processes that pack the rows, each a part; null uses one."
    )
    report_to: Annotated[Tracker | list[Tracker], BeforeValidator(_check_trackers)] = Field(
        "tensorboard", description="Tracker that the metrics are sent to, or a list of several."
    )
    sample_prompts: int = Field(
        0, ge=0, description="Number of validation rows whose replies are written into every checkpoint."
    )
    sample_max_new_tokens: int = Field(64, ge=1, description="Most tokens of each of these replies.")
    run_name: str | None = Field(None, description="Name of the run in wandb, mlflow or trackio; null derives it.")
    gpu_cost_per_hour: float | None = Field(
        None, ge=0, description="Price of one GPU hour in US dollars; null looks the GPU up."
    )

    @property
    def trackers(self) -> tuple[str, ...]:
        """The trackers by name; none where nothing is sent."""
        named = (self.report_to,) if isinstance(self.report_to, str) else tuple(self.report_to)
        return tuple(name for name in named if name != "none")

    @model_validator(mode="after")
    def _check_precision(self) -> Self:
        if self.bf16 and self.fp16:
            raise refuse("fp16", "bf16 and fp16 cannot both be true", "keep one, or leave both out")
        return self

    @model_validator(mode="after")
    def _check_best_model(self) -> Self:
        if self.load_best_model_at_end and self.save_steps % self.eval_steps:
            raise refuse(
                "load_best_model_at_end",
                f"needs every save measured, but save_steps ({self.save_steps}) is no multiple of eval_steps "
                f"({self.eval_steps})",
            )
        return self

    @model_validator(mode="after")
    def _forward_sample_packing(self) -> Self:
        if "sample_packing" not in self.model_fields_set:
            return self
        warn_deprecated("training.sample_packing", "training.packing")
        if "packing" in self.model_fields_set and self.packing != self.sample_packing:
            raise refuse("sample_packing", f"contradicts training.packing: {self.packing}", "remove sample_packing")
        self._settle("packing", self.sample_packing)
        return self


class TrainingConfig(ObjectiveConfig, StepsConfig, GaloreConfig):
    """What is learnt, where a run writes, and how its steps are taken."""

    def asks_reference_once(self, processes: int) -> bool:
        """Tell whether dpo asks its reference before training, as pays where each row is seen several times."""
        if self.precompute_ref_log_probs is not None:
            return self.precompute_ref_log_probs
        # Each of several processes would ask for all rows, not for its own.
        return processes == 1 and self.max_steps <= 0 and self.num_train_epochs > 1
