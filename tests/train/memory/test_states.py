from __future__ import annotations

from typing import Any

import pytest
from families import build_configuration, build_model

from forgelm.config.model import LoraConfig
from forgelm.config.root import ForgeConfig
from forgelm.model.adapters import attach_adapter
from forgelm.model.architecture import build_shapes
from forgelm.model.precision import Precision
from forgelm.train.memory.states import OPTIMIZERS, measure_states

FULL = Precision("float32", None, False, "float32")
HALF = Precision("bfloat16", "bf16", False, "bfloat16")


def config(lora: dict[str, Any] | None, **model: Any) -> ForgeConfig:
    return ForgeConfig(
        model={"name_or_path": "builtin/ember", "load_in_4bit": False, **model},
        lora=lora,
        training={},
        data={"dataset_name_or_path": "x"},
    )


@pytest.mark.parametrize(
    "lora",
    [
        {"target_modules": "all-linear"},
        {"r": 4},
        {"target_modules": "auto"},
        {"method": "dora", "target_modules": "all-linear"},
        {"modules_to_save": ["embed_tokens"]},
        {"bias": "all"},
        {"bias": "lora_only"},
    ],
)
@pytest.mark.parametrize("family", ["llama", "qwen2", "mixtral", "phi3"])
def test_adapters_and_gradients_are_exactly_pefts(family: str, lora: dict[str, Any]) -> None:
    if family == "phi3":
        lora = {**lora, "target_modules": ["qkv_proj", "o_proj"]}
    if family == "mixtral":
        if lora.get("method") == "dora":
            pytest.skip("PEFT has no DoRA for packed experts")
        lora = {**lora, "dropout": 0.0}
    wanted = LoraConfig(**lora)
    model = attach_adapter(build_model(family), wanted, quantised=False, gradient_checkpointing=False)
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    states = measure_states(build_shapes(build_configuration(family)), config(lora), FULL, "adamw_torch")
    assert states.learning == sum(parameter.numel() for parameter in learning)
    assert states.gradients == sum(parameter.numel() * parameter.element_size() for parameter in learning)


def test_an_adapter_of_16_bit_weights_is_kept_in_32() -> None:
    import torch

    lora = {"target_modules": "all-linear"}
    model = attach_adapter(
        build_model("llama").to(torch.bfloat16), LoraConfig(**lora), quantised=False, gradient_checkpointing=False
    )
    states = measure_states(build_shapes(build_configuration("llama")), config(lora), HALF, "adamw_torch")
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert states.adapter == sum(parameter.numel() * parameter.element_size() for parameter in learning)
    assert states.base == sum(p.numel() * p.element_size() for p in model.parameters() if not p.requires_grad)


@pytest.mark.parametrize("optim", ["adamw_torch", "sgd", "adagrad", "rmsprop", "adafactor"])
def test_optimizer_state_is_exactly_the_optimizers(optim: str, tmp_path: Any) -> None:
    import torch
    import transformers as hf

    model = build_model("llama")
    ids = torch.randint(0, 500, (2, 16))
    arguments = hf.TrainingArguments(output_dir=str(tmp_path), optim=optim, use_cpu=True, report_to="none")
    made, options = hf.Trainer.get_optimizer_cls_and_kwargs(arguments)
    optimizer = made(model.parameters(), **options)
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    held = [
        value
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor) and value.numel() > 1
    ]
    states = measure_states(build_shapes(build_configuration("llama")), config(None), FULL, optim)
    assert states.optimizer == sum(tensor.numel() * tensor.element_size() for tensor in held)


def test_four_bits_weigh_what_bitsandbytes_makes_of_them(tmp_path: Any) -> None:
    pytest.importorskip("bitsandbytes")
    import torch
    import transformers as hf

    folder = tmp_path / "model"
    build_model("llama").save_pretrained(folder)
    quantised = hf.AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        quantization_config=hf.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32
        ),
    )
    held = sum(parameter.numel() * parameter.element_size() for parameter in quantised.parameters())
    for module in quantised.modules():
        if hasattr(module, "weight") and hasattr(module.weight, "quant_state"):
            state = module.weight.quant_state
            held += state.absmax.numel() * state.absmax.element_size()
    four_bit = Precision("float32", None, True, "float32")
    shapes = build_shapes(build_configuration("llama"))
    states = measure_states(shapes, config({}, bnb_4bit_use_double_quant=False), four_bit, "adamw_torch")
    assert states.base == pytest.approx(held, rel=0.01)
    doubled = measure_states(shapes, config({}), four_bit, "adamw_torch")
    assert doubled.base < states.base


def test_every_optimizer_of_the_configuration_has_its_size() -> None:
    from typing import get_args

    from forgelm.config.training import Optimizer

    assert set(OPTIMIZERS) == set(get_args(Optimizer))


def test_galore_keeps_state_for_a_view_of_each_matrix() -> None:
    shapes = build_shapes(build_configuration("llama"))
    plain = measure_states(shapes, config(None), FULL, "adamw_torch")
    narrow = config(None).replace("training.galore_enabled", True).replace("training.galore_rank", 4)
    viewed = measure_states(shapes, narrow, FULL, "adamw_torch")
    assert viewed.optimizer < plain.optimizer / 5
    assert viewed.gradients == plain.gradients
