from __future__ import annotations

from pathlib import Path

import pytest
from gguf_files import write_small
from support import ember_tokenizer

from forgelm.base.errors import ModelError
from forgelm.publish.gguf.export import export_gguf
from forgelm.publish.gguf.read_tokenizer import load_tokeniser


def test_the_files_tokenizer_is_the_models(tmp_path: Path) -> None:
    export_gguf("builtin/ember", tmp_path / "m.gguf", quant="f16")
    read, tokenizer = load_tokeniser(tmp_path / "m.gguf"), ember_tokenizer()
    for text in ("<|user|>two teas<|end|>", "it's 15 €\n\n", '<tool_call>{"a": 1}</tool_call>', "naïve 🚀", ""):
        assert read(text) == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_what_only_llama_cpp_reads_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.ggml\.pre"):
        load_tokeniser(write_small(tmp_path / "m.gguf"))
