"""A folder (config.json + model.safetensors + README.md) <-> a model, strict both ways.

A folder of a model for tasks has identifiers.json too. Tensors keep the public checkpoints' names without their
prefix. Nothing is ever unpickled here; raw state dicts come in through `convert.py`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from trm_solve.config import ModelConfig
from trm_solve.errors import InputError, ModelError, reason_of, shown
from trm_solve.files import open_plain, read_bytes, write_atomically, written_atomically
from trm_solve.hub.card import GENERATED, model_card
from trm_solve.hub.store import is_plain_name, verify
from trm_solve.model import TRM
from trm_solve.shapes import FLOATS, WORDS, Shape, check_shapes
from trm_solve.tasks.identifiers import Identifiers
from trm_solve.untrusted import object_of, parse_json, read_json

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
SHARDS = "model.safetensors.index.json"  # in whose stead it may be: which of several files holds which tensor
TABLE = "puzzle_emb.weights"
MAPPED = 1 << 22  # numbers of a puzzle table above which it stays in its file
PIECE = 1 << 20  # numbers that are converted and written at once
CARD_BYTES = 1 << 20
HEADER_BYTES = 1 << 24
SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "I32": 4, "I64": 8, "C64": 8, **FLOATS}  # bytes of a number
STORED = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.float64: "F64"}


def write_tensors(path: Path, tensors: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> None:
    """Write a safetensors file piece by piece: a table of gigabytes that is mapped from a file is never in memory.

    `dtype` is that of the stored tensors (default: their own). Raises `InputError`.
    """
    stored = {name: dtype or tensor.dtype for name, tensor in tensors.items()}
    order = sorted(tensors, key=lambda name: (-stored[name].itemsize, name))  # aligned: the widest first
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in order:
        start, end = end, end + tensors[name].numel() * stored[name].itemsize
        shape = list(tensors[name].shape)
        header[name] = {"dtype": STORED[stored[name]], "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with written_atomically(path) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            for piece in torch.split(tensors[name].detach().reshape(-1), PIECE):
                file.write(piece.to("cpu", stored[name]).contiguous().view(torch.uint8).numpy().data)


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


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file, memory-mapped. Raises `ModelError`."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise ModelError(f"{path}: missing") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path}: damaged or not safetensors ({error})", _what_else(path)) from None


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
        raise ModelError(f"{path}: damaged or not safetensors ({error})", _what_else(path)) from None
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


def _what_else(path: Path) -> str:
    """A hint at what a file is in place of what it should be; empty where that cannot be told."""
    try:
        with open_plain(path) as file:
            head = file.read(200)
    except OSError:
        return ""
    return what_is(head) or "a truncated download or another format; fetch it again"


def what_is(head: bytes) -> str:
    """What a file is that begins so and holds no tensors; empty where that cannot be told."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "the file is empty"
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the file itself: git lfs pull, or trm-solve models pull"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page, perhaps of a log-in: fetch the file itself"
    return ""


def fill(model: TRM, tensors: Mapping[str, Tensor], where: str) -> TRM:
    """Load tensors (any float dtype) into the model's fp32, every name and shape accounted for, every value finite.

    Raises `ModelError` that names the first tensor at fault.
    """
    check_shapes(model.config, tensor_shapes(tensors), where)
    for name, found in tensors.items():
        if not torch.isfinite(found).all():
            raise ModelError(f"{where}: tensor '{name}' holds NaN or infinity", "the file was written by a broken run")
    model.load_state_dict(dict(tensors))
    return model


def tensor_shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[Shape, str]]:
    """Shape and dtype of each tensor, as `check_shapes` takes them."""
    words = {word: name for name, word in WORDS.items()}
    return {
        name: (tuple(each.shape), words.get(text := str(each.dtype).removeprefix("torch."), text))
        for name, each in tensors.items()
    }


def build(config: ModelConfig, tensors: Mapping[str, Tensor], where: str) -> TRM:
    """The model of a configuration and its tensors, ready for inference; strict as `fill`.

    A puzzle table of more than `MAPPED` numbers stays where it is: give it memory-mapped. Only its shape is checked.
    """
    check_shapes(config, tensor_shapes(tensors), where)  # before anything of that size is made
    table = tensors.get(TABLE)
    if table is None or table.numel() <= MAPPED:
        return fill(TRM(config), tensors, where).eval().requires_grad_(False)
    one_row = dataclasses.replace(config, num_puzzle_identifiers=1)
    model = fill(TRM(one_row), {**tensors, TABLE: table[:1]}, where).eval().requires_grad_(False)
    model.config = config
    model.puzzle_emb.map(table)
    return model


def open_folder(folder: Path) -> TRM:
    """The model of a checkpoint folder, in fp32 on the CPU, ready for inference.

    Raises `ModelError` with one line that names what is wrong.
    """
    verify(folder)
    config, shards = read_config(folder), weights_of(folder)
    where = str(shards[0] if len(shards) == 1 else folder / SHARDS)
    check_shapes(config, header_shapes(read_headers(shards)), where)
    model = build(config, {name: each for path in shards for name, each in read_tensors(path).items()}, where)
    model.identifiers = Identifiers.beside(folder, model.config.kind, model.config.num_puzzle_identifiers)
    return model


def save(model: TRM, folder: Path, *, dtype: torch.dtype | None = None, card: str = "", name: str = "") -> None:
    """Write a checkpoint folder, each file atomically; `dtype` is that of the stored tensors (default: the model's).

    `card` is the model card's body, `name` the model's (default: the folder's); a README.md that somebody wrote by hand
    is left alone.
    Raises `InputError` where it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {reason_of(error)}") from None
    write_tensors(folder / WEIGHTS, model.state_dict(), dtype)
    config: dict[str, Any] = model.config.to_dict()
    write_atomically(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())
    if model.identifiers is not None:
        model.identifiers.write(folder)
    readme = folder / CARD
    if not readme.exists() or GENERATED in read_card(folder):
        write_atomically(readme, model_card(model.config, name or folder.name, card).encode())
