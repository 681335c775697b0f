"""Loading: what the config asks for is what is loaded, and every way it can fail is one clear error."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support import ember_model, ember_tokenizer

from forgelm.base.errors import ModelError
from forgelm.config.root import ForgeConfig
from forgelm.model.load import (
    check_vocabulary,
    get_model_and_tokenizer,
    keep_trainable,
    load,
    load_saved,
    plan_load,
    resolve,
)

Make = Callable[..., ForgeConfig]
EMBER = Path(str(__import__("importlib.resources").resources.files("forgelm.model") / "ember"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EMBER, tmp_path / "copied"))


def test_the_pair_is_a_peft_model_and_its_tokenizer(make_config: Make) -> None:
    model, tokenizer = get_model_and_tokenizer(make_config(lora={"r": 2}))
    assert model.peft_config["default"].r == 2
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert next(model.parameters()).dtype is torch.float32


def test_no_lora_loads_every_weight_trainable(make_config: Make) -> None:
    loaded = load(make_config(lora=None))
    assert loaded.trainable_parameters == loaded.total_parameters
    assert loaded.adapter_method == "full fine-tuning"
    assert loaded.quantization == "none"


def test_the_seed_decides_the_adapters_first_weights(make_config: Make) -> None:
    def first(seed: int) -> Any:
        model = load(make_config(training={"seed": seed})).model
        return next(weight for name, weight in model.named_parameters() if "lora_A" in name)

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


def test_rope_scaling_reaches_the_model(make_config: Make) -> None:
    plain = load(make_config(lora=None)).model
    scaled = load(make_config(lora=None, training={"rope_scaling": {"type": "linear", "factor": 4.0}})).model
    assert scaled.config.rope_parameters["rope_type"] == "linear"
    tokens = torch.arange(8, 40)[None]
    assert not torch.allclose(plain(tokens).logits, scaled(tokens).logits)


def test_a_sliding_window_is_refused_where_the_architecture_has_none(make_config: Make) -> None:
    with pytest.raises(ModelError, match="no sliding-window attention"):
        plan_load(config := make_config(training={"sliding_window_attention": 16}), resolve(config))


def test_the_attention_implementation_reaches_the_model(make_config: Make) -> None:
    model = load(make_config(lora=None, model={"attn_implementation": "eager"})).model
    assert model.config._attn_implementation == "eager"
    with pytest.raises(ModelError, match="could not be loaded"):
        load(make_config(model={"attn_implementation": "flash_attention_2"}))


def test_4bit_on_this_machine_is_real_or_refused(make_config: Make) -> None:
    pytest.importorskip("bitsandbytes")
    loaded = load(make_config(model={"load_in_4bit": True}))
    kinds = {type(module).__name__ for module in loaded.model.modules()}
    assert "Linear4bit" in kinds
    assert loaded.quantization == "4-bit"


def test_the_default_4bit_falls_back_on_a_machine_without_a_gpu_and_says_so(make_config: Make) -> None:
    config = make_config()
    model = {key: value for key, value in config.model.model_dump().items() if key in ("name_or_path", "offline")}
    config = ForgeConfig(**{**config.model_dump(), "model": model})
    loaded = load(config)
    if loaded.hardware.has_gpu:
        pytest.skip("there is a GPU here")
    assert loaded.quantization == "none"
    assert "4-bit loading was not used" in loaded.precision.notes[0]


def test_a_tokenizer_larger_than_the_embedding_is_refused() -> None:
    tokenizer = ember_tokenizer()
    tokenizer.add_tokens(["<new>"])
    with pytest.raises(ModelError, match="embedding has 1024 rows"):
        check_vocabulary(ember_model(), tokenizer, "ember")


@pytest.mark.parametrize(
    ("file", "content"),
    [("config.json", "{"), ("config.json", '{"model_type": "nonsense"}'), ("model.safetensors", "broken")],
)
def test_a_damaged_model_folder_is_one_clear_error(make_config: Make, copied: Path, file: str, content: str) -> None:
    (copied / file).write_text(content)
    with pytest.raises(ModelError, match="could not be loaded"):
        load(make_config(model={"name_or_path": str(copied)}))


def test_pickled_weights_are_never_loaded(make_config: Make, copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    torch.save(ember_model().state_dict(), copied / "pytorch_model.bin")
    with pytest.raises(ModelError, match="could not be loaded"):
        load(make_config(model={"name_or_path": str(copied)}))


def test_a_tokenizer_without_pad_and_end_is_refused(make_config: Make, copied: Path) -> None:
    settings = json.loads((copied / "tokenizer_config.json").read_text())
    for name in ("pad_token", "eos_token"):
        settings.pop(name, None)
    (copied / "tokenizer_config.json").write_text(json.dumps(settings))
    (copied / "special_tokens_map.json").unlink(missing_ok=True)
    with pytest.raises(ModelError, match="neither a pad nor an end"):
        load(make_config(model={"name_or_path": str(copied)}))


def test_a_saved_adapter_is_loaded_on_its_own_base(make_config: Make, tmp_path: Path) -> None:
    config = make_config(lora={"r": 2})
    loaded = load(config)
    loaded.model.save_pretrained(str(tmp_path / "saved"))
    saved = load_saved(tmp_path / "saved", config, loaded)
    assert saved.peft_config["default"].r == 2
    assert not saved.training


def test_a_four_bit_model_that_was_asked_still_passes_gradients_back() -> None:
    """On a CPU, bitsandbytes would repack the weights when the model is first asked, and then pass none back."""
    bitsandbytes = pytest.importorskip("bitsandbytes")
    if not hasattr(bitsandbytes.nn.Linear4bit(2, 2), "support_avx512bf16_for_cpu"):
        pytest.skip("this bitsandbytes does not repack weights")
    layers = [bitsandbytes.nn.Linear4bit(64, 64, bias=False, compute_dtype=torch.float32) for _ in range(2)]
    for layer in layers:
        # Where the processor has no such instructions, the layers behave as if it had.
        layer.to("cpu")
    model = keep_trainable(torch.nn.Sequential(*layers))
    rows = torch.randn(3, 64)
    with torch.no_grad():
        model.eval()(rows)
    rows.requires_grad_()
    model.train()(rows).sum().backward()
    weights = [
        bitsandbytes.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state).float() for layer in layers
    ]
    expected = torch.ones(3, 64) @ weights[1] @ weights[0]
    assert rows.grad is not None
    assert torch.allclose(rows.grad, expected, atol=1e-3)
