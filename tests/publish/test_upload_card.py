"""The card of a model that has none: what is known, and that nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from forgelm.publish.upload_card import render_plain_card


def test_a_whole_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    card = render_plain_card(tmp_path, "me/tuned")
    metadata = yaml.safe_load(card.split("---")[1])
    assert metadata == {"library_name": "transformers", "pipeline_tag": "text-generation", "tags": ["forgelm"]}
    assert "# tuned" in card and "LlamaForCausalLM" in card and "from_pretrained('me/tuned')" in card


def test_an_adapter_names_its_base_unless_that_is_a_place_on_this_machine(tmp_path: Path) -> None:
    for base, named in (("org/base", True), ("./base", False), ("builtin/ember", False)):
        (tmp_path / "adapter_config.json").write_text(
            json.dumps({"base_model_name_or_path": base, "peft_type": "LORA"})
        )
        card = render_plain_card(tmp_path, "me/tuned")
        metadata = yaml.safe_load(card.split("---")[1])
        assert metadata["library_name"] == "peft"
        assert (metadata.get("base_model") == base) is named
        assert f"from_pretrained('{base}')" in card and "PeftModel.from_pretrained(model, 'me/tuned')" in card


def test_a_broken_config_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[")
    assert "whole model" in render_plain_card(tmp_path, "me/tuned")
