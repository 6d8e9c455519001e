"""Files that keep how it went: traces and pictures."""

from __future__ import annotations

from pathlib import Path

from trm_solve import trace
from trm_solve.errors import InputError
from trm_solve.files import AtomicFile
from trm_solve.output.sink import OutputOptions, Record, finish
from trm_solve.render import Scene, pictures
from trm_solve.render.film import Film, film
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
    """A picture file: every moment of a few puzzles, where the format moves; else the last frame of the last one."""

    def __init__(self, path: Path, options: OutputOptions) -> None:
        pictures.require(path)
        self._file, self._options = AtomicFile(path), options
        self._moments: Film = []

    def step(self, scene: Scene) -> None:
        pass

    def record(self, record: Record) -> None:
        if isinstance(record.outcome, InputError):
            return
        moments = film(record.outcome, record.steps, self._options.max_steps)
        if self._options.many:  # of many puzzles, each one's end
            moments = moments[-1:]
        self._moments = [*self._moments, *moments] if pictures.moves(self._file.path) else moments[-1:]

    def close(self, completed: bool) -> None:
        if not completed or not self._moments:
            self._file.discard()
            return
        try:
            self._file.write(pictures.encode(self._moments, self._file.path))
            self._file.commit()
        finally:
            self._file.discard()
