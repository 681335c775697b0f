"""What an audit leaves in its folder, and that two of them never leave a mixture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from audit_reports import make_report

from forgelm.audit.report.document import REPORT_FILE
from forgelm.audit.report.outputs import CROISSANT_FILE, write_outputs
from forgelm.audit.report.page import PAGE_FILE
from forgelm.base.errors import StorageError

CROISSANT = {"@type": "sc:Dataset", "name": "set"}


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_the_files_stand_beside_each_other(tmp_path: Path) -> None:
    written = write_outputs(replace(make_report(), croissant=CROISSANT), tmp_path / "new" / "audit")
    assert visible(tmp_path / "new" / "audit") == sorted([REPORT_FILE, PAGE_FILE, CROISSANT_FILE])
    assert json.loads(written.report.read_text())["croissant"] == CROISSANT
    assert written.croissant is not None
    assert json.loads(written.croissant.read_text()) == CROISSANT
    assert written.page.read_text().startswith("<!doctype html>")


def test_without_a_description_there_is_no_file_of_it(tmp_path: Path) -> None:
    assert write_outputs(make_report(), tmp_path).croissant is None
    assert visible(tmp_path) == sorted([REPORT_FILE, PAGE_FILE])


def test_audits_that_end_together_never_leave_a_mixture(tmp_path: Path) -> None:
    reports = [
        replace(make_report(), source_input=f"set-{number}", croissant=CROISSANT | {"name": f"set-{number}"})
        for number in range(4)
    ]
    threads = [threading.Thread(target=write_outputs, args=(report, tmp_path)) for report in reports * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    name = json.loads((tmp_path / REPORT_FILE).read_text())["source_input"]
    assert json.loads((tmp_path / CROISSANT_FILE).read_text())["name"] == name
    assert f"dataset audit of {name}</title>" in (tmp_path / PAGE_FILE).read_text()
    assert not list(tmp_path.glob("*.tmp")) + list(tmp_path.glob(".*.tmp"))


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("mine")
    with pytest.raises(StorageError, match="audit"):
        write_outputs(make_report(), tmp_path / "audit")
    assert (tmp_path / "audit").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="limits and owners are those of POSIX")
@pytest.mark.parametrize(
    ("setback", "said"),
    [
        # A limit stands in for a disk on which nothing fits any more: the system refuses the write the same way.
        (
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))",
            "File too large",
        ),
        # Root may write everywhere, so it steps down first.
        ("folder.chmod(0o555); os.geteuid() or os.setuid(65534)", "Permission denied"),
    ],
)
def test_a_full_disk_and_a_closed_folder_leave_the_older_report(setback: str, said: str, tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    write_outputs(replace(make_report(), croissant=CROISSANT), folder)
    tmp_path.chmod(0o755)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    script = (
        "import os, resource, signal, sys; from dataclasses import replace; from pathlib import Path\n"
        "from audit_reports import make_report\n"
        "from forgelm.audit.report.outputs import write_outputs; from forgelm.base.errors import StorageError\n"
        f"folder = Path(sys.argv[1]); write_outputs(make_report(), folder / 'warm'); {setback}\n"
        "try: write_outputs(replace(make_report(), croissant={'other': 'one'}), folder)\n"
        "except StorageError as error: print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        capture_output=True, text=True, timeout=60, check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    folder.chmod(0o755)
    assert "could not write" in ran.stdout
    assert said in ran.stdout
    assert "disk has space and the folder is writable" in ran.stdout
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
