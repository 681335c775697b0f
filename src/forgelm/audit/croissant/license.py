"""A dataset's folder to the licence stated by its card: the front matter of the README, as on the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_CARD = "README.md"
_MOST_BYTES = 65_536
_FENCE = "---"


def find_license(folder: Path) -> str | None:
    """Return the SPDX identifier, the address or the name of the licence; ``None`` where no card states one."""
    metadata = _read_front_matter(folder / _CARD)
    stated = metadata.get("license")
    if isinstance(stated, list) and len(stated) == 1:
        stated = stated[0]
    if stated == "other":
        stated = metadata.get("license_link") or metadata.get("license_name")
    return stated.strip() or None if isinstance(stated, str) else None


def _read_front_matter(card: Path) -> dict[str, Any]:
    try:
        with card.open("rb") as stream:
            text = stream.read(_MOST_BYTES).decode("utf-8", "replace")
        lines = text.lstrip("\ufeff").splitlines()
        if lines[:1] != [_FENCE] or _FENCE not in lines[1:]:
            return {}
        metadata = yaml.safe_load("\n".join(lines[1 : lines.index(_FENCE, 1)]))
    except (OSError, yaml.YAMLError, RecursionError):
        return {}
    return metadata if isinstance(metadata, dict) else {}
