"""The documents of one run stay readable when the next run in the folder writes its own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from support import Finished

from forgelm.base.files import RunFiles, sha256_bytes, write_text
from forgelm.evidence.review import copy_for_review


def test_a_later_run_does_not_write_over_what_is_reviewed(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    write_text(files.compliance / "report.json", "first")
    write_text(files.config, "config")
    digests = copy_for_review(files, "fg-1")
    write_text(files.compliance / "report.json", "second")
    copy_for_review(files, "fg-2")
    assert digests == {
        "review/fg-1/compliance/report.json": sha256_bytes(b"first"),
        "review/fg-1/resolved_config.yaml": sha256_bytes(b"config"),
    }
    assert (files.root / "review/fg-1/compliance/report.json").read_text() == "first"


def test_what_an_earlier_attempt_left_is_replaced(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    write_text(files.review("fg-1") / "left.json", "half")
    write_text(files.config, "config")
    assert list(copy_for_review(files, "fg-1")) == ["review/fg-1/resolved_config.yaml"]


def test_every_link_of_the_copied_pages_leads_somewhere(finished: Finished, tmp_path: Path) -> None:
    root = Path(shutil.copytree(finished.root, tmp_path / "run"))
    copy_for_review(RunFiles(root), "fg-1")
    pages = [*root.glob("compliance/*.html"), *root.glob("review/fg-1/compliance/*.html")]
    links = {(page, link) for page in pages for link in re.findall(r"href='([^'#:]+)'", page.read_text())}
    assert len(pages) >= 10
    assert any(link == "../resolved_config.yaml" for _, link in links)
    assert not [(page.name, link) for page, link in links if not (page.parent / link).exists()]
