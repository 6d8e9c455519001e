"""What a checkpoint folder says of itself without its tensors, so without torch: configuration and header."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from trm_solve.config import ModelConfig
from trm_solve.errors import InputError, ModelError, reason_of

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
TABLE = "puzzle_emb.weights"


def read_config(folder: Path) -> ModelConfig:
    """The architecture of a checkpoint folder. Raises `ModelError` that names the file and the field."""
    path = folder / CONFIG
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(fields, dict):
            raise ModelError(f"{path}: not a JSON object")
        return ModelConfig.from_dict(fields, str(path))
    except FileNotFoundError:
        hint = "a raw state dict becomes one by: trm-solve models convert FILE --config all_config.yaml --out DIR"
        raise ModelError(f"{folder}: no {CONFIG}, so not a checkpoint folder", hint) from None
    except OSError as error:
        raise ModelError(f"{path}: {reason_of(error)}") from None
    except ValueError as error:
        raise ModelError(f"{path}: not JSON ({error})") from None
    except InputError as error:
        raise ModelError(error.message, error.hint) from None


def read_header(path: Path) -> dict[str, Any]:
    """Names, shapes and dtypes of a safetensors file, without its tensors. Raises `ModelError`."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size:
                raise ValueError("header longer than the file")
            fields = json.loads(file.read(length))
    except FileNotFoundError:
        raise ModelError(f"{path}: missing") from None
    except (OSError, ValueError, struct.error) as error:
        raise ModelError(f"{path}: damaged or not safetensors ({error})") from None
    return {name: spec for name, spec in fields.items() if name != "__metadata__"}
