"""Prompts and a teacher to a file of rows: each prompt asked once, each reply on disk before it counts.

A command that is cut short, however, goes on from the replies it has.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from forgelm.base.errors import NetworkError, RunBusyError, StoppedError
from forgelm.base.events import Emit, Event, emit_nothing
from forgelm.base.files import make_folder, storage_errors
from forgelm.base.leftovers import sweep
from forgelm.base.network.replies import Cache, Said
from forgelm.base.network.spending import Price, Spending
from forgelm.config.synthetic import SyntheticConfig
from forgelm.data.synthesis.layout import loses_system_prompt
from forgelm.data.synthesis.outcome import (
    EMPTY,
    SynthesisFiles,
    SynthesisResult,
    Written,
    find_fault,
    is_worth_keeping,
    write_rows,
)
from forgelm.data.synthesis.teacher import Request, Teacher

_log = logging.getLogger(__name__)
_SHOWN_ERRORS = 10
_OVERHEAD_TOKENS = 64
_LOOK_SECONDS = 0.2
# Each of them was sent as often as the user allows: nobody is there.
_FAILURES_IN_A_ROW = 5
_NO_MONEY = "not asked: synthetic.max_cost_usd leaves no room for another prompt"
_NOBODY = "not asked: the teacher did not answer the prompts before"

Group = tuple[tuple[str, Request], ...]


def never() -> bool:
    """A ``stopped`` for callers that do not stop."""
    return False


def generate_rows(
    section: SyntheticConfig,
    requests: Sequence[Request],
    teacher: Teacher,
    *,
    listen: Emit = emit_nothing,
    stopped: Callable[[], bool] = never,
) -> SynthesisResult:
    """Ask the teacher what it was not asked before, and write the rows.

    Raises:
        StoppedError: ``stopped`` became true; what was answered is kept.
        ConfigError: another file is in the way, or the teacher refuses everything.
        RunBusyError: another process is writing the same file.
        StorageError: a reply or the rows could not be written.
    """
    started = time.monotonic()
    files = SynthesisFiles(Path(section.output_file))
    files.check()
    if loses_system_prompt(section):
        _log.warning("synthetic.system_prompt is told to the teacher, and rows of prompt_response have no place for it")
    with alone(files):
        sweep(files.rows)
        sweep(files.provenance)
        cache = Cache(files.replies)
        identity = teacher.identity
        keyed = {request.key(identity): request for request in requests}
        waiting = [(key, request) for key, request in keyed.items() if not is_worth_keeping(cache.get(key))]
        asking = _Asking(section, teacher, cache, listen)
        failures = asking.ask(waiting, stopped)
        written, errors = list[Written](), list[str]()
        for key, request in keyed.items():
            said = cache.get(key)
            fault = failures.get(key) or find_fault(said)
            if fault is None and said is not None:
                written.append(Written(request, key, said))
            else:
                errors.append(f"{request.place}: {fault}")
        count = write_rows(files, written, identity)
    result = SynthesisResult(
        total_prompts=len(keyed),
        successful=len(written),
        failed=len(errors),
        duplicates=len(written) - count,
        rows=count,
        asked=asking.answered,
        resumed=len(keyed) - len(waiting),
        cost_usd=round(asking.spending.usd, 6) if Price.of(section) else None,
        min_success_rate=section.min_success_rate,
        output_file=str(files.rows),
        provenance_file=str(files.provenance),
        duration_seconds=round(time.monotonic() - started, 3),
        errors=tuple(errors[:_SHOWN_ERRORS]),
    )
    if result.total_prompts and result.failed / result.total_prompts > section.sanity_failure_rate:
        _log.warning(
            "%d of %d prompts have no usable reply, more than synthetic.sanity_failure_rate allows for; the first: %s",
            result.failed,
            result.total_prompts,
            errors[0],
        )
    return result


class _Asking:
    """One command's questions, several at a time, ended early when there is no use in going on."""

    def __init__(self, section: SyntheticConfig, teacher: Teacher, cache: Cache, listen: Emit) -> None:
        self._section, self._teacher, self._cache, self._listen = section, teacher, cache, listen
        self._price = Price.of(section)
        self._lock = threading.Lock()
        self._failures: dict[str, str] = {}
        self.answered = 0
        self._in_a_row = 0
        self._over: str | None = None
        self.spending = Spending(section.max_cost_usd)

    def ask(self, waiting: Sequence[tuple[str, Request]], stopped: Callable[[], bool]) -> dict[str, str]:
        """Return why requests failed, by their digests; every other one has its reply in the cache."""
        size = self._teacher.together
        groups = [tuple(waiting[start : start + size]) for start in range(0, len(waiting), size)]
        with ThreadPoolExecutor(max_workers=self._teacher.workers, thread_name_prefix="forgelm-teacher") as pool:
            futures = [pool.submit(self._ask_group, group) for group in groups]
            try:
                self._follow(futures, len(waiting), stopped)
            except BaseException:
                # What is on its way is paid for: it is waited for and kept.
                self._over = "not asked: it was stopped"
                self._teacher.stop()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return self._failures

    def _follow(self, futures: list[Future[None]], total: int, stopped: Callable[[], bool]) -> None:
        pending = set(futures)
        while pending:
            done, pending = wait(pending, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
            for each in done:
                each.result()
            if pending and stopped():
                raise StoppedError("stopped as asked", hint="run the same command again: no reply is paid for twice")
            if done:
                share = (len(futures) - len(pending)) / len(futures)
                self._listen(Event.PROGRESS, step=round(share * total), total=total)

    def _ask_group(self, group: Group) -> None:
        most = sum(self._most_usd(request) for _, request in group)
        if self._over is None and not self.spending.reserve(most):
            self._over = _NO_MONEY
        if self._over is not None:
            self._fail(group, self._over)
            return
        said: list[Said] = []
        try:
            said = self._teacher.ask([request for _, request in group], [key for key, _ in group])
        except NetworkError as error:
            self._fail(group, error.message)
            self._count_failure()
        finally:
            self._settle(most, said)
        for (key, _), each in zip(group, said, strict=False):
            self._in_a_row = 0
            with self._lock:
                self.answered += 1
                if not is_worth_keeping(each):
                    self._failures[key] = EMPTY
            if is_worth_keeping(each):
                self._cache.put(key, replace(each, time=datetime.now(UTC).isoformat(timespec="seconds")))

    def _settle(self, most: float, said: list[Said]) -> None:
        if not said:
            self.spending.settle(most, None, self._price)
        for each in said:
            self.spending.settle(most / len(said), each, self._price)

    def _most_usd(self, request: Request) -> float:
        if self._price is None:
            return 0.0
        # No tokenizer makes more tokens than there are bytes.
        size = sum(len(part["content"].encode("utf-8", "backslashreplace")) for part in request.messages)
        return self._price.cost_usd(size + _OVERHEAD_TOKENS, self._section.max_new_tokens)

    def _fail(self, group: Group, why: str) -> None:
        with self._lock:
            self._failures |= {key: why for key, _ in group}

    def _count_failure(self) -> None:
        with self._lock:
            self._in_a_row += 1
            if self._in_a_row >= max(_FAILURES_IN_A_ROW, self._teacher.workers + 1):
                self._over = self._over or _NOBODY


@contextlib.contextmanager
def alone(files: SynthesisFiles) -> Iterator[None]:
    """Keep every other command away from the files while the block runs.

    Raises:
        RunBusyError: one is at work on them.
    """
    make_folder(files.rows.absolute().parent)
    lock = FileLock(files.lock)
    with storage_errors(str(files.lock)):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunBusyError(
                f"another command is generating {files.rows} now", hint="wait until it is done"
            ) from None
    try:
        yield
    finally:
        lock.release()
