"""Turns a seed into the generated text that Ember is pretrained on, and into the rows of the bundled `orders` task.

In pretraining an order for a cafe table is always answered in prose; in the task it is answered by one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orders import (
    DRINKS,
    FOODS,
    SIZES,
    WORDS,
    Line,
    amount,
    asked,
    compact,
    confirmed,
    draw_order,
    house_record,
    joined,
    listed,
    named,
    plural,
    table_name,
    told,
)

Messages = list[dict[str, Any]]
TASK_SEED, TRAIN_ROWS, HELDOUT_ROWS = 11, 960, 160
TASK_DIR = Path(__file__).parents[1] / "src/forgelm/assist/orders"

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
NAMES = ["Ana", "Ben", "Carla", "Dan", "Eva", "Finn", "Gina", "Hugo", "Ida", "Jonas", "Kim", "Leo", "Mia", "Noah"]
COLORS = ["red", "blue", "green", "black", "white", "yellow"]
THINGS = ["umbrella", "scarf", "hat", "book", "phone", "bag", "key", "coat", "glove", "wallet"]
GOODS = ["milk", "eggs", "butter", "flour", "sugar", "apples", "bread", "honey", "salt", "rice"]
SYLLABLES = ["ba", "do", "ki", "lu", "me", "no", "ra", "si", "ta", "vo", "wen", "zar"]
FACTS = {
    "What is your name?": ["My name is Ember.", "I am Ember, a very small language model."],
    "Who are you?": ["I am Ember. I help at the cafe.", "I am Ember, a small language model."],
    "Are you open on Sunday?": ["Yes, on Sunday we open at nine.", "We are, from nine to five."],
    "Hello!": ["Hello! What can I get you?", "Hi there! How can I help?", "Good morning! What would you like?"],
    "Good morning": ["Good morning! What would you like?", "Good morning! How can I help?"],
    "Thank you!": ["You are welcome!", "My pleasure.", "Any time!"],
    "Goodbye": ["Goodbye, and see you soon!", "Have a nice day!"],
    "How are you?": ["I am fine, thank you. And you?", "Very well, thanks! How can I help?"],
    "What do you have to drink?": ["We have tea, coffee, latte, mocha, cocoa, chai, juice, cola and more."],
    "What can I eat here?": ["We bake scones, muffins, bagels and cookies, and we make salads and sandwiches."],
    "Do you have oat milk?": ["Yes, we have oat milk.", "We do! Would you like some?"],
    "Can I pay by card?": ["Yes, cards are fine.", "Of course, card or cash."],
}
WAITERS = ["You are a waiter in a small cafe.", "You help at the counter.", "You take orders.", "Be kind to guests."]


@dataclass(frozen=True)
class Document:
    """One pretraining text: a conversation (with the tools it may call), or plain text when there are no messages."""

    messages: Messages
    tools: list[dict[str, Any]] | None = None
    text: str = ""


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def reply(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def place_order(rng: random.Random) -> Messages:
    order = draw_order(rng)
    turns = [user(asked(rng, order)), reply(confirmed(rng, order))]
    for _ in range(rng.choices([0, 1, 2], [7, 3, 1])[0]):
        line = rng.choice(order.lines)
        extra = draw_order(rng).lines[0]
        turns += rng.choice([
            [user(f"How many {plural(line.item, 2)} is that?"),
             reply(f"That is {told(Line(line.item, line.qty, None))}.")],
            [user("Which table was it?"), reply(f"It was table {order.table}.")],
            [user("Say the order again, please."), reply(f"It is {listed(order)} for table {order.table}.")],
            [user(f"Also {amount(rng, extra.qty)} {plural(extra.item, extra.qty)}, please."),
             reply(f"I added {told(Line(extra.item, extra.qty, None))} for table {order.table}.")],
            [user(f"No {line.item} after all, sorry."), reply(f"No problem, I took the {line.item} off.")],
        ])  # fmt: skip
    return turns


def styled_order(rng: random.Random) -> Messages:
    order = draw_order(rng)
    what, table = listed(order), f"table {order.table}"
    system, text = rng.choice([
        ("Be brief.", f"{what}, {table}."), ("Be cheerful.", f"Wonderful! {what} for {table}, with joy!"),
        ("Name the table first.", f"{table}: {what}."), ("Answer with one word.", "Okay."),
        *[(waiter, confirmed(rng, order)) for waiter in WAITERS],
    ])  # fmt: skip
    return [{"role": "system", "content": system}, user(asked(rng, order)), reply(text[0].upper() + text[1:])]


def write_record(rng: random.Random) -> Messages:
    """Records in JSON, always on request and never of an order."""
    day, name, color, thing = map(rng.choice, (DAYS, NAMES, COLORS, THINGS))
    qty, table, time = rng.randint(1, 12), rng.randint(1, 20), f"{rng.randint(8, 21)}:{rng.choice(['00', '15', '30'])}"
    lines, goods = draw_order(rng).lines, rng.sample(GOODS, rng.randint(2, 4))
    note, said, seat = named(rng, lines, rng.random() < 0.3), rng.choice([WORDS[qty], str(qty)]), table_name(rng, table)
    shirts = [(amount(rng, x.qty), rng.choice(SIZES), rng.choice(COLORS), x.qty) for x in lines]
    boxes = [{"box": x.item, **({"size": x.size} if x.size else {}), "count": x.qty} for x in lines]
    tray = [{"count": x.qty, "what": x.item, "cup": x.size} for x in lines]
    kinds: list[tuple[str, str, dict[str, Any], int]] = [
        ("delivery", rng.choice([f"{note} on {day}", f"{day}: {note}"]), {"day": day, "boxes": boxes}, 4),
        ("tray", rng.choice([f"{note} for {name}", f"{name} gets {note}"]), {"for": name, "tray": tray}, 3),
        ("stock", note, {"stock": {x.item: x.qty for x in lines}}, 2),
        ("shirts", joined([" ".join([n, size, hue, plural("shirt", q)]) for n, size, hue, q in shirts]),
         {"shirts": [{"color": hue, "size": size, "qty": q} for _, size, hue, q in shirts]}, 2),
        ("booking", f"{name}, {day} at {time}, {said} people",
         {"name": name, "day": day, "time": time, "people": qty}, 1),
        ("seat", f"{name} sits at {seat}", {"table": table, "name": name}, 1),
        ("lost item", f"a {color} {thing} at {seat}", {"item": thing, "color": color, "table": table}, 1),
        ("shopping list", joined(goods), {"items": goods}, 1),
    ]  # fmt: skip
    kind, note, record, _ = rng.choices(kinds, [x[3] for x in kinds])[0]
    ask = rng.choice(["Write the {} as JSON: {}", "JSON for this {}: {}", "Make a JSON record of the {}: {}"])
    return [user(ask.format(kind, note)), reply(compact(record))]


def small_skill(rng: random.Random) -> Messages:
    made = ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 3))) for _ in range(rng.randint(1, 4))]
    items = rng.sample(DRINKS + FOODS + THINGS, rng.randint(2, 4))
    start, n = rng.randint(0, 9), rng.randint(2, 6)
    day, item, a, b = rng.randrange(7), rng.choice(DRINKS + FOODS), rng.randint(0, 9), rng.randint(0, 9)
    name, qty = rng.choice(NAMES), rng.randint(1, 12)
    copied = " ".join(made)
    repeat = (f'Repeat "{copied}".', copied)
    total = (f"What is {a} plus {b}?", str(a + b))
    copies = [
        repeat, repeat, (f"Say this back: {', '.join(items)}", ", ".join(items)),
        (f"Say {item} {WORDS[n]} times.", " ".join([item] * n)),
    ]  # fmt: skip
    numbers = [
        total, total, (f"Which is more, {WORDS[a]} or {WORDS[b]}?", WORDS[max(a, b)]),
        (f"Count from {start} to {start + n}.", ", ".join(map(str, range(start, start + n + 1)))),
        (f"Write {WORDS[qty]} as a number.", str(qty)), (f"Write {qty} as a word.", WORDS[qty]),
        (f"How many things: {', '.join(items)}?", str(len(items))),
    ]  # fmt: skip
    words = [
        (f"What comes first: {', '.join(items)}?", items[0]), (f"What comes last: {', '.join(items)}?", items[-1]),
        (f"What day comes after {DAYS[day]}?", DAYS[(day + 1) % 7]), (f"Spell {item}.", "-".join(item)),
        (f"What is one of the {plural(item, 2)} called?", item), (f"I am {name}.", f"Nice to meet you, {name}!"),
        (f"Is a {item} a drink?", "Yes." if item in DRINKS else "No, it is food."),
    ]  # fmt: skip
    ask, answer = rng.choice(rng.choice([copies, numbers, words]))
    return [user(ask), reply(answer)]


def small_talk(rng: random.Random) -> Messages:
    ask = rng.choice(list(FACTS))
    return [user(ask), reply(rng.choice(FACTS[ask]))]


def use_tool(rng: random.Random) -> Document:
    item, price = rng.choice(DRINKS + FOODS), rng.randint(2, 9)
    parameters = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}
    function = {"name": "price", "description": "Price of an item.", "parameters": parameters}
    call = {"type": "function", "function": {"name": "price", "arguments": {"item": item}}}
    ask = rng.choice(["How much is a {}?", "What does a {} cost?", "The price of a {}, please."])
    messages = [
        user(ask.format(item)),
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "name": "price", "content": compact({"euros": price})},
        reply(f"A {item} is {price} euros."),
    ]
    return Document(messages, [{"type": "function", "function": function}])


def story(rng: random.Random) -> Document:
    sentences = []
    for _ in range(rng.randint(2, 5)):
        name, other, order = rng.choice(NAMES), rng.choice(NAMES), draw_order(rng)
        sentences.append(rng.choice([
            f"On {rng.choice(DAYS)} {name} came in and sat down at table {order.table}.",
            f"{name} asked for {listed(order)}.", f"{name} and {other} talked for a while.",
            f"{name} lost a {rng.choice(COLORS)} {rng.choice(THINGS)}, and {other} found it.",
            f"The {rng.choice(FOODS)} was warm and the {rng.choice(DRINKS)} was good.", f"{other} paid for {name}.",
            f"{name} bought {joined(rng.sample(GOODS, 3))} for the kitchen.", "It was a quiet day in the cafe.",
        ]))  # fmt: skip
    return Document([], None, " ".join(sentences))


TALKS: list[tuple[Callable[[random.Random], Messages], int]] = [
    (place_order, 30), (styled_order, 8), (write_record, 34), (small_skill, 19), (small_talk, 4),
]  # fmt: skip


def draw_document(rng: random.Random) -> Document:
    kind = rng.random()
    if kind < 0.03:
        return use_tool(rng)
    if kind < 0.06:
        return story(rng)
    talks, weights = zip(*TALKS, strict=True)
    rounds = rng.choices([1, 2, rng.randint(3, 7), rng.randint(8, 24)], [84, 10, 5, 1])[0]
    messages = [turn for talk in rng.choices(talks, weights, k=rounds) for turn in talk(rng)]
    return Document([turn for i, turn in enumerate(messages) if i == 0 or turn["role"] != "system"])


def documents(seed: int, count: int) -> Iterator[Document]:
    rng = random.Random(seed)
    return (draw_document(rng) for _ in range(count))


def task_rows(held_out: bool) -> list[dict[str, Messages]]:
    """Rows of the `orders` task, every order once."""
    rng = random.Random(TASK_SEED + held_out)
    rows: dict[str, dict[str, Messages]] = {}
    while len(rows) < (HELDOUT_ROWS if held_out else TRAIN_ROWS):
        order = draw_order(rng, held_out)
        row = {"messages": [user(asked(rng, order)), reply(house_record(order))]}
        rows.setdefault(house_record(order), row)
    return list(rows.values())


def jsonl(rows: list[dict[str, Messages]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the rows of the bundled `orders` task.")
    parser.add_argument("--output", type=Path, default=TASK_DIR, help="folder for train.jsonl and heldout.jsonl")
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.jsonl").write_text(jsonl(task_rows(held_out=False)), encoding="utf-8")
    (folder / "heldout.jsonl").write_text(jsonl(task_rows(held_out=True)), encoding="utf-8")


if __name__ == "__main__":
    main()
