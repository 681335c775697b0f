"""The built-in rewards, functions of the user's, and every way in which one may fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from forgelm.base.errors import ConfigError, TrainingError
from forgelm.config.training import TrainingConfig
from forgelm.train.rewards import (
    Reward,
    check_answers,
    choose_rewards,
    reward_combined,
    reward_correctness,
    reward_format,
    reward_length,
    score_all,
)

MESSAGE = [{"role": "assistant", "content": "It is so.\nAnswer: 4"}]


def chosen(*columns: str, **training: Any) -> tuple[Reward, ...]:
    return choose_rewards(TrainingConfig(trainer_type="grpo", **training), columns)


def test_format_length_and_both() -> None:
    texts = ["Answer: 4", "so\nanswer: four \n", "Answer:", "Answer: 4\nmore", MESSAGE]
    assert reward_format(completions=texts) == [1, 1, 0, 0, 1]
    assert reward_length(completions=["", "x" * 50, "x" * 500]) == [0, 0.25, 1]
    assert reward_combined(completions=["Answer: " + "4" * 192]) == [1.0]


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("Answer: 4", "4", 1),
        ("Answer: 3\nno, Answer: 4.", "4", 1),
        ("Answer: 4.0000001", 4, 1),
        ("Answer: 1,234 km/h", "1234", 1),
        ("Answer: $5", "5", 1),
        ("Answer: 12 kg.", "12", 1),
        ("Answer: Paris!", "Paris", 1),
        ("Answer: 5", "4", 0),
        ("4", "4", 0),
        ("Answer: 4", "", None),
        ("Answer: 4", None, None),
    ],
)
def test_correctness_reads_the_last_answer(text: str, gold: Any, right: float | None) -> None:
    assert reward_correctness(completions=[text], gold_answer=[gold]) == [right]


def test_the_default_looks_for_a_right_answer_where_there_is_one() -> None:
    assert [reward.name for reward in chosen("gold_answer")] == ["combined", "correctness"]
    assert [reward.name for reward in chosen("level")] == ["combined"]
    with pytest.raises(ConfigError, match="no gold_answer"):
        chosen("level", grpo_rewards=["correctness"])


def test_weights_and_rewards_that_do_not_apply() -> None:
    rewards = chosen("gold_answer", grpo_rewards=["format", "correctness"], grpo_reward_weights=[0.5, 2])
    given = {"completions": ["Answer: 4", "Answer: 4"], "prompts": ["", ""], "gold_answer": ["4", None]}
    assert score_all(rewards, **given) == [2.5, 0.5]


def write(folder: Path, body: str) -> str:
    path = folder / "mine.py"
    path.write_text(f"def score(prompts, completions, level, **_):\n    {body}\n")
    return f"{path}:score"


def test_a_function_of_the_users_gets_the_columns(tmp_path: Path) -> None:
    (reward,) = chosen("level", grpo_rewards=write(tmp_path, "return [len(c) * n for c, n in zip(completions, level)]"))
    assert reward.score(prompts=["", ""], completions=["ab", "abc"], level=[1, 2]) == [2.0, 6.0]
    assert len(str(reward.source)) == 64


def test_a_function_is_found_by_module_too() -> None:
    (reward,) = chosen(grpo_rewards="forgelm.train.rewards:reward_length")
    assert reward.score(prompts=[""], completions=["x" * 100]) == [0.5]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 1 / 0", r"the reward score failed: ZeroDivisionError: division by zero \(\S+mine.py:2\)"),
        ("raise KeyError('gold')", "KeyError"),
        ("raise RuntimeError('the scorer\\nis away')", "RuntimeError: the scorer is away"),
        ("raise type('Quota', (Exception,), {})('no more')", r"failed: Quota: no more \(\S+mine.py:2\)"),
        ("import sys; sys.exit(0)", "failed: SystemExit: 0"),
        ("assert False, 'no'", "AssertionError: no"),
        ("return [1.0]", r"the reward score \(\S+mine.py:1\) returned 1 rewards for 2"),
        ("return [1.0, float('nan')]", "returned nan for completion 2 of 2, which is no number"),
        ("return [1.0, float('inf')]", "no number"),
        ("return [1.0, 10**400]", "for completion 2 of 2, which is no number"),
        ("return ['a', 'b']", "'a' for completion 1 of 2, which is no number"),
        ("return None", "returned NoneType, which is no list"),
        ("import numpy; return numpy.ones((2, 2))", "which is no number"),
    ],
)
def test_a_function_that_fails_ends_the_training_with_its_name(tmp_path: Path, body: str, message: str) -> None:
    (reward,) = chosen("level", grpo_rewards=write(tmp_path, body))
    with pytest.raises(TrainingError, match=message) as caught:
        reward.score(prompts=["", ""], completions=["a", "b"], level=[1, 2])
    assert "score" in str(caught.value) and caught.value.hint
    assert "\n" not in caught.value.message


def test_a_number_of_any_library_is_a_number(tmp_path: Path) -> None:
    body = "import numpy, torch; return [numpy.float32(0.5), torch.tensor(2.0)]"
    (reward,) = chosen("level", grpo_rewards=write(tmp_path, body))
    assert reward.score(prompts=["", ""], completions=["a", "b"], level=[1, 2]) == [0.5, 2.0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lenght", "no reward 'lenght'"),
        ("no_such_module:score", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'$"),
        ("forgelm.train.rewards:gone", "has no function 'gone'"),
        ("/gone/file.py:score", "no file /gone/file.py"),
    ],
)
def test_a_reward_that_cannot_be_found_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        chosen(grpo_rewards=name)


def test_a_file_that_is_no_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def score(:\n")
    with pytest.raises(ConfigError, match="cannot be imported"):
        chosen(grpo_rewards=f"{tmp_path / 'broken.py'}:score")
    (tmp_path / "script.py").write_text("import sys\nsys.exit(2)\n")
    with pytest.raises(ConfigError, match=r"cannot be imported: SystemExit: 2 \(\S+script.py:2\)"):
        chosen(grpo_rewards=f"{tmp_path / 'script.py'}:score")


def test_trl_names_its_metrics_by_ours() -> None:
    assert check_answers("mine", reward_length).__name__ == "mine"
