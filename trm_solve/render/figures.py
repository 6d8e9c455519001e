"""Figures as SVG: bars, a curve with its band, lines, a reliability diagram; axes have ticks and units. No library."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP = 460, 260, 62, 22, 46, 10  # pixels of a figure and its margins
COLORS = ("#4477aa", "#ee6677", "#228833", "#aa3377", "#66ccee", "#ccbb44")  # told apart by colour-blind people too
POINTS = 400  # of a line at most: of more, means
PAGE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .8rem; text-align: right }
th { border-bottom: 1px solid #888 } td:first-child, th:first-child { text-align: left }
figure { display: inline-block; vertical-align: top; margin: 0 1rem 1rem 0; break-inside: avoid }
figcaption { font-weight: 600 } figure.puzzle svg { width: 30rem; max-width: 100% }
pre { overflow-x: auto; background: #8882; padding: .5rem }
.legend { font-size: .8rem; margin-left: 62px; max-width: 380px }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd } }
@media print { body { max-width: none; margin: 0; background: #fff; color: #000 } }
"""
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


def whole(marks: Sequence[float]) -> list[float]:
    """Ticks of what is counted: puzzles, steps."""
    return sorted({float(math.ceil(mark)) for mark in marks})


def bars(values: Sequence[Bar], x: str, y: str, *, share: bool = False) -> str:
    """A bar for each label, with its interval where there is one; a `share` is a fraction, drawn in percent."""
    if not any(value for _, value, _ in values):
        return nothing()
    marks = ticks(1.0 if share else max(value or 0.0 for _, value, _ in values))
    if not share:  # puzzles are whole
        marks = whole(marks)
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
    places, up = whole(ticks(max(at for at, _, _ in known), 8)), _up(1.0)
    along = _along(places[-1])
    line = "L".join(f"{along(at):.1f} {up(value):.1f}" for at, value, _ in known)
    upper = [f"{along(at):.1f} {up(ends[1]):.1f}" for at, _, ends in known]
    lower = [f"{along(at):.1f} {up(ends[0]):.1f}" for at, _, ends in reversed(known)]
    drawn = [f'<path class=band d="M{"L".join([*upper, *lower])}Z"/>', f'<path class=curve d="M{line}"/>']
    for at, value, ends in known:
        said = f"{at:g}: {100 * value:.1f} % ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
        drawn.append(f"<circle class=bar cx={along(at):.1f} cy={up(value):.1f} r=3><title>{said}</title></circle>")
    drawn += [_label(along(place), _number(place)) for place in places]
    return _frame(drawn, ticks(1.0), up, x, y, share=True)


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]], x: str, y: str, *, share: bool = False, log: bool = False
) -> str:
    """Lines of values against numbers; a `share` is a fraction, drawn in percent, `log` a logarithmic axis.

    Names stand in a legend, but that of a line without one.
    """
    known = {name: thin(points) for name, points in series.items() if points}
    heights = [value for points in known.values() for _, value in points if value > 0 or not log]
    if not heights:
        return "<p>nothing yet</p>"
    places = whole(ticks(max(at for points in known.values() for at, _ in points), 8))
    along = _along(places[-1])
    marks = decades(min(heights), max(heights)) if log else ticks(1.0 if share else max(heights))
    up = _logarithmic(marks[0], marks[-1]) if log else _up(marks[-1])
    drawn, legend = [], []
    for n, (name, points) in enumerate(known.items()):
        color = COLORS[n % len(COLORS)]
        placed = [(along(at), up(value), at, value) for at, value in points if value > 0 or not log]
        path = "L".join(f"{left:.1f} {high:.1f}" for left, high, _, _ in placed)
        drawn.append(f'<path class=curve style="stroke:{color}" d="M{path}"/>')
        for left, high, at, value in placed if len(placed) <= 40 else ():
            said = f"{html.escape(name)} {at:g}: {100 * value if share else value:.4g}{' %' * share}"
            drawn.append(f'<circle cx={left:.1f} cy={high:.1f} r=3 style="fill:{color}"><title>{said}</title></circle>')
        if name:
            legend.append(f'<span style="color:{color}">\u2501\u2501</span> {html.escape(name)}')
    drawn += [_label(along(place), _number(place)) for place in places]
    names = f"<div class=legend>{' &nbsp; '.join(legend)}</div>" if legend else ""
    return _frame(drawn, marks, up, x, y, share) + names


def thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most `POINTS` of them, each the mean of its part."""
    size = -(-len(points) // POINTS)
    parts = (points[n : n + size] for n in range(0, len(points), size))
    return [(sum(at for at, _ in part) / len(part), sum(v for _, v in part) / len(part)) for part in parts]


def decades(low: float, high: float) -> list[float]:
    """Round values around these: digits 1 to 9 times powers of ten, or 1, 2 and 5, or 1, where that are too many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for digits in (range(1, 10), (1, 2, 5), (1,)):
        marks = [float(f"{digit}e{power}") for power in powers for digit in digits]
        first = sum(mark <= low for mark in marks) - 1
        found = marks[first : first + 1] + [mark for mark in marks[first + 1 :] if mark < high]
        found += [next(mark for mark in marks if mark >= high)] * (found[-1] < high)
        if len(found) <= 8:
            break
    return found


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


def page(title: str, parts: Iterable[str]) -> str:
    """One HTML file that needs nothing else, for light and dark screens and for paper."""
    head = f"<meta charset=utf-8><title>{html.escape(title)}</title><style>{PAGE}{STYLE}</style>"
    body = "".join(parts)
    return f"<!doctype html><html lang=en><head>{head}</head><body><h1>{html.escape(title)}</h1>{body}</body></html>\n"


def figure(caption: str, drawing: str, style: str = "") -> str:
    """A drawing with its caption."""
    named = f" class={style}" if style else ""
    return f"<figure{named}><figcaption>{html.escape(caption)}</figcaption>{drawing}</figure>"


def nothing() -> str:
    return "<p>no labels</p>"


def _up(top: float) -> Scale:
    return lambda value: HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)


def _logarithmic(low: float, high: float) -> Scale:
    """Of values from `low` to `high`."""
    up, whole = _up(1.0), math.log(high / low) or 1.0
    return lambda value: up(math.log(value / low) / whole)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"


def _along(most: float) -> Scale:
    return lambda value: LEFT + value / most * (WIDTH - LEFT - RIGHT)


def _label(x: float, text: str) -> str:
    return f"<text x={x:.1f} y={HEIGHT - BOTTOM + 16} text-anchor=middle>{html.escape(text)}</text>"


def _frame(drawn: Sequence[str], marks: Sequence[float], up: Scale, x: str, y: str, share: bool) -> str:
    """The whole figure: grid and ticks, what is drawn, axes and what they are of."""
    grid = "".join(
        f'<path class=grid d="M{LEFT} {up(mark):.1f}H{WIDTH - RIGHT}"/>'
        f"<text x={LEFT - 6} y={up(mark) + 4:.1f} text-anchor=end>{_number(said)}</text>"
        for mark, said in ((mark, round(100 * mark, 6) if share else mark) for mark in marks)
    )
    axes = f'<path class=axis d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
    middle = (HEIGHT - BOTTOM + TOP) / 2
    names = (
        f"<text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 10} text-anchor=middle>{html.escape(x)}</text>"
        f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor=middle>{html.escape(y)}</text>'
    )
    size = f'width={WIDTH} height={HEIGHT} viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f"<svg class=figure {size} role=img>{grid}{''.join(drawn)}{axes}{names}</svg>"
