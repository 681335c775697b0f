"""Runs an audit as the command line asks: finds the data, watches for signals, and replies with the gates' verdict."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from forgelm.audit.dataset import ENGINES, AuditRequest, check_request, run_audit
from forgelm.audit.duplicates.candidates import NearSettings
from forgelm.audit.reading.find import find_source, source_of_run
from forgelm.audit.reading.source import Source
from forgelm.audit.report.document import REPORT_FILE
from forgelm.audit.report.envelope import build_envelope
from forgelm.audit.report.page import PAGE_FILE
from forgelm.audit.report.record import AuditReport
from forgelm.audit.report.terminal import render_terminal
from forgelm.audit.rows.state import RowSettings
from forgelm.audit.scan.options import AuditOptions
from forgelm.audit.scan.splits import TokenLimits
from forgelm.base.errors import ConfigError, ExitCode, StoppedError
from forgelm.base.files import write_bytes
from forgelm.base.network import hub_token, private
from forgelm.cli.options import Shared
from forgelm.cli.render import Reply
from forgelm.cli.scan_progress import ScanReporter
from forgelm.config.load import load_config
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.model.count import load_counter
from forgelm.run.stop import StopRequest, stop_on_signals

_OUTPUT = "./audit"
_PROBE = ".forgelm-audit"


def audit_as_asked(input_path: str | None, config: str | None, options: dict[str, Any], talk: Shared) -> Reply:
    """Audit ``input_path``, or what the run of ``config`` would train on."""
    run = load_config(config) if config is not None else None
    output = Path(options["output"] or (run.training.output_dir if run else _OUTPUT))
    request = _request(options, output)
    # With a run its tokenizer counts.
    check_request(request if run is None else replace(request, tokenizer=run.model.name_or_path))
    _check_writable(output)
    stop = StopRequest()

    def check() -> None:
        if stop.asked():
            raise StoppedError("the audit was stopped; no report was written", hint="run the same command again")

    with (
        contextlib.redirect_stdout(sys.stderr),
        private(offline=run is not None and run.model.offline),
        stop_on_signals(stop),
    ):
        source, request = _follow_run(run, request) if run is not None else _find(input_path or "", request)
        with ScanReporter(talk) as reporter:
            report = run_audit(source, replace(request, listen=reporter, check=check))
    return _reply(report, output, verbose=options["verbose"])


def _request(options: dict[str, Any], output: Path) -> AuditRequest:
    by_minhash = options["dedup_method"] == "minhash"
    jaccard = options["jaccard_threshold"]
    near = NearSettings(options["near_dup_threshold"], jaccard if by_minhash else NearSettings.jaccard)
    return AuditRequest(
        options=AuditOptions(
            rows=RowSettings(options["dedup_method"], jaccard, quality=options["quality_filter"]),
            near=near,
            excluded=frozenset(options["exclude"]),
            pii_ml=options["pii_ml_language"] if options["pii_ml"] else None,
        ),
        output_dir=output,
        workers=options["workers"],
        scan_files=ENGINES[options["engine"]],
        strict=options["strict"],
        allow_pii=options["allow_pii"],
        allow_secrets=options["allow_secrets"],
        croissant=options["croissant"],
        dedup_output=Path(options["dedup_output"]) if options["dedup_output"] else None,
        benchmarks=options["benchmark_file"],
        tokenizer=options["tokenizer"],
        limits=TokenLimits(options["max_length"]),
    )


def _find(name: str, request: AuditRequest) -> tuple[Source, AuditRequest]:
    """Return what to read, and the request with the tokenizer that counts."""
    if request.tokenizer is not None:
        request = replace(request, count_tokens=load_counter(request.tokenizer, token=hub_token(None)))
    return find_source(name, token=hub_token(None)), request


def _follow_run(config: ForgeConfig, request: AuditRequest) -> tuple[Source, AuditRequest]:
    """Return the rows of a run; they are counted with its tokenizer and compared with its limit and its batches."""
    model = config.model
    name = request.tokenizer or model.name_or_path
    token = hub_token(config.auth.hf_token if config.auth else None)
    revision = model.revision if request.tokenizer is None else None
    counter = load_counter(name, revision=revision, offline=model.offline, token=token)
    limits = TokenLimits(request.limits.max_length or model.max_length, config.training.per_device_train_batch_size)
    request = replace(request, tokenizer=name, count_tokens=counter, limits=limits)
    return source_of_run(prepare_run(config), config.data.dataset_name_or_path), request


def _check_writable(output: Path) -> None:
    """Find out before the scan whether a report could be written after it."""
    probe = output / _PROBE
    try:
        write_bytes(probe, b"")
        probe.unlink()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            reason = "a file stands in the place of the folder"
        raise ConfigError(
            f"the report cannot be written to {output}: {reason}", hint="give another folder with --output"
        ) from error


def _reply(report: AuditReport, output: Path, *, verbose: bool) -> Reply:
    path, page = output / REPORT_FILE, output / PAGE_FILE
    text = render_terminal(report, verbose=verbose, colour=sys.stdout.isatty())
    code = ExitCode.OK if report.verdict == "passed" else ExitCode.GATE_FAILED
    return Reply(build_envelope(report, path), f"{text}\n\nreport: {page} (for programs: {path})", code)
