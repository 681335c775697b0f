from __future__ import annotations

from pathlib import Path

import pytest
from merging import EMBER
from support import ember_model, ember_tokenizer, order_rows

from forgelm.base.errors import ModelError
from forgelm.evaluate.served import continue_greedily, load_served
from forgelm.publish.gguf.export import export_gguf
from forgelm.publish.gguf.read_tokenizer import load_tokeniser

END = frozenset({1})


def test_the_file_reads_and_replies_like_the_model(tmp_path: Path) -> None:
    export_gguf(str(EMBER), tmp_path / "m.gguf", quant="f16")
    served = load_served(tmp_path / "m.gguf", load_tokeniser(tmp_path / "m.gguf"), END)
    assert served.engine.startswith(("llama.cpp", "transformers"))
    tokenizer, model = ember_tokenizer(), ember_model()
    for row in order_rows(4):
        text = tokenizer.apply_chat_template(row["messages"][:1], tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert served.tokenise(text) == ids
        assert served.reply(ids, 12) == continue_greedily(model, ids, 12, END)


def test_a_reply_ends_where_it_ends() -> None:
    tokenizer, model = ember_tokenizer(), ember_model()
    chat = order_rows(1)[0]["messages"][:1]
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)["input_ids"]
    whole = continue_greedily(model, ids, 300, END)
    assert 1 not in whole
    assert len(continue_greedily(model, ids, 3, END)) <= 3


def test_what_cannot_be_loaded_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF but not really")
    with pytest.raises(ModelError, match=r"does not load m\.gguf"):
        load_served(tmp_path / "m.gguf", lambda text: [], END)
