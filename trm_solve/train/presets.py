"""Training recipes by name. A preset is data: the fields of `TrainOptions` that it sets, the rest are the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trm_solve.config import TrainOptions, nearest
from trm_solve.errors import InputError

_PAPER: dict[str, Any] = {
    "hidden_size": 512,
    "num_heads": 8,
    "L_layers": 2,
    "expansion": 4.0,
    "mlp_t": False,
    "pos_encodings": "rope",
    "H_cycles": 3,
    "L_cycles": 4,
    "puzzle_emb_len": 16,
    "halt_max_steps": 16,
    "loss": "stablemax",
    "halt_loss_weight": 0.5,
    "halt_exploration_prob": 0.1,
    "optimizer": "adam-atan2",
    "lr": 1e-4,
    "weight_decay": 1.0,
    "betas": [0.9, 0.95],
    "row_lr": 1e-4,
    "row_weight_decay": 1.0,
    "clip_norm": 0.0,
    "ema": 0.999,
    "batch_size": 768,
    "warmup_steps": 2000,
    "schedule": "constant",
    "lr_min_ratio": 1.0,
}

# An epoch of the public code visits every puzzle once: 50,000 epochs of 1,000 puzzles, in batches of 768. The public
# ARC-AGI-1 run (100,000 epochs, an example of every task a batch at a time) is named after its last step.
PRESETS: dict[str, dict[str, Any]] = {
    "paper-sudoku-mlp": _PAPER
    | {"mlp_t": True, "pos_encodings": "none", "L_cycles": 6, "max_steps": 50_000 * 1000 // 768},
    "paper-sudoku-att": _PAPER | {"L_cycles": 6, "max_steps": 50_000 * 1000 // 768},
    "paper-maze": _PAPER | {"max_steps": 50_000 * 1000 // 768, "augment": False},
    "paper-arc": _PAPER
    | {"weight_decay": 0.1, "row_lr": 1e-2, "row_weight_decay": 0.1, "max_steps": 518_071}
    | {"copies": 1000},
    # Two networks of 4 layers, 2 x 2 cycles, halting by q_continue too (arXiv 2506.21734; batch and rate of its code).
    "paper-hrm-sudoku": _PAPER
    | {"H_layers": 4, "L_layers": 4, "H_cycles": 2, "L_cycles": 2, "puzzle_emb_len": 1, "no_ACT_continue": False}
    | {"lr": 7e-5, "row_lr": 7e-5, "ema": 0.0, "batch_size": 384, "max_steps": 20_000 * 1000 // 384},
    "cpu-small": {},
    # As `cpu-small` but for what makes an HRM; a step has 12 passes through a block where TRM's has 16.
    "cpu-small-hrm": {"H_layers": 2, "H_cycles": 2, "L_cycles": 2, "no_ACT_continue": False},
    "cpu-maze": {
        "mlp_t": False,
        "pos_encodings": "rope2d",
        "rope_theta": 100.0,
        "canvas": "crop",
        "batch_size": 64,
    },
}
PRESETS["cpu-arc"] = PRESETS["cpu-maze"] | {"batch_size": 32, "copies": 8, "max_side": 12, "row_lr": 1e-2}
# A few minutes on the demonstration pairs of one task (`arc/adapt.py`). In two minutes of a 9 x 9 task, 83 % of the
# examples came out right in batches of 32, 67 % in batches of 16 and 27 % in batches of 8.
PRESETS["adapt"] = PRESETS["cpu-arc"] | {"warmup_steps": 20, "ema": 0.98, "max_side": 30}
DEFAULT = "cpu-small"


def recipe(preset: str, overrides: Mapping[str, Any]) -> TrainOptions:
    """A preset's recipe with these fields in place of its own. Raises `InputError` that names the preset or field."""
    if preset not in PRESETS:
        raise InputError(f"unknown preset '{preset}'", nearest(preset, list(PRESETS)))
    return TrainOptions.from_dict({**PRESETS[preset], **overrides})
