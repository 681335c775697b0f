"""``forgelm ingest``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from forgelm.audit.pii.find import find_pii
from forgelm.audit.secrets.find import find_secrets
from forgelm.base.events import Event
from forgelm.cli.options import shared, shared_options
from forgelm.cli.progress import Reporter
from forgelm.cli.render import Reply, note, table
from forgelm.data.chunk import DEFAULT_CHUNK_SIZE, DEFAULT_SLIDING_OVERLAP, STRATEGIES, Cutting
from forgelm.data.documents.record import LANGUAGES, PROFILES, URL_MODES, ReadOptions
from forgelm.data.ingest import COUNTED, IngestOptions, IngestResult, ingest_path
from forgelm.data.masking import Masker
from forgelm.data.token_spans import load_token_spans
from forgelm.model.revision import resolve_revision

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
@click.option("--input-encoding", metavar="CODEC", help="Codec of text, Markdown and HTML files; found out without it.")
@click.option("--language-hint", type=click.Choice(LANGUAGES), help="Warn of characters this language does not use.")
@click.option(
    "--script-sanity-threshold",
    type=click.FloatRange(0, 1),
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
def ingest(input_path: str, output: str, **given: Any) -> Reply:
    """Turn the documents at INPUT_PATH (PDF, DOCX, EPUB, HTML, Markdown, text) into JSONL rows of text."""
    options = IngestOptions(
        read=_read_options(given),
        cutting=_build_cutting(given),
        maskers=_build_maskers(given),
        recursive=given["recursive"],
        quality_presignal=not given["no_quality_presignal"],
    )
    with Reporter(shared(click.get_current_context()), unit="file") as report:

        def advance(done: int, total: int) -> None:
            report(Event.PROGRESS, step=done, total=total)

        result = ingest_path(Path(input_path), output_path=Path(output), options=options, advance=advance)
    for line in result.notes:
        note(f"note: {line}")
    return Reply(build_envelope(result, given), _render(result))


def build_envelope(result: IngestResult, given: dict[str, Any]) -> dict[str, Any]:
    """Return the command's reply for machines."""
    pii, secrets = _masked(result, "pii"), _masked(result, "secrets")
    plain = {
        "files_processed": result.files_processed,
        "files_skipped": result.files_skipped,
        "chunk_count": result.chunk_count,
        "total_chars": result.total_chars,
        "format_counts": result.format_counts,
        "pii_redaction_counts": pii,
        "secrets_redaction_counts": secrets,
    }
    counted = {name: result.counts[name] for name in COUNTED}
    structured = {
        **plain,
        **counted,
        "strategy": given["strategy"],
        "chunk_tokens": given["chunk_tokens"],
        "tokenizer": given["tokenizer"],
        "script_sanity_summary": result.script_sanity,
        "quality_presignal": result.quality_presignal,
    }
    return {
        "success": True,
        "output_path": result.output_path,
        **plain,
        **counted,
        "script_sanity_triggered": (result.script_sanity or {}).get("files_triggered", 0),
        "notes": list(result.notes),
        "notes_structured": structured,
    }


def _read_options(given: dict[str, Any]) -> ReadOptions:
    repaired = given["normalise_profile"] or ("turkish" if given["language_hint"] == "tr" else "none")
    return ReadOptions(
        input_encoding=given["input_encoding"],
        keep_md_frontmatter=given["keep_md_frontmatter"],
        epub_skip_frontmatter=not given["epub_no_skip_frontmatter"],
        page_range=_parse_range(given["page_range"]),
        keep_frontmatter=given["keep_frontmatter"],
        language_hint=given["language_hint"],
        max_unexpected_ratio=given["script_sanity_threshold"],
        profile="none" if given["no_normalise_unicode"] else repaired,
        strip_patterns=given["strip_patterns"],
        pattern_timeout_seconds=None if given["strip_pattern_no_timeout"] else 5.0,
        urls=given["strip_urls"],
    )


def _build_cutting(given: dict[str, Any]) -> Cutting:
    strategy, tokens, overlap = given["strategy"], given["chunk_tokens"], given["overlap_tokens"]
    if (tokens is None) != (given["tokenizer"] is None):
        raise click.UsageError("--chunk-tokens and --tokenizer need each other")
    if tokens is None:
        if overlap is not None:
            raise click.UsageError("--overlap-tokens needs --chunk-tokens")
        size = given["chunk_size"] or DEFAULT_CHUNK_SIZE
        default = min(DEFAULT_SLIDING_OVERLAP, size // 2) if strategy == "sliding" else 0
        return Cutting(strategy, size, default if given["overlap"] is None else given["overlap"])
    if given["chunk_size"] is not None or given["overlap"] is not None:
        raise click.UsageError("--chunk-size and --overlap count characters; with --chunk-tokens give --overlap-tokens")
    place = resolve_revision(given["tokenizer"], revision=None, offline=False, token=None)
    return Cutting(strategy, tokens, overlap or 0, load_token_spans(place.path))


def _build_maskers(given: dict[str, Any]) -> tuple[Masker, ...]:
    secrets = Masker("secrets", _find_secrets, "[REDACTED-SECRET]")
    pii = Masker("pii", _find_pii, "[REDACTED]")
    wanted = ((secrets, given["secrets_mask"]), (pii, given["pii_mask"]))
    return tuple(masker for masker, asked in wanted if asked or given["all_mask"])


def _find_secrets(text: str) -> list[tuple[str, tuple[int, int]]]:
    return [(found.kind, found.span) for found in find_secrets(text)]


def _find_pii(text: str) -> list[tuple[str, tuple[int, int]]]:
    return [(found.kind, found.span) for found in find_pii(text)]


def _parse_range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    pages = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", text, re.ASCII)
    if not pages or not 1 <= int(pages[1]) <= int(pages[2]):
        raise click.UsageError(f"--page-range is START-END with 1 <= START <= END, not '{text}'")
    return int(pages[1]), int(pages[2])


def _masked(result: IngestResult, name: str) -> dict[str, int]:
    head = f"{name}/"
    return {key.removeprefix(head): count for key, count in sorted(result.counts.items()) if key.startswith(head)}


def _render(result: IngestResult) -> str:
    formats = ", ".join(f"{count} {name}" for name, count in result.format_counts.items())
    rows = [("wrote", result.output_path), ("chunks", f"{result.chunk_count} ({result.total_chars} characters)")]
    rows += [("documents", f"{result.files_processed} read ({formats}), {result.files_skipped} skipped")]
    masked = {**_masked(result, "secrets"), **_masked(result, "pii")}
    if masked:
        rows.append(("masked", ", ".join(f"{count} {kind}" for kind, count in masked.items())))
    return table(rows)
