"""Recursive inference with halting: `refine` runs attempts in slots and yields a `Step` for each answer it reads.

It knows attempts alone; which there are is said by `search`, and whose they are by `schedule`.

Slots are filled from a lazy source; a slot whose attempt halts goes to the next attempt at once, and when there is
none left the batch shrinks, so that no arithmetic is spent on puzzles that have finished. `halt="never"` takes exactly
`max_steps` steps with every puzzle, as the reference does.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trm_solve.config import SolveOptions
from trm_solve.device import to_device, to_host
from trm_solve.errors import ModelError
from trm_solve.fuse import Fuser, fused
from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Kind
from trm_solve.layers import Positions
from trm_solve.model import TRM
from trm_solve.puzzle import Grid, Puzzle, Scalar, View
from trm_solve.trace import Pin, Step

SETTLED = 2  # steps without a change after which an attempt has said what it has to say: measured to lose nothing
POSITIONS_PER_BATCH = {"cpu": 3072, "mps": 65536, "cuda": 262144}  # busy, and on a CPU still in its caches


State = tuple[Tensor, Tensor]  # y, z (P+L, d) of one attempt, as the model sees the question


@dataclass(eq=False)
class Attempt:
    """One try at a puzzle. Everything but the puzzle is a way to make the try different from the others."""

    puzzle: Puzzle
    index: int  # place of the puzzle in input order
    number: int = 1
    question: Grid | None = None  # the question with further cells filled in (pins)
    symmetry: View | None = None  # the model sees the question through this
    identifier: int = 0  # row of the puzzle embedding
    noise: float = 0.0  # standard deviation of the noise on z before every step (seeded by `noise_seed`)
    noise_seed: int = 0
    max_steps: int | None = None  # fewer steps than the options allow
    max_rounds: int | None = None  # or so many rounds, T a step; where nobody looks between them, up to a step's end
    wants_beliefs: bool = False  # others go on from what it holds likely: it ends once its answer stands still
    pins: tuple[Pin, ...] = ()  # what `question` has that the puzzle has not
    facts: Mapping[str, Any] = field(default_factory=dict)  # how it differs from a plain attempt, for the solution
    cancelled: bool = False  # set from outside: the slot is given up before the next step
    beliefs: NDArray[np.float32] | None = None  # where wanted, at the end: probability (rows, columns, symbols)
    hope: float | None = None  # where the model judges pins, at the end: probability that all of them are right
    state: State | None = None  # to start from; where pins are judged, at the end the last one
    seconds: float = 0.0  # of the time that its batches took, its share


@dataclass(eq=False)
class _Running:
    """An attempt in a slot."""

    attempt: Attempt
    view: Puzzle  # the question as the model sees it
    tokens: NDArray[np.uint8]  # of the view, over the whole canvas
    answer: Grid  # of the step before, in the original orientation
    cells: NDArray[np.intp] | None = None  # the part of the canvas that the model is given; None: all of it
    random: torch.Generator | None = None  # of the noise
    rounds: int = 0  # T make a step
    said: NDArray[np.uint8] | None = None  # tokens of the step before
    still: int = 0  # steps that left them as they were


@dataclass(eq=False)
class _Batch:
    """Attempts that run together: those on the same part of the canvas."""

    cells: Tensor | None
    positions: Positions
    running: list[_Running] = field(default_factory=list)
    e: Tensor = field(default_factory=lambda: torch.empty(0))
    y: Tensor = field(default_factory=lambda: torch.empty(0))
    z: Tensor = field(default_factory=lambda: torch.empty(0))

    def add(self, model: TRM, new: list[_Running]) -> None:
        begun = _begin(model, new, self.cells)
        kept = zip((self.e, self.y, self.z), begun, strict=True)
        self.e, self.y, self.z = (torch.cat(pair) for pair in kept) if self.running else begun
        self.running += new

    def keep(self, stays: NDArray[np.bool_]) -> None:
        if not stays.all():
            index = to_device(np.flatnonzero(stays), self.y.device)
            self.e, self.y, self.z = (state.index_select(0, index) for state in (self.e, self.y, self.z))
            self.running = list(itertools.compress(self.running, stays))


def default_slots(model: TRM) -> int:
    """How many puzzles run together on the model's device."""
    positions = POSITIONS_PER_BATCH.get(model.device.type, POSITIONS_PER_BATCH["cpu"])
    return max(1, positions // (model.config.prefix_len + model.config.seq_len))


@torch.inference_mode()
def refine(model: TRM, source: Iterable[Attempt | None], options: SolveOptions, watch: bool = True) -> Iterator[Step]:
    """Run attempts and yield their steps, the last of each with `halted` set, in the order in which they happen.

    `source` is drawn from only when a slot is free; None says that nothing is to be had before another step. Without
    `watch`, steps that halting need not look at (`q`, `never`) are not read off the model. Every attempt must be of
    the model's kind; raises `ModelError` otherwise.
    """
    kind = get_kind(model.config.kind)
    if kind.canvas != model.config.grid or kind.vocab_size != model.config.vocab_size:
        rows, columns = model.config.grid
        raise ModelError(
            f"the model reads {rows} x {columns} cells in {model.config.vocab_size} symbols, not {kind.name}"
        )
    slots = options.slots or default_slots(model)
    waiting = iter(source)
    batches: dict[bytes, _Batch] = {}
    # nobody who watches should see the steps stand still
    fuser = Fuser(model, "off" if watch and options.compile == "auto" else options.compile)
    while True:
        for batch in batches.values():
            batch.keep(np.array([not run.attempt.cancelled for run in batch.running]))
        free = slots - sum(len(batch.running) for batch in batches.values())
        for key, new in _by_cells(_draw(waiting, free, kind, model.config.canvas == "crop")).items():
            cells = new[0].cells
            if key not in batches:
                placed = None if cells is None else to_device(cells, model.device)
                batches[key] = _Batch(placed, model.positions(placed))
            batches[key].add(model, new)
        batches = {key: batch for key, batch in batches.items() if batch.running}
        if not batches:
            return
        for batch in batches.values():
            each = _rounds_between_looks(model, kind, batch, options)
            fuser.count(len(batch.e), batch.e.shape[1], each / model.config.rounds)
            batch.z = _stir(batch.running, batch.z, model.config.rounds)
            begun = time.perf_counter()
            batch.y, batch.z = _advance(model, batch, each)
            for run in batch.running:
                run.rounds += each
            batch.keep(~(yield from _read(model, kind, batch, options, watch, begun)))


def _rounds_between_looks(model: TRM, kind: Kind, batch: _Batch, options: SolveOptions) -> int:
    """Rounds of a step until the answer is looked at: one where the rules end an attempt and are quick to ask."""
    return 1 if _by_rules(kind, options) and kind.screens and batch.cells is None else model.config.rounds


def _by_rules(kind: Kind, options: SolveOptions) -> bool:
    return options.halt == "rules" and kind.has_rules


def _advance(model: TRM, batch: _Batch, rounds: int) -> tuple[Tensor, Tensor]:
    """So many rounds of a supervision step; y, z (B, P+L, d)."""
    e, y, z, running, count = batch.e, batch.y, batch.z, batch.running, len(batch.e)
    if fused(model) and count == 1:  # a batch of one is compiled anew, which takes longer than a second row
        (e, y, z), running = (state.repeat(2, 1, 1) for state in (e, y, z)), running * 2
    positions = batch.positions
    if model.config.links:
        positions = model.link(positions, _tokens(running, batch.cells, model.device), batch.cells)
    y, z = model.step(e, y, z, positions, (rounds, model.config.L_cycles))
    return y[:count], z[:count]


def _by_cells(new: list[_Running]) -> dict[bytes, list[_Running]]:
    """Attempts by the part of the canvas that they are on."""
    found: dict[bytes, list[_Running]] = {}
    for run in new:
        found.setdefault(b"" if run.cells is None else run.cells.tobytes(), []).append(run)
    return found


def _draw(waiting: Iterator[Attempt | None], count: int, kind: Kind, crop: bool) -> list[_Running]:
    """Up to `count` attempts, ready to run."""
    new: list[_Running] = []
    while len(new) < count:
        attempt = next(waiting, None)
        if attempt is None:
            break
        if attempt.puzzle.kind != kind.name:
            raise ModelError(f"{attempt.puzzle.source}: a {attempt.puzzle.kind} puzzle, the model is for {kind.name}")
        question = attempt.puzzle.question if attempt.question is None else attempt.question
        view = question if attempt.symmetry is None else attempt.symmetry.apply(question)
        shown = replace(attempt.puzzle, question=view)
        new.append(
            _Running(
                attempt, shown, kind.encode(shown), question, kind.crop(shown) if crop else None, _generator(attempt)
            )
        )
    return new


def _begin(model: TRM, new: list[_Running], cells: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """e, y, z of attempts on the same cells before their first step."""
    tokens = _tokens(new, cells, model.device)
    rows = model.puzzle_rows(to_device(np.array([run.attempt.identifier for run in new], np.int64), model.device))
    e = model.embed(tokens, rows, cells)
    y, z = (state.clone() for state in model.initial_state(e))
    for i, run in enumerate(new):
        if run.attempt.state is not None:
            y[i], z[i] = run.attempt.state
            run.attempt.state = None
    return e, y, z


def _tokens(running: list[_Running], cells: Tensor | None, device: torch.device) -> Tensor:
    """The questions (B, L) as the model sees them, on these cells of the canvas."""
    tokens = to_device(np.stack([run.tokens for run in running]), device).long()
    return tokens if cells is None else tokens[:, cells]


def _generator(attempt: Attempt) -> torch.Generator | None:
    return torch.Generator().manual_seed(attempt.noise_seed) if attempt.noise else None


def _stir(running: list[_Running], z: Tensor, T: int) -> Tensor:
    """Add each attempt's noise to its latent, before a step."""
    for i, run in enumerate(running):
        if run.random is not None and run.rounds % T == 0:
            z[i] += run.attempt.noise * torch.randn(z[i].shape, generator=run.random).to(z)
    return z


def _read(
    model: TRM,
    kind: Kind,
    batch: _Batch,
    options: SolveOptions,
    watch: bool,
    begun: float,
) -> Generator[Step, None, NDArray[np.bool_]]:
    """Yield the steps that somebody looks at; returns which attempts have halted (B,). The rounds began at `begun`.

    In the middle of a step an answer that the rules accept is all that matters, but for somebody who watches: in the
    first step of an attempt that begins with nothing most of it happens.
    """
    running, y, z, by_rules = batch.running, batch.y, batch.z, _by_rules(kind, options)
    T = model.config.rounds
    ended = np.array([run.rounds % T == 0 for run in running])
    halted = np.array([_spent(run.attempt, run.rounds, T, options) for run in running])
    q_halt, q_continue = model.read_halt(y)
    if options.halt == "never" or by_rules:
        looked_at = halted | watch | by_rules
    else:
        threshold = 0.0 if model.config.no_ACT_continue else q_continue
        halted |= to_host(q_halt > threshold)[0]
        looked_at = halted | watch
    rows = np.flatnonzero(looked_at)
    if len(rows):
        index = to_device(rows, y.device)
        probabilities = model.read_answer(y[index]).float().softmax(-1)
        best, at = probabilities.max(-1)
        confidence, tokens, halt_probability = to_host(best, at.to(torch.uint8), q_halt[index].sigmoid())
    share = (time.perf_counter() - begun) / len(running)
    for run in running:
        run.attempt.seconds += share
    if len(rows):
        if by_rules:
            halted[rows] |= [ended[i] and _settled(running[i], said) for i, said in zip(rows, tokens, strict=True)]
        worth = np.ones(len(rows), np.bool_)
        if by_rules and not watch and batch.cells is None:  # what may be an answer, or the last word
            worth = halted[rows] | kind.screen(np.stack([run.tokens for run in running])[rows], tokens)
        for k, i in enumerate(rows):
            if not worth[k]:
                continue
            step = _step(kind, running[i], tokens[k], confidence[k], float(halt_probability[k]), halted[i], T)
            if by_rules and step.solved and not step.halted:
                halted[i] = True
                step = replace(step, halted=True)
            begins = running[i].rounds < T and not running[i].attempt.pins
            if not (ended[i] or step.halted or (watch and begins)):
                continue
            running[i].answer = step.answer
            if step.halted and running[i].attempt.wants_beliefs and not step.solved:
                running[i].attempt.beliefs = _beliefs(kind, running[i], probabilities[k])
                if model.config.judges_pins:
                    _judge(running[i].attempt, q_continue[i], y[i], z[i])
            yield step
    return halted


def _spent(attempt: Attempt, rounds: int, T: int, options: SolveOptions) -> bool:
    """Whether an attempt has had all that it is given."""
    given = (attempt.max_steps or options.max_steps) * T
    return rounds >= min(given, attempt.max_rounds or given)


def _judge(attempt: Attempt, q_continue: Tensor, y: Tensor, z: Tensor) -> None:
    """Leave with an attempt how likely its pins are right, and where the model stood.

    States go to the host's memory: there may be many, and a GPU has room for those that run.
    """
    attempt.hope = float(q_continue.sigmoid())
    attempt.state = None if attempt.symmetry else (y.to("cpu", copy=True), z.to("cpu", copy=True))


def _settled(run: _Running, tokens: NDArray[np.uint8]) -> bool:
    """Whether an attempt that others go on from has given the same tokens for long enough."""
    if not run.attempt.wants_beliefs:
        return False
    run.still = run.still + 1 if run.said is not None and bool((run.said == tokens).all()) else 0
    run.said = tokens
    return run.still >= SETTLED


def _step(
    kind: Kind,
    run: _Running,
    tokens: NDArray[np.uint8],
    confidence: NDArray[np.float32],
    halt_probability: float,
    halted: bool,
    T: int,
) -> Step:
    """The step of one attempt, in the original orientation and with the original puzzle's rules."""
    attempt = run.attempt
    answer, sure, overruled = _decode(kind, run, tokens, confidence)
    check = kind.check(attempt.puzzle, answer)
    same_shape = answer.shape == run.answer.shape
    changed = answer != run.answer if same_shape else np.ones(answer.shape, np.bool_)
    return Step(
        puzzle=attempt.index,
        attempt=attempt.number,
        step=-(-run.rounds // T),
        answer=answer,
        confidence=sure,
        changed=changed,
        conflicts=check.conflicts,
        overruled=overruled,
        halt_probability=halt_probability,
        solved=check.solved,
        halted=bool(halted),
        of=attempt.puzzle,
        pins=attempt.pins,
        round=run.rounds % T,
    )


def _decode(
    kind: Kind, run: _Running, tokens: NDArray[np.uint8], confidence: NDArray[np.float32]
) -> tuple[Grid, NDArray[np.float32], int]:
    """An answer in the original orientation, how sure the model is of its symbols, and how many givens it overruled."""
    if run.cells is not None:
        tokens, confidence = spread(kind, run.cells, tokens), spread(kind, run.cells, confidence)
    reading = kind.decode(run.view, tokens, confidence)
    if run.attempt.symmetry is None:
        return reading.answer, reading.confidence, reading.overruled
    back = run.attempt.symmetry.inverse(run.answer.shape)
    return back.apply(reading.answer), back.move(reading.confidence), reading.overruled


def _beliefs(kind: Kind, run: _Running, probabilities: Tensor) -> NDArray[np.float32]:
    """What the model holds of every symbol in every cell (rows, columns, symbols), from probabilities (L, vocab)."""
    likeliest, at = probabilities.sort(-1, descending=True)
    confidence, tokens = to_host(likeliest.T, at.T.to(torch.uint8))
    beliefs = np.zeros((*run.answer.shape, kind.vocab_size), np.float32)
    for some, sure in zip(tokens, confidence, strict=True):  # likeliest first
        answer, held, _ = _decode(kind, run, some, sure)
        rows, columns = np.indices(answer.shape)
        beliefs[rows, columns, answer] += held
    return beliefs


def spread(kind: Kind, cells: NDArray[np.intp], values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Values of a part of the canvas as values of the whole canvas, 0 elsewhere."""
    whole = np.zeros(kind.canvas[0] * kind.canvas[1], values.dtype)
    whole[cells] = values
    return whole
