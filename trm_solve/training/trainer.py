"""A training run from beginning to end: progress, validation, saving, and ending well whatever happens."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from trm_solve import checkpoint
from trm_solve.config import RunOptions, TrainOptions
from trm_solve.device import choose_device, choose_dtype, widest
from trm_solve.errors import ExitCode, InputError, TrmError, first_line
from trm_solve.interrupt import Interrupt
from trm_solve.team import Team
from trm_solve.training import curves
from trm_solve.training.folder import RunFolder
from trm_solve.training.learner import Learner
from trm_solve.training.mixing import open_data
from trm_solve.training.setup import compiles, open_model
from trm_solve.training.validation import accuracy
from trm_solve.training.view import View

LOOK = 10  # steps of a GPU between looks at the clock, at most


class Diverged(TrmError):
    """The loss or a weight is no longer a number. The last good state is kept."""

    exit_code = ExitCode.UNEXPECTED


class Trainer:
    """A learner, its folder and its clock. `seconds` counts the training of all sessions of the run."""

    def __init__(self, options: RunOptions, recipe: TrainOptions, team: Team, view: View) -> None:
        self.options, self.recipe, self.team, self.view = options, recipe, team, view
        self.folder = RunFolder(Path(options.out))
        report = view.message if team.leads else (lambda _: None)
        mixtures, self.validation = open_data(
            options,
            augment=recipe.augment,
            canvas=recipe.canvas,
            copies=recipe.copies,
            max_side=recipe.max_side,
            exchange=not recipe.symbol_axis,
            report=report,
        )
        self.model = open_model(options, recipe, mixtures[0].data).to(team.device)
        self.model.forward_dtype = choose_dtype(options.dtype, team.device)
        self.compiled = compiles(options.compile, recipe.max_minutes, team.device)
        if self.compiled:  # an attribute of the instance: the names of parameters stay as they are
            torch._dynamo.config.recompile_limit = 64  # shapes of canvases, each with and without gradient
            compiled = torch.compile(self.model.latent_recursion, dynamic=False)
            self.model.latent_recursion = compiled  # type: ignore[method-assign]
        self.learner = Learner(self.model, mixtures, recipe, team)
        self.stages = recipe.depth_stages()
        self.seconds = 0.0
        self.best: dict[str, Any] = {}
        self.board = _tensorboard(self.folder.path) if options.tensorboard and team.leads else None

    # ---- where the run stands

    def progress(self) -> float:
        """The part of the run that is over; 0 for a run without an end."""
        parts = [0.0]
        if self.recipe.max_steps:
            parts.append(self.learner.step / self.recipe.max_steps)
        if self.recipe.max_minutes:
            parts.append(self.seconds / (60 * self.recipe.max_minutes))
        return max(parts)

    def cycles(self) -> tuple[int, int]:
        """T, n at this point of the depth schedule."""
        for until, T, n in self.stages:
            if self.progress() < until:
                return T, n
        return self.model.config.H_cycles, self.model.config.L_cycles

    def describe(self) -> str:
        """What is trained on what, in a line."""
        data, model = [mixture.data for mixture in self.learner.mixtures], self.model
        parameters = sum(p.numel() for p in model.parameters())
        dtype = str(model.forward_dtype).removeprefix("torch.")
        where = f"{self.team.device}{f' x {self.team.size}' if self.team.size > 1 else ''}, {dtype}"
        how = "compiled" if self.compiled else "eager"
        facts = f"{data[0].kind}: {sum(map(len, data)):,} puzzles, {parameters:,} parameters, {where}, {how}"
        return f"{facts}, batch {self.recipe.batch_size}; writing to {self.folder.path}"

    # ---- the loop

    def fit(self) -> str:
        """Train to the horizon or to an interrupt; returns which: `done` or `interrupted`. Raises `Diverged`."""
        learner, options = self.learner, self.options
        clock = time.monotonic() - self.seconds
        saved = validated = logged = self.seconds
        begun, began = learner.step, self.seconds  # this session's
        logged_step = learner.step
        with Interrupt() as interrupt:
            while self.progress() < 1:
                learner.train_step(self.progress(), self.cycles())
                if not self._looks() and learner.step > begun + 1:
                    continue
                self.seconds, stop = self._agree(time.monotonic() - clock, interrupt.raised)
                if learner.step % options.log_every == 0:
                    self._log(self.seconds - logged, learner.step - logged_step)
                    logged, logged_step = self.seconds, learner.step
                else:
                    rate = (learner.step - begun) * self.recipe.batch_size / max(self.seconds - began, 1e-9)
                    self.view.step(learner.step, rate, self.progress())
                better = False
                if self._validation_due(validated):  # before stopping, or a resumed run would lack it
                    better = self.validate()
                    validated = self.seconds
                # a state that did not know of this `best` would let a worse one take its place
                if stop or better or self.seconds - saved >= 60 * options.save_minutes:
                    self.save()
                    saved = self.seconds
                if stop:
                    return "interrupted"
            self.save()
            if self.validation and self.best.get("seen") != learner.step:
                self.validate()
                self.save()
        return "done"

    def _looks(self) -> bool:
        """Whether to look at the clock, interrupts and metrics after this step; each look makes a GPU wait."""
        often = (LOOK, self.options.log_every, self.options.valid_steps)
        return self.team.device.type == "cpu" or any(every and self.learner.step % every == 0 for every in often)

    def _validation_due(self, last: float) -> bool:
        if not self.validation:
            return False
        if self.options.valid_steps:
            return self.learner.step % self.options.valid_steps == 0
        return self.seconds - last >= 60 * self.options.valid_minutes

    def _agree(self, seconds: float, stop: bool) -> tuple[float, bool]:
        """The leader's clock, and whether any process was told to stop: the same on every process."""
        said = [seconds if self.team.leads else 0.0, float(stop)]
        clock, stops = self.team.sum(
            torch.tensor(said, dtype=widest(self.team.device), device=self.team.device)
        ).tolist()
        return clock, stops > 0

    def _log(self, seconds: float, steps: int) -> None:
        """One line of metrics over the steps since the last one."""
        sums = self.learner.take_window()
        if not math.isfinite(sums["loss"]):
            raise self._diverged()
        T, n = self.cycles()
        line: dict[str, Any] = {"step": self.learner.step, "seconds": round(self.seconds, 3)}
        line["progress"] = round(self.progress(), 6)
        line |= {name: sums[name] / sums["slots"] for name in ("loss", "lm_loss", "q_halt_loss")}
        done = sums["count"]  # slots that halted; the accuracies are theirs
        halting = {name: name for name in ("accuracy", "exact_accuracy", "q_halt_accuracy")} | {"mean_steps": "steps"}
        line |= {name: sums[source] / done if done else None for name, source in halting.items()}
        rate = steps * self.recipe.batch_size / seconds if seconds else 0.0
        line |= {"halted": int(done), "samples_per_second": round(rate, 2), "lr": self.learner.lr, "T": T, "n": n}
        self._write(line, self.view.metrics)

    def _write(self, line: dict[str, Any], show: Any) -> None:
        if not self.team.leads:
            return
        self.folder.write_metrics(line)
        show(line)
        if self.board:
            for name, value in line.items():
                if isinstance(value, int | float):
                    self.board.add_scalar(name, value, line["step"])

    def _diverged(self) -> Diverged:
        good = self.folder.last
        start = f"--init {good} goes on from the last good weights" if good.exists() else "nothing had been saved yet"
        return Diverged(f"step {self.learner.step}: the loss is not a number any more", f"{start}; try a smaller --lr")

    # ---- validation and saving

    def validate(self) -> bool:
        """Accuracy of the averaged weights; the best so far (mean exact accuracy, then cells) goes to `best`.

        Returns whether it is the best.
        """
        started = time.monotonic()
        if not self.learner.is_finite():
            raise self._diverged()
        step, size = self.learner.step, self.recipe.batch_size // self.team.size
        with self.learner.ema.applied():
            done, puzzles = 0, sum(len(data) for sets in self.validation.values() for data in sets)

            def notice(more: int) -> None:
                nonlocal done
                done += more
                self.view.validating(done, puzzles)

            self.view.validating(0, puzzles)
            found = {
                name: accuracy(self.model, data, size, self.team, notice) for name, data in self.validation.items()
            }
            exact, cells = (
                sum(each[name] for each in found.values()) / len(found) for name in ("exact_accuracy", "cell_accuracy")
            )
            better = (exact, cells) > (self.best.get("exact", -1.0), self.best.get("cells", -1.0))
            if better and self.team.leads:
                text = ", ".join(f"{Path(name).stem} {100 * f['exact_accuracy']:.1f} %" for name, f in found.items())
                checkpoint.save(self.model, self.folder.best, card=f"Step {step}. Validation, exact: {text}.")
        if better:
            self.best |= {"exact": exact, "cells": cells, "step": step}
        self.best["seen"] = step
        line = {"step": step, "seconds": round(self.seconds, 3), "valid": found, "valid_exact": exact, "best": better}
        self._write(line | {"took": round(time.monotonic() - started, 2)}, self.view.validation)
        return better

    def save(self) -> None:
        """The state to go on from, then `last` with the averaged weights. Raises `Diverged` rather than keep NaN."""
        if not self.learner.is_finite():
            raise self._diverged()
        state = self.learner.state_dict()
        if self.team.leads:
            self.folder.write_state({"seconds": self.seconds, "best": self.best, "learner": state})
            with self.learner.ema.applied():
                checkpoint.save(self.model, self.folder.last, card=f"Step {self.learner.step}.")

    def resume(self) -> None:
        """Go on from the folder's state, or from the beginning where none had been saved."""
        state = self.folder.read_state()
        if state is not None:
            try:
                self.learner.load_state_dict(state["learner"])
                self.seconds, self.best = float(state["seconds"]), dict(state["best"])
            except (LookupError, ValueError, RuntimeError, TypeError, AttributeError) as error:
                raise InputError(f"{self.folder.state}: not a state of this run ({first_line(error)})") from None
        if self.team.leads:
            self.folder.forget_after(self.learner.step)


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError("--tensorboard: tensorboard is not installed", "pip install tensorboard") from None
    return SummaryWriter(str(folder / "tensorboard"))


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    kept = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(kept)


def train(options: RunOptions, recipe: TrainOptions, *, resume: bool = False, view: View | None = None) -> str:
    """Run in the folder `options.out`. Returns `done` or `interrupted`.

    Raises `InputError` for data, options or a disk that cannot be used, `Diverged` where the loss is no number.
    """
    view = view or View()
    folder = RunFolder(Path(options.out))
    with (
        _threads(options.threads),
        Team(choose_device(options.device)) as team,
        team.one_voice(),
        team.led(lambda: folder.held(new=not resume)),
    ):
        return _train(options, recipe, team, view, resume)  # whose learner is gone before the team is


def _train(options: RunOptions, recipe: TrainOptions, team: Team, view: View, resume: bool) -> str:
    if not team.leads:
        view.quiet()
    last = RunFolder(Path(options.out)).last
    # what a run was fine-tuned from may be gone by now; its own may have been cut short, before what is written last
    own = resume and options.init and (last / checkpoint.CONFIG).exists()
    start = options, recipe
    if own:  # and has the layers that were added
        start = dataclasses.replace(options, init=str(last)), dataclasses.replace(recipe, add_layers=0)
    run = Trainer(*start, team, view)
    if resume:
        run.resume()
    if team.leads:
        run.folder.write_options(options, recipe)
    view.start(run.describe(), endless=not (recipe.max_steps or recipe.max_minutes))
    try:
        ended = run.fit()
    finally:
        view.stop()
    if team.leads:
        lines = list(run.folder.read_metrics())
        view.finish(ended, lines, run.folder.path, curves.draw(lines, run.folder.path))
    return ended
