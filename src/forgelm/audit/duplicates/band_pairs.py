"""Band hashes of MinHash signatures to pairs of rows that agree in at least one band, each pair once."""

from __future__ import annotations

from collections.abc import Iterator

from forgelm.audit.rows.arrays import Ints, Ints32, Words32, np

_PAIRS_AT_ONCE = 1 << 15


def iterate_band_pairs(bands: Words32, rows: Ints32) -> Iterator[Ints]:
    """Yield blocks (pairs, 2) of those ``rows`` of ``bands`` (rows, bands) with an equal value in some column.

    A pair is yielded for the first column it agrees in, so that nothing has to be remembered.
    """
    for band in range(bands.shape[1]):
        keys = bands[rows, band]
        order = np.argsort(keys, kind="stable").astype(np.uint32)
        keys = keys[order]
        places, step = np.arange(max(len(order) - 1, 0), dtype=np.uint32), 1
        while len(places):
            places = places[: np.searchsorted(places, len(order) - step)]
            places = places[keys[places] == keys[places + step]]
            for first in range(0, len(places), _PAIRS_AT_ONCE):
                part = places[first : first + _PAIRS_AT_ONCE]
                pairs = rows[np.stack([order[part], order[part + step]], axis=1)].astype(np.int64)
                is_first = (bands[pairs[:, 0], :band] != bands[pairs[:, 1], :band]).all(axis=1)
                if is_first.any():
                    yield pairs[is_first]
            step += 1
