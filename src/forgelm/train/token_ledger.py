"""Counts what tokenising kept, cut and dropped, so that no token of the user's data is lost without a record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from forgelm.base.errors import DataError


@dataclass(frozen=True)
class LostRow:
    """A row that was cut or left out: where it stands and how many target tokens went."""

    where: str
    tokens: int
    target_tokens_lost: int
    reason: str


@dataclass(frozen=True)
class TokenLedger:
    """Counts for one split. ``target`` tokens are those the loss is taken over."""

    rows: int = 0
    rows_truncated: int = 0
    rows_dropped: int = 0
    tokens: int = 0
    target_tokens: int = 0
    target_tokens_lost: int = 0
    lost: tuple[LostRow, ...] = field(default=(), repr=False)

    @property
    def share_lost(self) -> float:
        """Target tokens lost over target tokens found, 0..1."""
        found = self.target_tokens + self.target_tokens_lost
        return self.target_tokens_lost / found if found else 0.0

    @property
    def target_share(self) -> float:
        """Target tokens over all tokens kept, 0..1."""
        return self.target_tokens / self.tokens if self.tokens else 0.0

    def as_record(self) -> dict[str, Any]:
        """Return the counts for evidence; of the rows lost the first 100 are named."""
        return {
            "rows": self.rows,
            "rows_truncated": self.rows_truncated,
            "rows_dropped": self.rows_dropped,
            "tokens": self.tokens,
            "target_tokens": self.target_tokens,
            "target_tokens_lost": self.target_tokens_lost,
            "share_lost": round(self.share_lost, 6),
            "target_share": round(self.target_share, 6),
            "rows_lost": [asdict(row) for row in self.lost[:100]],
        }


def check_loss(ledger: TokenLedger, *, limit: float, max_length: int) -> None:
    """Refuse a run that would lose more than ``limit`` (share, 0..1) of its target tokens.

    Raises:
        DataError: too much is lost; the message names the first rows and the length that would keep them all. Or no
            row has anything to learn, whatever its length.
    """
    if ledger.share_lost <= limit and ledger.rows > 0:
        return
    longest = max((row.tokens for row in ledger.lost), default=0)
    places = ", ".join(row.where for row in ledger.lost[:3])
    if ledger.target_tokens_lost == 0:
        raise DataError(
            f"no row has a token to learn ({ledger.rows_dropped} dropped; first: {places or 'none'})",
            hint="check that the rows hold replies (assistant turns, completions) and that they are not empty",
        )
    if ledger.rows == 0:
        raise DataError(
            f"no row is left to train on: all {ledger.rows_dropped} were dropped at model.max_length={max_length} "
            f"(first: {places})",
            hint=f"raise model.max_length (the longest row has {longest} tokens), or shorten the rows",
        )
    raise DataError(
        f"{ledger.share_lost:.1%} of the tokens to learn would be lost at model.max_length={max_length} "
        f"({ledger.rows_truncated} rows cut, {ledger.rows_dropped} dropped; first: {places}); "
        f"data.max_tokens_lost allows {limit:.1%}",
        hint=f"raise model.max_length (the longest row has {longest} tokens), shorten the rows, or raise "
        "data.max_tokens_lost",
    )
