"""Names -> models, and models -> folders and the hub; on the model itself as `TRM.from_pretrained` and companions."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trm_solve import checkpoint
from trm_solve.device import choose_device, choose_dtype
from trm_solve.errors import ModelError
from trm_solve.hub import names
from trm_solve.model import TRM


def resolve(name: str) -> Path:
    """The folder of a model, fetched from the hub where it is not on this machine. Raises `ModelError`."""
    folder = names.find(name)
    if folder is None:
        from trm_solve.hub.pull import pull

        folder = pull(name)
    return folder


def load(name: str | Path) -> TRM:
    """The model of a packaged name, a checkpoint folder or a hub name, in fp32 on the CPU, ready for inference.

    Raises `ModelError` with one line that names what is wrong.
    """
    model = checkpoint.open_folder(resolve(str(name)))
    model.name = str(name)
    return model


def ready(name: str | Path, *, device: str = "auto", dtype: str = "auto") -> TRM:
    """As `load`, where and in what it is to compute. Raises `InputError` too, for a device that is not there."""
    place = choose_device(device)
    return load(name).to(place).cast(choose_dtype(dtype, place))


@contextlib.contextmanager
def _environment(token: str | bool | None, cache_dir: str | os.PathLike[str] | None) -> Iterator[None]:
    """What the hub's client reads from the environment, for a while."""
    wanted = {"HF_TOKEN": token if isinstance(token, str) else None, "HF_HOME": cache_dir and os.fspath(cache_dir)}
    kept = {name: os.environ.get(name) for name in wanted}
    os.environ |= {name: value for name, value in wanted.items() if value}
    try:
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name, None)
            os.environ |= {} if value is None else {name: value}


def from_pretrained(
    cls: type[TRM],
    pretrained_model_name_or_path: str | os.PathLike[str],
    *,
    force_download: bool = False,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    revision: str | None = None,
) -> TRM:
    """The model of a packaged name, a folder or ORG/REPO[@REVISION][:FILE], fp32 on the CPU; the hub's own keywords.

    `cache_dir` stands in for HF_HOME, `token` for HF_TOKEN. Raises `ModelError`.
    """
    del cls
    name = os.fspath(pretrained_model_name_or_path)
    with _environment(token, cache_dir):
        local = name in names.packaged() or os.path.isdir(name)  # noqa: PTH112 (a name may be longer than paths may)
        address = None if local else names.address_of(name)
        if address is not None:
            name = name if revision is None else str(dataclasses.replace(address, revision=revision))
            if local_files_only and names.find(name) is None:
                raise ModelError(f"{name}: not on this machine", "without local_files_only it is fetched")
            if force_download:
                from trm_solve.hub.pull import pull

                pull(name)
        elif revision is not None:
            raise ModelError(f"{name}: has no revisions, which repositories of the hub have")
        return load(name)


def save_pretrained(
    self: TRM,
    save_directory: str | os.PathLike[str],
    *,
    repo_id: str | None = None,
    push_to_hub: bool = False,
    commit_message: str = "",
    private: bool | None = None,
    token: str | None = None,
    branch: str | None = None,
    create_pr: bool | None = None,
) -> str | None:
    """Write a checkpoint folder (config.json, model.safetensors, README.md). Raises `InputError`.

    With `push_to_hub` it is published too, as `repo_id` or under the folder's name; returns the commit's address then.
    """
    folder = Path(save_directory)
    checkpoint.save(self, folder)
    if not push_to_hub:
        return None
    return _publish(folder, repo_id or folder.name, commit_message, private, token, branch, create_pr)


def push_to_hub(
    self: TRM,
    repo_id: str,
    *,
    commit_message: str = "",
    private: bool | None = None,
    token: str | None = None,
    branch: str | None = None,
    create_pr: bool | None = None,
) -> str:
    """Publish as a checkpoint folder, ORG/REPO on the hub; returns the commit's address. Raises `ModelError`."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(self, Path(folder))
        return _publish(Path(folder), repo_id, commit_message, private, token, branch, create_pr)


def _publish(
    folder: Path,
    repo_id: str,
    message: str,
    private: bool | None,
    token: str | None,
    branch: str | None,
    create_pr: bool | None,
) -> str:
    from trm_solve.hub.pull import push

    with _environment(token, None):
        return push(folder, repo_id, message=message, private=bool(private), branch=branch, create_pr=bool(create_pr))


TRM.from_pretrained = classmethod(from_pretrained)  # type: ignore[assignment, method-assign]
TRM.save_pretrained = save_pretrained  # type: ignore[method-assign]
TRM.push_to_hub = push_to_hub  # type: ignore[method-assign]
