"""Makes chat rows of three mixes of length from the bundled orders."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

LONGEST = 24
# How many exchanges a row has. One is about 35 tokens.
MIXES: MappingProxyType[str, Callable[[random.Random], int]] = MappingProxyType(
    {
        "short chats with a long tail": lambda rng: max(1, min(LONGEST, round(rng.lognormvariate(0.7, 0.9)))),
        "short and long chats mixed": lambda rng: rng.randint(*((1, 3) if rng.random() < 0.75 else (10, 20))),
        "chats of near-uniform length": lambda rng: 5,
    }
)


def make_chats(count: int, *, seed: int, mix: str = "short chats with a long tail") -> list[dict[str, Any]]:
    """Return ``count`` rows whose numbers of exchanges are drawn from ``mix``."""
    path = Path(str(files("forgelm.assist") / "orders" / "train.jsonl"))
    orders = [json.loads(line)["messages"] for line in path.read_text(encoding="utf-8").splitlines()]
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        exchanges = MIXES[mix](rng)
        rows.append({"messages": [turn for chat in rng.sample(orders, exchanges) for turn in chat]})
    return rows


def write_chats(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
