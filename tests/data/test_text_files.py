from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from forgelm.base.errors import DataError
from forgelm.data.text_files import read_csv, read_json, read_json_lines, read_lines

Write = Callable[..., str]


def refused(read: Callable[[Path, str], object], path: str) -> str:
    with pytest.raises(DataError) as caught:
        read(Path(path), "f")
    return str(caught.value)


def test_a_broken_line_among_many_is_named_by_line_and_column(write: Write) -> None:
    lines = [json.dumps({"text": f"row {number}"}) for number in range(10_000)]
    lines[5_678] = '{"text": "row", }'
    text = refused(read_json_lines, write("f.jsonl", "\n".join(lines)))
    assert "f:5679:17: not JSON" in text
    assert "found '}'" in text


def test_every_bad_line_is_counted_and_none_skipped(write: Write) -> None:
    text = refused(read_json_lines, write("f.jsonl", '{"a": 1}\n[1]\n\n3\nnull\n"x"\n{\n{{\n'))
    assert "f: 6 of its lines cannot be read" in text
    assert "f:2: a row must be an object, found a list" in text
    assert "and 1 more" in text


def test_line_numbers_count_blank_lines_and_unicode_line_ends_do_not_split(write: Write) -> None:
    rows = read_json_lines(Path(write("f.jsonl", '\n{"text": "a\u2028b"}\r\n\n{"text": "c"}')), "f").splits["train"]
    assert rows == [(2, {"text": "a\u2028b"}), (4, {"text": "c"})]


def test_a_byte_order_mark_is_no_part_of_the_row(write: Write) -> None:
    row = b'\xef\xbb\xbf{"text": "a"}\n'
    assert read_json_lines(Path(write("f.jsonl", row)), "f").splits["train"] == [(1, {"text": "a"})]
    assert read_json(Path(write("f.json", row)), "f").splits["train"] == [(1, {"text": "a"})]
    assert read_csv(Path(write("f.csv", b"\xef\xbb\xbftext\na\n")), "f").splits["train"] == [(2, {"text": "a"})]


@pytest.mark.parametrize("read", [read_json_lines, read_json, read_csv, read_lines])
def test_other_encodings_are_named(write: Write, read: Callable[[Path, str], object]) -> None:
    latin = '{"text": "a"}\n{"text": "é"}'.encode("latin-1")
    assert "f:2:11: not UTF-8: byte 0xe9" in refused(read, write("f", latin))
    assert "UTF-16" in refused(read, write("f", '{"text": "a"}'.encode("utf-16")))


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a": ' + "1" * 5000 + "}", '{"a": "\x01"}'])
def test_json_that_would_crash_a_parser_is_an_error_with_its_line(write: Write, line: str) -> None:
    assert "f:2" in refused(read_json_lines, write("f.jsonl", '{"text": "a"}\n' + line))
    assert "f" in refused(read_json, write("f.json", line))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('[{"a": 1},\n {"a": 2}]', {"train": [(1, {"a": 1}), (2, {"a": 2})]}),
        ('{"data": [{"a": 1}], "version": 2}', {"train": [(1, {"a": 1})]}),
        ('{"train": [{"a": 1}], "validation": [{"a": 2}]}', {"train": [(1, {"a": 1})], "validation": [(1, {"a": 2})]}),
        ('{"a": 1}\n\n{"a": 2}\n', {"train": [(1, {"a": 1}), (3, {"a": 2})]}),
        ('{"a": 1}', {"train": [(1, {"a": 1})]}),
    ],
)
def test_the_layouts_of_a_json_file(write: Write, text: str, rows: dict[str, object]) -> None:
    assert read_json(Path(write("f.json", text)), "f").splits == rows


def test_broken_json_is_named_by_line_and_column(write: Write) -> None:
    assert "f:2:6: not JSON: Expecting ':' delimiter, found '2}]'" in refused(
        read_json, write("f.json", '[{"a": 1},\n{"a" 2}]')
    )
    assert "found the end" in refused(read_json, write("f.json", '[{"a": 1},'))
    assert "f:2:6" in refused(read_json, write("f.json", '{"a": 1}\n{"a" 2}\n'))
    assert "not a list of rows" in refused(read_json, write("f.json", "3"))


def test_cells_stay_the_text_they_are(write: Write) -> None:
    table = 'text,other\nNA,null\nNone,"nan"\n"two\nlines",007\n\n,"a ""quote"""\n'
    rows = read_csv(Path(write("f.csv", table)), "f").splits["train"]
    assert rows == [
        (2, {"text": "NA", "other": "null"}),
        (3, {"text": "None", "other": "nan"}),
        (4, {"text": "two\nlines", "other": "007"}),
        (7, {"text": "", "other": 'a "quote"'}),
    ]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_semicolons_and_tabs_separate_too(write: Write, mark: str) -> None:
    rows = read_csv(Path(write("f.csv", f"prompt{mark}completion\na, b{mark}c\n")), "f").splits["train"]
    assert rows == [(2, {"prompt": "a, b", "completion": "c"})]


def test_a_long_cell_is_fine_and_the_limit_of_the_csv_module_is_restored(write: Write) -> None:
    before = csv.field_size_limit()
    rows = read_csv(Path(write("f.csv", "text\n" + "x" * 300_000)), "f").splits["train"]
    assert len(rows[0][1]["text"]) == 300_000
    assert csv.field_size_limit() == before


def test_bad_tables_are_named_by_line(write: Write) -> None:
    assert "f:3: has 1 cells, the header has 2" in refused(read_csv, write("f.csv", "a,b\n1,2\n3\n"))
    assert "f:2: has 3 cells" in refused(read_csv, write("f.csv", "a,b\n1,2,3\n"))
    assert "f:3: not CSV: unexpected end of data" in refused(read_csv, write("f.csv", 'a,b\n1,2\n"3,4\n5,6\n'))
    assert "names 'a' more than once" in refused(read_csv, write("f.csv", "a,a\n1,2\n"))


def test_plain_text_gives_a_row_a_line(write: Write) -> None:
    read = read_lines(Path(write("f.txt", "one\r\n\n  two \n \n")), "f")
    assert read.splits["train"] == [(1, {"text": "one"}), (3, {"text": "  two "})]
    assert read.notes == ("f: 2 blank lines hold no row",)


def test_plain_text_without_a_last_line_end_counts_no_blank_line(write: Write) -> None:
    assert read_lines(Path(write("f.txt", "one\ntwo")), "f").notes == ()
    assert read_lines(Path(write("f.txt", "one\ntwo\n")), "f").notes == ()
