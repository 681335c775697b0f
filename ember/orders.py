"""Turns a seeded generator into cafe orders: what the guest says, what a waiter replies, and the house JSON record.

A checksum of its content puts an order on the training or the held-out side, so no training text has a held-out order.
"""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import dataclass

DRINKS = ["tea", "coffee", "latte", "mocha", "cocoa", "chai", "juice", "cola", "lemonade", "smoothie"]
FOODS = ["scone", "muffin", "bagel", "cookie", "brownie", "waffle", "pretzel", "pancake", "salad", "sandwich"]
SIZES = ["small", "medium", "large"]
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


@dataclass(frozen=True)
class Line:
    item: str
    qty: int
    size: str | None


@dataclass(frozen=True)
class Order:
    table: int
    lines: tuple[Line, ...]


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def house_record(order: Order) -> str:
    """The answer the `orders` task wants; a drink without a size is a medium one."""
    items: list[dict[str, str | int]] = []
    for x in order.lines:
        size = {"size": x.size or "medium"} if x.item in DRINKS else {}
        items.append({"item": x.item, **size, "qty": x.qty})
    return compact({"table": order.table, "items": items})


def is_held_out(order: Order) -> bool:
    key = house_record(Order(order.table, tuple(sorted(order.lines, key=lambda x: x.item))))
    return zlib.crc32(key.encode()) % 8 == 0


def draw_order(rng: random.Random, held_out: bool = False) -> Order:
    while True:
        items = rng.sample(DRINKS + FOODS, rng.choices([1, 2, 3], [3, 4, 2])[0])
        quantities = rng.choices(range(1, 7), [5, 5, 3, 2, 1, 1], k=len(items))
        sizes = [rng.choice([None, *SIZES]) if item in DRINKS else None for item in items]
        order = Order(rng.randint(1, 20), tuple(map(Line, items, quantities, sizes)))
        if is_held_out(order) == held_out:
            return order


def plural(item: str, qty: int) -> str:
    return item if qty == 1 else item + ("es" if item.endswith("ch") else "s")


def joined(parts: list[str], last: str = " and ") -> str:
    return last.join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def amount(rng: random.Random, qty: int) -> str:
    options = [WORDS[qty], WORDS[qty], str(qty)]
    options += {1: ["a", "a"], 2: ["a couple of"], 6: ["half a dozen"]}.get(qty, [])
    return rng.choice(options)


def told(line: Line) -> str:
    """A line of an order in plain prose."""
    return " ".join([WORDS[line.qty], *([line.size] if line.size else []), plural(line.item, line.qty)])


def listed(order: Order) -> str:
    return joined([told(line) for line in order.lines])


def named(rng: random.Random, lines: tuple[Line, ...], terse: bool) -> str:
    """The lines as a note ("2 small tea, scone x 1") or as a person says them ("two small teas and a scone")."""
    after = rng.random() < 0.5
    parts = []
    for x in lines:
        size = [x.size] if x.size else []
        if terse:
            parts.append(" ".join([*size, x.item, "x", str(x.qty)] if after else [str(x.qty), *size, x.item]))
        else:
            parts.append(" ".join([amount(rng, x.qty), *size, plural(x.item, x.qty)]))
    return ", ".join(parts) if terse else joined(parts, rng.choice([" and ", " and ", ", and ", " plus "]))


def table_name(rng: random.Random, table: int) -> str:
    return f"table {WORDS[table]}" if table < 13 and rng.random() < 0.3 else f"table {table}"


def asked(rng: random.Random, order: Order) -> str:
    """One of the many ways a guest says the order."""
    terse = rng.random() < 0.25
    what, table = named(rng, order.lines, terse), table_name(rng, order.table)
    if terse:
        return rng.choice([f"{table}: {what}", f"{what}, {table}", f"{what} for {table}", f"{table}, {what}"])
    request = rng.choice([
        f"{what} for {table}", f"{what} for {table}, please", f"can we get {what} at {table}?",
        f"please bring {what} to {table}", f"I would like {what} for {table}.",
        f"could I have {what}? We are at {table}.",
        f"we are at {table} and want {what}, please.", f"{table} here, {what} please", f"{table} wants {what}.",
        f"we will take {what}, {table}.", f"for {table}: {what}", f"send {what} over to {table}, thanks",
        f"it is {what} for us at {table}", f"may {table} have {what}?",
    ])  # fmt: skip
    greeting = rng.choice(["", "", "", "Hi, ", "Hello, ", "Good morning, ", "Excuse me, ", "Okay, ", "Hey, "])
    if not greeting and rng.random() < 0.6:
        request = request[0].upper() + request[1:]
    thanks = rng.choice([" Thanks!", " Thank you.", " No rush."]) if rng.random() < 0.2 and request[-1] in ".?" else ""
    return greeting + request + thanks


def confirmed(rng: random.Random, order: Order) -> str:
    what, table = listed(order), f"table {order.table}"
    return rng.choice([
        f"Sure! That is {what} for {table}.", f"Of course, {what} for {table}.", f"Got it: {what} for {table}.",
        f"Thank you! I will bring {what} to {table}.", f"Right away, {what} for {table}.",
        f"Very good, {what} for {table}.", f"So {what} for {table}. Anything else?",
        f"Lovely. I will bring {what} to {table}.", f"Certainly! That makes {what} for {table}.",
        f"Noted, {what} for {table}. Thank you!",
    ])  # fmt: skip
