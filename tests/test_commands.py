"""Every command of both programs has a test that runs it to its end, named in ``docs/shown_by.yaml``."""

from __future__ import annotations

import click
from compatibility import TESTS, load_links
from surface import commands


def test_every_command_is_shown_by_a_test_that_names_its_words() -> None:
    shown = load_links()["command"]
    # A group does nothing by itself, but for the program that trains.
    acting = [name for name, found in commands() if not isinstance(found, click.Group) or found.invoke_without_command]
    assert sorted(shown) == sorted(acting)
    for name, test in shown.items():
        source = (TESTS / test.partition("::")[0]).read_text(encoding="utf-8")
        assert all(f'"{word}"' in source for word in name.split()[1:]), (name, test)
