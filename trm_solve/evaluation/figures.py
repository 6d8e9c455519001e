"""Figures as SVG: bars, a curve with its band, a reliability diagram; axes have ticks and units. No library."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP = 460, 260, 62, 12, 46, 10  # pixels of a figure and its margins
STYLE = """
svg.figure text { font: 11px system-ui, sans-serif; fill: currentColor } .bar { fill: #4477aa } .point { fill: #aa3377 }
.axis { stroke: currentColor; fill: none } .guide { stroke: #999; stroke-dasharray: 4 3; fill: none }
.grid { stroke: #8884; fill: none } .band { fill: #4477aa; opacity: .25 }
.curve { stroke: #4477aa; fill: none; stroke-width: 2 } .error { stroke: currentColor; fill: none; opacity: .7 }
"""
Interval = Sequence[float] | None
Bar = tuple[str, float | None, Interval]
Scale = Callable[[float], float]


def ticks(top: float, most: int = 5) -> list[float]:
    """Round values from 0 up to `top` at least, so many steps between them at most."""
    rough = max(top, 1e-9) / most
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * each for each in (1, 2, 2.5, 5, 10) if unit * each >= rough * (1 - 1e-9))
    return [step * n for n in range(max(math.ceil(top / step - 1e-9), 1) + 1)]


def bars(values: Sequence[Bar], x: str, y: str, *, share: bool = False) -> str:
    """A bar for each label, with its interval where there is one; a `share` is a fraction, drawn in percent."""
    if not any(value for _, value, _ in values):
        return nothing()
    marks = ticks(1.0 if share else max(value or 0.0 for _, value, _ in values))
    if not share:  # puzzles are whole
        marks = sorted({math.ceil(mark) for mark in marks})
    across, up = (WIDTH - LEFT - RIGHT) / len(values), _up(marks[-1])
    drawn = []
    for n, (label, value, interval) in enumerate(values):
        left, high = LEFT + n * across + across * 0.08, up(value or 0.0)
        said = f"{100 * (value or 0):.1f} %" if share else f"{value or 0:g}"
        drawn.append(
            f"<rect class=bar x={left:.1f} y={high:.1f} width={across * 0.84:.1f} height={up(0) - high:.1f}>"
            f"<title>{html.escape(label)}: {said}</title></rect>"
        )
        if interval is not None:
            middle = left + across * 0.42
            drawn.append(f'<path class=error d="M{middle:.1f} {up(interval[0]):.1f}V{up(interval[1]):.1f}"/>')
        if n % (len(values) // 12 + 1) == 0:
            drawn.append(_label(left + across * 0.42, label))
    return _frame(drawn, marks, up, x, y, share)


def curve(points: Sequence[tuple[float, float | None, Interval]], x: str, y: str) -> str:
    """Shares against numbers, with the band of their intervals."""
    known = [(at, value, interval or (value, value)) for at, value, interval in points if value is not None]
    if not known:
        return nothing()
    places, up = ticks(max(at for at, _, _ in known), 8), _up(1.0)
    along = _along(places[-1])
    line = "L".join(f"{along(at):.1f} {up(value):.1f}" for at, value, _ in known)
    upper = [f"{along(at):.1f} {up(ends[1]):.1f}" for at, _, ends in known]
    lower = [f"{along(at):.1f} {up(ends[0]):.1f}" for at, _, ends in reversed(known)]
    drawn = [f'<path class=band d="M{"L".join([*upper, *lower])}Z"/>', f'<path class=curve d="M{line}"/>']
    for at, value, ends in known:
        said = f"{at:g}: {100 * value:.1f} % ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
        drawn.append(f"<circle class=bar cx={along(at):.1f} cy={up(value):.1f} r=3><title>{said}</title></circle>")
    drawn += [_label(along(place), f"{place:g}") for place in places]
    return _frame(drawn, ticks(1.0), up, x, y, share=True)


def reliability(points: Sequence[tuple[float, float, int]], x: str, y: str) -> str:
    """What was said against what was true, and of how many; on the diagonal it can be taken at its word."""
    if not points:
        return nothing()
    along, up = _along(1.0), _up(1.0)
    drawn = [f'<path class=guide d="M{along(0)} {up(0)}L{along(1)} {up(1)}"/>']
    most = max(count for _, _, count in points)
    for said, true, count in points:
        title = f"said {100 * said:.1f} %, right {100 * true:.1f} % of {count:,}"
        radius = 2 + 6 * (count / most) ** 0.5
        drawn.append(
            f"<circle class=point cx={along(said):.1f} cy={up(true):.1f} r={radius:.1f}><title>{title}</title></circle>"
        )
    drawn += [_label(along(place), f"{place:g}") for place in ticks(1.0)]
    return _frame(drawn, ticks(1.0), up, x, y, share=True)


def nothing() -> str:
    return "<p>no labels</p>"


def _up(top: float) -> Scale:
    return lambda value: HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)


def _along(most: float) -> Scale:
    return lambda value: LEFT + value / most * (WIDTH - LEFT - RIGHT)


def _label(x: float, text: str) -> str:
    return f"<text x={x:.1f} y={HEIGHT - BOTTOM + 16} text-anchor=middle>{html.escape(text)}</text>"


def _frame(drawn: Sequence[str], marks: Sequence[float], up: Scale, x: str, y: str, share: bool) -> str:
    """The whole figure: grid and ticks, what is drawn, axes and what they are of."""
    grid = "".join(
        f'<path class=grid d="M{LEFT} {up(mark):.1f}H{WIDTH - RIGHT}"/>'
        f"<text x={LEFT - 6} y={up(mark) + 4:.1f} text-anchor=end>{100 * mark if share else mark:g}</text>"
        for mark in marks
    )
    axes = f'<path class=axis d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
    middle = (HEIGHT - BOTTOM + TOP) / 2
    names = (
        f"<text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 10} text-anchor=middle>{html.escape(x)}</text>"
        f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor=middle>{html.escape(y)}</text>'
    )
    size = f'width={WIDTH} height={HEIGHT} viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f"<svg class=figure {size} role=img>{grid}{''.join(drawn)}{axes}{names}</svg>"
