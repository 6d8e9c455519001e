"""The picture of one moment: the board, the facts beside it, a strip of all steps below. It never exceeds its window.

What does not fit goes in this order: the facts beside the board (a line below it takes their place), older steps of the
strip, the strip, the board.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.text import Text

from trm_solve.puzzles import get_kind
from trm_solve.render.boards import board
from trm_solve.render.scene import Scene, Space
from trm_solve.trace import Solution, Step

PANEL_WIDTH = 30  # the narrowest window for facts beside the board
GAP = 3  # columns between the board and the facts
LABEL = 9  # columns of the strip's row names
ROWS = 4  # of the strip
BARS = "▁▂▃▄▅▆▇█"


def frame(scene: Scene, space: Space = Space()) -> Text:  # noqa: B008 (frozen)
    """The whole picture, at most `space.width` columns by `space.height` rows."""
    step = scene.shown
    drawing = board(scene.puzzle, step, space)
    lines = list(drawing.lines)
    room = space.width - drawing.width - GAP
    if room >= PANEL_WIDTH:
        lines = beside(lines, panel(scene, step, drawing.legend, room), drawing.width + GAP)
    else:
        lines += status(scene, step, space.width)
    if len(lines) > space.height:
        lines = status(scene, step, space.width)
    below = strip(scene, space.width, space.height - len(lines) - 1)
    if below:
        lines += [Text(), *below]
    for line in lines:
        line.truncate(space.width)
        line.rstrip()
    picture = Text("\n").join(lines[: space.height])
    picture.no_wrap, picture.overflow = True, "crop"
    return picture


def beside(left: Sequence[Text], right: Sequence[Text], column: int) -> list[Text]:
    """Two blocks of lines side by side; the right one begins at this column."""
    lines = []
    for n in range(max(len(left), len(right))):
        line = Text.assemble(left[n]) if n < len(left) else Text()  # its style does not reach over
        line.pad_right(column - line.cell_len)
        lines.append(line.append_text(right[n]) if n < len(right) else line)
    return lines


def panel(scene: Scene, step: Step | None, legend: Text, width: int) -> list[Text]:
    """The facts, 13 lines."""
    rows = [(name, value) for name, value in facts(scene, step, width - 11) if value]
    lines = [Text(scene.puzzle.source, "bold"), Text()]
    lines += [Text.assemble((f"{name:<11}", "dim"), value) for name, value in rows]
    lines += [Text(), *outcome(scene, width)]
    lines += [Text()] * max(0, 12 - len(lines)) + [legend]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def facts(scene: Scene, step: Step | None, width: int) -> list[tuple[str, str]]:
    """Names and values of the panel's rows. `width` bounds the history of the halting probability."""
    seconds = scene.solution.seconds if scene.solution is not None else scene.seconds
    model = ("model", scene.model)
    if step is None:
        return [("givens", str(int(get_kind(scene.puzzle.kind).givens(scene.puzzle).sum()))), model]
    attempt = [each for each in scene.steps if each.attempt == step.attempt and each.step <= step.step]
    history = "".join(bar(each.halt_probability) for each in attempt[-(width - 6) :])
    return [
        ("step", progress(scene, step)),
        ("halting", f"{history} {percent(step.halt_probability)}"),
        ("changed", count(int(step.changed.sum()), "cell")),
        ("conflicts", count(int(step.conflicts.sum()), "cell")),
        ("overruled", count(step.overruled, "given")),
        ("time", f"{seconds:.2f} s" if seconds else ""),
        model,
    ]


def progress(scene: Scene, step: Step) -> str:
    text = f"{step.step} of {scene.max_steps}" if scene.max_steps else str(step.step)
    text += f", attempt {step.attempt}" if len({each.attempt for each in scene.steps}) > 1 else ""
    best = scene.solution is not None and scene.solution.answer is None
    return text + (" (the best)" if best and step is not scene.steps[-1] else "")


def outcome(scene: Scene, width: int) -> list[Text]:
    """The verdict, in two lines at most."""
    if scene.solution is None:
        return []
    style = {"solved": "bold green", "predicted": "bold"}.get(scene.solution.verdict, "bold red")
    lines = textwrap.wrap(verdict(scene.solution), width, max_lines=2, placeholder="…")
    return [Text(line, style) for line in lines]


def status(scene: Scene, step: Step | None, width: int) -> list[Text]:
    """The facts in one line, or the verdict, for windows too narrow for a panel."""
    if scene.solution is not None:
        return outcome(scene, width)
    if step is None:
        return [Text(scene.model, "dim")]
    clashes = int(step.conflicts.sum())
    return [Text(f"step {progress(scene, step)} · halt {percent(step.halt_probability)} · {clashes} clash", "dim")]


def strip(scene: Scene, width: int, height: int) -> list[Text]:
    """All steps of an attempt, a column each: cells changed, in conflict, halting probability. Older ones give way."""
    shown = scene.shown
    if shown is None:
        return []
    now = [each for each in scene.steps if each.attempt == shown.attempt]
    cell = max(len(str(shown.answer.size)), len(str(now[-1].step)), 2) + 1
    cell += LABEL + 16 * (cell + 1) <= width
    columns = max((width - LABEL) // cell, 1)
    others = other_attempts(scene.steps, shown.attempt) if height > ROWS else []
    room = (height - len(others) + 1) // (ROWS + 1)  # blocks of rows, with a blank line between them
    now = now[-room * columns :] if room > 0 else []
    blocks = [now[n : n + columns] for n in range(0, len(now), columns)]
    lines = others if blocks else []
    for n, block in enumerate(blocks):
        lines += [Text()] * (n > 0) + strip_block(block, cell, shown.step)
    return lines


def strip_block(steps: Sequence[Step], width: int, shown: int) -> list[Text]:
    """`ROWS` rows, a column of this width per step; the step on the board stands out."""
    rows = [
        ("step", [str(each.step) for each in steps]),
        ("changed", [str(int(each.changed.sum())) for each in steps]),
        ("clash", [str(int(each.conflicts.sum())) for each in steps]),
        ("halt %", [str(min(round(100 * each.halt_probability), 99)) for each in steps]),
    ]
    styles = ["bold" if each.step == shown else "" for each in steps]
    return [
        Text.assemble((f"{name:<{LABEL}}", "dim"), *zip((f"{value:>{width}}" for value in values), styles, strict=True))
        for name, values in rows
    ]


def other_attempts(steps: Sequence[Step], attempt: int) -> list[Text]:
    """One line on the other attempts, where there are any: how many, and with how many conflicts the best one ended."""
    ends = {each.attempt: int(each.conflicts.sum()) for each in steps if each.attempt != attempt}
    if not ends:
        return []
    return [Text(f"attempt {attempt}; {count(len(ends), 'other')}, best {count(min(ends.values()), 'clash')}", "dim")]


def verdict(solution: Solution) -> str:
    """What came of a puzzle, in words: 'solved in 7 steps', 'not solved in 16 steps, 5 cells clash'."""
    spent = count(solution.steps, "step") + (f" ({solution.attempts} attempts)" if solution.attempts > 1 else "")
    if solution.verdict == "solved":
        return f"solved in {spent}"
    if solution.verdict == "predicted":
        return f"predicted in {spent}, no rules to check it"
    if solution.verdict == "unsolvable":
        return f"no solution: {solution.reason}" if solution.reason else "no solution"
    clashes = 0 if solution.conflicts is None else int(solution.conflicts.sum())
    why = f"{count(clashes, 'cell')} clash{'es' if clashes == 1 else ''}" if clashes else solution.reason
    return f"not solved in {spent}" + (f", {why}" if why else "")


def summary(solution: Solution, width: int) -> Text:
    """One line: where the puzzle came from, what came of it, how long it took."""
    sign, style = {"solved": ("+", "green"), "predicted": ("?", "")}.get(solution.verdict, ("!", "red"))
    line = Text.assemble((sign, style), f" {solution.puzzle.source}  ", (verdict(solution), style))
    line.append(f"  {solution.seconds:.2f} s" if solution.seconds else "", "dim")
    line.truncate(width, overflow="ellipsis")
    return line


def bar(probability: float) -> str:
    return BARS[min(int(probability * len(BARS)), len(BARS) - 1)]


def percent(probability: float) -> str:
    """A probability for people: neither 0 nor 100, which no model means."""
    if probability < 0.01:
        return "<1 %"
    return f"{100 * probability:.0f} %" if probability < 0.99 else ">99 %"


def count(number: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("sh") else "s")
    return f"{number} {noun if number == 1 else plural}"
