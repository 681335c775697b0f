"""An audit that was stopped goes on where it was, and never from something else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from audit_reference import make_corpus

from forgelm.audit.dataset import AuditRequest, run_audit
from forgelm.audit.reading.blocks import iterate_blocks
from forgelm.audit.reading.find import find_source
from forgelm.audit.reading.source import Block, SourceFile
from forgelm.audit.scan.options import AuditOptions, load_tools
from forgelm.audit.scan.runner import Scan, audit_block, scan_source
from forgelm.audit.scan.shelf import Shelf, is_worth_keeping
from forgelm.audit.scan.state import PartState
from forgelm.base.errors import StoppedError


def _write(path: Path) -> str:
    path.write_bytes(b"".join(make_corpus(seed) + b"\n" for seed in range(4)))
    return str(path)


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    source = find_source(_write(tmp_path / "a.jsonl"))
    tools = load_tools(replace(AuditOptions(), prompts=True), count_tokens=lambda texts: [len(text) for text in texts])
    shelf = Shelf(tmp_path / "out", source, [AuditOptions()])
    for block in iterate_blocks(source, block_bytes=3000):
        state = audit_block(source.files[0], block, tools)
        assert shelf.recall(source.files[0], block) is None
        shelf.remember(source.files[0], block, state)
        known = shelf.recall(source.files[0], block)
        assert known is not None
        assert _plain(known) == _plain(state)
    shelf.clear()
    assert list((tmp_path / "out").iterdir()) == []


def _plain(state: Any) -> Any:
    if hasattr(state, "tolist"):
        return state.tolist()
    if hasattr(state, "__dataclass_fields__"):
        return {name: _plain(getattr(state, name)) for name in state.__dataclass_fields__ if name != "texts"}
    if isinstance(state, tuple):
        return [_plain(item) for item in state]
    return state


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 torn", b"x" * 100])
def test_a_torn_file_is_none(damage: bytes, tmp_path: Path) -> None:
    source = find_source(_write(tmp_path / "a.jsonl"))
    (block,) = iterate_blocks(source)
    shelf = Shelf(tmp_path / "out", source, [])
    shelf.remember(source.files[0], block, audit_block(source.files[0], block, load_tools(AuditOptions())))
    (path,) = shelf.folder.iterdir()
    path.write_bytes(damage)
    assert shelf.recall(source.files[0], block) is None


def test_other_options_and_another_file_have_their_own_place(tmp_path: Path) -> None:
    path = Path(_write(tmp_path / "a.jsonl"))
    folders = {Shelf(tmp_path, find_source(str(path)), [AuditOptions(excluded=frozenset({"b", "a"}))]).folder}
    folders.add(Shelf(tmp_path, find_source(str(path)), [AuditOptions(excluded=frozenset({"a", "b"}))]).folder)
    assert len(folders) == 1
    folders.add(Shelf(tmp_path, find_source(str(path)), [AuditOptions()]).folder)
    os.utime(path, (1, 1))
    folders.add(Shelf(tmp_path, find_source(str(path)), [AuditOptions()]).folder)
    assert len(folders) == 3


def test_only_large_sources_are_kept(tmp_path: Path) -> None:
    source = find_source(_write(tmp_path / "a.jsonl"))
    assert not is_worth_keeping(source) and is_worth_keeping(source, 10)


def test_a_stopped_scan_does_the_rest_and_finds_the_same(tmp_path: Path) -> None:
    source, tools = find_source(_write(tmp_path / "a.jsonl")), load_tools(AuditOptions())
    shelf = Shelf(tmp_path / "out", source, [])
    blocks = len(list(iterate_blocks(source, block_bytes=2000)))
    kept: list[int] = []
    recalled: list[bool] = []

    def remember(file: SourceFile, block: Block, state: PartState) -> None:
        shelf.remember(file, block, state)
        kept.append(block.number)

    def check() -> None:
        if len(kept) >= blocks // 2:
            raise StoppedError("stop")

    def recall(file: SourceFile, block: Block) -> PartState | None:
        state = shelf.recall(file, block)
        recalled.append(state is not None)
        return state

    scan = Scan(block_bytes=2000, remember=remember, recall=recall)
    with pytest.raises(StoppedError):
        scan_source(source, tools, replace(scan, check=check))
    assert not any(recalled)
    recalled.clear()
    (resumed,) = scan_source(source, tools, scan)
    assert len(recalled) == blocks and sum(recalled) >= blocks // 2
    (whole,) = scan_source(source, tools, Scan(block_bytes=2000))
    assert _plain(resumed.state) == _plain(whole.state)


def test_nothing_is_left_of_an_audit_that_ended(tmp_path: Path) -> None:
    source = find_source(_write(tmp_path / "a.jsonl"))
    stale = tmp_path / "out" / ".forgelm-audit-0123456789abcdef"
    stale.mkdir(parents=True)
    run_audit(source, AuditRequest(output_dir=tmp_path / "out", least_bytes_kept=0))
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".forgelm")] == []
    assert (tmp_path / "out" / "data_audit_report.json").exists()
