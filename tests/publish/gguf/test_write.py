"""Files of every supported family are loaded by transformers' own GGUF loader and compute what the model computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from merging import distance, logits_at, logits_of, write_variant

from forgelm.base.errors import ModelError
from forgelm.publish.gguf.export import export_gguf
from forgelm.publish.gguf.parse import parse_gguf

SMALL = {
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "vocab_size": 1024,
    "max_position_embeddings": 512,
}


def write_family(folder: Path, name: str, **config: Any) -> Path:
    import torch
    import transformers

    torch.manual_seed(0)
    made = getattr(transformers, f"{name}Config")(**{**SMALL, "eos_token_id": 1, "bos_token_id": None, **config})
    model = getattr(transformers, f"{name}ForCausalLM")(made).to(torch.float32)
    for parameter in model.parameters():
        parameter.data += torch.randn_like(parameter) * 0.05
    model.save_pretrained(str(folder))
    from support import ember_tokenizer

    ember_tokenizer().save_pretrained(str(folder))
    return folder


def logits_of_file(path: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return logits_of(
        AutoModelForCausalLM.from_pretrained(str(path.parent), gguf_file=path.name, dtype=torch.float32).eval()
    )


def weights_of(folder: Path, **options: Any) -> dict[str, Any]:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32, **options)
    return dict(model.state_dict())


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("Llama", {}),
        ("Llama", {"attention_bias": True, "tie_word_embeddings": True}),
        ("Mistral", {"sliding_window": None, "head_dim": 32}),
        ("Qwen2", {}),
        ("Qwen3", {"head_dim": 128}),  # transformers' GGUF loader reads no other
    ],
)
def test_the_file_computes_what_the_model_computes(tmp_path: Path, name: str, config: dict[str, Any]) -> None:
    model = write_family(tmp_path / "model", name, **config)
    report = export_gguf(model, tmp_path / "m.gguf", quant="f16")
    assert report.packed.keys() == {"F16", "F32"}
    if "attention_bias" not in config:  # transformers' loader leaves the biases of this family out
        assert distance(logits_of_file(tmp_path / "m.gguf"), logits_at(model)) < 2e-3
    names = {tensor.name for tensor in parse_gguf(tmp_path / "m.gguf").tensors}
    assert ("output.weight" in names) == (not config.get("tie_word_embeddings"))
    assert ("blk.0.attn_q.bias" in names) == (name == "Qwen2" or "attention_bias" in config)


@pytest.mark.parametrize(
    ("quant", "limit"), [("q8_0", 0.006), ("q5_k_m", 0.037), ("q4_k_m", 0.073), ("q3_k_m", 0.155), ("q2_k", 0.29)]
)
def test_k_quants_lose_no_more_than_their_bits(tmp_path: Path, quant: str, limit: float) -> None:
    model = write_family(tmp_path / "model", "Llama", hidden_size=256, intermediate_size=512)
    report = export_gguf(model, tmp_path / "m.gguf", quant=quant)
    main = {"q8_0": "Q8_0", "q5_k_m": "Q5_K", "q4_k_m": "Q4_K", "q3_k_m": "Q3_K", "q2_k": "Q2_K"}[quant]
    assert report.packed[main] == max(count for kind, count in report.packed.items() if kind != "F32")
    wanted, found = weights_of(model), weights_of(tmp_path, gguf_file="m.gguf")
    assert wanted.keys() == found.keys()
    errors = {name: distance(found[name], wanted[name]) for name in wanted if wanted[name].ndim == 2}
    assert max(errors.values()) < limit


def test_numbers_that_float16_has_not_are_refused(tmp_path: Path) -> None:
    model = write_variant(tmp_path / "model", size=1e5)
    with pytest.raises(ModelError, match="and float16 ends at 65504"):
        export_gguf(model, tmp_path / "m.gguf", quant="f16")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_model_that_diverged_is_refused(tmp_path: Path) -> None:
    model = write_variant(tmp_path / "model", size=float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        export_gguf(model, tmp_path / "m.gguf")
