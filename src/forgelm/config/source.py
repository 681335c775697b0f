"""Reads YAML text into plain data that remembers the line and column of every key and value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import yaml

from forgelm.base.errors import ConfigError
from forgelm.base.redact import redact_text
from forgelm.config.explain import Finding, Loc

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH = 40
_MAX_VALUES = 20_000
_MAX_ALIASES = 100
_TAG = "tag:yaml.org,2002:"
_TAB_INDENT = re.compile(r" *\t")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INFINITE = MappingProxyType({".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"})


@dataclass(frozen=True)
class Spot:
    """Where something was written: a file with line and column (from 1), or an override without them."""

    file: str | None
    line: int | None = None
    column: int | None = None


@dataclass
class Source:
    """Plain data and the places it was read from.

    ``blanks`` holds the keys with nothing written after the colon, ``unread`` those whose value could not be taken,
    and ``problems`` what is wrong with the text itself although the rest of it could be read.
    """

    data: Any
    top: Spot
    keys: dict[Loc, Spot] = field(default_factory=dict)
    values: dict[Loc, Spot] = field(default_factory=dict)
    blanks: set[Loc] = field(default_factory=set)
    unread: set[Loc] = field(default_factory=set)
    problems: list[Finding] = field(default_factory=list)

    def locate(self, finding: Finding) -> Finding:
        """Return ``finding`` with the nearest place that is known for it."""
        if finding.file is not None:
            return finding
        spot = (self.keys if finding.at_key else self.values).get(finding.loc)
        parent = finding.loc
        while spot is None and parent:
            parent = parent[:-1]
            spot = self.keys.get(parent) or self.values.get(parent)
        spot = spot or self.top
        return replace(finding, file=spot.file, line=spot.line, column=spot.column)

    def forget(self, loc: Loc) -> None:
        """Drop what is known about the places of ``loc`` and everything in it."""
        for known in (self.keys, self.values):
            for inner in [inner for inner in known if inner[: len(loc)] == loc]:
                del known[inner]
        self.blanks = {blank for blank in self.blanks if blank[: len(loc)] != loc}
        self.unread = {unread for unread in self.unread if unread[: len(loc)] != loc}


def read_source(text: str, file: str) -> Source:
    """Return what the YAML ``text`` says; ``file`` is the name that errors call it by.

    Raises:
        ConfigError: it isn't YAML, holds a tag that would run code, or grows out of bounds when aliases are expanded.
    """
    _check_characters(text, file)
    try:
        _check_size(text, file)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        finding = _explain_syntax(error, text, file)
    else:
        return Source(None, Spot(file, 1, 1)) if root is None else _Reader(file).read(root)
    raise ConfigError(str(finding), problems=(finding,))


def _check_characters(text: str, file: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found is not None:
        line, column = _position(text, found.start())
        _stop(f"the character U+{ord(found.group()):04X} is not allowed in YAML", Spot(file, line, column))


def _check_size(text: str, file: str) -> None:
    """Refuse what would exhaust the stack or the memory, before anything is built from it."""
    depth = aliases = 0
    for values, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        aliases += isinstance(event, yaml.AliasEvent)
        spot = _spot(event, file)
        if depth > _MAX_DEPTH:
            _stop(f"nested more than {_MAX_DEPTH} levels deep", spot)
        if aliases > _MAX_ALIASES:
            _stop(f"more than {_MAX_ALIASES} aliases", spot)
        if values > _MAX_VALUES:
            _stop(f"more than {_MAX_VALUES} values", spot)


def _explain_syntax(error: yaml.YAMLError, text: str, file: str) -> Finding:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    for number, content in enumerate(text.splitlines()[:line], start=1):
        tab = _TAB_INDENT.match(content)
        if tab is not None:
            message, hint = "a tab is used for indentation", "indent with spaces: YAML does not allow tabs there"
            return Finding(message, file=file, line=number, column=tab.end(), hint=hint)
    reasons = [part for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part]
    message = redact_text(f"not valid YAML: {', '.join(reasons) or 'it cannot be read'}")
    return Finding(message, file=file, line=line, column=column)


class _Reader:
    """Builds plain data from a node tree and notes places and problems on the way."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._count = self._depth = 0
        self._source = Source(None, Spot(file, 1, 1))

    def read(self, root: yaml.Node) -> Source:
        self._source.data = self._read(root, ())
        return self._source

    def _read(self, node: yaml.Node, loc: Loc) -> Any:
        spot = _spot(node, self._file)
        if self._count > _MAX_VALUES or self._depth > _MAX_DEPTH:
            _stop("aliases that repeat each other make this file endless or far too large", spot)
        self._source.values[loc] = spot
        self._count += 1
        self._depth += 1
        value = self._build(node, loc, spot)
        self._depth -= 1
        return value

    def _build(self, node: yaml.Node, loc: Loc, spot: Spot) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._read_mapping(node, loc)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self._read(item, (*loc, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and kind in _SCALARS:
            if kind == "null" and not node.value:
                self._source.blanks.add(loc)
            return _read_scalar(kind, node.value)
        self._source.unread.add(loc)
        self._note(f"the tag '{redact_text(node.tag)}' is not allowed", spot, loc)
        return None

    def _read_mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            spot = _spot(key_node, self._file)
            if key_node.tag == f"{_TAG}merge":
                merged.append(value_node)
            elif not isinstance(key_node, yaml.ScalarNode) or not _is_text(key_node):
                shown = f"'{redact_text(key_node.value)}'" if isinstance(key_node, yaml.ScalarNode) else "this"
                self._note(f"a key must be text, and YAML reads {shown} as something else", spot, loc)
            elif key_node.value in data:
                inner = (*loc, key_node.value)
                self._note(f"this key is there twice, first in line {self._source.keys[inner].line}", spot, inner)
            else:
                inner = (*loc, key_node.value)
                self._source.keys[inner] = spot
                data[key_node.value] = self._read(value_node, inner)
        return self._merge(data, merged, loc) if merged else data

    def _merge(self, data: dict[str, Any], merged: list[yaml.Node], loc: Loc) -> dict[str, Any]:
        """Add the keys of ``<<`` mappings that ``data`` doesn't write itself; of several, the first wins."""
        spot = self._source.values[loc]
        for node in _each_mapping(merged):
            if not isinstance(node, yaml.MappingNode):
                self._note("'<<' needs a mapping, or a list of mappings", _spot(node, self._file), loc)
                continue
            inherited = yaml.MappingNode(node.tag, [pair for pair in node.value if not _names_one_of(pair[0], data)])
            inherited.start_mark = node.start_mark
            # Nothing was read of a mapping with a tag; that is noted.
            data |= self._read(inherited, loc) or {}
        self._source.values[loc] = spot
        return data

    def _note(self, message: str, spot: Spot, loc: Loc) -> None:
        self._source.problems.append(
            Finding(message, loc=loc, at_key=True, file=spot.file, line=spot.line, column=spot.column)
        )


def _names_one_of(key: yaml.Node, data: dict[str, Any]) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value in data


def _each_mapping(nodes: list[yaml.Node]) -> Iterator[yaml.Node]:
    for node in nodes:
        yield from node.value if isinstance(node, yaml.SequenceNode) else (node,)


def _read_scalar(kind: str, value: str) -> Any:
    """Return the value of a scalar; what only YAML 1.1 takes for a number or a date (12:30, 007) stays text."""
    if kind == "null":
        return None
    if kind == "bool":
        return value.lower() in ("yes", "true", "on")
    try:
        if kind == "int":
            return int(value.replace("_", ""), base=0)
        if kind == "float":
            return float(_INFINITE.get(value.lower(), value.replace("_", "")))
    except ValueError:
        return value
    return value


_SCALARS = frozenset({"str", "null", "bool", "int", "float", "timestamp", "merge", "value"})


def _is_text(key: yaml.ScalarNode) -> bool:
    """Whether a key is text, or a plain number, which can only be meant as its digits: the items of Annex IV."""
    return key.tag == f"{_TAG}str" or (key.tag == f"{_TAG}int" and key.value.isascii() and key.value.isdigit())


def _spot(marked: Any, file: str) -> Spot:
    return Spot(file, marked.start_mark.line + 1, marked.start_mark.column + 1)


def _position(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _stop(message: str, spot: Spot) -> None:
    finding = Finding(message, file=spot.file, line=spot.line, column=spot.column)
    raise ConfigError(str(finding), problems=(finding,))
