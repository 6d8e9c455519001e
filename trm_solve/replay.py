"""Show a saved trace again. No torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from trm_solve import trace
from trm_solve.errors import ExitCode, InputError, reason_of
from trm_solve.kinds import get_kind
from trm_solve.output import MANY, OutputOptions, open_output
from trm_solve.puzzle import Puzzle
from trm_solve.trace import Solution, Step, Verdict


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
        with path.open(encoding="utf-8") as file:
            yield from trace.load(file, str(path))
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file") from None
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from None


def retell(puzzle: Puzzle, model: str, steps: Sequence[Step], where: str) -> Solution:
    """What came of a puzzle, judged anew by the rules. Raises `InputError` where its grids are not of its kind."""
    kind = get_kind(puzzle.kind)
    try:
        checks = [kind.check(puzzle, step.answer) for step in steps]
        reason = kind.unsolvable(puzzle)
        kind.check(puzzle, puzzle.question)
    except (ValueError, IndexError):
        raise InputError(f"{where}: not the grids of a {kind.name} puzzle") from None
    order = sorted(range(len(steps)), key=lambda n: (checks[n].solved, -checks[n].conflicts.sum(), n))
    ranked = [] if kind.has_rules else trace.rank({step.attempt: step for step in steps}.values())
    if ranked:
        order = [steps.index(ranked[0][1])]
    best = order[-1] if order else None
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
        steps=len(steps),
        attempts=len({step.attempt for step in steps}),
        halt_probability=steps[best].halt_probability if best is not None else 0.0,
        overruled=steps[best].overruled if best is not None else 0,
        seconds=0.0,
        model=model,
        reason=reason,
        candidates=tuple(candidate for candidate, _ in ranked),
        best_step=None if best is None else replace(steps[best], conflicts=checks[best].conflicts),
    )
