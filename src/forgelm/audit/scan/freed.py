"""Gives freed memory back to the system while a large audit searches, where the C library would keep it for itself."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from forgelm.base.extras import load_extra

# glibc, malloc.h: the option, and the value that its own choice ends at on 64 bits.
_MMAP_THRESHOLD = -3
_GLIBC_S_HIGHEST = 32 << 20
_OWN_PAGES = 1 << 20


@contextmanager
def giving_back() -> Iterator[None]:
    """Let every block of 1 MiB or more go back to the system as soon as it is freed; without glibc nothing changes.

    Having freed a large block once, glibc takes the next of that size from a heap which shrinks only at its end: a
    third of what a search over millions of rows holds would be free and still held. The setting is the process's: on
    leaving, it becomes the highest that glibc arrives at by itself. Fresh pages cost time, so this is for the search
    of a large audit only.
    """
    load_extra("pyarrow", extra="audit").default_memory_pool().release_unused()
    library = _find_glibc()
    if library is None:
        yield
        return
    library.malloc_trim(0)
    library.mallopt(_MMAP_THRESHOLD, _OWN_PAGES)
    try:
        yield
    finally:
        library.mallopt(_MMAP_THRESHOLD, _GLIBC_S_HIGHEST)
        library.malloc_trim(0)


def _find_glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
