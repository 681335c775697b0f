"""Every field of ``model``, ``lora`` and ``distributed`` has a test in which its value changes what happens.

Or in which it is refused with a reason. Those of ``training`` stand in ``train/test_arguments.py``.
"""

from __future__ import annotations

import ast
from types import MappingProxyType

import pytest
from pages import ROOT
from pydantic import BaseModel

from forgelm.config.distributed import DistributedConfig
from forgelm.config.model import LoraConfig, ModelConfig
from forgelm.config.moe import MoeConfig
from forgelm.config.multimodal import MultimodalConfig

FIELDS = MappingProxyType(
    {
        "model.name_or_path": "model/test_load.py::test_a_damaged_model_folder_is_one_clear_error",
        "model.max_length": "train/test_loop.py::test_no_validation_row_that_fits_is_refused",
        "model.load_in_4bit": "model/test_load.py::test_4bit_on_this_machine_is_real_or_refused",
        "model.backend": "config/test_reserved.py::test_a_reserved_value_stands_beside_those_that_work",
        "model.trust_remote_code": "model/test_load_options.py::test_a_repository_s_code_runs_only_where_it_is_trusted",
        "model.offline": "model/test_revision.py::test_offline_the_commit_comes_from_the_cache",
        "model.revision": "model/test_revision.py::test_a_commit_needs_no_lookup",
        "model.bnb_4bit_use_double_quant": "model/test_load_options.py::test_each_option_of_4_bit_weights_changes_them",
        "model.bnb_4bit_quant_type": "model/test_load_options.py::test_each_option_of_4_bit_weights_changes_them",
        "model.bnb_4bit_compute_dtype": "model/test_load_options.py::test_each_option_of_4_bit_weights_changes_them",
        "model.attn_implementation": "model/test_load.py::test_the_attention_implementation_reaches_the_model",
        "model.dtype": "model/test_precision.py::test_a_load_type_the_user_names_is_taken",
        "model.cache_dir": "model/test_revision.py::test_the_cache_may_be_another_folder",
        "model.moe": "model/test_experts.py::test_only_the_chosen_experts_answer_differently_after_a_run",
        "model.moe.quantize_experts": (
            "model/test_experts.py::test_frozen_experts_are_held_in_16_bits_where_the_passes_can_use_them"
        ),
        "model.moe.experts_to_train": "model/test_experts.py::test_experts_that_are_modules_are_frozen_by_number",
        "model.multimodal": "run/test_multimodal.py::test_an_adapter_learns_to_see_and_passes_its_gates",
        "model.multimodal.enabled": "run/test_multimodal.py::test_a_model_and_a_section_that_do_not_fit_are_refused",
        "model.multimodal.image_column": "data/test_pictured.py::test_the_columns_are_the_users",
        "model.multimodal.text_column": "data/test_pictured.py::test_the_columns_are_the_users",
        "model.multimodal.allow_image_urls": (
            "data/test_pictures.py::test_an_address_is_asked_only_where_that_is_allowed"
        ),
        "model.multimodal.max_image_pixels": "data/test_pictures.py::test_the_limit_of_pixels_is_the_users",
        "lora.r": "model/test_adapters.py::test_rank_alpha_dropout_and_targets_reach_peft",
        "lora.alpha": "model/test_adapters.py::test_rank_alpha_dropout_and_targets_reach_peft",
        "lora.dropout": "model/test_adapters.py::test_rank_alpha_dropout_and_targets_reach_peft",
        "lora.bias": "model/test_adapters.py::test_which_biases_learn",
        "lora.method": "model/test_adapters.py::test_dora_trains_a_magnitude_and_rslora_scales_by_the_root_of_the_rank",
        "lora.use_dora": "config/test_model.py::test_deprecated_flag_sets_the_method_and_warns",
        "lora.use_rslora": "config/test_model.py::test_deprecated_flag_sets_the_method_and_warns",
        "lora.target_modules": "model/test_adapters.py::test_all_linear_adapts_every_linear_layer_but_the_head",
        "lora.modules_to_save": "model/test_adapters.py::test_whole_modules_can_be_trained_beside_the_adapter",
        "lora.task_type": "model/test_adapters.py::test_the_task_is_written_into_the_adapter",
        "distributed.strategy": "run/test_several_processes.py::test_two_processes_learn_what_one_learns",
        "distributed.deepspeed_config": "train/test_distributed.py::test_the_presets_are_shipped",
        "distributed.fsdp_strategy": "train/test_distributed.py::test_each_fsdp_field_becomes_its_argument",
        "distributed.fsdp_auto_wrap": "train/test_distributed.py::test_each_fsdp_field_becomes_its_argument",
        "distributed.fsdp_offload": "train/test_distributed.py::test_each_fsdp_field_becomes_its_argument",
        "distributed.fsdp_backward_prefetch": (
            "config/test_distributed.py::test_what_cannot_be_is_refused_with_its_reason"
        ),
        "distributed.fsdp_state_dict_type": (
            "run/test_several_processes.py::test_all_weights_are_sharded_and_come_back_in_one_piece"
        ),
    }
)
SECTIONS: MappingProxyType[str, type[BaseModel]] = MappingProxyType(
    {
        "model": ModelConfig,
        "model.moe": MoeConfig,
        "model.multimodal": MultimodalConfig,
        "lora": LoraConfig,
        "distributed": DistributedConfig,
    }
)


def test_every_field_has_its_entry_and_no_entry_outlives_its_field() -> None:
    fields = {f"{name}.{field}" for name, section in SECTIONS.items() for field in section.model_fields}
    assert set(FIELDS) == fields


@pytest.mark.parametrize(("field", "place"), FIELDS.items(), ids=FIELDS)
def test_the_entry_is_a_test_that_speaks_of_the_field(field: str, place: str) -> None:
    name, _, function = place.partition("::")
    text = (ROOT / "tests" / name).read_text(encoding="utf-8")
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert function in {node.name for node in found}
    assert f"{field.rpartition('.')[2]}" in text
