"""The folder of `eval --report`: what has been measured so far, so that it can go on, and the finished report.

`puzzles.csv` (one process) or `puzzles.RANK-of-SIZE.csv` grow line by line while the evaluation runs, ordered by
(max_steps, index), and are all that is needed to go on; `report.json` and `report.html` appear at its end. No torch.
"""

from __future__ import annotations

import contextlib
import csv
import heapq
import io
import json
import math
import shlex
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, get_args

from trm_solve.errors import ExitCode, InputError, reason_of, shown
from trm_solve.evaluation.html import page
from trm_solve.evaluation.tally import Outcome
from trm_solve.files import open_plain, telling, write_atomically, written_atomically
from trm_solve.talk import harmless
from trm_solve.trace import Verdict
from trm_solve.untrusted import object_of, read_json

SETTINGS = "settings.json"
RECORD = 1 << 22  # bytes of a row
COLUMNS = (
    *("max_steps", "index", "source", "rating", "verdict", "exact", "valid", "cells", "steps", "attempts"),
    *("halt_probability", "verdicts", "placement", "task", "rank", "votes", "confidence", "took", "answers", "seconds"),
)
ERRORS = {  # verdicts on items that were not measured; `source` holds the message
    "unreadable": ExitCode.USAGE,  # no puzzle with an answer
    "unknown": ExitCode.MODEL,  # of a task that the model does not know
}


@dataclass(frozen=True)
class Row:
    """A line of the file of puzzles."""

    max_steps: int
    index: int
    news: Outcome | InputError
    seconds: float  # since the evaluation of this setting began, in all its sessions

    def cells(self) -> list[Any]:
        if isinstance(self.news, InputError):
            blank = [""] * (len(COLUMNS) - 6)
            verdict = next(name for name, code in ERRORS.items() if code == self.news.exit_code)
            return [self.max_steps, self.index, harmless(self.news.message), "", verdict, *blank, f"{self.seconds:.4f}"]
        o = self.news
        flags = ("" if o.exact is None else int(o.exact), "" if o.valid is None else int(o.valid))
        said = " ".join(f"{name}={int(holds)}" for name, holds in o.verdicts.items())
        rest = (repr(o.cells), o.steps, o.attempts, repr(o.halt_probability), said)
        vote = (
            harmless(o.task),
            o.rank or "",
            o.votes,
            "" if o.confidence is None else repr(o.confidence),
            f"{o.seconds:.4f}",
        )
        end = (" ".join(map(str, o.placement)), *vote, " ".join(o.answers), f"{self.seconds:.4f}")
        rating = "" if o.rating is None else repr(o.rating)
        return [self.max_steps, self.index, harmless(o.source), rating, o.verdict, *flags, *rest, *end]

    @classmethod
    def read(cls, cells: Sequence[str]) -> Row:
        """Raises ValueError on a line that was cut short, or that this program has not written."""
        steps, index, source, rating, verdict, exact, valid, right, spent, attempts, q, said, placement, *rest = cells
        task, rank, votes, confidence, took, answers, seconds = rest
        if verdict in ERRORS:
            error = InputError(_as_read(source))
            error.exit_code = ERRORS[verdict]
            return cls(_whole(steps), _whole(index), error, _finite(seconds))
        if verdict not in get_args(Verdict):
            raise ValueError("no verdict")
        outcome = Outcome(
            index=_whole(index),
            source=_as_read(source),
            rating=_finite(rating) if rating else None,
            verdict=verdict,
            exact=None if exact == "" else exact == "1",
            valid=None if valid == "" else valid == "1",
            verdicts={name: holds == "1" for name, holds in (each.split("=") for each in said.split())},
            placement=tuple(map(_whole, placement.split())),
            cells=_finite(right, 1),
            steps=_whole(spent),
            attempts=_whole(attempts),
            halt_probability=_finite(q, 1),
            task=_as_read(task),
            rank=_whole(rank) if rank else None,
            votes=_whole(votes),
            confidence=_finite(confidence, 1) if confidence else None,
            seconds=_finite(took),
            answers=tuple(answers.split()),
        )
        return cls(_whole(steps), _whole(index), outcome, _finite(seconds))


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError("no whole number")
    return int(text)


def _finite(text: str, most: float = math.inf) -> float:
    value = float(text)
    if not -1e15 < value < 1e15 or (most < math.inf and not 0 <= value <= most):
        raise ValueError("no number that could be")
    return value


def _as_read(text: str) -> str:
    """What `harmless` was given."""
    return text[1:] if text.startswith("'") and harmless(text[1:]) == text else text


def _records(file: io.BufferedReader) -> Iterator[bytes]:
    """Rows of a table as they stand in a file: one more line for each line break in quotes. One broken off is none."""
    record = b""
    while line := file.readline(RECORD):
        record += line
        if len(record) >= RECORD:
            return
        if line.endswith(b"\n") and record.count(b'"') % 2 == 0:
            yield record
            record = b""


def command() -> str:
    """The command line, where this program was started by one."""
    return shlex.join(["trm-solve", *sys.argv[1:]]) if Path(sys.argv[0]).stem in ("trm-solve", "__main__") else ""


class ReportFolder:
    """One process's side of a report folder. A context manager; `add` is safe against being killed at any moment."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], rank: int = 0, size: int = 1) -> None:
        """Make the folder, or go on with it. Raises `InputError` where it holds a report of other settings."""
        self.folder, self.rank, self.size = folder, rank, size
        settings = json.loads(json.dumps({**settings, "processes": size}))
        self.settings = settings
        self._steps = settings.get("max_steps", [])
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / SETTINGS
            kept = object_of(read_json(path)) if path.exists() else None
        except OSError as error:
            raise InputError(f"{folder}: cannot serve as a report folder ({reason_of(error)})") from None
        except ValueError as error:
            raise InputError(f"{path}: cannot serve as a report folder ({error})") from None
        if kept is None and rank == 0:
            write_atomically(path, (json.dumps(settings, indent=2) + "\n").encode())
        for name, value in settings.items():
            if kept is not None and kept.get(name) != value:
                hint = "the same settings go on with it; another folder begins anew"
                raise InputError(f"{folder}: begun with {name} {shown(kept.get(name))}, not {shown(value)}", hint)
        self._path = folder / ("puzzles.csv" if size == 1 else f"puzzles.{rank}-of-{size}.csv")
        self._file: IO[str] | None = None

    def rows(self, ends: Container[int] | None = None) -> Iterator[Row]:
        """What the sessions before this one have kept, up to a row that was cut short; the file is cut there too.

        Rows stand only up to the last one at a place of `ends` (None: at any), so that tasks begin anew from their
        first test input.
        """
        if not self._path.exists():
            return
        whole = size = 0
        held: list[Row] = []
        with open_plain(self._path) as file:
            for record in _records(file):
                try:
                    if size:  # past the header
                        cells = next(csv.reader(io.StringIO(record.decode("utf-8", "surrogateescape"), newline="")))
                        row = Row.read(cells)
                        if row.max_steps not in self._steps:
                            break
                        held.append(row)
                except (ValueError, StopIteration, csv.Error):
                    break
                size += len(record)
                if not held or ends is None or held[-1].index in ends:
                    yield from held
                    held, whole = [], size
        with self._path.open("r+b") as file:
            file.truncate(whole)

    def __enter__(self) -> ReportFolder:
        with telling(self._path):
            new = not self._path.exists() or not self._path.stat().st_size
            self._file = self._path.open("a", encoding="utf-8", errors="surrogateescape", newline="")
            self._table = csv.writer(self._file, lineterminator="\n")
            if new:
                self._table.writerow(COLUMNS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # of what could not be written before
                self._file.close()

    def add(self, row: Row) -> None:
        """Keep a row. Raises `InputError` where the disk says no."""
        assert self._file is not None
        with telling(self._path):
            self._table.writerow(row.cells())
            self._file.flush()

    def finish(self, report: Mapping[str, Any], pictures: Sequence[tuple[str, str]] = ()) -> None:
        """Write the finished report, with pictures as captions and SVG; by the first process, when all are done."""
        if self.size > 1:
            self._join()
        text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        write_atomically(self.folder / "report.json", text.encode("utf-8", "backslashreplace"))  # as JSON escapes them
        write_atomically(self.folder / "report.html", page(report, self.settings, command(), pictures).encode())

    def _join(self) -> None:
        """One `puzzles.csv` of all processes' files, in input order; the parts stay, to go on from."""
        with written_atomically(self.folder / "puzzles.csv") as file, contextlib.ExitStack() as stack:
            whole = csv.writer(file, lineterminator="\n")
            whole.writerow(COLUMNS)
            tables = []
            for rank in range(self.size):
                path = self.folder / f"puzzles.{rank}-of-{self.size}.csv"
                part = stack.enter_context(path.open(encoding="utf-8", errors="surrogateescape", newline=""))
                tables.append(csv.reader(part))
                next(tables[-1])
            for cells in heapq.merge(*tables, key=lambda cells: (int(cells[0]), int(cells[1]))):
                whole.writerow(cells)
