"""What the judges made of the answers into measurements: points, comparisons, how far the judges agree."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from forgelm.config.judge import JudgeConfig
from forgelm.evaluate.judge.grades import Grades, Round
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.statistics import Interval, bootstrap_difference, bootstrap_mean, proportion_interval

SCORE = "judge.average_score"
RESULTS = "judge/judge_results.json"
_SHOWN_CHARACTERS = 200
Graded = Sequence[tuple[Mapping[str, Any], Grades]]


def build_measurements(
    judge: JudgeConfig, asked: Round, graded: Graded, *, cost: Mapping[str, Any]
) -> tuple[Measurement, ...]:
    """Return ``judge.average_score`` and, where the base model answered too, ``judge.win_rate``.

    An answer's points are the mean of the judges that gave it some. A judge that left more than
    ``max_unscored_ratio`` of the answers without points leaves nothing measured.
    """
    problem = _find_problem(judge, graded)
    ours = _mean_over_judges([grades.scores for _, grades in graded])
    theirs = _mean_over_judges([grades.base_scores or () for _, grades in graded]) if asked.base is not None else None
    details = {
        "prompts": len(asked.prompts),
        "judges": [{**who, **_describe(grades)} for who, grades in graded],
        "empty_answers": sum(not text.strip() for text in asked.tuned),
        "skipped": {"unscored": sum(score is None for score in ours)},
        "cost": dict(cost),
        **(_disagreement([grades for _, grades in graded])),
    }
    score = _measure_score(ours, theirs, details, problem)
    wins = _measure_wins(judge, asked, graded, problem)
    results = {RESULTS: _results(judge, asked, graded, score, wins)}
    measured = Measurement(**{**vars(score), "files": results})
    return (measured,) if wins is None else (measured, wins)


def _find_problem(judge: JudgeConfig, graded: Graded) -> str | None:
    sentences = []
    for who, grades in graded:
        missing, total = grades.missing, len(grades.scores)
        if missing > judge.max_unscored_ratio * total:
            why = "; ".join(grades.failures) or "its replies hold none"
            sentences.append(f"{who['judge']} gave no points to {missing} of {total} answers: {why}")
    return "; ".join(sentences) or None


def _mean_over_judges(columns: Sequence[Sequence[float | None]]) -> list[float | None]:
    rows = zip(*columns, strict=True)
    return [fmean(given) if (given := [score for score in row if score is not None]) else None for row in rows]


def _measure_score(
    ours: Sequence[float | None], theirs: Sequence[float | None] | None, details: Mapping[str, Any], problem: str | None
) -> Measurement:
    scores = [score for score in ours if score is not None]
    if problem is not None or not scores:
        why = problem or "no answer has points"
        return Measurement(SCORE, None, len(scores), "points of 10", problem=why, details=details)
    interval, base, change = _interval(scores, 1.0, 10.0), None, None
    if theirs is not None:
        both = [(o, t) for o, t in zip(ours, theirs, strict=True) if o is not None and t is not None]
        base = fmean(t for _, t in both) if both else None
        change = bootstrap_difference([o for o, _ in both], [t for _, t in both]) if both else None
    found = {
        **details,
        "interval": interval.as_record() if interval else None,
        "change_interval": change.as_record() if change else None,
    }
    return Measurement(SCORE, fmean(scores), len(scores), "points of 10", base, details=found, scores=tuple(scores))


def _interval(values: Sequence[float], least: float, most: float) -> Interval | None:
    """Return the 95 % interval of the mean of values between ``least`` and ``most``.

    Equal values have no spread to resample. They show only that most answers would get this value: at least the share
    of Clopper and Pearson's lower end. The others may be as bad or as good as can be.
    """
    found = bootstrap_mean(values)
    if found is None or found.low < found.high:
        return found
    same = proportion_interval(len(values), len(values))
    share = same.low if same else 0.0
    ends = [values[0] * share + end * (1.0 - share) for end in (least, most)]
    return Interval(ends[0], ends[1], found.level, len(values))


def _measure_wins(judge: JudgeConfig, asked: Round, graded: Graded, problem: str | None) -> Measurement | None:
    if asked.base is None:
        return None
    columns = [grades.wins or () for _, grades in graded]
    wins = [win for win in _mean_over_judges(columns) if win is not None]
    details: dict[str, Any] = {
        "wins": sum(win > 0.5 for win in wins),
        "ties": sum(win == 0.5 for win in wins),
        "losses": sum(win < 0.5 for win in wins),
        "not_compared": len(asked.prompts) - len(wins),
        "swayed_by_order": sum(grades.swayed for _, grades in graded),
        "equal_answers": sum(o == t for o, t in zip(asked.tuned, asked.base, strict=True)),
    }
    if problem is None and len(asked.prompts) - len(wins) > judge.max_unscored_ratio * len(asked.prompts):
        problem = f"only {len(wins)} of {len(asked.prompts)} comparisons have a verdict"
    if problem is not None or not wins:
        return Measurement("judge.win_rate", None, len(wins), "share", problem=problem, details=details)
    interval = _interval(wins, 0.0, 1.0)
    details["interval"] = interval.as_record() if interval else None
    return Measurement("judge.win_rate", fmean(wins), len(wins), "share", 0.5, details=details, scores=tuple(wins))


def _disagreement(grades: Sequence[Grades]) -> dict[str, Any]:
    """Return how far apart the judges are, where there are several, on the answers that all of them scored."""
    if len(grades) < 2:
        return {}
    rows = [row for row in zip(*(one.scores for one in grades), strict=True) if None not in row]
    spreads = [max(row) - min(row) for row in rows if row]
    return {
        "disagreement": {
            "answers": len(spreads),
            "mean_spread_points": fmean(spreads) if spreads else None,
            "largest_spread_points": max(spreads, default=None),
            "within_one_point_ratio": sum(spread <= 1.0 for spread in spreads) / len(spreads) if spreads else None,
        }
    }


def _describe(grades: Grades) -> dict[str, Any]:
    given = [score for score in grades.scores if score is not None]
    return {
        "average_score": fmean(given) if given else None,
        "unscored": grades.missing,
        "unparsable_replies": grades.unparsable,
        "failures": list(grades.failures),
    }


def _results(
    judge: JudgeConfig, asked: Round, graded: Graded, score: Measurement, wins: Measurement | None
) -> dict[str, Any]:
    interval = score.details.get("interval")
    bound = interval["low"] if interval else -math.inf
    reached = score.value if judge.gate_on == "point" else bound
    return {
        "average_score": score.value,
        "min_score": judge.min_score,
        "passed": score.value is not None and reached is not None and min(reached, score.value) >= judge.min_score,
        "num_prompts": len(asked.prompts),
        "problem": score.problem,
        "baseline_average_score": score.baseline,
        "win_rate": wins.value if wins else None,
        **score.details,
        "details": [_row(judge, asked, graded, number) for number in range(len(asked.prompts))],
    }


def _row(judge: JudgeConfig, asked: Round, graded: Graded, number: int) -> dict[str, Any]:
    scores = [grades.scores[number] for _, grades in graded]
    given = [score for score in scores if score is not None]
    row: dict[str, Any] = {
        "score": fmean(given) if given else None,
        "judge_failed": not given,
        "scores": scores,
        "base_scores": [(grades.base_scores or ())[number] for _, grades in graded] if asked.base else None,
        "wins": [(grades.wins or ())[number] for _, grades in graded] if asked.base else None,
    }
    if judge.include_eval_samples:
        row["prompt"] = asked.prompts[number].text[:_SHOWN_CHARACTERS]
        row["response"] = asked.tuned[number][:_SHOWN_CHARACTERS]
        row["base_response"] = asked.base[number][:_SHOWN_CHARACTERS] if asked.base else None
        row["reason"] = [grades.reasons[number] for _, grades in graded]
    return row
