"""Tokens and labels: equal to what inference shows the model, loss only on what it should say, nothing lost unseen."""

from __future__ import annotations

from typing import Any

import pytest
from hard_texts import texts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import ember_tokenizer, order_rows

from forgelm.base.errors import DataError, ModelError
from forgelm.data.rows import Row, RowFormat
from forgelm.train.templates import render
from forgelm.train.tokenise import IGNORED, Encoding, check_masks, choose_encoding, encode, tokenise

TOOLS = [{"type": "function", "function": {"name": "price", "parameters": {"type": "object", "properties": {}}}}]

ROLES = ("user", "assistant")
# What is said ends without a token of its own.
UNENDED = (
    "{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
    "{% endgeneration %}{% else %}{{ m.content }}{% endif %}{{ eos_token }}{% endfor %}"
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return ember_tokenizer()


def rows_of(*values: dict[str, Any]) -> tuple[Row, ...]:
    return tuple(Row(value, "rows.jsonl", number) for number, value in enumerate(values, 1))


def word_tokenizer() -> Any:
    """A tokenizer of words, in whose tokens no space is found."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({"[UNK]": 0, "<|end|>": 1, "tea": 2}, "[UNK]"))
    words.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<|end|>", unk_token="[UNK]")


def encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


def encoding_for(tokenizer: Any, rows: tuple[Row, ...], row_format: RowFormat, **changes: Any) -> Encoding:
    options: dict[str, Any] = {"max_length": 256, "add_eos": True, "reply_mask": None} | changes
    return choose_encoding(tokenizer, rows, row_format, **options)


def labels_as_text(tokenizer: Any, labels: list[int]) -> str:
    return str(tokenizer.decode([label for label in labels if label != IGNORED]))


def chat(*turns: tuple[str, str]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def test_what_is_trained_on_is_the_inference_prompt_plus_the_reply_token_for_token(tokenizer: Any) -> None:
    rows = rows_of(*order_rows(50))
    for example in encode(rows, encoding_for(tokenizer, rows, RowFormat.MESSAGES)):
        messages = example.row.value["messages"]
        prompt = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, return_dict=True)["input_ids"]
        reply = tokenizer(messages[-1]["content"], add_special_tokens=False)["input_ids"]
        assert example.input_ids == [*prompt, *reply, tokenizer.eos_token_id]
        assert example.labels == [IGNORED] * len(prompt) + [*reply, tokenizer.eos_token_id]


def test_the_mask_equals_transformers_own_over_many_turns(tokenizer: Any) -> None:
    value = chat(
        ("system", "You take orders."),
        ("user", "tea for table 5"),
        ("assistant", "One tea."),
        ("user", "and a scone, göd café ☕"),
        ("assistant", "A scone ☕ too."),
    )
    rows = rows_of(value)
    (example,) = encode(rows, encoding_for(tokenizer, rows, RowFormat.MESSAGES))
    own = tokenizer.apply_chat_template(value["messages"], return_dict=True, return_assistant_tokens_mask=True)
    assert example.input_ids == own["input_ids"]
    assert [int(label != IGNORED) for label in example.labels] == own["assistant_masks"]
    assert labels_as_text(tokenizer, example.labels) == "One tea.<|end|>A scone ☕ too.<|end|>"


def test_tool_calls_are_trained_on_and_tool_results_are_not(tokenizer: Any) -> None:
    call = {"type": "function", "function": {"name": "price", "arguments": {"item": "tea"}}}
    value = {
        "tools": TOOLS,
        "messages": [
            {"role": "user", "content": "price of tea?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "SECRET 3"},
            {"role": "assistant", "content": "It is 3."},
        ],
    }
    rows = rows_of(value)
    (example,) = encode(rows, encoding_for(tokenizer, rows, RowFormat.MESSAGES))
    said = labels_as_text(tokenizer, example.labels)
    assert '"name": "price"' in said
    assert "It is 3." in said
    assert "SECRET" not in said
    assert "SECRET" in tokenizer.decode(example.input_ids)


def test_conversational_prompt_and_completion_trains_only_the_completion(tokenizer: Any) -> None:
    value = {
        "prompt": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello"},
            {"role": "user", "content": "tea"},
        ],
        "completion": [{"role": "assistant", "content": "One tea."}],
    }
    rows = rows_of(value)
    (example,) = encode(rows, encoding_for(tokenizer, rows, RowFormat.PROMPT_COMPLETION))
    assert labels_as_text(tokenizer, example.labels) == "One tea.<|end|>"
    prompt = tokenizer.apply_chat_template(value["prompt"], add_generation_prompt=True, return_dict=True)["input_ids"]
    assert example.input_ids[: len(prompt)] == prompt


def test_completion_needs_no_markers_but_a_template_that_only_appends(tokenizer: Any) -> None:
    plain = ember_tokenizer()
    plain.chat_template = (
        "{% for m in messages %}{{ m.role + ': ' + m.content + eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    )
    value = {
        "prompt": [{"role": "user", "content": "tea"}],
        "completion": [{"role": "assistant", "content": "One tea."}],
    }
    rows = rows_of(value)
    (example,) = encode(rows, encoding_for(plain, rows, RowFormat.PROMPT_COMPLETION))
    assert labels_as_text(plain, example.labels) == "One tea.<|end|>"
    plain.chat_template = "{{ messages | length }}" + plain.chat_template
    with pytest.raises(DataError, match=r"rows.jsonl:1.*would not match inference"):
        list(encode(rows, encoding_for(plain, rows, RowFormat.PROMPT_COMPLETION)))


def test_plain_prompt_and_completion_end_with_eos_and_mask_the_prompt(tokenizer: Any) -> None:
    rows = rows_of({"prompt": "2+2=", "completion": "4"}, {"prompt": "", "completion": "only"})
    first, second = encode(rows, encoding_for(tokenizer, rows, RowFormat.PROMPT_COMPLETION))
    assert first.input_ids == [*tokenizer("2+2=")["input_ids"], *tokenizer("4")["input_ids"], tokenizer.eos_token_id]
    assert labels_as_text(tokenizer, first.labels) == "4<|end|>"
    assert labels_as_text(tokenizer, second.labels) == "only<|end|>"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=st.text(max_size=30), completion=st.text(min_size=1, max_size=30))
def test_the_model_sees_the_prompt_as_at_inference_whatever_the_text(
    tokenizer: Any, prompt: str, completion: str
) -> None:
    rows = rows_of({"prompt": prompt, "completion": completion})
    (example,) = encode(rows, encoding_for(tokenizer, rows, RowFormat.PROMPT_COMPLETION))
    asked = tokenizer(prompt)["input_ids"]
    assert example.input_ids[: len(asked)] == asked
    assert all(label == IGNORED for label in example.labels[: len(asked)])
    assert example.labels[len(asked) :] == example.input_ids[len(asked) :]
    assert example.labels[-1] == tokenizer.eos_token_id


def test_plain_text_trains_on_everything_and_ends_once(tokenizer: Any) -> None:
    rows = rows_of({"text": "a story"}, {"text": "told<|end|>"})
    for example in encode(rows, encoding_for(tokenizer, rows, RowFormat.TEXT)):
        assert example.labels == example.input_ids
        assert example.input_ids.count(tokenizer.eos_token_id) == 1
    (bare, _) = encode(rows, encoding_for(tokenizer, rows, RowFormat.TEXT, add_eos=False))
    assert tokenizer.eos_token_id not in bare.input_ids


def test_a_pad_token_that_is_the_end_token_stays_a_target(tokenizer: Any) -> None:
    shared = ember_tokenizer()
    shared.pad_token = shared.eos_token
    rows = rows_of(chat(("user", "tea"), ("assistant", "One tea.")))
    (example,) = encode(rows, encoding_for(shared, rows, RowFormat.MESSAGES))
    assert example.labels[-1] == shared.pad_token_id == shared.eos_token_id


def test_the_mask_can_be_switched_off(tokenizer: Any) -> None:
    rows = rows_of(chat(("user", "tea"), ("assistant", "One tea.")))
    (example,) = encode(rows, encoding_for(tokenizer, rows, RowFormat.MESSAGES, reply_mask=False))
    assert example.labels == example.input_ids


def test_a_mask_is_refused_for_plain_text(tokenizer: Any) -> None:
    rows = rows_of({"text": "a"})
    with pytest.raises(ModelError, match="plain text"):
        encoding_for(tokenizer, rows, RowFormat.TEXT, reply_mask=True)


def test_the_ledger_counts_what_was_cut_and_dropped(tokenizer: Any) -> None:
    long = " ".join(["word"] * 60)
    rows = rows_of(
        chat(("user", "tea"), ("assistant", "One tea.")),
        chat(("user", "tea"), ("assistant", long)),
        chat(("user", long), ("assistant", "One tea.")),
    )
    whole = tokenise(rows, encoding_for(tokenizer, rows, RowFormat.MESSAGES, max_length=4096))
    cut = tokenise(rows, encoding_for(tokenizer, rows, RowFormat.MESSAGES, max_length=24))
    assert whole.ledger.share_lost == 0
    assert (cut.ledger.rows, cut.ledger.rows_truncated, cut.ledger.rows_dropped) == (2, 1, 1)
    assert cut.ledger.target_tokens + cut.ledger.target_tokens_lost == whole.ledger.target_tokens
    assert [lost.where for lost in cut.ledger.lost] == ["rows.jsonl:2", "rows.jsonl:3"]
    assert max(len(example.input_ids) for example in cut.examples) == 24


def test_an_end_token_outside_the_marked_reply_is_refused(tokenizer: Any) -> None:
    broken = ember_tokenizer()
    broken.chat_template = (
        "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}"
        "{% else %}{{ m.content }}{% endif %}{{ eos_token }}{% endfor %}"
    )
    rows = rows_of(chat(("user", "tea"), ("assistant", "One tea.")))
    encoding = encoding_for(broken, rows, RowFormat.MESSAGES)
    with pytest.raises(DataError, match="never learn to stop"):
        check_masks(tokenise(rows, encoding), encoding)


def test_an_empty_mask_is_refused(tokenizer: Any) -> None:
    broken = ember_tokenizer()
    broken.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}{% generation %}{% endgeneration %}"
    rows = rows_of(chat(("user", "tea"), ("assistant", "One tea.")))
    encoding = encoding_for(broken, rows, RowFormat.MESSAGES)
    split = tokenise(rows, encoding)
    assert split.examples == ()
    with pytest.raises(DataError, match="mask is empty"):
        check_masks(split, encoding)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chats=st.lists(st.lists(st.tuples(texts(8), texts(8)), min_size=1, max_size=4), min_size=1, max_size=7),
    words=st.booleans(),
    ends=st.booleans(),
)
def test_batches_are_masked_as_one_row_after_the_other_whatever_the_text(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch, chats: list[list[tuple[str, str]]], *, words: bool, ends: bool
) -> None:
    monkeypatch.setattr("forgelm.train.tokenise._BATCH", 2)
    plain = word_tokenizer() if words else ember_tokenizer()
    plain.chat_template = UNENDED if not ends else tokenizer.chat_template
    turns = [[(role, text) for pair in pairs for role, text in zip(ROLES, pair, strict=True)] for pairs in chats]
    rows = rows_of(*(chat(*((role, encodable(text)) for role, text in pairs)) for pairs in turns))
    encoding = encoding_for(plain, rows, RowFormat.MESSAGES)
    for row, example in zip(rows, encode(rows, encoding), strict=True):
        assert encoding.template is not None
        (rendered,) = render(plain, encoding.template, [row.value])
        slow = plain(rendered.text, add_special_tokens=False, return_offsets_mapping=True)
        said = [any(a < end and b > begin for begin, end in rendered.spans) for a, b in slow["offset_mapping"]]
        assert example.input_ids == slow["input_ids"]
        assert example.labels == [
            token if learnt else IGNORED for token, learnt in zip(slow["input_ids"], said, strict=True)
        ]


def test_a_reply_is_learnt_whole_where_its_edge_is_several_tokens_or_none(tokenizer: Any) -> None:
    rows = rows_of(chat(("user", "tea"), ("assistant", "Tea ☕"), ("user", "☕"), ("assistant", "")))
    split_up = ember_tokenizer()
    split_up.chat_template = UNENDED
    (example,) = encode(rows, encoding_for(split_up, rows, RowFormat.MESSAGES))
    assert labels_as_text(tokenizer, example.labels) == "Tea ☕"
    words = word_tokenizer()
    words.chat_template = UNENDED
    rows = rows_of(chat(("user", "tea"), ("assistant", "  tea\n"), ("user", "tea"), ("assistant", " ")))
    (example,) = encode(rows, encoding_for(words, rows, RowFormat.MESSAGES))
    assert [label for label in example.labels if label != IGNORED] == words("tea")["input_ids"]


def test_a_conversation_the_template_refuses_names_its_row(tokenizer: Any) -> None:
    strict = ember_tokenizer()
    strict.chat_template = "{% generation %}{{ raise_exception('no system here') }}{% endgeneration %}"
    rows = rows_of(chat(("system", "x"), ("user", "tea"), ("assistant", "One tea.")))
    with pytest.raises(DataError, match=r"rows.jsonl:1: .*no system here"):
        tokenise(rows, encoding_for(strict, rows, RowFormat.MESSAGES))
