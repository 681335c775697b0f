"""Each layout is one that this program's own loader reads as the same conversation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import write_rows

from forgelm.config.data import DataConfig
from forgelm.config.synthetic import SyntheticConfig
from forgelm.data.prepare import prepare
from forgelm.data.synthesis.layout import build_row, loses_system_prompt


@pytest.mark.parametrize("system", ["", "Be brief."])
@pytest.mark.parametrize(
    ("layout", "detected", "keys"),
    [
        ("messages", "messages", {"messages"}),
        ("instruction", "alpaca", {"instruction", "output"}),
        ("chatml", "user and assistant", {"User", "Assistant"}),
        ("prompt_response", "prompt_completion", {"prompt", "response"}),
    ],
)
def test_what_is_written_is_what_is_read(
    section: Callable[..., SyntheticConfig], tmp_path: Path, system: str, layout: str, detected: str, keys: set[str]
) -> None:
    found = section(output_format=layout, system_prompt=system)
    rows = [build_row(found, f"Where is {n}?", f"Hëre\u2028{n}.") for n in range(3)]
    assert set(rows[0]) - {"system", "System"} == keys
    data = DataConfig(dataset_name_or_path=str(write_rows(tmp_path / "rows.jsonl", rows)), shuffle=False)
    prepared = prepare(data, seed=0)
    assert prepared.sources[0].detected == detected
    read = sorted((*prepared.train, *(prepared.validation or ())), key=lambda row: row.number)
    for n, row in enumerate(read):
        value = row.value
        if layout == "prompt_response":
            assert (value["prompt"], value["completion"]) == (f"Where is {n}?", f"Hëre\u2028{n}.")
            continue
        turns = value["messages"] if layout == "messages" else [*value["prompt"], *value["completion"]]
        first = [("system", system)] if system else []
        assert [(turn["role"], turn["content"]) for turn in turns] == [
            *first,
            ("user", f"Where is {n}?"),
            ("assistant", f"Hëre\u2028{n}."),
        ]


def test_only_one_layout_has_no_place_for_a_system_prompt(section: Callable[..., SyntheticConfig]) -> None:
    layouts = ("messages", "instruction", "chatml", "prompt_response")
    lost = [name for name in layouts if loses_system_prompt(section(output_format=name, system_prompt="x"))]
    assert lost == ["prompt_response"]
    assert not loses_system_prompt(section(output_format="prompt_response"))
