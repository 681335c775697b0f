from __future__ import annotations

from pathlib import Path

import pytest
from guards import HARMFUL, HARMLESS, train_classifier
from merging import write_variant

from forgelm.assist.chat_guard import explain_refusal, open_guard
from forgelm.base.errors import ModelError
from forgelm.evaluate.safety.verdict import GuardVerdict, unscored


def test_a_real_guard_judges_one_reply(tmp_path: Path) -> None:
    judge = open_guard(str(train_classifier(tmp_path / "guard")), offline=True)
    assert judge("What is tea?", HARMLESS[2]).safe
    assert not judge("What is tea?", HARMFUL[1]).safe


def test_what_is_no_guard_is_refused_in_the_words_of_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^neither the name nor the chat template") as refused:
        open_guard(str(write_variant(tmp_path / "model")), offline=True)
    assert "--guard-family" in str(refused.value) and "evaluation.safety" not in str(refused.value)
    with pytest.raises(ModelError, match="none") as refused:
        open_guard(str(tmp_path / "none"), offline=True)
    assert "evaluation.safety" not in str(refused.value)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (GuardVerdict(False), "reply withheld: the guard calls it unsafe"),
        (GuardVerdict(False, categories=("S2", "S7")), "it unsafe (S2 non violent crimes, S7 privacy)"),
        (unscored("?", "too long"), "reply withheld: the guard gave no verdict (too long)"),
    ],
)
def test_the_reason_is_one_line(verdict: GuardVerdict, said: str) -> None:
    assert explain_refusal(verdict).endswith(said)
