"""The preview shows the trainer's own rows, marks what is trained, and is safe to show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import ember_tokenizer, sections, write_rows

from forgelm.assist.preview import preview_dataset
from forgelm.base.errors import ConfigError
from forgelm.config.root import ForgeConfig
from forgelm.train.dataset import prepare_dataset

Make = Callable[..., ForgeConfig]


def test_it_shows_the_very_rows_that_are_trained_on(make_config: Make) -> None:
    config = make_config()
    shown = preview_dataset(config, rows=4)
    trained = prepare_dataset(config, ember_tokenizer())["train"]
    for index, row in enumerate(shown.rows):
        assert "".join(part.text for part in row.segments) == ember_tokenizer().decode(trained[index]["input_ids"])
        assert row.trained_tokens == sum(label != -100 for label in trained[index]["labels"])
        assert [part.trained for part in row.segments] == [False, True]
    assert shown.ledger["rows"] == len(trained)


def test_text_marks_trained_parts_with_and_without_colours(make_config: Make) -> None:
    shown = preview_dataset(make_config(), rows=1)
    reply = shown.rows[0].segments[1].text
    assert f"[[{reply}]]" in shown.render_text(colour=False)
    assert f"\x1b[30;42m{reply}\x1b[0m" in shown.render_text(colour=True)
    assert json.loads(json.dumps(shown.as_record()))["rows"][0]["segments"][1]["trained"] is True


def test_hostile_rows_reach_neither_the_page_nor_the_terminal(tmp_path: Path) -> None:
    row = {
        "messages": [
            {"role": "user", "content": "<script>alert(1)</script>\x1b]0;owned\x07"},
            {"role": "assistant", "content": "</pre><img src=x onerror=alert(1)>"},
        ]
    }
    data = write_rows(tmp_path / "rows.jsonl", [row] * 3)
    shown = preview_dataset(ForgeConfig(**sections(data, tmp_path / "run", data={"clean_text": True})))
    page = shown.render_html()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "<script" not in shown._repr_html_()
    assert "\x1b" not in shown.render_text(colour=False)
    assert "http" not in page.replace("http-equiv", "")


def test_the_run_refuses_what_the_preview_refuses(make_config: Make) -> None:
    with pytest.raises(ConfigError, match="no row is left to train on"):
        preview_dataset(make_config(model={"max_length": 8}))
    with pytest.raises(ConfigError, match="at least 1"):
        preview_dataset(make_config(), rows=0)


def test_both_replies_of_a_comparison_are_shown(tmp_path: Path) -> None:
    rows = write_rows(
        tmp_path / "rows.jsonl", [{"prompt": f"{n}+1=", "chosen": "yes", "rejected": "no"} for n in "123"]
    )
    config = ForgeConfig(**sections(rows, tmp_path / "run", training={"trainer_type": "dpo"}))
    text = preview_dataset(config, rows=1).render_text(colour=False)
    assert "[[yes<|end|>]]" in text
    assert "(rejected)" in text
    assert "[[no<|end|>]]" in text
