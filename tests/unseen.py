"""A task that no model was trained on, small models to fit to it, and a clock that no machine is too slow for."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from trm_solve.config import AdaptOptions, ModelConfig
from trm_solve.kinds.arc.kind import Arc
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_lines
from trm_solve.tasks import adapt as adapting
from trm_solve.tasks import answer as answering
from trm_solve.tasks import budget as budgets
from trm_solve.tasks.identifiers import Identifiers
from trm_solve.trace import Solution
from trm_solve.training import setup

TASK = {
    "train": [
        {"input": [[1, 0, 0], [0, 2, 0]], "output": [[0, 0, 1], [0, 2, 0]]},
        {"input": [[3, 3, 0], [0, 0, 0]], "output": [[0, 3, 3], [0, 0, 0]]},
    ],
    "test": [{"input": [[7, 0, 0], [0, 0, 8]]}, {"input": [[7, 7, 0], [0, 0, 8]]}],
}
NAMES = ["<blank>", "seen", "seen|||t4|||0123456789", "seen|||t0|||0213456789"]
FOREVER = SimpleNamespace(monotonic=lambda: 0.0)  # no vote is cut short, however busy the machine
FRESH = Arc.presets["adapt-fresh"]
QUICK = AdaptOptions(minutes=0.04, copies=2, folds=2, recipe={"batch_size": 2})


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock takes 20 ms, so that no machine is too slow; of small fits the votes are a large part."""
    ticks = itertools.count()
    monkeypatch.setattr(adapting, "FOLD_FIT", 0.5)
    monkeypatch.setattr(adapting, "FOLD_VOTES", 1)
    monkeypatch.setattr(adapting, "FOLD_GUESSES", 1)
    for each in (adapting, answering, budgets):
        monkeypatch.setattr(each, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 50))


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small network for fresh weights."""
    few = {"hidden_size": 20, "relations": ["up", "all"], "links": ["mirrored_sideways"], "exchange_size": 12}
    monkeypatch.setitem(Arc.presets, "adapt-fresh", {**FRESH, **few})  # type: ignore[arg-type]


def tiny(names: list[str] | None = None, canvas: str = "crop") -> TRM:
    torch.manual_seed(0)
    fields = {"hidden_size": 16, "num_heads": 2, "intermediate_size": 32, "mlp_t": False, "pos_encodings": "rope2d"}
    fields |= {"puzzle_emb_ndim": 16, "puzzle_emb_len": 1, "H_cycles": 1, "L_cycles": 1, "canvas": canvas}
    rows = len(names or NAMES)
    config = {"kind": "arc", "grid": [30, 30], "vocab_size": 12, "num_puzzle_identifiers": rows, "halt_max_steps": 2}
    model = TRM(ModelConfig.from_dict(config | fields)).eval().requires_grad_(False)
    model.puzzle_emb.weights = torch.randn(rows, 16)
    model.identifiers = Identifiers(Arc.tasks, rows, given=names or NAMES)
    return model


def colourful() -> TRM:
    """A tiny model with a state for each colour."""
    torch.manual_seed(0)
    fields: dict[str, Any] = {"hidden_size": 40, "num_heads": 1, "intermediate_size": 8, "mlp_t": False}
    fields |= {"pos_encodings": "relations", "relations": ["up", "left", "all"], "symbols": [2, 11]}
    fields |= {"symbol_heads": 1, "exchange_size": 10, "puzzle_emb_ndim": 40, "canvas": "crop"}
    fields |= {"kind": "arc", "grid": [30, 30], "vocab_size": 12, "halt_max_steps": 2, "H_cycles": 2, "L_cycles": 1}
    model = TRM(ModelConfig.from_dict(fields)).eval().requires_grad_(False)
    setup.relate(model)
    return model


def puzzles(name: str = "new") -> list[Puzzle]:
    return [item for item in read_lines([json.dumps({name: TASK})], "some.json") if isinstance(item, Puzzle)]


def solutions(events: object) -> list[Solution]:
    return [event for event in events if isinstance(event, Solution)]  # type: ignore[attr-defined]
