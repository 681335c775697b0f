from __future__ import annotations

import threading
from pathlib import Path

import pytest
from merging import EMBER, write_adapter
from support import order_rows

from forgelm.base.errors import ForgeError, ModelError
from forgelm.model.chat_model import ChatModel, Loading, check_loading, load_chat_model
from forgelm.model.generate import generate_replies
from forgelm.model.merge.adapter import load_adapter
from forgelm.model.merge.base import Place

EMBER_PLACE = Place("builtin/ember", None, EMBER)
CHAT = order_rows(1)[0]["messages"][:1]


@pytest.fixture(scope="module")
def ember() -> ChatModel:
    return load_chat_model(EMBER_PLACE, None, Loading())


def test_the_pieces_are_the_whole_reply(ember: ChatModel) -> None:
    pieces = list(ember.stream(CHAT, temperature=0, max_new_tokens=30))
    assert len(pieces) > 1
    assert "".join(pieces) == generate_replies(ember.model, ember.tokenizer, [CHAT], max_new_tokens=30)[0]


def test_a_temperature_draws(ember: ChatModel) -> None:
    import torch

    replies = set()
    for seed in range(4):
        torch.manual_seed(seed)
        replies.add("".join(ember.stream(CHAT, temperature=2.0, max_new_tokens=20)))
    assert len(replies) > 1


def test_tokens_are_counted_as_the_template_renders_them(ember: ChatModel) -> None:
    assert ember.context_length == 1024
    wanted = ember.tokenizer.apply_chat_template(CHAT, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert ember.count_tokens(CHAT) == len(wanted)


def test_a_model_without_a_template_reads_lines(ember: ChatModel) -> None:
    import copy

    tokenizer = copy.deepcopy(ember.tokenizer)
    tokenizer.chat_template = None
    plain = ChatModel(ember.model, tokenizer, 1024)
    ids = plain._encode([{"role": "user", "content": "two teas"}])
    assert tokenizer.decode(ids) == "user: two teas\nassistant:"


def test_whoever_stops_listening_stops_the_model(ember: ChatModel) -> None:
    stream = ember.stream(CHAT, temperature=2.0, max_new_tokens=900)
    next(iter(stream))
    stream.close()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon and "_generate" in thread.name:
            thread.join(timeout=120)
            assert not thread.is_alive()


def test_a_failure_reaches_the_one_who_listens(ember: ChatModel) -> None:
    with pytest.raises(ForgeError, match="the model could not reply"):
        list(ember.stream(CHAT, temperature=-1.0, max_new_tokens=5))


def test_an_adapter_is_put_on_its_base(tmp_path: Path, ember: ChatModel) -> None:
    write_adapter(tmp_path, target_modules="all-linear")
    adapted = load_chat_model(EMBER_PLACE, load_adapter(tmp_path), Loading())
    replies = {"".join(model.stream(CHAT, temperature=0, max_new_tokens=20)) for model in (ember, adapted)}
    assert len(replies) == 2


def test_what_cannot_be_asked_for_together() -> None:
    with pytest.raises(ModelError, match="not in both"):
        check_loading(Loading(four_bit=True, eight_bit=True))
    check_loading(Loading(four_bit=True))
