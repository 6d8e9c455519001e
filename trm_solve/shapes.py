"""A configuration -> the names and shapes of its model's tensors, before any of them is made. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trm_solve.config import ModelConfig
from trm_solve.errors import ModelError, shown

FLOATS = {"BF16": 2, "F16": 2, "F32": 4, "F64": 8}  # bytes each
WORDS = {  # PyTorch's words for the dtypes of safetensors
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
}

Shape = tuple[int, ...]


def shapes_of(config: ModelConfig) -> dict[str, Shape]:
    """What `TRM(config).state_dict()` holds."""
    d, places = config.symbol_width, config.prefix_len + config.seq_len
    found: dict[str, Shape] = {"H_init": (d,), "L_init": (d,), "embed_tokens.embedding_weight": (config.rows_read, d)}
    if config.relations:
        found["relations"] = (len(config.relations), config.seq_len, config.seq_len)
    if config.pos_encodings == "learned":
        found["embed_pos.embedding_weight"] = (places, d)
    if config.puzzle_emb_ndim:
        found["puzzle_emb.weights"] = (config.num_puzzle_identifiers, config.puzzle_emb_ndim)
    for network, layers in (("L_level", config.L_layers), ("H_level", config.H_layers)):
        for layer in range(layers):
            found |= {f"{network}.layers.{layer}.{name}": shape for name, shape in _block(config, d, places)}
    return found | {"lm_head.weight": (config.rows_told, d), "q_head.weight": (2, d), "q_head.bias": (2,)}


def _block(config: ModelConfig, d: int, places: int) -> Iterator[tuple[str, Shape]]:
    if config.symbols:
        inner = config.exchange_size or d
        yield "exchange.in_proj.weight", (3 * inner, d)
        yield "exchange.o_proj.weight", (d, inner)
        if config.symbol_heads:
            yield "exchange.qk_proj.weight", (2 * d, d)
    elif config.mlp_t:
        yield from _swiglu("mlp_t", places, config.token_intermediate_size)
    else:
        if config.relations:
            yield "self_attn.relation_weight", (config.num_heads, len(config.relations) + 2)
        if config.qk_norm:
            yield "self_attn.qk_scale", (config.num_heads,)
        yield "self_attn.qkv_proj.weight", (3 * d, d)
        yield "self_attn.o_proj.weight", (d, d)
    yield from _swiglu("mlp", d, config.intermediate_size)


def _swiglu(name: str, width: int, inner: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.gate_up_proj.weight", (2 * inner, width)
    yield f"{name}.down_proj.weight", (width, inner)


def check_shapes(config: ModelConfig, found: Mapping[str, tuple[Shape, str]], where: str) -> None:
    """Whether tensors of these shapes and dtypes (safetensors' words) are those of the configured model.

    Raises `ModelError` that names the first tensor at fault.
    """
    wanted = shapes_of(config)
    for name, shape in wanted.items():
        if name not in found:
            raise ModelError(f"{where}: tensor '{name}' is missing", "its config.json describes another model")
        there, dtype = found[name]
        if there != shape:
            shapes = f"{shown(list(there))}, the configuration says {list(shape)}"
            raise ModelError(f"{where}: tensor '{name}' has shape {shapes}")
        if dtype not in FLOATS and not (name == "relations" and dtype == "BOOL"):
            word = f"torch.{WORDS[dtype]}" if dtype in WORDS else dtype
            raise ModelError(f"{where}: tensor '{name}' holds {word}, not floating-point numbers")
    for name in found:
        if name not in wanted:
            raise ModelError(f"{where}: tensor {shown(name)} is not part of the configured model")
