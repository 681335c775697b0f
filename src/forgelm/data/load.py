"""A dataset as the user names it to its raw rows: local when something of that name exists, else from the hub."""

from __future__ import annotations

from forgelm.data.hub import read_hub
from forgelm.data.local import find_local, read_local
from forgelm.data.rows import RawDataset


def load_rows(name: str, *, train_only: bool = False, offline: bool = False, token: str | None = None) -> RawDataset:
    """Read the splits of one dataset: ``train``, and unless ``train_only`` the validation or else the test split.

    Raises:
        DataError: it does not exist, cannot be read or parsed, or holds no rows to train on.
    """
    path = find_local(name)
    if path is not None:
        return read_local(path, name, train_only=train_only)
    return read_hub(name, train_only=train_only, offline=offline, token=token)
