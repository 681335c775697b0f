"""The pure parts of the manifest: where a model came from."""

from __future__ import annotations

from forgelm.evidence.manifest import describe_revision
from forgelm.model.revision import Revision


def test_a_revision_in_the_contracts_words() -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    assert describe_revision(Revision("o/n", "o/n", commit, commit, "pinned_resolved")) == {
        "repo_id": "o/n",
        "revision_requested": commit,
        "revision_resolved": commit,
        "resolution_source": "pinned_resolved",
        "revision_pinned": True,
    }
    local = describe_revision(Revision("mine", "mine", commit, None, "local_path"))
    assert (local["revision_pinned"], local["resolution_source"]) == (False, "local_path")
