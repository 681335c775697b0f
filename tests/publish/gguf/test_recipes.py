from __future__ import annotations

import pytest

from forgelm.publish.gguf.recipes import QUANTS, Outline, choose_packing

SMALL = Outline(layers=32, heads_per_key=4, has_output=True)
MATRIX = (4096, 4096)


def chosen(quant: str, outline: Outline = SMALL, shape: tuple[int, ...] = MATRIX) -> dict[str, str]:
    names = ["token_embd.weight", "output.weight"]
    names += [f"blk.{n}.{part}.weight" for n in (0, 5, 6) for part in ("attn_q", "attn_v", "attn_output", "ffn_down")]
    return {name: choose_packing(name, shape, QUANTS[quant], outline) for name in names}


def test_the_contracts_names_are_all_there() -> None:
    assert sorted(QUANTS) == ["f16", "q2_k", "q3_k_m", "q4_k_m", "q5_k_m", "q8_0"]


def test_q4_k_m_gives_some_layers_more() -> None:
    found = chosen("q4_k_m")
    assert found["token_embd.weight"] == found["blk.0.attn_q.weight"] == found["blk.0.attn_output.weight"] == "Q4_K"
    assert found["output.weight"] == "Q6_K"
    # The first eighth, and of the others every third.
    assert [found[f"blk.{n}.ffn_down.weight"] for n in (0, 5, 6)] == ["Q6_K", "Q4_K", "Q6_K"]
    assert [found[f"blk.{n}.attn_v.weight"] for n in (0, 5, 6)] == ["Q6_K", "Q4_K", "Q6_K"]


def test_the_small_ones_give_values_more() -> None:
    assert chosen("q2_k")["blk.5.attn_v.weight"] == "Q4_K"
    assert chosen("q2_k", Outline(32, 1, has_output=True))["blk.5.attn_v.weight"] == "Q3_K"
    found = chosen("q3_k_m")
    assert (found["blk.0.attn_v.weight"], found["blk.5.attn_v.weight"]) == ("Q5_K", "Q4_K")
    assert (found["blk.0.ffn_down.weight"], found["blk.5.ffn_down.weight"]) == ("Q5_K", "Q3_K")


def test_an_embedding_that_is_the_output_layer_counts_as_one() -> None:
    tied = Outline(32, 4, has_output=False)
    assert chosen("q4_k_m", tied)["token_embd.weight"] == "Q6_K"
    assert chosen("q8_0", tied)["token_embd.weight"] == "Q8_0"


@pytest.mark.parametrize("quant", QUANTS)
def test_vectors_and_norms_are_never_packed(quant: str) -> None:
    assert choose_packing("blk.0.attn_q.bias", (64,), QUANTS[quant], SMALL) == "F32"
    assert choose_packing("output_norm.weight", (64,), QUANTS[quant], SMALL) == "F32"


def test_rows_that_do_not_fit_are_packed_otherwise() -> None:
    assert set(chosen("q4_k_m", shape=(64, 96)).values()) == {"Q5_0", "Q8_0"}
    assert set(chosen("q2_k", shape=(64, 96)).values()) == {"Q4_0", "Q5_0", "Q8_0"}
    assert set(chosen("q5_k_m", shape=(64, 33)).values()) == {"F16"}
    assert set(chosen("q8_0", shape=(64, 33)).values()) == {"F16"}
