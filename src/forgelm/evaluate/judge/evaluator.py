"""The judge as an evaluation: prompts to answers of either model, and both models' answers to measurements."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import AddressRefusedError, ConfigError, ForgeError, NetworkError
from forgelm.base.network.replies import Cache
from forgelm.base.network.spending import Price, Spending
from forgelm.config.judge import JudgeConfig, JudgeModelConfig
from forgelm.config.root import ForgeConfig
from forgelm.data.prompts import EvalPrompt, read_prompts
from forgelm.evaluate.evaluator import Evaluator, Look, Subject, look_at_nothing
from forgelm.evaluate.judge.endpoint import Endpoint, build_endpoint
from forgelm.evaluate.judge.grades import Grades, Round, grade
from forgelm.evaluate.judge.local import LocalJudge, as_model
from forgelm.evaluate.judge.panel import describe_judge
from forgelm.evaluate.judge.parse import parse_score
from forgelm.evaluate.judge.report import SCORE, build_measurements
from forgelm.evaluate.judge.rubric import ask_for_score
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.statistics import FEWEST_SAMPLES
from forgelm.model.generate import generate_replies, generate_texts
from forgelm.model.load import release_memory, resolve
from forgelm.train.tokenised import TokenisedData

_log = logging.getLogger(__name__)
_CACHE = Path("judge") / "cache.jsonl"


@dataclass(frozen=True)
class Answers:
    """One model's answers to the prompts, and where the run keeps what judges say."""

    prompts: tuple[EvalPrompt, ...]
    texts: tuple[str, ...]
    folder: Path
    seconds: float = 0.0


def check_judges(config: ForgeConfig) -> None:
    """See that there are prompts, and that every endpoint answers one question in its form.

    Raises:
        ConfigError: the prompts, a key, an address or a judge's name is wrong, or a judge does not keep to the form.
        NetworkError: a judge does not answer.
    """
    judge = _section(config)
    prompts = read_prompts(Path(judge.eval_dataset))
    if judge.gate_on == "bound" and len(prompts) < FEWEST_SAMPLES:
        _log.warning(
            "%s has %d prompts, too few for an interval: its gate can fail, but never pass (gate_on: point can)",
            judge.eval_dataset,
            len(prompts),
        )
    for each in judge.judges:
        if each.is_endpoint:
            _try_endpoint(build_endpoint(each, judge))
        else:
            resolve(as_model(each, config))


def ask_answers(subject: Subject) -> Answers | None:
    """Return the model's greedy answers; ``None`` for the base model where it is not compared with."""
    judge = _section(subject.config)
    if subject.is_base and not judge.compare_with_base:
        return None
    prompts = read_prompts(Path(judge.eval_dataset))
    started = time.monotonic()
    texts = _answer(subject, prompts, judge)
    return Answers(tuple(prompts), tuple(texts), subject.folder, time.monotonic() - started)


def measure_answers(
    config: ForgeConfig, data: TokenisedData, tuned: Answers, base: Answers | None, look: Look = look_at_nothing
) -> tuple[Measurement, ...]:
    """Return the tuned model's points, the base model's as baseline, and its share of comparisons won.

    Raises:
        StorageError: a judge's reply could not be kept.
    """
    judge = _section(config)
    asked = Round(tuned.prompts, tuned.texts, base.texts if base else None, judge.rubric)
    if base is not None and base.prompts != tuned.prompts:
        problem = f"{judge.eval_dataset} changed during the run"
        return (Measurement(SCORE, None, 0, "points of 10", problem=problem),)
    cache, spending = Cache(tuned.folder / _CACHE), Spending(judge.max_cost_usd)
    started = time.monotonic()
    graded: list[tuple[dict[str, Any], Grades]] = []
    for each in judge.judges:
        graded.append(_grade(each, config, asked, cache, spending, look))
        release_memory()
    generated = tuned.seconds + (base.seconds if base else 0.0)
    seconds = {"seconds": time.monotonic() - started, "generation_seconds": generated}
    return build_measurements(judge, asked, graded, cost={**spending.as_record(), **seconds})


def _grade(
    each: JudgeModelConfig, config: ForgeConfig, asked: Round, cache: Cache, spending: Spending, look: Look
) -> tuple[dict[str, Any], Grades]:
    judge = _section(config)
    size = judge.batch_size
    try:
        who = build_endpoint(each, judge) if each.is_endpoint else LocalJudge(each, config, batch_size=size, look=look)
        described = describe_judge(who)
    except ForgeError as error:
        nothing = (None,) * len(asked.prompts)
        both = nothing if asked.base is not None else None
        return {"judge": each.judge_model}, Grades(nothing, both, both, nothing, 0, 0, (error.message,))
    found = grade(who, asked, cache, spending, price=Price.of(each), workers=size, look=look)
    return described, found


def _section(config: ForgeConfig) -> JudgeConfig:
    if config.evaluation is None or config.evaluation.llm_judge is None:
        raise ConfigError("there is no section evaluation.llm_judge")
    return config.evaluation.llm_judge


def _is_wanted(config: ForgeConfig) -> bool:
    judge = config.evaluation.llm_judge if config.evaluation else None
    return judge is not None and judge.enabled


def _answer(subject: Subject, prompts: Sequence[EvalPrompt], judge: JudgeConfig) -> list[str]:
    model, tokenizer = subject.model, subject.tokenizer
    options: dict[str, Any] = {"max_new_tokens": judge.max_new_tokens, "batch_size": judge.batch_size}
    if tokenizer.chat_template:
        chats = [[{"role": "user", "content": prompt.text}] for prompt in prompts]
        return generate_replies(model, tokenizer, chats, **options)
    return generate_texts(model, tokenizer, [tokenizer(prompt.text)["input_ids"] for prompt in prompts], **options)


def _try_endpoint(endpoint: Endpoint, read: Callable[[str], float | None] = parse_score) -> None:
    try:
        said = endpoint.ask(ask_for_score(EvalPrompt("What is two and two?"), "Two and two is four."))
    except AddressRefusedError as error:
        message = f"evaluation.llm_judge, {endpoint.name}: {error.message}"
        raise AddressRefusedError(message, hint=error.hint) from error
    except NetworkError as error:
        raise NetworkError(
            f"the judge does not answer, so the model could not be judged: {error.message}",
            hint="nothing was trained; start the judge, or correct evaluation.llm_judge",
        ) from error
    if read(said.text) is None:
        raise ConfigError(
            f"the judge {endpoint.name} does not reply in the form it is asked for: no points in its reply to a trial",
            hint="use a model that can reply in JSON",
        )


JUDGE = Evaluator("judge", _is_wanted, check_judges, ask_answers, measure_answers)
