"""Public raw state dicts -> checkpoint folders.

Public checkpoints are `torch.save` state dicts that do not say their own configuration. Widths and token mixing are
read off the tensors; what no tensor tells (cycles, heads, kind of positions, prefix length) must be stated by the
configuration beside the file, because a wrong value loads cleanly and answers wrongly.
"""

from __future__ import annotations

import math
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trm_solve.checkpoint import TABLE, build, read_headers, read_tensors, shards_of, what_is
from trm_solve.config import ModelConfig
from trm_solve.errors import InputError, ModelError, reason_of, shown
from trm_solve.files import open_plain, read_bytes
from trm_solve.kinds import kinds
from trm_solve.model import TRM
from trm_solve.talk import say
from trm_solve.untrusted import YAML_BYTES, object_of, parse_json, parse_yaml

AVERAGED = (
    "ema",
    "ema_state_dict",
    "ema_model",
    "model_ema",
)  # taken before the others: the paper's figures are theirs
NESTS = (*AVERAGED, "model", "model_state_dict", "state_dict")
MAKE_SCALAR = np.float64(0).__reduce__()[0]
SCALARS: list[Any] = [  # of numpy, all that is unpickled beside tensors: a step or a score is often kept as one
    *(np.dtype, (MAKE_SCALAR, "numpy.core.multiarray.scalar"), (MAKE_SCALAR, "numpy._core.multiarray.scalar")),
    *(type(np.dtype(name)) for name in ("bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")),
]
NEEDED = {
    "H_cycles": "T, rounds per supervision step",
    "L_cycles": "n, latent updates per answer update",
    "num_heads": "attention heads",
    "pos_encodings": "kind of positions",
    "puzzle_emb_len": "prefix length",
    "relations": "names of the relations of cells",
    "symbols": "first and last of the tokens that are all alike",
}
FIELDS = (*NEEDED, "rope_theta", "halt_max_steps", "no_ACT_continue", "seq_len")  # that are read off a configuration


def read_state_dict(path: Path, key: str | None = None) -> dict[str, Tensor]:
    """Tensors of a raw state dict under their plain names, prefixes and nesting removed.

    Of several state dicts the averaged weights are taken, which is said on stderr, or the one under `key`. Nothing but
    tensors and numbers is ever unpickled. Raises `ModelError` for anything else.
    """
    if path.name.endswith((".safetensors", ".safetensors.index.json")):
        shards = shards_of(path) if path.name.endswith(".json") else [path]
        read_headers(shards)  # strictly, before any tensor is looked at
        found = {name: each for shard in shards for name, each in read_tensors(shard).items()}
        return _plain_names(found, path, sum(shard.stat().st_size for shard in shards))
    try:
        with open_plain(path) as file:
            head, size = file.read(200), file.seek(0, 2)
        if what := what_is(head):
            raise ModelError(f"{path}: not a PyTorch file", what)
        with warnings.catch_warnings(), torch.serialization.safe_globals(SCALARS):
            warnings.simplefilter("ignore")  # of pickle protocols; what is wrong comes as an exception
            mapped = zipfile.is_zipfile(path)  # the older format cannot be
            if mapped and (what := _other_zip(path)):
                raise ModelError(f"{path}: {what}, not a PyTorch file")
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except ModelError:
        raise
    except OSError as error:
        raise ModelError(f"{path}: {reason_of(error)}") from None
    except pickle.UnpicklingError:
        hint = "a pickle can run any program when it is opened, so only tensors are read; ask for a safetensors file"
        raise ModelError(f"{path}: holds more than tensors, or is no PyTorch file; refused", hint) from None
    except Exception as error:  # whatever bytes that are no pickle make the unpickler do
        raise ModelError(f"{path}: not a PyTorch file ({type(error).__name__})") from None
    return _plain_names(_unnest(found, path, key), path, size)


def _other_zip(path: Path) -> str:
    """What an archive is that torch.save has not written; empty for one that it has."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "a damaged zip archive"
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        return ""
    return f"a zip archive of {len(names)} files"


def _unnest(found: Any, path: Path, key: str | None) -> dict[Any, Any]:
    """The state dict in what was loaded. Raises `ModelError`."""
    if key is not None:
        if not isinstance(found, dict) or not isinstance(found.get(key), dict):
            names = (
                [name for name, value in found.items() if isinstance(value, dict)] if isinstance(found, dict) else []
            )
            hint = f"there are {', '.join(map(shown, names[:6]))}" if names else "it holds a single one, without --key"
            raise ModelError(f"{path}: no state dict under {shown(key)} in it", hint)
        found = found[key]
    for _ in range(len(NESTS)):  # a dict that holds itself has no end
        if not isinstance(found, dict) or any(isinstance(value, Tensor) for value in found.values()):
            break
        nests = [name for name in NESTS if isinstance(found.get(name), dict)]
        if not nests:
            raise ModelError(f"{path}: no state dict in it")
        if len(nests) > 1 and nests[0] in AVERAGED:
            others = " or ".join(f"--key {name}" for name in nests[1:])
            say(f"{path}: taking the averaged weights, '{nests[0]}'; {others} takes others")
        found = found[nests[0]]
    if not isinstance(found, dict) or not any(isinstance(value, Tensor) for value in found.values()):
        raise ModelError(f"{path}: no state dict in it")
    return found


def _plain_names(found: dict[Any, Any], path: Path, size: int) -> dict[str, Tensor]:
    """Tensors of a state dict without the prefix of their names; the file has `size` bytes. Raises `ModelError`."""
    for name in found:
        if not isinstance(name, str):
            raise ModelError(f"{path}: {shown(name)} is no name of a tensor")
    anchor = next((name for name in found if name.endswith("H_init")), None)
    if anchor is None:
        raise ModelError(f"{path}: no tensor 'H_init', so not a Tiny Recursive Model")
    prefix = anchor.removesuffix("H_init")
    tensors: dict[str, Tensor] = {}
    for name, value in found.items():
        if not isinstance(value, Tensor):
            raise ModelError(f"{path}: {shown(name)} is not a tensor")
        if what := _oddity(value, (3,) if name == f"{prefix}relations" else (1, 2)):
            raise ModelError(f"{path}: tensor {shown(name)} {what}", "plain tensors of floating-point numbers are read")
        size -= value.numel() * value.element_size()
        if size < 0:  # views that repeat a few numbers
            raise ModelError(
                f"{path}: its tensors would be larger than the file", "it was not written by a training run"
            )
        plain = name.removeprefix(prefix)
        if plain in tensors:
            raise ModelError(f"{path}: tensor {shown(plain)} stands there twice")
        tensors[plain] = value
    return tensors


def _oddity(value: Tensor, dimensions: tuple[int, ...]) -> str:
    """What keeps a tensor from being one of a model's; empty for a good one."""
    if value.is_meta:
        return "has no values (device meta)"
    if value.layout is not torch.strided or value.is_quantized or value.is_nested:
        return f"is {str(value.layout).removeprefix('torch.')}, not dense" if not value.is_quantized else "is quantized"
    if value.is_complex():
        return f"holds {value.dtype}, not floating-point numbers"
    return "" if value.dim() in dimensions else f"has {value.dim()} dimensions"


def read_public_config(path: Path) -> dict[str, Any]:
    """Fields of a public configuration: flat JSON, or YAML with the architecture under `arch`. Raises `InputError`."""
    try:
        text = read_bytes(path, YAML_BYTES).decode("utf-8")
        fields = object_of(parse_json(text)) if text.lstrip().startswith("{") else parse_yaml(text)
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: neither JSON nor YAML (not UTF-8)") from None
    except ValueError as error:
        text = f"neither JSON nor YAML ({error})" if str(error).startswith("not ") else str(error)
        raise InputError(f"{path}: {text}") from None
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

    def matrix(name: str) -> tuple[int, int]:
        shape = tuple(tensor(name).shape)
        if len(shape) != 2:
            raise ModelError(f"{where}: tensor '{name}' has {len(shape)} dimensions, not 2")
        return shape

    def number(name: str, sort: type[int] | type[float], default: float) -> Any:
        value = fields.get(name)
        if value in (None, 0):
            return sort(default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or sort(value) != value:
            raise InputError(f"{where}: field '{name}' cannot be {shown(value)}")
        return sort(value)

    def stated(name: str) -> Any:
        if fields.get(name) is None:
            hint = "no tensor tells it and a wrong value ruins every answer; state it in --config"
            raise ModelError(f"{where}: '{name}' ({NEEDED[name]}) is not stated", hint)
        return fields[name]

    def layers(network: str) -> int:
        return len({name.split(".")[2] for name in tensors if name.startswith(f"{network}.layers.")})

    hrm = layers("H_level") > 0  # two networks
    vocabulary, d = matrix("lm_head.weight")
    symbols: Any = stated("symbols") if "L_level.layers.0.exchange.in_proj.weight" in tensors else []
    if symbols:
        if not isinstance(symbols, list) or len(symbols) != 2 or not all(type(each) is int for each in symbols):
            raise InputError(f"{where}: field 'symbols' cannot be {shown(symbols)}")
        count = symbols[1] - symbols[0] + 1
        vocabulary, d = vocabulary - 1 + count, d * count
    alike = [each for each in kinds().values() if each.vocab_size == vocabulary]
    # of two that read as many symbols, --kind says which
    alike = [each for each in alike if each.name == kind] or alike
    grid = alike[0].canvas if len(alike) == 1 else None
    kind = kind or (alike[0].name if len(alike) == 1 else None)
    if kind is None or (grid is None and "seq_len" not in fields):
        raise ModelError(f"{where}: a vocabulary of {vocabulary} is none of a known puzzle kind")
    cells = number("seq_len", int, math.prod(grid or (0,)))
    if grid is None or grid[0] * grid[1] != cells:
        side = round(cells**0.5)
        grid = (side, side) if side * side == cells else (1, cells)
    mlp_t = "L_level.layers.0.mlp_t.gate_up_proj.weight" in tensors
    learned = "embed_pos.embedding_weight" in tensors
    width = matrix(TABLE)[1] if TABLE in tensors else 0
    if learned:
        prefix = matrix("embed_pos.embedding_weight")[0] - cells
    elif mlp_t:
        prefix = matrix("L_level.layers.0.mlp_t.gate_up_proj.weight")[1] - cells
    elif symbols:
        prefix = 0
    else:
        told = number("puzzle_emb_len", int, 0) if hrm or stated("puzzle_emb_len") else 0  # an HRM has no such field
        prefix = (told or -(-width // d)) if width else 0
    positions = "learned" if learned else "none" if mlp_t else stated("pos_encodings")
    return ModelConfig.from_dict(
        {
            "kind": kind,
            "model_type": "hrm" if hrm else "trm",
            "grid": list(grid),
            "vocab_size": vocabulary,
            "hidden_size": d,
            "num_heads": 1 if mlp_t or symbols else stated("num_heads"),
            "L_layers": layers("L_level"),
            "H_layers": layers("H_level"),
            "intermediate_size": matrix("L_level.layers.0.mlp.down_proj.weight")[1],
            "mlp_t": mlp_t,
            "token_intermediate_size": matrix("L_level.layers.0.mlp_t.down_proj.weight")[1] if mlp_t else 0,
            "pos_encodings": positions,
            "rope_theta": number("rope_theta", float, 10000.0),
            "relations": stated("relations") if "relations" in tensors else [],
            "qk_norm": "L_level.layers.0.self_attn.qk_scale" in tensors,
            "symbols": symbols,
            "H_cycles": stated("H_cycles"),
            "L_cycles": stated("L_cycles"),
            "puzzle_emb_ndim": width,
            "puzzle_emb_len": prefix,
            "num_puzzle_identifiers": matrix(TABLE)[0] if width else 1,
            "halt_max_steps": number("halt_max_steps", int, 16),
            "no_ACT_continue": not hrm if fields.get("no_ACT_continue") is None else fields["no_ACT_continue"],
        },
        where,
    )


def convert(state_dict: Path, config: Path | Mapping[str, Any], kind: str | None = None, key: str | None = None) -> TRM:
    """The model of a public raw state dict and its configuration, a file or its fields; `key` as `read_state_dict`.

    Raises `ModelError` or `InputError`.
    """
    tensors = read_state_dict(state_dict, key)
    fields = read_public_config(config) if isinstance(config, Path) else dict(config)
    found = infer_config(tensors, fields, str(state_dict), kind)
    model = build(found, tensors, str(state_dict))
    if TABLE in tensors and not all(torch.isfinite(piece).all() for piece in torch.split(tensors[TABLE], 1 << 16)):
        hint = "the file was written by a broken run"
        raise ModelError(f"{state_dict}: tensor '{TABLE}' holds NaN or infinity", hint)
    return model
