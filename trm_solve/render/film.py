"""What happened to a puzzle as a film: which moments are shown, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from trm_solve.kinds import get_kind
from trm_solve.render.scene import Scene
from trm_solve.trace import Solution, Step, rank

STEP_MS, SHORT_MS, LAST_MS = 500, 160, 3000  # of a step, of a round or an attempt in passing (or a fit), of the verdict
PASSING = 24  # attempts in passing at most: of hundreds, some

T = TypeVar("T")
Film = list[tuple[Scene, int]]  # scenes and their milliseconds


def film(solution: Solution, steps: Sequence[Step] = (), max_steps: int | None = None) -> Film:
    """The question, the first attempt step by step, the ends of others, the one that counts step by step, the verdict.

    Where the model was fitted to the task first, it begins with that. Where answers are voted on: the question, the
    winner's steps, the votes as they come in. `steps` defaults to the solution's own; without any there is the verdict.
    """
    steps = tuple(steps or solution.trace)
    last = Scene(solution.puzzle, steps, solution, max_steps, solution.model)
    shown = last.shown
    if shown is None or not steps:
        return [(last, LAST_MS)]
    early = replace(last, solution=None)
    fits: Film = [(replace(early, steps=(), fit=fit), SHORT_MS) for fit in solution.fits]
    ends = [n for n, step in enumerate(steps, 1) if step.halted]
    made: Film = [*fits, (replace(early, steps=()), STEP_MS)]
    if not get_kind(solution.puzzle.kind).has_rules:
        made += _alone(early, shown.attempt)
        if len(ends) > 1:
            made += [(replace(early, steps=steps[:n], tally=votes(early, n)), SHORT_MS) for n in thin(ends)]
    else:
        first = steps[0].attempt
        made += _alone(early, first)
        passing = [n for n in ends if steps[n - 1].attempt not in (first, shown.attempt)]
        made += [(replace(early, steps=steps[:n], follow=steps[n - 1].attempt), SHORT_MS) for n in thin(passing)]
        if shown.attempt != first:
            made += _alone(early, shown.attempt)
    return [*made, (last, LAST_MS)]


def _alone(scene: Scene, attempt: int) -> Film:
    """The steps of one attempt, with all that happened before each."""
    return [
        (replace(scene, steps=scene.steps[:n], follow=attempt), SHORT_MS if step.round and not step.halted else STEP_MS)
        for n, step in enumerate(scene.steps, 1)
        if step.attempt == attempt
    ]


def thin(values: Sequence[T], most: int = PASSING) -> list[T]:
    """At most so many of them, evenly."""
    if len(values) <= most:
        return list(values)
    return [values[n] for n in np.linspace(0, len(values) - 1, most).astype(int)]


def votes(scene: Scene, upto: int) -> Solution:
    """How the vote stands after so many steps: candidates and attempts, and nothing that is known later only."""
    cast = [step for step in scene.steps[:upto] if step.halted]
    ranked = rank(cast)
    return Solution(
        puzzle=scene.puzzle,
        answer=None,
        verdict="unsolved",
        best_attempt=None,
        conflicts=None,
        steps=upto,
        attempts=len(cast),
        halt_probability=0.0,
        overruled=0,
        seconds=0.0,
        model=scene.model,
        candidates=tuple(candidate for candidate, _ in ranked),
    )
