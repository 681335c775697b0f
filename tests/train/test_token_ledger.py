"""What tokenising lost is counted, shown in the evidence, and refused above the user's limit."""

from __future__ import annotations

import json

import pytest

from forgelm.base.errors import DataError
from forgelm.train.token_ledger import LostRow, TokenLedger, check_loss


def ledger(kept: int, lost: int, *, rows: int = 10, dropped: int = 0) -> TokenLedger:
    """A ledger of ``kept`` target tokens in ``rows`` rows, and ``lost`` target tokens of one cut row."""
    cut = (LostRow("data.jsonl:7", 900, lost, "longer than max_length"),) if lost else ()
    return TokenLedger(
        rows=rows,
        rows_truncated=len(cut) - dropped if cut else 0,
        rows_dropped=dropped,
        tokens=4 * kept,
        target_tokens=kept,
        target_tokens_lost=lost,
        lost=cut,
    )


def test_shares() -> None:
    half = ledger(50, 50)
    assert (half.share_lost, half.target_share) == (0.5, 0.25)
    assert (TokenLedger().share_lost, TokenLedger().target_share) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("kept", "lost", "limit", "passes"),
    [
        (100, 0, 0.0, True),
        (99, 1, 0.01, True),
        (98, 2, 0.01, False),
        (99, 1, 0.0, False),
        (1, 99, 1.0, True),
        (50, 50, 0.5, True),
        (50, 51, 0.5, False),
    ],
)
def test_the_limit_is_a_share_of_the_target_tokens(kept: int, lost: int, limit: float, passes: bool) -> None:
    if passes:
        check_loss(ledger(kept, lost), limit=limit, max_length=128)
        return
    with pytest.raises(DataError):
        check_loss(ledger(kept, lost), limit=limit, max_length=128)


def test_a_refusal_names_the_share_the_row_the_limit_and_the_length_that_would_do() -> None:
    with pytest.raises(DataError) as caught:
        check_loss(ledger(75, 25), limit=0.01, max_length=512)
    message = str(caught.value)
    for part in ("25.0%", "model.max_length=512", "1 rows cut, 0 dropped", "data.jsonl:7", "1.0%", "900 tokens"):
        assert part in message


def test_a_refusal_names_three_rows_at_most() -> None:
    lost = tuple(LostRow(f"data.jsonl:{n}", 100 * n, 5, "longer than max_length") for n in range(1, 9))
    with pytest.raises(DataError) as caught:
        check_loss(TokenLedger(rows=1, target_tokens=1, target_tokens_lost=40, lost=lost), limit=0.1, max_length=64)
    assert "data.jsonl:1, data.jsonl:2, data.jsonl:3)" in caught.value.message
    assert "800 tokens" in str(caught.value)


@pytest.mark.parametrize("limit", [0.0, 0.01, 1.0])
def test_rows_without_anything_to_learn_are_not_blamed_on_their_length(limit: float) -> None:
    lost = (LostRow("data.jsonl:1", 12, 0, "nothing to learn"),)
    with pytest.raises(DataError) as caught:
        check_loss(TokenLedger(rows_dropped=1, lost=lost), limit=limit, max_length=64)
    assert "no row has a token to learn" in caught.value.message
    assert "data.jsonl:1" in caught.value.message
    assert "max_length" not in str(caught.value)


def test_no_row_left_is_refused_whatever_the_limit() -> None:
    with pytest.raises(DataError, match=r"no row is left .* all 1 were dropped at model\.max_length=64") as caught:
        check_loss(ledger(0, 30, rows=0, dropped=1), limit=1.0, max_length=64)
    assert "max_tokens_lost" not in str(caught.value)


def test_the_record_counts_everything_and_names_a_hundred_rows() -> None:
    lost = tuple(LostRow(f"data.jsonl:{n}", 10, 1, "longer than max_length") for n in range(1, 151))
    made = TokenLedger(rows=3, rows_truncated=150, tokens=900, target_tokens=300, target_tokens_lost=150, lost=lost)
    record = json.loads(json.dumps(made.as_record()))
    assert len(record["rows_lost"]) == 100
    assert record["rows_lost"][0] == {
        "where": "data.jsonl:1",
        "tokens": 10,
        "target_tokens_lost": 1,
        "reason": "longer than max_length",
    }
    assert {key: value for key, value in record.items() if key != "rows_lost"} == {
        "rows": 3,
        "rows_truncated": 150,
        "rows_dropped": 0,
        "tokens": 900,
        "target_tokens": 300,
        "target_tokens_lost": 150,
        "share_lost": 0.333333,
        "target_share": 0.333333,
    }
