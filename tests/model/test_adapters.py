"""Adapters: each method's own mark on the model, and clear words for modules that are not there."""

from __future__ import annotations

from typing import Any

import pytest
from peft import LoraConfig as PeftLora
from peft import get_peft_model
from support import ember_model

from forgelm.base.errors import ModelError
from forgelm.config.model import LoraConfig
from forgelm.model.adapters import adapter_method, attach_adapter


def attach(**fields: Any) -> Any:
    return attach_adapter(ember_model(), LoraConfig(**fields), quantised=False, gradient_checkpointing=False)


def trainable(model: Any) -> list[str]:
    return [name for name, weight in model.named_parameters() if weight.requires_grad]


def test_rank_alpha_dropout_and_targets_reach_peft() -> None:
    model = attach(r=3, alpha=7, dropout=0.25, target_modules=["q_proj"], bias="none")
    config = model.peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout) == (3, 7, 0.25)
    assert len(trainable(model)) == 2 * model.config.num_hidden_layers
    assert all(".q_proj." in name for name in trainable(model))


def test_dora_trains_a_magnitude_and_rslora_scales_by_the_root_of_the_rank() -> None:
    assert any("magnitude" in name for name in trainable(attach(method="dora", target_modules=["q_proj"])))
    plain, root = (attach(r=4, alpha=8, method=method, target_modules=["q_proj"]) for method in ("lora", "rslora"))
    scale = [m.base_model.model.model.layers[0].self_attn.q_proj.scaling["default"] for m in (plain, root)]
    assert scale == [2.0, 4.0]


def test_pissa_starts_from_the_weights_own_directions_and_needs_them_unquantised() -> None:
    layer = attach(method="pissa", target_modules=["q_proj"]).base_model.model.model.layers[0].self_attn.q_proj
    assert layer.lora_B["default"].weight.detach().abs().sum() > 0
    with pytest.raises(ModelError, match="load_in_4bit: false"):
        attach_adapter(ember_model(), LoraConfig(method="pissa"), quantised=True, gradient_checkpointing=False)


def test_whole_modules_can_be_trained_beside_the_adapter() -> None:
    model = attach(target_modules=["q_proj"], modules_to_save=["lm_head"])
    assert any("lm_head.modules_to_save" in name for name in trainable(model))


def test_all_linear_adapts_every_linear_layer_but_the_head() -> None:
    names = trainable(attach(target_modules="all-linear"))
    for module in ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"):
        assert any(f".{module}." in name for name in names)
    assert not any("lm_head" in name for name in names)


@pytest.mark.parametrize("fields", [{"target_modules": ["q_proj", "query"]}, {"modules_to_save": ["query"]}])
def test_a_module_that_is_not_there_is_named_with_those_that_are(fields: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="no module named 'query'") as raised:
        attach(**fields)
    assert "down_proj" in str(raised.value)


def test_an_adapter_on_the_output_layer_is_refused() -> None:
    with pytest.raises(ModelError, match="output layer 'lm_head'") as raised:
        attach(target_modules=["q_proj", "lm_head"])
    assert "modules_to_save: [lm_head]" in str(raised.value)


def test_the_method_reads_well() -> None:
    assert adapter_method(None) == "full fine-tuning"
    assert adapter_method(LoraConfig(r=4, alpha=8, method="dora")) == "dora (r=4, alpha=8)"


def test_auto_takes_what_is_usual_for_the_kind_of_model_and_else_every_linear_layer() -> None:
    usual = {name.rpartition(".lora_")[0].rpartition(".")[2] for name in trainable(attach(target_modules="auto"))}
    assert usual == {"q_proj", "v_proj"}
    model = ember_model()
    model.config.model_type = "unheard_of"
    config = LoraConfig(target_modules="auto")
    unknown = attach_adapter(model, config, quantised=False, gradient_checkpointing=False)
    assert any(".down_proj." in name for name in trainable(unknown))


def test_which_biases_learn() -> None:
    def biases(which: str) -> set[str]:
        torch = pytest.importorskip("torch")
        layer = torch.nn.ModuleDict({"adapted": torch.nn.Linear(4, 4), "other": torch.nn.Linear(4, 4)})
        model = get_peft_model(layer, PeftLora(r=2, target_modules=["adapted"], bias=which))
        return {name.split(".")[-2] for name in trainable(model) if name.endswith("bias")}

    assert (biases("none"), biases("all"), biases("lora_only")) == (set(), {"base_layer", "other"}, {"base_layer"})
    for which in ("none", "all", "lora_only"):
        assert attach(target_modules=["q_proj"], bias=which).peft_config["default"].bias == which


def test_the_task_is_written_into_the_adapter() -> None:
    assert attach(target_modules=["q_proj"], task_type="CAUSAL_LM").peft_config["default"].task_type == "CAUSAL_LM"
    with pytest.raises(ValueError, match="task_type"):
        LoraConfig(task_type="SEQ_CLS")
