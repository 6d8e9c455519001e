"""Show a saved trace again. No torch."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trm_solve import trace
from trm_solve.errors import ExitCode, InputError, reason_of
from trm_solve.files import open_plain
from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Kind
from trm_solve.output import MANY, OutputOptions, open_output
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.trace import Solution, Step, Verdict

LINE = 1 << 22  # bytes of a line: four arrays of the largest grid take a hundredth


def replay(path: Path, options: OutputOptions) -> ExitCode:
    """Show every puzzle of a trace. Raises `InputError` for a file that is not a trace, naming the line."""
    puzzles = read(path)
    first = list(itertools.islice(puzzles, MANY))
    options = replace(options, model=first[0][1], many=len(first) >= MANY, timed=False)
    with open_output(options) as output:
        for index, (puzzle, model, steps) in enumerate(itertools.chain(first, puzzles)):
            solution = retell(puzzle, model, steps, f"{path}: puzzle {index + 1}")
            output.begin(index, puzzle)
            for step in steps:
                output.step(replace(step, puzzle=index))
            output.solution(index, solution)
    return output.exit_code


def read(path: Path) -> Iterator[tuple[Puzzle, str, list[Step]]]:
    """Puzzles, model names and steps of a trace file."""
    try:
        with open_plain(path) as file:
            yield from trace.load(_lines(file), str(path))
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file") from None
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from None


def _lines(file: io.BufferedReader) -> Iterator[str]:
    """Lines of text, none of which is longer than the memory that it may take."""
    while line := file.readline(LINE + 1):
        yield line.decode("utf-8") if len(line) <= LINE else "{"  # no line of a trace: said with its number


def _tokens(kind: Kind, puzzle: Puzzle, grid: Grid) -> NDArray[np.uint8]:
    return kind.encode(replace(puzzle, question=grid))


def retell(puzzle: Puzzle, model: str, steps: Sequence[Step], where: str) -> Solution:
    """What came of a puzzle, judged anew by the rules. Raises `InputError` where its grids are not of its kind."""
    kind = get_kind(puzzle.kind)
    try:
        kind.check(puzzle, puzzle.question)
        for grid in (puzzle.question, *(each for pair in puzzle.examples for each in pair), *(s.answer for s in steps)):
            if grid.size and (grid.max() >= kind.vocab_size or _tokens(kind, puzzle, grid).max() >= kind.vocab_size):
                raise ValueError("a symbol that the kind does not have")
            if kind.has_rules and grid.shape != puzzle.question.shape:
                raise ValueError("a grid of another shape")
        checks = [kind.check(puzzle, step.answer) for step in steps]
        reason = kind.unsolvable(puzzle)
    except (ValueError, LookupError):
        raise InputError(f"{where}: not the grids of a {kind.name} puzzle") from None
    best = max(range(len(steps)), key=lambda n: (checks[n].solved, -checks[n].conflicts.sum(), n), default=None)
    ranked = [] if kind.has_rules else trace.rank({step.attempt: step for step in steps}.values())
    if ranked:
        best = steps.index(ranked[0][1])
    accepted = best is not None and (checks[best].solved or bool(ranked))
    attempted = steps[best].answer if best is not None else None
    verdict: Verdict = "unsolvable" if reason else "unsolved"
    if accepted:
        verdict = "solved" if kind.has_rules else "predicted"
    return Solution(
        puzzle=puzzle,
        answer=attempted if accepted else None,
        verdict=verdict,
        best_attempt=None if accepted else attempted,
        conflicts=None if accepted or best is None else checks[best].conflicts,
        steps=sum(not step.round or step.halted for step in steps),
        attempts=len({step.attempt for step in steps}),
        halt_probability=steps[best].halt_probability if best is not None else 0.0,
        overruled=steps[best].overruled if best is not None else 0,
        seconds=0.0,
        model=model,
        reason=reason,
        candidates=tuple(candidate for candidate, _ in ranked),
        best_step=None if best is None else replace(steps[best], conflicts=checks[best].conflicts),
    )
