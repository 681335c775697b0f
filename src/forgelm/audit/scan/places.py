"""Row numbers over all files to where a person finds them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from forgelm.audit.report.parts import Place
from forgelm.audit.scan.runner import FileState


class Places:
    """Knows where every row of a scan stands. ``ranges`` are the rows of every split, numbered over all of them."""

    def __init__(self, files: Sequence[FileState], *, name_of_source: str, is_folder: bool) -> None:
        self.files = [file for split in dict.fromkeys(one.file.split for one in files) for file in files
                      if file.file.split == split]  # fmt: skip
        self._begins = list(accumulate((file.state.rows for file in self.files), initial=0))
        self._source = name_of_source.rstrip("/")
        self._is_folder = is_folder
        self.ranges: dict[str, range] = {}
        for file, begin in zip(self.files, self._begins, strict=False):
            first = self.ranges[file.file.split].start if file.file.split in self.ranges else begin
            self.ranges[file.file.split] = range(first, begin + file.state.rows)

    def drop_rows(self) -> None:
        """Forget what is kept of every row, where it has been joined elsewhere."""
        self.files = [replace(file, state=replace(file.state, kept=())) for file in self.files]

    def find(self, row: int) -> Place:
        """Return where a row stands that is numbered over all files."""
        number = min(bisect_right(self._begins, row) - 1, len(self.files) - 1)
        return self.find_in(number, row - self._begins[number])

    def find_in(self, number: int, row: int) -> Place:
        """Return where row ``row`` of file ``number`` stands."""
        file = self.files[number]
        line = file.state.find_line(row)
        split = file.file.split
        return Place(split, self._begins[number] + row - self.ranges[split].start, self._name(file, line))

    def find_line(self, number: int, line: int) -> Place:
        """Return the place of a line of file ``number``, from 0, that holds no row: ``row`` is that of the next one."""
        file = self.files[number]
        split = file.file.split
        row = self._begins[number] + file.state.count_before(line) - self.ranges[split].start
        return Place(split, row, self._name(file, line))

    def _name(self, file: FileState, line: int) -> str:
        if file.file.rows:
            return file.file.rows[line][0]
        name = f"{self._source}/{file.file.name}" if self._is_folder else file.file.name
        return f"{name}:{line + 1}" if file.file.counts_lines else f"{name}, row {line + 1}"
