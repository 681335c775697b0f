"""On a real Ray of this machine an audit knows exactly what it knows on threads, and Ray ends with it."""

from __future__ import annotations

import dataclasses
import gzip
import importlib.util
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audit_reference import make_corpus

from forgelm.audit.dataset import audit_dataset
from forgelm.audit.reading.find import find_source
from forgelm.audit.scan.options import AuditOptions, load_tools
from forgelm.audit.scan.ray_runner import cluster, connect, scan_on_ray
from forgelm.audit.scan.runner import FileState, Progress, Scan, scan_source
from forgelm.base.errors import ArgumentError, ClusterError, DataError, OptionalDependencyError

HAS_RAY = importlib.util.find_spec("ray") is not None
NEEDS_RAY = pytest.mark.skipif(not HAS_RAY, reason="ray is not installed (extra 'ray')")
SMALL = 4096


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A Ray of the caller's, which an audit uses and leaves as it is."""
    with cluster(2) as ray:
        yield ray


@pytest.fixture
def corpora(tmp_path: Path) -> list[Path]:
    many = tmp_path / "many"
    many.mkdir()
    (many / "train.jsonl").write_bytes(b"".join(make_corpus(seed, 40) + b"\n" for seed in range(4)))
    (many / "test.jsonl").write_bytes(make_corpus(7, 40))
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(make_corpus(9, 60)))
    return [many, packed]


@NEEDS_RAY
def test_the_states_are_those_of_the_threads(ray: Any, corpora: list[Path]) -> None:
    tools = load_tools(AuditOptions())
    heard: list[Progress] = []
    for path in corpora:
        source = find_source(str(path))
        here = scan_source(source, tools, Scan(block_bytes=SMALL))
        there = scan_on_ray(source, tools, Scan(block_bytes=SMALL, listen=heard.append))
        assert [_plain(state) for state in there] == [_plain(state) for state in here]
    assert len(heard) > 4
    assert ray.is_initialized()


@NEEDS_RAY
def test_what_is_remembered_is_not_asked_again(ray: Any, corpora: list[Path]) -> None:
    tools, source = load_tools(AuditOptions()), find_source(str(corpora[0]))
    kept: dict[Any, Any] = {}
    scan = Scan(
        block_bytes=SMALL,
        remember=lambda file, block, state: kept.__setitem__((file.name, block.number), state),
        recall=lambda file, block: kept.get((file.name, block.number)),
    )
    first = scan_on_ray(source, tools, scan)
    size = len(kept)
    assert size > 2
    assert [_plain(state) for state in scan_on_ray(source, tools, scan)] == [_plain(state) for state in first]
    assert len(kept) == size


@NEEDS_RAY
def test_the_report_is_the_same(ray: Any, corpora: list[Path]) -> None:
    one, other = (
        audit_dataset(str(corpora[0]), enable_quality_filter=True, engine=engine) for engine in ("local", "ray")
    )
    differing = [
        field.name
        for field in dataclasses.fields(one)
        if field.name != "generated_at" and getattr(one, field.name) != getattr(other, field.name)
    ]
    assert differing == []


@NEEDS_RAY
def test_a_file_that_cannot_be_read_is_the_same_error(ray: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(gzip.compress(make_corpus(1, 2000))[:-20])
    tools, source = load_tools(AuditOptions()), find_source(str(broken))
    said = []
    for run in (scan_source, scan_on_ray):
        with pytest.raises(DataError) as caught:
            run(source, tools, Scan(strict=True, block_bytes=SMALL))
        said.append(str(caught.value))
    assert said[0] == said[1]


@NEEDS_RAY
@pytest.mark.torture
def test_the_command_starts_ray_listens_here_only_and_leaves_nothing_behind(tmp_path: Path) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_bytes(make_corpus(3, 200))
    command = [sys.executable, "-m", "forgelm", "audit", str(data), "--engine", "ray", "--workers", "2", "--allow-pii",
               "--allow-secrets", "--output-format", "json", "--output", str(tmp_path / "out")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n{") == 0 and done.stdout.startswith("{")
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in left


@NEEDS_RAY
def test_a_cluster_that_does_not_answer_is_said_at_once(ray: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ClusterError, match=f"no Ray cluster answers at {address}"):
        connect(ray, address, 1)


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="local, ray"):
        audit_dataset(str(tmp_path), engine="spark")


@pytest.mark.skipif(HAS_RAY, reason="ray is installed")
def test_a_missing_ray_names_its_extra(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(OptionalDependencyError, match="ray"):
        audit_dataset(str(tmp_path / "rows.jsonl"), engine="ray")


def _plain(value: Any) -> Any:
    """Return what can be compared: lists for arrays, without the texts, which are read again when needed."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, FileState):
        return value.file.name, _plain(value.state), value.error
    if dataclasses.is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.name != "texts"
        }
    if isinstance(value, Mapping) and not isinstance(value, Counter):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value
