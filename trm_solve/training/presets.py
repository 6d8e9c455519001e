"""Training recipes by name. A preset is data: the fields of `TrainOptions` that it sets, the rest are the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trm_solve.config import TrainOptions
from trm_solve.errors import InputError
from trm_solve.kinds import kinds
from trm_solve.strict import nearest

DEFAULT = "cpu-small"
PRESETS: dict[str, Mapping[str, Any]] = {
    DEFAULT: {},
    # As `cpu-small` but for what makes an HRM; a step has 12 passes through a block where TRM's has 16.
    "cpu-small-hrm": {"H_layers": 2, "H_cycles": 2, "L_cycles": 2, "no_ACT_continue": False},
}


def presets() -> dict[str, Mapping[str, Any]]:
    """Those for any kind, and each kind's own."""
    own = [kind.presets for kind in kinds().values()]
    return {name: fields for each in (PRESETS, *own) for name, fields in each.items()}


def recipe(preset: str, overrides: Mapping[str, Any]) -> TrainOptions:
    """A preset's recipe with these fields in place of its own. Raises `InputError` that names the preset or field."""
    known = presets()
    if preset not in known:
        raise InputError(f"unknown preset '{preset}'", nearest(preset, list(known)))
    return TrainOptions.from_dict({**known[preset], **overrides})
