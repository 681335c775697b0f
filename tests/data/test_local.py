from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.base.errors import DataError
from forgelm.data.local import find_local, find_nearest, read_local
from forgelm.data.rows import Row

Write = Callable[..., str]


def test_what_exists_is_local_and_what_looks_like_a_hub_id_is_not(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("org/name/train.jsonl", [{"text": "a"}])
    monkeypatch.chdir(tmp_path)
    assert find_local("org/name") == Path("org/name")
    assert find_local("org/other") is None
    assert find_local("squad-v1.1") is None


def test_a_tilde_is_the_home_folder(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = write("a.jsonl", [{"text": "a"}])
    assert find_local("~/a.jsonl") == Path(path)


@pytest.mark.parametrize(
    "name", ["./x", "/nowhere/x", "a/b/c", "x.jsonl", "org/x.csv", "x.tsv", "a\\b", "-x", "~/nope"]
)
def test_a_missing_path_is_no_hub_id(name: str) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        find_local(name)


def test_a_missing_file_suggests_the_nearest_name(write: Write, tmp_path: Path) -> None:
    write("orders.jsonl", "")
    with pytest.raises(DataError, match=r"did you mean .*orders\.jsonl"):
        find_local(str(tmp_path / "oders.jsonl"))
    with pytest.raises(DataError, match=r"did you mean .*orders\.jsonl"):
        find_local(str(tmp_path / "orders"))
    with pytest.raises(DataError, match=r"the folder .*gone does not exist"):
        find_local(str(tmp_path / "gone" / "orders.jsonl"))
    assert find_nearest(tmp_path / "quite different") is None


def test_remote_addresses_and_dead_links_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="remote addresses are not read"):
        find_local("s3://bucket/train.jsonl")
    (tmp_path / "dead.jsonl").symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match=r"a link to .*gone, which does not exist"):
        find_local(str(tmp_path / "dead.jsonl"))
    with pytest.raises(DataError, match="too long"):
        find_local("x" * 5000)


def test_a_file_gives_numbered_rows_and_its_fingerprint(write: Write) -> None:
    path = write("a.jsonl", '{"text": "a"}\n\n{"text": "b"}\n')
    raw = read_local(Path(path), "a.jsonl", train_only=False)
    assert raw.splits == {"train": [Row({"text": "a"}, "a.jsonl", 1), Row({"text": "b"}, "a.jsonl", 3)]}
    assert (raw.kind, raw.files) == ("local_file", (("train", "a.jsonl"),))
    assert len(raw.fingerprint["sha256"]) == 64


def test_a_folder_gives_its_splits_and_pins_only_what_was_read(write: Write, tmp_path: Path) -> None:
    write("train-1.jsonl", [{"text": "a"}])
    write("train-2.csv", "text\nb\n")
    write("dev.txt", "c\n\nd\n")
    write("test.json", '[{"text": "e"}]')
    raw = read_local(tmp_path, "d", train_only=False)
    assert raw.splits == {
        "train": [Row({"text": "a"}, "d", 1, "train-1.jsonl"), Row({"text": "b"}, "d", 2, "train-2.csv")],
        "validation": [Row({"text": "c"}, "d", 1, "dev.txt"), Row({"text": "d"}, "d", 3, "dev.txt")],
    }
    assert [item["path"] for item in raw.fingerprint["files"]] == ["train-1.jsonl", "train-2.csv", "dev.txt"]
    assert raw.notes == ("d/dev.txt: 1 blank lines hold no row", "d: not read: test split")
    assert list(read_local(tmp_path, "d", train_only=True).splits) == ["train"]


def test_a_file_with_splits_inside_is_a_dataset_of_its_own(write: Write, tmp_path: Path) -> None:
    path = Path(write("a.json", '{"train": [{"text": "a"}], "validation": [{"text": "b"}]}'))
    raw = read_local(path, "a.json", train_only=False)
    assert [row.value["text"] for row in raw.splits["validation"]] == ["b"]
    with pytest.raises(DataError, match=r"d/a\.json: holds several splits"):
        read_local(tmp_path, "d", train_only=False)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("a.jsonl", ""),
        ("a.jsonl", "\n \n"),
        ("a.csv", ""),
        ("a.csv", "text\n"),
        ("a.txt", "\n\n"),
        ("a.json", "[]"),
        ("a.json", '{"data": []}'),
    ],
)
def test_a_file_without_rows_is_refused(write: Write, file: str, content: str) -> None:
    with pytest.raises(DataError, match="f: holds no rows"):
        read_local(Path(write(file, content)), "f", train_only=False)


def test_an_empty_json_file_and_an_empty_validation_file_are_refused(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="f:1:1: not JSON"):
        read_local(Path(write("a.json", "")), "f", train_only=False)
    write("d/train.jsonl", [{"text": "a"}])
    write("d/dev.jsonl", "")
    with pytest.raises(DataError, match="its validation split: holds no rows"):
        read_local(tmp_path / "d", "d", train_only=False)


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    for path in (tmp_path / "a.jsonl", Path("/dev/zero"), tmp_path):
        with pytest.raises(DataError, match="not a regular file"):
            read_local(path, str(path), train_only=False)


def test_other_kinds_of_file_are_named(write: Write) -> None:
    with pytest.raises(DataError, match=r"files of kind \.xlsx are not read\n.*\.jsonl"):
        read_local(Path(write("a.xlsx", "x")), "a.xlsx", train_only=False)
    with pytest.raises(DataError, match="no extension"):
        read_local(Path(write("a", "x")), "a", train_only=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_an_error(write: Write) -> None:
    path = Path(write("a.jsonl", [{"text": "a"}]))
    path.chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        read_local(path, "a.jsonl", train_only=False)


pieces = st.sampled_from(
    [b'{"text": "a"}', b"[", b"]", b"{", b'"', b",", b"\n", b"\r", b"\xff", b"\x00", b"text", b"\xef\xbb\xbf"]
)


@settings(max_examples=400, deadline=None, database=None)
@given(
    st.lists(pieces | st.binary(max_size=3), max_size=12).map(b"".join),
    st.sampled_from([".jsonl", ".json", ".csv", ".txt", ".parquet", ".odd"]),
)
def test_any_bytes_are_rows_or_refused_as_data(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        path.write_bytes(content)
        try:
            raw = read_local(path, "a", train_only=False)
        except DataError as error:
            assert str(error).encode()
        else:
            assert raw.splits["train"]
