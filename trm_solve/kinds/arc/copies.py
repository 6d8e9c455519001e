"""The copies by which a task is multiplied, and the public names of their rows. Standard library and numpy only."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trm_solve.kinds.arc.tokens import COLORS
from trm_solve.kinds.dihedral import INVERSE, turn
from trm_solve.puzzle import Grid, Scalar

SEPARATOR = "|||"  # of an identifier: TASK|||tK|||PERMUTATION
COPY = re.compile(r"(.*)\|\|\|t([0-7])\|\|\|([0-9]{10})", re.DOTALL)


@dataclass(frozen=True)
class Copy:
    """A way to see a task: its colours exchanged (0 stays), then one of the eight turns and reflections."""

    transform: int = 0
    colours: tuple[int, ...] = tuple(range(COLORS))  # colour c is seen as colours[c]

    @property
    def name(self) -> str:
        """As in identifiers: `tK|||PERMUTATION`."""
        return f"t{self.transform}{SEPARATOR}{''.join(map(str, self.colours))}"

    def apply(self, grid: Grid) -> Grid:
        return turn(np.array(self.colours, np.uint8)[grid], self.transform)

    def move(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """Move values that stand in the cells (confidences, masks) as `apply` moves colours."""
        return turn(values, self.transform)

    def inverse(self, shape: tuple[int, int]) -> Copy:
        """The way back."""
        return Copy(INVERSE[self.transform], tuple(int(c) for c in np.argsort(self.colours)))


def identifier(task: str, copy: Copy | None) -> str:
    """The public name of a copy of a task; None: the task as it is."""
    return task if copy is None else f"{task}{SEPARATOR}{copy.name}"


def split_identifier(text: str) -> tuple[str, Copy]:
    """An identifier taken apart. Raises ValueError."""
    if SEPARATOR not in text:
        return text, Copy()
    found = COPY.fullmatch(text)
    if found is None or len(set(found[3])) < COLORS:
        raise ValueError(f"not a copy: {text}")
    return found[1], Copy(int(found[2]), tuple(map(int, found[3])))
