"""Whole models and adapters merged from disk to disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from merging import EMBER, distance, logits_at, logits_of, write_adapter, write_variant

from forgelm.base.errors import ConfigError, ModelError
from forgelm.model.merge.adapter import load_adapter
from forgelm.model.merge.merge import Recipe, Source, check_same_shape, measure_digest, write_blend
from forgelm.model.merge.state import State, open_state

METHODS = ("linear", "slerp", "ties", "dare")


def source(state: State, weight: float = 1.0) -> Source:
    return Source(state, weight, measure_digest(state))


def blend(target: Path, base: Path, sources: list[Source], **recipe: Any) -> State:
    target.mkdir()
    write_blend(target, open_state(base), sources, Recipe(**recipe))
    return open_state(target)


def content(state: State) -> dict[str, bytes]:
    return {name: state.weights.read_bytes(name) for name in state.weights.tensors}


@pytest.mark.parametrize("method", METHODS)
def test_a_model_merged_with_itself_is_that_model(tmp_path: Path, method: str) -> None:
    model = open_state(write_variant(tmp_path / "model", seed=1, dtype="bfloat16"))
    twice = [source(model), source(model, 3.0)]
    merged = blend(tmp_path / "out", EMBER, twice, method=method, ties_trim_fraction=0.0, dare_drop_rate=0.0)
    assert content(merged) == content(model)


@pytest.mark.parametrize("method", METHODS)
def test_order_makes_no_difference_and_twice_is_the_same(tmp_path: Path, method: str) -> None:
    one, two = (open_state(write_variant(tmp_path / f"m{seed}", seed=seed)) for seed in (1, 2))
    there = blend(tmp_path / "there", EMBER, [source(one), source(two, 2.0)], method=method)
    back = blend(tmp_path / "back", EMBER, [source(two, 2.0), source(one)], method=method)
    assert content(there) == content(back)
    assert content(there) not in (content(one), content(two), content(open_state(EMBER)))


def test_the_seed_of_dare_decides(tmp_path: Path) -> None:
    both = [source(open_state(write_variant(tmp_path / f"m{seed}", seed=seed))) for seed in (1, 2)]
    first = blend(tmp_path / "a", EMBER, both, method="dare", dare_seed=1)
    again = blend(tmp_path / "b", EMBER, both, method="dare", dare_seed=1)
    other = blend(tmp_path / "c", EMBER, both, method="dare", dare_seed=2)
    assert content(first) == content(again) != content(other)


def test_adapters_and_models_merge_with_each_other(tmp_path: Path) -> None:
    adapted = logits_of(write_adapter(tmp_path / "adapter", seed=3))
    adapter = open_state(EMBER, adapter=load_adapter(tmp_path / "adapter"))
    alone = blend(tmp_path / "alone", EMBER, [source(adapter), source(open_state(EMBER), 0.0)], method="linear")
    assert distance(logits_at(alone.weights.folder), adapted) < 0.02  # bfloat16, as the base
    model = open_state(write_variant(tmp_path / "model", seed=1))
    mixed = blend(tmp_path / "mixed", EMBER, [source(adapter), source(model)], method="linear")
    assert distance(logits_at(mixed.weights.folder), adapted) > 0.01


def test_one_model_that_shares_its_embedding_and_one_that_does_not(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter", target_modules=["lm_head"])
    split = open_state(EMBER, adapter=load_adapter(tmp_path / "adapter"))
    merged = blend(tmp_path / "out", EMBER, [source(split), source(open_state(EMBER))], method="linear")
    assert "lm_head.weight" in merged.weights.tensors
    assert merged.config["tie_word_embeddings"] is False
    logits_at(tmp_path / "out")


def test_models_of_different_shapes_are_refused_by_name(tmp_path: Path) -> None:
    narrow = open_state(write_variant(tmp_path / "narrow", intermediate_size=64))
    deep = open_state(write_variant(tmp_path / "deep", num_hidden_layers=5))
    with pytest.raises(ModelError, match=r"layers\.0\.mlp\.down_proj\.weight is \[128, 320\] in .* and \[128, 64\] in"):
        check_same_shape([open_state(EMBER), narrow])
    with pytest.raises(ModelError, match=r"layers\.4\.\S+ is not there in .* and \[.* in .*deep"):
        check_same_shape([open_state(EMBER), open_state(EMBER), deep])
    check_same_shape([open_state(EMBER), open_state(EMBER)])


def test_weights_that_add_up_to_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="add up to 0"):
        blend(tmp_path / "out", EMBER, [source(open_state(EMBER), 0.0)], method="linear")


def test_what_float16_has_no_number_for_is_refused(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    base = write_variant(tmp_path / "base", dtype="float16")
    tensors = load_file(base / "model.safetensors")
    large = write_variant(tmp_path / "large")
    changed = load_file(large / "model.safetensors")
    changed["model.norm.weight"] = torch.full_like(changed["model.norm.weight"], 1e6)
    save_file(changed, large / "model.safetensors")
    assert tensors["model.norm.weight"].dtype == torch.float16
    both = [source(open_state(large)), source(open_state(base))]
    with pytest.raises(ModelError, match=r"'model\.norm\.weight' does not fit F16"):
        blend(tmp_path / "out", base, both, method="linear")


def test_the_digest_is_that_of_the_weights(tmp_path: Path) -> None:
    model = write_variant(tmp_path / "model")
    digest = measure_digest(open_state(model))
    (model / "README.md").write_text("hello")
    assert measure_digest(open_state(model)) == digest
    with (model / "model.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x01")
    assert measure_digest(open_state(model)) != digest
