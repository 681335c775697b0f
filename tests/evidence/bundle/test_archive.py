"""One form, and every other refused: flips of every byte, and archives that other tools make."""

import stat
import zipfile

import pytest

from forgelm.base.errors import IntegrityError
from forgelm.evidence.bundle.archive import (
    ArchiveWriter,
    Member,
    _central_record,
    _directory,
    _local_header,
    open_archive,
)

FILES = {"a/é.txt": b"hello", "b": b"", "model.bin": b"w" * 3000}


def write(path, files):
    with path.open("wb") as stream:
        writer = ArchiveWriter(stream)
        for name, data in files.items():
            writer.add(name, len(data), [data[:2], data[2:]])
        writer.finish()
    return path


@pytest.fixture
def archive(tmp_path):
    return write(tmp_path / "a.zip", FILES)


def test_what_goes_in_comes_out_and_other_tools_read_it(archive, tmp_path):
    opened = open_archive(archive)
    assert {name: opened.read(name) for name in opened.members} == FILES
    assert [item.size_bytes for item in opened.hash_all().values()] == [3000, 5, 0]
    with zipfile.ZipFile(archive) as other:
        assert other.testzip() is None
        assert {name: other.read(name) for name in other.namelist()} == FILES
        assert {info.date_time for info in other.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert write(tmp_path / "b.zip", FILES).read_bytes() == archive.read_bytes()


def test_no_byte_of_it_can_change_unnoticed(archive, tmp_path):
    data = archive.read_bytes()
    before = open_archive(archive).hash_all()
    other = tmp_path / "flipped.zip"
    for at in range(len(data)):
        if 400 < at < 3000:
            continue
        other.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        try:
            assert open_archive(other).hash_all() != before, at
        except IntegrityError:
            continue


@pytest.mark.parametrize("cut", [0, 1, 29, 35, 60, 500, 3100, -1, -30])
def test_a_shortened_or_lengthened_archive_is_refused(archive, tmp_path, cut):
    other = tmp_path / "cut.zip"
    other.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(IntegrityError, match=r"cut short|no zip archive|is empty|not as it is written"):
        open_archive(other)
    other.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(IntegrityError, match="does not belong there"):
        open_archive(other)


def hostile(path, name, data=b"x", **changes):
    with zipfile.ZipFile(path, "w", changes.pop("compression", zipfile.ZIP_STORED)) as other:
        info = zipfile.ZipInfo(name)
        info.compress_type = other.compression
        for key, value in changes.items():
            setattr(info, key, value)
        other.writestr(info, data)
    return path


@pytest.mark.parametrize(
    ("reason", "name", "changes"),
    [
        ("leads out of the folder", "../escape", {}),
        ("leads out of the folder", "/etc/passwd", {}),
        ("leads out of the folder", "a/../../b", {}),
        ("leads out of the folder", "C:/x", {}),
        ("leads out of the folder", "a/", {}),
        ("could unfold into anything", "bomb", {"data": b"\0" * 1_000_000, "compression": zipfile.ZIP_DEFLATED}),
        ("header of 'link' is not as", "link", {"external_attr": (stat.S_IFLNK | 0o777) << 16}),
        ("header of 'dated' is not as", "dated", {"date_time": (2026, 1, 1, 0, 0, 0)}),
    ],
)
def test_a_hostile_archive_is_refused_with_the_reason(tmp_path, reason, name, changes):
    with pytest.raises(IntegrityError, match=reason):
        open_archive(hostile(tmp_path / "hostile.zip", name, **changes))


def by_hand(path, names, change=lambda record: record):
    """An archive in the form of ours but for what ``change`` does to its first directory record."""
    members, data = [], b""
    for name in names:
        header = _local_header(name, 0, 0)
        members.append(Member(name, 0, 0, len(data), len(data) + len(header)))
        data += header
    directory = _directory(members, len(data))
    record = _central_record(members[0])
    path.write_bytes(data + change(record) + directory[len(record) :])
    return path


def test_names_that_could_hide_each_other_are_refused(tmp_path):
    for names in (["a", "a"], ["run/Log", "run/log"], ["straße", "STRASSE"]):
        with pytest.raises(IntegrityError, match="stands in it twice"):
            open_archive(by_hand(tmp_path / "twice.zip", names))
    with pytest.raises(IntegrityError, match="is below another file"):
        open_archive(by_hand(tmp_path / "below.zip", ["a", "A/b"]))
    with pytest.raises(IntegrityError, match="stands in it twice"):
        open_archive(by_hand(tmp_path / "above.zip", ["a/b", "a"]))


def test_a_directory_that_calls_a_file_a_link_is_refused(tmp_path):
    link = (stat.S_IFLNK << 16 | 0o777 << 16).to_bytes(4, "little")
    with pytest.raises(IntegrityError, match="directory describes 'a' otherwise"):
        open_archive(by_hand(tmp_path / "link.zip", ["a", "b"], lambda record: record[:38] + link + record[42:]))


@pytest.mark.parametrize(
    ("reason", "at", "value"),
    [("is encrypted", 6, b"\x01\x08"), ("how long it is", 6, b"\x08\x08"), ("UTF-8", 30, b"\xff")],
)
def test_a_header_that_says_something_else_is_refused(archive, tmp_path, reason, at, value):
    data = archive.read_bytes()
    other = tmp_path / "header.zip"
    other.write_bytes(data[:at] + value + data[at + len(value) :])
    with pytest.raises(IntegrityError, match=reason):
        open_archive(other)


def test_a_file_that_grew_while_it_was_written_is_refused(tmp_path):
    with (tmp_path / "a.zip").open("wb") as stream, pytest.raises(IntegrityError, match="changed while it was being"):
        ArchiveWriter(stream).add("log", 3, [b"four"])


def test_a_member_of_more_than_four_gigabytes_is_read_by_other_tools(tmp_path):
    """The bytes of the large member are a hole in the file: nothing is written for them."""
    size = (1 << 32) + 5
    members, path = [], tmp_path / "large.zip"
    with path.open("wb") as stream:
        for name, length in (("large", size), ("after", 0)):
            header = _local_header(name, length, 0)
            members.append(Member(name, length, 0, stream.tell(), stream.tell() + len(header)))
            stream.write(header)
            stream.seek(length, 1)
        stream.write(_directory(members, stream.tell()))
    assert [member.size for member in open_archive(path).members.values()] == [size, 0]
    with zipfile.ZipFile(path) as other:
        assert [info.file_size for info in other.infolist()] == [size, 0]
