"""Parts of training recipes that kinds build their own presets from: fields of `TrainOptions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PAPER: Mapping[str, Any] = {
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
EPOCHS = 50_000 * 1000 // 768  # steps of the public runs: 50,000 epochs of 1,000 puzzles in batches of 768

# Attention that knows rows and columns, on the part of the canvas that a puzzle needs.
CANVAS_2D: Mapping[str, Any] = {"mlp_t": False, "pos_encodings": "rope2d", "rope_theta": 100.0, "canvas": "crop"}
