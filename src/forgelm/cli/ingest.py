"""``forgelm ingest``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from forgelm.assist.ingest import IngestionResult, ingest_path
from forgelm.base.events import Event
from forgelm.cli.options import Number, shared, shared_options
from forgelm.cli.progress import Reporter
from forgelm.cli.render import Reply, note, table
from forgelm.data.chunk import DEFAULT_CHUNK_SIZE, STRATEGIES
from forgelm.data.documents.record import BACKENDS, LANGUAGES, PROFILES, URL_MODES

_COUNT = click.IntRange(min=1)


@click.command()
@click.argument("input_path", type=click.Path())
@click.option("--output", required=True, type=click.Path(), help="The JSONL file to write.")
@click.option("--chunk-size", type=_COUNT, help=f"Characters of a chunk (default {DEFAULT_CHUNK_SIZE}).")
@click.option("--overlap", type=click.IntRange(min=0), help="Characters that sliding windows share (default 200).")
@click.option("--strategy", type=click.Choice(STRATEGIES), default="paragraph", show_default=True, help="How to cut.")
@click.option("--recursive", is_flag=True, help="Read the folders inside INPUT_PATH too.")
@click.option("--pii-mask", is_flag=True, help="Replace personal data by [REDACTED].")
@click.option("--secrets-mask", is_flag=True, help="Replace credentials by [REDACTED-SECRET].")
@click.option("--all-mask", is_flag=True, help="Both.")
@click.option("--chunk-tokens", type=_COUNT, help="Tokens of a chunk; needs --tokenizer.")
@click.option("--overlap-tokens", type=click.IntRange(min=0), help="Tokens that sliding windows share (default 0).")
@click.option("--tokenizer", metavar="NAME", help="The tokenizer to count with: hub id, folder, or builtin/ember.")
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default="builtin",
    show_default=True,
    help="docling reads layout and scans of PDF, DOCX and HTML; it is an extra.",
)
@click.option("--input-encoding", metavar="CODEC", help="Codec of text, Markdown and HTML files; found out without it.")
@click.option("--language-hint", type=click.Choice(LANGUAGES), help="Warn of characters this language does not use.")
@click.option(
    "--script-sanity-threshold",
    type=Number(0, 1),
    default=0.015,
    show_default=True,
    help="Share of such characters to warn from.",
)
@click.option("--normalise-profile", type=click.Choice(PROFILES), help="Repair of glyphs; turkish with hint tr.")
@click.option("--no-normalise-unicode", is_flag=True, help="No repair of glyphs, whatever else is given.")
@click.option("--no-quality-presignal", is_flag=True, help="Skip the look at the chunks' quality.")
@click.option("--epub-no-skip-frontmatter", is_flag=True, help="Keep an EPUB's contents, cover and the like.")
@click.option("--keep-md-frontmatter", is_flag=True, help="Keep the YAML header of Markdown files.")
@click.option("--strip-pattern", "strip_patterns", multiple=True, metavar="REGEX", help="Delete what matches.")
@click.option("--strip-pattern-no-timeout", is_flag=True, help="Let a pattern take longer than 5 s.")
@click.option("--page-range", metavar="START-END", help="Pages of PDF files to read, from 1, both included.")
@click.option("--keep-frontmatter", is_flag=True, help="Keep a PDF's pages of contents and index.")
@click.option("--strip-urls", type=click.Choice(URL_MODES), default="keep", show_default=True, help="What of URLs.")
@shared_options
def ingest(input_path: str, output: str, **flags: Any) -> Reply:
    """Turn the documents at INPUT_PATH (PDF, DOCX, EPUB, HTML, Markdown, text) into JSONL rows of text."""
    with Reporter(shared(click.get_current_context()), unit="file") as report:

        def advance(done: int, total: int) -> None:
            report(Event.PROGRESS, step=done, total=total)

        result = ingest_path(input_path, output_path=output, advance=advance, **flags)
    for line in result.notes:
        note(f"note: {line}")
    return Reply({"success": True, **asdict(result)}, _render(result))


def _render(result: IngestionResult) -> str:
    formats = ", ".join(f"{count} {name}" for name, count in result.format_counts.items())
    rows = [("wrote", result.output_path), ("chunks", f"{result.chunk_count} ({result.total_chars} characters)")]
    rows += [("documents", f"{result.files_processed} read ({formats}), {result.files_skipped} skipped")]
    masked = {**result.secrets_redaction_counts, **result.pii_redaction_counts}
    if masked:
        rows.append(("masked", ", ".join(f"{count} {kind}" for kind, count in masked.items())))
    return table(rows)
