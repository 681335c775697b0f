"""Turns the held-out orders into the data of the bundled benchmark tasks, from a seed.

python ember/benchmark.py
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from orders import DRINKS, FOODS, asked, compact, confirmed, draw_order

SEED, QUESTIONS, TALKS = 23, 64, 32
SOURCE = Path(__file__).parents[1] / "src/forgelm"
HELD_OUT = SOURCE / "assist/orders/heldout.jsonl"
FOLDER = SOURCE / "evaluate/benchmark/bundled"


def wrong_records(rng: random.Random, record: str) -> list[str]:
    """Three records that differ from ``record`` in one thing each: the table, a number, an item."""
    right = json.loads(record)
    place = rng.randrange(len(right["items"]))
    line = right["items"][place]

    def with_line(**change: Any) -> str:
        items = [{**item, **change} if number == place else item for number, item in enumerate(right["items"])]
        return compact({**right, "items": items})

    kind = DRINKS if line["item"] in DRINKS else FOODS
    named = {item["item"] for item in right["items"]}
    return [
        compact({**right, "table": rng.choice([table for table in range(1, 21) if table != right["table"]])}),
        with_line(qty=rng.choice([qty for qty in range(1, 7) if qty != line["qty"]])),
        with_line(item=rng.choice([item for item in kind if item not in named])),
    ]


def questions(rng: random.Random) -> list[dict[str, Any]]:
    """Held-out orders, the record each should become, and that record among three wrong ones."""
    rows = []
    for line in HELD_OUT.read_text(encoding="utf-8").splitlines()[:QUESTIONS]:
        said, answered = (message["content"] for message in json.loads(line)["messages"])
        choices = [answered, *wrong_records(rng, answered)]
        rng.shuffle(choices)
        rows.append({"order": said, "record": answered, "choices": choices, "answer": choices.index(answered)})
    return rows


def talks(rng: random.Random) -> list[dict[str, Any]]:
    """What a guest says and a waiter answers in prose, of orders that are in no training text."""
    orders = [draw_order(rng, held_out=True) for _ in range(TALKS)]
    return [{"text": f"{asked(rng, order)} {confirmed(rng, order)}"} for order in orders]


def write(folder: Path = FOLDER) -> None:
    """Write both data files."""
    rng = random.Random(SEED)
    for name, rows in (("orders", questions(rng)), ("talk", talks(rng))):
        lines = "".join(compact(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    write()
