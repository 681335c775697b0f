"""The proof of a merged adapter: the merged model's logits are those of base and adapter together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from merging import EMBER, distance, logits_at, logits_of, write_adapter

from forgelm.base.errors import ModelError
from forgelm.model.merge.adapter import is_adapter, load_adapter
from forgelm.model.merge.merge import write_merged_adapter
from forgelm.model.merge.state import open_state

KINDS: dict[str, dict[str, Any]] = {
    "linear layers": {"target_modules": "all-linear"},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True, "target_modules": "all-linear"},
    "biases": {"bias": "all"},
    "ranks and alphas by pattern": {
        "target_modules": ["q_proj", "k_proj"],
        "rank_pattern": {"q_proj": 8},
        "alpha_pattern": {"layers.1.self_attn.k_proj": 64},
    },
    "the embedding, which is also the output layer": {"target_modules": ["q_proj", "embed_tokens"]},
    "the output layer, which is also the embedding": {"target_modules": ["q_proj", "lm_head"]},
    "the embedding whole": {"modules_to_save": ["embed_tokens"]},
    "the output layer whole": {"modules_to_save": ["lm_head"]},
    "both whole and apart": {"modules_to_save": ["lm_head", "embed_tokens"]},
    "both whole and together": {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True},
    "the last norm whole": {"modules_to_save": ["norm"]},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_merged_model_answers_as_base_and_adapter_do(tmp_path: Path, kind: str) -> None:
    wanted = logits_of(write_adapter(tmp_path / "adapter", **KINDS[kind]))
    merged = tmp_path / "merged"
    merged.mkdir()
    write_merged_adapter(merged, open_state(EMBER, adapter=load_adapter(tmp_path / "adapter")), dtype="F32")
    assert distance(logits_at(merged), wanted) < 2e-6
    assert distance(logits_at(EMBER), wanted) > 1e-3


def test_a_resized_embedding_comes_along(tmp_path: Path) -> None:
    wanted = logits_of(write_adapter(tmp_path / "adapter", rows=1040))
    merged = tmp_path / "merged"
    merged.mkdir()
    write_merged_adapter(merged, open_state(EMBER, adapter=load_adapter(tmp_path / "adapter")), dtype="F32")
    assert json.loads((merged / "config.json").read_bytes())["vocab_size"] == 1040
    assert distance(logits_at(merged), wanted) < 2e-6


def test_what_the_adapter_leaves_alone_keeps_its_bytes(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter", target_modules=["q_proj"])
    state = open_state(EMBER, adapter=load_adapter(tmp_path / "adapter"))
    (tmp_path / "merged").mkdir()
    merged = open_state(write_merged_adapter(tmp_path / "merged", state))
    assert list(merged.weights.tensors) == list(state.weights.tensors)
    for name in state.weights.tensors:
        same = merged.weights.read_bytes(name) == state.weights.read_bytes(name)
        assert same == ("q_proj" not in name)
    assert json.loads((tmp_path / "merged" / "config.json").read_bytes())["dtype"] == "bfloat16"


def test_the_template_of_the_adapter_wins(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "adapter" / name).write_bytes((EMBER / name).read_bytes())
    (tmp_path / "adapter" / "chat_template.jinja").write_text("{{ messages[0].content }}")
    (tmp_path / "merged").mkdir()
    write_merged_adapter(tmp_path / "merged", open_state(EMBER, adapter=load_adapter(tmp_path / "adapter")))
    assert (tmp_path / "merged" / "chat_template.jinja").read_text() == "{{ messages[0].content }}"


def test_a_folder_is_an_adapter_or_a_model(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter")
    assert is_adapter(tmp_path / "adapter")
    assert not is_adapter(EMBER)
    assert not is_adapter(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"peft_type": "LOHA"}, "of the type 'LOHA'"),
        ({"trainable_token_indices": [1, 2]}, "trained with trainable_token_indices"),
        ({"r": 0}, "r is not a number above 0"),
        ({"lora_alpha": "many"}, "lora_alpha is not a number above 0"),
    ],
)
def test_what_cannot_be_merged_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    write_adapter(tmp_path)
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelError, match=message):
        load_adapter(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000])
def test_a_broken_configuration_is_refused(tmp_path: Path, content: str) -> None:
    write_adapter(tmp_path)
    (tmp_path / "adapter_config.json").write_text(content)
    with pytest.raises(ModelError, match=r"adapter_config\.json is not"):
        load_adapter(tmp_path)


def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    from merging import write_variant

    write_adapter(tmp_path / "adapter")
    other = write_variant(tmp_path / "other", hidden_size=64, head_dim=16)
    (tmp_path / "merged").mkdir()
    with pytest.raises(ModelError, match="does not fit this base model"):
        write_merged_adapter(tmp_path / "merged", open_state(other, adapter=load_adapter(tmp_path / "adapter")))
    shallow = write_variant(tmp_path / "shallow", num_hidden_layers=2)
    with pytest.raises(ModelError, match=r"changes 'model\.layers\.2\.mlp\.down_proj\.weight', which is not there"):
        open_state(shallow, adapter=load_adapter(tmp_path / "adapter")).plan()


def test_an_adapter_without_one_of_its_factors_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    write_adapter(tmp_path)
    path = tmp_path / "adapter_model.safetensors"
    tensors = load_file(path)
    del tensors[next(name for name in tensors if "lora_B" in name)]
    save_file(tensors, path)
    with pytest.raises(ModelError, match="lacks one of the factors"):
        load_adapter(tmp_path)
    save_file({"x": np.zeros(3, "f4")}, path)
    assert load_adapter(tmp_path).changes == {"x"}
