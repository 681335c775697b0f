"""The dialogue with lines that are handed to it; the file it makes is read by the real loader."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forgelm.assist.wizard.compose import MORE, build_sections, find_problems, write_config
from forgelm.assist.wizard.dialogue import Talk, confirm, hold
from forgelm.assist.wizard.questions import build_questions, read_answer
from forgelm.assist.wizard.rows import propose_trainer
from forgelm.assist.wizard.state import Answers, Given, find_state, load_answers, save_answers
from forgelm.base.errors import CancelledError, ConfigError
from forgelm.config.load import load_config
from forgelm.config.schema import build_json_schema
from forgelm.model.gpus import find_gpu

QUESTIONS = build_questions()
TRAINERS = QUESTIONS["training.trainer_type"].choices


class Script:
    """Replies by the field that is asked for, Enter for every other; ``None`` as a reply is the end of the input."""

    def __init__(self, replies: dict[str, list[str | None]]) -> None:
        self.replies = replies
        self.asked: list[str] = []
        self.told: list[str] = []

    def ask(self, prompt: str) -> str | None:
        field = prompt.splitlines()[-1].split()[0]
        self.asked.append(field)
        left = self.replies.get(field, [])
        # A field that Enter does not mend would be asked for ever.
        return left.pop(0) if left else "" if self.asked.count(field) < 5 else None


def hold_script(
    replies: dict[str, list[str | None]], answers: Answers | None = None, **about: Any
) -> tuple[Answers, Script]:
    script = Script(replies)
    return hold(Talk(script.ask, script.told.append, **about), answers or Answers(), lambda _: None), script


def needed(**more: list[str | None]) -> dict[str, list[str | None]]:
    base: dict[str, list[str | None]] = {"model.name_or_path": ["builtin/ember"]}
    return base | {"data.dataset_name_or_path": ["train.jsonl"]} | more


def test_the_questions_are_the_schema() -> None:
    schema = build_json_schema()
    lora = schema["$defs"]["LoraConfig"]["properties"]
    assert [path for path in QUESTIONS if "." not in path] == list(schema["properties"])
    asked = {path.removeprefix("lora."): one for path, one in QUESTIONS.items() if path.startswith("lora.")}
    assert set(asked) == {name for name, field in lora.items() if not field.get("deprecated")}
    assert all(asked[name].about == lora[name]["description"] for name in asked)
    assert (asked["r"].default, asked["r"].bounds) == (lora["r"]["default"], "at least 1")
    assert asked["method"].choices == tuple(lora["method"]["enum"])
    assert all(one.about for one in QUESTIONS.values())


def test_every_section_can_be_gone_through_and_every_kind_of_field_is_asked() -> None:
    """Enter at every field leaves its default; what has none says so until it is answered."""
    sections = [path for path, one in QUESTIONS.items() if one.is_section and "." not in path]
    kinds: set[str] = set()
    for section in sections:
        stop: dict[str, list[str | None]] = {
            path: [None] for path, one in QUESTIONS.items() if one.required and path.count(".") and not one.is_section
        }
        script = Script(stop | needed(**{MORE: [section]}))
        try:
            hold(Talk(script.ask, script.told.append), Answers(), lambda _: None)
        except (CancelledError, ConfigError):
            assert script.told[-1].startswith("!") or QUESTIONS[script.asked[-1]].required, section
        inside = [path for path in script.asked if path.startswith(f"{section}.")]
        assert inside, section
        kinds |= {kind for path in inside for kind in QUESTIONS[path].kinds}
    assert kinds >= {"string", "integer", "number", "boolean", "array", "object", "null", "section"}


@pytest.mark.parametrize(
    ("path", "line", "value"),
    [
        ("model.name_or_path", "null", "null"),
        ("model.revision", "null", None),
        ("model.load_in_4bit", "Yes", True),
        ("lora.r", "16", 16),
        ("lora.target_modules", "all-linear", "all-linear"),
        ("lora.target_modules", "q_proj, k_proj", ["q_proj", "k_proj"]),
        ("data.extra_datasets", "[a, b]", ["a", "b"]),
        ("data.mix_ratio", "1, 0.5", [1, 0.5]),
        ("data.columns", "{messages: chat}", {"messages": "chat"}),
        ("lora", "no", None),
    ],
)
def test_a_line_means_a_value(path: str, line: str, value: Any) -> None:
    assert read_answer(QUESTIONS[path], line) == value


@pytest.mark.parametrize(("path", "line"), [("model.offline", "perhaps"), ("lora", "8"), ("data.columns", "{a: ")])
def test_a_line_that_is_no_value_is_refused(path: str, line: str) -> None:
    with pytest.raises(ConfigError):
        read_answer(QUESTIONS[path], line)


def test_a_bad_answer_is_asked_again_with_the_configurations_own_words() -> None:
    answers, script = hold_script(needed(**{"lora.r": ["0", "x", "4"], "training.trainer_type": ["sfd", "kto"]}))
    assert (answers.given["lora.r"].value, script.asked.count("lora.r")) == (4, 3)
    assert answers.given["training.trainer_type"].value == "kto"
    with pytest.raises(ConfigError) as error:
        from_file = {"model": {"name_or_path": "m"}, "lora": {"r": 0}, "training": {}, "data": {}}
        find = find_problems(Answers(base=from_file), whole=False)
        raise ConfigError("", problems=find)
    assert f"! {error.value.problems[0].message}" in script.told


def test_what_has_no_default_must_be_answered() -> None:
    _, script = hold_script({"model.name_or_path": ["", " ", "m"], "data.dataset_name_or_path": ["d"]})
    assert script.asked.count("model.name_or_path") == 3


def test_back_asks_the_one_before_again_and_a_question_mark_explains() -> None:
    answers, script = hold_script(needed(**{"lora.r": ["4", "32"], "lora.alpha": ["?", "back", "64"]}))
    assert (answers.given["lora.r"].value, answers.given["lora.alpha"].value) == (32, 64)
    assert any("takes: integer" in told for told in script.told)


def test_reset_asks_all_anew_and_short_words_do_the_same() -> None:
    replies = needed(**{"lora.r": ["4", "r", "16"], "lora.alpha": ["b"], "training.output_dir": ["", "again"]})
    answers, script = hold_script(replies | {"model.name_or_path": ["builtin/ember", "m"]} | needed_twice())
    assert script.asked.count("model.name_or_path") == 2
    assert answers.given["training.output_dir"].value == "again"
    with pytest.raises(CancelledError):
        hold_script(needed(**{"lora.r": ["c"]}))


def needed_twice() -> dict[str, list[str | None]]:
    return {"data.dataset_name_or_path": ["train.jsonl", "other.jsonl"]}


@pytest.mark.parametrize(("size", "in_4bit"), [("70B", True), ("8B", False)])
def test_a_gpu_gets_proposals_that_fit_it(size: str, in_4bit: bool) -> None:
    """Seventy billion weights want four bits on one GPU; eight billion are taken as they are."""
    named: dict[str, list[str | None]] = {"model.name_or_path": [f"meta-llama/Llama-3.1-{size}-Instruct"]}
    answers, _ = hold_script(needed(**named), find_gpu=lambda: find_gpu("h100-80gb"))
    sections = build_sections(answers)
    assert sections["model"].get("load_in_4bit", True) is in_4bit
    assert sections["training"]["learning_rate"] == 2e-4


def test_advice_is_left_where_the_adapter_was_decided_otherwise() -> None:
    replies = needed(**{"model.name_or_path": ["meta-llama/Llama-3.1-8B-Instruct"], "lora": ["no"]})
    answers, _ = hold_script(replies, find_gpu=lambda: find_gpu("h100-80gb"))
    assert "learning_rate" not in build_sections(answers)["training"]


def test_a_dataset_can_be_made_ready_and_a_secret_is_asked_for_by_itself() -> None:
    hidden: list[str] = []

    def ask_secret(prompt: str) -> str:
        hidden.append(prompt.splitlines()[-1].split()[0])
        return "hf_x"

    replies = needed(**{MORE: ["auth"]})
    answers, script = hold_script(replies, ask_secret=ask_secret, prepare=lambda name: f"made-of-{name}")
    assert answers.given["data.dataset_name_or_path"].value == "made-of-train.jsonl"
    assert (hidden, answers.given["auth.hf_token"].value) == (["auth.hf_token"], "hf_x")
    assert "auth.hf_token" not in script.asked


def test_no_adapter_asks_nothing_about_one() -> None:
    answers, script = hold_script(needed(lora=["no"]))
    assert build_sections(answers)["lora"] is None
    assert not {"lora.r", "lora.alpha", "model.load_in_4bit"} & set(script.asked)


def test_what_only_the_whole_shows_is_asked_at_the_end() -> None:
    """Each answer alone is fine; together they are not."""
    replies = needed(**{MORE: ["data"], "data.mix_ratio": ["1, 2"]})
    with_mix = Answers({"data.mix_ratio": Given([1, 2])})
    answers, script = hold_script(replies, with_mix)
    assert "data.mix_ratio" in script.asked
    assert any("weights" in told for told in script.told)
    assert find_problems(Answers({**answers.given, "data.mix_ratio": Given(kept=True)}), whole=True) == ()


def test_answers_are_saved_one_by_one_and_gone_on_with(tmp_path: Path) -> None:
    state = find_state({"XDG_CACHE_HOME": str(tmp_path)})
    assert state == tmp_path / "forgelm" / "wizard_state.yaml"
    script = Script(needed(**{"lora.r": ["4"], "lora.alpha": [None]}))
    with pytest.raises(CancelledError):
        hold(Talk(script.ask, script.told.append), Answers(), lambda now: save_answers(state, now))
    if os.name == "posix":
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
    kept = load_answers(state)
    assert kept is not None
    assert kept.given["lora.r"] == Given(4)
    answers, script = hold_script({}, kept)
    assert script.asked[0] == "lora.alpha"
    assert answers.given["lora.r"] == Given(4)


def test_answers_to_another_version_are_left_out(tmp_path: Path) -> None:
    answers, _ = hold_script(needed(), Answers({"model.of_old": Given(1)}))
    assert "model.of_old" not in answers.given
    state = tmp_path / "state.yaml"
    assert load_answers(state) is None
    for content in (
        "version: 9\nanswers: []\n",
        "- 1\n",
        "version: 1\nanswers: [x]\n",
        "version: 1\nanswers: []\nbase: 7\n",
    ):
        state.write_text(content)
        with pytest.raises(ConfigError, match="answer"):
            load_answers(state)


def test_the_file_is_read_as_it_was_answered(tmp_path: Path) -> None:
    replies = needed(
        **{"training.output_dir": ['a "b": #c'], MORE: ["compliance"], "compliance.system_name": ["Ä: [x"]}
    )
    answers, _ = hold_script(replies)
    path = write_config(tmp_path / "c.yaml", answers, QUESTIONS)
    config = load_config(path)
    assert config.training.output_dir == 'a "b": #c'
    assert config.compliance is not None
    assert config.compliance.system_name == "Ä: [x"
    assert f"  # {QUESTIONS['training.output_dir'].about}\n" in path.read_text("utf-8")


def test_what_the_loader_refuses_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("mine")
    with pytest.raises(ConfigError):
        write_config(path, Answers({"lora.r": Given(0)}), QUESTIONS)
    assert path.read_text() == "mine"
    assert [item.name for item in tmp_path.iterdir()] == ["c.yaml"]


def test_a_file_to_begin_with_is_proposed_and_what_is_not_asked_stays() -> None:
    base = {
        "model": {"name_or_path": "m", "max_length": 77},
        "lora": {"r": 3},
        "training": {"seed": 5},
        "data": {"dataset_name_or_path": "d"},
    }
    answers, _ = hold_script({}, Answers(base=base))
    sections = build_sections(answers)
    assert (sections["model"], sections["lora"], sections["training"]["seed"]) == (base["model"], {"r": 3}, 5)


@pytest.mark.parametrize(
    ("row", "trainer"),
    [
        ({"prompt": "a", "completion": "b"}, "sft"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "dpo"),
        ({"prompt": "a", "completion": "b", "label": True}, "kto"),
        ({"prompt": "a"}, "grpo"),
        ({"unknown": 1}, None),
    ],
)
def test_the_rows_propose_the_trainer(row: dict[str, Any], trainer: str | None, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    found, why = propose_trainer(str(path), TRAINERS)
    assert found == trainer
    assert why


def test_rows_elsewhere_are_not_fetched() -> None:
    assert propose_trainer("somebody/rows", TRAINERS)[0] is None


@pytest.mark.parametrize(("lines", "said"), [(["what", "no"], False), ([""], True), (["Y"], True)])
def test_yes_or_no(lines: list[str], said: bool) -> None:
    ask: Callable[[str], str] = lambda _: lines.pop(0)  # noqa: E731
    assert confirm(Talk(ask, lambda _: None), "?", default=True) is said
