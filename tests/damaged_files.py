"""What is damaged, and how each kind is read; run as a program by ``damage.survive``: KIND COUNT FOLDER."""

from __future__ import annotations

import functools
import io
import json
import random
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from damage import damage, damage_archive, read_many, tell
from gguf_files import write_small

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
_WORD_NS = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_XML_WORDS = (b"p", b"tbl", b"tc", b"xmlns", b"!DOCTYPE", b"!ENTITY", b"&#xD800", b"utf-7", b"../x", b"99999999999")
_HTML_WORDS = tuple(b"utf-7 utf-16 idna punycode base64 undefined unicode_escape \\ud800 svg pre script +2AA-".split())
_HTML_WORDS += (b"&#xD800;", b"!--", b"![CDATA[", b"![odd[", b"xn--", b"h6")
_PDF_WORDS = tuple(
    b"0 1 -1 99999999999 R obj endobj stream endstream Length Kids Prev Pages Predictor Columns FlateDecode "
    b"Fl LZWDecode ASCII85Decode RunLengthDecode beginbfrange Form Do".split()
)
_YAML_WORDS = tuple(
    b"null true .nan .inf 1e999 -1 [] {} &a *a << !!python/none !odd 0x7fffffffffffffffffff 2001-13-45 "
    b"pipeline: stages: | ' 1:2:3".split()
)
_YAML_WORDS += (b"? ", b"- ", b"[x]: ")


def make_pdf(*, packed: bool) -> bytes:
    """A file of two pages with a form inside one, a character map, and pictures of nothing: written by hand."""
    cmap = b"/CIDInit begincmap 1 begincodespacerange <00> <FF> endcodespacerange\n"
    cmap += b"1 beginbfrange <41> <5A> <0061> endbfrange 2 beginbfchar <20> <0020> <30> <D83D> endbfchar endcmap"
    page = (
        b"BT /F1 12 Tf 10 100 Td (HELLO WORLD) Tj 0 -14 Td [(TW) -200 (O)] TJ T* <4142> ' ET q 1 0 0 1 0 0 cm /X1 Do Q"
    )
    other = b"BT /F2 9 Tf 1 0 0 1 20 50 Tm 14 TL (Second page \\(really\\) \\101) Tj ET"
    form = b"BT /F1 8 Tf (INSIDE) Tj ET"
    fonts = b"<< /F1 7 0 R /F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    font = b"<< /Type /Font /Subtype /TrueType /BaseFont /A /FirstChar 65 /LastChar 67 /Widths [500 600 700] "
    font += b"/Encoding << /Type /Encoding /Differences [65 /a /b /uni0043] >> /ToUnicode 8 0 R >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 200 200] >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Resources << /Font %s /XObject << /X1 9 0 R >> >> >>" % fonts,
        b"<< /Type /Page /Parent 2 0 R /Contents [6 0 R] /Resources << /Font %s >> >>" % fonts,
        _stream(page, packed),
        _stream(other, packed),
        font,
        _stream(cmap, packed),
        _stream(form, packed, b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /Font %s >> " % fonts),
        b"<< /Title (Title) /Author <feff0041> >>",
    ]
    body, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R /Info 10 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    )
    return body + end % (len(objects) + 1, table, len(objects) + 1, len(body))


def _stream(content: bytes, packed: bool, more: bytes = b"") -> bytes:
    data = zlib.compress(content) if packed else content
    named = b"/Filter /FlateDecode /DecodeParms << /Predictor 1 /Columns 5 >> " if packed else b""
    return b"<< %s%s/Length %d >>\nstream\n%s\nendstream" % (more, named, len(data), data)


def make_docx() -> bytes:
    """A document with headings, a table inside a table, a text box, a deletion and a header."""
    run = "<w:r><w:rPr/><w:t>Words</w:t><w:tab/><w:br/></w:r>"
    heading = '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Title</w:t></w:r></w:p>'
    inner = f"<w:tbl><w:tr><w:tc><w:p>{run}</w:p></w:tc></w:tr></w:tbl>"
    table = f"<w:tbl><w:tr><w:tc><w:p>{run}</w:p></w:tc><w:tc>{inner}</w:tc></w:tr></w:tbl>"
    body = heading + f"<w:p>{run}<w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>{table}"
    body += f"<w:sdt><w:sdtContent><w:p>{run}</w:p></w:sdtContent></w:sdt>"
    return _archive(
        {
            "[Content_Types].xml": "<Types/>",
            "word/document.xml": f"<?xml version='1.0' encoding='UTF-8'?><w:document {_WORD_NS}><w:body>{body}</w:body>"
            "</w:document>",
            "word/header1.xml": f"<w:hdr {_WORD_NS}><w:p>{run}</w:p></w:hdr>",
        }
    )


def make_epub() -> bytes:
    """A book with contents, two chapters and a locked font."""
    kind = 'media-type="application/xhtml+xml"'
    items = f'<item id="n" href="nav.xhtml" {kind} properties="nav"/><item id="a" href="ch%201.xhtml" {kind}/>'
    items += f'<item id="b" href="b.xhtml" {kind}/>'
    chapter = "<html><head><title>T</title></head><body><h1>One</h1><p>It &amp; <b>began</b>.</p><pre>a\n b</pre>"
    chapter += "<table><tr><td>a</td><td>b</td></tr></table><ul><li>x</li></ul><script>no</script></body></html>"
    lock = '<encryption><EncryptedData><CipherReference URI="O/font.ttf"/></EncryptedData></encryption>'
    return _archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfile full-path="O/p.opf"/></container>',
            "META-INF/encryption.xml": lock,
            "O/p.opf": f'<package>{items}<itemref idref="n"/><itemref idref="a"/><itemref idref="b"/></package>',
            "O/nav.xhtml": "<p>Contents</p>",
            "O/ch 1.xhtml": chapter,
            "O/b.xhtml": "<?xml version='1.0' encoding='utf-8'?><p>Then it ended.</p>",
        }
    )


def _archive(parts: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return made.getvalue()


def _make_damaged_pdf(draw: random.Random) -> bytes:
    return damage(_PDFS[draw.randrange(2)], draw, words=_PDF_WORDS)


def _make_damaged_yaml(draw: random.Random) -> bytes:
    return damage(draw.choice(_CONFIGS), draw, words=_YAML_WORDS)


_PDFS = (make_pdf(packed=False), make_pdf(packed=True))
_PAGE = b"""<!DOCTYPE html><html><head><meta charset="iso-8859-1"><title>T</title><style>p {}</style></head>
<body><h1>One</h1><p>It &amp; <b>beg\xe4n</b>.</p><pre>a\n  b</pre><table><tr><td>a</td><td>b</td></tr></table>
<ul><li>x<li>y</ul><!-- no --><script>if (a < b) no("</p>")</script></body></html>"""
_CHAIN = b"""anchor: &rows {dataset_name_or_path: rows.jsonl}
model: {name_or_path: "builtin/ember", offline: true}
lora: {r: 8, target_modules: [q_proj, v_proj]}
data: {<<: *rows, mix_ratio: [0.5, 0.5], extra_datasets: [a.jsonl]}
training: {output_dir: out, learning_rate: 2.0e-4, trainer_type: sft}
evaluation:
  auto_revert: true
  safety: {enabled: true, max_unsafe_ratio: 0.01}
  judge: {enabled: false}
webhook: {url_env: HOOK, timeout: 5}
retention: {audit_log_retention_days: 1827}
synthetic: {enabled: true, teacher_backend: file, seed_file: s.jsonl, output_file: o.jsonl}
pipeline:
  stages:
    - &first {name: one, training: {trainer_type: sft}}
    - {<<: *first, name: two, training: {trainer_type: dpo}}
"""
_DOCX, _EPUB = make_docx(), make_epub()
_CONFIGS = (_CHAIN, *(path.read_bytes() for path in sorted(EXAMPLES.glob("*.yaml"))))
_WEIGHTS = Path(str(files("forgelm.model") / "ember" / "model.safetensors")).read_bytes()


@functools.cache
def _gguf() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_small(Path(folder, "whole.gguf")).read_bytes()


KINDS: MappingProxyType[str, Callable[[random.Random], bytes]] = MappingProxyType(
    {
        "pdf": _make_damaged_pdf,
        "html": lambda draw: damage(_PAGE, draw, words=_HTML_WORDS),
        "docx": lambda draw: damage_archive(_DOCX, draw, words=_XML_WORDS),
        "epub": lambda draw: damage_archive(_EPUB, draw, words=_XML_WORDS),
        "yaml": _make_damaged_yaml,
        "gguf": lambda draw: damage(_gguf(), draw, reach=2200),
        "safetensors": lambda draw: damage(_WEIGHTS, draw, reach=1500),
    }
)


def read_as_document(path: Path) -> bool:
    """Read as the child process of an ingestion does, and make its rows; memory that runs out is an answer there."""
    from forgelm.data.chunk import Cutting, cut
    from forgelm.data.documents.child import answer
    from forgelm.data.documents.record import ReadOptions

    request: dict[str, Any] = {"path": str(path), "options": asdict(ReadOptions())}
    try:
        reply = json.loads(json.dumps(answer(request)))
    except MemoryError:
        return False
    if "missing" in reply:
        raise AssertionError(reply["missing"])
    for page in reply.get("pages", ()):
        for chunk in cut(page["text"], Cutting()):
            chunk.text.encode("utf-8")
    return "pages" in reply


def read_as_gguf(path: Path) -> bool:
    from forgelm.publish.gguf.parse import GgufError, parse_gguf

    try:
        parse_gguf(path)
    except GgufError:
        return False
    return True


def read_as_weights(path: Path) -> bool:
    from forgelm.base.errors import ModelError
    from forgelm.model.weights import open_files

    try:
        weights = open_files(path.parent, [path.name])
        for name in weights.tensors:
            weights.read_bytes(name)
    except ModelError:
        return False
    return True


def read_as_config(path: Path) -> bool:
    from forgelm.base.errors import ConfigError
    from forgelm.config.load import load_config

    try:
        load_config(path)
    except ConfigError as error:
        str(error).encode("utf-8")
        return False
    return True


def main() -> None:
    kind, count, folder = sys.argv[1:]
    readers = {"yaml": read_as_config, "gguf": read_as_gguf, "safetensors": read_as_weights}
    read = readers.get(kind, read_as_document)
    sys.stdout.write(tell(read_many(KINDS[kind], read, Path(folder, f"damaged.{kind}"), int(count))) + "\n")


if __name__ == "__main__":
    main()
