"""Traces: files that keep how it went."""

from __future__ import annotations

from trm_solve import trace
from trm_solve.files import AtomicFile
from trm_solve.output.sink import OutputOptions, Record, finish
from trm_solve.trace import Solution


class Trace:
    """A trace file: every step of every puzzle, in input order."""

    def __init__(self, file: AtomicFile, options: OutputOptions) -> None:
        self._file, self._model = file, options.model

    def record(self, record: Record) -> None:
        if isinstance(record.outcome, Solution):
            solution = record.outcome
            steps = record.steps or solution.trace
            for line in trace.dump(solution.puzzle, steps, solution.model or self._model, record.index):
                self._file.write(line + "\n")

    def close(self, completed: bool) -> None:
        finish(self._file, completed)
