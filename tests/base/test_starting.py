"""Ctrl-C while a program is still importing itself, sent by a module that it imports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
PRESSED = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}
    return subprocess.run(
        [sys.executable, *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # the tests may run where it is ignored
    )


@pytest.mark.parametrize("program", ["forgelm", "forgelm.cli", "finetune_cli"])
def test_a_program_that_is_still_importing_ends_as_the_signal_does(tmp_path: Path, program: str) -> None:
    (tmp_path / "click.py").write_text(PRESSED)
    done = run(tmp_path, "-m", program, "--help")
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_from_then_on_the_program_answers(tmp_path: Path) -> None:
    (tmp_path / "begun.py").write_text(
        "import os, signal\n\ndef main():\n    try:\n        os.kill(os.getpid(), signal.SIGINT)\n"
        "        signal.pause()\n    except KeyboardInterrupt:\n        print('answered')\n"
    )
    assert run(tmp_path, "-c", "from forgelm.base.starting import start; start('begun')").stdout == "answered\n"


def test_where_it_is_ignored_it_stays_so(tmp_path: Path) -> None:
    (tmp_path / "begun.py").write_text(f"{PRESSED}\ndef main():\n    print(signal.getsignal(signal.SIGINT))\n")
    code = """if True:
        import signal
        from forgelm.base.starting import start
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        start("begun")
    """
    assert run(tmp_path, "-c", code).stdout.strip() == str(signal.SIG_IGN)
