"""A model folder to a repository of the Hugging Face Hub, in one commit: all of its files or none of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError, ModelError, NetworkError
from forgelm.base.extras import load_extra
from forgelm.base.files import INTEGRITY_FILE
from forgelm.base.network import hub_token, is_offline, private
from forgelm.base.redact import redact_text
from forgelm.evidence.inventory import require_intact
from forgelm.model.merge.adapter import is_adapter
from forgelm.publish.merging import merge_adapter
from forgelm.publish.upload_card import render_plain_card

MESSAGE = "Upload fine-tuned model"
CARD = "README.md"
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
# What a training leaves beside a model and no user of the model needs.
_LEFT_OUT = ("checkpoint-", "runs", "prepared_data")
_NO_PART_OF_A_MODEL = frozenset({"training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"})


@dataclass(frozen=True)
class Upload:
    """What was uploaded, or would be. ``files`` pairs names with sizes in bytes; ``left_out`` names what was not."""

    repo_id: str
    private: bool
    merged: bool
    dry_run: bool
    files: tuple[tuple[str, int], ...]
    left_out: tuple[str, ...]
    card: str
    url: str | None = None
    commit: str | None = None

    @property
    def total_bytes(self) -> int:
        return sum(size for _, size in self.files)

    def as_record(self) -> dict[str, Any]:
        files = [{"name": name, "bytes": size} for name, size in self.files]
        return {**vars(self), "files": files, "left_out": list(self.left_out), "total_bytes": self.total_bytes}


def upload_model(
    folder: str | Path,
    repo_id: str,
    *,
    token: str | None = None,
    private_repo: bool = False,
    message: str = MESSAGE,
    merge_into: str | None = None,
    dry_run: bool = False,
) -> Upload:
    """Upload the model in ``folder`` to ``repo_id``, which is made when there is none.

    ``merge_into`` names the base model that an adapter is merged into first. A folder without a card gets one.
    ``token`` ``None`` is taken from ``HF_TOKEN``, or from what the hub's client keeps; it is shown nowhere.
    ``dry_run`` checks and lists everything and sends nothing.

    Raises:
        ModelError: ``folder`` holds no model, or cannot be merged.
        IntegrityError: the model was sealed and is not what was sealed.
        ConfigError: the name is none a repository can have, there is no token, or the repository is public and
            ``private_repo`` is asked for.
        NetworkError: the hub did not do what was asked.
    """
    path = Path(folder)
    _check_model(path, merge=merge_into is not None)
    hub = load_extra("huggingface_hub", extra="train")
    try:
        load_extra("huggingface_hub.utils", extra="train").validate_repo_id(repo_id)
    except ValueError as error:
        raise ConfigError(
            f"{redact_text(repo_id)!r} is not the name of a repository", hint="NAME or OWNER/NAME"
        ) from error
    secret = find_token(token)
    if not dry_run and secret is None:
        raise ConfigError("there is no token to upload with", hint="set HF_TOKEN, or log in with 'hf auth login'")
    if not dry_run and is_offline():
        raise ConfigError("HF_HUB_OFFLINE forbids what an upload does", hint="unset it")
    plan = Upload(repo_id, private_repo, merge_into is not None, dry_run, (), (), "")
    with private(offline=False):
        if merge_into is None:
            return _upload(hub, path, plan, secret, message)
        with tempfile.TemporaryDirectory(prefix="forgelm-upload-") as place:
            merged = Path(place) / "merged"
            merge_adapter(path, merged, base_model=merge_into, offline=is_offline(), token=secret)
            return _upload(hub, merged, plan, secret, message)


def find_token(given: str | None) -> str | None:
    """Return the token that was given, else the environment's, else the one the hub's client keeps."""
    named = given or next((os.environ[name] for name in _TOKENS if os.environ.get(name)), None) or hub_token(None)
    kept = named or load_extra("huggingface_hub", extra="train").get_token()
    return kept.strip() if kept else None


def _check_model(path: Path, *, merge: bool) -> None:
    if not path.is_dir():
        raise ModelError(f"{path} is not a folder")
    if not (path / "config.json").is_file() and not is_adapter(path):
        raise ModelError(f"{path} holds no model: there is neither config.json nor adapter_config.json")
    if merge and not is_adapter(path):
        raise ModelError(f"{path} holds no adapter to merge", hint="upload it without --merge-adapter")
    if (path / INTEGRITY_FILE).exists():
        require_intact(path)


def _upload(hub: Any, folder: Path, plan: Upload, token: str | None, message: str) -> Upload:
    files, left_out = _choose_files(folder)
    operations = [hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=str(folder / name)) for name in files]
    card = "the folder's own"
    if CARD not in files:
        text = render_plain_card(folder, plan.repo_id)
        operations.append(hub.CommitOperationAdd(path_in_repo=CARD, path_or_fileobj=text.encode()))
        card = "written for the upload"
    sizes = tuple((one.path_in_repo, int(one.upload_info.size)) for one in operations)
    plan = replace(plan, files=sizes, left_out=tuple(left_out), card=card)
    return plan if plan.dry_run else _send(hub, operations, plan, token, message)


def _choose_files(folder: Path) -> tuple[list[str], list[str]]:
    """Return the files of the model and those beside it that are no part of it, by their names in the repository."""
    kept: list[str] = []
    left_out: list[str] = []
    for name in sorted(_walk(folder)):
        parts = name.split("/")
        extra = parts[0].startswith(_LEFT_OUT) or parts[-1] in _NO_PART_OF_A_MODEL
        (left_out if extra or any(part.startswith(".") for part in parts) else kept).append(name)
    return kept, left_out


def _walk(folder: Path) -> Iterator[str]:
    """Yield the files in ``folder``, by their names.

    Raises:
        ModelError: one is a link out of the folder; what it leads to was never meant to be sent.
    """
    inside = folder.resolve()
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            raise ModelError(
                f"{folder} holds the link {name}, which leads out of it", hint="put a copy in its place, or remove it"
            )
        if path.is_file():
            yield name


def _send(hub: Any, operations: list[Any], plan: Upload, token: str | None, message: str) -> Upload:
    errors = load_extra("huggingface_hub.errors", extra="train")
    api = hub.HfApi(token=token)
    try:
        made = api.create_repo(plan.repo_id, private=plan.private or None, exist_ok=True)
        if plan.private and not api.model_info(made.repo_id).private:
            raise ConfigError(
                f"{made.repo_id} is there already and public; nothing was uploaded",
                hint="make it private on the hub first, or choose another name",
            )
        done = api.create_commit(made.repo_id, operations, commit_message=message)
    except errors.HfHubHTTPError as error:
        raise _refused(error, plan.repo_id, token) from None
    except (errors.HTTPError, OSError, ValueError, RuntimeError) as error:
        raise NetworkError(f"{plan.repo_id} could not be uploaded: {_say(error, token)}") from None
    return replace(plan, repo_id=str(made.repo_id), url=str(made), commit=str(done.oid))


def _refused(error: Any, repo_id: str, token: str | None) -> ConfigError | NetworkError:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return ConfigError(
            f"the hub does not let this token write to {repo_id} ({status})",
            hint="make a token with write access to it",
        )
    return NetworkError(f"{repo_id} could not be uploaded: {_say(error, token)}")


def _say(error: BaseException, token: str | None) -> str:
    """Return an error's first line without the token, whatever form it has."""
    text = str(error).strip() or type(error).__name__
    return redact_text(text.replace(token, "***") if token else text).splitlines()[0]
