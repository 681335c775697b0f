"""What a person sees of clusters."""

from __future__ import annotations

from audit_scans import LONG, Scanned


def test_clusters_come_with_places_and_masked_beginnings(scanned: Scanned) -> None:
    (cluster,) = scanned.searched.clusters
    assert (cluster.size, cluster.exact) == (5, False)
    assert [row.place.row for row in cluster.rows] == [0, 1, 2, 3, 1]
    assert [row.place.split for row in cluster.rows] == ["train"] * 4 + ["test"]
    assert cluster.rows[0].example == LONG[:400] + "…"
    assert cluster.rows[1].example.startswith(f"mail [REDACTED] {LONG[:300]}")
