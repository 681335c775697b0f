"""The audit of a dataset from its name to the report: read, scan, search, judge, write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from forgelm.audit.duplicates.candidates import NearSettings
from forgelm.audit.duplicates.contamination import BenchmarkIndex, build_benchmark_index
from forgelm.audit.identify import Identify, load_identifier
from forgelm.audit.language import LanguageSample, LanguageSummary, summarize_languages
from forgelm.audit.lengths import CountTokens
from forgelm.audit.reading.blocks import BLOCK_BYTES
from forgelm.audit.reading.find import find_source
from forgelm.audit.reading.source import Source
from forgelm.audit.report.outputs import write_outputs
from forgelm.audit.report.page import load_template
from forgelm.audit.report.record import AuditReport
from forgelm.audit.rows.engine import load_engine
from forgelm.audit.rows.minhash import DEFAULT_MINHASH_JACCARD, DEFAULT_MINHASH_NUM_PERM
from forgelm.audit.rows.simhash import DEFAULT_NEAR_DUP_HAMMING
from forgelm.audit.rows.state import DedupMethod, RowSettings
from forgelm.audit.scan.benchmarks import read_benchmarks
from forgelm.audit.scan.clean import check_output, write_clean
from forgelm.audit.scan.describe import describe_dataset
from forgelm.audit.scan.finish import Asked, build_report, refuse_problems, search_duplicates
from forgelm.audit.scan.options import AuditOptions, Tools, load_tools
from forgelm.audit.scan.ray_runner import scan_on_ray
from forgelm.audit.scan.runner import FileState, Progress, Scan, scan_source
from forgelm.audit.scan.shelf import LEAST_BYTES, Shelf, is_worth_keeping
from forgelm.audit.scan.splits import TokenLimits
from forgelm.base.errors import ArgumentError, ConfigError, DataError, SourceError
from forgelm.base.files import sha256_file

ENGINES: Mapping[str, Callable[[Source, Tools, Scan], list[FileState]]] = MappingProxyType(
    {"local": scan_source, "ray": scan_on_ray}
)


@dataclass(frozen=True)
class AuditRequest:
    """Everything one audit is asked for.

    With an ``output_dir``, what is known of the finished blocks of ``least_bytes_kept`` or more is kept there until the
    end. ``scan_files`` audits all blocks, here or on other machines, and gives what ``scan_source`` gives. ``listen``
    hears of the progress; ``check``, called on any thread, may raise to stop. ``count_tokens`` counts as the
    tokenizer called ``tokenizer`` does; ``benchmarks`` are files of texts that must not be in the data.
    """

    options: AuditOptions = field(default_factory=AuditOptions)
    output_dir: Path | None = None
    workers: int = 1
    strict: bool = False
    allow_pii: bool = False
    allow_secrets: bool = False
    croissant: bool = False
    dedup_output: Path | None = None
    benchmarks: tuple[str, ...] = ()
    count_tokens: CountTokens | None = None
    tokenizer: str | None = None
    limits: TokenLimits = field(default_factory=TokenLimits)
    listen: Callable[[Progress], None] | None = None
    check: Callable[[], None] | None = None
    least_bytes_kept: int = LEAST_BYTES
    scan_files: Callable[[Source, Tools, Scan], list[FileState]] = scan_source

    @property
    def counts_tokens(self) -> bool:
        return self.count_tokens is not None or self.tokenizer is not None


def audit_dataset(  # noqa: PLR0913 (the contract's signature)
    source: str,
    *,
    output_dir: str | None = None,
    near_dup_threshold: int = DEFAULT_NEAR_DUP_HAMMING,
    dedup_method: str = "simhash",
    minhash_jaccard: float = DEFAULT_MINHASH_JACCARD,
    minhash_num_perm: int = DEFAULT_MINHASH_NUM_PERM,
    enable_quality_filter: bool = False,
    enable_pii_ml: bool = False,
    pii_ml_language: str = "en",
    emit_croissant: bool = False,
    workers: int = 1,
    exclude: Sequence[str] = (),
    strict: bool = False,
    allow_pii: bool = False,
    allow_secrets: bool = False,
    dedup_output: str | None = None,
    benchmark_files: Sequence[str] = (),
    count_tokens: CountTokens | None = None,
    max_length: int | None = None,
    engine: str = "local",
) -> AuditReport:
    """Audit a dataset: a file, a folder of splits, an fsspec address or the id of a hub dataset.

    With ``output_dir`` the report is written there: ``data_audit_report.json``, the same as a page,
    ``data_audit_report.html``, and with ``emit_croissant`` ``croissant.json``. ``exclude`` names columns, or paths
    such as ``messages[].tool_calls``, whose text is not looked at; ``dedup_output`` a file to write the rows to that
    repeat no earlier one. ``engine="ray"`` scans on the Ray cluster at ``RAY_ADDRESS``, or in ``workers`` processes of
    a Ray on this machine, with the same result. Gates only show in the report: nothing is raised for what was found.

    Raises:
        ArgumentError: an argument cannot be used (a ``ValueError``).
        SourceError: the source does not exist or no row of it can be read, or ``strict`` and a part of it cannot (an
            ``OSError``).
        OptionalDependencyError: an extra is missing; nothing was scanned.
        StorageError: something could not be written.
        ClusterError: the Ray cluster cannot be reached, or was lost.
    """
    if dedup_method not in ("simhash", "minhash"):
        raise ArgumentError(f"dedup_method must be 'simhash' or 'minhash', got {dedup_method!r}")
    method: DedupMethod = "minhash" if dedup_method == "minhash" else "simhash"
    jaccard = minhash_jaccard if dedup_method == "minhash" else NearSettings.jaccard
    request = AuditRequest(
        options=AuditOptions(
            rows=RowSettings(method, minhash_jaccard, minhash_num_perm, enable_quality_filter),
            near=NearSettings(near_dup_threshold, jaccard),
            excluded=frozenset(exclude),
            pii_ml=pii_ml_language if enable_pii_ml else None,
        ),
        output_dir=Path(output_dir) if output_dir is not None else None,
        workers=workers,
        strict=strict,
        allow_pii=allow_pii,
        allow_secrets=allow_secrets,
        croissant=emit_croissant,
        dedup_output=Path(dedup_output) if dedup_output is not None else None,
        benchmarks=tuple(benchmark_files),
        count_tokens=count_tokens,
        limits=TokenLimits(max_length),
        scan_files=_find_engine(engine),
    )
    check_request(request)
    try:
        return run_audit(find_source(source), request)
    except DataError as error:
        if isinstance(error, OSError):
            raise
        raise SourceError(error.message, hint=error.hint, problems=error.problems) from error


def check_request(request: AuditRequest) -> None:
    """Look at every number before anything is read.

    Raises:
        ArgumentError: one cannot be used.
    """
    options = request.options
    try:
        if options.rows.method == "minhash":
            _ = options.rows.bands
    except ConfigError as error:
        raise ArgumentError(error.message) from error
    if options.near.hamming < 0:
        raise ArgumentError(f"near_dup_threshold must be 0 or more, got {options.near.hamming}")
    if request.workers < 1:
        raise ArgumentError(f"workers must be at least 1, got {request.workers}")
    if request.limits.max_length is not None and request.limits.max_length < 1:
        raise ArgumentError(f"max_length must be at least 1, got {request.limits.max_length}")
    if request.limits.max_length is not None and not request.counts_tokens:
        raise ArgumentError("max_length is in tokens, so a tokenizer must be given that counts them")


def _find_engine(name: str) -> Callable[[Source, Tools, Scan], list[FileState]]:
    if name not in ENGINES:
        raise ArgumentError(f"engine must be one of {', '.join(ENGINES)}, got {name!r}")
    return ENGINES[name]


def run_audit(source: Source, request: AuditRequest) -> AuditReport:
    """Audit what was found; see ``audit_dataset``."""
    request = replace(request, options=replace(request.options, prompts=len(source.splits) > 1))
    if request.dedup_output is not None:
        check_output(request.dedup_output, source.files)
    if request.output_dir is not None:
        load_template()  # what its page needs is missing before the scan, not after it
    with ThreadPoolExecutor(2, thread_name_prefix="forgelm-audit-beside") as beside:
        identify = beside.submit(load_identifier)
        digests = beside.submit(_hash_files, source)
        tools = load_tools(request.options, count_tokens=request.count_tokens, benchmarks=_index(request.benchmarks))
        shelf = _find_shelf(source, request)
        scan = Scan(
            request.workers,
            request.strict,
            request.listen,
            request.check,
            recall=shelf.recall if shelf else None,
            remember=shelf.remember if shelf else None,
        )
        files = request.scan_files(source, tools, scan)
        look = request.check or (lambda: None)
        if request.strict:
            refuse_problems(source, files, tools)
        languages = beside.submit(_judge_languages, _join_samples(files), identify)
        searched = search_duplicates(source, files, tools, workers=request.workers, look=look)
        look()
        changed = _list_changed(source)
        if changed and request.strict:
            raise DataError(f"{changed[0]} changed while it was being read", hint="wait until it is complete")
        # A file that grew is audited as it was found, and no digest speaks for that part of it.
        known = {name: digest for name, digest in digests.result().items() if name not in changed}
        asked = Asked(request.allow_pii, request.allow_secrets, request.tokenizer, request.limits, known)
        report = build_report(source, searched, languages.result(), tools, asked)
        notes = [f"{name} changed while it was being read: this report is on what was there before" for name in changed]
        report = replace(report, notes=[*report.notes, *notes])
    if request.croissant:
        described = describe_dataset(source, searched.places, report, request.output_dir)
        report = replace(report, croissant=described)
    if request.dedup_output is not None:
        write_clean(request.dedup_output, searched.places, searched.found)
    if request.output_dir is not None:
        write_outputs(report, request.output_dir)
    if shelf is not None:
        shelf.clear()
    return report


def _find_shelf(source: Source, request: AuditRequest) -> Shelf | None:
    """Return where finished blocks are kept; a small audit is done again sooner than looked up."""
    if request.output_dir is None or not is_worth_keeping(source, request.least_bytes_kept):
        return None
    return Shelf(request.output_dir, source, [request.options, request.tokenizer, request.benchmarks, BLOCK_BYTES])


def _index(benchmarks: Sequence[str]) -> BenchmarkIndex | None:
    return build_benchmark_index(read_benchmarks(benchmarks), load_engine()) if benchmarks else None


def _hash_files(source: Source) -> Mapping[str, str]:
    return {file.name: sha256_file(source.find_path(file)) for file in source.files if file.size_bytes is not None}


def _list_changed(source: Source) -> list[str]:
    """Return the files that are not as long as they were when they were found."""
    return [
        file.name
        for file in source.files
        if file.size_bytes is not None and source.find_path(file).stat().st_size != file.size_bytes
    ]


def _join_samples(files: Sequence[FileState]) -> dict[str, LanguageSample]:
    samples: dict[str, LanguageSample] = {}
    for file in files:
        split = file.file.split
        samples[split] = samples[split].merge(file.state.languages) if split in samples else file.state.languages
    return samples


def _judge_languages(
    samples: Mapping[str, LanguageSample], identify: Future[Identify | None]
) -> dict[str, LanguageSummary]:
    return {split: summarize_languages(sample, identify.result()) for split, sample in samples.items()}
