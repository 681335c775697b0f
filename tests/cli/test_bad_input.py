"""Everything a user can get wrong with files: one clear error, the documented exit code, nothing half-written."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Finished, order_rows, sections, write_rows

from forgelm.base.files import sha256_file
from forgelm.cli.main import run
from forgelm.config.load import load_config
from forgelm.evidence.chain import verify_audit_log
from forgelm.run.folder import open_folder, run_files

GOOD = order_rows(1)[0]
# What a run leaves that ended before it had anything to save.
LOGGED = {"audit_log.jsonl", "audit_log.jsonl.checkpoint", "audit_log.jsonl.manifest.json", "resolved_config.yaml"}


def no_such_file(path: Path) -> None: ...


def empty(path: Path) -> None:
    path.write_bytes(b"")


def only_blank_lines(path: Path) -> None:
    path.write_text("\n\n \n")


def a_folder(path: Path) -> None:
    path.mkdir()


def not_utf8(path: Path) -> None:
    path.write_bytes(json.dumps(GOOD).encode() + b'\n{"messages": "\xff\xfe"}\n')


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 20)


def one_broken_line(path: Path) -> None:
    lines = [json.dumps(row) for row in order_rows(40)]
    lines[20] = '{"messages": [}'
    path.write_text("\n".join(lines))


def three_shapes(path: Path) -> None:
    write_rows(path, [GOOD, GOOD, {"text": "plain"}, {"instruction": "do", "output": "done"}])


def preference_rows(path: Path) -> None:
    write_rows(path, [{"prompt": "p", "chosen": "a", "rejected": "b"}] * 3)


def no_reply(path: Path) -> None:
    write_rows(path, [GOOD, {"messages": [{"role": "user", "content": "hello?"}]}])


def a_list_row(path: Path) -> None:
    path.write_text(json.dumps(GOOD) + "\n[1, 2]\n")


DATA: list[tuple[Callable[[Path], None], str]] = [
    (no_such_file, r"no such file|does not exist|not found"),
    (empty, "holds no rows"),
    (only_blank_lines, "holds no rows"),
    (a_folder, "rows.jsonl"),
    (not_utf8, r"rows.jsonl:2.*UTF-8"),
    (binary, "UTF-8|JSON"),
    (one_broken_line, r"rows.jsonl:21"),
    (three_shapes, r"rows.jsonl:3(.|\n)*rows.jsonl:4|3(.|\n)*4"),
    (preference_rows, "chosen"),
    (no_reply, r"rows.jsonl:2"),
    (a_list_row, r"rows.jsonl:2"),
]


@pytest.fixture
def capture(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def call(*arguments: str, code: int) -> dict[str, Any]:
        assert run([*arguments, "--output-format", "json"]) == code
        text = capsys.readouterr()
        assert "Traceback" not in text.err
        reply: dict[str, Any] = json.loads(text.out)
        assert reply["success"] is False
        return reply

    return call


@pytest.mark.parametrize(("spoil", "words"), DATA, ids=lambda value: getattr(value, "__name__", ""))
def test_bad_data_is_exit_1_and_says_where(
    tmp_path: Path, capture: Callable[..., dict[str, Any]], spoil: Callable[[Path], None], words: str
) -> None:
    data = tmp_path / "rows.jsonl"
    spoil(data)
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(sections(data, tmp_path / "run")))
    reply = capture("--config", str(config), code=1)
    assert re.search(words, reply["error"]), reply["error"]
    assert not (tmp_path / "run" / "final_model").exists()


CONFIGS = {
    "a list": "- model\n- lora\n",
    "a scalar": "just text\n",
    "nothing": "",
    "a tab": "model:\n\tname_or_path: x\n",
    "a duplicate key": "model: {name_or_path: a}\nlora: {}\nmodel: {name_or_path: b}\n",
    "a bomb": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "a python object": "model: !!python/object/apply:os.system ['echo hi']\n",
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_bad_config_is_exit_1_with_its_file(
    tmp_path: Path, capture: Callable[..., dict[str, Any]], name: str
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(CONFIGS[name])
    assert "run.yaml" in capture("--config", str(path), code=1)["error"]


@pytest.mark.parametrize("spoil", [no_such_file, a_folder, binary], ids=lambda value: value.__name__)
def test_a_config_that_cannot_be_read_is_exit_1(
    tmp_path: Path, capture: Callable[..., dict[str, Any]], spoil: Callable[[Path], None]
) -> None:
    spoil(tmp_path / "run.yaml")
    assert "run.yaml" in capture("--config", str(tmp_path / "run.yaml"), code=1)["error"]


def test_twelve_wrong_keys_are_twelve_problems_with_a_place(
    tmp_path: Path, orders: Path, capture: Callable[..., dict[str, Any]]
) -> None:
    wrong = sections(orders, tmp_path / "run")
    for number in range(3):
        for name in ("model", "lora", "training", "data"):
            wrong[name][f"wrong_{number}"] = 1
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(wrong))
    problems = capture("--config", str(path), code=1)["problems"]
    assert len(problems) == 12
    assert all(problem["line"] and problem["column"] and problem["file"] for problem in problems)


PAIR = {"prompt": "p", "chosen": "a", "rejected": "b"}
JUDGED = {"prompt": "p", "completion": "a"}
TRAINERS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str]] = {
    "chats for dpo": ([GOOD] * 4, {"training": {"trainer_type": "dpo"}}, "rows.jsonl: this looks like messages data"),
    "labels of two types": (
        [{**JUDGED, "label": True}, {**JUDGED, "label": 0}, {**JUDGED, "label": "false"}],
        {"training": {"trainer_type": "kto"}},
        r"rows.jsonl:2: 'label' is a number, but true/false at .*rows.jsonl:1(.|\n)*rows.jsonl:3: 'label' is text",
    ),
    "every row too long": ([GOOD] * 20, {"model": {"max_length": 4}}, "no row is left .* model.max_length=4"),
    "no pair left": ([PAIR] * 20, {"training": {"trainer_type": "dpo"}, "model": {"max_length": 1}}, "no row is left"),
    "a rank of 0": ([GOOD] * 4, {"lora": {"r": 0}}, r"run.yaml:\d+:\d+: lora.r: must be at least 1, got 0"),
    "no such module": (
        [GOOD] * 4,
        {"lora": {"target_modules": ["c_attn"]}},
        "no module named 'c_attn' .lora.target_mod",
    ),
    "4-bit without an adapter": ([GOOD] * 4, {"model": {"load_in_4bit": True}, "lora": None}, "load_in_4bit"),
    "two processes where one is": (
        [GOOD] * 4,
        {"distributed": {"strategy": "fsdp"}},
        "several processes, and there is",
    ),
}


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "audit_log.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", TRAINERS)
def test_what_a_training_cannot_use_is_exit_1_and_says_where(
    tmp_path: Path, capture: Callable[..., dict[str, Any]], name: str
) -> None:
    rows, changes, words = TRAINERS[name]
    made = sections(write_rows(tmp_path / "rows.jsonl", rows), tmp_path / "run", **changes)
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(made))
    reply = capture("--config", str(config), code=1)
    assert re.search(words, reply["error"]), reply["error"]
    left = {path.name for path in (tmp_path / "run").glob("*")} - {".forgelm.lock"}
    if left:  # the run had begun: its log says that it failed, and there is no model
        assert left == LOGGED
        assert [entry["event"] for entry in log_of(tmp_path / "run")][-2:] == ["pipeline.failed", "run.closed"]


def test_a_reward_that_raises_is_exit_2_and_says_where(tmp_path: Path, capture: Callable[..., dict[str, Any]]) -> None:
    (tmp_path / "mine.py").write_text("def score(completions, **_):\n    raise RuntimeError('the scorer\\nis away')\n")
    rows = write_rows(tmp_path / "rows.jsonl", [{"prompt": f"{n} pancakes"} for n in range(20)])
    grpo = {"trainer_type": "grpo", "grpo_rewards": [f"{tmp_path / 'mine.py'}:score"], "grpo_max_completion_length": 4}
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(sections(rows, tmp_path / "run", training=grpo)))
    reply = capture("--config", str(config), code=2)
    place = f"{tmp_path / 'mine.py'}:2"
    assert reply["error"] == f"the reward score failed: RuntimeError: the scorer is away ({place})"
    assert {path.name for path in (tmp_path / "run").iterdir()} - {".forgelm.lock"} == LOGGED
    assert reply["error"] in log_of(tmp_path / "run")[-2]["error"]


def other_rate(folder: Path, made: dict[str, Any]) -> None:
    made["training"]["learning_rate"] = 1e-4


def other_model(folder: Path, made: dict[str, Any]) -> None:
    model = folder.parent / "other"
    shutil.copytree(str(files("forgelm.model") / "ember"), model)
    made["model"]["name_or_path"] = str(model)


def half_written(folder: Path, made: dict[str, Any]) -> None:
    os.truncate(folder / "optimizer.pt", 1000)


def flipped(folder: Path, made: dict[str, Any]) -> None:
    weights = folder / "adapter_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (other_rate, "belongs to another training\n  training.learning_rate: 0.005 there, 0.0001 here"),
        (other_model, "belongs to another training\n  model.name_or_path: 'builtin/ember' there"),
        (half_written, "optimizer.pt has 1000 bytes instead of"),
        (flipped, "adapter_model.safetensors was changed"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_checkpoint_that_cannot_be_continued_is_exit_1_with_its_reason(
    tmp_path: Path,
    finished: Finished,
    capture: Callable[..., dict[str, Any]],
    harm: Callable[[Path, dict[str, Any]], None],
    words: str,
) -> None:
    run_folder = Path(shutil.copytree(finished.root, tmp_path / "run"))
    promoted = sha256_file(run_folder / "final_model" / "adapter_model.safetensors")
    checkpoint = max(run_folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    made = yaml.safe_load(finished.config.to_yaml())
    made["training"]["output_dir"] = str(run_folder)
    harm(checkpoint, made)
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(made))
    reply = capture("--config", str(config), "--resume", str(checkpoint), code=1)
    assert words in reply["error"]
    assert sha256_file(run_folder / "final_model" / "adapter_model.safetensors") == promoted
    assert verify_audit_log(str(run_folder / "audit_log.jsonl")).valid


def test_a_model_without_a_chat_template_given_chats_is_exit_1(
    tmp_path: Path, orders: Path, capture: Callable[..., dict[str, Any]]
) -> None:
    model = tmp_path / "bare"
    shutil.copytree(str(files("forgelm.model") / "ember"), model)
    (model / "chat_template.jinja").unlink()
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(sections(orders, tmp_path / "run", model={"name_or_path": str(model)})))
    reply = capture("--config", str(path), code=1)
    assert "no chat template" in reply["error"]
    assert "chat_template.jinja" in reply["hint"]


def test_a_run_folder_in_use_is_exit_1(tmp_path: Path, orders: Path, capture: Callable[..., dict[str, Any]]) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(sections(orders, tmp_path / "run")))
    with open_folder(run_files(load_config(str(path)))):
        assert "another run is using" in capture("--config", str(path), code=1)["error"]


def test_a_file_where_the_run_folder_should_be_is_exit_1(
    tmp_path: Path, orders: Path, capture: Callable[..., dict[str, Any]]
) -> None:
    (tmp_path / "run").write_text("a file")
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(sections(orders, tmp_path / "run")))
    assert "cannot be written to" in capture("--config", str(path), code=1)["error"]
    assert (tmp_path / "run").read_text() == "a file"


def test_a_full_disk_is_exit_2_and_leaves_no_model(tmp_path: Path, orders: Path) -> None:
    """The shell lets the process write files of at most 300 kB: the log fits, the weights do not."""
    changes = {"lora": None, "training": {"max_steps": 1, "learning_rate": 1e-4}}
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(sections(orders, tmp_path / "run", **changes)))
    script = f"trap '' XFSZ; ulimit -f 300; exec {sys.executable} -m forgelm --config {path} --output-format json"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr[-2000:]
    assert "could not write" in json.loads(done.stdout)["error"]
    left = [item.name for item in (tmp_path / "run").iterdir()]
    assert not [name for name in left if "staging" in name or name.startswith(("final_model", "checkpoint"))]
