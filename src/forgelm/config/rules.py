"""Rules between sections: what cannot be combined, and what can but is probably not meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from forgelm.config.data import DataConfig
from forgelm.config.distributed import DistributedConfig
from forgelm.config.evaluation import EvaluationConfig
from forgelm.config.explain import Finding
from forgelm.config.export import ExportConfig
from forgelm.config.galore import find_galore_conflicts, find_galore_warnings
from forgelm.config.governance import ComplianceConfig, RiskAssessmentConfig, RiskTier
from forgelm.config.model import LoraConfig, ModelConfig
from forgelm.config.multimodal import find_multimodal_conflicts, find_multimodal_warnings
from forgelm.config.objectives import find_unread
from forgelm.config.placeholder import is_placeholder
from forgelm.config.retention import RetentionConfig
from forgelm.config.synthetic import SyntheticConfig
from forgelm.config.training import TrainingConfig
from forgelm.config.unsloth import find_unsloth_conflicts, find_unsloth_warnings

_COMMIT = re.compile(r"[0-9a-fA-F]{40}")
_NAMES_RUNS = frozenset({"wandb", "mlflow", "trackio"})
_HIGH_RANK = 64
_LEAST_USEFUL_SCORE, _MOST_USEFUL_SCORE = 2, 9
_NO_DROPOUT = ("dpo", "simpo", "kto", "orpo")
_BANNER = (
    "risk class 'unacceptable': Article 5 of the EU AI Act prohibits placing such a system on the market, "
    "putting it into service or using it in the European Union"
)


class Sections(Protocol):
    """The sections the rules look at."""

    @property
    def model(self) -> ModelConfig: ...
    @property
    def lora(self) -> LoraConfig | None: ...
    @property
    def training(self) -> TrainingConfig: ...
    @property
    def data(self) -> DataConfig: ...
    @property
    def distributed(self) -> DistributedConfig | None: ...
    @property
    def evaluation(self) -> EvaluationConfig | None: ...
    @property
    def export(self) -> ExportConfig | None: ...
    @property
    def compliance(self) -> ComplianceConfig | None: ...
    @property
    def risk_assessment(self) -> RiskAssessmentConfig | None: ...
    @property
    def synthetic(self) -> SyntheticConfig | None: ...
    @property
    def retention(self) -> RetentionConfig | None: ...


def find_conflicts(config: Sections) -> tuple[Finding, ...]:
    """Return the combinations in ``config`` that cannot be run."""
    return (
        *_full_fine_tuning_conflicts(config),
        *_trainer_conflicts(config),
        *_distributed_conflicts(config),
        *_expert_conflicts(config),
        *find_multimodal_conflicts(config),
        *find_unsloth_conflicts(config.model, config.lora, config.training, config.distributed),
        *_strict_tier_conflicts(config),
        *_approval_conflicts(config),
    )


def find_warnings(config: Sections) -> tuple[str, ...]:
    """Return what a user should be told about ``config`` although it can be run."""
    return (
        *_training_warnings(config),
        *find_unread(config.training),
        *find_galore_warnings(config.training, adapter=config.lora is not None),
        *_model_warnings(config),
        *find_multimodal_warnings(config),
        *find_unsloth_warnings(config.model),
        *_distributed_warnings(config),
        *_risk_warnings(config),
        *_placeholder_warnings(config),
        *_judge_warnings(config),
        *_synthetic_warnings(config),
    )


def _full_fine_tuning_conflicts(config: Sections) -> Iterator[Finding]:
    if config.lora is not None:
        return
    if config.model.load_in_4bit:
        yield Finding(
            "4-bit weights cannot be trained themselves, and 'lora: null' trains all weights",
            loc=("model", "load_in_4bit"),
            hint="set load_in_4bit: false, or use an adapter with 'lora: {}'",
        )
    if config.training.merge_adapters:
        yield Finding(
            "there is no adapter to merge: 'lora: null' trains all weights",
            loc=("training", "merge_adapters"),
            hint="set merge_adapters: false",
        )


def _trainer_conflicts(config: Sections) -> Iterator[Finding]:
    training, lora, evaluation = config.training, config.lora, config.evaluation
    trainer = training.trainer_type
    if trainer == "kto" and training.per_device_train_batch_size < 2:
        yield Finding(
            "kto compares the rows of a batch with each other, and a batch of one has nothing to compare",
            loc=("training", "per_device_train_batch_size"),
            hint="set it to 2 or more",
        )
    drawn = training.per_device_train_batch_size * training.gradient_accumulation_steps
    if trainer == "grpo" and drawn % training.grpo_num_generations:
        yield Finding(
            f"per_device_train_batch_size times gradient_accumulation_steps is {drawn}, which is no multiple of "
            f"grpo_num_generations ({training.grpo_num_generations}): one step holds whole groups of replies",
            loc=("training", "grpo_num_generations"),
            hint="change one of the three",
        )
    if training.use_liger_kernel and trainer in ("simpo", "orpo"):
        yield Finding(
            f"TRL's {trainer} trainer computes its loss in a way that Liger's kernels do not know",
            loc=("training", "use_liger_kernel"),
            hint="set use_liger_kernel: false",
        )
    if trainer == "grpo" and training.grpo_beta > 0 and lora is None:
        yield Finding(
            "grpo_beta compares with the model grpo began with, which 'lora: null' trains away",
            loc=("training", "grpo_beta"),
            hint="use an adapter with 'lora: {}', or grpo_beta: 0",
        )
    needs_reference = trainer in ("dpo", "kto") or (trainer == "grpo" and training.grpo_beta > 0)
    if lora is not None and lora.method == "pissa" and needs_reference:
        yield Finding(
            f"{trainer} compares with the model it began with, which lora.method pissa changes in memory",
            loc=("lora", "method"),
            hint="use lora, dora or rslora",
        )
    accumulation = training.gradient_accumulation_steps
    for name, reason, remedy in find_galore_conflicts(training, accumulation=accumulation):
        yield Finding(reason, loc=("training", name), hint=remedy)
    if trainer == "grpo" and evaluation is not None:
        for name in ("max_acceptable_loss", "baseline_loss"):
            if getattr(evaluation, name) is not None:
                yield Finding(
                    f"evaluation.{name} limits a loss, and grpo has none: it is judged by its reward",
                    loc=("evaluation", name),
                    hint="use evaluation.min_reward",
                )


def _distributed_conflicts(config: Sections) -> Iterator[Finding]:
    strategy = config.distributed.strategy if config.distributed else None
    if strategy is not None and config.training.galore_layerwise:
        yield Finding(
            f"{config.training.galore_optim} cannot share its steps among processes",
            loc=("training", "galore_optim"),
            hint="leave out _layerwise",
        )
    if strategy == "fsdp" and config.model.load_in_4bit:
        yield Finding(
            "4-bit weights cannot be sharded by FSDP",
            loc=("model", "load_in_4bit"),
            hint="set load_in_4bit: false, or leave distributed.strategy out to copy the 4-bit model to each GPU",
        )
    if strategy is not None and config.lora is not None and config.lora.method == "pissa":
        yield Finding(
            "pissa changes the base weights, which a sharded model does not hold in one piece",
            loc=("lora", "method"),
            hint="use lora, dora or rslora, or leave distributed.strategy out",
        )
    if strategy is not None and config.training.trainer_type != "sft" and config.lora is None:
        yield Finding(
            f"{config.training.trainer_type} with all weights and distributed.strategy {strategy} is not offered",
            loc=("training", "trainer_type"),
            hint="use an adapter with 'lora: {}', or leave distributed.strategy out",
        )


def _expert_conflicts(config: Sections) -> Iterator[Finding]:
    moe, lora = config.model.moe, config.lora
    if moe is None:
        return
    strategy = config.distributed.strategy if config.distributed else None
    if lora is None and moe.quantize_experts:
        yield Finding(
            "'lora: null' trains the experts, and only frozen ones are held in 16 bits",
            loc=("model", "moe", "quantize_experts"),
            hint="set quantize_experts: false, or use an adapter with 'lora: {}'",
        )
    if moe.chosen is not None and (lora is None or lora.method in ("pissa", "dora") or strategy is not None):
        yield Finding(
            "experts are chosen by what their adapters learn, which needs lora or rslora and a model in one piece",
            loc=("model", "moe", "experts_to_train"),
            hint="use 'lora: {}' without distributed.strategy, or experts_to_train: all",
        )


def _strict_tier_conflicts(config: Sections) -> Iterator[Finding]:
    if _tries_safety(config):
        return
    for loc, tier in _declared_tiers(config):
        if tier.is_strict:
            yield Finding(
                f"the risk class '{tier}' requires a safety evaluation",
                loc=loc,
                hint="add evaluation.safety with enabled: true",
            )


def _tries_safety(config: Sections) -> bool:
    return config.evaluation is not None and config.evaluation.safety is not None and config.evaluation.safety.enabled


def _approval_conflicts(config: Sections) -> Iterator[Finding]:
    evaluation, retention = config.evaluation, config.retention
    if evaluation is None:
        return
    if evaluation.approval is not None and not evaluation.require_human_approval:
        yield Finding(
            "nobody is asked to approve: require_human_approval is false",
            loc=("evaluation", "approval"),
            at_key=True,
            hint="set evaluation.require_human_approval: true, or remove evaluation.approval",
        )
    days = evaluation.staging_ttl_days
    if days is not None and retention is not None and retention.staging_ttl_days != days:
        yield Finding(
            f"contradicts retention.staging_ttl_days: {retention.staging_ttl_days}",
            loc=("evaluation", "staging_ttl_days"),
            hint="remove evaluation.staging_ttl_days, which is deprecated",
        )


def _training_warnings(config: Sections) -> Iterator[str]:
    training, lora, evaluation = config.training, config.lora, config.evaluation
    if training.merge_adapters and evaluation is not None and evaluation.auto_revert:
        yield "evaluation.auto_revert with training.merge_adapters: what is refused is full weights, not an adapter"
    if lora is not None and lora.r > _HIGH_RANK and lora.method != "rslora":
        yield f"lora.r is {lora.r}: above {_HIGH_RANK} 'method: rslora' usually trains more stably"
    if (
        lora is not None
        and lora.dropout
        and "dropout" in lora.model_fields_set
        and training.trainer_type in _NO_DROPOUT
    ):
        yield f"lora.dropout has no effect with trainer_type={training.trainer_type}: replies are compared as they are"
    if training.eval_steps > training.save_steps and training.load_best_model_at_end is not False:
        yield "training.eval_steps is above save_steps: the checkpoint with the lowest loss may not have been saved"
    if training.run_name is not None and not _NAMES_RUNS.intersection(training.trackers):
        tracker = ", ".join(training.trackers) or "none"
        yield f"training.run_name is set, but has no effect with report_to={tracker}"
    if training.dataset_num_proc is not None and not training.packing:
        yield "training.dataset_num_proc is set, but has no effect without training.packing"


def _judge_warnings(config: Sections) -> Iterator[str]:
    judge = config.evaluation.llm_judge if config.evaluation else None
    if judge is not None and judge.enabled and not _LEAST_USEFUL_SCORE < judge.min_score < _MOST_USEFUL_SCORE:
        which = "nearly every" if judge.min_score <= _LEAST_USEFUL_SCORE else "hardly any"
        yield f"evaluation.llm_judge.min_score is {judge.min_score:g} of 10 points: {which} model reaches it"


def _synthetic_warnings(config: Sections) -> Iterator[str]:
    if config.synthetic is not None and config.synthetic.api_key is not None and config.synthetic.api_key_env is None:
        yield "synthetic.api_key keeps a secret in a file; synthetic.api_key_env names a variable that holds it"


def _model_warnings(config: Sections) -> Iterator[str]:
    model = config.model
    if model.load_in_4bit and model.bnb_4bit_compute_dtype in ("float32", "fp32"):
        yield "model.bnb_4bit_compute_dtype float32 with load_in_4bit loses most of the speed of 4-bit weights"
    if model.revision is None:
        return
    if Path(model.name_or_path).is_dir():
        yield "model.revision has no effect: model.name_or_path is a local folder"
    elif not _COMMIT.fullmatch(model.revision):
        yield f"model.revision '{model.revision}' can move to other weights; a 40-digit commit cannot"


def _distributed_warnings(config: Sections) -> Iterator[str]:
    if config.distributed and "zero3" in (config.distributed.deepspeed_config or "") and config.model.load_in_4bit:
        yield "distributed.deepspeed_config with ZeRO-3 cannot shard 4-bit weights: each GPU holds all of them"


def _risk_warnings(config: Sections) -> Iterator[str]:
    tiers = [tier for _, tier in _declared_tiers(config)]
    if RiskTier.UNACCEPTABLE in tiers:
        yield _BANNER
    strict, limits = next((tier for tier in tiers if tier.is_strict), None), config.evaluation
    if strict is not None and not (limits and limits.auto_revert):
        yield f"the risk class is '{strict}' and evaluation.auto_revert is off: a failed model keeps its place"
    if strict is not None and not (limits and limits.safety and limits.safety.track_categories):
        yield f"the risk class is '{strict}' and evaluation.safety.track_categories is off: all harm is counted as one"
    if len(set(tiers)) > 1:
        yield f"compliance.risk_classification is '{tiers[0]}' but risk_assessment.risk_category is '{tiers[1]}'"


def _placeholder_warnings(config: Sections) -> Iterator[str]:
    sections = (
        ("compliance", config.compliance),
        ("risk_assessment", config.risk_assessment),
        ("data.governance", config.data.governance),
    )
    for name, section in sections:
        for field in sorted(section.model_fields_set) if section is not None else ():
            value = getattr(section, field)
            for text in value if isinstance(value, list) else [value]:
                if type(text) is str and text.strip() and is_placeholder(text):
                    yield f"{name}.{field} is a placeholder ({text.strip()!r}): the documents count it as not declared"


def _declared_tiers(config: Sections) -> Iterator[tuple[tuple[str, str], RiskTier]]:
    """Yield place and value of each risk class that was written, not defaulted."""
    compliance, assessment = config.compliance, config.risk_assessment
    if compliance is not None and "risk_classification" in compliance.model_fields_set:
        yield ("compliance", "risk_classification"), compliance.risk_classification
    if assessment is not None and "risk_category" in assessment.model_fields_set:
        yield ("risk_assessment", "risk_category"), assessment.risk_category
