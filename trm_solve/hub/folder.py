"""What a checkpoint folder says of itself without its tensors, so without torch: configuration, header, card."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trm_solve.config import ModelConfig
from trm_solve.errors import InputError, ModelError, reason_of, shown
from trm_solve.files import LFS, PAGE, ZIP, looks_like, open_plain, read_bytes
from trm_solve.hub.store import is_plain_name
from trm_solve.shapes import FLOATS, Shape
from trm_solve.untrusted import object_of, parse_json, read_json

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
SHARDS = "model.safetensors.index.json"  # in whose stead it may be: which of several files holds which tensor
TABLE = "puzzle_emb.weights"
CARD_BYTES = 1 << 20
HEADER_BYTES = 1 << 24
SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "I32": 4, "I64": 8, "C64": 8, **FLOATS}  # bytes of a number


def read_config(folder: Path) -> ModelConfig:
    """The architecture of a checkpoint folder. Raises `ModelError` that names the file and the field."""
    path = folder / CONFIG
    try:
        return ModelConfig.from_dict(object_of(read_json(path)), str(path))
    except (FileNotFoundError, NotADirectoryError):
        hint = "a raw state dict becomes one by: trm-solve models convert FILE --config all_config.yaml --out DIR"
        raise ModelError(f"{folder}: no {CONFIG}, so not a checkpoint folder", hint) from None
    except OSError as error:
        raise ModelError(f"{path}: {reason_of(error)}") from None
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
    except InputError as error:
        raise ModelError(error.message, error.hint) from None


def read_card(folder: Path) -> str:
    """The text of a folder's model card, empty where there is none that can be read."""
    try:
        return read_bytes(folder / CARD, CARD_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


def weights_of(folder: Path) -> list[Path]:
    """The file of a folder's weights, or its shards. Raises `ModelError`."""
    single, index = folder / WEIGHTS, folder / SHARDS
    return [single] if single.exists() or not index.exists() else shards_of(index)


def shards_of(index: Path) -> list[Path]:
    """The files that an index names, all beside it. Raises `ModelError`."""
    try:
        names = object_of(read_json(index)).get("weight_map")
        if not isinstance(names, dict) or not names:
            raise ValueError(f"field 'weight_map' cannot be {shown(names)}")
        for name in names.values():
            if not isinstance(name, str) or not is_plain_name(name):
                raise ValueError(f"field 'weight_map': {shown(name)} is no plain name of a file in this folder")
    except OSError as error:
        raise ModelError(f"{index}: {reason_of(error)}") from None
    except ValueError as error:
        raise ModelError(f"{index}: {error}") from None
    return [index.with_name(name) for name in sorted(set(names.values()))]


def read_headers(paths: Sequence[Path]) -> dict[str, Any]:
    """As `read_header`, of all shards. Raises `ModelError`, also for a tensor that stands in two of them."""
    found: dict[str, Any] = {}
    for path in paths:
        header = read_header(path)
        if both := found.keys() & header.keys():
            raise ModelError(f"{path}: tensor {shown(min(both))} stands in another shard too")
        found |= header
    return found


def read_header(path: Path) -> dict[str, Any]:
    """Names, shapes and dtypes of a safetensors file, without its tensors. Raises `ModelError`, also where it lies."""
    try:
        with open_plain(path) as file:
            (length,) = struct.unpack("<Q", file.read(8))
            size = os.fstat(file.fileno()).st_size
            if length > min(size, HEADER_BYTES):
                raise ValueError("header longer than the file" if length > size else "header of many megabytes")
            fields = object_of(parse_json(file.read(length)))
        fields.pop("__metadata__", None)
        _check_header(fields, size - 8 - length)
    except FileNotFoundError:
        raise ModelError(f"{path}: missing") from None
    except OSError as error:
        raise ModelError(f"{path}: {reason_of(error)}") from None
    except (ValueError, struct.error) as error:
        raise ModelError(f"{path}: damaged or not safetensors ({error})", what_else(path)) from None
    return fields


def _check_header(fields: dict[str, Any], size: int) -> None:
    """Raises ValueError where the tensors of a header are not what fills the rest of the file, byte after byte."""
    places: list[tuple[int, int]] = []
    for name, spec in fields.items():
        match spec:
            case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(start), int(end)]}:
                if not all(type(n) is int and n >= 0 for n in (*shape, start, end)):
                    raise ValueError(f"tensor {shown(name)}: a shape of no numbers")
                if dtype in SIZES and math.prod(shape) * SIZES[dtype] != end - start:
                    raise ValueError(f"tensor {shown(name)}: {end - start} bytes for the shape {shown(shape)}")
                places.append((start, end))
            case _:
                raise ValueError(f"tensor {shown(name)}: no dtype, shape and data_offsets")
    at = 0
    for start, end in sorted(places):
        if start != at or end < start:
            raise ValueError(f"bytes {min(at, start)} to {max(at, start)} are nobody's, or two tensors'")
        at = end
    if at != size:
        raise ValueError(f"{size} bytes of tensors, the header says {at}")


def header_shapes(fields: Mapping[str, Any]) -> dict[str, tuple[Shape, str]]:
    """Shape and dtype of each tensor of a header, as `check_shapes` takes them."""
    return {name: (tuple(spec["shape"]), spec["dtype"]) for name, spec in fields.items()}


def what_else(path: Path) -> str:
    """A hint at what a file is in place of what it should be; empty where that cannot be told."""
    try:
        with open_plain(path) as file:
            head = file.read(200)
    except OSError:
        return ""
    return what_is(head) or "a truncated download or another format; fetch it again"


def what_is(head: bytes) -> str:
    """What a file is that begins so and holds no tensors; empty where that cannot be told."""
    if not head:
        return "the file is empty"
    what = PAGE if head.lstrip().startswith(b"<?xml") else looks_like(head)
    ways = {LFS: "git lfs pull, or trm-solve models pull", PAGE: "perhaps of a log-in: fetch the file itself"}
    return "" if what == ZIP else f"{what}: {ways[what]}" if what in ways else what  # state dicts are zip archives
