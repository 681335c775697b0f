"""The flags of ``forgelm ingest``, by their names, to an ingestion and its result in the contract's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict, Unpack

from forgelm.audit.pii.find import find_pii
from forgelm.audit.secrets.find import find_secrets
from forgelm.base.errors import ArgumentError
from forgelm.data.chunk import DEFAULT_CHUNK_SIZE, DEFAULT_SLIDING_OVERLAP, Cutting
from forgelm.data.documents.read import READERS
from forgelm.data.documents.record import ReadOptions
from forgelm.data.ingest import COUNTED, Ingested, IngestOptions, ingest_documents
from forgelm.data.masking import Masker
from forgelm.data.token_spans import load_token_spans
from forgelm.model.revision import resolve_revision

_STRATEGIES = MappingProxyType(
    {
        "paragraph": "packs paragraphs up to the size; a longer one stays whole",
        "sliding": "cuts windows of the size that overlap",
        "markdown": "packs sections under the headings above them up to the size; a longer one stays whole",
    }
)


class IngestFlags(TypedDict, total=False):
    """What ``ingest_path`` takes besides its paths; each is the flag of the same name, and may be left out."""

    chunk_size: int | None
    overlap: int | None
    strategy: str
    recursive: bool
    pii_mask: bool
    secrets_mask: bool
    all_mask: bool
    chunk_tokens: int | None
    overlap_tokens: int | None
    tokenizer: str | None
    backend: str
    input_encoding: str | None
    language_hint: str | None
    script_sanity_threshold: float
    normalise_profile: str | None
    no_normalise_unicode: bool
    no_quality_presignal: bool
    epub_no_skip_frontmatter: bool
    keep_md_frontmatter: bool
    strip_patterns: tuple[str, ...]
    strip_pattern_no_timeout: bool
    page_range: str | None
    keep_frontmatter: bool
    strip_urls: str


@dataclass(frozen=True)
class IngestionResult:
    """What was written. Every field is one of the command's JSON document; ``notes`` are for a person."""

    output_path: str
    chunk_count: int
    files_processed: int
    files_skipped: int
    total_chars: int
    format_counts: dict[str, int]
    pii_redaction_counts: dict[str, int]
    secrets_redaction_counts: dict[str, int]
    pdf_header_footer_lines_stripped: int
    pdf_paragraph_packed_lines_stripped: int
    script_sanity_triggered: int
    strip_pattern_substitutions: int
    urls_handled: int
    frontmatter_pages_dropped: int
    notes: list[str]
    notes_structured: dict[str, Any]


def ingest_path(
    input_path: str | Path,
    *,
    output_path: str | Path,
    advance: Callable[[int, int], None] | None = None,
    **flags: Unpack[IngestFlags],
) -> IngestionResult:
    """Write the documents at ``input_path`` to ``output_path`` as JSONL rows that name their source and page.

    ``flags`` are those of ``forgelm ingest`` with underscores: ``chunk_size=800``, ``all_mask=True``,
    ``strip_patterns=("...",)``. ``advance`` hears how many documents of how many are done.

    Raises:
        DataError: no document can be read; no row is written.
        ArgumentError: a flag is out of its range, or two of them contradict each other.
        StorageError: the file cannot be written; it is as it was.
        OptionalDependencyError: the package for a format is not installed.
    """
    unknown = sorted(set(flags) - set(IngestFlags.__annotations__))
    if unknown:
        raise ArgumentError(f"ingest_path() knows no {', '.join(unknown)}")
    options = IngestOptions(
        read=_read_options(flags),
        cutting=_build_cutting(flags),
        maskers=_build_maskers(flags),
        recursive=flags.get("recursive", False),
        quality_presignal=not flags.get("no_quality_presignal", False),
    )
    return _tell(ingest_documents(input_path, output_path=output_path, options=options, advance=advance), flags)


def describe_strategies() -> Mapping[str, str]:
    """Return the strategies of cutting, and what each does."""
    return _STRATEGIES


def list_supported_formats() -> tuple[str, ...]:
    """Return the endings of the files that can be ingested."""
    return tuple(sorted(READERS))


def _tell(done: Ingested, flags: IngestFlags) -> IngestionResult:
    plain: dict[str, Any] = {
        "files_processed": done.files_processed,
        "files_skipped": done.files_skipped,
        "chunk_count": done.chunk_count,
        "total_chars": done.total_chars,
        "format_counts": done.format_counts,
        "pii_redaction_counts": _masked(done, "pii"),
        "secrets_redaction_counts": _masked(done, "secrets"),
        **{name: done.counts[name] for name in COUNTED},
    }
    structured = {
        **plain,
        "strategy": flags.get("strategy", "paragraph"),
        "chunk_tokens": flags.get("chunk_tokens"),
        "tokenizer": flags.get("tokenizer"),
        "script_sanity_summary": done.script_sanity,
        "quality_presignal": done.quality_presignal,
    }
    return IngestionResult(
        output_path=done.output_path,
        script_sanity_triggered=(done.script_sanity or {}).get("files_triggered", 0),
        notes=list(done.notes),
        notes_structured=structured,
        **plain,
    )


def _masked(done: Ingested, name: str) -> dict[str, int]:
    head = f"{name}/"
    return {key.removeprefix(head): count for key, count in sorted(done.counts.items()) if key.startswith(head)}


def _read_options(flags: IngestFlags) -> ReadOptions:
    hint = flags.get("language_hint")
    repaired = flags.get("normalise_profile") or ("turkish" if hint == "tr" else "none")
    plain = ReadOptions()
    return ReadOptions(
        backend=flags.get("backend", plain.backend),
        input_encoding=flags.get("input_encoding"),
        keep_md_frontmatter=flags.get("keep_md_frontmatter", False),
        epub_skip_frontmatter=not flags.get("epub_no_skip_frontmatter", False),
        page_range=_parse_range(flags.get("page_range")),
        keep_frontmatter=flags.get("keep_frontmatter", False),
        language_hint=hint,
        max_unexpected_ratio=flags.get("script_sanity_threshold", plain.max_unexpected_ratio),
        profile="none" if flags.get("no_normalise_unicode") else repaired,
        strip_patterns=tuple(flags.get("strip_patterns", ())),
        pattern_timeout_seconds=None if flags.get("strip_pattern_no_timeout") else plain.pattern_timeout_seconds,
        urls=flags.get("strip_urls", plain.urls),
    )


def _build_cutting(flags: IngestFlags) -> Cutting:
    strategy = flags.get("strategy", "paragraph")
    tokens, shared = flags.get("chunk_tokens"), flags.get("overlap_tokens")
    size, overlap, tokenizer = flags.get("chunk_size"), flags.get("overlap"), flags.get("tokenizer")
    if tokens is None or tokenizer is None:
        if tokens is not None or tokenizer is not None:
            raise ArgumentError("--chunk-tokens and --tokenizer need each other")
        if shared is not None:
            raise ArgumentError("--overlap-tokens needs --chunk-tokens")
        size = DEFAULT_CHUNK_SIZE if size is None else size
        default = min(DEFAULT_SLIDING_OVERLAP, size // 2) if strategy == "sliding" else 0
        return Cutting(strategy, size, default if overlap is None else overlap)
    if size is not None or overlap is not None:
        raise ArgumentError("--chunk-size and --overlap count characters; with --chunk-tokens give --overlap-tokens")
    place = resolve_revision(tokenizer, revision=None, offline=False, token=None)
    return Cutting(strategy, tokens, shared or 0, load_token_spans(place.path))


def _build_maskers(flags: IngestFlags) -> tuple[Masker, ...]:
    secrets = Masker("secrets", _find_secrets, "[REDACTED-SECRET]")
    pii = Masker("pii", _find_pii, "[REDACTED]")
    wanted = ((secrets, flags.get("secrets_mask")), (pii, flags.get("pii_mask")))
    return tuple(masker for masker, asked in wanted if asked or flags.get("all_mask"))


def _find_secrets(text: str) -> list[tuple[str, tuple[int, int]]]:
    return [(found.kind, found.span) for found in find_secrets(text)]


def _find_pii(text: str) -> list[tuple[str, tuple[int, int]]]:
    return [(found.kind, found.span) for found in find_pii(text)]


def _parse_range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    pages = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", text, re.ASCII)
    if not pages or not 1 <= int(pages[1]) <= int(pages[2]):
        raise ArgumentError(f"--page-range is START-END with 1 <= START <= END, not '{text}'")
    return int(pages[1]), int(pages[2])
