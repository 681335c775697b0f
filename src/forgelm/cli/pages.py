"""``forgelm docs`` and ``forgelm explain``: the documentation, without a network."""

from __future__ import annotations

from dataclasses import asdict

import click

from forgelm.assist.pages import Explanation, find_page, load_pages
from forgelm.assist.pages import explain as explain_word
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, table


@click.command("docs")
@click.argument("topic", required=False)
@shared_options
def docs(topic: str | None) -> Reply:
    """Print a page of the documentation, or without a topic what pages there are."""
    pages = load_pages()
    if topic is None:
        listed = [{"topic": page.topic, "title": page.title} for page in pages]
        text = table([(page.topic, page.title) for page in pages])
        return Reply({"success": True, "topics": listed, "count": len(listed)}, text)
    return Reply({"success": True, **asdict(page := find_page(topic, pages))}, page.text.rstrip())


@click.command("explain")
@click.argument("word")
@shared_options
def explain(word: str) -> Reply:
    """Say what an exit code, an event, a gate, a field of the configuration, a file or a probe means."""
    found = explain_word(word, load_pages())
    envelope = {"success": True, "word": word, "explanations": [asdict(row) for row in found]}
    return Reply(envelope, "\n\n".join(_render(row) for row in found))


def _render(row: Explanation) -> str:
    said = [f"  {name}: {text}" for name, text in row.says.items()]
    return "\n".join([f"{row.word} ({row.heading})", *said, f"  more: forgelm docs {row.topic}"])
