"""The command: what it prints, how it ends, what it leaves, and one line for everything a user can get wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import order_rows, write_rows

from finetune_cli.cli.main import COMMANDS, run
from finetune_cli.cli.options import wants_json
from forgelm.cli.main import run as forgelm
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.inventory import verify_integrity

Capture = pytest.CaptureFixture[str]


def pairs(count: int) -> list[dict[str, Any]]:
    chats = [row["messages"] for row in order_rows(count)]
    return [{"prompt": chat[0]["content"] + "\n", "response": chat[1]["content"]} for chat in chats]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the command on 40 rows, which only has to have happened."""
    folder = tmp_path_factory.mktemp("trained")
    rows = write_rows(folder / "rows.jsonl", pairs(40))
    flags = ["--epochs", "1", "--lr", "5e-3", "--max-length", "128", "--batch-size", "8"]
    assert run(["train", "-m", "builtin/ember", "-d", str(rows), "-o", str(folder / "out"), *flags]) == 0
    return folder


def test_training_leaves_a_model_and_the_engines_evidence(trained: Path) -> None:
    out = trained / "out"
    assert {"final_model", "audit_log.jsonl", "resolved_config.yaml", "compliance"} <= {
        one.name for one in out.iterdir()
    }
    assert verify_audit_log(str(out / "audit_log.jsonl")).valid
    assert verify_integrity(str(out / "final_model")).valid
    assert (out / "final_model" / "README.md").is_file()
    assert yaml.safe_load((out / "resolved_config.yaml").read_text())["training"]["learning_rate"] == 5e-3


def config_file(folder: Path, output: str = "out", **changes: Any) -> Path:
    base: dict[str, Any] = {
        "model": {"name": "builtin/ember"},
        "dataset": {"source": "local_file", "path": str(folder / "rows.jsonl")},
        "tokenization": {"max_length": 128},
        "training": {"method": "lora", "output_dir": str(folder / output), "num_epochs": 1},
        "lora": {},
    }
    for name, section in changes.items():
        base[name] = section if section is None else {**(base.get(name) or {}), **section}
    path = folder / f"{output}.yaml"
    path.write_text(yaml.safe_dump({name: section for name, section in base.items() if section is not None}))
    return path


def test_a_config_file_wins_over_the_flags_and_its_evaluation_is_measured(tmp_path: Path, capsys: Capture) -> None:
    write_rows(tmp_path / "rows.jsonl", pairs(20))
    wanted = {"metrics": ["rougeL", "perplexity"], "generation_max_length": 8}
    path = config_file(tmp_path, evaluation=wanted, training={"save_strategy": "no"})
    assert run(["train", "--config", str(path), "--model", "no/such", "--output", "elsewhere", "--json"]) == 0
    out, err = capsys.readouterr()
    reply = json.loads(out)
    assert reply["success"] and reply["steps_completed"] == 2
    assert Path(reply["model_path"]) == tmp_path / "out" / "final_model"
    assert reply["benchmark"]["improvements"]["perplexity"] > 0
    assert reply["benchmark"]["finetuned"]["num_samples"] == 2, "the rows that were held out"
    assert json.loads((tmp_path / "out" / "benchmark_report.json").read_text()) == reply["benchmark"]
    assert not list((tmp_path / "out").glob("checkpoint-*"))
    assert not Path("elsewhere").exists() and "Traceback" not in err


def test_training_says_what_it_did(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    rows = str(trained / "rows.jsonl")
    out = tmp_path / "out"
    more = ["--max-samples", "16", "--batch-size", "1", "--epochs", "1", "--max-length", "128"]
    assert run(["train", "-m", "builtin/ember", "-d", rows, "-o", str(out), *more]) == 0
    shown = capsys.readouterr().out
    assert "Training complete" in shown and str(out / "final_model") in shown and "train loss" in shown
    assert len((out / "prepared_data" / "train.jsonl").read_text().splitlines()) == 16
    assert json.loads((out / "prepared_data_source.json").read_text())["path"] == rows


@pytest.mark.parametrize("metric", ["rougeL,bleu", "exact_match,f1,accuracy,perplexity,rouge1,rouge2"])
def test_a_run_is_evaluated(metric: str, trained: Path, capsys: Capture) -> None:
    asked = ["-d", str(trained / "rows.jsonl"), "--num-samples", "4", "--max-gen-length", "8", "--metrics", metric]
    assert run(["evaluate", str(trained / "out"), *asked]) == 0
    shown = capsys.readouterr().out
    assert "Results (4 samples):" in shown and all(name in shown for name in metric.split(","))
    assert run(["evaluate", str(trained / "out" / "final_model"), *asked, "--json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert set(reply["scores"]) == set(metric.split(","))


def test_base_and_tuned_are_compared(trained: Path, capsys: Capture) -> None:
    asked = ["-d", str(trained / "rows.jsonl"), "--num-samples", "4", "--metrics", "perplexity"]
    assert run(["benchmark", "builtin/ember", str(trained / "out"), *asked]) == 0
    assert "perplexity: lower is better" in capsys.readouterr().out
    assert run(["benchmark", "builtin/ember", str(trained / "out"), *asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["improvements"]["perplexity"] > 0


def bad_input(folder: Path) -> list[tuple[list[str], str, str]]:
    rows, out = str(folder / "rows.jsonl"), str(folder / "bad")
    (folder / "empty.jsonl").write_text("")
    (folder / "labels.csv").write_text("id,label\n1,positive\n")
    (folder / "empty.yaml").write_text("")
    ember = ["train", "-m", "builtin/ember", "-o", out]
    made = lambda name, **changes: ["train", "--config", str(config_file(folder, name, **changes))]  # noqa: E731
    return [
        ([*ember, "-d", str(folder / "absent.jsonl")], "DatasetNotFoundError", "no such file"),
        ([*ember, "-d", str(folder / "empty.jsonl")], "EmptyDatasetError", "holds no rows"),
        ([*ember, "-d", str(folder / "labels.csv")], "NoTextColumnsError", "columns: id, label"),
        (ember, "MissingConfigError", "--dataset"),
        ([*ember, "-d", rows, "--hf-dataset", "x"], "MissingConfigError", "one of the two"),
        ([*ember, "-d", rows, "--method", "dpo"], "MethodNotImplementedError", "dpo is not supported"),
        ([*ember, "-d", rows, "--lora-r", "0"], "InvalidConfigError", "lora.r"),
        (["train", "-m", "builtin/embr", "-d", rows, "-o", out], "ModelNotFoundError", "builtin/ember"),
        (["train", "-m", "builtin/ember", "-d", rows, "-o", str(folder / "out")], "InvalidConfigError", "not an empty"),
        (["train", "-m", "builtin/ember", "-d", rows, "-o", rows], "InvalidConfigError", "not an empty"),
        (["train", "--config", str(folder / "absent.yaml")], "InvalidConfigError", "no such file"),
        (["train", "--config", str(folder / "empty.yaml")], "InvalidConfigError", "empty"),
        (made("a", training={"epochs": 2}), "InvalidConfigError", "num_epochs"),
        (made("b", training={"fp16": True, "bf16": True}), "IncompatibleConfigError", "fp16 and bf16"),
        (made("c", model={"load_in_4bit": True, "load_in_8bit": True}), "IncompatibleConfigError", "load_in_4bit"),
        (made("d", lora=None), "MissingConfigError", "lora"),
        (made("e", lora={"target_modules": ["c_attn"]}), "TargetModulesNotFoundError", "c_attn"),
        (made("f", model={"load_in_8bit": True}), "IncompatibleConfigError", "8 bits"),
        (made("g", tokenization={"max_length": 4, "truncation": False}), "DatasetLoadError", "max_length"),
        (["evaluate", str(folder / "nowhere"), "-d", rows], "ModelNotFoundError", "nowhere"),
        (["evaluate", "builtin/ember", "-d", rows, "--metrics", "rouge"], "InvalidConfigError", "did you mean rougeL"),
        (["evaluate", "builtin/ember", "-d", rows, "--metrics", ","], "InvalidConfigError", "metrics"),
        (["evaluate", "builtin/ember"], "MissingConfigError", "--dataset"),
        (["evaluate", "builtin/ember", "-d", rows, "--batch-size", "0"], "InvalidConfigError", "batch_size"),
        (["evaluate", "builtin/ember", "--hf-dataset", "org/absent"], "DatasetLoadError", "org/absent"),
        (
            ["benchmark", "builtin/ember", "builtin/ember", "-d", rows, "--batch-size", "0"],
            "InvalidConfigError",
            "batch",
        ),
        (
            ["benchmark", "builtin/ember", "builtin/ember", "-d", rows, "--max-gen-length", "0"],
            "InvalidConfigError",
            "generation_max_length",
        ),
        (
            ["benchmark", "builtin/ember", "builtin/ember", "--hf-dataset", "org/absent"],
            "DatasetLoadError",
            "org/absent",
        ),
        ([*ember, "--hf-dataset", "org/absent"], "DatasetLoadError", "org/absent"),
        ([*ember, "-d", rows, "--fp16"], "UnsupportedModelError", "fp16"),
        (["benchmark", "builtin/ember", str(folder), "-d", rows], "ModelNotFoundError", "final_model"),
    ]


def test_whatever_is_wrong_is_one_line_and_exit_code_1(trained: Path, capsys: Capture) -> None:
    for arguments, kind, said in bad_input(trained):
        assert run(arguments) == 1, arguments
        out, err = capsys.readouterr()
        lines = [line for line in err.splitlines() if line.startswith("Error: ")]
        assert out == "" and len(lines) == 1 and said in lines[0], (arguments, err)
        assert "Traceback" not in err
        assert run([*arguments, "--json"]) == 1
        reply = json.loads(capsys.readouterr().out)
        assert (reply["success"], reply["type"]) == (False, kind), (arguments, reply)
    assert not (trained / "bad").exists() or not any((trained / "bad").iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: Capture) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", order_rows(8))
    wanted = ["train", "--model", "builtin/ember", "--dataset", str(rows), "--output", str(rows / "out")]
    assert run(wanted) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("Error: ") and "rows.jsonl" in said and "Errno" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["trian"],
        ["train", "--epochs", "many"],
        ["train", "--method", "lor"],
        ["evaluate"],
        ["--what"],
        ["train", "--lr", "nan"],
        ["recommend", "7B", "--vram", "nan"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: Capture) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("Error: ") and len(err.splitlines()) == 1
    assert run([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["type"] == "UsageError"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: Capture) -> None:
    assert run([command, "--help"]) == 0
    assert "--json" in capsys.readouterr().out
    assert wants_json(["x", "--json"]) and not wants_json(["x"])


OPTIONS = {
    "train": [
        "--config -c",
        "--model -m",
        "--dataset -d",
        "--hf-dataset",
        "--output -o",
        "--method",
        "--lora-r",
        "--lora-alpha",
        "--epochs -e",
        "--batch-size -b",
        "--lr",
        "--max-length",
        "--4bit",
        "--fp16",
    ],
}
DEFAULTS = {
    "model": "gpt2",
    "output": "./output",
    "lora_r": 8,
    "lora_alpha": 32,
    "epochs": 3,
    "batch_size": 4,
    "lr": 2e-4,
    "max_length": 512,
}


def test_the_pages_options_and_defaults() -> None:
    from finetune_cli.cli.train import train

    given = {parameter.name: parameter for parameter in train.params}
    spelt = {frozenset(parameter.opts) for parameter in train.params}
    assert {frozenset(words.split()) for words in OPTIONS["train"]} <= spelt
    assert {name: given[name].default for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize("layout", ["pair", "instruction"])
def test_a_converted_configuration_trains_the_same_bytes(layout: str, tmp_path: Path, capsys: Capture) -> None:
    rows = pairs(40)
    if layout == "instruction":
        rows = [{"instruction": row["prompt"], "input": "", "response": row["response"]} for row in rows]
    write_rows(tmp_path / "rows.jsonl", rows)
    path = config_file(tmp_path, "ours", training={"learning_rate": 5e-3})
    assert run(["train", "--config", str(path), "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)["model_path"]
    theirs = config_file(tmp_path, "theirs", training={"learning_rate": 5e-3}, evaluation={"metrics": ["bleu"]})
    assert run(["convert", str(theirs), "--to", "forgelm"]) == 0
    written = tmp_path / "theirs.forgelm.yaml"
    shown = capsys.readouterr().out
    assert str(written) in shown and "finetune-cli evaluate" in shown
    assert (tmp_path / "theirs.forgelm.prepared_data").exists() == (layout == "instruction")
    assert forgelm(["--config", str(written), "--output-format", "json"]) == 0
    engine = json.loads(capsys.readouterr().out)["final_model_path"]
    name = "adapter_model.safetensors"
    assert (Path(ours) / name).read_bytes() == (Path(engine) / name).read_bytes()
    assert run(["convert", str(theirs), "--to", "forgelm"]) == 1
    assert "exists already" in capsys.readouterr().err


def test_the_flags_are_in_the_configuration_of_the_run(tmp_path: Path, capsys: Capture) -> None:
    pytest.importorskip("bitsandbytes")
    rows = write_rows(tmp_path / "rows.jsonl", pairs(24))
    flags = ["--lora-r", "4", "--lora-alpha", "12", "--lora-dropout", "0.25", "--epochs", "1", "--max-length", "96"]
    flags += ["--batch-size", "1", "--lr", "1e-2"]
    wanted = ["train", "-m", "builtin/ember", "-d", str(rows), "-o", str(tmp_path / "out"), "--method", "qlora", *flags]
    assert run([*wanted, "--4bit", "--log-level", "info"]) == 0
    assert "INFO" in capsys.readouterr().err
    found = yaml.safe_load((tmp_path / "out" / "resolved_config.yaml").read_text())
    assert (found["lora"]["r"], found["lora"]["alpha"], found["lora"]["dropout"]) == (4, 12, 0.25)
    assert (found["model"]["load_in_4bit"], found["model"]["max_length"]) == (True, 96)


def test_an_adapter_is_scored_on_the_base_that_is_named(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(trained / "out" / "final_model", tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base_model_name_or_path": None}))
    asked = ["evaluate", str(tmp_path / "adapter"), "-d", str(trained / "rows.jsonl"), "--num-samples", "2"]
    assert run([*asked, "--metrics", "perplexity"]) == 1
    assert "--base-model" in capsys.readouterr().err
    assert run([*asked, "--metrics", "perplexity", "--base-model", "builtin/ember"]) == 0
