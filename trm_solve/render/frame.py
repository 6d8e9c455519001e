"""The picture of one moment: the board, the facts beside it, a strip of all steps below. It never exceeds its window.

A wide window has small boards of the steps before too. What does not fit goes in this order: these, the facts beside
the board (a line below it takes their place), older steps of the strip, the strip, the board.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from dataclasses import replace

from rich.style import Style
from rich.text import Text

from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Space
from trm_solve.render.boards import board
from trm_solve.render.scene import UNSURE, Scene, beside
from trm_solve.talk import printable
from trm_solve.trace import Pin, Solution, Step

PANEL_WIDTH = 30  # the narrowest window for facts beside the board
WIDE = 110  # the narrowest window for the steps before
MOST = 40  # columns of the facts in such a window
SMALL = Space(30, 12, alone=True)  # of a step before
ASIDE = 12  # the least room for what is said beside a board that leaves no line below it
GAP = 3  # columns between the board and the facts
LABEL = 9  # columns of the strip's row names
ROWS = 4  # of the strip
BARS = "▁▂▃▄▅▆▇█"


def frame(scene: Scene, space: Space = Space()) -> Text:  # noqa: B008 (frozen)
    """The whole picture, at most `space.width` columns by `space.height` rows."""
    step = scene.shown
    drawing = board(scene.puzzle, step, space, scene.solution or scene.tally)
    lines = list(drawing.lines)
    room = space.width - drawing.width - GAP
    facts_room = min(room, MOST) if space.width >= WIDE else room
    facing = panel(scene, step, drawing.legend, facts_room, space.height) if room >= PANEL_WIDTH else []
    before, column = earlier(scene, step, space), drawing.width + GAP
    if 0 < len(facing) <= space.height:
        lines = beside(lines, facing, column)
        column += facts_room + GAP
    elif len(lines) == space.height and room >= ASIDE:  # a low window: no line to spare below the board
        lines = beside(lines, aside(scene, step, room), column)
    else:
        lines += status(scene, step, space.width)
    if len(lines) > space.height:
        lines = status(scene, step, space.width)
    below = strip(scene, space.width, space.height - len(lines) - 1)
    right = row(before, space.width - column, space.height - len(below) - 1) if facing else []
    under = row(before, space.width, space.height - len(lines) - len(below) - 2)
    if len(right) >= len(under):
        for at, block in right:
            lines = beside(lines, block, column + at)
    if below:
        lines += [Text(), *below]
    if len(under) > len(right):
        blocks: list[Text] = []
        for at, block in under:
            blocks = beside(blocks, block, at)
        lines += [Text(), *blocks]
    for line in lines:
        line.truncate(space.width)
        strip_end(line)
    picture = Text("\n").join(lines[: space.height])
    picture.no_wrap, picture.overflow = True, "crop"
    return picture


def strip_end(line: Text) -> None:
    """Take away the blanks at the end that nobody sees."""
    filled = [span.end for span in line.spans if isinstance(span.style, Style) and span.style.bgcolor is not None]
    line.plain = line.plain[: max([len(line.plain.rstrip()), *filled])]


def earlier(scene: Scene, step: Step | None, space: Space) -> list[list[Text]]:
    """The steps of its attempt before this one as small boards, the latest first: what a wide window could hold."""
    if step is None or space.width < WIDE:
        return []
    small, found, room = replace(SMALL, color=space.color), list[list[Text]](), space.width
    for each in reversed([each for each in scene.steps if each.attempt == step.attempt and each.when < step.when]):
        found.append([Text(f"step {each.label}", "dim"), *board(scene.puzzle, each, small).lines])
        room -= max(line.cell_len for line in found[-1]) + GAP
        if room <= 0:
            break
    return found


def row(blocks: Sequence[list[Text]], width: int, height: int) -> list[tuple[int, list[Text]]]:
    """As many blocks as fit side by side, the first one on the right: columns and blocks, from the left."""
    taken: list[tuple[int, list[Text]]] = []
    for block in blocks:
        across = max(line.cell_len for line in block)
        if len(block) > height or sum(wide + GAP for wide, _ in taken) + across > width:
            break
        taken.insert(0, (across, block))
    starts = itertools.accumulate((wide + GAP for wide, _ in taken), initial=0)
    return [(start, block) for start, (_, block) in zip(starts, taken, strict=False)]


def panel(scene: Scene, step: Step | None, legend: Text, width: int, height: int) -> list[Text]:
    """The facts, 13 lines or a few more where pins are told too."""
    rows = [(name, value) for name, value in facts(scene, step, width - 11) if value]
    lines = [Text(printable(scene.puzzle.source), "bold"), Text()]
    lines += [Text.assemble((f"{name:<11}", "dim"), printable(value)) for name, value in rows]
    lines += stack(scene, step, max(2, height - ROWS - len(lines) - 7))
    lines += [Text(), *outcome(scene, width, 4)]
    lines += [Text()] * max(0, 12 - len(lines)) + [legend]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def facts(scene: Scene, step: Step | None, width: int) -> list[tuple[str, str]]:
    """Names and values of the panel's rows. `width` bounds the history of the halting probability."""
    seconds = scene.solution.seconds if scene.solution is not None else scene.seconds
    model = ("model", scene.model)
    kind = get_kind(scene.puzzle.kind)
    pairs = ("examples", count(len(scene.puzzle.examples), "pair") if scene.puzzle.examples else "")
    if step is None:
        return [("givens", str(int(kind.givens(scene.puzzle).sum())) if kind.has_rules else ""), pairs, model]
    attempt = [each for each in scene.steps if each.attempt == step.attempt and each.when <= step.when]
    history = "".join(bar(each.halt_probability) for each in attempt[-(width - 6) :])
    return [
        ("step", progress(scene, step, width)),
        ("halting", f"{history} {percent(step.halt_probability)}"),
        ("changed", count(int(step.changed.sum()), "cell")),
        *doubts(scene, step),
        pairs,
        ("time", f"{seconds:.2f} s" if seconds else ""),
        model,
    ]


def doubts(scene: Scene, step: Step) -> list[tuple[str, str]]:
    """What the rules find amiss; where there are none, how large the answer is and how much of it is unsure."""
    if get_kind(scene.puzzle.kind).has_rules:
        return [("conflicts", count(int(step.conflicts.sum()), "cell")), ("overruled", count(step.overruled, "given"))]
    rows, columns = step.answer.shape
    return [("unsure", count(unsure(step), "cell")), ("answer", f"{rows} x {columns}")]


def stack(scene: Scene, step: Step | None, most: int) -> list[Text]:
    """The pins that the attempt on the board stands on, the last ones at least, and those of the one before, undone."""
    if step is None:
        return []
    before = next((each.pins for each in scene.steps if each.attempt == step.attempt - 1), ())
    lines = [Text(f"pin {pinned(pin)}", "bold") for pin in step.pins]
    lines += [Text(f"pin {pinned(pin)}, undone", "dim strike") for pin in before if pin not in step.pins]
    hidden = len(lines) - most
    return lines if hidden <= 0 else [Text(f"{count(hidden + 1, 'pin')} before", "dim"), *lines[hidden + 1 :]]


def pinned(pin: Pin) -> str:
    """'r4c5 = 8 (67 %)'."""
    return f"r{pin.row + 1}c{pin.column + 1} = {pin.symbol} ({percent(pin.probability)})"


def unsure(step: Step) -> int:
    return int((step.confidence < UNSURE).sum())


def progress(scene: Scene, step: Step, width: int = 80) -> str:
    """'3 of 16', or '3, attempt 4 of 5': later attempts may be shorter. Where that is too wide, '4'."""
    several = len({each.attempt for each in scene.steps}) > 1
    text = f"{step.label} of {scene.max_steps}" if scene.max_steps and not step.pins else step.label
    if several:
        long, short = f"{text}, attempt {which(scene, step)}", f"{text}, attempt {step.attempt}"
        text = long if len(long) <= width else short
    best = scene.solution is not None and scene.solution.answer is None
    return text + (" (the best)" if best and scene.steps and step is not scene.steps[-1] else "")


def which(scene: Scene, step: Step) -> str:
    """'4', or '4 of 5' once it is known how many there were."""
    return f"{step.attempt} of {scene.solution.attempts}" if scene.solution is not None else str(step.attempt)


def outcome(scene: Scene, width: int, most: int = 3) -> list[Text]:
    """The verdict, in so many lines at most."""
    if scene.solution is None:
        return []
    style = {"solved": "bold green", "predicted": "bold"}.get(scene.solution.verdict, "bold red")
    lines = textwrap.wrap(
        printable(verdict(scene.solution)), width, max_lines=most, placeholder="…", break_on_hyphens=False
    )
    return [Text(line, style) for line in lines]


def status(scene: Scene, step: Step | None, width: int) -> list[Text]:
    """The facts in one line, or the verdict, for windows too narrow for a panel."""
    if scene.solution is not None:
        return outcome(scene, width)
    if step is None:
        return [Text(printable(scene.model), "dim")]
    amiss = f"{int(step.conflicts.sum())} clash"
    if not get_kind(scene.puzzle.kind).has_rules:
        amiss = "{} x {} · {} unsure".format(*step.answer.shape, unsure(step))
    said = f"pin {pinned(step.pins[-1])}" if step.pins else f"halt {percent(step.halt_probability)}"
    return [Text(f"step {progress(scene, step)} · {said} · {amiss}", "dim")]


def aside(scene: Scene, step: Step | None, width: int) -> list[Text]:
    """The status line, a part a line; or the verdict."""
    (line, *more) = status(scene, step, 10 * width)
    return [Text(part, line.style) for said in (line, *more) for part in textwrap.wrap(said.plain, width)]


def strip(scene: Scene, width: int, height: int) -> list[Text]:
    """All steps of an attempt, a column each: cells changed, amiss, halting probability. Older ones give way."""
    shown = scene.shown
    if shown is None:
        return []
    now = [each for each in scene.steps if each.attempt == shown.attempt]
    if not now:  # steps that nobody kept
        return []
    cell = max(2, *(max(len(str(each.answer.size)), len(each.label)) for each in now)) + 1
    cell += LABEL + 16 * (cell + 1) <= width
    columns = max((width - LABEL) // cell, 1)
    ruled = get_kind(scene.puzzle.kind).has_rules
    others = attempts(scene, shown, width, ruled) if height > ROWS else []
    room = (height - len(others) + 1) // (ROWS + 1)  # blocks of rows, with a blank line between them
    now = now[-room * columns :] if room > 0 else []
    blocks = [now[n : n + columns] for n in range(0, len(now), columns)]
    lines = others if blocks else []
    for n, block in enumerate(blocks):
        lines += [Text()] * (n > 0) + strip_block(block, cell, shown, ruled)
    return lines


def strip_block(steps: Sequence[Step], width: int, shown: Step, ruled: bool) -> list[Text]:
    """`ROWS` rows, a column of this width per step; the step on the board stands out."""
    amiss = [int(each.conflicts.sum()) if ruled else unsure(each) for each in steps]
    rows = [
        ("step", [each.label for each in steps]),
        ("changed", [str(int(each.changed.sum())) for each in steps]),
        ("clash" if ruled else "unsure", [str(number) for number in amiss]),
        ("halt %", [str(min(round(100 * each.halt_probability), 99)) for each in steps]),
    ]
    styles = ["bold" if each.when == shown.when else "" for each in steps]
    return [
        Text.assemble((f"{name:<{LABEL}}", "dim"), *zip((f"{value:>{width}}" for value in values), styles, strict=True))
        for name, values in rows
    ]


def attempts(scene: Scene, shown: Step, width: int, ruled: bool) -> list[Text]:
    """All attempts in one line, where there are several: how much each left amiss, '+' for a solved one."""
    ends = {each.attempt: each for each in scene.steps}
    if len(ends) < 2:
        return []
    line = Text.assemble((f"{'attempt':<{LABEL}}", "dim"), (f"{which(scene, shown)}  ", "bold"))
    amiss = {n: int(each.conflicts.sum()) if ruled else unsure(each) for n, each in sorted(ends.items())}
    most = max(max(amiss.values()), 1)
    for n in list(amiss)[-max(width - line.cell_len, 1) :]:
        sign = "+" if ends[n].solved else bar(amiss[n] / most)
        line.append(sign, "bold green" if ends[n].solved else "reverse" if n == shown.attempt else "dim")
    return [line]


def verdict(solution: Solution) -> str:
    """What came of a puzzle, in words: 'solved in 7 steps', 'in 5 rounds', 'not solved in 16 steps, 5 cells clash'.

    Where no rules can judge, how sure the answer is: 'predicted, 37 of 64 votes agree (58 %)'.
    """
    rounds = solution.best_step.round if solution.best_step is not None and solution.steps == 1 else 0
    spent = count(rounds, "round") if rounds and solution.attempts == 1 else count(solution.steps, "step")
    spent += f" ({efforts(solution)})" if solution.attempts > 1 else ""
    if solution.verdict == "solved":
        return f"solved in {spent}"
    if solution.verdict == "predicted":
        understood = solution.facts.get("leave_one_out")
        adapted = f"; adapted, leave-one-out {understood}" if understood else ""
        return f"predicted{agreement(solution, spent)}{adapted}{truth(solution)}"
    if solution.verdict == "unsolvable":
        return f"no solution: {solution.reason}" if solution.reason else "no solution"
    clashes = 0 if solution.conflicts is None else int(solution.conflicts.sum())
    why = f"{count(clashes, 'cell')} clash{'es' if clashes == 1 else ''}" if clashes else solution.reason
    why = "" if why.startswith("not solved") else why  # said already
    several = "; it has several solutions, any of them would do" if solution.facts.get("solutions") == "several" else ""
    return f"not solved in {spent}" + (f", {why}" if why else "") + several


def truth(solution: Solution) -> str:
    """What the file's own answer says of a predicted one, where it has one."""
    if solution.correct is None:
        return ""
    second = ", the second attempt is correct" if solution.place == 2 else ""
    return "; correct" if solution.correct else f"; wrong{second}"


def efforts(solution: Solution) -> str:
    """'300 attempts, 171 pins tried, 150 undone'."""
    pins = solution.facts.get("pins")
    tried = f", {count(pins, 'pin')} tried, {solution.facts['undone']} undone" if pins else ""
    return f"{solution.attempts} attempts{tried}"


def agreement(solution: Solution, spent: str) -> str:
    """How sure a predicted answer is. A single vote always agrees with itself: then the halting head's word counts."""
    if not solution.candidates:
        return f" in {spent}, no rules to check it"
    votes, of = solution.candidates[0].votes, solution.attempts
    if of == 1:
        return f" by a single vote, halting probability {percent(solution.halt_probability)}"
    return f", {votes} of {of} votes agree ({100 * votes / of:.0f} %)"


def summary(solution: Solution, width: int) -> Text:
    """One line: where the puzzle came from, what came of it, how long it took."""
    sign, style = {"solved": ("+", "green"), "predicted": ("?", "")}.get(solution.verdict, ("!", "red"))
    line = Text.assemble(
        (sign, style), f" {printable(solution.puzzle.source)}  ", (printable(verdict(solution)), style)
    )
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
