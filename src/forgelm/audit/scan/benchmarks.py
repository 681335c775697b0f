"""Files of benchmark items to their texts, by the name of the benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from forgelm.audit.reading.blocks import iterate_blocks, read_block
from forgelm.audit.reading.find import find_source
from forgelm.audit.scan.leaves import read_leaves
from forgelm.audit.scan.row_text import join_row_texts
from forgelm.base.errors import DataError


def read_benchmarks(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the text of every row of every benchmark, by the name of its file without ending.

    Raises:
        DataError: a file cannot be read, or two have the same name.
    """
    benchmarks: dict[str, list[str]] = {}
    for name in names:
        title = PurePath(name).name.partition(".")[0] or name
        if title in benchmarks:
            raise DataError(f"two benchmarks are called {title}", hint="rename one of the files")
        source = find_source(name)
        benchmarks[title] = [
            text
            for block in iterate_blocks(source)
            for batch in read_block(source.files[block.file], block)
            for text in join_row_texts(read_leaves(batch)).to_pylist()
        ]
    return benchmarks
