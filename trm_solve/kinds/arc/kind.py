"""ARC: symbols and tokens.

Symbols are the colours 0-9. A puzzle is one test input of a task; the task's demonstration pairs come with it. Tokens
are the public checkpoints': 0 PAD, 1 EOS (just below and just right of a grid), colour c is c + 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trm_solve.config import LINKS
from trm_solve.errors import InputError
from trm_solve.kinds.arc.copies import Copy
from trm_solve.kinds.arc.knowledge import ArcTasks
from trm_solve.kinds.arc.text import fit, other_form, puzzles_of, read_tasks
from trm_solve.kinds.arc.tokens import CANVAS, COLOR, COLORS, largest_rectangle, needed_side, place, square
from trm_solve.kinds.base import Fit, Kind, Space
from trm_solve.kinds.dihedral import DIHEDRAL
from trm_solve.kinds.recipes import CANVAS_2D, PAPER
from trm_solve.puzzle import Check, Grid, Mask, Puzzle, Reading
from trm_solve.trace import Solution, Step

if TYPE_CHECKING:
    from rich.text import Text

SMALL = {**CANVAS_2D, "batch_size": 32, "copies": 8, "max_side": 12, "row_lr": 1e-2}
# A state for each colour: copies need not exchange colours, so a task has eight.
SYMBOLS = {
    "mlp_t": False,
    "pos_encodings": "relations",
    "symbol_axis": True,
    "symbol_heads": 2,
    "links": LINKS,
    "exchange_size": 4 * (17 + 2 + 1 + len(LINKS)),  # four numbers a cell for each relation, head, itself, and link
    "canvas": "crop",
    "hidden_size": 24 * COLORS,
    "expansion": 6.0,
    "puzzle_emb_len": 0,
    "H_cycles": 2,
    "L_cycles": 1,
    "loss_rounds": 2,
    "halt_max_steps": 4,
    "batch_size": 8,
    "lr": 6e-3,
    "adam_lr": 2e-3,
    "row_lr": 1e-2,
    "share_rows": True,
    "copies": 8,
    "max_side": 12,
}
SHORT = {"warmup_steps": 20, "ema": 0.99, "max_side": 30}  # a few minutes on the pairs of one task


class Arc(Kind):
    """Find the rule that turns inputs into outputs from a few pairs, and apply it to another input."""

    name = "arc"
    canvas = CANVAS
    vocab_size = COLORS + COLOR
    plural = "tasks"
    demo = "00576224"
    has_rules = False
    symbols = (COLOR, COLOR + COLORS - 1)
    tasks = ArcTasks()
    # The public ARC-AGI-1 run (100,000 epochs, an example of every task a batch at a time) is named after its last
    # step.
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper-arc": {
            **PAPER,
            "weight_decay": 0.1,
            "row_lr": 1e-2,
            "row_weight_decay": 0.1,
            "max_steps": 518_071,
            "copies": 1000,
        },
        "cpu-arc": SMALL,
        "cpu-arc-symbols": SYMBOLS,
        "adapt-fresh": {**SYMBOLS, **SHORT},
        # Half of the rates of fresh weights: a base that knows something is to keep it.
        "adapt-symbols": {**SYMBOLS, **SHORT, "lr": 3e-3, "adam_lr": 1e-3},
        # A few minutes on the demonstration pairs of one task. In two minutes of a 9 x 9 task, 83 % of the examples
        # came out right in batches of 32, 67 % in batches of 16 and 27 % in batches of 8.
        "adapt": {**SMALL, "warmup_steps": 20, "ema": 0.98, "max_side": 30},
    }

    @property
    def relations(self) -> Mapping[str, NDArray[np.bool_]]:
        """The next cell in each of eight directions, all cells that lie in that direction, and all cells."""
        rows, columns = np.divmod(np.arange(CANVAS[0] * CANVAS[1]), CANVAS[1])
        down, right = rows - rows[:, None], columns - columns[:, None]  # from the first cell to the second
        ways = {"up": (-down, right), "down": (down, right), "left": (-right, down), "right": (right, down)}
        near = {name: (along == 1) & (across == 0) for name, (along, across) in ways.items()}
        rays = {f"{name}wards": (along > 0) & (across == 0) for name, (along, across) in ways.items()}
        for one, other in product(("up", "down"), ("left", "right")):
            along, across = ways[one][0], ways[other][0]
            near[f"{one}_{other}"] = (along == 1) & (across == 1)
            rays[f"{one}_{other}wards"] = (along > 0) & (across == along)
        return {**near, **rays, "all": np.ones(down.shape, np.bool_)}

    def recognises(self, head: list[str]) -> bool:
        return fit(head).score > 0

    def fit(self, head: list[str]) -> Fit:
        return fit(head)

    def parse(self, lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
        for task in read_tasks(lines, source):
            if isinstance(task, InputError):
                yield task
            else:
                yield from puzzles_of(task, source)

    def named(self, name: str) -> Iterator[Puzzle | InputError] | None:
        from trm_solve.kinds.arc.named import named

        return named(name)

    def format(self, grid: Grid) -> str:
        return json.dumps(grid.tolist(), separators=(",", ":"))

    def encode(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        return place(puzzle.question, puzzle.offset).ravel()

    def encode_answer(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        assert puzzle.answer is not None
        return place(puzzle.answer, puzzle.offset).ravel()

    def decode(self, puzzle: Puzzle, tokens: NDArray[np.uint8], confidence: NDArray[np.float32]) -> Reading:
        row, column = puzzle.offset
        said, sure = tokens.reshape(CANVAS)[row:, column:], confidence.reshape(CANVAS)[row:, column:]
        rows, columns = largest_rectangle(said)
        return Reading(said[:rows, :columns].astype(np.uint8) - np.uint8(COLOR), sure[:rows, :columns].copy())

    def check(self, puzzle: Puzzle, answer: Grid) -> Check:
        """No rules can judge."""
        return Check(False, True, np.zeros(answer.shape, np.bool_))

    def symmetry(self, puzzle: Puzzle, rng: np.random.Generator) -> Copy:
        return Copy(int(rng.integers(len(DIHEDRAL))), (0, *(int(c) for c in 1 + rng.permutation(COLORS - 1))))

    def givens(self, puzzle: Puzzle) -> Mask:
        return np.zeros(puzzle.question.shape, np.bool_)

    def crop(self, puzzle: Puzzle) -> NDArray[np.intp] | None:
        """The square that the task needs, which is that of all its questions: see `needed_side`."""
        return square(needed_side(puzzle.examples, puzzle.questions or [puzzle.question]))

    def belongs_to(self, path: Path) -> Path | None:
        """Solutions are read with the challenges beside them, which answers to hand in belong to as well."""
        challenges = path.with_name(path.name.replace("solutions", "challenges"))
        if challenges.name != path.name and (challenges := other_form(challenges)).exists():
            return challenges
        if "submission" in path.name and path.name.removesuffix(".gz").endswith(".json"):
            return next(iter(sorted(path.parent.glob("*challenges*.json*"))), None)
        return None

    def draw(self, puzzle: Puzzle, step: Step | None, space: Space) -> tuple[list[Text], Text] | None:
        from trm_solve.kinds.arc import drawing

        return drawing.board(puzzle, step, space)

    def draw_task(self, puzzles: Sequence[Puzzle], space: Space) -> tuple[list[Text], Text] | None:
        from trm_solve.kinds.arc import drawing

        return drawing.task(puzzles, space)

    def draw_vote(self, solution: Solution, space: Space) -> tuple[list[Text], Text] | None:
        from trm_solve.kinds.arc import drawing

        return drawing.attempts(solution, space)


KIND = Arc
