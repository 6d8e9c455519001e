"""Names -> folders: packaged weights and local paths."""

from __future__ import annotations

from pathlib import Path

from trm_solve.config import nearest
from trm_solve.errors import ModelError


def weights_dir() -> Path:
    """Where the packaged weights lie: inside the package in a wheel, beside it in a checkout or editable install."""
    package = Path(__file__).resolve().parent
    return package / "weights" if (package / "weights").is_dir() else package.parent / "weights"


def packaged() -> list[str]:
    """Names of the packaged models."""
    return sorted(path.parent.name for path in weights_dir().glob("*/config.json"))


def resolve(name: str) -> Path:
    """The checkpoint folder that a packaged name or a path stands for. Raises `ModelError` that offers the nearest."""
    if name in packaged():
        return weights_dir() / name
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        hint = "trm-solve models convert FILE --config all_config.yaml --out DIR makes a folder of a raw state dict"
        raise ModelError(f"{name}: a file, a model is a folder with config.json and model.safetensors", hint)
    raise ModelError(f"no model '{name}'", nearest(name, packaged()))
