"""Pictures as files."""

from __future__ import annotations

from pathlib import Path

from trm_solve.errors import InputError
from trm_solve.files import AtomicFile
from trm_solve.output.sink import OutputOptions, Record
from trm_solve.render import pictures
from trm_solve.render.film import Film, film


class Picture:
    """A picture file: every moment of a few puzzles, where the format moves; else the last frame of the last one."""

    def __init__(self, path: Path, options: OutputOptions) -> None:
        pictures.require(path)
        self._file, self._options = AtomicFile(path), options
        self._moments: Film = []

    def record(self, record: Record) -> None:
        if isinstance(record.outcome, InputError):
            return
        moments = film(record.outcome, record.steps, self._options.max_steps)
        if self._options.many:  # of many puzzles, each one's end
            moments = moments[-1:]
        self._moments = [*self._moments, *moments] if pictures.moves(self._file.path) else moments[-1:]

    def close(self, completed: bool) -> None:
        try:
            if completed and self._moments:
                self._file.write(pictures.encode(self._moments, self._file.path))
                self._file.commit()
        finally:
            self._file.discard()
