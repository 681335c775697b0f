"""Checks an Annex IV file: that every item is filled, and that what it points to is there and has its digest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from forgelm.base.errors import ConfigError
from forgelm.base.files import sha256_bytes
from forgelm.config.placeholder import is_placeholder
from forgelm.evidence.documents.annex_iv_form import KEYS, STATUSES, count, manifest_hash, resolve_pointer, weakest
from forgelm.evidence.inventory import is_plain_path

_LONGEST = 64 << 20


@dataclass(frozen=True)
class VerifyAnnexIVResult:
    """What the check of an Annex IV file found.

    ``missing_fields`` are items nobody filled, placeholders included; ``mismatched`` are items whose evidence is not
    what it was. ``failure`` is ``incomplete`` or ``integrity``, the graver one where both hold.
    """

    valid: bool
    reason: str | None
    missing_fields: list[str]
    manifest_hash_actual: str | None
    manifest_hash_expected: str | None
    mismatched: list[str] = field(default_factory=list)
    failure: Literal["incomplete", "integrity"] | None = None
    coverage: dict[str, int] = field(default_factory=dict)


def verify_annex_iv_artifact(path: str) -> VerifyAnnexIVResult:
    """Check the Annex IV file at ``path``, with the documents beside it that it points to.

    A file whose hash is absent, or that is not laid out by the law's items, is not valid.

    Raises:
        ConfigError: there is no such file, or it is not a JSON object.
        OSError: a file cannot be read.
    """
    file = Path(path)
    record = _read(file)
    try:
        actual, expected = manifest_hash(record), _expected_hash(record)
    except RecursionError:
        raise ConfigError(f"{file} is nested too deeply") from None
    items = dict(_items(record))
    missing = [*_unfilled_identity(record), *(key for key in KEYS if not _is_filled(items.get(key)))]
    mismatched = [key for key, item in items.items() if any(_mismatches(item, file.parent))]
    mismatched += _wrong_counts(record, items)
    problems = []
    if expected is None:
        missing.append("metadata.manifest_hash")
    elif expected != actual:
        problems.append("the file was changed after its hash was taken")
    if mismatched:
        problems.append(f"evidence is absent or not what it was: {', '.join(mismatched)}")
    integrity = bool(problems)
    if missing:
        problems.append(f"not filled: {', '.join(missing)}")
    return VerifyAnnexIVResult(
        valid=not problems,
        reason="; ".join(problems) or None,
        missing_fields=missing,
        manifest_hash_actual=actual,
        manifest_hash_expected=expected,
        mismatched=mismatched,
        failure="integrity" if integrity else "incomplete" if missing else None,
        coverage=_count(items),
    )


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        hint = "give the file compliance/annex_iv_metadata.json" if file.is_dir() else None
        raise ConfigError(f"{file} is not a file" if file.exists() else f"there is no file {file}", hint=hint)
    if file.stat().st_size > _LONGEST:
        raise ConfigError(f"{file} is larger than {_LONGEST >> 20} MiB, which no Annex IV file is")
    try:
        record = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is not JSON: {error}") from None
    if not isinstance(record, dict):
        raise ConfigError(f"{file} is not a JSON object")
    return record


def _expected_hash(record: Mapping[str, Any]) -> str | None:
    metadata = record.get("metadata")
    found = metadata.get("manifest_hash") if isinstance(metadata, Mapping) else None
    return found if isinstance(found, str) and found else None


def _items(record: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every item that has the form of one, the letters of point 1 among them."""
    listed = record.get("items")
    if not isinstance(listed, Mapping):
        return
    first = listed.get("1")
    parts = first.get("parts") if isinstance(first, Mapping) else None
    for key, item in {**(parts if isinstance(parts, Mapping) else {}), **listed}.items():
        if key in KEYS and isinstance(item, Mapping):
            yield key, dict(item)


def _unfilled_identity(record: Mapping[str, Any]) -> list[str]:
    found = record.get("system_identification")
    identity = found if isinstance(found, Mapping) else {}
    names = ("provider_name", "system_name", "intended_purpose")
    return [f"system_identification.{name}" for name in names if not _says(identity.get(name))]


def _is_filled(item: Mapping[str, Any] | None) -> bool:
    if item is None:
        return False
    status, declaration = item.get("status"), item.get("declaration")
    if status == "evidenced":
        return bool(item.get("evidence"))
    if status not in ("declared", "not_applicable") or not isinstance(declaration, Mapping):
        return False
    return _says(declaration.get("statement")) and _says(declaration.get("by")) and _is_day(declaration.get("on"))


def _says(text: Any) -> bool:
    return isinstance(text, str) and not is_placeholder(text)


def _is_day(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _mismatches(item: Mapping[str, Any], folder: Path) -> Iterator[Any]:
    """Yield every pointer of an item whose document or place is gone or changed."""
    listed = item.get("evidence")
    declaration = item.get("declaration")
    pointers = list(listed) if isinstance(listed, list) else [listed] if listed else []
    if isinstance(declaration, Mapping) and "document" in declaration:
        pointers.append({**declaration, "pointer": None})
    yield from (pointer for pointer in pointers if not _holds(pointer, folder))


def _holds(pointer: Any, folder: Path) -> bool:
    name = pointer.get("document") if isinstance(pointer, Mapping) else None
    if (
        not isinstance(name, str)
        or not is_plain_path(name)
        or not (folder / name).is_file()
        or (folder / name).is_symlink()
    ):
        return False
    content = (folder / name).read_bytes()
    if sha256_bytes(content) != pointer.get("sha256"):
        return False
    place = pointer.get("pointer")
    if place is None:
        return True
    try:
        found = resolve_pointer(json.loads(content), place) if isinstance(place, str) else None
    except (LookupError, ValueError, RecursionError):
        return False
    return _says(found) if isinstance(found, str) else bool(found)


def _wrong_counts(record: Mapping[str, Any], items: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return what does not follow from the items although the file says so."""
    wrong = [] if record.get("coverage") == _count(items) or not items else ["coverage"]
    listed = record.get("items")
    first = listed.get("1") if isinstance(listed, Mapping) else None
    statuses = [item.get("status") for key, item in items.items() if key.startswith("1")]
    if isinstance(first, Mapping) and statuses and all(status in STATUSES for status in statuses):
        wrong += [] if first.get("status") == weakest([str(status) for status in statuses]) else ["1"]
    return wrong


def _count(items: Mapping[str, dict[str, Any]]) -> dict[str, int]:
    return count({key: {"status": item.get("status", "missing")} for key, item in items.items()})
