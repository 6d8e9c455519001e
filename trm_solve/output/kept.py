"""Files that keep how it went: traces and pictures."""

from __future__ import annotations

from pathlib import Path

from trm_solve import trace
from trm_solve.errors import InputError
from trm_solve.files import AtomicFile
from trm_solve.kinds import get_kind
from trm_solve.output.sink import OutputOptions, Record, finish
from trm_solve.render import Scene, pictures
from trm_solve.trace import Solution


class Trace:
    """A trace file: every step of every puzzle, in input order."""

    def __init__(self, file: AtomicFile, options: OutputOptions) -> None:
        self._file, self._model = file, options.model

    def step(self, scene: Scene) -> None:
        pass

    def record(self, record: Record) -> None:
        if isinstance(record.outcome, Solution):
            solution = record.outcome
            steps = record.steps or solution.trace
            for line in trace.dump(solution.puzzle, steps, solution.model or self._model, record.index):
                self._file.write(line + "\n")

    def close(self, completed: bool) -> None:
        finish(self._file, completed)


class Picture:
    """A picture file: the last frame, or every frame where the format moves."""

    def __init__(self, path: Path, options: OutputOptions) -> None:
        pictures.require(path)
        self._file, self._options = AtomicFile(path), options
        self._scenes: list[Scene] = []

    def step(self, scene: Scene) -> None:
        pass

    def record(self, record: Record) -> None:
        if isinstance(record.outcome, InputError):
            return
        solution, most = record.outcome, self._options.max_steps
        steps = record.steps or solution.trace
        last = Scene(solution.puzzle, steps, solution, most, solution.model)
        if not pictures.moves(self._file.path):
            self._scenes.clear()
        else:
            if last.shown is not None and not get_kind(solution.puzzle.kind).has_rules:  # of all votes, the winner's
                steps = tuple(step for step in steps if step.attempt == last.shown.attempt)
            early = range(len(steps) + 1)
            self._scenes += [Scene(solution.puzzle, steps[:n], None, most, solution.model) for n in early]
        self._scenes.append(last)

    def close(self, completed: bool) -> None:
        if not completed or not self._scenes:
            self._file.discard()
            return
        try:
            self._file.write(pictures.encode(self._scenes, self._file.path))
            self._file.commit()
        finally:
            self._file.discard()
