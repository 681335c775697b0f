"""One batch of rows to the state of the audit. Knows nothing of files, threads or machines: any runner may call it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from forgelm.audit.croissant.column_types import ColumnType, observe_rows, read_arrow_schema, read_cells
from forgelm.audit.duplicates.contamination import Contamination, count_rows, find_contamination
from forgelm.audit.findings import Finding
from forgelm.audit.language import LanguageSample
from forgelm.audit.lengths import count_tokens
from forgelm.audit.matching.batch import claim_batch
from forgelm.audit.matching.exact import Claim
from forgelm.audit.reading.batch import Problems, ReadBatch, Reason
from forgelm.audit.rows.arrays import Ints, TextBatch, np
from forgelm.audit.rows.state import KeptRows, measure_rows
from forgelm.audit.scan.leaves import Leaves, TextColumn, read_leaves, walk_texts
from forgelm.audit.scan.options import Tools
from forgelm.audit.scan.row_text import join_row_texts
from forgelm.audit.scan.state import HITS_SHOWN, FindingKey, LocalFinding, PartState, Stretch
from forgelm.audit.scan.turns import examine_batch, hash_prompts
from forgelm.audit.secrets.families import SECRET_TYPES
from forgelm.base.extras import load_extra

if TYPE_CHECKING:
    import pyarrow as pa

_SECRETS = frozenset(SECRET_TYPES)
_HITS_BETWEEN_LOOKS = 1000
_BYTES_AT_ONCE = 1 << 20


def audit_table(table: pa.RecordBatch, tools: Tools, first: int = 0) -> PartState:
    """Audit the rows of an Arrow batch; see ``audit_batch``."""
    return audit_batch(ReadBatch(table, (), table.num_rows), tools, first)


def audit_batch(batch: ReadBatch, tools: Tools, first: int = 0, look: Callable[[], None] = lambda: None) -> PartState:
    """Return what is known of the rows of ``batch``.

    ``first`` is a number for the first row that no other row of the split has, nor any of those after it: the random
    sample whose language is judged is drawn by it. ``look`` is called now and then, and may raise to stop.
    """
    leaves = read_leaves(batch, tools.options.excluded)
    texts = join_row_texts(leaves)
    said = TextBatch.from_arrow(texts)
    kept = measure_rows(said, tools.engine, tools.options.rows)
    findings, found, nul = _find(batch, leaves, tools, look)
    hits = _find_benchmarks(said, tools)
    return PartState(
        kept=(kept,),
        stretches=(Stretch(len(batch), batch.line_count, batch.lines, batch.span),),
        blank=_count_blank(said, kept),
        findings=findings,
        found=found,
        problems=batch.problems.merge(Problems.of((Reason.NUL, batch.line_of(row)) for row in nul)),
        columns=leaves.columns,
        names=leaves.names,
        types=_read_types(batch),
        languages=LanguageSample(tools.options.language_sample).add(said, first),
        turns=examine_batch(batch, tools.engine),
        prompts=(hash_prompts(batch),) if tools.options.prompts else (),
        token_lengths=(count_tokens(texts.to_pylist(), tools.count_tokens),) if tools.count_tokens else (),
        contamination=tuple(hits[:HITS_SHOWN]),
        contaminated=Counter(count_rows(hits)),
        texts=(texts,),
    )


def _read_types(batch: ReadBatch) -> dict[str, ColumnType]:
    if batch.table is None:
        return observe_rows(batch.values)
    return read_cells(batch.table) if batch.cells else read_arrow_schema(batch.table.schema)


def _find(
    batch: ReadBatch, leaves: Leaves, tools: Tools, look: Callable[[], None]
) -> tuple[tuple[LocalFinding, ...], Counter[FindingKey], list[int]]:
    """Return the first findings of every kind, how many there are, and the rows with a NUL character."""
    arrow = load_extra("pyarrow", extra="audit")
    if not leaves.texts:
        return (), Counter(), []
    everything = leaves.texts[0].texts
    if len(leaves.texts) > 1:
        everything = arrow.concat_arrays([column.texts for column in leaves.texts])
    begins = np.cumsum([0, *(len(column.texts) for column in leaves.texts)])
    most = tools.options.findings_shown
    found: Counter[FindingKey] = Counter()
    first: list[tuple[int, int, int, Finding]] = []
    for number, text, hits in _search(everything, tools):
        here: Counter[FindingKey] = Counter()
        for count, hit in enumerate(hits):
            if not count % _HITS_BETWEEN_LOOKS:
                look()
            key = (_category(hit.kind), hit.kind, hit.severity)
            here[key] += 1
            if here[key] <= most:
                finding = hit if isinstance(hit, Finding) else hit.describe(text)
                first.append((*_place(number, begins, leaves), finding))
        found.update(here)
    first.sort(key=lambda hit: hit[:3])
    seen: Counter[str] = Counter()
    shown: list[LocalFinding] = []
    for row, column, place, finding in first:
        seen[finding.kind] += 1
        if seen[finding.kind] <= most:
            where = _locate(batch, row, leaves.texts[column], place)
            category = _category(finding.kind)
            shown.append(
                LocalFinding(category, finding.kind, finding.severity, row, where, finding.span, finding.text_preview)
            )
    in_order = ((_category(finding.kind), finding.kind, finding.severity) for *_, finding in first)
    counts = Counter({key: found[key] for key in (*in_order, *found)})
    return tuple(shown), counts, _find_nul(everything, begins, leaves)


def _search(everything: Any, tools: Tools) -> Iterator[tuple[int, str, Iterable[Claim | Finding]]]:
    """Yield every text that may hold something, its number, and what it holds, with the names that a model finds."""
    claimed = claim_batch(everything, tools.scanner)
    if tools.recogniser is None:
        yield from claimed
        return
    found = {number: [claim.describe(text) for claim in claims] for number, text, claims in claimed}
    for number, text in enumerate(everything.to_pylist()):
        yield number, text, tools.recogniser.add_to(found.get(number, []), text)


def _place(text: int, begins: Ints, leaves: Leaves) -> tuple[int, int, int]:
    """Return the row, the column and the place in the column of text number ``text``."""
    column = int(np.searchsorted(begins, text, side="right")) - 1
    place = text - int(begins[column])
    return int(leaves.texts[column].rows[place]), column, place


def _locate(batch: ReadBatch, row: int, column: TextColumn, place: int) -> str:
    """Return where in its row a text stands, such as ``messages[3].content``."""
    nth = place - int(np.searchsorted(column.rows, row))
    same = [where for path, where, _ in walk_texts(batch.read_row(row)) if path == column.path]
    return same[nth] if nth < len(same) else column.path


def _category(kind: str) -> Any:
    return "secret" if kind in _SECRETS else "pii"


def _find_nul(everything: Any, begins: Ints, leaves: Leaves) -> list[int]:
    batch = TextBatch.from_arrow(everything)
    texts: set[int] = set()
    for start in range(0, len(batch.buffer), _BYTES_AT_ONCE):
        places = start + np.flatnonzero(batch.buffer[start : start + _BYTES_AT_ONCE] == 0)
        texts.update((np.searchsorted(batch.offsets, places, side="right") - 1).tolist())
    return sorted({_place(text, begins, leaves)[0] for text in texts})


def _find_benchmarks(said: TextBatch, tools: Tools) -> list[Contamination]:
    if tools.benchmarks is None or not len(said):
        return []
    found = find_contamination(said, 0, tools.benchmarks, tools.engine)
    return sorted(found, key=lambda hit: hit.row)


def _count_blank(said: TextBatch, kept: KeptRows) -> int:
    wordless = np.flatnonzero((kept.tokens == 0) & (kept.characters > 0))
    empty = int(np.count_nonzero(kept.characters == 0))
    return empty + sum(not said[row].strip() for row in wordless.tolist())
