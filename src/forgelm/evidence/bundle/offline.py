"""The command line of ``verify.py``, the one file that checks a bundle with Python's standard library alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from forgelm.base.errors import ExitCode, ForgeError
from forgelm.evidence.bundle.report import render_verification
from forgelm.evidence.bundle.trust import read_trust
from forgelm.evidence.bundle.verify import verify_evidence


def main(arguments: Sequence[str]) -> int:
    """Check what ``arguments`` name, write the answer to stdout and return the exit code."""
    options = _parse(arguments)
    try:
        trust = read_trust(
            options.key, options.anchor, min_size=options.min_size, hmac_secret_env=options.hmac_secret_env
        )
        found = verify_evidence(options.path, trust)
    except (ForgeError, OSError) as error:
        code = error.exit_code if isinstance(error, ForgeError) else ExitCode.RUNTIME
        _write({"success": False, "error": str(error)}, f"FAIL: {error}", as_json=options.output_format == "json")
        return int(code)
    _write(found.as_record(), render_verification(found), as_json=options.output_format == "json")
    return int(ExitCode.OK if found.valid else ExitCode.INTEGRITY)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="verify.py",
        description="Check a ForgeLM evidence bundle or run folder. Exit code 0: nothing failed; 6: something did; "
        "1: it cannot be asked; 2: a file cannot be read.",
    )
    parser.add_argument("path", metavar="BUNDLE_OR_RUN")
    parser.add_argument("--key", action="append", default=[], help="a public key whose signatures must hold")
    parser.add_argument(
        "--anchor", action="append", default=[], metavar="FILE", help="what was kept of the log elsewhere"
    )
    parser.add_argument("--min-size", type=int, default=0, metavar="N", help="the least number of lines of the log")
    parser.add_argument("--hmac-secret-env", default="FORGELM_AUDIT_SECRET", metavar="VAR")
    parser.add_argument("--output-format", choices=("text", "json"), default="text")
    try:
        return parser.parse_args(list(arguments))
    except SystemExit as stop:
        # argparse leaves with 2 for a wrong command line; here 2 says that a file cannot be read.
        raise SystemExit(int(ExitCode.CONFIG) if stop.code else 0) from None


def _write(record: dict[str, object], text: str, *, as_json: bool) -> None:
    shown = json.dumps(record, ensure_ascii=False) if as_json else text
    sys.stdout.buffer.write(f"{shown}\n".encode("utf-8", "backslashreplace"))
    sys.stdout.flush()
