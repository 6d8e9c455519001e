"""What a run starts from: the architecture, the model, and whether its network is compiled."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence

import torch

from trm_solve import pretrained
from trm_solve.config import ModelConfig, RunOptions, TrainOptions, swiglu_width
from trm_solve.errors import InputError
from trm_solve.fuse import works
from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Kind
from trm_solve.layers import Block
from trm_solve.model import TRM
from trm_solve.strict import nearest
from trm_solve.tasks.identifiers import Identifiers
from trm_solve.training.data import Dataset

COMPILE_MINUTES = 3.0  # compiling takes about half a minute the first time: shorter runs on a CPU do without
OWN = ("H_cycles", "L_cycles", "halt_max_steps", "canvas")  # what a recipe may change of a model that is fine-tuned


def new_config(recipe: TrainOptions, data: Dataset) -> ModelConfig:
    """The architecture that a recipe gives to a model of this data's kind."""
    kind = get_kind(data.kind)
    cells = kind.canvas[0] * kind.canvas[1]
    if data.cells is None and data.questions.shape[1] != cells:
        raise InputError(f"a {kind.name} has {cells} cells, the data have {data.questions.shape[1]}")
    d, prefix = recipe.hidden_size, recipe.puzzle_emb_len
    symbols = kind.symbols if recipe.symbol_axis else ()
    if recipe.symbol_axis and not symbols:
        raise InputError(f"field 'symbol_axis': the symbols of {kind.name} are not all alike")
    width = d // (symbols[1] - symbols[0] + 1) if symbols else d
    return ModelConfig(
        kind=kind.name,
        grid=kind.canvas,
        vocab_size=kind.vocab_size,
        hidden_size=d,
        num_heads=1 if symbols else recipe.num_heads,
        L_layers=recipe.L_layers,
        H_layers=recipe.H_layers,
        model_type="hrm" if recipe.H_layers else "trm",
        intermediate_size=swiglu_width(width, recipe.expansion, 32 if symbols else 256),
        mlp_t=recipe.mlp_t,
        token_intermediate_size=swiglu_width(prefix + cells, recipe.expansion) if recipe.mlp_t else 0,
        pos_encodings=recipe.pos_encodings,
        rope_theta=recipe.rope_theta,
        relations=recipe.relations or (tuple(kind.relations) if recipe.pos_encodings == "relations" else ()),
        links=recipe.links if symbols else (),
        qk_norm=recipe.qk_norm,
        symbols=symbols,
        symbol_heads=recipe.symbol_heads if symbols else 0,
        exchange_size=recipe.exchange_size if symbols else 0,
        H_cycles=recipe.H_cycles,
        L_cycles=recipe.L_cycles,
        puzzle_emb_ndim=d if prefix or (symbols and kind.tasks is not None) else 0,
        puzzle_emb_len=prefix,
        num_puzzle_identifiers=len(data.names),
        halt_max_steps=recipe.halt_max_steps,
        no_ACT_continue=recipe.no_ACT_continue,
        canvas="full" if data.cells is None else "crop",
        judges_pins=_judges_pins(recipe, kind),
    )


def open_model(run: RunOptions, recipe: TrainOptions, data: Dataset) -> TRM:
    """A fresh model, or the checkpoint to fine-tune with the recipe's cycles; `InputError` if the data do not fit."""
    torch.manual_seed(recipe.seed)
    if not run.init:
        if recipe.add_layers:
            raise InputError("field 'add_layers': for a checkpoint (--init); 'L_layers' says how many a new model has")
        model = TRM(new_config(recipe, data))
        relate(model)
        if (tasks := get_kind(data.kind).tasks) is not None:
            model.identifiers = Identifiers(tasks, len(data.names), given=data.names)
        return model
    model = pretrained.load(run.init)
    config = model.config
    if config.kind != data.kind:
        raise InputError(f"'{run.init}' is a model for {config.kind}, the data are {data.kind}")
    if data.cells is None and config.seq_len != data.questions.shape[1]:
        cells = f"{config.seq_len} cells, the data have {data.questions.shape[1]}"
        raise InputError(f"'{run.init}' reads {cells}")
    judges = config.judges_pins or _judges_pins(recipe, get_kind(data.kind))
    own = {name: getattr(recipe, name) for name in OWN}
    model.config = dataclasses.replace(config, **own, judges_pins=judges, inference_cycles=0)
    if recipe.add_layers:
        _deepen(model, recipe.add_layers)
    if get_kind(data.kind).tasks is not None:
        name_rows(model, data.names)
    elif config.puzzle_emb_ndim:
        model.puzzle_emb.own()
    if len(data.names) > model.config.num_puzzle_identifiers:
        have = f"{len(data.names)} puzzle identifiers, '{run.init}' has {config.num_puzzle_identifiers}"
        raise InputError(f"the data have {have}")
    return model.train().requires_grad_(True)


def _deepen(model: TRM, layers: int) -> None:
    """Give the (first) network so many more layers; their last maps are zero, so the model says what it said.

    That needs a norm that leaves a normed state as it is: mixing by MLP has one over positions. Raises `InputError`.
    """
    if model.config.mlp_t:
        raise InputError("field 'add_layers': a model that mixes by MLP cannot be given further layers")
    config = dataclasses.replace(model.config, L_layers=model.config.L_layers + layers)
    for _ in range(layers):
        block = Block(model.config).to(model.device)
        for name, weight in block.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                torch.nn.init.zeros_(weight)
        model.L_level.layers.append(block)
    model.config = config


def _judges_pins(recipe: TrainOptions, kind: Kind) -> bool:
    """Whether a recipe teaches a model to tell wrong pins. Raises `InputError` where there is nothing to pin."""
    if recipe.pin_prob and kind.blank is None:
        raise InputError(f"field 'pin_prob': {kind.name} has no blanks to fill in")
    return recipe.pin_prob > 0 and recipe.own_pin_prob > 0


def relate(model: TRM) -> None:
    """Fill in the relations of cells that a fresh model's configuration names. Raises `InputError`."""
    known = get_kind(model.config.kind).relations
    for number, name in enumerate(model.config.relations):
        if name not in known:
            raise InputError(f"field 'relations': {model.config.kind} has no '{name}'", nearest(name, list(known)))
        model.relations[number] = torch.from_numpy(known[name])


def name_rows(model: TRM, names: Sequence[str]) -> None:
    """Give the puzzle embedding a row for each name: that of the same name before, else where a new task starts.

    A new task starts at row 0, or at the mean of all rows where nobody has made row 0 that mean yet. Of a table that is
    mapped from a file only these rows get into memory. A model without a puzzle embedding gets the names alone.
    """
    if model.config.puzzle_emb_ndim:
        old = model.puzzle_emb.weights
        row = {name: number for number, name in enumerate(model.identifiers.names if model.identifiers else ())}
        start = old[0] if old[0].any() or len(old) == 1 else old[1:].mean(0, dtype=torch.float32)
        new = start.float().repeat(len(names), 1)
        kept = [(number, row[name]) for number, name in enumerate(names) if row.get(name)]
        if kept:
            here, there = torch.tensor(kept).T
            new[here] = old[there].float()
        model.puzzle_emb.own(new.to(model.device))
    model.config = dataclasses.replace(model.config, num_puzzle_identifiers=len(names))
    tasks = get_kind(model.config.kind).tasks
    model.identifiers = None if tasks is None else Identifiers(tasks, len(names), given=names)


def compiles(wanted: str, minutes: float | None, device: torch.device) -> bool:
    """Whether to compile for so many minutes: where asked for, or where a compiler works and there is time to win."""
    if wanted != "auto":
        return wanted == "on"
    if device.type not in ("cpu", "cuda"):
        return False
    short = minutes is not None and minutes < COMPILE_MINUTES
    if device.type == "cpu" and (short or not any(map(shutil.which, ("c++", "g++", "clang++")))):
        return False
    return works(device)
