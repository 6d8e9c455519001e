"""What `trm-solve models` shows and does."""

from __future__ import annotations

import json
import math
import struct
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trm_solve import hub
from trm_solve.checkpoint import WEIGHTS, read_config, save
from trm_solve.config import nearest
from trm_solve.device import DTYPES
from trm_solve.errors import InputError, ModelError


def describe(name: str) -> dict[str, Any]:
    """Architecture, size and place of a model, from its configuration and the header of its weights."""
    folder = hub.resolve(name)
    config = read_config(folder)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelError(f"{weights}: missing")
    tensors = _header(weights)
    parameters = sum(
        math.prod(spec["shape"])
        for tensor, spec in tensors.items()
        if tensor not in ("H_init", "L_init", "puzzle_emb.weights")
    )
    return {
        "name": name,
        "kind": config.kind,
        "parameters": parameters,
        "bytes": weights.stat().st_size,
        "dtype": "/".join(sorted({spec["dtype"] for spec in tensors.values()})),
        "path": str(folder),
        "config": config.to_dict(),
    }


def _header(path: Path) -> dict[str, Any]:
    """Names, shapes and dtypes of a safetensors file, without its tensors. Raises `ModelError`."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size:
                raise ValueError("header longer than the file")
            fields = json.loads(file.read(length))
    except (OSError, ValueError, struct.error) as error:
        raise ModelError(f"{path}: damaged or not safetensors ({error})") from None
    return {name: spec for name, spec in fields.items() if name != "__metadata__"}


def show_list(as_json: bool) -> None:
    """Print the packaged models."""
    found = [describe(name) for name in hub.packaged()]
    if as_json:
        print(json.dumps(found))
        return
    table = Table("model", "kind", "parameters", "size", "mixing", "T", "n", box=None, pad_edge=False)
    for each in found:
        config = each["config"]
        mixing = "MLP" if config["mlp_t"] else "attention"
        cycles = (str(config["H_cycles"]), str(config["L_cycles"]))
        table.add_row(each["name"], each["kind"], _short(each["parameters"]), _size(each["bytes"]), mixing, *cycles)
    Console().print(table)


def show_info(name: str, as_json: bool) -> None:
    """Print one model."""
    found = describe(name)
    if as_json:
        print(json.dumps(found))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for key in ("name", "kind", "path"):
        table.add_row(key, Text(found[key], overflow="fold"))
    table.add_row("parameters", f"{found['parameters']:,}")
    table.add_row("size", f"{_size(found['bytes'])} in {found['dtype']}")
    for key, value in found["config"].items():
        if key != "kind":
            table.add_row(key, str(value))
    Console().print(table)


def convert_to(state_dict: Path, config: Path, out: Path, kind: str | None, dtype: str) -> None:
    """Convert a raw state dict and say where it went. Raises `ModelError` or `InputError`."""
    from trm_solve.convert import convert

    if dtype not in DTYPES:
        raise InputError(f"unknown dtype '{dtype}'", nearest(dtype, list(DTYPES)))
    model = convert(state_dict, config, kind)
    save(model, out, dtype=DTYPES[dtype])
    count = sum(parameter.numel() for parameter in model.parameters())
    print(f"{out}: {model.config.kind} model, {count:,} parameters", file=sys.stderr)


def _short(count: int) -> str:
    return f"{count / 1e6:.2f}M"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
