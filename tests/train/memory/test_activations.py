from __future__ import annotations

import pytest
from families import build_configuration, build_model, kept_bytes

from forgelm.model.architecture import build_shapes
from forgelm.train.memory.activations import Pass, measure_layers

ROWS, LENGTH, RANK = 3, 160, 8
# The stated tolerance: what is estimated lies within it of what autograd keeps.
TOLERANCE = 0.10


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "mistral", "gemma", "gemma3", "mixtral"])
def test_all_weights_keep_what_was_estimated(family: str, bf16: bool, attention: str) -> None:
    model = build_model(family, attention=attention)
    seen = Pass(ROWS, LENGTH, 2 if bf16 else 4, 4, learns=True, attention=attention)
    layers = measure_layers(build_shapes(build_configuration(family)), seen)
    kept = kept_bytes(model, model.get_decoder(), rows=ROWS, length=LENGTH, bf16=bf16)
    assert layers.total + layers.outside + layers.copies == pytest.approx(kept, rel=TOLERANCE)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3", "gpt2", "mixtral"])
def test_an_adapter_keeps_what_was_estimated(family: str, bf16: bool, dropout: float) -> None:
    import peft
    import torch

    if family == "mixtral" and dropout:
        pytest.skip("PEFT refuses dropout on packed experts")
    model = build_model(family)
    model = model.to(torch.bfloat16) if bf16 else model
    model = peft.get_peft_model(
        model, peft.LoraConfig(r=RANK, target_modules="all-linear", lora_dropout=dropout, task_type="CAUSAL_LM")
    )
    shapes = build_shapes(build_configuration(family))
    width = 2 if bf16 else 4
    adapted = frozenset(weight.name for weight in shapes.of("linear", "expert", "router"))
    noise = 4 if dropout else 0
    seen = Pass(ROWS, LENGTH, width, width, learns=False, adapted=adapted, rank=RANK, noise_width=noise)
    layers = measure_layers(shapes, seen)
    decoder = model.get_base_model().get_decoder()
    kept = kept_bytes(model, decoder, rows=ROWS, length=LENGTH, bf16=bf16)
    assert layers.total + layers.outside == pytest.approx(kept, rel=TOLERANCE)


def test_what_is_kept_grows_with_tokens_and_eager_attention_with_their_square() -> None:
    shapes = build_shapes(build_configuration("llama"))

    def kept(length: int, attention: str) -> float:
        return measure_layers(shapes, Pass(1, length, 2, 2, learns=True, attention=attention)).total

    assert kept(2048, "sdpa") == pytest.approx(2 * kept(1024, "sdpa"))
    assert kept(2048, "eager") > 3 * kept(1024, "eager")
    masked = measure_layers(shapes, Pass(4, 1024, 2, 2, learns=True, masked=True))
    assert masked.total > measure_layers(shapes, Pass(4, 1024, 2, 2, learns=True)).total
    flash = Pass(4, 1024, 2, 2, learns=True, masked=True, attention="flash_attention_2")
    assert measure_layers(shapes, flash).total < masked.total
