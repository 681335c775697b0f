"""What an audit is asked to do, and the compiled tools that do it on every block."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from forgelm.audit.duplicates.candidates import NearSettings
from forgelm.audit.duplicates.contamination import BenchmarkIndex
from forgelm.audit.language import DEFAULT_SAMPLE_ROWS
from forgelm.audit.lengths import CountTokens
from forgelm.audit.matching.batch import Scanner, build_scanner
from forgelm.audit.matching.engines import EngineName
from forgelm.audit.pii.entities import EntityRecogniser, load_recogniser
from forgelm.audit.pii.families import PII_FAMILIES
from forgelm.audit.rows.compiling import IS_AVAILABLE
from forgelm.audit.rows.engine import RowEngine, load_engine
from forgelm.audit.rows.state import RowSettings
from forgelm.audit.secrets.families import SECRET_FAMILIES
from forgelm.base.extras import is_installed

FINDINGS_SHOWN = 100


@dataclass(frozen=True)
class AuditOptions:
    """What the audit does with every block. ``pii_ml`` is the language of the model that looks for names, if any.

    ``excluded`` are columns, or paths such as ``messages[].tool_calls``, whose text is not looked at.
    ``token_lengths`` says that a tokenizer counts; ``prompts`` that the rows of several splits have theirs compared.
    """

    rows: RowSettings = field(default_factory=RowSettings)
    near: NearSettings = field(default_factory=NearSettings)
    excluded: frozenset[str] = frozenset()
    pii_ml: str | None = None
    findings_shown: int = FINDINGS_SHOWN
    language_sample: int | None = DEFAULT_SAMPLE_ROWS
    prompts: bool = False


@dataclass(frozen=True)
class Tools:
    """Everything compiled or loaded once that every block is audited with. Threads may share it."""

    options: AuditOptions
    engine: RowEngine
    scanner: Scanner
    recogniser: EntityRecogniser | None = None
    count_tokens: CountTokens | None = None
    benchmarks: BenchmarkIndex | None = None


def load_tools(
    options: AuditOptions,
    *,
    count_tokens: CountTokens | None = None,
    benchmarks: BenchmarkIndex | None = None,
    compiled: bool = IS_AVAILABLE,
    matching: EngineName | None = None,
) -> Tools:
    """Load what ``options`` need, with the fastest engines of this machine; every engine finds the same.

    Raises:
        OptionalDependencyError: an extra is missing; nothing was scanned.
    """
    recogniser = load_recogniser(options.pii_ml) if options.pii_ml is not None else None
    engine = matching or ("hyperscan" if is_installed("hyperscan") else "arrow")
    scanner = _load_scanner(engine)
    return Tools(options, load_engine(compiled=compiled), scanner, recogniser, count_tokens, benchmarks)


@cache
def _load_scanner(engine: EngineName) -> Scanner:
    """Return the scanner for everything, which takes as long to compile as reading 100 MB with it."""
    return build_scanner(PII_FAMILIES + SECRET_FAMILIES, engine)
