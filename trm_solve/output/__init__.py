"""The one sink. stdout is data, stderr is talk. The view and what draws are imported for a terminal or a picture only.

`Output` takes events in whatever order a batch makes them and hands them to its sinks in input order, so that line k of
the output answers puzzle k. The sinks: `Plain` and `Talk` (text.py), `JsonLines` (json_lines.py), `Live` (live.py),
`Trace` (traces.py), `Picture` (picture.py).
"""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import IO, TYPE_CHECKING

from trm_solve.errors import ExitCode, InputError, ReaderGone, TrmError
from trm_solve.files import AtomicFile, swallow_stdout
from trm_solve.output.json_lines import JsonLines, fields_of
from trm_solve.output.sink import MANY, OutputOptions, Record, Sink
from trm_solve.output.text import Plain, Talk, say_error
from trm_solve.output.traces import Trace
from trm_solve.puzzle import Puzzle
from trm_solve.talk import say
from trm_solve.trace import Solution, Step

if TYPE_CHECKING:
    from trm_solve.output.live import Live

__all__ = ["MANY", "Output", "OutputOptions", "fields_of", "open_output", "say_error"]


class Output:
    """Events in, sinks fed in input order. A context manager: what is written atomically appears at a clean end only.

    Puzzles and unreadable lines are numbered from 0 without gaps; each gets `begin` ... `solution`, or `bad`.
    """

    def __init__(self, sinks: list[Sink], options: OutputOptions, view: Live | None = None) -> None:
        """`view` hears of every step too, and last of all of what came of a puzzle."""
        self.exit_code = ExitCode.OK  # the highest that any puzzle so far calls for
        self._sinks, self._options, self._view = [*sinks, *([] if view is None else [view])], options, view
        self._next = 0  # the index whose turn it is
        self._shown = 0.0  # seconds spent on showing, which are not the model's
        self._open: dict[int, tuple[Puzzle, float, list[Step]]] = {}
        self._done: dict[int, Record] = {}

    @property
    def live(self) -> bool:
        return self._view is not None

    def begin(self, index: int, puzzle: Puzzle) -> None:
        self._open[index] = (puzzle, time.perf_counter() - self._shown, [])
        if index == self._next:
            self._show(index, 0)

    def preview(self, puzzle: Puzzle) -> None:
        """Show a puzzle before there is a model for it."""
        if self._view is not None:
            self._view.preview(puzzle)

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
        if not self._options.quiet:
            say(f"warning: {text}")

    def _show(self, index: int, number: int) -> None:
        """Show the puzzle whose turn it is, after this many of its steps."""
        if self._view is None:
            return
        from trm_solve.render.scene import Scene

        puzzle, since, steps = self._open[index]
        now = time.perf_counter()
        seconds = now - self._shown - since if self._options.timed else None
        scene = Scene(puzzle, steps[:number], None, self._options.max_steps, self._options.model, seconds)
        self._view.step(scene)
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
            raise ReaderGone(int(self.exit_code)) from None
        if failure is not None and error is None:
            raise failure


def open_output(options: OutputOptions) -> Output:
    """The sinks for these options and this stdout. Files are opened now; raises `InputError` where they cannot be."""
    files = [os.path.normpath(path) for path in (options.output, options.trace, options.save) if path is not None]
    for path in files:
        if files.count(path) > 1 and (os.path.isfile(path) or not os.path.exists(path)):  # noqa: PTH110, PTH113
            raise InputError(
                f"{path}: cannot hold two things", "each of -o, --trace and --save takes a file of its own"
            )
    console = None
    if sys.stdout.isatty() and not options.quiet and not (options.json and options.output is None):
        from trm_solve.terminal import live_console

        console = live_console()
    sinks: list[Sink] = []
    try:
        if options.output is not None or console is None:
            stream: IO[str] | AtomicFile = sys.stdout if options.output is None else AtomicFile(options.output)
            sinks.append(JsonLines(stream) if options.json else Plain(stream))
        if options.trace is not None:
            sinks.append(Trace(AtomicFile(options.trace), options))
        if options.save is not None:
            from trm_solve.output.picture import Picture

            sinks.append(Picture(options.save, options))
    except BaseException:  # of a signal, too
        for sink in sinks:
            sink.close(completed=False)
        raise
    if console is None:
        return Output([*sinks, Talk(options)], options)
    from trm_solve.output.keys import open_keys
    from trm_solve.output.live import Live

    view = Live(console, options, open_keys(leave=lambda: console.show_cursor(True)))
    return Output(sinks, options, view)
