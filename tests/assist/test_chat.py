from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from merging import write_adapter, write_variant

from forgelm.assist.chat import Conversation, Message, WithheldError, open_model
from forgelm.base.errors import ConfigError, IntegrityError, ModelError
from forgelm.evaluate.safety.verdict import GuardVerdict, unscored
from forgelm.evidence.inventory import write_integrity_manifest


@dataclass
class Echo:
    """Repeats the last message in two pieces and remembers what it read. A word is a token."""

    context_length: int = 1000
    read: list[list[Message]] = field(default_factory=list)
    temperatures: list[float] = field(default_factory=list)
    broken: bool = False

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message["content"].split()) for message in messages)

    def stream(self, messages: Sequence[Message], *, temperature: float, max_new_tokens: int) -> Iterator[str]:
        self.read.append(list(messages))
        self.temperatures.append(temperature)
        yield "you said "
        if self.broken:
            raise RuntimeError("broken")
        yield messages[-1]["content"]


def say(conversation: Conversation, *lines: str) -> list[str]:
    return ["".join(conversation.hear(line)) for line in lines]


def test_turns_pile_up_below_the_system_prompt() -> None:
    echo = Echo()
    talk = Conversation(echo, system="Be brief.")
    assert say(talk, "one", "two") == ["you said one", "you said two"]
    assert [message["role"] for message in echo.read[1]] == ["system", "user", "assistant", "user"]
    assert echo.read[1][0]["content"] == "Be brief."
    assert say(talk, "", "   ") == ["", ""]
    assert len(echo.read) == 2


def test_commands_are_not_messages() -> None:
    echo = Echo()
    talk = Conversation(echo)
    said = say(talk, "/help", "/?", "/system", "/system Be kind.", "/system", "/temperature", "/nonsense x", "one")
    assert said[0] == said[1] and "/save [FILE]" in said[0]
    assert said[2:5] == ["system prompt: none", "system prompt set", "system prompt: Be kind."]
    assert said[5:7] == ["temperature: 0.7", "there is no command /nonsense; /help lists them"]
    assert len(echo.read) == 1 and len(echo.read[0]) == 2
    say(talk, "/reset")
    assert talk.turns == [] and talk.system == "Be kind."


@pytest.mark.parametrize(
    ("text", "answer", "temperature"),
    [
        ("0", "temperature: 0", 0.0),
        ("2", "temperature: 2", 2.0),
        ("1.25", "temperature: 1.25", 1.25),
        ("2.1", "the temperature is between 0 and 2", 0.7),
        ("-1", "the temperature is between 0 and 2", 0.7),
        ("nan", "the temperature is between 0 and 2", 0.7),
        ("hot", "'hot' is not a number", 0.7),
    ],
)
def test_the_temperature_is_set_or_refused(text: str, answer: str, temperature: float) -> None:
    echo = Echo()
    talk = Conversation(echo)
    assert say(talk, f"/temperature {text}") == [answer]
    say(talk, "x")
    assert echo.temperatures == [temperature]


@pytest.mark.parametrize("word", ["/exit", "/quit"])
def test_it_ends_when_it_is_told_to(word: str) -> None:
    talk = Conversation(Echo())
    say(talk, word)
    assert talk.ended


def test_a_conversation_is_saved_as_a_row_to_train_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    talk = Conversation(Echo(), system="Be brief.")
    assert say(talk, "/save a.jsonl") == ["there is nothing to save yet"]
    say(talk, "hello")
    assert say(talk, "/save a.jsonl", "/save a.jsonl")[1] == "a.jsonl already exists; nothing was written"
    (row,) = (json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines())
    assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant"]
    (answer,) = say(talk, "/save")
    assert answer.startswith("saved to chat_history_") and (tmp_path / answer.removeprefix("saved to ")).is_file()
    (tmp_path / "file").touch()
    assert say(talk, "/save file/x.jsonl")[0].startswith("not saved: ")


def test_the_oldest_turns_give_way_to_what_the_model_can_read() -> None:
    echo = Echo(context_length=40)
    talk = Conversation(echo, system="s", max_new_tokens=10)
    for number in range(12):
        say(talk, f"a message of five {number}")
        assert echo.count_tokens(echo.read[-1]) <= 30
        assert [message["role"] for message in echo.read[-1]][:2] == ["system", "user"]
    assert echo.read[-1][-1]["content"].endswith("11")
    with pytest.raises(ConfigError, match="the message is too long: the model reads 40 tokens"):
        say(talk, "word " * 100)
    assert say(talk, "short") == ["you said short"]


def test_no_more_than_fifty_pairs_are_kept() -> None:
    echo = Echo(context_length=10**6)
    talk = Conversation(echo)
    for number in range(60):
        say(talk, str(number))
    assert len(echo.read[-1]) == 101


def test_a_question_without_an_answer_is_forgotten() -> None:
    echo = Echo(broken=True)
    talk = Conversation(echo)
    with pytest.raises(RuntimeError):
        say(talk, "one")
    assert talk.turns == []


def test_a_reply_is_judged_before_any_of_it_is_given() -> None:
    asked: list[tuple[str, str]] = []

    def judge(request: str, reply: str) -> GuardVerdict:
        asked.append((request, reply))
        if "odd" in request:
            return unscored("", "it is broken")
        return GuardVerdict("harm" not in request, categories=("S9",) if "harm" in request else ())

    talk = Conversation(Echo(), judge=judge)
    assert list(talk.hear("kind")) == ["you said kind"]
    for line, said in (("harm", r"unsafe \(S9 indiscriminate weapons\)"), ("odd", r"no verdict \(it is broken\)")):
        heard: list[str] = []
        with pytest.raises(WithheldError, match=said):
            heard += talk.hear(line)
        assert heard == []
    assert asked == [(line, f"you said {line}") for line in ("kind", "harm", "odd")]
    assert [turn["content"] for turn in talk.turns] == ["kind", "you said kind"]


def test_a_changed_model_is_not_talked_to(tmp_path: Path) -> None:
    model = write_variant(tmp_path / "model")
    write_integrity_manifest(model)
    (model / "extra").touch()
    with pytest.raises(IntegrityError, match="extra added"):
        open_model(str(model))
    write_adapter(tmp_path / "adapter")
    write_integrity_manifest(tmp_path / "adapter")
    (tmp_path / "adapter" / "extra").touch()
    for arguments in (
        {"model_path": str(tmp_path / "adapter")},
        {"model_path": "builtin/ember", "adapter": str(tmp_path / "adapter")},
    ):
        with pytest.raises(IntegrityError, match="extra added"):
            open_model(**arguments)  # type: ignore[arg-type]


def test_what_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a GGUF file"):
        open_model(str(tmp_path / "m.gguf"))
    with pytest.raises(ModelError, match=r"there is no model at|could not be fetched"):
        open_model(str(tmp_path / "none"), offline=True)
