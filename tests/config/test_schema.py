"""The JSON Schema says what loading enforces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from forgelm.config import build_json_schema


def _objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    yield from (part for part in schema["$defs"].values() if part["type"] == "object")


def test_schema_is_a_closed_json_document() -> None:
    schema = build_json_schema()
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert all(part["additionalProperties"] is False for part in _objects(schema))


def test_every_property_is_described_by_one_sentence() -> None:
    descriptions = [
        (name, entry.get("description", ""))
        for part in _objects(build_json_schema())
        for name, entry in part["properties"].items()
    ]
    assert len(descriptions) > 80
    assert [name for name, text in descriptions if not text.endswith(".") or len(text) > 120] == []


def test_required_sections_and_keys() -> None:
    schema = build_json_schema()
    assert set(schema["required"]) == {"model", "lora", "training", "data"}
    assert schema["$defs"]["ModelConfig"]["required"] == ["name_or_path"]
    assert schema["$defs"]["DataConfig"]["required"] == ["dataset_name_or_path"]
    assert {"type": "null"} in schema["properties"]["lora"]["anyOf"]


def test_choices_bounds_and_defaults_are_in_it() -> None:
    training = build_json_schema()["$defs"]["TrainingConfig"]["properties"]
    trackers = ["tensorboard", "wandb", "mlflow", "trackio", "none"]
    assert [one.get("enum") or one["items"]["enum"] for one in training["report_to"]["anyOf"]] == [trackers, trackers]
    assert (training["learning_rate"]["default"], training["learning_rate"]["exclusiveMinimum"]) == (2e-5, 0)
    assert training["neftune_noise_alpha"]["anyOf"][0]["exclusiveMinimum"] == 0
    assert training["sample_packing"]["deprecated"] is True
