"""What one judge makes of all answers: points for each model's, and who of the two is better, in both orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from forgelm.base.network.replies import Cache
from forgelm.base.network.spending import Price, Spending
from forgelm.data.prompts import EvalPrompt
from forgelm.evaluate.evaluator import Look, look_at_nothing
from forgelm.evaluate.judge.endpoint import Endpoint
from forgelm.evaluate.judge.local import LocalJudge
from forgelm.evaluate.judge.panel import Replied, ask_panel
from forgelm.evaluate.judge.parse import parse_comparison, parse_reason, parse_score
from forgelm.evaluate.judge.rubric import Question, ask_for_comparison, ask_for_score

# An empty answer needs no judge.
EMPTY_SCORE = 1.0


@dataclass(frozen=True)
class Round:
    """What is judged: the prompts, the tuned model's answers and, where they are compared, the base model's."""

    prompts: tuple[EvalPrompt, ...]
    tuned: tuple[str, ...]
    base: tuple[str, ...] | None
    rubric: str | None = None


@dataclass(frozen=True)
class Grades:
    """One judge's grades in the order of the prompts; ``None`` where it gave none.

    ``wins`` are 1 for the tuned model's answer, 0 for the base model's, 0.5 for a tie or a verdict that turned round
    with the order. ``unparsable`` counts replies without a grade, ``swayed`` verdicts that followed the order.
    """

    scores: tuple[float | None, ...]
    base_scores: tuple[float | None, ...] | None
    wins: tuple[float | None, ...] | None
    reasons: tuple[str | None, ...]
    unparsable: int
    swayed: int
    failures: tuple[str, ...]

    @property
    def missing(self) -> int:
        """How many of the tuned model's answers have no points."""
        return sum(score is None for score in self.scores)


def grade(
    judge: Endpoint | LocalJudge,
    asked: Round,
    cache: Cache,
    spending: Spending,
    *,
    price: Price | None = None,
    workers: int = 1,
    look: Look = look_at_nothing,
) -> Grades:
    """Put every question of ``asked`` to ``judge``. What ``look`` raises ends it; replies that came are kept.

    Raises:
        StorageError: a reply could not be kept.
    """
    answers = [*asked.tuned, *(asked.base or ())]
    scored = [ask_for_score(p, a, asked.rubric) for p, a in zip(asked.prompts * 2, answers, strict=False)]
    asks = [question for question, answer in zip(scored, answers, strict=True) if answer.strip()]
    pairs = _differing(asked)
    for number in pairs:
        asks += _both_orders(asked, number)
    replied = ask_panel(judge, asks, cache, spending, price=price, workers=workers, look=look)
    replies = iter(replied.texts)
    texts = [next(replies) if answer.strip() else None for answer in answers]
    points = [
        EMPTY_SCORE if not answer.strip() else None if text is None else parse_score(text)
        for answer, text in zip(answers, texts, strict=True)
    ]
    verdicts = {number: (next(replies), next(replies)) for number in pairs}
    compared = {number: _settle(*both) for number, both in verdicts.items()}
    n = len(asked.prompts)
    return Grades(
        scores=tuple(points[:n]),
        base_scores=tuple(points[n:]) if asked.base is not None else None,
        wins=tuple(compared.get(i, 0.5) for i in range(n)) if asked.base is not None else None,
        reasons=tuple(parse_reason(text) if text else None for text in texts[:n]),
        unparsable=_count_unparsable(asks, replied),
        swayed=sum(parse_swayed(*both) for both in verdicts.values()),
        failures=replied.failures,
    )


def _differing(asked: Round) -> list[int]:
    """Return the numbers of the prompts whose two answers differ; equal ones tie without being asked about."""
    if asked.base is None:
        return []
    return [i for i, (ours, theirs) in enumerate(zip(asked.tuned, asked.base, strict=True)) if ours != theirs]


def _both_orders(asked: Round, number: int) -> list[Question]:
    ours, theirs = asked.tuned[number], (asked.base or ())[number]
    prompt = asked.prompts[number]
    return [
        ask_for_comparison(prompt, ours, theirs, asked.rubric),
        ask_for_comparison(prompt, theirs, ours, asked.rubric),
    ]


def _settle(ours_first: str | None, theirs_first: str | None) -> float | None:
    first = parse_comparison(ours_first) if ours_first else None
    second = parse_comparison(theirs_first) if theirs_first else None
    if first is None or second is None:
        return None
    won = ({"A": 1.0, "B": 0.0}.get(first, 0.5), {"A": 0.0, "B": 1.0}.get(second, 0.5))
    # A winner wins in both orders, or in one and ties in the other.
    total = sum(won)
    return 1.0 if total > 1.0 else 0.0 if total < 1.0 else 0.5


def parse_swayed(ours_first: str | None, theirs_first: str | None) -> bool:
    """Whether a judge preferred the same place, whoever stood there."""
    first = parse_comparison(ours_first) if ours_first else None
    second = parse_comparison(theirs_first) if theirs_first else None
    return first is not None and first == second != "tie"


def _count_unparsable(asks: Sequence[Question], replied: Replied) -> int:
    read = {"score": parse_score, "compare": parse_comparison}
    return sum(
        text is not None and read[question.kind](text) is None
        for question, text in zip(asks, replied.texts, strict=True)
    )
