"""Turns documents into JSONL rows of text: reads each apart, masks it whole, cuts it, writes the file in one move."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.errors import ArgumentError, ConfigError, DataError
from forgelm.base.files import replacing, sha256_bytes, sha256_file
from forgelm.base.leftovers import sweep
from forgelm.data.chunk import STRATEGIES, Cutting, cut
from forgelm.data.documents.apart import read_apart
from forgelm.data.documents.find import find_documents
from forgelm.data.documents.plain import knows_codec
from forgelm.data.documents.read import READERS
from forgelm.data.documents.record import BACKENDS, LANGUAGES, PROFILES, URL_MODES, Document, DocumentError, ReadOptions
from forgelm.data.documents.repair import check_patterns
from forgelm.data.documents.signal import Presignal
from forgelm.data.masking import Masker, apply_masks

_PAGE_BREAK = "\n\n"
_WORKERS = 4
COUNTED = (
    "pdf_header_footer_lines_stripped",
    "pdf_paragraph_packed_lines_stripped",
    "strip_pattern_substitutions",
    "urls_handled",
    "frontmatter_pages_dropped",
)


@dataclass(frozen=True)
class IngestOptions:
    """Everything about an ingestion but its paths."""

    read: ReadOptions = field(default_factory=ReadOptions)
    cutting: Cutting = field(default_factory=Cutting)
    maskers: tuple[Masker, ...] = ()
    recursive: bool = False
    quality_presignal: bool = True


@dataclass(frozen=True)
class Ingested:
    """What was written. ``counts`` sums what reading and masking removed, by name; ``notes`` are for a person."""

    output_path: str
    chunk_count: int
    files_processed: int
    files_skipped: int
    total_chars: int
    format_counts: dict[str, int]
    counts: Counter[str]
    script_sanity: dict[str, Any] | None
    quality_presignal: dict[str, Any] | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Read:
    path: Path
    document: Document | None = None
    digest: str = ""
    refusal: str = ""


def ingest_documents(
    input_path: str | Path,
    *,
    output_path: str | Path,
    options: IngestOptions | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> Ingested:
    """Write the documents at ``input_path`` to ``output_path`` as rows ``text, id, source, source_sha256, page, ...``.

    A document of a folder that cannot be read is skipped with a note; a document given alone, or a folder of which
    nothing can be read, is an error. ``advance`` hears how many documents of how many are done.

    Raises:
        DataError: no document can be read; nothing is written.
        ArgumentError: an option is out of its range.
        StorageError: the file cannot be written; it is as it was.
        OptionalDependencyError: the package for a format is not installed.
    """
    how = options or IngestOptions()
    _check(how)
    root, output = Path(input_path), Path(output_path)
    paths, notes = find_documents(root, recursive=how.recursive)
    _check_output(output, paths)
    tally = _Tally(how, root if root.is_dir() else root.parent, notes=notes)
    tally.skipped = len(notes)
    sweep(output)
    with replacing(output) as stream:
        for done, read in enumerate(_read_all(paths, how.read), start=1):
            for row in tally.rows(read):
                stream.write(json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n")
            if advance is not None:
                advance(done, len(paths))
        if not tally.formats:
            raise DataError("\n  ".join(["no document could be read:", *notes[:10]][len(notes) == 1 :]))
    return tally.result(output)


def _check(how: IngestOptions) -> None:
    cutting, read = how.cutting, how.read
    for name, value, known in (
        ("strategy", cutting.strategy, STRATEGIES),
        ("backend", read.backend, BACKENDS),
        ("urls", read.urls, URL_MODES),
        ("profile", read.profile, PROFILES),
        ("language_hint", read.language_hint, (None, *LANGUAGES)),
    ):
        if value not in known:
            raise ArgumentError(f"{name} must be one of {', '.join(map(str, known))}, not {value!r}")
    if cutting.size < 1:
        raise ArgumentError(f"a chunk must have at least 1 character or token, not {cutting.size}")
    if not 0 <= cutting.overlap <= cutting.size // 2:
        raise ArgumentError(
            f"an overlap must lie between 0 and half a chunk ({cutting.size // 2}), not {cutting.overlap}"
        )
    if cutting.overlap and cutting.strategy != "sliding":
        raise ArgumentError(f"the strategy '{cutting.strategy}' has no overlap; only 'sliding' has")
    if not 0 <= read.max_unexpected_ratio <= 1:
        raise ArgumentError(f"the threshold of script sanity lies between 0 and 1, not {read.max_unexpected_ratio}")
    if read.page_range and not 1 <= read.page_range[0] <= read.page_range[1]:
        raise ArgumentError("a page range is START-END with 1 <= START <= END")
    if read.input_encoding is not None and not knows_codec(read.input_encoding):
        raise ArgumentError(f"there is no codec of text '{read.input_encoding}'")
    check_patterns(read.strip_patterns)


def _check_output(output: Path, paths: Sequence[Path]) -> None:
    if output.is_dir():
        raise ConfigError(f"'{output}' is a folder; --output names a file")
    if output.exists() and any(os.path.samefile(output, path) for path in paths):
        raise ConfigError(f"'{output}' is one of the documents; it would be overwritten")


def _read_all(paths: Sequence[Path], options: ReadOptions) -> Iterator[_Read]:
    """Yield every document in the order of ``paths``, a few being read at a time."""

    def read(path: Path) -> _Read:
        try:
            return _Read(path, read_apart(path, options), sha256_file(path))
        except DocumentError as error:
            return _Read(path, refusal=error.message + (f" ({error.hint})" if error.hint else ""))

    workers = min(_WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        # Few are ahead of what is written, so that a large folder does not collect in memory.
        ahead = [pool.submit(read, path) for path in paths[: 2 * workers]]
        waiting = iter(paths[2 * workers :])
        while ahead:
            yield ahead.pop(0).result()
            ahead += [pool.submit(read, path) for path in [next(waiting, None)] if path is not None]


class _Tally:
    """Makes rows of what was read and counts as it goes."""

    def __init__(self, how: IngestOptions, base: Path, *, notes: list[str]) -> None:
        self.how, self.base, self.notes = how, base, notes
        self.counts: Counter[str] = Counter()
        self.formats: Counter[str] = Counter()
        self.skipped = self.chunks = self.characters = self.oversized = 0
        self.scripts: list[dict[str, Any]] = []
        self.presignal = Presignal()

    def rows(self, read: _Read) -> Iterator[dict[str, Any]]:
        if read.document is None:
            self.skipped += 1
            self.notes.append(read.refusal)
            return
        self.notes += [f"'{read.path}': {note}" for note in read.document.notes]
        self.formats[READERS[read.path.suffix.lower()][0]] += 1
        self.counts.update(read.document.counts)
        self._note_script(read)
        text, starts = _join(read.document)
        text, starts, masked = apply_masks(text, starts, self.how.maskers)
        self.counts.update(masked)
        # A file's name may name a person too.
        source = apply_masks(read.path.relative_to(self.base).as_posix(), (), self.how.maskers)[0]
        numbers = [page.number for page in read.document.pages]
        before = self.chunks
        for chunk in cut(text, self.how.cutting):
            self.chunks += 1
            self.characters += len(chunk.text)
            self.oversized += self.how.cutting.measure(chunk.text) > self.how.cutting.size
            self.presignal.look_at(chunk.text)
            yield {
                "text": chunk.text,
                "id": sha256_bytes(chunk.text.encode("utf-8")),
                "source": source.encode("utf-8", "replace").decode("utf-8"),
                "source_sha256": read.digest,
                "page": numbers[bisect_right(starts, chunk.start) - 1],
                "start": chunk.start,
                "end": chunk.end,
            }
        if self.chunks == before:
            self.notes.append(f"'{read.path}': holds no text")

    def _note_script(self, read: _Read) -> None:
        seen = read.document.counts if read.document else Counter()
        if "script_characters" in seen:
            ratio = round(seen["script_unexpected"] / max(1, seen["script_characters"]), 6)
            self.scripts.append({"file_path": str(read.path), "ratio": ratio})

    def result(self, output: Path) -> Ingested:
        notes = self.notes
        if self.oversized:
            unit = "tokens" if self.how.cutting.find_tokens else "characters"
            longer = f"{self.oversized} chunks are longer than {self.how.cutting.size} {unit}"
            notes = [*notes, f"{longer}: a paragraph or section stays whole; the strategy 'sliding' never exceeds it"]
        if not self.chunks:
            notes = [*notes, "no row was written: the documents hold no text"]
        presignal = self.presignal.render() if self.how.quality_presignal else None
        if presignal and presignal["samples_flagged"]:
            share = f"{presignal['samples_flagged']} of {presignal['samples_evaluated']}"
            notes = [*notes, f"{share} chunks look poor: see 'forgelm audit'"]
        return Ingested(
            output_path=str(output),
            chunk_count=self.chunks,
            files_processed=self.formats.total(),
            files_skipped=self.skipped,
            total_chars=self.characters,
            format_counts=dict(sorted(self.formats.items())),
            counts=self.counts,
            script_sanity=self._script_summary(),
            quality_presignal=presignal,
            notes=tuple(notes),
        )

    def _script_summary(self) -> dict[str, Any] | None:
        read = self.how.read
        if read.language_hint is None:
            return None
        triggered = [one for one in self.scripts if one["ratio"] > read.max_unexpected_ratio]
        return {
            "files_checked": len(self.scripts),
            "files_triggered": len(triggered),
            "max_ratio": max((one["ratio"] for one in self.scripts), default=0.0),
            "threshold": read.max_unexpected_ratio,
            "language_hint": read.language_hint,
            "per_file": triggered,
        }


def _join(document: Document) -> tuple[str, list[int]]:
    starts, at = [], 0
    for page in document.pages:
        starts.append(at)
        at += len(page.text) + len(_PAGE_BREAK)
    return _PAGE_BREAK.join(page.text for page in document.pages), starts
