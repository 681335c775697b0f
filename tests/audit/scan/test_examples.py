"""What a person sees of clusters."""

from __future__ import annotations

import json
from pathlib import Path

from audit_scans import LONG, Scanned

from forgelm.audit.dataset import audit_dataset

WORDS = " ".join(f"word{number}" for number in range(400))
KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEAx7uUz3Kq\n" * 200 + "-----END RSA PRIVATE KEY-----"


def test_clusters_come_with_places_and_masked_beginnings(scanned: Scanned) -> None:
    (cluster,) = scanned.searched.clusters
    assert (cluster.size, cluster.exact) == (5, False)
    assert [row.place.row for row in cluster.rows] == [0, 1, 2, 3, 1]
    assert [row.place.split for row in cluster.rows] == ["train"] * 4 + ["test"]
    assert cluster.rows[0].example == LONG[:400] + "…"
    assert cluster.rows[1].example.startswith(f"mail [REDACTED] {LONG[:300]}")


def show(folder: Path, texts: list[str]) -> list[str]:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (cluster,) = audit_dataset(str(path)).duplicates
    return [row.example for row in cluster.rows]


def test_rows_that_begin_alike_are_shown_where_they_differ(tmp_path: Path) -> None:
    first, second = show(tmp_path, [f"{WORDS} today {WORDS}", f"{WORDS} yesterday {WORDS}"])
    assert first.startswith("…") and second.startswith("…")
    assert first.split()[:14] == second.split()[:14]
    assert "word399 today word0" in first
    assert "word399 yesterday word0" in second
    assert len(first) <= 402


def test_a_row_that_only_goes_on_is_shown_at_its_end(tmp_path: Path) -> None:
    short, long = show(tmp_path, [WORDS, f"{WORDS} and more"])
    assert short.endswith("word399")
    assert long.endswith("word399 and more")


def test_equal_rows_show_their_beginning(tmp_path: Path) -> None:
    first, second = show(tmp_path, [WORDS, WORDS])
    assert first == second
    assert first.startswith("word0 word1")


def test_a_key_that_begins_in_what_is_shown_is_masked_however_long_it_is(tmp_path: Path) -> None:
    for example in show(tmp_path, [f"Here it is: {KEY} {WORDS}", f"Here it was: {KEY} {WORDS}"]):
        assert "MIIE" not in example
        assert "[REDACTED-SECRET]" in example
