"""A folder (config.json + model.safetensors + README.md) <-> a model, strict both ways.

A folder of a model for tasks has identifiers.json too. Tensors keep the public checkpoints' names without their
prefix. Nothing is ever unpickled here; raw state dicts come in through `convert.py`.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from trm_solve.config import ModelConfig
from trm_solve.errors import ModelError
from trm_solve.files import make_folder, write_atomically, written_atomically
from trm_solve.hub.card import GENERATED, model_card
from trm_solve.hub.folder import CARD as CARD
from trm_solve.hub.folder import CONFIG as CONFIG
from trm_solve.hub.folder import SHARDS as SHARDS
from trm_solve.hub.folder import TABLE as TABLE
from trm_solve.hub.folder import WEIGHTS as WEIGHTS
from trm_solve.hub.folder import header_shapes as header_shapes
from trm_solve.hub.folder import read_card as read_card
from trm_solve.hub.folder import read_config as read_config
from trm_solve.hub.folder import read_header as read_header
from trm_solve.hub.folder import read_headers as read_headers
from trm_solve.hub.folder import shards_of as shards_of
from trm_solve.hub.folder import weights_of as weights_of
from trm_solve.hub.folder import what_else
from trm_solve.hub.folder import what_is as what_is
from trm_solve.hub.store import verify
from trm_solve.model import TRM
from trm_solve.shapes import WORDS, Shape, check_shapes
from trm_solve.tasks.identifiers import Identifiers

MAPPED = 1 << 22  # numbers of a puzzle table above which it stays in its file
PIECE = 1 << 20  # numbers that are converted and written at once
STORED = {word: name for name, word in WORDS.items()}  # PyTorch's words -> those of safetensors


def write_tensors(path: Path, tensors: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> None:
    """Write a safetensors file piece by piece: a table of gigabytes that is mapped from a file is never in memory.

    `dtype` is that of the stored floating-point tensors (default: their own). Raises `InputError`.
    """
    stored = {name: dtype if dtype and each.is_floating_point() else each.dtype for name, each in tensors.items()}
    order = sorted(tensors, key=lambda name: (-stored[name].itemsize, name))  # aligned: the widest first
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in order:
        start, end = end, end + tensors[name].numel() * stored[name].itemsize
        shape = list(tensors[name].shape)
        header[name] = {"dtype": STORED[_word(stored[name])], "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with written_atomically(path) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            for piece in torch.split(tensors[name].detach().reshape(-1), PIECE):
                file.write(piece.to("cpu", stored[name]).contiguous().view(torch.uint8).numpy().data)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file, memory-mapped. Raises `ModelError`."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise ModelError(f"{path}: missing") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path}: damaged or not safetensors ({error})", what_else(path)) from None


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
    return {name: (tuple(each.shape), dtype_name(each.dtype)) for name, each in tensors.items()}


def dtype_name(dtype: torch.dtype) -> str:
    """In the words of safetensors, or in PyTorch's where it has none."""
    return STORED.get(_word(dtype), _word(dtype))


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


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

    `card` is the model card's body (default: the model's note), `name` the model's (default: the folder's); a README.md
    that somebody wrote by hand is left alone.
    Raises `InputError` where it cannot be written.
    """
    make_folder(folder)
    write_tensors(folder / WEIGHTS, model.state_dict(), dtype)
    config: dict[str, Any] = model.config.to_dict()
    write_atomically(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())
    if model.identifiers is not None:
        model.identifiers.write(folder)
    readme = folder / CARD
    if not readme.exists() or GENERATED in read_card(folder):
        write_atomically(readme, model_card(model.config, name or folder.name, card or model.note).encode())
