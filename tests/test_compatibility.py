"""The contract's items: that each is here and shown stands in ``test_house.py``; here, that what is wrong is found."""

from __future__ import annotations

import copy
from typing import Any

import compatibility
import pytest

ITEMS: dict[str, dict[str, Any]] = {
    "field": {"lora.r": {"default": 8}, "lora.bias": {"default": "none", "choices": ["none", "all"]}},
    "exit code": {"3": {"meaning": "a gate failed"}},
    "file": {"audit_log.jsonl": {}, "final_model.staging.<run_id>/": {"named": ".staging."}},
}
LINKS = {
    "field": {"lora.r": "gate/test_decide.py::test_ceiling_baseline_and_both"},
    "exit code": {"3": "cli/test_train.py::test_a_refused_model_is_exit_3"},
}
LINKS["field"]["lora.bias"] = LINKS["field"]["lora.r"]
LINKS["file"] = dict.fromkeys(ITEMS["file"], LINKS["field"]["lora.r"])


def problems(kind: str, name: str, facts: Any = None, test: str | None = LINKS["field"]["lora.r"]) -> str:
    """What is found wrong when an item is put in, or its facts or its test are changed."""
    items, links = copy.deepcopy(ITEMS), copy.deepcopy(LINKS)
    items.setdefault(kind, {})[name] = items[kind][name] if facts is None else facts
    links.setdefault(kind, {})[name] = test  # type: ignore[assignment]
    return "\n".join(compatibility.find_problems(items, links))


def test_what_agrees_is_no_problem() -> None:
    assert compatibility.find_problems(ITEMS, LINKS) == []


@pytest.mark.parametrize(
    ("kind", "name", "facts", "said"),
    [
        ("field", "lora.r", {"default": 9}, "field lora.r: default is 8, the contract's 9"),
        ("field", "lora.bias", {"choices": ["none", "some"]}, "choices is"),
        ("field", "lora.rank", {"default": 8}, "field lora.rank: it is not here"),
        ("field", "lora.r", {"required": True}, "required is None"),
        ("field", "lora.r", {"default": 8, "differs": "because"}, "it does not differ"),
        ("option", "forgelm chat --loud", {}, "it is not here"),
        ("option", "forgelm chat --temperature", {"default": 1.0}, "default is 0.7"),
        ("command", "forgelm chat", {"arguments": ["MODEL"]}, "arguments is ['MODEL_PATH']"),
        ("event", "run.opened", {}, "it is not here"),
        ("file", "no_such_file.json", {}, "it is not here"),
        ("symbol", "forgelm.load_configuration", {}, "it is not here"),
        ("symbol", "forgelm.load_config", {"tier": "experimental"}, "it is stable"),
        ("symbol", "forgelm.VerifyResult", {"fields": ["valid", "sound"]}, "it lacks ['sound']"),
        ("symbol", "forgelm.ConfigError", {"base": "OSError"}, "it is no OSError"),
        ("symbol", "forgelm.__api_version__", {"value": "0"}, "its value is"),
        ("symbol", "finetune_cli.core.types.DatasetSource", {"members": ["ftp"]}, "it lacks ['ftp']"),
        ("legend", "x", {}, "legend is no kind of item"),
    ],
)
def test_what_differs_is_a_problem_unless_it_says_why(kind: str, name: str, facts: dict[str, Any], said: str) -> None:
    if kind == "legend":
        assert compatibility.find_problems({kind: {}}, {}) == [said]
        return
    assert said in problems(kind, name, facts)
    if "differs" not in facts:
        assert problems(kind, name, {**facts, "differs": "because"}) == ""


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (None, "no test shows it"),
        ("gate/test_decide.py::test_nothing", "'make test' runs no gate/test_decide.py::test_nothing"),
        ("gate/test_nowhere.py::test_ceiling_baseline_and_both", "name gate/test_decide.py in docs/shown_by.yaml"),
        ("run/pipeline/test_run.py::test_killed_ten_times_it_ends_with_the_same_models", "'make test' runs no"),
    ],
)
def test_an_item_needs_a_test_that_runs(test: str | None, said: str) -> None:
    assert said in problems("field", "lora.r", test=test)


def test_a_test_may_be_named_for_what_is_ours_and_for_nothing_else() -> None:
    links = copy.deepcopy(LINKS)
    links["field"]["training.seed"] = links["field"]["lora.r"]
    assert compatibility.find_problems(ITEMS, links) == []
    links["field"]["training.sed"] = links["field"]["lora.r"]
    assert compatibility.find_problems(ITEMS, links) == ["field training.sed: a test, but nothing of this name"]


def call(path: str, mode: int = 1, *, strict: bool = False, **more: Any) -> None: ...


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ("(path)", None),
        ("(path, mode=1, *, strict=False)", None),
        ("(file, /, mode=1)", None),
        ("(path, **fields)", None),
        ("(path, *, mode=1)", None),
        ("(file)", "there is no parameter file"),
        ("(path, mode=2)", "mode defaults to 1"),
        ("(path, strict=False)", "strict is not parameter 2"),
        ("()", "path must be given"),
        ("(path, mode, strict)", "strict is not parameter 3"),
    ],
)
def test_signatures_are_compared_by_the_calls_they_allow(wanted: str, problem: str | None) -> None:
    assert compatibility.compare_signatures(wanted, call) == problem


def test_no_further_keywords_where_there_are_none() -> None:
    assert compatibility.compare_signatures("(path, **fields)", lambda path: path) == "there is no parameter fields"


def test_what_the_contract_lacks_is_listed() -> None:
    additions = compatibility.find_additions(ITEMS)
    assert "lora.r" not in additions["field"] and "training.seed" in additions["field"]
    assert additions["exit code"] == ["0", "1", "2", "4", "5", "6", "75"]
    assert set(additions) == set(ITEMS)
