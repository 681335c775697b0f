"""Every line of the prompts' file is a prompt, or is named with its number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forgelm.base.errors import DataError
from forgelm.data.prompts import EvalPrompt, read_prompts


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "prompts.jsonl"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_every_form_of_a_line(tmp_path: Path) -> None:
    lines = [
        json.dumps({"prompt": "one", "category": "x"}),
        json.dumps({"text": "two"}),
        "",
        json.dumps("three"),
        "four, as it stands",
        '"five" is quoted at its start',
        json.dumps({"prompt": "six", "reference": "a right answer"}),
        json.dumps({"prompt": "sev\u2028en"}, ensure_ascii=False),
    ]
    found = read_prompts(written(tmp_path, "\ufeff" + "\r\n".join(lines)))
    texts = ["one", "two", "three", "four, as it stands", '"five" is quoted at its start', "six", "sev\u2028en"]
    assert [prompt.text for prompt in found] == texts
    assert found[5] == EvalPrompt("six", "a right answer")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no prompt"),
        ("\n \n", "holds no prompt"),
        ('good\n{"question": "x"}', "prompts.jsonl:2: neither 'prompt' nor 'text'"),
        ('{"prompt": ""}', "1: 'prompt' must be a text"),
        ('{"prompt": 7}', "1: 'prompt' must be a text"),
        ('{"prompt": "a", "reference": 7}', "1: 'reference' must be a text"),
        ("good\n[1, 2]", "2: a list is no prompt"),
        ('good\n\n{"prompt": "a"', "3: not a JSON object"),
        ("[" * 100_000, "1: not a JSON object"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_what_is_no_prompt(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_prompts(written(tmp_path, text))
    assert said in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(DataError, match="eval_dataset names a file"):
            read_prompts(path)
