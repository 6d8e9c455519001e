"""Public raw state dicts -> checkpoint folders.

Public checkpoints are `torch.save` state dicts that do not say their own configuration. Widths and token mixing are
read off the tensors; what no tensor tells (cycles, heads, kind of positions, prefix length) must be stated by the
configuration beside the file, because a wrong value loads cleanly and answers wrongly.
"""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from trm_solve.checkpoint import TABLE, build
from trm_solve.config import ModelConfig
from trm_solve.errors import InputError, ModelError, reason_of
from trm_solve.kinds import kinds
from trm_solve.model import TRM

NESTS = ("model", "model_state_dict", "state_dict", "ema")
NEEDED = {
    "H_cycles": "T, rounds per supervision step",
    "L_cycles": "n, latent updates per answer update",
    "num_heads": "attention heads",
    "pos_encodings": "kind of positions",
    "puzzle_emb_len": "prefix length",
    "relations": "names of the relations of cells",
}
FIELDS = (*NEEDED, "rope_theta", "halt_max_steps", "no_ACT_continue", "seq_len")  # that are read off a configuration


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors of a raw state dict under their plain names, prefixes and nesting removed.

    Only tensors are ever unpickled. Raises `ModelError` for anything else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols; what is wrong comes as an exception
            mapped = zipfile.is_zipfile(path)  # the older format cannot be
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except pickle.UnpicklingError:
        hint = "a pickle can run any program when it is opened, so only tensors are read; ask for a safetensors file"
        raise ModelError(f"{path}: holds more than tensors, or is no PyTorch file; refused", hint) from None
    except Exception as error:  # whatever bytes that are no pickle make the unpickler do
        raise ModelError(f"{path}: not a PyTorch file ({type(error).__name__})") from None
    while isinstance(found, dict) and not any(isinstance(value, Tensor) for value in found.values()):
        nest = next((name for name in NESTS if isinstance(found.get(name), dict)), None)
        if nest is None:
            raise ModelError(f"{path}: no state dict in it")
        found = found[nest]
    if not isinstance(found, dict):
        raise ModelError(f"{path}: no state dict in it")
    anchor = next((name for name in found if str(name).endswith("H_init")), None)
    if anchor is None:
        raise ModelError(f"{path}: no tensor 'H_init', so not a Tiny Recursive Model")
    prefix = anchor.removesuffix("H_init")
    tensors: dict[str, Tensor] = {}
    for name, value in found.items():
        if not isinstance(value, Tensor):
            raise ModelError(f"{path}: '{name}' is not a tensor")
        tensors[name.removeprefix(prefix)] = value
    return tensors


def read_public_config(path: Path) -> dict[str, Any]:
    """Fields of a public configuration: flat JSON, or YAML with the architecture under `arch`. Raises `InputError`."""
    try:
        text = path.read_text(encoding="utf-8")
        fields = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path}: neither JSON nor YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(fields, dict):
        raise InputError(f"{path}: not a configuration", "expected fields such as H_cycles, alone or under 'arch'")
    arch = fields.get("arch")
    return fields | arch if isinstance(arch, dict) else fields


def infer_config(
    tensors: dict[str, Tensor], fields: dict[str, Any], where: str, kind: str | None = None
) -> ModelConfig:
    """The architecture, from the tensors where they tell and from the public configuration where they do not.

    Raises `ModelError` that names what neither tells.
    """

    def tensor(name: str) -> Tensor:
        if name not in tensors:
            raise ModelError(f"{where}: tensor '{name}' is missing, so not a Tiny Recursive Model")
        return tensors[name]

    def stated(name: str) -> Any:
        if fields.get(name) is None:
            hint = "no tensor tells it and a wrong value ruins every answer; state it in --config"
            raise ModelError(f"{where}: '{name}' ({NEEDED[name]}) is not stated", hint)
        return fields[name]

    def layers(network: str) -> int:
        return len({name.split(".")[2] for name in tensors if name.startswith(f"{network}.layers.")})

    hrm = layers("H_level") > 0  # two networks
    vocabulary, d = tensor("lm_head.weight").shape
    alike = [each for each in kinds().values() if each.vocab_size == vocabulary]
    alike = [
        each for each in alike if each.name == kind
    ] or alike  # of two that read as many symbols, --kind says which
    grid = alike[0].canvas if len(alike) == 1 else None
    kind = kind or (alike[0].name if len(alike) == 1 else None)
    if kind is None or (grid is None and "seq_len" not in fields):
        raise ModelError(f"{where}: a vocabulary of {vocabulary} is none of a known puzzle kind")
    cells = int(fields.get("seq_len") or (grid or (0, 0))[0] * (grid or (0, 0))[1])
    if grid is None or grid[0] * grid[1] != cells:
        side = round(cells**0.5)
        grid = (side, side) if side * side == cells else (1, cells)
    mlp_t = "L_level.layers.0.mlp_t.gate_up_proj.weight" in tensors
    learned = "embed_pos.embedding_weight" in tensors
    width = tensors["puzzle_emb.weights"].shape[1] if "puzzle_emb.weights" in tensors else 0
    if learned:
        prefix = len(tensor("embed_pos.embedding_weight")) - cells
    elif mlp_t:
        prefix = tensor("L_level.layers.0.mlp_t.gate_up_proj.weight").shape[1] - cells
    else:
        stated_length = fields.get("puzzle_emb_len") or 0 if hrm else stated("puzzle_emb_len")  # HRM has no such field
        prefix = (stated_length or -(-width // d)) if width else 0
    positions = "learned" if learned else "none" if mlp_t else stated("pos_encodings")
    return ModelConfig.from_dict(
        {
            "kind": kind,
            "model_type": "hrm" if hrm else "trm",
            "grid": list(grid),
            "vocab_size": vocabulary,
            "hidden_size": d,
            "num_heads": 1 if mlp_t else stated("num_heads"),
            "L_layers": layers("L_level"),
            "H_layers": layers("H_level"),
            "intermediate_size": tensor("L_level.layers.0.mlp.down_proj.weight").shape[1],
            "mlp_t": mlp_t,
            "token_intermediate_size": tensor("L_level.layers.0.mlp_t.down_proj.weight").shape[1] if mlp_t else 0,
            "pos_encodings": positions,
            "rope_theta": float(fields.get("rope_theta") or 10000.0),
            "relations": stated("relations") if "relations" in tensors else [],
            "qk_norm": "L_level.layers.0.self_attn.qk_scale" in tensors,
            "H_cycles": stated("H_cycles"),
            "L_cycles": stated("L_cycles"),
            "puzzle_emb_ndim": width,
            "puzzle_emb_len": prefix,
            "num_puzzle_identifiers": len(tensors["puzzle_emb.weights"]) if width else 1,
            "halt_max_steps": int(fields.get("halt_max_steps") or 16),
            "no_ACT_continue": bool(fields.get("no_ACT_continue", not hrm)),
        },
        where,
    )


def convert(state_dict: Path, config: Path | Mapping[str, Any], kind: str | None = None) -> TRM:
    """The model of a public raw state dict and its configuration, a file or its fields.

    Raises `ModelError` or `InputError`.
    """
    tensors = read_state_dict(state_dict)
    fields = read_public_config(config) if isinstance(config, Path) else dict(config)
    found = infer_config(tensors, fields, str(state_dict), kind)
    model = build(found, tensors, str(state_dict))
    if TABLE in tensors and not all(torch.isfinite(piece).all() for piece in torch.split(tensors[TABLE], 1 << 16)):
        hint = "the file was written by a broken run"
        raise ModelError(f"{state_dict}: tensor '{TABLE}' holds NaN or infinity", hint)
    return model
