"""Solve Sudoku, mazes and ARC with Tiny Recursive Models, and watch them reason.

import trm_solve

solution = trm_solve.solve("53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79")
for step in trm_solve.steps(puzzle, model="sudoku"): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trm_solve.api import load, read, solve, solve_many, steps
    from trm_solve.config import AdaptOptions, SolveOptions
    from trm_solve.errors import InputError, ModelError, TrmError
    from trm_solve.model import TRM
    from trm_solve.puzzle import Puzzle
    from trm_solve.trace import Solution, Step

__version__ = "0.1.0"
__all__ = [
    "TRM",
    "AdaptOptions",
    "InputError",
    "ModelError",
    "Puzzle",
    "Solution",
    "SolveOptions",
    "Step",
    "TrmError",
    "load",
    "read",
    "solve",
    "solve_many",
    "steps",
]

_HOMES = {
    "TRM": "model",
    "AdaptOptions": "config",
    "InputError": "errors",
    "ModelError": "errors",
    "Puzzle": "puzzle",
    "Solution": "trace",
    "SolveOptions": "config",
    "Step": "trace",
    "TrmError": "errors",
}


def __getattr__(name: str) -> object:
    """Names are imported when they are first used, so that the command line can answer --help at once."""
    if name not in __all__:
        raise AttributeError(f"module 'trm_solve' has no attribute '{name}'")
    from importlib import import_module

    value: object = getattr(import_module(f"trm_solve.{_HOMES.get(name, 'api')}"), name)
    globals()[name] = value
    return value
