"""The model card of a real run: figures, verdict, and what the hub reads."""

from __future__ import annotations

from support import Finished


def test_a_card_says_how_the_model_was_judged(finished: Finished) -> None:
    card = (finished.root / "final_model" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlanguage:")
    assert "model-index:" in card
    assert "base_model:" not in card.partition("\n---\n")[0]
    assert "## Verdict" in card
