"""A small folder with everything in it, scanned once, for the tests of what follows a scan."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from forgelm.audit.reading.find import find_source
from forgelm.audit.reading.source import Source
from forgelm.audit.scan.finish import Searched, search_duplicates
from forgelm.audit.scan.options import AuditOptions, Tools, load_tools
from forgelm.audit.scan.runner import FileState, Scan, scan_source

LONG = " ".join(f"{first}{second}{third}" for first in "bdfgk" for second in "aeiou" for third in "lmnrst") + "."


@dataclass(frozen=True)
class Scanned:
    """A scan of ``folder`` with its duplicates."""

    folder: Path
    source: Source
    tools: Tools
    files: list[FileState]
    searched: Searched


def scan_folder(folder: Path, *, text_bytes: int = 1 << 20) -> Scanned:
    """Six rows in ``train`` (two alike to the byte, one nearly), two in ``test`` (one leaked), one broken line each."""
    train = [LONG, f"mail bob@example.org {LONG}", LONG, f"{LONG} indeed", "4111 1111 1111 1111", ""]
    test = ["alone here", LONG]
    for name, texts in (("train", train), ("test", test)):
        lines = [json.dumps({"text": text, "n": number}) for number, text in enumerate(texts)]
        (folder / f"{name}.jsonl").write_text("\n".join([lines[0], "broken", *lines[1:]]) + "\n", encoding="utf-8")
    source, tools = find_source(str(folder)), load_tools(AuditOptions())
    files = scan_source(source, tools, Scan(text_bytes=text_bytes))
    return Scanned(folder, source, tools, files, search_duplicates(source, list(files), tools))
