"""Solve Sudoku, mazes and ARC with Tiny Recursive Models, and watch them reason.

Solve and look:

    solve(puzzle)           a Solution of one puzzle: a text, file, array, list, dict or Puzzle
    steps(puzzle)           its refinement, a Step at a time, as it happens
    solve_many(puzzles)     Solutions of many, in batches: a file, an array (N, 9, 9), a column, any iterable
    read(puzzles)           the Puzzles of any of these
    frame(solutions)        rows for a table: pandas.DataFrame takes them as they are

Measure and make:

    evaluate(paths)         how good a model is: an Evaluation
    train(data, out=...)    a model trained, or trained on: a Training
    adapt(task)             a model fitted to one ARC task
    generate(kind)          new Puzzles with answers

Models:

    load(name)              a TRM: packaged, from a folder, or of the Hugging Face hub
    save(model, folder)     a checkpoint folder of it
    push(model, repo)       the same on the hub
    models()                what there is

What comes and goes:

    Puzzle                  a question, where it came from, its answer where known
    Step                    one supervision step: answer, confidence, conflicts, halting probability
    Solution                what came of a puzzle
    Evaluation              the figures of evaluate
    Training                a run of train
    TRM                     the model, a torch.nn.Module
    SolveOptions            how a model is run; each field is a keyword of solve too
    AdaptOptions            how a model is fitted to a task
    InputError              a puzzle, file or option that cannot be used
    ModelError              a model that is missing, damaged or for something else
    TrmError                either of them

>>> import trm_solve
>>> solution = trm_solve.solve("53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79")
>>> solution
Solution(sudoku, solved, 1 step, <puzzle>:1)
>>> solution.answer[0].tolist()
[5, 3, 4, 6, 7, 8, 9, 1, 2]
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trm_solve.api import frame, load, read, solve, solve_many, steps
    from trm_solve.config import AdaptOptions, SolveOptions
    from trm_solve.errors import InputError, ModelError, TrmError
    from trm_solve.model import TRM
    from trm_solve.puzzle import Puzzle
    from trm_solve.results import Evaluation, Training
    from trm_solve.trace import Solution, Step
    from trm_solve.work import adapt, evaluate, generate, models, push, save, train

__version__ = "0.1.0"
__all__ = [
    "TRM",
    "AdaptOptions",
    "Evaluation",
    "InputError",
    "ModelError",
    "Puzzle",
    "Solution",
    "SolveOptions",
    "Step",
    "Training",
    "TrmError",
    "adapt",
    "evaluate",
    "frame",
    "generate",
    "load",
    "models",
    "push",
    "read",
    "save",
    "solve",
    "solve_many",
    "steps",
    "train",
]

_HOMES = {
    "TRM": "pretrained",  # with what reads and writes it
    "AdaptOptions": "config",
    "Evaluation": "results",
    "InputError": "errors",
    "ModelError": "errors",
    "Puzzle": "show",  # with what draws it
    "Solution": "show",
    "SolveOptions": "config",
    "Step": "show",
    "Training": "results",
    "TrmError": "errors",
    **dict.fromkeys(("frame", "load", "read", "solve", "solve_many", "steps"), "api"),
}
_HEAVY = {"TRM"}  # imports torch


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    """Names are imported when they are first used, so that the command line can answer --help at once.

    `help`, which looks at every name there is, must not wait for torch: it finds the heavy ones in the text above.
    """
    if name not in __all__ or (name in _HEAVY and sys._getframe(1).f_globals.get("__name__") == "inspect"):
        raise AttributeError(f"module 'trm_solve' has no attribute '{name}'")
    from importlib import import_module

    value: object = getattr(import_module(f"trm_solve.{_HOMES.get(name, 'work')}"), name)
    globals()[name] = value
    return value
