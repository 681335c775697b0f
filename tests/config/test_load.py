"""From a file and overrides to a configuration, or one error in which every problem has its place."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from damage import survive

from forgelm.base.errors import ConfigError, Problem
from forgelm.config import load_config

Write = Callable[[str | bytes], str]
HEAD = "model:\n  name_or_path: base\nlora: {}\ndata:\n  dataset_name_or_path: rows.jsonl\ntraining:\n"
WHOLE = HEAD + "  seed: 1\n"


def problems_of(path: str, *overrides: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    assert caught.value.exit_code == 1
    assert all(str(problem) in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


def problem_of(path: str, *overrides: str) -> Problem:
    (problem,) = problems_of(path, *overrides)
    return problem


def test_a_valid_file_loads(write: Write) -> None:
    config = load_config(write(HEAD + "  learning_rate: 2e-5\n  output_dir: ./out\n"))
    assert (config.training.learning_rate, config.training.output_dir) == (2e-5, "./out")


def test_path_objects_and_a_byte_order_mark_are_fine(write: Write) -> None:
    assert load_config(Path(write(b"\xef\xbb\xbf" + WHOLE.encode()))).training.seed == 1


def test_empty_training_and_lora_mappings_are_legal(write: Write, minimal: str) -> None:
    config = load_config(write(minimal))
    assert (config.lora is not None, config.training.seed) == (True, 42)


def test_null_lora_is_full_fine_tuning_but_a_blank_one_is_a_mistake(write: Write) -> None:
    assert load_config(write(WHOLE.replace("lora: {}", "lora: null"))).lora is None
    problem = problem_of(write(WHOLE.replace("lora: {}", "lora:\n  # r: 16")))
    assert (problem.line, problem.path, problem.message) == (3, "lora", "this section is empty")
    assert "lora: null" in str(problem)


def test_missing_file(tmp_path: Path) -> None:
    problem = problem_of(str(tmp_path / "none.yaml"))
    assert (problem.file, problem.message) == (str(tmp_path / "none.yaml"), "there is no such file")


def test_folder(tmp_path: Path) -> None:
    assert "folder" in problem_of(str(tmp_path)).message


def test_path_that_no_file_can_have() -> None:
    assert "cannot be read" in problem_of("a\0b.yaml").message


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(write: Write) -> None:
    path = write(WHOLE)
    os.chmod(path, 0)
    assert "cannot be read: Permission denied" in problem_of(path).message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_file_may_be_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(WHOLE,))
    writer.start()
    assert load_config(path).training.seed == 1
    writer.join()


def test_text_in_another_encoding_is_placed(write: Write) -> None:
    problem = problem_of(write("model:\n  name_or_path: Größe\n".encode("latin-1")))
    assert (problem.line, problem.column) == (2, 19)
    assert "UTF-8" in problem.message
    assert "UTF-8" in problem_of(write(WHOLE.encode("utf-16"))).message


def test_oversized_file(write: Write) -> None:
    assert "larger than 1 MiB" in problem_of(write(b"#" * (1 << 20) + b"\n")).message


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n", "---\n"])
def test_empty_file(write: Write, content: str) -> None:
    problem = problem_of(write(content))
    assert problem.message == "the file is empty"
    assert problem.line is not None


@pytest.mark.parametrize(
    ("content", "got"), [("- a\n- b\n", "a list"), ("text\n", "a single value"), ("3", "a single")]
)
def test_file_that_is_no_mapping(write: Write, content: str, got: str) -> None:
    problem = problem_of(write(content))
    assert f"a mapping of sections is needed, got {got}" in problem.message
    assert problem.line == 1


def test_twelve_wrong_keys_give_twelve_lines(write: Write) -> None:
    keys = [f"wrong_{number}" for number in range(12)]
    path = write(HEAD + "".join(f"  {key}: 1\n" for key in keys))
    problems = problems_of(path)
    assert [problem.path for problem in problems] == [f"training.{key}" for key in keys]
    assert [(problem.line, problem.column) for problem in problems] == [(line, 3) for line in range(7, 19)]
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert len(str(caught.value).splitlines()) == 13
    assert f"{path}:7:3: training.wrong_0: unknown key" in str(caught.value)


def test_problems_of_text_and_meaning_come_together_in_order(write: Write) -> None:
    problems = problems_of(write(HEAD + "  seed: -1\n  seed: 2\n  optim: adam\n  on: 1\n"))
    assert [problem.line for problem in problems] == [7, 8, 9, 10]


def test_unknown_key_points_at_the_key_and_wrong_value_at_the_value(write: Write) -> None:
    misspelt, wrong = problems_of(write(HEAD + "  seeed: 1\n  seed: x\n"))
    assert str(misspelt).endswith("run.yaml:7:3: training.seeed: unknown key (did you mean 'seed'?)")
    assert str(wrong).endswith("run.yaml:8:9: training.seed: a whole number is needed, got 'x'")


def test_missing_key_points_at_its_section(write: Write) -> None:
    problem = problem_of(write("lora: {}\ntraining: {}\ndata: {dataset_name_or_path: x}\nmodel:\n  max_length: 5\n"))
    assert (problem.path, problem.line, problem.column) == ("model.name_or_path", 4, 1)


def test_conflict_between_sections_has_a_line(write: Write) -> None:
    problem = problem_of(write(WHOLE + "compliance:\n  risk_classification: high-risk\n"))
    assert (problem.path, problem.line) == ("compliance.risk_classification", 9)


def test_token_is_in_no_error(write: Write) -> None:
    token = "my-private-token"
    for text in (f"auth: {{hf_token: [{token}]}}", f"auth: {{hf_tken: {token}}}", f"auth: {token}"):
        with pytest.raises(ConfigError) as caught:
            load_config(write(f"{WHOLE}{text}\n"))
        assert token not in str(caught.value)


# one mistake each: (what stands under `training:` or after it, path, line, part of the message)
CORPUS = [
    ("  learning_rat: 1\n", "training.learning_rat", 7, "did you mean 'learning_rate'"),
    ("  lr: 1\n", "training.lr", 7, "did you mean 'learning_rate'"),
    ("  batch_size: 1\n", "training.batch_size", 7, "per_device_train_batch_size"),
    ("  max_length: 1\n", "training.max_length", 7, "did you mean 'model.max_length'"),
    ("  zzz: 1\n", "training.zzz", 7, "unknown key"),
    ("  Seed: 1\n", "training.Seed", 7, "did you mean 'seed'"),
    ("  seed: 1\n  seed: 2\n", "training.seed", 8, "twice"),
    ("  no: 1\n", "training", 7, "a key must be text"),
    ("  seed: -1\n", "training.seed", 7, "at least 0"),
    ("  seed: 1.5\n", "training.seed", 7, "whole number"),
    ("  seed: yes\n", "training.seed", 7, "a number is needed, got true"),
    ("  seed:\n", "training.seed", 7, "got nothing"),
    ("  seed: [1]\n", "training.seed", 7, "got a list"),
    ("  seed: {a: 1}\n", "training.seed", 7, "got a mapping"),
    ("  seed: one\n", "training.seed", 7, "got 'one'"),
    ("  learning_rate: 0\n", "training.learning_rate", 7, "above 0"),
    ("  learning_rate: .nan\n", "training.learning_rate", 7, "finite"),
    ("  learning_rate: .inf\n", "training.learning_rate", 7, "finite"),
    ("  warmup_ratio: 1.1\n", "training.warmup_ratio", 7, "at most 1"),
    ("  num_train_epochs: 0\n", "training.num_train_epochs", 7, "at least 1"),
    ("  trainer_type: sfft\n", "training.trainer_type", 7, "did you mean 'sft'"),
    ("  trainer_type: ppo\n", "training.trainer_type", 7, "allowed: sft, dpo, simpo, kto, orpo, grpo"),
    ("  galore_rank: 0\n", "training.galore_rank", 7, "at least 1"),
    ("  report_to: no\n", "training.report_to", 7, "got false"),
    ("  report_to: null\n", "training.report_to", 7, "allowed: tensorboard, wandb, mlflow, trackio, none"),
    ("  run_name: off\n", "training.run_name", 7, "quotes"),
    ("  run_name: 12\n", "training.run_name", 7, "quotes"),
    ("  bf16: true\n  fp16: true\n", "training.fp16", 8, "cannot both be true"),
    ("  packing: maybe\n", "training.packing", 7, "true or false"),
    ("  final_model_dir: ../up\n", "training.final_model_dir", 7, "plain folder name"),
    ("  output_dir: ''\n", "training.output_dir", 7, "blank"),
    ("  rope_scaling: {type: yarn}\n", "training.rope_scaling", 7, "factor"),
    ("  rope_scaling: yarn\n", "training.rope_scaling", 7, "mapping"),
    ("  seed: !!python/name:os.system\n", "training.seed", 7, "tag"),
    ("  {}\nsynthetic: {enabled: maybe}\n", "synthetic.enabled", 8, "true or false"),
    ("  {}\nwebhok: {url: x}\n", "webhok", 8, "unknown key"),
    ("  {}\nevaluation: 3\n", "evaluation", 8, "mapping"),
    ("  {}\nsynthetic:\n  enabled: true\n", "synthetic.teacher_model", 8, "needs the teacher"),
    ("  {}\npipeline:\n  stages: []\n", "pipeline.stages", 9, "at least 1"),
    ("  {}\nevaluation:\n  approval:\n    min_approvers: 2\n", "evaluation.approval", 9, "nobody is asked"),
    (
        "  {}\nretention: {staging_ttl_days: 4}\nevaluation:\n  staging_ttl_days: 3\n",
        "evaluation.staging_ttl_days",
        10,
        "contradicts retention.staging_ttl_days: 4",
    ),
    ("  {}\nevaluation: {max_acceptable_loss: low}\n", "evaluation.max_acceptable_loss", 8, "a number"),
    ("  {}\nauth: {hf_token: 12}\n", "auth.hf_token", 8, "text is needed"),
    (
        "  {}\ncompliance:\n  risk_classification: high\n",
        "compliance.risk_classification",
        9,
        "did you mean 'high-risk'",
    ),
    ("  {}\ncompliance:\n  system_version: 1.0\n", "compliance.system_version", 9, "quotes"),
    ("  {}\nrisk_assessment:\n  foreseeable_misuse: x\n", "risk_assessment.foreseeable_misuse", 9, "a list"),
    (
        "  {}\nrisk_assessment:\n  foreseeable_misuse:\n    - x\n    - 2\n",
        "risk_assessment.foreseeable_misuse[1]",
        11,
        "text",
    ),
    ("  {}\nrisk_assessment: {risk_category: unacceptable}\n", "risk_assessment.risk_category", 8, "safety evaluation"),
    ("  {}\ntraining.seed: 3\n", "training.seed", 8, "write 'seed' under 'training:'"),
    ("  seed: [1\n", "", 8, "not valid YAML"),
    ("  seed: 1\n\teval_steps: 2\n", "", 8, "a tab is used for indentation"),
    ("  seed: 'a\n", "", 8, "not valid YAML"),
    ("  seed: *x\n", "", 7, "undefined alias"),
    ("  - seed\n", "training", 7, "got a list"),
]


@pytest.mark.parametrize(("text", "path", "line", "message"), CORPUS, ids=[repr(entry[0])[:40] for entry in CORPUS])
def test_mistake_is_found_where_it_stands(write: Write, text: str, path: str, line: int, message: str) -> None:
    problem = problem_of(write(HEAD + text))
    assert (problem.path, problem.line) == (path, line)
    assert problem.column is not None
    assert message in str(problem)


def test_corpus_has_fifty_mistakes() -> None:
    assert len(CORPUS) >= 50


def test_overrides_win_in_order_and_are_read_as_yaml(write: Write) -> None:
    config = load_config(
        write(WHOLE),
        [
            "training.seed=2",
            "training.seed=3",
            "training.learning_rate=2e-5",
            "evaluation.auto_revert=true",
            "data.extra_datasets=[a.jsonl, b.jsonl]",
            "data.governance.dpia_completed=yes",
            "training.run_name='no'",
            "model.name_or_path=a=b",
            "lora.r=16",
        ],
    )
    assert config.training.seed == 3
    assert config.evaluation is not None and config.evaluation.auto_revert is True
    assert config.data.extra_datasets == ["a.jsonl", "b.jsonl"]
    assert config.data.governance is not None and config.data.governance.dpia_completed is True
    assert (config.training.run_name, config.model.name_or_path) == ("no", "a=b")
    assert config.lora is not None and config.lora.r == 16


def test_override_can_mend_the_file_and_switch_the_adapter(write: Write) -> None:
    assert load_config(write(HEAD + "  seed: -1\n"), ["training.seed=1"]).training.seed == 1
    assert load_config(write(WHOLE), ["lora=null"]).lora is None
    lora = load_config(write(WHOLE.replace("lora: {}", "lora: null")), ["lora.r=4"]).lora
    assert lora is not None and lora.r == 4


@pytest.mark.parametrize(
    ("override", "place", "message"),
    [
        ("training.seed=x", "--set training.seed", "a whole number is needed"),
        ("training.seeed=1", "--set training.seeed", "did you mean 'seed'"),
        ("data.extra_datasets=[1]", "--set data.extra_datasets", "data.extra_datasets[0]: text is needed"),
        ("training=3", "--set training", "a mapping of keys to values is needed"),
        ("training.seed.x=3", "--set training.seed.x", "'training.seed' is not a section"),
        ("model.name_or_path.x.y=3", "--set model.name_or_path.x.y", "is not a section"),
        ("training.seed=[", "--set training.seed", "not valid YAML"),
        ("training.run_name=@x", "--set training.run_name", "not valid YAML"),
        ("training.run_name=a\x00b", "--set training.run_name", "U+0000"),
        ("training.run_name=\udcff", "--set training.run_name", "U+DCFF"),
        ("training.run_name=no", "--set training.run_name", "quotes"),
        ("training.rope_scaling={a: 1, a: 2}", "--set training.rope_scaling", "twice"),
        ("training.seed=", "--set training.seed", "there is no value"),
        ("lora=", "--set lora", "there is no value"),
        ("training.seed", "--set training.seed", "has the form section.key=value"),
        ("=1", "--set", "has the form section.key=value"),
        ("a..b=1", "--set a..b", "has the form section.key=value"),
        ("", "--set", "has the form section.key=value"),
        ("model.backend=unslot", "--set model.backend", "did you mean 'unsloth'"),
    ],
)
def test_wrong_override_is_named(write: Write, override: str, place: str, message: str) -> None:
    problem = problem_of(write(WHOLE), override)
    assert problem.file is not None and problem.file.strip() == place
    assert problem.line is None
    assert message in str(problem)


def test_secret_in_an_override_is_not_shown(write: Write) -> None:
    for override in ("auth.hf_token=[secret-value]", "auth.hf_token secret-value", "auth.hf_tokn=secret-value"):
        with pytest.raises(ConfigError) as caught:
            load_config(write(WHOLE), [override])
        assert "secret-value" not in str(caught.value)


def test_wrong_file_and_wrong_override_are_reported_together(write: Write) -> None:
    problems = problems_of(write(HEAD + "  seed: -1\n"), "lora.r=0", "model.max_length=0")
    assert [problem.path for problem in problems] == ["training.seed", "model.max_length", "lora.r"]


def test_loading_logs_what_is_unwise(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "forgelm.config"):
        load_config(write(WHOLE), ["lora.r=128"])
    assert "rslora" in caplog.text


@pytest.mark.parametrize("count", [150, pytest.param(5000, marks=pytest.mark.torture)])
def test_a_damaged_file_is_read_or_refused(count: int, tmp_path: Path) -> None:
    survived = survive("yaml", count, tmp_path)
    assert min(survived.read, survived.refused) > count / 100
