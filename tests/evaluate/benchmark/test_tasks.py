"""Names into tasks: nearest names, a user's folders, data beside the file, groups and tags, offline."""

from __future__ import annotations

from pathlib import Path

import pytest
from tasks import write_task

from forgelm.base.errors import ConfigError, ModelError
from forgelm.evaluate.benchmark.tasks import Benchmark, check_code, load_tasks


def test_the_bundled_tasks_are_there_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = load_tasks(["cafe", "cafe_talk"])
    assert found.benchmarks == (
        Benchmark("cafe", ("cafe_orders", "cafe_records")),
        Benchmark("cafe_talk", ("cafe_talk",)),
    )
    assert sorted(found.single) == ["cafe_orders", "cafe_records", "cafe_talk"]
    assert len(found.single["cafe_orders"].eval_docs) == 64


def test_a_task_of_ones_own_finds_the_data_beside_it(tmp_path: Path) -> None:
    write_task(tmp_path / "mine", "numbers")
    found = load_tasks(["numbers"], [str(tmp_path / "mine")])
    assert found.single["numbers"].eval_docs[3] == {"q": "say 3", "a": "3"}


def test_a_group_counts_by_size_where_it_says_so_and_a_tag_is_its_tasks(tmp_path: Path) -> None:
    write_task(tmp_path, "one", extra="tag: [both]\n")
    write_task(tmp_path, "two", rows=2, extra="tag: [both]\n")
    (tmp_path / "sized.yaml").write_text(
        "group: sized\ntask: [one, two]\naggregate_metric_list: [{metric: exact_match, weight_by_size: true}]\n"
    )
    assert load_tasks(["sized"], [str(tmp_path)]).benchmarks == (Benchmark("sized", ("one", "two"), by_size=True),)
    assert load_tasks(["both"], [str(tmp_path)]).benchmarks == (Benchmark("both", ("one", "two")),)


def test_a_wrong_name_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no benchmark 'arc_esy'; did you mean arc_easy or"):
        load_tasks(["arc_esy"])
    with pytest.raises(ConfigError, match=r"no benchmark 'qqqqqqqq'; `lm-eval ls tasks` lists them"):
        load_tasks(["qqqqqqqq"])


def test_a_task_twice_a_missing_folder_and_an_empty_set_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cafe_orders"):
        load_tasks(["cafe", "cafe_orders"])
    with pytest.raises(ConfigError, match="no folder"):
        load_tasks(["cafe"], [str(tmp_path / "nowhere")])
    write_task(tmp_path, "empty", rows=0)
    with pytest.raises(ConfigError, match="empty"):
        load_tasks(["empty"], [str(tmp_path)])
    write_task(tmp_path, "lost")
    (tmp_path / "lost.jsonl").unlink()
    with pytest.raises(ConfigError, match="the data of lost cannot be had"):
        load_tasks(["lost"], [str(tmp_path)])


def test_data_that_is_not_here_says_how_to_fetch_it_beforehand() -> None:
    with pytest.raises(ConfigError) as refused:
        load_tasks(["arc_easy"], offline=True)
    assert "forgelm cache tasks --tasks arc_easy" in str(refused.value.hint)


def test_tasks_that_run_code_need_to_be_allowed(tmp_path: Path) -> None:
    write_task(tmp_path, "coded", extra="unsafe_code: true\n")
    tasks = load_tasks(["coded"], [str(tmp_path)])
    with pytest.raises(ConfigError, match="coded runs code that the model writes"):
        check_code(tasks, allowed=False)
    check_code(tasks, allowed=True)


def test_tasks_with_pictures_are_refused(tmp_path: Path) -> None:
    write_task(tmp_path, "seen", extra="doc_to_image: [q]\n")
    with pytest.raises(ModelError, match="seen asks about pictures"):
        check_code(load_tasks(["seen"], [str(tmp_path)]), allowed=True)


def test_a_broken_task_file_is_not_taken_for_a_missing_network(tmp_path: Path) -> None:
    write_task(tmp_path, "odd", extra="nonsense: 3\n")
    with pytest.raises(ConfigError, match="the benchmarks odd cannot be set up: TypeError") as refused:
        load_tasks(["odd"], [str(tmp_path)], offline=True)
    assert "task files" in str(refused.value.hint)
