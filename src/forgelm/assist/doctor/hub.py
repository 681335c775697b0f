"""Probes of the hub: whether it answers, or, for a machine without a network, what of it is here already."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from forgelm.assist.doctor.check import Check, Status
from forgelm.base.errors import AddressRefusedError, NetworkError
from forgelm.base.network.client import HttpClient, Reply
from forgelm.base.network.guard import Policy
from forgelm.model.cache import hub_cache

_PUBLIC = "https://huggingface.co"
_SECONDS = 5.0
_NO_HEAD = (405, 501)
_DEPTH, _MOST_FILES = 4, 5000
_FETCH = "where there is a network: forgelm cache models --model org/name --output FOLDER, then copy FOLDER here"


def check_hub(environ: Mapping[str, str] = os.environ, client: HttpClient | None = None) -> Check:
    """Ask the hub for its models with HEAD, and with GET where it does not take that; 5 s altogether.

    A mirror in a private network may be the hub, so such addresses are allowed; those of cloud metadata are not.
    """
    began = time.monotonic()
    endpoint = (environ.get("HF_ENDPOINT") or _PUBLIC).rstrip("/")
    about: dict[str, Any] = {"reachable": False, "endpoint": re.sub(r"//[^/@]*@", "//", endpoint), "status_code": None}
    client = client or HttpClient(policy=Policy(allow_private=True), timeout_seconds=_SECONDS)
    fix = "check the network and HF_ENDPOINT; without a network use --offline and a filled cache"
    try:
        reply = _ask(client, f"{endpoint}/api/models", began)
    except AddressRefusedError as error:
        said = {**about, "error": error.message}
        return Check("hf_hub.reachable", Status.FAIL, error.message, said, "set HF_ENDPOINT to an https address")
    except NetworkError as error:
        proxy = [name for name in ("HTTPS_PROXY", "https_proxy") if environ.get(name)]
        if proxy:
            fix = f"this probe goes there directly; the libraries use {proxy[0]}, which 'forgelm cache models' tries"
        return Check("hf_hub.reachable", Status.WARN, error.message, {**about, "error": error.message}, fix)
    about["status_code"] = reply.status
    if reply.ok:
        return Check("hf_hub.reachable", Status.PASS, f"{about['endpoint']} answers", {**about, "reachable": True})
    why = f"{about['endpoint']} answered with status {reply.status}"
    return Check("hf_hub.reachable", Status.WARN, why, {**about, "error": why}, fix)


def _ask(client: HttpClient, url: str, began: float) -> Reply:
    reply = client.request("HEAD", url)
    if reply.status not in _NO_HEAD or time.monotonic() - began >= _SECONDS:
        return reply
    return client.request("GET", f"{url}?limit=1")


def check_cache(folder: Path | None = None) -> Check:
    """Count what the hub's cache holds, no deeper than four folders and no more than 5,000 files."""
    place = hub_cache(None) if folder is None else folder
    about: dict[str, Any] = {"cache_dir": str(place), "file_count": 0, "bytes": 0, "truncated": False}
    if not place.is_dir():
        return Check("hf_hub.offline_cache", Status.WARN, f"there is no cache in {place}", about, _FETCH)
    try:
        for size in _walk(place, _DEPTH):
            if about["file_count"] == _MOST_FILES:
                about["truncated"] = True
                break
            about["file_count"] += 1
            about["bytes"] += size
    except OSError as error:
        why = f"the cache in {place} cannot be read: {error.strerror or error}"
        fix = "give this account the right to read it, or set HF_HOME to a folder of its own"
        return Check("hf_hub.offline_cache", Status.FAIL, why, about, fix)
    if not about["file_count"]:
        return Check("hf_hub.offline_cache", Status.WARN, f"the cache in {place} is empty", about, _FETCH)
    more = " or more" if about["truncated"] else ""
    said = f"{about['file_count']}{more} files, {about['bytes'] / 1e9:.2f} GB, in {place}"
    return Check("hf_hub.offline_cache", Status.PASS, said, about)


def _walk(folder: Path, depth: int) -> Iterator[int]:
    """Yield the sizes of the files; a link counts as the file it is, so that nothing is counted twice."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if depth > 1:
                    yield from _walk(Path(entry.path), depth - 1)
            else:
                yield entry.stat(follow_symlinks=False).st_size
