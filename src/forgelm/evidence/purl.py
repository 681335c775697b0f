"""Package URLs (https://github.com/package-url/purl-spec): one name for a hub model or a Python package anywhere."""

from __future__ import annotations

from urllib.parse import quote


def hub_purl(name: str, commit: str | None) -> str:
    """Return the package URL of a model on the Hugging Face hub, at ``commit`` when that is known."""
    return f"pkg:huggingface/{quote(name, safe='/')}" + (f"@{commit}" if commit else "")


def pypi_purl(name: str, version: str) -> str:
    """Return the package URL of a Python package."""
    return f"pkg:pypi/{name.lower().replace('_', '-')}@{quote(version, safe='')}"
