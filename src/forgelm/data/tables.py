"""Arrow tables (Parquet files, datasets from the hub) to plain rows, without the nulls that Arrow fills in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forgelm.base.errors import DataError
from forgelm.base.extras import load_extra
from forgelm.data.text_files import FileRows, Numbered

_BATCH_ROWS = 1024


def read_parquet(path: Path, name: str) -> FileRows:
    """Read every column of a Parquet file, in any compression pyarrow knows.

    Raises:
        DataError: not Parquet, damaged, or with two columns of one name.
    """
    arrow = load_extra("pyarrow", extra="train")
    parquet = load_extra("pyarrow.parquet", extra="train")
    rows: Numbered = []
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if len(set(names)) < len(names):
                raise DataError(f"{name}: two columns have the same name")
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                rows.extend(enumerate(map(drop_filled_nulls, batch.to_pylist()), start=len(rows) + 1))
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{name}: cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    return FileRows({"train": rows})


def drop_filled_nulls(row: dict[str, Any]) -> dict[str, Any]:
    """Return ``row`` without the null keys of nested objects.

    Arrow gives every struct of a column the same keys, so a message without ``tool_calls`` comes back with
    ``tool_calls: null``, and chat templates may render it. The row's own columns stay, null or not.
    """
    return {column: _drop_nulls(value) for column, value in row.items()}


def keep_bytes(table: Any) -> Any:
    """Return ``table`` with images as the bytes they are: decoding them is for whoever looks at them."""
    datasets = load_extra("datasets", extra="train")
    bare = datasets.Image(decode=False)
    for column, feature in table.features.items():
        if isinstance(feature, datasets.Image):
            table = table.cast_column(column, bare)
        elif isinstance(getattr(feature, "feature", None), datasets.Image):
            table = table.cast_column(column, datasets.List(bare))
    return table


def _drop_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _drop_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_drop_nulls(item) for item in value]
    return value
