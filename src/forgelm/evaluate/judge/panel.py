"""Puts many questions to one judge: from the cache where it holds the reply, together, within the limit on spending."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from forgelm.base.errors import AddressRefusedError, ForgeError, ModelError, NetworkError
from forgelm.base.network.replies import Cache, Said
from forgelm.base.network.spending import Price, Spending
from forgelm.evaluate.evaluator import Look, look_at_nothing
from forgelm.evaluate.judge.endpoint import Endpoint, JudgeRefusesError
from forgelm.evaluate.judge.local import LocalJudge
from forgelm.evaluate.judge.rubric import Question

# Each of them was sent as often as the user allows: the endpoint is down.
_FAILURES_IN_A_ROW = 3
_OVERHEAD_TOKENS = 64
_LOOK_SECONDS = 0.2
# Questions to a local judge between two looks at the disk.
_KEPT_TOGETHER = 32


@dataclass(frozen=True)
class Replied:
    """A judge's words to each question, ``None`` where there are none; and what went wrong, with how often."""

    texts: tuple[str | None, ...]
    failures: tuple[str, ...] = ()


def ask_panel(
    judge: Endpoint | LocalJudge,
    questions: Sequence[Question],
    cache: Cache,
    spending: Spending,
    *,
    price: Price | None = None,
    workers: int = 1,
    look: Look = look_at_nothing,
) -> Replied:
    """Return the judge's replies in the order of ``questions``. What is asked twice is asked once.

    ``look`` is called a few times a second while an endpoint is asked. What it raises ends the round once the questions
    on their way are answered, or given up by their time limit; their replies are kept.

    Raises:
        StorageError: a reply could not be kept.
    """
    try:
        identity = judge.identity
    except ForgeError as error:
        return Replied((None,) * len(questions), (error.message,))
    keys = [cache.key(identity, question.messages) for question in questions]
    open_questions = {key: question for key, question in zip(keys, questions, strict=True) if cache.get(key) is None}
    for _ in range(len(set(keys)) - len(open_questions)):
        spending.count_cached()
    if isinstance(judge, Endpoint):
        failures = _Round(judge, cache, spending, price).ask(open_questions, workers, look)
    else:
        failures = _ask_local(judge, open_questions, cache, spending)
    texts = tuple(said.text if (said := cache.get(key)) else None for key in keys)
    return Replied(texts, tuple(f"{why} ({count} times)" if count > 1 else why for why, count in failures.items()))


def _ask_local(judge: LocalJudge, questions: dict[str, Question], cache: Cache, spending: Spending) -> Counter[str]:
    keys = list(questions)
    for start in range(0, len(keys), _KEPT_TOGETHER):
        part = keys[start : start + _KEPT_TOGETHER]
        try:
            replies = judge.ask_all([questions[key] for key in part])
        except ModelError as error:
            return Counter([error.message])
        for key, said in zip(part, replies, strict=True):
            spending.count_local()
            cache.put(key, said)
    return Counter()


class _Round:
    """One judge's round of questions over a network, ended early when there is no use in going on."""

    def __init__(self, judge: Endpoint, cache: Cache, spending: Spending, price: Price | None) -> None:
        self._judge, self._cache, self._spending, self._price = judge, cache, spending, price
        self._lock = threading.Lock()
        self._failures: Counter[str] = Counter()
        self._in_a_row = 0
        self._over = False

    def ask(self, questions: dict[str, Question], workers: int, look: Look) -> Counter[str]:
        with ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix="forgelm-judge") as pool:
            waiting = {pool.submit(self._ask_one, key, question) for key, question in questions.items()}
            try:
                while waiting:
                    look()
                    done, waiting = wait(waiting, timeout=_LOOK_SECONDS, return_when=FIRST_EXCEPTION)
                    for each in done:
                        each.result()
            except BaseException:
                self._over = True
                self._judge.stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return self._failures

    def _ask_one(self, key: str, question: Question) -> None:
        if self._over:
            return
        most = self._most_usd(question)
        if not self._spending.reserve(most):
            self._end("the limit max_cost_usd leaves no room for another question")
            return
        said: Said | None = None
        try:
            said = self._judge.ask(question)
        except (JudgeRefusesError, AddressRefusedError) as error:
            self._end(error.message)
        except NetworkError as error:
            self._count_failure(error.message)
        finally:
            self._spending.settle(most, said, self._price)
        if said is not None:
            self._in_a_row = 0
            self._cache.put(key, said)

    def _most_usd(self, question: Question) -> float:
        if self._price is None:
            return 0.0
        # No tokenizer makes more tokens than there are bytes.
        size = len((question.system + question.user).encode("utf-8", "backslashreplace")) + _OVERHEAD_TOKENS
        return self._price.cost_usd(size, self._judge.most_output_tokens())

    def _count_failure(self, why: str) -> None:
        with self._lock:
            self._failures[why] += 1
            self._in_a_row += 1
            if self._in_a_row >= _FAILURES_IN_A_ROW:
                self._over = True

    def _end(self, why: str) -> None:
        with self._lock:
            if not self._over:
                self._failures[why] += 1
            self._over = True


def describe_judge(judge: Endpoint | LocalJudge) -> dict[str, Any]:
    """Return what documents say of a judge; of an endpoint's URL only where it leads."""
    if isinstance(judge, LocalJudge):
        return {"judge": judge.name, "kind": "local", **judge.identity}
    return {"judge": judge.name, "kind": "endpoint", "url": judge.place}
