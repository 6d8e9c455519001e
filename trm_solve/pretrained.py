"""Names -> models, and models -> folders and the hub; on the model itself as `TRM.from_pretrained` and companions."""

from __future__ import annotations

import tempfile
from pathlib import Path

from trm_solve import checkpoint
from trm_solve.device import choose_device, choose_dtype
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


def from_pretrained(pretrained_model_name_or_path: str | Path) -> TRM:
    """The model of a packaged name, a folder or ORG/REPO[@REVISION][:FILE], fp32 on the CPU; or `ModelError`."""
    return load(pretrained_model_name_or_path)


def save_pretrained(self: TRM, save_directory: str | Path) -> None:
    """Write a checkpoint folder (config.json, model.safetensors, README.md). Raises `InputError`."""
    checkpoint.save(self, Path(save_directory))


def push_to_hub(self: TRM, repo_id: str, *, private: bool = False, commit_message: str = "") -> str:
    """Publish as a checkpoint folder, ORG/REPO on the hub; returns the commit's address. Raises `ModelError`."""
    from trm_solve.hub.pull import push

    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(self, Path(folder))
        return push(Path(folder), repo_id, message=commit_message, private=private)


TRM.from_pretrained = staticmethod(from_pretrained)
TRM.save_pretrained = save_pretrained
TRM.push_to_hub = push_to_hub
