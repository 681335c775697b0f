"""Options of loading that only show in the weights: 4-bit variants, code of a repository, NEFTune and windows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support import ember_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from forgelm.base.errors import ModelError
from forgelm.config.root import ForgeConfig
from forgelm.model.load import load
from forgelm.run.single import run_single

Make = Callable[..., ForgeConfig]


def test_each_option_of_4_bit_weights_changes_them(make_config: Make) -> None:
    pytest.importorskip("bitsandbytes")

    def quantised(**options: Any) -> Any:
        model = load(make_config(model={"load_in_4bit": True, **options})).model
        # PEFT's layer over such weights has the same name.
        return next(module for module in model.modules() if hasattr(module, "compute_dtype"))

    plain = quantised()
    assert (plain.weight.quant_type, plain.weight.quant_state.nested) == ("nf4", True)
    assert quantised(bnb_4bit_quant_type="fp4").weight.quant_type == "fp4"
    assert not quantised(bnb_4bit_use_double_quant=False).weight.quant_state.nested
    assert quantised(bnb_4bit_compute_dtype="bfloat16").compute_dtype is torch.bfloat16
    assert quantised(bnb_4bit_compute_dtype="float32").compute_dtype is torch.float32


MODULE = """
from transformers import LlamaConfig, LlamaForCausalLM


class OwnConfig(LlamaConfig):
    model_type = "own"


class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
    came_from_the_repository = True
"""


def test_a_repository_s_code_runs_only_where_it_is_trusted(
    make_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder, tokenizer = tmp_path / "own", ember_tokenizer()
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "own.py").write_text(MODULE, encoding="utf-8")
    settings = json.loads((folder / "config.json").read_text())
    names = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    (folder / "config.json").write_text(json.dumps({**settings, "model_type": "own", "auto_map": names}))
    with pytest.raises(ModelError, match="could not be loaded"):
        load(make_config(lora=None, model={"name_or_path": str(folder)}))
    trusted = load(make_config(lora=None, model={"name_or_path": str(folder), "trust_remote_code": True})).model
    assert trusted.came_from_the_repository


def test_a_sliding_window_changes_what_far_tokens_mean(make_config: Make, tmp_path: Path) -> None:
    tokenizer = ember_tokenizer()
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = MistralForCausalLM(
        MistralConfig(vocab_size=len(tokenizer), num_key_value_heads=2, sliding_window=None, **shape)
    )
    model.save_pretrained(tmp_path / "m")
    tokenizer.save_pretrained(tmp_path / "m")

    def answer(first: int, **training: Any) -> Any:
        config = make_config(lora=None, model={"name_or_path": str(tmp_path / "m")}, training=training)
        with torch.no_grad():
            return load(config).model.eval()(torch.tensor([[first, 5, 6, 7, 8, 9]])).logits[0, -1]

    assert not torch.equal(answer(3), answer(4))
    near = {"sliding_window_attention": 3}
    assert torch.equal(answer(3, **near), answer(4, **near))


def test_neftune_adds_noise_while_training_and_leaves_none(make_config: Make) -> None:
    steps = {"max_steps": 2, "logging_steps": 1}
    plain, noisy = (run_single(make_config(training={**steps, **more})) for more in ({}, {"neftune_noise_alpha": 50.0}))
    assert noisy.metrics["train_loss"] != plain.metrics["train_loss"]
    assert noisy.metrics["baseline_eval_loss"] == plain.metrics["baseline_eval_loss"]
