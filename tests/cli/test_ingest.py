"""``forgelm ingest``: the envelope, the masks, and what a user gets wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject
from small_disk import mounted
from terminal import drawn_on

from forgelm.cli.main import run


def test_the_envelope_and_the_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("Write to jane.doe@example.com or see https://example.com/x.")
    out = tmp_path / "o.jsonl"
    words = ["ingest", str(tmp_path / "a.txt"), "--output", str(out), "--all-mask", "--strip-urls", "mask"]
    assert run([*words, "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["pii_redaction_counts"] == {"email": 1}
    assert (reply["urls_handled"], reply["chunk_count"]) == (1, 1)
    assert json.loads(out.read_text())["text"] == "Write to [REDACTED] or see [URL]."


@pytest.mark.parametrize(
    "words",
    [
        ["--chunk-tokens", "5"],
        ["--overlap-tokens", "5"],
        ["--overlap", "5"],
        ["--page-range", "3-1"],
        ["--strip-pattern", "(a+)+"],
        ["--strip-pattern", "("],
        ["--input-encoding", "no-such"],
        ["--strategy", "sliding", "--chunk-size", "10", "--overlap", "9"],
    ],
)
def test_what_cannot_be_is_refused(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("text")
    out = tmp_path / "o.jsonl"
    assert run(["ingest", str(tmp_path / "a.txt"), "--output", str(out), *words]) == 1
    assert "error" in capsys.readouterr().err.lower()
    assert not out.exists()


def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("\n\n".join(f"{number} " + "word " * 300 for number in range(400)))
    with mounted(tmp_path / "disk", 100_000) as disk:
        words = ["ingest", str(tmp_path / "a.txt"), "--output", str(disk / "o.jsonl"), "--output-format", "json"]
        assert run(words) == 2
        assert "No space left" in json.loads(capsys.readouterr().out)["error"]
        assert list(disk.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="nobody can tell there who still writes")
def test_what_a_killed_ingestion_left_is_swept_by_the_next(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for number in range(40):
        (source / f"{number}.txt").write_text("word " * 20_000)
    out = tmp_path / "out" / "k.jsonl"
    words = ["ingest", str(source), "--output", str(out)]
    process = subprocess.Popen([sys.executable, "-m", "forgelm", *words], stderr=subprocess.DEVNULL)
    while not (out.parent.exists() and [*out.parent.iterdir()]):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert [path.suffix for path in out.parent.iterdir()] == [".tmp"]
    assert run(words) == 0
    assert [path.name for path in out.parent.iterdir()] == ["k.jsonl"]


def test_a_terminal_gets_a_bar_of_files_and_json_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("text")
    words = ["ingest", str(tmp_path), "--output", str(tmp_path / "out" / "o.jsonl")]
    with drawn_on() as (terminal, finish):
        monkeypatch.setattr(sys, "stderr", terminal)
        assert run([*words, "--output-format", "json"]) == 0
        terminal.write("|")
        assert run(words) == 0
        drawn = finish()
    assert drawn.startswith("|")
    assert "2/2" in drawn
    assert "file" in drawn.split("2/2")[-1]


SECRET = "key AKIAIOSFODNN7EXAMPLQ and mail jane.doe@example.com"


@pytest.mark.parametrize(
    ("name", "content", "words", "texts"),
    [
        ("a.txt", "one two three four five", ["--strategy", "sliding", "--chunk-size", "8"], 5),
        ("a.txt", "one two three four five", ["--strategy", "sliding", "--chunk-size", "8", "--overlap", "0"], 3),
        ("in/a.txt", "deep", ["--recursive"], ["deep"]),
        ("a.txt", SECRET, ["--pii-mask"], [SECRET.replace("jane.doe@example.com", "[REDACTED]")]),
        ("a.txt", SECRET, ["--secrets-mask"], [SECRET.replace("AKIAIOSFODNN7EXAMPLQ", "[REDACTED-SECRET]")]),
        ("a.txt", "one two\n\nthree four", ["--chunk-tokens", "4", "--tokenizer", "builtin/ember"], 2),
        (
            "a.txt",
            "one two three four five six seven eight",
            ["--strategy", "sliding", "--chunk-tokens", "4", "--tokenizer", "builtin/ember"],
            3,
        ),
        (
            "a.txt",
            "one two three four five six seven eight",
            ["--strategy", "sliding", "--chunk-tokens", "4", "--overlap-tokens", "2", "--tokenizer", "builtin/ember"],
            4,
        ),
        ("a.txt", "caf\xe9".encode("latin-1"), ["--input-encoding", "latin-1"], ["caf\xe9"]),
        ("a.txt", "þ", ["--language-hint", "tr"], ["ş"]),
        ("a.txt", "þ", ["--language-hint", "tr", "--normalise-profile", "none"], ["þ"]),
        ("a.txt", "þ", ["--normalise-profile", "turkish"], ["ş"]),
        ("a.txt", "þ", ["--normalise-profile", "turkish", "--no-normalise-unicode"], ["þ"]),
        ("a.md", "---\nk: v\n---\n\nbody", [], ["\nbody"]),
        ("a.md", "---\nk: v\n---\n\nbody", ["--keep-md-frontmatter"], ["---\nk: v\n---\n\nbody"]),
        ("a.txt", "page 7 body", ["--strip-pattern", r"page \d+ ", "--strip-pattern-no-timeout"], ["body"]),
        ("a.txt", "see https://x.org/y now", ["--strip-urls", "strip"], ["see  now"]),
    ],
)
def test_every_option_changes_the_rows(
    name: str, content: str | bytes, words: list[str], texts: list[str] | int, tmp_path: Path
) -> None:
    path, out = tmp_path / "docs" / name, tmp_path / "o.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert run(["ingest", str(tmp_path / "docs"), "--output", str(out), *words]) == 0
    found = [json.loads(line)["text"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert (found if isinstance(texts, list) else len(found)) == texts


@pytest.mark.parametrize(
    ("words", "key", "without", "found"),
    [
        (["--language-hint", "en"], "script_sanity_triggered", 0, 1),
        (["--language-hint", "en", "--script-sanity-threshold", "0.9"], "script_sanity_triggered", 0, 0),
        (["--no-quality-presignal"], "quality_presignal", True, False),
    ],
)
def test_what_is_looked_at_on_the_way_can_be_chosen(
    words: list[str], key: str, without: object, found: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("żółw ąę and words", encoding="utf-8")

    def ask(*more: str) -> object:
        words = ["ingest", str(tmp_path / "a.txt"), "--output", str(tmp_path / "o.jsonl"), "--output-format", "json"]
        assert run([*words, *more]) == 0
        reply = json.loads(capsys.readouterr().out)
        return reply[key] if key in reply else reply["notes_structured"][key] is not None

    assert (ask(), ask(*words)) == (without, found)


def write_pdf(path: Path, *pages: list[str]) -> None:
    writer = pypdf.PdfWriter()
    for lines in pages:
        page = writer.add_blank_page(300, 300)
        font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
        entry = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
        fonts = DictionaryObject({NameObject("/F1"): writer._add_object(entry)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        shown = "".join(f"({line}) Tj 0 -20 Td " for line in lines)
        stream.set_data(f"BT /F1 12 Tf 10 280 Td {shown}ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    writer.write(path)


def write_epub(path: Path) -> None:
    kind = 'media-type="application/xhtml+xml"'
    items = f'<item id="n" href="nav.xhtml" {kind}/><item id="c" href="one.xhtml" {kind}/>'
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("META-INF/container.xml", '<c><rootfile full-path="O/p.opf"/></c>')
        made.writestr("O/p.opf", f'<p>{items}<itemref idref="n"/><itemref idref="c"/></p>')
        made.writestr("O/nav.xhtml", "<p>Contents</p>")
        made.writestr("O/one.xhtml", "<p>It began.</p>")


def test_pages_and_front_matter_are_read_as_asked(tmp_path: Path) -> None:
    contents = [f"................ {number}" for number in range(1, 9)]
    write_pdf(tmp_path / "a.pdf", contents, ["It began here."], ["It went on."], ["It ended."])
    write_epub(tmp_path / "b.epub")

    def text(name: str, *words: str) -> str:
        assert run(["ingest", str(tmp_path / name), "--output", str(tmp_path / "o.jsonl"), *words]) == 0
        lines = (tmp_path / "o.jsonl").read_text(encoding="utf-8").splitlines()
        return " ".join(json.loads(line)["text"] for line in lines)

    assert "began" in text("a.pdf") and "...." not in text("a.pdf")
    assert "...." in text("a.pdf", "--keep-frontmatter")
    asked = text("a.pdf", "--page-range", "2-3")
    assert "began" in asked and "went" in asked and "ended" not in asked
    assert "Contents" not in text("b.epub") and "Contents" in text("b.epub", "--epub-no-skip-frontmatter")
