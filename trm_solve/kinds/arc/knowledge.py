"""What ARC says of its tasks: see `Tasks`. numpy only; data sets are imported when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import FileError
from trm_solve.kinds.arc.copies import SEPARATOR, Copy, identifier, split_identifier
from trm_solve.kinds.arc.known import fingerprint, recognise
from trm_solve.kinds.arc.submission import entry, to_text
from trm_solve.kinds.arc.text import Task, fit, open_tasks
from trm_solve.kinds.arc.tokens import COLORS, needed_side, square
from trm_solve.kinds.base import Examples, Report, Tasks, Tied
from trm_solve.puzzle import Grid, Mask, Pair, Puzzle, Tokens, View
from trm_solve.reading.container import lines_of, open_file

HOLDS = 0.3  # how well a file must fit to be read as tasks; an object without their keys is told what it lacks


class ArcTasks(Tasks):
    """Copies are turns and exchanged colours; rows are named as in the public data sets."""

    preset = "adapt"
    symbols_preset = "adapt-symbols"
    fresh_preset = "adapt-fresh"

    def identifier(self, task: str, copy: View | None) -> str:
        assert copy is None or isinstance(copy, Copy)
        return identifier(task, copy)

    def split(self, identifier: str) -> tuple[str, View]:
        return split_identifier(identifier)

    def task_of(self, identifier: str) -> str:
        return identifier.rsplit(SEPARATOR, 2)[0]

    def draw_copies(
        self, pairs: Sequence[Pair], count: int, random: np.random.RandomState, *, exchange: bool = True
    ) -> list[View]:
        from trm_solve.kinds.arc.dataset import draw_copies

        # a vote that is cut short has heard of every turn before it hears of one twice
        rounds: dict[int, list[View]] = {}
        for copy in draw_copies(Task("", tuple(pairs), ()), count, random, exchange=exchange):
            rounds.setdefault(copy.transform, []).append(copy)
        return [copy for row in zip_longest(*rounds.values()) for copy in row if copy is not None]

    def fingerprint(self, pairs: Iterable[Pair]) -> str:
        return fingerprint(pairs)

    def recognise(self, name: str, pairs: Sequence[Pair], known: Collection[str]) -> str | None:
        return recognise(name, pairs, known)

    def holds(self, path: Path) -> bool:
        try:
            with open_file(path) as file:
                return fit([next(lines_of(file, str(path)), "")[:4096]]).score > HOLDS
        except FileError:
            return False  # whoever reads it says why

    def open(self, path: Path) -> list[tuple[str, Sequence[Pair]]]:
        return [(task.name, task.train) for task in open_tasks([path])[0]]

    def read_examples(
        self, paths: Sequence[Path], copies: int, largest: int, report: Report, *, exchange: bool = True
    ) -> tuple[list[Examples], list[str]]:
        from trm_solve.kinds.arc.examples import read_files

        return read_files(paths, copies, largest, report, exchange=exchange)

    def examples(self, pairs: Sequence[Pair], copies: Sequence[View | None]) -> Examples:
        from trm_solve.kinds.arc.examples import examples_of

        return examples_of(pairs, [copy for copy in copies if copy is None or isinstance(copy, Copy)])

    def cells(self, pairs: Sequence[Pair], questions: Sequence[Grid]) -> NDArray[np.intp] | None:
        return square(needed_side(pairs, questions))

    def tied(self, pairs: Sequence[Pair]) -> Tied:
        """Colours that some pairs show are taken to play one part, as is any new one; 0 is the background."""
        each = [set(np.unique(np.concatenate([grid.ravel() for grid in pair])).tolist()) for pair in pairs]
        shown, always = set().union(*each), set.intersection(*each)
        varied = shown - always - {0}
        like = varied or shown - {0} or shown
        return Tied(tuple(sorted(varied)), tuple(sorted(set(range(COLORS)) - shown)), tuple(sorted(like)))

    def side(self, pair: Pair, puzzle: Puzzle) -> int:
        from trm_solve.kinds.arc.examples import side_of

        return side_of(pair, puzzle.examples, puzzle.questions)

    def held_out(self, questions: Tokens, ids: NDArray[np.int64], names: Sequence[str]) -> Mask:
        from trm_solve.kinds.arc.examples import held_out_rows

        return held_out_rows(questions, ids, names)

    def submission(self, answers: Mapping[str, Sequence[Sequence[str]]], inputs: Mapping[str, int]) -> str:
        content = {
            task: [entry([json.loads(text) for text in of_input]) for of_input in inputs_of]
            for task, inputs_of in answers.items()
        }
        return to_text(content, inputs)

    def rebuild(self, folder: Path, copies: int, rows: int, seed: int) -> list[str]:
        from trm_solve.kinds.arc.dataset import rebuild

        return rebuild(folder, copies, rows, seed)
