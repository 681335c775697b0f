"""Builds the JSON Schema that editors check and complete a configuration file with."""

from __future__ import annotations

from typing import Any

from forgelm.config.root import ForgeConfig

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def build_json_schema() -> dict[str, Any]:
    """Return the schema of a configuration file (draft 2020-12), made of plain dicts, lists and scalars."""
    schema: dict[str, Any] = ForgeConfig.model_json_schema()
    return {"$schema": _DIALECT} | schema | {"title": "ForgeLM configuration"}
