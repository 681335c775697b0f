"""Holds the contract against the code, item by item, and shows for each what it says and the test that shows it."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import surface
import yaml

from forgelm.base.errors import ExitCode

DOCS = Path(__file__).parent
TESTS = DOCS.parent / "tests"
Items = dict[str, dict[str, Any]]
# What an item of each kind is called on the page, and where ours come from.
KINDS: Mapping[str, tuple[str, Callable[[], Any]]] = MappingProxyType(
    {
        "field": ("Fields of forgelm's YAML", surface.read_fields),
        "second field": ("Fields of finetune-cli's YAML", surface.read_second_fields),
        "command": ("Commands", surface.read_commands),
        "option": ("Options", surface.read_options),
        "symbol": ("Public symbols", surface.read_symbols),
        "event": ("Events of the audit log", surface.read_events),
        "webhook event": ("Events of the webhook", surface.read_webhook_events),
        "file": ("Files", frozenset),
        "exit code": ("Exit codes", lambda: {str(code.value) for code in ExitCode}),
        "environment variable": ("Environment variables", frozenset),
    }
)
# Told to the reader; nothing in the code to hold them against.
_TOLD = frozenset({"differs", "meaning", "named", "note"})


def load_contract() -> Items:
    """Return the facts of every item of the contract, by kind and name."""
    return _read("contract.yaml")


def load_links() -> Items:
    """Return the test that shows each item, by kind and name."""
    return _read("shown_by.yaml")


def find_problems(contract: Items, links: Items) -> list[str]:
    """Return every item that is not here as the contract has it, or that no test shows."""
    found = [f"{kind} is no kind of item" for kind in {*contract, *links} - set(KINDS)]
    for kind, items in contract.items():
        for name, facts in items.items():
            found += [f"{kind} {name}: {problem}" for problem in _check(kind, name, facts or {})]
            found += [f"{kind} {name}: {problem}" for problem in _check_test(links.get(kind, {}).get(name))]
    return found + [
        f"{kind} {name}: a test, but nothing of this name"
        for kind, items in links.items()
        for name in items
        if name not in contract.get(kind, {}) and name not in _ours(kind)
    ]


def find_additions(contract: Items) -> dict[str, list[str]]:
    """Return what this code has of each kind that the contract does not."""
    return {kind: sorted(set(_ours(kind)) - set(items)) for kind, items in contract.items()}


def render_compatibility() -> str:
    """Return a table per kind of item, and what is not the contract's."""
    contract, links = load_contract(), load_links()
    additions = find_additions(contract)
    parts = [f"{sum(map(len, contract.values()))} items."]
    for kind, items in contract.items():
        shown = {name: (facts, links.get(kind, {}).get(name)) for name, facts in items.items()}
        parts.append(f"## {KINDS[kind][0]}")
        if kind == "option":
            # By command: its name and an option together would be read as a command line.
            groups = dict.fromkeys(name.rpartition(" ")[0] for name in [*items, *additions[kind]])
            for group in groups:
                own = {name.rpartition(" ")[2]: row for name, row in shown.items() if name.rpartition(" ")[0] == group}
                more = [name.rpartition(" ")[2] for name in additions[kind] if name.rpartition(" ")[0] == group]
                parts += [f"### {group}", *_table(own, more)]
        else:
            parts += _table(shown, additions[kind])
    return "\n\n".join(parts)


def _table(items: Mapping[str, tuple[Any, str | None]], additions: Sequence[str]) -> Iterator[str]:
    rows = [
        f"| `{name}` | {_describe(facts or {})} | {f'`{test}`' if test else '**no test**'} |"
        for name, (facts, test) in items.items()
    ]
    if rows:
        yield "\n".join(["| item | contract | shown by |", "|---|---|---|", *rows])
    if additions:
        yield f"Not in the contract: {', '.join(f'`{name}`' for name in additions)}."


@cache
def _ours(kind: str) -> Any:
    return KINDS[kind][1]()


def _check(kind: str, name: str, facts: Mapping[str, Any]) -> Iterator[str]:
    try:
        different = list(_differences(facts, _find(kind, name, facts)))
    except (LookupError, AttributeError):
        different = ["it is not here"]
    if "differs" not in facts:
        yield from different
    elif not different:
        yield "it does not differ from the contract, as its entry says"


def _find(kind: str, name: str, facts: Mapping[str, Any]) -> Any:
    """Return what is here under a name; raises ``LookupError`` or ``AttributeError`` where nothing is."""
    if kind == "symbol":
        return surface.read_symbol(name)
    ours = _ours(kind)
    if kind in ("file", "environment variable"):
        ours = {name for text in surface.read_texts() if (facts.get("named") or _literal(name)) in text}
    if name not in ours:
        raise LookupError(name)
    return ours[name] if isinstance(ours, dict) else name


def _literal(name: str) -> str:
    """Return the longest part of a file's name that is the same in every run."""
    return max(re.split(r"<[^>]*>|/", name), key=len)


def _differences(facts: Mapping[str, Any], found: Any) -> Iterator[str]:
    for fact, wanted in facts.items():
        if fact in _TOLD:
            continue
        if isinstance(found, dict):
            has = found.get(fact)
            if set(wanted) - set(has or ()) if fact == "choices" else wanted != has:
                yield f"{fact} is {has!r}, the contract's {wanted!r}"
        elif problem := _differs(fact, wanted, found):
            yield problem


def _differs(fact: str, wanted: Any, found: Any) -> str | None:
    """Return how a symbol differs from one fact about it."""
    if fact == "signature":
        return compare_signatures(wanted, found)
    if fact == "value":
        return None if found == wanted else f"its value is {found!r}"
    if fact == "base":
        return None if wanted in {base.__name__ for base in found.__mro__[1:]} else f"it is no {wanted}"
    if fact == "members":
        missing = set(wanted) - {member.value for member in found}
        return f"it lacks {sorted(missing)}" if missing else None
    if fact == "fields":
        names = {*getattr(found, "__dataclass_fields__", ()), *dir(found)}
        return f"it lacks {sorted(set(wanted) - names)}" if set(wanted) - names else None
    if fact == "tier":
        has = "experimental" if found.__name__ in surface.EXPERIMENTAL else "stable"
        return None if has == wanted else f"it is {has}"
    return f"no such fact: {fact}"


def compare_signatures(wanted: str, found: Any) -> str | None:
    """Say what a call that the contract allows would stumble over; parameters of ours with a default are welcome."""
    ours = [p for name, p in inspect.signature(found).parameters.items() if name != "self"]
    by_name = {p.name: p for p in ours}
    by_place = [p for p in ours if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    theirs = _parse_signature(wanted)
    for place, (kind, name, default) in enumerate(theirs):
        has = by_place[place] if kind == "/" and place < len(by_place) else by_name.get(name)
        if kind == "**":
            has = next((p for p in ours if p.kind is p.VAR_KEYWORD), None)
        if has is None:
            return f"there is no parameter {name}"
        if kind == "" and by_place[place : place + 1] != [has]:
            return f"{name} is not parameter {place + 1}"
        shown = str(getattr(has.default, "name", None) or repr(has.default))
        if default is not None and shown != default:
            return f"{name} defaults to {shown}"
    known = {name for _, name, _ in theirs} | {p.name for p in by_place[: sum(kind == "/" for kind, *_ in theirs)]}
    variadic = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    more = [p.name for p in ours if p.default is p.empty and p.kind not in variadic and p.name not in known]
    return f"{', '.join(more)} must be given" if more else None


def _parse_signature(text: str) -> list[tuple[str, str, str | None]]:
    """Return of each parameter how it is given (``/`` by place only, ``*`` by name only), its name and its default."""
    found = ast.parse(f"def f{text}: ...").body[0]
    assert isinstance(found, ast.FunctionDef)
    given = found.args
    by_place = [*(("/", one.arg) for one in given.posonlyargs), *(("", one.arg) for one in given.args)]
    defaults = [*[None] * (len(by_place) - len(given.defaults)), *given.defaults, *given.kw_defaults]
    parameters = [*by_place, *(("*", one.arg) for one in given.kwonlyargs)]
    return [
        (kind, name, ast.unparse(default) if default else None)
        for (kind, name), default in zip(parameters, defaults, strict=True)
    ] + ([("**", given.kwarg.arg, None)] if given.kwarg else [])


def _check_test(test: str | None) -> Iterator[str]:
    if test is None:
        yield "no test shows it"
        return
    file, _, name = test.partition("::")
    if name not in _tests_in(TESTS / file):
        moved = [path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py") if name in _tests_in(path)]
        yield f"'make test' runs no {test}{f'; name {moved[0]} in docs/shown_by.yaml' if moved else ''}"


@cache
def _tests_in(path: Path) -> frozenset[str]:
    """Return the tests of a file that ``make test`` runs, none where there is no such file."""
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if any("torture" in ast.unparse(node) for node in tree.body if isinstance(node, ast.Assign)):
        return frozenset()
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not any("torture" in ast.unparse(mark) for mark in node.decorator_list)
    )


def _describe(facts: Mapping[str, Any]) -> str:
    said = [_phrase(fact, value) for fact, value in facts.items() if fact not in ("differs", "named", "note")]
    told = "; ".join(part for part in said if part)
    here = facts.get("differs") or facts.get("note")
    if here:
        told += f"{'. ' if told else ''}**Here:** {here}"
    return told.replace("|", "\\|")


def _phrase(fact: str, value: Any) -> str:
    if fact == "required":
        return "required"
    if fact in ("choices", "fields", "members", "arguments"):
        return f"{'' if fact == 'choices' else f'{fact} '}{', '.join(f'`{one}`' for one in value)}"
    if fact in ("meaning", "tier"):
        return str(value)
    if fact == "signature":
        return f"`{value}`"
    return f"{'a kind of' if fact == 'base' else fact} `{json.dumps(value)}`"


def _read(name: str) -> Items:
    with (DOCS / name).open(encoding="utf-8") as stream:
        return {
            str(kind): {str(item): facts for item, facts in items.items()}
            for kind, items in yaml.safe_load(stream).items()
        }
