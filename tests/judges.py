"""An OpenAI-compatible judge on loopback that grades as a test tells it to."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from loopback import Answer, Asked, Served, serving

Grade = Callable[[dict[str, str]], Any]


def blocks(asked: Asked) -> dict[str, str]:
    """Return what stands between the marks of a question, by name."""
    user = asked.json()["messages"][1]["content"]
    return {name: text for name, _, text in re.findall(r"<(\w+) (\w{16})>\n(.*?)\n</\1 \2>", user, re.DOTALL)}


def completion(content: Any, tokens: tuple[int, int] | None = (100, 20), **message: Any) -> Answer:
    """Return a chat completion with ``content``, as JSON unless it is text."""
    text = content if isinstance(content, str | None) else json.dumps(content)
    body: dict[str, Any] = {"choices": [{"message": {"role": "assistant", "content": text, **message}}]}
    if tokens is not None:
        body["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    return Answer(body=json.dumps(body).encode())


def by_length(found: dict[str, str]) -> dict[str, Any]:
    """Grade honestly, if longer is better: a point for each character, and the longer answer wins."""
    if "answer" in found:
        return {"reason": "length", "score": min(10, max(1, len(found["answer"])))}
    ours, theirs = len(found["answer_a"]), len(found["answer_b"])
    return {"reason": "length", "better": "tie" if ours == theirs else "A" if ours > theirs else "B"}


@contextlib.contextmanager
def judging(grade: Grade = by_length) -> Iterator[Served]:
    """Serve a judge; ``grade`` gets the blocks of a question and returns what the reply holds, or an ``Answer``."""

    def answer(asked: Asked) -> Answer:
        found = grade(blocks(asked))
        return found if isinstance(found, Answer) else completion(found)

    with serving(answer) as server:
        yield server
