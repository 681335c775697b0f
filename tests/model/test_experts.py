"""On a small random mixture: only the chosen experts answer differently after training, however they are stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from support import ember_tokenizer
from transformers import MixtralConfig, MixtralForCausalLM, PretrainedConfig

from forgelm.base.errors import ModelError
from forgelm.config.moe import MoeConfig
from forgelm.config.root import ForgeConfig
from forgelm.model.experts import check_experts, count_experts, limit_to_experts, shrink_experts
from forgelm.model.load import load, load_saved
from forgelm.run.single import run_single


def mixture() -> MixtralForCausalLM:
    """Four experts in each of two layers, with the bundled model's vocabulary."""
    tokenizer = ember_tokenizer()
    torch.manual_seed(0)
    return MixtralForCausalLM(
        MixtralConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            num_local_experts=4,
            num_experts_per_tok=2,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    ).eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    mixture().save_pretrained(tmp_path / "mixture")
    ember_tokenizer().save_pretrained(tmp_path / "mixture")
    return tmp_path / "mixture"


def answer(model: Any, expert: int) -> Any:
    """What one expert of the first layer answers, adapter included: others are never asked."""
    experts = next(module for name, module in model.named_modules() if name.endswith("layers.0.mlp.experts"))
    torch.manual_seed(1)
    tokens = torch.randn(5, 32)
    index, weights = torch.full((5, 1), expert), torch.ones(5, 1)
    with torch.no_grad():
        return experts(tokens, index, weights)


@pytest.mark.slow
def test_only_the_chosen_experts_answer_differently_after_a_run(
    make_config: Callable[..., ForgeConfig], folder: Path
) -> None:
    def run(experts: str) -> list[bool]:
        config = make_config(
            model={"name_or_path": str(folder), "moe": {"experts_to_train": experts}},
            lora={"r": 4},
            training={"max_steps": 3, "learning_rate": 1e-2, "weight_decay": 0.1},
        )
        result = run_single(config)
        assert next(gate["status"] for gate in result.gates if gate["gate"] == "self_check") == "passed"
        loaded = load(config)
        before = [answer(loaded.model, expert) for expert in range(4)]
        saved = load_saved(Path(str(result.output_dir)), config, loaded)
        return [not torch.equal(answer(saved, expert), before[expert]) for expert in range(4)]

    assert run("0,2") == [True, False, True, False]
    assert run("all") == [True] * 4


class Numbered(torch.nn.Module):
    """A layer whose experts are modules of their own, as older models have them."""

    def __init__(self) -> None:
        super().__init__()
        self.config = PretrainedConfig(num_experts=3)
        self.experts = torch.nn.ModuleList(torch.nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: Any) -> Any:
        return sum(expert(x) for expert in self.experts)


def test_experts_that_are_modules_are_frozen_by_number() -> None:
    model = get_peft_model(Numbered(), LoraConfig(r=2, target_modules=["0", "1", "2"]))
    left = limit_to_experts(model, MoeConfig(experts_to_train="1"))
    learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert {name.split("experts.")[1][0] for name in learning} == {"1"}
    assert left == 16


def test_models_and_adapters_without_experts_are_refused() -> None:
    assert count_experts(mixture().config) == 4
    with pytest.raises(ModelError, match="no mixture of experts"):
        count_experts(PretrainedConfig())
    check_experts(MoeConfig(experts_to_train="3"), mixture().config)
    with pytest.raises(ModelError, match="names expert 4, and this model has 4"):
        check_experts(MoeConfig(experts_to_train="0,4"), mixture().config)
    attention = get_peft_model(mixture(), LoraConfig(r=2, target_modules=["q_proj"]))
    with pytest.raises(ModelError, match="on no expert"):
        limit_to_experts(attention, MoeConfig(experts_to_train="0"))
    assert limit_to_experts(attention, MoeConfig()) == 0


def test_frozen_experts_are_held_in_16_bits_where_the_passes_can_use_them() -> None:
    moe = MoeConfig(quantize_experts=True)
    model = get_peft_model(mixture(), LoraConfig(r=2, target_modules=["q_proj"]))
    assert shrink_experts(model, MoeConfig(), dtype="float32", autocast=None) is None
    with pytest.raises(ModelError, match="computes in float32"):
        shrink_experts(model, moe, dtype="float32", autocast=None)
    assert "already" in str(shrink_experts(model, moe, dtype="bfloat16", autocast="bf16"))
    assert "4 expert tensors are held in bfloat16" in str(shrink_experts(model, moe, dtype="float32", autocast="bf16"))
    kinds = {weight.dtype for name, weight in model.named_parameters() if ".experts" in name}
    assert kinds == {torch.bfloat16}
    with torch.autocast("cpu", torch.bfloat16):
        assert model(input_ids=torch.tensor([[1, 2, 3]])).logits.isfinite().all()
