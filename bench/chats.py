"""Makes chat rows of mixed length from the bundled orders: most are short, some are long conversations."""

from __future__ import annotations

import json
import random
from importlib.resources import files
from pathlib import Path
from typing import Any


def make_chats(count: int, *, seed: int, longest: int = 24) -> list[dict[str, Any]]:
    """Return ``count`` rows of 1 to ``longest`` exchanges, log-normally distributed around two."""
    path = Path(str(files("forgelm.assist") / "orders" / "train.jsonl"))
    orders = [json.loads(line)["messages"] for line in path.read_text(encoding="utf-8").splitlines()]
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        exchanges = max(1, min(longest, round(rng.lognormvariate(0.7, 0.9))))
        rows.append({"messages": [turn for chat in rng.sample(orders, exchanges) for turn in chat]})
    return rows


def write_chats(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
