"""Finds one person in files: every place that holds an identifier, in any spelling, and the rows it stands in."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from forgelm.audit.pii.find import mask_pii
from forgelm.base.errors import ConfigError, ForgeError, OptionalDependencyError
from forgelm.base.events import Event
from forgelm.base.redact import redact_text
from forgelm.data.synthesis.outcome import SynthesisFiles
from forgelm.data.tables import read_parquet
from forgelm.evidence.emit import on_record
from forgelm.evidence.erasure.identifiers import Hit, IdentifierType, Search, build_search
from forgelm.evidence.erasure.impact import Impact, PersonsRow, trace_rows
from forgelm.evidence.erasure.rows import name_row, read_row
from forgelm.evidence.subjects import KeyPlace, SubjectKeys

_SNIPPET = 160
_LEAD = 40
_LONGEST_MESSAGE = 200
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_ESCAPED_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
ScanMode = Literal["plaintext", "hash"]


@dataclass(frozen=True)
class Match:
    """One line, or row of a table, that holds the identifier. ``row_id`` names the row for ``forgelm purge``."""

    file: str
    line: int
    snippet: str
    row_id: str | None


@dataclass(frozen=True)
class AccessReport:
    """What a search for one person gave. ``query_hash`` is the commitment under which the log knows the question."""

    query_hash: str
    identifier_type: IdentifierType
    scan_mode: ScanMode
    salt_source: KeyPlace | Literal["plaintext"]
    matches: tuple[Match, ...]
    files_scanned: tuple[tuple[str, int], ...]
    impact: Impact | None = None

    @property
    def match_count(self) -> int:
        return len(self.matches)


class UnreadableFile(ForgeError):
    """A file that was to be searched cannot be read as text; it was not skipped."""


@dataclass(frozen=True)
class AccessRequest:
    """Whom to look for and where what is asked is kept. ``hashed`` looks for commitments instead of the value itself.

    ``runs`` are folders of runs to trace found rows into; ``received`` is the day of the person's request.
    """

    query: str
    kind: IdentifierType = IdentifierType.LITERAL
    hashed: KeyPlace | None = None
    output_dir: str | None = None
    audit_dir: str | None = None
    runs: tuple[str, ...] = ()
    received: date | None = None


def search_person(patterns: Sequence[str], request: AccessRequest) -> AccessReport:
    """Look for one person in the files that ``patterns`` name (``**`` reaches into folders), and log that it was asked.

    Text is compared after JSON's escapes are read, in every string of a row, keys and numbers included. The log gets
    a commitment to the question, never the question.

    Raises:
        ConfigError: no file, an empty query, a bad expression, or no such commitment.
        UnreadableFile: a file cannot be read or is not UTF-8.
        StorageError: the log cannot be written.
    """
    files = expand(patterns)
    output = Path(request.output_dir) if request.output_dir else files[0].parent
    audit = Path(request.audit_dir) if request.audit_dir else output
    search = build_search(request.query, request.kind)
    keys = SubjectKeys(output.absolute())
    if request.hashed:
        search = _commitment_search(keys, request)
    commitment = keys.commit(request.query)
    about: dict[str, Any] = {
        "query_hash": commitment.digest,
        "subject": commitment.subject,
        "identifier_type": request.kind,
        "scan_mode": "hash" if request.hashed else "plaintext",
        "salt_source": request.hashed or "plaintext",
    }
    found: list[tuple[Match, PersonsRow | None]] = []
    counts: list[tuple[str, int]] = []
    with on_record(audit.absolute()) as emit:
        try:
            for file in files:
                here = list(_search_file(file, search))
                counts.append((str(file), len(here)))
                found += here
        except ForgeError as error:
            said = redact_text(mask_pii(error.message))[:_LONGEST_MESSAGE]
            about |= {"error_class": type(error).__name__, "error_message": said}
            raise
        finally:
            emit(Event.ACCESS_REQUEST_QUERY, **about, files_scanned=len(counts), match_count=len(found))
    rows = [row for _, row in found if row is not None]
    folders = [Path(folder) for folder in request.runs]
    received = request.received or datetime.now(UTC).date()
    return AccessReport(
        query_hash=commitment.digest,
        identifier_type=request.kind,
        scan_mode="hash" if request.hashed else "plaintext",
        salt_source=request.hashed or "plaintext",
        matches=tuple(match for match, _ in found),
        files_scanned=tuple(counts),
        impact=trace_rows(rows, folders, received=received) if folders else None,
    )


def expand(patterns: Sequence[str]) -> list[Path]:
    """Return the files that paths and patterns name, and what lies beside generated rows; each once, in order.

    Raises:
        ConfigError: one of them names none.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        literal = Path(pattern)
        paths = [literal] if literal.is_file() else [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]
        files = [path for path in paths if path.is_file()]
        if not files:
            hint = f"files in it: '{pattern}/**'" if literal.is_dir() else "check the path; ** reaches into folders"
            raise ConfigError(f"{pattern} names no file", hint=hint)
        for path in files:
            beside = SynthesisFiles(path)
            found.update(dict.fromkeys([path, *filter(Path.is_file, (beside.replies, beside.provenance))]))
    if not found:
        raise ConfigError("there is no file to search", hint="name files or patterns")
    return list(found)


def _commitment_search(keys: SubjectKeys, request: AccessRequest) -> Search:
    known = keys.find(request.query) if keys.place == request.hashed else None
    if known is None:
        place = f"{keys.folder} ({keys.place})"
        raise ConfigError(
            f"there is no key for this query in {place}",
            hint="then no log speaks of it; --output-dir and FORGELM_SUBJECT_KEYS say where keys are",
        )
    digest = known.digest

    def search(text: str) -> Hit | None:
        at = text.find(digest)
        return Hit(text, at, at + len(digest)) if at >= 0 else None

    return search


def _search_file(file: Path, search: Search) -> Iterator[tuple[Match, PersonsRow | None]]:
    try:
        numbered = _parquet(file) if file.suffix.lower() == ".parquet" else _text_lines(file)
        for number, texts, value in numbered:
            hit = next((hit for text in texts if (hit := search(text)) is not None), None)
            if hit is None:
                continue
            row = PersonsRow(file, number, value) if value is not None else None
            yield Match(str(file), number, _snippet(hit), name_row(value) if value is not None else None), row
    except OptionalDependencyError:
        raise
    except (OSError, ConfigError) as error:
        said = error.message if isinstance(error, ForgeError) else error.strerror
        raise UnreadableFile(f"{file} cannot be read: {said}") from error


def _text_lines(file: Path) -> Iterator[tuple[int, Iterable[str], dict[str, Any] | None]]:
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            value = read_row(line)
            if value is not None:
                yield number, _strings(value), value
                continue
            try:
                text = line.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise UnreadableFile(
                    f"{file}:{number}: not UTF-8 at byte {error.start + 1}", hint="convert it to UTF-8 and search again"
                ) from None
            yield number, (text, _unescape(text)) if "\\u" in text else (text,), None


def _parquet(file: Path) -> Iterator[tuple[int, Iterable[str], dict[str, Any] | None]]:
    for number, value in read_parquet(file, str(file)).splits["train"]:
        yield number, _strings(value), value


def _strings(value: Any) -> Iterator[str]:
    """Yield everything in a row that is text or a number, keys too."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending += [*item.values(), *item.keys()]
        elif isinstance(item, (list, tuple)):
            pending += item
        elif isinstance(item, (int, float)) and not isinstance(item, bool):
            yield json.dumps(item)


def _unescape(text: str) -> str:
    """Return text with JSON's ``\\u`` escapes read, for lines that are only part of a document."""
    read = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return _ESCAPED_PAIR.sub(lambda found: found[0].encode("utf-16", "surrogatepass").decode("utf-16"), read)


def _snippet(hit: Hit) -> str:
    start = max(0, hit.start - _LEAD)
    return hit.text[start : start + _SNIPPET]
