"""The shortest TRL script for the same training: ``python -m bench.plain_trl DATA OUTPUT EPOCHS``."""

from __future__ import annotations

import sys
from importlib.resources import files

import datasets
import peft
import torch
import transformers
import trl


def main(data: str, output: str, epochs: str) -> None:
    path = str(files("forgelm.model") / "ember")
    trainer = trl.SFTTrainer(
        transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32),
        args=trl.SFTConfig(
            output_dir=output,
            assistant_only_loss=True,
            max_length=1024,
            num_train_epochs=int(epochs),
            per_device_train_batch_size=8,
            gradient_checkpointing=False,
            train_sampling_strategy="group_by_length",
            learning_rate=1e-3,
            save_steps=200,
            use_cpu=True,
            bf16=False,
            report_to="none",
        ),
        train_dataset=datasets.load_dataset("json", data_files=data, split="train"),
        processing_class=transformers.AutoTokenizer.from_pretrained(path),
        peft_config=peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    trainer.train()
    trainer.save_model(f"{output}/final")


if __name__ == "__main__":
    main(*sys.argv[1:])
