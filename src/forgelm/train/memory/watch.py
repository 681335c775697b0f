"""Counts the bytes of tensors that are alive while a block runs: on a GPU as CUDA's allocator does, else one by one."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from forgelm.base.extras import load_extra


@dataclass
class Peak:
    """The most bytes that were alive at once, those from before included; set when the block has ended."""

    bytes: int = 0


@contextlib.contextmanager
def watch_peak(model: Any, *, on_gpu: bool, before: Iterable[Any] = ()) -> Iterator[Peak]:
    """Yield a ``Peak`` that holds, once the block has ended, the most bytes of tensors alive inside it.

    On a processor the tensors of ``model`` and ``before`` count as there from the start, and what one operation needs
    inside itself is not seen.
    """
    peak = Peak()
    torch = load_extra("torch", extra="train")
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
        try:
            yield peak
        finally:
            torch.cuda.synchronize()
            peak.bytes = int(torch.cuda.max_memory_allocated())
        return
    watch = _open_watch()
    for tensor in (*model.parameters(), *model.buffers(), *before):
        watch.count(tensor)
    try:
        with watch.mode:
            yield peak
    finally:
        peak.bytes = watch.peak


class _Watch:
    """Live storages by identity, each counted once and taken off when nothing holds it any more."""

    def __init__(self) -> None:
        self.peak = 0
        self.mode: Any = None
        self._now = 0
        self._alive: dict[int, Any] = {}

    def count(self, tensor: Any) -> None:
        storage = tensor.untyped_storage()
        key, size = int(storage._cdata), int(storage.nbytes())
        if key in self._alive or storage.device.type == "meta":
            return

        def forget(_: Any) -> None:
            if self._alive.pop(key, None) is not None:
                self._now -= size

        self._alive[key] = weakref.ref(storage, forget)
        self._now += size
        self.peak = max(self.peak, self._now)


def _open_watch() -> _Watch:
    torch = load_extra("torch", extra="train")
    tree = load_extra("torch.utils._pytree", extra="train")
    base = load_extra("torch.utils._python_dispatch", extra="train").TorchDispatchMode
    watch = _Watch()

    class Mode(base):  # type: ignore[misc,valid-type]
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            for leaf in tree.tree_leaves(result):
                if isinstance(leaf, torch.Tensor):
                    watch.count(leaf)
            return result

    watch.mode = Mode()
    return watch
