"""Clusters of duplicates to what a person reads: their places, and of each text the part where they differ, masked."""

from __future__ import annotations

from collections.abc import Sequence

from forgelm.audit.duplicates.clusters import Cluster, RowPlace, list_clusters
from forgelm.audit.duplicates.search import Duplicates
from forgelm.audit.duplicates.token_sets import Fetch
from forgelm.audit.matching.batch import Scanner, scan_batch
from forgelm.audit.pii.find import mask_pii
from forgelm.audit.report.parts import DuplicateCluster, DuplicateRow
from forgelm.audit.rows.arrays import TextBatch, np
from forgelm.audit.scan.places import Places
from forgelm.audit.secrets.find import mask_secrets

MOST_CLUSTERS = 50
MOST_ROWS = 5
_SHOWN = 400
_BEFORE = 120  # how much is shown of what they share before their first difference
_READ = 100_000  # a value that begins in what is shown, such as a private key, is seen whole


def show_clusters(found: Duplicates, places: Places, fetch: Fetch, scanner: Scanner) -> tuple[DuplicateCluster, ...]:
    """Return the largest clusters, with a part of the text of their first rows.

    It is the beginning, or where they are equal for long, what stands around their first difference.
    """
    clusters = list_clusters(found, most=MOST_CLUSTERS, most_rows=MOST_ROWS)
    numbers = {place: _number(place, found) for cluster in clusters for place in cluster.rows}
    # Rows with the same text are read once.
    source = {place: int(found.exact_first[number]) for place, number in numbers.items()}
    wanted = np.unique(np.array(list(source.values()), np.int64))
    texts = (
        dict(zip(wanted.tolist(), _mask_all(_begin(list(fetch(wanted))), scanner), strict=True)) if len(wanted) else {}
    )
    return tuple(_show(cluster, numbers, source, texts, places) for cluster in clusters)


def _show(
    cluster: Cluster,
    numbers: dict[RowPlace, int],
    source: dict[RowPlace, int],
    texts: dict[int, str],
    places: Places,
) -> DuplicateCluster:
    examples = _cut([texts[source[place]] for place in cluster.rows])
    rows = tuple(
        DuplicateRow(places.find(numbers[place]), example)
        for place, example in zip(cluster.rows, examples, strict=True)
    )
    return DuplicateCluster(cluster.size, cluster.exact, rows)


def _cut(texts: Sequence[str]) -> list[str]:
    """Return what is shown of texts: the same part of each."""
    differing = (place for place, characters in enumerate(zip(*texts, strict=False)) if len(set(characters)) > 1)
    shared = next(differing, 0 if len(set(texts)) == 1 else min(map(len, texts)))
    begin = shared - _BEFORE if shared > 2 * _BEFORE else 0
    end = begin + _SHOWN
    return [("…" if begin else "") + text[begin:end] + ("…" if len(text) > end else "") for text in texts]


def _number(place: RowPlace, found: Duplicates) -> int:
    return found.ranges[place.split].start + place.row


def _begin(texts: Sequence[str]) -> list[str]:
    return [text[:_READ] for text in texts]


def _mask_all(texts: Sequence[str], scanner: Scanner) -> list[str]:
    """Mask the few texts that hold something."""
    masked = list(texts)
    for row in {row for row, _ in scan_batch(TextBatch.from_texts(texts).to_arrow(), scanner)}:
        masked[row] = mask_secrets(mask_pii(texts[row]))
    return masked
