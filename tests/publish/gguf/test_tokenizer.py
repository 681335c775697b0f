from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from merging import EMBER

from forgelm.base.errors import ModelError
from forgelm.publish.gguf.tokenizer import BYTE, CONTROL, NORMAL, UNKNOWN, UNUSED, USER_DEFINED, read_tokenizer


def changed(folder: Path, **changes: Any) -> Path:
    """Copy the bundled tokenizer into ``folder`` with other top-level parts."""
    content = {**json.loads((EMBER / "tokenizer.json").read_bytes()), **changes}
    (folder / "tokenizer.json").write_text(json.dumps(content))
    shutil.copy(EMBER / "tokenizer_config.json", folder)
    return folder


def sentencepiece(folder: Path) -> Path:
    """A small tokenizer in the style of Llama 2, with a byte for what it has no piece for."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *"▁abct", "▁a", "at", "▁cat"]
    model = {
        "type": "BPE",
        "unk_token": "<unk>",
        "fuse_unk": True,
        "byte_fallback": True,
        "vocab": {piece: index for index, piece in enumerate(pieces)},
        "merges": ["▁ a", "a t", "▁c at"],
    }
    steps = [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]
    around = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    content = {
        "added_tokens": [{"id": index, "content": pieces[index], "special": True} for index in range(3)],
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "post_processor": {"type": "TemplateProcessing", "single": around},
        "model": model,
    }
    (folder / "tokenizer.json").write_text(json.dumps(content))
    names = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    return folder


def test_the_bundled_tokenizer() -> None:
    block = read_tokenizer(EMBER, 1024, {"eos_token_id": [1, 4]})
    assert (block.model, block.way, len(block.tokens), len(block.merges)) == ("gpt2", "gpt-2", 1024, 760)
    assert block.tokens[:2] == ("<|pad|>", "<|end|>")
    assert (block.kinds[1], block.kinds[100], block.kinds[1022]) == (CONTROL, NORMAL, USER_DEFINED)
    assert block.extra == {
        "eos_token_id": 1,
        "padding_token_id": 0,
        "eot_token_id": 4,
        "add_bos_token": False,
        "add_eos_token": False,
    }


def test_rows_without_a_token_get_an_unused_one() -> None:
    block = read_tokenizer(EMBER, 1026, {})
    assert block.tokens[1024:] == ("[PAD1024]", "[PAD1025]")
    assert block.kinds[1024:] == (UNUSED, UNUSED)


def test_a_sentencepiece_style_tokenizer(tmp_path: Path) -> None:
    block = read_tokenizer(sentencepiece(tmp_path), 267, {})
    assert (block.model, block.merges) == ("llama", ())
    assert (block.kinds[0], block.kinds[1], block.kinds[3], block.kinds[260]) == (UNKNOWN, CONTROL, BYTE, NORMAL)
    score = dict(zip(block.tokens, block.scores, strict=True))
    assert score["▁a"] > score["at"] > score["▁cat"] > score["b"]
    assert block.extra["add_space_prefix"] is True
    assert (block.extra["add_bos_token"], block.extra["add_eos_token"]) == (True, False)
    assert (block.extra["bos_token_id"], block.extra["eos_token_id"], block.extra["unknown_token_id"]) == (1, 2, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"type": "WordPiece", "vocab": {}}}, "cannot be exported: WordPiece"),
        ({"model": None}, r"cannot be exported: no tokenizer\.json"),
        ({"normalizer": {"type": "Lowercase"}}, r"changes text before cutting it \(Lowercase\)"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "does not work on bytes"),
    ],
)
def test_what_llama_cpp_cannot_do_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_tokenizer(changed(tmp_path, **changes), 1024, {})


def test_more_tokens_than_rows_are_refused() -> None:
    with pytest.raises(ModelError, match="ids up to 1023, but the model's embedding has 1000 rows"):
        read_tokenizer(EMBER, 1000, {})


def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        read_tokenizer(tmp_path, 10, {})


@pytest.mark.parametrize(
    "changes",
    [
        {"added_tokens": [{"content": "<x>"}]},
        {"added_tokens": [{"id": -1, "content": "<x>"}]},
        {"added_tokens": [{"id": "1", "content": "<x>"}]},
        {"model": {"type": "BPE", "vocab": {"a": None}, "merges": []}},
        {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [7]}},
        {"post_processor": {"single": [7]}},
        {"pre_tokenizer": ["ByteLevel"]},
        {"normalizer": "NFC"},
    ],
)
def test_a_broken_file_is_a_typed_error(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        read_tokenizer(changed(tmp_path, **changes), 1024, {})
