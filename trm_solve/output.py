"""The one sink. stdout is data, stderr is talk.

`Output` takes events in whatever order a batch makes them and hands them to its sinks in input order, so that line k of
the output answers puzzle k. The sinks: `Plain` or `JsonLines` (answers), `Talk` (stderr), `Live` (a terminal), `Trace`
and `Picture` (files).
"""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

from rich.console import Console
from rich.text import Text

from trm_solve import trace
from trm_solve.errors import ExitCode, InputError, TrmError
from trm_solve.files import AtomicFile, swallow_stdout, write
from trm_solve.puzzles import get_kind
from trm_solve.puzzles.base import Grid, Puzzle
from trm_solve.render import Scene, Space, board, frame, pictures, summary, verdict
from trm_solve.render.arc import SHOWN
from trm_solve.terminal import Area, live_console
from trm_solve.trace import Solution, Step

MANY = 3  # puzzles from which on each gets a line and not a board
PLAIN_HEIGHT = 60  # lines of a last frame without colour, which may scroll: a maze then has no half blocks to fit in
FIELDS = (
    *("kind", "source", "question", "answer", "verdict", "best_attempt", "steps", "attempts", "halt_probability"),
    *("seconds", "model", "conflicts", "overruled", "reason"),
)


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What a person asked to see."""

    model: str = ""
    max_steps: int | None = None  # of one attempt; None where unknown
    json: bool = False  # JSON lines in place of answers
    quiet: bool = False  # answers and errors only
    many: bool = False  # one line a puzzle in the live view, not a board each; no best attempts on stderr
    pace: float = 0.0  # least seconds a step of the first attempt stays on show (replay: of all); a few puzzles only
    timed: bool = True  # False: nothing is computed meanwhile, the time of day says nothing
    output: Path | None = None  # answers go here, not to stdout
    trace: Path | None = None
    save: Path | None = None  # .svg, .html, .png, .gif


@dataclass(frozen=True, eq=False)
class Record:
    """What came of one line of input: its puzzle, steps and solution, or the error for which there is no puzzle."""

    index: int
    outcome: Solution | InputError
    steps: tuple[Step, ...] = ()


class Sink(Protocol):
    """A consumer of records in input order. `step` says how far the next record's puzzle has come."""

    def step(self, scene: Scene) -> None: ...

    def record(self, record: Record) -> None: ...

    def close(self, completed: bool) -> None:
        """No more will come. `completed` is False after an error or an interrupt: then no file may be left behind."""


class Output:
    """Events in, sinks fed in input order. A context manager: what is written atomically appears at a clean end only.

    Puzzles and unreadable lines are numbered from 0 without gaps; each gets `begin` ... `solution`, or `bad`.
    """

    def __init__(self, sinks: list[Sink], options: OutputOptions) -> None:
        self.exit_code = ExitCode.OK  # the highest that any puzzle so far calls for
        self.live = any(isinstance(sink, Live) for sink in sinks)
        self._sinks, self._options = sinks, options
        self._next = 0  # the index whose turn it is
        self._shown = 0.0  # seconds spent on showing, which are not the model's
        self._open: dict[int, tuple[Puzzle, float, list[Step]]] = {}
        self._done: dict[int, Record] = {}

    def begin(self, index: int, puzzle: Puzzle) -> None:
        self._open[index] = (puzzle, time.perf_counter() - self._shown, [])
        if index == self._next:
            self._show(index, 0)

    def step(self, step: Step) -> None:
        steps = self._open[step.puzzle][2]
        steps.append(step)
        if step.puzzle == self._next:
            self._show(step.puzzle, len(steps))

    def solution(self, index: int, solution: Solution) -> None:
        if solution.verdict in ("unsolved", "unsolvable"):
            self.exit_code = max(self.exit_code, ExitCode.UNSOLVED)
        steps = self._open[index][2] if index in self._open else ()
        self._finish(Record(index, solution, tuple(steps)))

    def bad(self, index: int, error: InputError) -> None:
        self.exit_code = max(self.exit_code, error.exit_code)
        self._finish(Record(index, error))

    def warn(self, text: str) -> None:
        """Say something while puzzles are solved."""
        if self._options.quiet:
            return
        for sink in self._sinks:
            if isinstance(sink, Live):
                sink.clear()
        print(f"warning: {text}", file=sys.stderr)

    def _show(self, index: int, number: int) -> None:
        """Show the puzzle whose turn it is, after this many of its steps."""
        puzzle, since, steps = self._open[index]
        now = time.perf_counter()
        seconds = now - self._shown - since if self._options.timed else None
        scene = Scene(puzzle, steps[:number], None, self._options.max_steps, self._options.model, seconds)
        for sink in self._sinks:
            sink.step(scene)
        self._shown += time.perf_counter() - now

    def _finish(self, record: Record) -> None:
        self._done[record.index] = record
        while self._next in self._done:
            for sink in self._sinks:
                sink.record(self._done[self._next])
            self._open.pop(self._next, None)
            del self._done[self._next]
            self._next += 1
            if self._next in self._open:  # it ran beside the ones before it: catch up
                for number in range(len(self._open[self._next][2]) + 1):
                    self._show(self._next, number)

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes every sink. A reader that went away (`| head`) ends the program quietly."""
        failure = None
        for sink in self._sinks:
            try:
                sink.close(completed=kind is None and failure is None)
            except (OSError, TrmError) as reason:
                failure = reason
        if isinstance(error, BrokenPipeError) or isinstance(failure, BrokenPipeError):
            swallow_stdout()
            raise SystemExit(int(self.exit_code)) from None
        if failure is not None and error is None:
            raise failure


def open_output(options: OutputOptions) -> Output:
    """The sinks for these options and this stdout. Files are opened now; raises `InputError` where they cannot be."""
    console = None if options.quiet or (options.json and options.output is None) else live_console()
    sinks: list[Sink] = []
    try:
        if options.output is not None or console is None:
            stream: IO[str] | AtomicFile = sys.stdout if options.output is None else AtomicFile(options.output)
            sinks.append(JsonLines(stream) if options.json else Plain(stream))
        if options.trace is not None:
            sinks.append(Trace(AtomicFile(options.trace), options))
        if options.save is not None:
            sinks.append(Picture(options.save, options))
    except TrmError:
        for sink in sinks:
            sink.close(completed=False)
        raise
    sinks.append(Live(console, options) if console is not None else Talk(options))
    return Output(sinks, options)


class Plain:
    """One answer a line, empty where there is none; answers of many lines have a blank line between them."""

    def __init__(self, stream: IO[str] | AtomicFile) -> None:
        self._stream = stream
        self._between: str | None = None

    def step(self, scene: Scene) -> None:
        pass

    def record(self, record: Record) -> None:
        text, separator = "", self._between or ""
        if isinstance(record.outcome, Solution):
            puzzle, answer = record.outcome.puzzle, record.outcome.answer
            kind = get_kind(puzzle.kind)
            text = "" if answer is None else kind.format(answer)
            separator = "\n" if "\n" in kind.format(puzzle.question) else ""
        write(self._stream, ("" if self._between is None else separator) + text + "\n")
        self._between = separator

    def close(self, completed: bool) -> None:
        finish(self._stream, completed)


class JsonLines:
    """One JSON object a puzzle; its field names are a contract. Unreadable input: nulls, and the error as `reason`."""

    def __init__(self, stream: IO[str] | AtomicFile) -> None:
        self._stream = stream

    def step(self, scene: Scene) -> None:
        pass

    def record(self, record: Record) -> None:
        write(self._stream, json.dumps(fields_of(record.outcome)) + "\n")

    def close(self, completed: bool) -> None:
        finish(self._stream, completed)


def fields_of(outcome: Solution | InputError) -> dict[str, Any]:
    """The JSON object of a puzzle. Grids are in the kind's own text form, or nested lists where that form is JSON."""
    fields: dict[str, Any] = {"schema": trace.SCHEMA} | dict.fromkeys(FIELDS)
    if isinstance(outcome, InputError):
        place = re.match(r"(.+?:\d+)(:\d+)?: ", outcome.message)
        return fields | {"source": place[1] if place else None, "reason": outcome.message, "hint": outcome.hint}
    kind = get_kind(outcome.puzzle.kind)

    def grid(value: Grid | None) -> Any:
        text = None if value is None else kind.format(value)
        return json.loads(text) if text is not None and text.startswith("[") else text

    if not kind.has_rules:
        fields["task"] = outcome.puzzle.task
        fields["candidates"] = [
            {"answer": grid(each.answer), "votes": each.votes, "halt_probability": round(each.halt_probability, 6)}
            for each in outcome.candidates[:SHOWN]
        ]
    return fields | {
        **outcome.facts,
        "kind": kind.name,
        "source": outcome.puzzle.source,
        "question": grid(outcome.puzzle.question),
        "answer": grid(outcome.answer),
        "verdict": outcome.verdict,
        "best_attempt": grid(outcome.best_attempt),
        "steps": outcome.steps,
        "attempts": outcome.attempts,
        "halt_probability": round(outcome.halt_probability, 6),
        "seconds": round(outcome.seconds, 4),
        "model": outcome.model,
        "conflicts": 0 if outcome.conflicts is None else int(outcome.conflicts.sum()),
        "overruled": outcome.overruled,
        "reason": outcome.reason,
    }


def finish(stream: IO[str] | AtomicFile, completed: bool) -> None:
    if isinstance(stream, AtomicFile):
        stream.commit() if completed else stream.discard()


class Talk:
    """stderr for everything but the live view: what could not be read, what was not solved and how near it came.

    Where no rules can judge an answer, how sure it is.
    """

    def __init__(self, options: OutputOptions) -> None:
        self._options = options

    def step(self, scene: Scene) -> None:
        pass

    def record(self, record: Record) -> None:
        if isinstance(record.outcome, InputError):
            say_error(record.outcome)
        elif record.outcome.verdict == "predicted" and not self._options.quiet:
            print(f"note: {record.outcome.puzzle.source}: {verdict(record.outcome)}", file=sys.stderr)
        elif record.outcome.answer is None and not self._options.quiet:
            solution = record.outcome
            print(f"warning: {solution.puzzle.source}: {verdict(solution)}", file=sys.stderr)
            if solution.best_attempt is not None and not self._options.many:
                scene = Scene(solution.puzzle, record.steps or solution.trace, solution)
                console = Console(stderr=True, highlight=False)
                space = Space(console.width, 100, console.color_system is not None and not console.no_color)
                lines = board(solution.puzzle, scene.shown, space).lines
                console.print(Text("\n").join(lines), no_wrap=True, crop=False)

    def close(self, completed: bool) -> None:
        pass


def say_error(error: TrmError) -> None:
    """One line that says what is wrong and at most one that says what helps."""
    print(f"error: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)


class Live:
    """The current puzzle, redrawn in place. A finished one leaves its last frame, or one line where there are many."""

    INTERVAL = 1 / 30  # seconds between frames when nobody asked for a pace

    def __init__(self, console: Console, options: OutputOptions) -> None:
        self._options = options
        self._pace = 0.0 if options.many else options.pace
        self._area = Area(console)
        self._console = console
        self._drawn = 0.0
        self._verdicts: list[str] = []
        self._gap = False  # a frame was left behind: a blank line before the next

    def step(self, scene: Scene) -> None:
        later = bool(scene.steps) and scene.steps[-1].attempt > 1
        # a search of hundreds of attempts must not wait for its spectator; attempts that vote run beside each other
        hurried = later and (self._options.timed or not get_kind(scene.puzzle.kind).has_rules)
        if self._pace and not hurried:
            self._wait()
        elif time.perf_counter() - self._drawn < self.INTERVAL and scene.steps:
            return
        self._draw(scene, self._console.height - 1)

    def _wait(self) -> None:
        """Until the frame on screen has been seen for as long as was asked."""
        time.sleep(max(0.0, self._drawn + self._pace - time.perf_counter()))

    def _draw(self, scene: Scene, height: int) -> None:
        if self._gap:
            self._console.line()
            self._gap = False
        self._area.draw(frame(scene, Space(self._console.width, height, self._colored())))
        self._drawn = time.perf_counter()

    def _colored(self) -> bool:
        return self._console.color_system is not None and not self._console.no_color

    def clear(self) -> None:
        """Make room for a line of talk; the next step draws the puzzle again below."""
        self._area.clear()

    def record(self, record: Record) -> None:
        if isinstance(record.outcome, InputError):
            self._area.clear()
            self._verdicts.append("unreadable")
            say_error(record.outcome)
            return
        solution = record.outcome
        self._verdicts.append(solution.verdict)
        if self._options.many:
            self._area.clear()
            self._console.print(summary(solution, self._console.width))
            return
        scene = Scene(
            solution.puzzle, record.steps or solution.trace, solution, self._options.max_steps, solution.model
        )
        self._wait()  # the last step is to be seen before the verdict takes its place
        height = self._console.height - 1
        self._draw(scene, height if self._colored() else max(height, PLAIN_HEIGHT))
        self._area.keep()
        self._gap = True

    def close(self, completed: bool) -> None:
        self._area.keep()
        if len(self._verdicts) > 1:
            counts = {name: self._verdicts.count(name) for name in dict.fromkeys(self._verdicts)}
            tally = ", ".join(f"{number} {name}" for name, number in counts.items())
            self._console.print("\n" * self._gap + f"{len(self._verdicts)} puzzles: {tally}")


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
