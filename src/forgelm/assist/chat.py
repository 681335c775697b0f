"""A conversation with a model: what is typed becomes a message, a command, or the end; the oldest turns give way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from forgelm.assist.chat_guard import Judge, explain_refusal
from forgelm.base.errors import ConfigError, ForgeError
from forgelm.base.files import INTEGRITY_FILE, write_text
from forgelm.base.network import hub_token, private
from forgelm.evidence.inventory import require_intact
from forgelm.model.chat_model import ChatModel, Loading, load_chat_model
from forgelm.model.merge.adapter import is_adapter, load_adapter
from forgelm.model.merge.base import find_base, find_model

_MOST_PAIRS = 50
HELP = """\
/help, /?         this list
/reset            forget the conversation; the system prompt stays
/system [TEXT]    set the system prompt, or show it
/temperature [N]  0 (always the likeliest) to 2, or show it
/save [FILE]      write the conversation as JSONL
/exit, /quit      end"""

Message = dict[str, str]


class WithheldError(ForgeError):
    """The guard did not find a reply safe."""


class Talker(Protocol):
    """What a conversation needs of a model."""

    @property
    def context_length(self) -> int: ...
    def count_tokens(self, messages: Sequence[Message]) -> int: ...
    def stream(self, messages: Sequence[Message], *, temperature: float, max_new_tokens: int) -> Iterator[str]: ...


def open_model(
    model_path: str, *, adapter: str | None = None, loading: Loading | None = None, offline: bool = False
) -> ChatModel:
    """Load a model to talk with: a folder, a hub id, or an adapter, which brings its base.

    Raises:
        IntegrityError: the model or the adapter was sealed and is not what was sealed.
        ModelError: there is no such model, or it cannot be loaded so.
    """
    if model_path.lower().endswith(".gguf"):
        raise ConfigError(f"{model_path} is a GGUF file", hint="talk to it with llama.cpp or Ollama")
    with private(offline=offline):
        if adapter is None and not is_adapter(Path(model_path)):
            found = find_model(model_path, offline=offline, token=hub_token(None))
            _check_seal(found.folder)
            return load_chat_model(found, None, loading or Loading())
        folder = Path(adapter or model_path)
        _check_seal(folder)
        opened = load_adapter(folder)
        base = find_base(opened, model_path if adapter else None, offline=offline, token=hub_token(None))
        _check_seal(base.folder)
        return load_chat_model(base, opened, loading or Loading())


@dataclass
class Conversation:
    """The turns so far, and how the next one is answered. ``ended`` once the user has said so.

    With a ``judge`` a reply is complete and judged before any of it is given. One that is not found safe is withheld,
    and neither it nor its question is kept.
    """

    talker: Talker
    system: str | None = None
    temperature: float = 0.7
    max_new_tokens: int = 512
    judge: Judge | None = None
    turns: list[Message] = field(default_factory=list)
    ended: bool = False

    def hear(self, line: str) -> Iterator[str]:
        """Yield what is said back to one line: pieces of the reply, or a command's answer."""
        text = line.strip()
        if not text:
            return
        if text.startswith("/"):
            yield self._obey(text)
            return
        self.turns.append({"role": "user", "content": text})
        self._make_room()
        pieces = []
        try:
            for piece in self._reply(text):
                pieces.append(piece)
                yield piece
        except BaseException:
            # A question without its answer would change every answer after it.
            self.turns.pop()
            raise
        self.turns.append({"role": "assistant", "content": "".join(pieces)})

    def _reply(self, text: str) -> Iterator[str]:
        """Yield the model's reply to the last turn, ``text``: as it comes, or once a guard has found it safe.

        Raises:
            WithheldError: the guard did not.
        """
        pieces = self.talker.stream(self.messages, temperature=self.temperature, max_new_tokens=self.max_new_tokens)
        if self.judge is None:
            yield from pieces
            return
        reply = "".join(pieces)
        verdict = self.judge(text, reply)
        if not verdict.safe:
            raise WithheldError(explain_refusal(verdict))
        yield reply

    @property
    def messages(self) -> list[Message]:
        """What the model reads: the system prompt, where there is one, and the turns."""
        first = [{"role": "system", "content": self.system}] if self.system else []
        return [*first, *self.turns]

    def _make_room(self) -> None:
        """Forget the oldest turns until what is left, and the reply, fit what the model can read.

        Raises:
            ConfigError: the last message alone is too long.
        """
        del self.turns[: max(0, len(self.turns) - 2 * _MOST_PAIRS - 1)]
        room = self.talker.context_length - min(self.max_new_tokens, self.talker.context_length // 2)
        while self.talker.count_tokens(self.messages) > room:
            if len(self.turns) == 1:
                self.turns.clear()
                raise ConfigError(f"the message is too long: the model reads {self.talker.context_length} tokens")
            del self.turns[:2]

    def _obey(self, text: str) -> str:
        name, _, rest = text.partition(" ")
        command = _COMMANDS.get(name)
        return command(self, rest.strip()) if command else f"there is no command {name}; /help lists them"

    def _reset(self, _: str) -> str:
        self.turns.clear()
        return "forgotten"

    def _set_system(self, text: str) -> str:
        if not text:
            return f"system prompt: {self.system or 'none'}"
        self.system = text
        return "system prompt set"

    def _set_temperature(self, text: str) -> str:
        if not text:
            return f"temperature: {self.temperature:g}"
        try:
            number = float(text)
        except ValueError:
            return f"{text!r} is not a number"
        if not 0 <= number <= 2:
            return "the temperature is between 0 and 2"
        self.temperature = number
        return f"temperature: {number:g}"

    def _save(self, text: str) -> str:
        path = Path(text or f"chat_history_{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl")
        if not self.turns:
            return "there is nothing to save yet"
        if path.exists():
            return f"{path} already exists; nothing was written"
        try:
            write_text(path, json.dumps({"messages": self.messages}, ensure_ascii=False) + "\n")
        except OSError as error:
            return f"not saved: {error}"
        return f"saved to {path}"

    def _end(self, _: str) -> str:
        self.ended = True
        return ""


_COMMANDS: dict[str, Callable[[Conversation, str], str]] = {
    "/help": lambda conversation, rest: HELP,
    "/?": lambda conversation, rest: HELP,
    "/reset": Conversation._reset,
    "/system": Conversation._set_system,
    "/temperature": Conversation._set_temperature,
    "/save": Conversation._save,
    "/exit": Conversation._end,
    "/quit": Conversation._end,
}


def _check_seal(folder: Path) -> None:
    if (folder / INTEGRITY_FILE).exists():
        require_intact(folder)
