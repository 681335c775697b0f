"""Every way to write a prompt, each asked once, and the replies a file may hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError, DataError
from forgelm.config.synthetic import SyntheticConfig
from forgelm.data.synthesis.seeds import read_seeds

Make = Callable[..., SyntheticConfig]


def test_every_way_to_write_a_prompt_and_each_once(section: Make, tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    path.write_text('{"prompt": "a"}\n{"text": "b"}\n\n"c"\nplain d\n{"prompt": "a", "response": "ignored"}\n')
    found = read_seeds(section(seed_file=str(path), seed_prompts=["b", " ", "e"]))
    assert [request.prompt for request in found] == ["a", "b", "c", "plain d", "e"]
    assert [request.place for request in found][::4] == [f"{path}:1", "synthetic.seed_prompts[1]"]
    assert {request.known for request in found} == {None}


def test_a_file_teacher_finds_replies_beside_the_prompts(section: Make, tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    lines = ['{"prompt": "a", "response": "1"}', '{"prompt": "b", "completion": "2"}', '{"prompt": "c", "output": "3"}']
    path.write_text("\n".join([*lines, '{"prompt": "d", "output": " "}', "e"]))
    found = read_seeds(section(teacher_backend="file", seed_file=str(path), seed_prompts=["a", "z"]))
    assert [(request.prompt, request.known) for request in found] == [
        *(("a", "1"), ("b", "2"), ("c", "3"), ("d", None), ("e", None), ("z", None))
    ]


@pytest.mark.parametrize("content", [b"", b"\n\n", b'{"question": "x"}', b"[1]", b'{"prompt": 7}', b"\xff\xfe"])
def test_a_file_that_holds_no_prompts_is_named(section: Make, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "seeds.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"seeds\.jsonl"):
        read_seeds(section(seed_file=str(path)))
    with pytest.raises(DataError, match=r"synthetic\.seed_file names a file"):
        read_seeds(section(seed_file=str(tmp_path / "nowhere")))


def test_the_seed_file_is_never_written_over(section: Make, tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    path.write_text("a\n")
    with pytest.raises(ConfigError, match="the seed file itself"):
        read_seeds(section(seed_file=str(path), output_file=str(tmp_path / "." / "seeds.jsonl")))
