"""What the processes of one training say to each other: one tells, all agree, all wait, numbers are added up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from forgelm.base.errors import ConfigError, TrainingError
from forgelm.base.extras import load_extra
from forgelm.base.processes import Place, read_place
from forgelm.train.seal import sealed_checkpoint

# One process may measure the base model or merge the trained one while the others wait for it.
_PATIENCE = timedelta(hours=6)
# What torch's communication says when the process at the other end is gone.
_SIGNS_OF_LOSS = ("connection closed", "connection reset", "broken pipe", "nccl", "gloo", "timed out", "recvvalue")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Processes:
    """The processes of this training. Alone, everything here is free and does nothing.

    Every method is called by all of them in the same order. ``ours`` says that we set their communication up.
    """

    place: Place = field(default_factory=Place)
    ours: bool = False

    @property
    def first(self) -> bool:
        return self.place.first

    @property
    def count(self) -> int:
        return self.place.count

    def tell(self, value: Callable[[], Value]) -> Value:
        """Return what ``value`` returned in the first process, the only one that calls it.

        Raises:
            TrainingError: it raised there; the first process itself gets what was raised.
        """
        if self.place.alone:
            return value()
        told: list[Any] = [None]
        try:
            if self.first:
                told = [(True, value())]
        except BaseException as error:
            self._broadcast([(False, f"{type(error).__name__}: {error}")])
            raise
        good, found = self._broadcast(told)[0]
        if not good:
            raise TrainingError(f"the first process gave up: {found}")
        value_told: Value = found
        return value_told

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is true in any of them."""
        return flag if self.place.alone else bool(self.add(float(flag)) > 0)

    def add(self, number: float) -> float:
        """Return the sum of everyone's ``number``."""
        return number if self.place.alone else sum(self.gather(number))

    def gather(self, value: Value) -> list[Value]:
        """Return everyone's ``value``, in the order of the processes."""
        if self.place.alone:
            return [value]
        found: list[Any] = [None] * self.count
        with lost_process():
            _distributed().all_gather_object(found, value)
        return found

    def check_alike(self, what: Mapping[str, Any]) -> None:
        """Refuse to train when the processes were not given the same.

        Raises:
            ConfigError: another process has another value; the message names it.
        """
        for index, other in enumerate(self.gather(dict(what))):
            different = [name for name in what if other.get(name) != what[name]]
            if different:
                raise ConfigError(
                    f"process {index} and process {self.place.index} are about to train different things: "
                    + ", ".join(different),
                    hint="every machine needs the same configuration, data and model",
                )

    @contextlib.contextmanager
    def sealed_checkpoint(self, folder: Path, identity: Mapping[str, Any]) -> Iterator[Path]:
        """``seal.sealed_checkpoint`` for all of them: each may write into the folder, the first one seals it."""
        if self.place.alone:
            with sealed_checkpoint(folder, identity) as written:
                yield written
            return
        with contextlib.ExitStack() as sealing:
            written = self.tell(lambda: sealing.enter_context(sealed_checkpoint(folder, identity)))
            yield written
            # Nothing is sealed before the last of them has written its part.
            self.gather(None)
        self.gather(None)

    def leave(self) -> None:
        """Go on alone: from here on the libraries of this process know nothing of the others."""
        if self.place.alone:
            return
        torch, state = load_extra("torch", extra="train"), load_extra("accelerate.state", extra="train")
        state.AcceleratorState._reset_state(reset_partial_state=True)
        if self.ours and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    def _broadcast(self, value: list[Any]) -> list[Any]:
        with lost_process():
            _distributed().broadcast_object_list(value, src=0)
        return value


@contextlib.contextmanager
def joined_processes(*, on_cpu: bool | None = None) -> Iterator[Processes]:
    """Within the block this process is one of those its launcher started; alone, nothing is set up.

    ``on_cpu`` chooses the CPU's way to communicate; ``None`` takes it where there is no GPU.

    Raises:
        ConfigError: there are more processes on this machine than GPUs.
        TrainingError: another process was lost while this one waited for it.
    """
    place = read_place()
    if place.alone:
        yield Processes()
        return
    torch, accelerate = load_extra("torch", extra="train"), load_extra("accelerate", extra="train")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus and not on_cpu and place.local >= gpus:
        raise ConfigError(
            f"process {place.index} wants GPU {place.local} of its machine, which has {gpus}",
            hint=f"start at most {gpus} processes on this machine (--nproc {gpus})",
        )
    processes = Processes(place, ours=not torch.distributed.is_initialized())
    with lost_process():
        cpu = not gpus if on_cpu is None else on_cpu
        accelerate.PartialState(cpu=cpu, timeout=_PATIENCE, **({"backend": "gloo"} if cpu else {}))
    try:
        yield processes
    finally:
        processes.leave()


@contextlib.contextmanager
def lost_process() -> Iterator[None]:
    """Turn what the communication raises when another process is gone into an error that says so.

    Raises:
        TrainingError: another process ended.
    """
    try:
        yield
    except TrainingError:
        raise
    except RuntimeError as error:
        message = str(error).splitlines()[0] if str(error) else ""
        if not any(sign in f"{type(error).__name__} {message}".lower() for sign in _SIGNS_OF_LOSS):
            raise
        raise TrainingError(
            f"another process of this training was lost: {message}",
            hint="look at its machine for the reason (out of memory is the usual one), then run the same command with "
            "--resume to continue from the last checkpoint",
        ) from error


def _distributed() -> Any:
    return load_extra("torch.distributed", extra="train")
