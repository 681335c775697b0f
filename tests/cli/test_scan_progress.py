"""Progress of an audit on stderr."""

from __future__ import annotations

import pytest

from forgelm.audit.scan.runner import Progress
from forgelm.cli.options import Shared
from forgelm.cli.scan_progress import ScanReporter


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with ScanReporter(Shared(), seconds_between_lines=0.0) as reporter:
        reporter(Progress(1000, 50, 100, 0.5))
        reporter(Progress(3000, 50, None, 1.0))
    said = capsys.readouterr()
    assert said.out == "" and said.err.splitlines() == [
        "  1,000 rows (50%)  2,000 rows/s",
        "  3,000 rows  3,000 rows/s",
    ]


@pytest.mark.parametrize("options", [Shared(quiet=True), Shared(as_json=True)])
def test_quiet_and_json_say_nothing(options: Shared, capsys: pytest.CaptureFixture[str]) -> None:
    with ScanReporter(options, seconds_between_lines=0.0) as reporter:
        reporter(Progress(1, 1, 1, 1.0))
    assert capsys.readouterr().err == ""
