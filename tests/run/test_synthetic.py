"""The generator of the library with each of its teachers, the bundled model as the local one."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from judges import completion
from loopback import serving
from support import order_rows, sections

from forgelm import ForgeConfig, SyntheticDataGenerator
from forgelm.base.errors import ConfigError, ModelError, StoppedError
from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.data.prepare import prepare
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.entries import read_entries

EVENTS = (Event.SYNTHESIS_REQUESTED, Event.SYNTHESIS_COMPLETED, Event.SYNTHESIS_FAILED)


def config(folder: Path, offline: bool = True, **synthetic: Any) -> ForgeConfig:
    fields = {"enabled": True, "output_file": str(folder / "synthetic_data.jsonl"), **synthetic}
    return ForgeConfig(**sections(folder / "none.jsonl", folder / "run", model={"offline": offline}, synthetic=fields))


def prompts(count: int) -> list[str]:
    return [row["messages"][0]["content"] for row in order_rows(count)]


def local(folder: Path, **changes: Any) -> ForgeConfig:
    fields = {"teacher_backend": "local", "teacher_model": "builtin/ember", "max_new_tokens": 64, "temperature": 0.8}
    return config(folder, **{**fields, "seed_prompts": prompts(5), **changes})


def replies(folder: Path) -> dict[str, str]:
    rows = [json.loads(line)["messages"] for line in (folder / "synthetic_data.jsonl").read_text().splitlines()]
    return {row[0]["content"]: row[1]["content"] for row in rows}


def test_the_bundled_model_teaches_and_its_rows_can_be_trained_on(tmp_path: Path) -> None:
    heard: list[Event] = []
    found = local(tmp_path)
    result = SyntheticDataGenerator(found).generate(listen=lambda event, **_: heard.append(event))
    assert result.success and result.rows == len(replies(tmp_path))
    origin = json.loads(Path(result.provenance_file).read_text().splitlines()[0])
    assert (origin["teacher"]["backend"], origin["teacher"]["model"]) == ("local", "builtin/ember")
    assert {Event.STAGE, Event.PROGRESS} <= set(heard)
    data = found.data.model_copy(update={"dataset_name_or_path": result.output_file})
    assert len(prepare(data, seed=0, offline=True).train) > 0
    # What is there already is not asked again, and the teacher is not even loaded.
    heard.clear()
    assert SyntheticDataGenerator(found).generate(listen=lambda event, **_: heard.append(event)).asked == 0
    assert heard == []


def test_a_reply_depends_neither_on_its_batch_nor_on_a_command_before(tmp_path: Path) -> None:
    (tmp_path / "once").mkdir()
    (tmp_path / "twice").mkdir()
    SyntheticDataGenerator(local(tmp_path / "once", batch_size=8)).generate()
    SyntheticDataGenerator(local(tmp_path / "twice", seed_prompts=prompts(2), batch_size=1)).generate()
    result = SyntheticDataGenerator(local(tmp_path / "twice", batch_size=2)).generate()
    assert result.resumed == 2
    assert replies(tmp_path / "once") == replies(tmp_path / "twice")


def test_another_seed_or_temperature_is_another_question(tmp_path: Path) -> None:
    SyntheticDataGenerator(local(tmp_path, seed_prompts=prompts(1))).generate()
    greedy = SyntheticDataGenerator(local(tmp_path, seed_prompts=prompts(1), temperature=0)).generate()
    seeded = SyntheticDataGenerator(local(tmp_path, seed_prompts=prompts(1)).replace("training.seed", 7)).generate()
    assert (greedy.asked, seeded.asked) == (1, 1)


def test_a_folder_trained_anew_is_another_teacher(tmp_path: Path) -> None:
    def teach(folder: Path) -> int:
        found = local(tmp_path, teacher_model=str(folder), seed_prompts=prompts(1), temperature=0)
        return SyntheticDataGenerator(found).generate().asked

    folder = tmp_path / "teacher"
    shutil.copytree(str(files("forgelm.model") / "ember"), folder)
    assert (teach(folder), teach(folder)) == (1, 0)
    weights = folder / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    assert (teach(folder), teach(folder)) == (1, 0)


def test_a_reply_without_an_end_is_no_row(tmp_path: Path) -> None:
    result = SyntheticDataGenerator(local(tmp_path, max_new_tokens=1, temperature=0)).generate()
    assert not result.success and "cut off" in result.errors[0]


def test_a_prompt_longer_than_the_teacher_reads_is_named_and_the_others_answered(tmp_path: Path) -> None:
    found = local(tmp_path, seed_prompts=["word " * 20_000, *prompts(3)], max_new_tokens=100_000, temperature=0)
    result = SyntheticDataGenerator(found).generate()
    assert (result.total_prompts, result.failed) == (4, 1)
    assert "longer than the teacher can read" in result.errors[0]


def test_a_file_teaches_without_any_model(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text('{"prompt": "a", "output": "1"}\n{"prompt": "b"}\n')
    found = config(tmp_path, teacher_backend="file", seed_file=str(seeds))
    result = SyntheticDataGenerator(found).generate()
    assert (result.successful, result.failed, replies(tmp_path)) == (1, 1, {"a": "1"})
    seeds.write_text('{"prompt": "a", "output": "1"}\n{"prompt": "b", "output": "2"}\n')
    assert SyntheticDataGenerator(found).generate().failed == 0
    assert replies(tmp_path) == {"a": "1", "b": "2"}


def test_an_endpoint_teaches_unless_offline(tmp_path: Path) -> None:
    with serving(lambda _: completion("Hi.")) as server:
        fields = {"teacher_model": "t", "api_base": server.url, "api_delay": 0, "allow_private_destinations": True}
        with pytest.raises(ConfigError, match=r"model\.offline"):
            SyntheticDataGenerator(config(tmp_path, seed_prompts=["a"], **fields)).generate()
        assert server.asked == []
        assert SyntheticDataGenerator(config(tmp_path, offline=False, seed_prompts=["a"], **fields)).generate().success


def test_what_cannot_be_generated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"synthetic\.enabled"):
        SyntheticDataGenerator(config(tmp_path, enabled=False)).generate()
    with pytest.raises(ModelError):
        SyntheticDataGenerator(local(tmp_path, teacher_model="./no/model")).generate()


def test_the_log_says_who_was_asked_and_what_came_of_it(tmp_path: Path) -> None:
    log = tmp_path / "run" / "audit_log.jsonl"
    with serving(lambda _: completion("Hi.")) as server:
        fields = {"teacher_model": "t", "api_base": server.url, "api_delay": 0, "allow_private_destinations": True}
        made = config(tmp_path, offline=False, seed_prompts=["ada@example.com?"], **fields)
        SyntheticDataGenerator(made).generate()
    requested, completed = read_entries(log, EVENTS)
    assert requested.fields["teacher"]["model"] == "t"
    assert requested.fields["prompts"] == 1
    assert completed.fields["output_sha256"] == sha256_file(tmp_path / "synthetic_data.jsonl")
    assert (completed.fields["rows"], completed.fields["success"]) == (1, True)
    with pytest.raises(StoppedError):
        SyntheticDataGenerator(config(tmp_path, offline=False, seed_prompts=["b"], **fields)).generate(
            stopped=lambda: True
        )
    assert [entry.event for entry in read_entries(log, EVENTS)][2:] == [
        *(Event.SYNTHESIS_REQUESTED, Event.SYNTHESIS_FAILED)
    ]
    assert b"ada@example.com" not in log.read_bytes()
    assert verify_audit_log(str(log)).valid
