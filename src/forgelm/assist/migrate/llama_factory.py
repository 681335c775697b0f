"""A configuration of LLaMA-Factory to ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from forgelm.assist.migrate.huggingface import move_training
from forgelm.assist.migrate.mover import Migration, Mover, looks_like_file, names_of, share_of_rows, target_modules

_KEYS = MappingProxyType(
    {
        "model_name_or_path": "model.name_or_path",
        "model_revision": "model.revision",
        "trust_remote_code": "model.trust_remote_code",
        "cache_dir": "model.cache_dir",
        "cutoff_len": "model.max_length",
        "lora_rank": "lora.r",
        "lora_alpha": "lora.alpha",
        "lora_dropout": "lora.dropout",
        "packing": "training.packing",
        "preprocessing_num_workers": "training.dataset_num_proc",
    }
)
_STAGES = MappingProxyType({"sft": "sft", "pt": "sft", "dpo": "dpo", "kto": "kto"})
_LOSSES = MappingProxyType({"sigmoid": "dpo", "hinge": "dpo", "ipo": "dpo", "orpo": "orpo", "simpo": "simpo"})
_ATTENTION = MappingProxyType({"fa2": "flash_attention_2", "sdpa": "sdpa", "disabled": "eager"})
_NO_COUNTERPART = MappingProxyType(
    {
        "template": "the model's own chat template is used",
        "max_samples": "every row is read; cut the file",
        "overwrite_cache": "there is no cache to overwrite",
        "plot_loss": "the tracker draws it",
        "save_only_model": "checkpoints hold what resuming needs",
        "dataset_dir": "write the path of the file in data.dataset_name_or_path",
        "eval_dataset": "name the file validation.jsonl in one folder with the training rows",
    }
)


def migrate_llama_factory(values: Mapping[str, Any]) -> Migration:
    """Carry over a file of ``llamafactory-cli train``."""
    mover = Mover(values)
    mover.move_all(_KEYS)
    _move_stage(mover)
    _move_adapter(mover)
    _move_dataset(mover)
    mover.move("flash_attn", "model.attn_implementation", _ATTENTION.get)
    mover.move("val_size", "data.validation_split_ratio", share_of_rows)
    if mover.take("train_on_prompt"):
        mover.put("training.assistant_only_loss", False)
        mover.put("training.completion_only_loss", False)
    move_training(mover)
    for key, reason in _NO_COUNTERPART.items():
        mover.drop(key, reason)
    return mover.finish("LLaMA-Factory")


def _move_stage(mover: Mover) -> None:
    stage = mover.take("stage", "sft")
    trainer = _STAGES.get(stage)
    if trainer is None:
        mover.leave("stage", f"there is no trainer for {stage!r}")
        trainer = "sft"
    if stage == "pt":
        mover.put("data.format", "text")
    beta, loss = mover.take("pref_beta"), mover.take("pref_loss", "sigmoid")
    if trainer == "dpo":
        trainer = _LOSSES.get(loss, "dpo")
        if loss not in _LOSSES:
            mover.leave("pref_loss", f"there is no loss {loss!r}")
        elif trainer == "dpo":
            mover.put("training.loss_type", loss)
    if beta is not None and trainer in ("dpo", "kto", "orpo", "simpo"):
        mover.put(f"training.{trainer}_beta", beta)
    mover.move("simpo_gamma", "training.simpo_gamma")
    mover.put("training.trainer_type", trainer)


def _move_adapter(mover: Mover) -> None:
    kind = mover.take("finetuning_type", "lora")
    bits = mover.take("quantization_bit")
    mover.put("model.load_in_4bit", bits == 4)
    if bits not in (None, 4):
        mover.leave("quantization_bit", "base weights are loaded in 4 bits or in full")
    mover.move("lora_target", "lora.target_modules", target_modules)
    if "target_modules" not in mover.section("lora"):
        # What LLaMA-Factory does where nothing is written.
        mover.put("lora.target_modules", "all-linear")
    mover.move("additional_target", "lora.modules_to_save", names_of)
    for key, method in (("use_dora", "dora"), ("use_rslora", "rslora"), ("pissa_init", "pissa")):
        if mover.take(key):
            mover.put("lora.method", method)
    if "alpha" not in mover.section("lora"):
        mover.put("lora.alpha", 2 * int(mover.section("lora").get("r", 8)))
    if kind == "full":
        mover.train_all_weights()
    elif kind != "lora":
        mover.leave("finetuning_type", f"{kind!r} is not supported; lora is used")


def _move_dataset(mover: Mover) -> None:
    names = names_of(mover.take("dataset", ""))
    if not names:
        return
    mover.put("data.dataset_name_or_path", names[0])
    if names[1:]:
        mover.put("data.extra_datasets", names[1:])
    entries = [name for name in names if not looks_like_file(name)]
    if entries:
        mover.note(f"{', '.join(entries)}: for an entry of dataset_info.json, write its file or hub id instead")
