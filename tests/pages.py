"""Reads the documentation as its readers do: pages, fenced blocks, the commands in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import click

from forgelm.cli.main import forgelm

ROOT = Path(__file__).parents[1]
PAGES = tuple(sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]))
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`(forgelm [^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """One fenced block; ``info`` is what stands after the opening fence, ``heading`` the last heading above it."""

    page: str
    line: int
    info: str
    body: str
    heading: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*infos: str) -> list[Block]:
    """Return every block of the documentation marked with one of ``infos``, all of them when none is given."""
    found = [block for page in PAGES for block in _read(page)]
    return [block for block in found if block.info in infos] if infos else found


def command_lines() -> list[tuple[str, list[str]]]:
    """Return where and which words for every command of the shell blocks."""
    found = []
    for block in blocks("sh"):
        for line in block.body.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            end = next((at for at, word in enumerate(words) if word in (">", "|", "&&", ";")), len(words))
            if words:
                found.append((str(block), words[:end]))
    return found


def inline_commands() -> list[tuple[str, list[str]]]:
    """Return the words of every ``forgelm ...`` in running text."""
    found = []
    for page in PAGES:
        prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
        found += [(page.name, shlex.split(text)) for text in _INLINE.findall(prose)]
    return found


def parse_command(arguments: list[str], program: click.Group = forgelm) -> None:
    """Parse what follows ``program`` without running it; raises ``click.UsageError`` for what does not exist."""
    with program.make_context(program.name, list(arguments)) as context:
        rest = [*context._protected_args, *context.args]
        if rest:
            name, found, rest = program.resolve_command(context, rest)
            assert found is not None
            found.make_context(name, rest, parent=context)


def table_codes(page: str) -> list[int]:
    """Return the numbers that begin the rows of the tables on ``page``."""
    return [int(code) for code in re.findall(r"^\| (\d+) \|", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)]


def _read(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    found = []
    for match in _FENCE.finditer(text):
        headings = re.findall(r"^#+ (.+)$", text[: match.start()], re.MULTILINE)
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(name, line, match["info"].strip(), match["body"], headings[-1] if headings else ""))
    return found
