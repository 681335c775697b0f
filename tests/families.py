"""Small random models of several families, and what autograd keeps of their forward pass."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

SHAPE = MappingProxyType(
    {
        "hidden_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 176,
        "vocab_size": 512,
        "max_position_embeddings": 512,
    }
)
FAMILIES = ("llama", "qwen2", "qwen3", "mistral", "gemma", "gemma3", "mixtral", "gpt2", "phi3")


def build_configuration(family: str) -> Any:
    import transformers as hf

    shape = dict(SHAPE)
    return {
        "llama": lambda: hf.LlamaConfig(**shape),
        "qwen2": lambda: hf.Qwen2Config(**shape),
        "qwen3": lambda: hf.Qwen3Config(**shape, head_dim=32),
        "mistral": lambda: hf.MistralConfig(**shape, sliding_window=None),
        "gemma": lambda: hf.GemmaConfig(**shape, head_dim=16),
        "gemma3": lambda: hf.Gemma3TextConfig(**shape, head_dim=16, sliding_window=64),
        "mixtral": lambda: hf.MixtralConfig(**shape, num_local_experts=4, num_experts_per_tok=2),
        "gpt2": lambda: hf.GPT2Config(
            n_embd=64, n_layer=3, n_head=4, vocab_size=512, n_positions=512, resid_pdrop=0, attn_pdrop=0, embd_pdrop=0
        ),
        "phi3": lambda: hf.Phi3Config(**shape, pad_token_id=0),
    }[family]()


def build_model(family: str, *, attention: str = "sdpa") -> Any:
    import torch
    import transformers as hf

    torch.manual_seed(0)
    model = hf.AutoModelForCausalLM.from_config(build_configuration(family), attn_implementation=attention)
    return model.train()


def kept_bytes(model: Any, decoder: Any, *, rows: int, length: int, bf16: bool) -> int:
    """Return the bytes of all that autograd keeps of one forward pass of ``decoder``, parameters aside."""
    import torch

    parameters = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage
        return tensor

    ids = torch.randint(0, 500, (rows, length))
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16),
    ):
        decoder(input_ids=ids, use_cache=False)
    return sum(storage.nbytes() for storage in kept.values())
