"""Calls back before every pass through a model, so that whoever asks it for long can be stopped between two passes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def before_each_pass(model: Any, call: Callable[[], None]) -> Iterator[None]:
    """Within the block, ``call`` is made before each pass through ``model``; what it raises breaks the pass off.

    Every pass goes through the embedding, also where a library calls a part of the model and not the whole.
    """
    try:
        first = model.get_input_embeddings()
    except NotImplementedError:
        first = model
    handle = first.register_forward_pre_hook(lambda module, inputs: call())
    try:
        yield
    finally:
        handle.remove()
