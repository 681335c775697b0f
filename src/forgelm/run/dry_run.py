"""Checks everything a run needs that can be checked without training: the dry run reads the data and the tokenizer."""

from __future__ import annotations

from typing import Any

from forgelm.base.events import emit_nothing
from forgelm.base.network import private
from forgelm.config.root import ForgeConfig
from forgelm.model.load import load_reader, read_architecture
from forgelm.run.folder import check_writable, run_files
from forgelm.run.preflight import check_needs
from forgelm.train.batching import foresee_batching
from forgelm.train.distributed import check_strategy
from forgelm.train.tokenised import tokenise_data


def check_run(config: ForgeConfig) -> dict[str, Any]:
    """Return the dry-run report: what would run, and what the data holds.

    Raises:
        ConfigError: the configuration, the data, the model or the output folder cannot be used.
    """
    files = run_files(config)
    check_writable(files.root)
    # How many processes there will be is not known yet: only that the strategy itself can be had.
    check_strategy(config.distributed, count=2)
    with private(offline=config.model.offline):
        needs = check_needs(config, emit_nothing)
        tokenised = tokenise_data(config, needs.prepared, load_reader(config, needs.revision))
        batching = foresee_batching(config, tokenised.train.examples, read_architecture(config, needs.revision))
    model, lora, training, limits = config.model, config.lora, config.training, config.evaluation
    return {
        "success": True,
        "status": "valid",
        "model": model.name_or_path,
        "backend": model.backend,
        "load_in_4bit": needs.precision.four_bit,
        "trust_remote_code": model.trust_remote_code,
        "dora": bool(lora and lora.method == "dora"),
        "lora_rank": lora.r if lora else None,
        "lora_alpha": lora.alpha if lora else None,
        "dataset": config.data.dataset_name_or_path,
        "epochs": training.num_train_epochs,
        "batch_size": training.per_device_train_batch_size,
        "batching": batching.as_record(),
        "output_dir": str(files.final_model),
        "offline": model.offline,
        "rope_scaling": training.rope_scaling,
        "neftune_noise_alpha": training.neftune_noise_alpha,
        "webhook_configured": config.webhook is not None,
        "auto_revert": bool(limits and limits.auto_revert),
        "safety_enabled": bool(limits and limits.safety and limits.safety.enabled),
        "safety_scoring": limits.safety.scoring if limits and limits.safety and limits.safety.enabled else None,
        "compliance_configured": bool(config.compliance and config.compliance.provider_name.strip()),
        "risk_classification": config.compliance.risk_classification if config.compliance else None,
        "revision": needs.revision.revision_resolved,
        "data_format": needs.prepared.format,
        "train_rows": len(tokenised.train.examples),
        "validation_rows": len(tokenised.validation.examples) if tokenised.validation else 0,
        "token_ledger": tokenised.train.ledger.as_record(),
        "notes": [*needs.prepared.notes, *needs.precision.notes],
        "config_hash": config.config_hash,
    }
