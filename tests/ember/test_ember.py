"""The embedded model, its tokenizer and chat template, the bundled `orders` task, and the scripts that make them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "src/forgelm/model/ember"
ORDERS = ROOT / "src/forgelm/assist/orders"
sys.path.insert(0, str(ROOT / "ember"))

import card  # noqa: E402
import corpus  # noqa: E402
import orders  # noqa: E402
import pretrain  # noqa: E402

CHAT: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Two teas for table 5"},
    {"role": "assistant", "content": "Two teas, table 5."},
    {"role": "user", "content": "  Thanks \n"},
    {"role": "assistant", "content": "Any time!"},
]
CALL = {"type": "function", "function": {"name": "price", "arguments": {"item": "tea"}}}
TOOLS = [{"type": "function", "function": {"name": "price", "description": "Price.", "parameters": {"type": "object"}}}]
TOOL_CHAT: list[dict[str, Any]] = [
    {"role": "user", "content": "How much is a tea?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "name": "price", "content": '{"euros":3}'},
    {"role": "assistant", "content": "A tea is 3 euros."},
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(MODEL, local_files_only=True)


@pytest.fixture(scope="module")
def model() -> Any:
    return AutoModelForCausalLM.from_pretrained(MODEL, local_files_only=True, dtype=torch.float32)


@pytest.fixture
def torch_settings() -> Iterator[None]:
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(strict)


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (ORDERS / name).read_text(encoding="utf-8").splitlines()]


def said(tokenizer: Any, messages: list[dict[str, Any]], **options: Any) -> str:
    """The text under the assistant mask."""
    encoded = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True, **options)
    kept = [i for i, m in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if m]
    return str(tokenizer.decode(kept))


def ids(tokenizer: Any, messages: list[dict[str, Any]], **options: Any) -> list[int]:
    return list(tokenizer.apply_chat_template(messages, return_dict=True, **options)["input_ids"])


def test_model_folder_is_small_and_complete(model: Any, tokenizer: Any) -> None:
    assert sum(path.stat().st_size for path in MODEL.iterdir()) <= 3_000_000
    assert model.config.architectures == ["LlamaForCausalLM"]
    assert 700_000 <= model.num_parameters() <= 1_200_000
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert model.config.vocab_size == len(tokenizer)
    assert model.config.max_position_embeddings >= 1024
    assert model.config.bos_token_id is None and tokenizer.bos_token is None
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == tokenizer.convert_tokens_to_ids("<|end|>")
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id != tokenizer.eos_token_id


def test_card_names_the_files_it_came_with() -> None:
    text = (MODEL / "README.md").read_text(encoding="utf-8")
    for path in MODEL.iterdir():
        assert path.name == "README.md" or card.sha256(path) in text


def test_mask_is_the_reply_and_its_end(tokenizer: Any) -> None:
    assert said(tokenizer, CHAT) == "Two teas, table 5.<|end|>Any time!<|end|>"
    call = '<tool_call>{"name": "price", "arguments": {"item": "tea"}}</tool_call><|end|>'
    assert said(tokenizer, TOOL_CHAT, tools=TOOLS) == call + "A tea is 3 euros.<|end|>"


@pytest.mark.parametrize("chat", [CHAT, TOOL_CHAT])
@pytest.mark.parametrize("tools", [None, TOOLS])
def test_every_earlier_turn_is_a_prefix(tokenizer: Any, chat: list[dict[str, Any]], tools: Any) -> None:
    whole = ids(tokenizer, chat, tools=tools)
    for cut in range(1, len(chat)):
        prompt = chat[cut]["role"] == "assistant"
        part = ids(tokenizer, chat[:cut], tools=tools, add_generation_prompt=prompt)
        assert whole[: len(part)] == part


def test_template_renders_roles_tools_and_parts(tokenizer: Any) -> None:
    text = tokenizer.apply_chat_template(TOOL_CHAT, tools=TOOLS, tokenize=False)
    assert text.startswith('<|system|>Tools: [{"type": "function"') and '<|tool|>{"euros":3}<|end|>' in text
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hi "}, {"type": "text", "text": "there"}]}]
    assert tokenizer.apply_chat_template(parts, tokenize=False) == "<|user|>Hi there<|end|>"
    with pytest.raises(Exception, match="unknown role"):
        tokenizer.apply_chat_template([{"role": "critic", "content": ""}], tokenize=False)


def test_tool_calls_are_parsed_back(tokenizer: Any) -> None:
    prompt = ids(tokenizer, TOOL_CHAT[:1], add_generation_prompt=True)
    reply = ids(tokenizer, TOOL_CHAT[:2])[len(prompt) :]
    assert tokenizer.parse_response(reply, prefix=prompt)["tool_calls"] == [CALL]


@pytest.mark.parametrize(
    "text",
    [
        "two teas",
        "  two\n\n\tteas \r\n",
        "naïve Çay 日本語 العربية",
        "🙂\u200d🧑🏽\u0301",
        "\x00\x7f\uffff",
        "{'a': [1, 20]}",
        "",
    ],
)
def test_any_text_round_trips(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_base_answers_orders_in_prose(model: Any, tokenizer: Any) -> None:
    held_out = rows("heldout.jsonl")[:32]
    tokenizer.padding_side = "left"
    prompts = [row["messages"][:1] for row in held_out]
    batch = tokenizer.apply_chat_template(
        prompts, add_generation_prompt=True, return_dict=True, return_tensors="pt", padding=True
    )
    output = model.generate(**batch, max_new_tokens=80, do_sample=False)[:, batch["input_ids"].shape[1] :]
    replies = tokenizer.batch_decode(output, skip_special_tokens=True)
    wanted = [row["messages"][1]["content"] for row in held_out]
    assert sum(map(str.__eq__, replies, wanted)) / len(wanted) <= 0.02
    assert sum("table" in reply and "{" not in reply for reply in replies) >= 30


def test_order_rows_are_what_the_script_makes() -> None:
    for name, held_out in (("train.jsonl", False), ("heldout.jsonl", True)):
        assert (ORDERS / name).read_text(encoding="utf-8") == corpus.jsonl(corpus.task_rows(held_out))


def test_no_order_is_shared() -> None:
    def content(row: dict[str, Any]) -> tuple[int, frozenset[str]]:
        record = json.loads(row["messages"][1]["content"])
        return record["table"], frozenset(json.dumps(item, sort_keys=True) for item in record["items"])

    train, held_out = rows("train.jsonl"), rows("heldout.jsonl")
    assert len(train) >= 600 and len(held_out) >= 100
    assert not set(map(content, train)) & set(map(content, held_out))
    assert not {row["messages"][0]["content"] for row in train} & {row["messages"][0]["content"] for row in held_out}


def test_house_record_fills_in_the_usual_size() -> None:
    order = orders.Order(5, (orders.Line("tea", 2, None), orders.Line("scone", 1, None)))
    expected = '{"table":5,"items":[{"item":"tea","size":"medium","qty":2},{"item":"scone","qty":1}]}'
    assert orders.house_record(order) == expected


@pytest.mark.usefixtures("torch_settings")
def test_pretraining_is_deterministic_and_learns(tmp_path: Path) -> None:
    recipe = pretrain.Recipe(steps=8, warmup=2, tokens_per_step=512, tokenizer_documents=200, hidden=64, layers=2)
    folders = [tmp_path / "first", tmp_path / "second"]
    first, second = [pretrain.pretrain(recipe, folder) for folder in folders]
    assert first.curve == second.curve and first.curve[-1][1] < first.curve[0][1]
    for path in folders[0].iterdir():
        assert path.read_bytes() == (folders[1] / path.name).read_bytes()
