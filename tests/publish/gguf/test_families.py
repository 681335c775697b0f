from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forgelm.base.errors import ModelError
from forgelm.publish.gguf.families import (
    FAMILIES,
    arrange,
    check_tensors,
    describe_model,
    find_family,
    rope_factors,
    target_name,
)

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 100,
    "max_position_embeddings": 2048,
    "rope_theta": 5e5,
}


def test_an_unsupported_architecture_is_told_which_are() -> None:
    with pytest.raises(ModelError, match="architecture GPT2LMHeadModel cannot be exported") as caught:
        find_family({**CONFIG, "architectures": ["GPT2LMHeadModel"]})
    for name in FAMILIES:
        assert name in str(caught.value.hint)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architectures": None}, "architecture unknown"),
        ({"architectures": [3]}, "architecture 3"),
        ({"hidden_act": "gelu"}, "with hidden_act 'gelu'"),
        ({"partial_rotary_factor": 0.5}, "partial rotary"),
        ({"hidden_size": "many"}, "no usable hidden_size"),
        ({"num_hidden_layers": 0}, "no usable num_hidden_layers"),
        ({"head_dim": "x"}, "no usable head_dim"),
        ({"num_key_value_heads": 0}, "no usable num_key_value_heads"),
    ],
)
def test_what_has_no_place_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        find_family({**CONFIG, **change})


def test_names_of_tensors() -> None:
    assert target_name("model.layers.11.mlp.up_proj.bias") == "blk.11.ffn_up.bias"
    assert target_name("model.embed_tokens.weight") == "token_embd.weight"
    assert target_name("model.layers.0.self_attn.rotary_emb.inv_freq") is None
    with pytest.raises(ModelError, match="has no place"):
        target_name("model.layers.0.mlp.experts.0.w1.weight")


def shapes(**changes: Any) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"token_embd.weight": (100, 64), "output_norm.weight": (64,)}
    for layer in range(2):
        parts = {"attn_q": (64, 64), "attn_k": (32, 64), "attn_v": (32, 64), "attn_output": (64, 64)}
        parts |= {"ffn_gate": (128, 64), "ffn_up": (128, 64), "ffn_down": (64, 128)}
        parts |= {"attn_norm": (64,), "ffn_norm": (64,)}  # type: ignore[dict-item]
        found |= {f"blk.{layer}.{part}.weight": shape for part, shape in parts.items()}
    return {name: shape for name, shape in {**found, **changes}.items() if shape}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blk.1.attn_k.weight": (64, 64)}, r"blk\.1\.attn_k\.weight is \[64, 64\], not \[32, 64\]"),
        ({"blk.0.ffn_norm.weight": ()}, r"blk\.0\.ffn_norm\.weight is missing"),
        ({"token_embd.weight": (99, 64)}, r"token_embd\.weight is \[99, 64\]"),
        ({"blk.2.attn_q.weight": (64, 64)}, r"blk\.2\.attn_q\.weight is beyond its layers"),
    ],
)
def test_weights_that_are_not_the_configurations_are_refused(changes: dict[str, Any], message: str) -> None:
    family = FAMILIES["LlamaForCausalLM"]
    check_tensors(family, CONFIG, shapes())
    with pytest.raises(ModelError, match=message):
        check_tensors(family, CONFIG, shapes(**changes))


def test_rotary_pairs_come_side_by_side() -> None:
    rows = np.arange(8, dtype="f4")[:, None]
    config = {"num_attention_heads": 2, "num_key_value_heads": 1}
    llama, qwen = FAMILIES["LlamaForCausalLM"], FAMILIES["Qwen2ForCausalLM"]
    assert arrange("blk.0.attn_q.weight", rows, llama, config)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert arrange("blk.0.attn_k.weight", rows, llama, config)[:, 0].tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    assert arrange("blk.0.attn_q.bias", rows[:, 0], llama, config).tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    for name, family in (("blk.0.attn_v.weight", llama), ("blk.0.attn_q.weight", qwen)):
        assert arrange(name, rows, family, config) is rows


def test_the_metadata_says_how_the_model_computes() -> None:
    found, notes = describe_model(FAMILIES["LlamaForCausalLM"], CONFIG)
    assert notes == ()
    assert found["llama.rope.freq_base"] == 5e5
    assert (found["llama.attention.key_length"], found["llama.attention.head_count_kv"]) == (16, 2)
    scaled, _ = describe_model(
        FAMILIES["Qwen2ForCausalLM"],
        {**CONFIG, "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 512}},
    )
    assert scaled["qwen2.rope.scaling.type"] == "yarn"
    assert scaled["qwen2.rope.scaling.original_context_length"] == 512
    with pytest.raises(ModelError, match="rope_type 'dynamic' has no word"):
        describe_model(FAMILIES["LlamaForCausalLM"], {**CONFIG, "rope_scaling": {"type": "dynamic", "factor": 2}})


def test_a_sliding_window_ends_the_context_and_says_so() -> None:
    found, notes = describe_model(FAMILIES["MistralForCausalLM"], {**CONFIG, "sliding_window": 512})
    assert found["llama.context_length"] == 512
    assert "no sliding window" in notes[0]
    found, notes = describe_model(
        FAMILIES["Qwen2ForCausalLM"], {**CONFIG, "sliding_window": 512, "use_sliding_window": False}
    )
    assert (found["qwen2.context_length"], notes) == (2048, ())


def test_llama_3_scaling_is_what_transformers_makes_of_it() -> None:
    import torch
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    rope = {
        "rope_type": "llama3",
        "rope_theta": 500000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    head = 128
    config = LlamaConfig(hidden_size=512, num_attention_heads=4, head_dim=head, rope_parameters=rope)
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    plain = 500000.0 ** (-torch.arange(0, head, 2) / head)
    factors = rope_factors({**CONFIG, "head_dim": head, "rope_parameters": rope})
    assert np.allclose((plain / scaled).numpy(), factors, rtol=1e-4)
    assert rope_factors(CONFIG) is None
