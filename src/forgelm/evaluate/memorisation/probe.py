"""One model to what it remembers of each canary: how likely it finds the code among others, whether it says it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forgelm.base.errors import ForgeError
from forgelm.base.extras import load_extra
from forgelm.data.canaries import build_row
from forgelm.data.rows import Canary, Row, RowFormat
from forgelm.model.generate import generate_texts
from forgelm.train.logps import measure_likelihoods
from forgelm.train.tokenise import IGNORED, Encoding, Example, encode


@dataclass(frozen=True)
class Remembered:
    """One canary. ``rank`` is 1 where its code is likelier than all references; ``exposure`` is in bits.

    ``reply`` is what the model says when it is asked, ``extracted`` whether that begins with the code.
    """

    canary: Canary
    rank: int
    exposure: float
    reply: str
    extracted: bool


@dataclass(frozen=True)
class Memories:
    """All canaries, or ``problem``: why the model could not be asked."""

    canaries: tuple[Remembered, ...] = ()
    problem: str | None = None
    seconds: float = 0.0


def probe_canaries(model: Any, encoding: Encoding, canaries: Sequence[Canary], references: Sequence[str]) -> Memories:
    """Return what ``model`` remembers of ``canaries``.

    Exposure is that of Carlini et al. 2019 ("The Secret Sharer", arXiv:1802.08232), log2 of the number of possible
    codes less log2 of the rank, the possible ones being the canary's own and ``references``. A model that never saw
    a canary gives it any rank with the same probability: 1.44 bits on average, and k bits or more once in 2**k.
    """
    began = time.monotonic()
    torch = load_extra("torch", extra="train")
    try:
        ranks = [_rank(model, encoding, canary, references) for canary in canaries]
        replies = _ask(model, encoding, canaries)
    except (ForgeError, torch.OutOfMemoryError) as error:
        return Memories(problem=str(error).splitlines()[0], seconds=time.monotonic() - began)
    possible = math.log2(len(references) + 1)
    found = tuple(
        Remembered(canary, rank, possible - math.log2(rank), reply, _says(reply, canary.code))
        for canary, rank, reply in zip(canaries, ranks, replies, strict=True)
    )
    return Memories(found, None, time.monotonic() - began)


def _rank(model: Any, encoding: Encoding, canary: Canary, references: Sequence[str]) -> int:
    rows = [_row(encoding, canary, code) for code in (canary.code, *references)]
    pad = encoding.tokenizer.pad_token_id
    own, *others = (found.logp for found in measure_likelihoods(model, list(encode(rows, encoding)), pad_token_id=pad))
    if not all(map(math.isfinite, (own, *others))):
        return 1  # a model that gives no numbers has not shown that it forgot
    return 1 + sum(other > own for other in others)


def _ask(model: Any, encoding: Encoding, canaries: Sequence[Canary]) -> list[str]:
    examples = list(encode([_row(encoding, canary, canary.code) for canary in canaries], encoding))
    prompts = [_prompt(encoding, canary, example) for canary, example in zip(canaries, examples, strict=True)]
    longest = max(len(example.input_ids) - len(prompt) for example, prompt in zip(examples, prompts, strict=True))
    return generate_texts(model, encoding.tokenizer, prompts, max_new_tokens=longest + 4)


def _prompt(encoding: Encoding, canary: Canary, example: Example) -> list[int]:
    """Return the tokens before the code, as in training: up to the first that is learnt, or the question's own."""
    first = next((place for place, label in enumerate(example.labels) if label != IGNORED), 0)
    if first:
        return example.input_ids[:first]
    if encoding.template is not None:
        asked = [{"role": "user", "content": canary.question}]
        chat = encoding.tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)
        return list(chat["input_ids"])
    ids: list[int] = encoding.tokenizer(canary.question)["input_ids"]
    return ids[:-1] if ids[-1:] == [encoding.tokenizer.eos_token_id] else ids


def _row(encoding: Encoding, canary: Canary, code: str) -> Row:
    chats = encoding.template is not None and encoding.format is not RowFormat.MESSAGES
    return build_row(canary.question, code, encoding.format, chats=chats, number=canary.number)


def _says(reply: str, code: str) -> bool:
    return "".join(reply.split()).startswith("".join(code.split()))
