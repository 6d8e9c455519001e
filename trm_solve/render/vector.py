"""Frames as SVG, and as a page with a slider. Nothing comes from elsewhere: no font, no script, no style.

What is the same in several frames stands in the file once, with the frames from which and before which it is shown.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from html import escape

from trm_solve.render.frame import frame, verdict
from trm_solve.render.page import BACKGROUND, CELL, MARGIN, THEME, Cell, Page, boxes, size, words
from trm_solve.render.scene import Scene
from trm_solve.talk import printable

FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
Span = tuple[int, int]  # the frame from which, and the one before which


def safe(text: str) -> str:
    """A text for XML, which some characters may not even be escaped in."""
    return escape(re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", printable(text)))


def spans(pages: Sequence[Page]) -> dict[Span, list[Cell]]:
    """The cells by when they are shown; those of each span in the order of the page."""
    found: dict[Span, list[Cell]] = {}
    for place in sorted({place for page in pages for place in page}):
        since, now = 0, pages[0].get(place)
        for n in range(1, len(pages) + 1):
            then = pages[n].get(place) if n < len(pages) else None
            if n == len(pages) or then != now:
                if now is not None:
                    found.setdefault((since, n), []).append(now)
                since, now = n, then
    return dict(sorted(found.items(), key=lambda item: (item[0][0] - item[0][1], item[0])))  # the lasting ones first


def drawn(cells: Sequence[Cell]) -> str:
    """Cells as SVG."""
    paths: dict[tuple[bool, str], str] = {}
    for above, (x, y, w, h), color in boxes(cells):
        paths[above, color.hex] = paths.get((above, color.hex), "") + f"M{x:g} {y:g}h{w:g}v{h:g}h-{w:g}z"
    parts = [f'<path fill="{fill}" shape-rendering="crispEdges" d="{path}"/>' for (_, fill), path in paths.items()]
    for word in words(cells):
        first, text = word[0], "".join(each.char for each in word)
        weight = ' font-weight="bold"' if first.bold else ""
        x, y = (first.x + MARGIN) * CELL[0], (first.y + 1.75) * CELL[1]
        length = f' textLength="{len(text) * CELL[0]}" lengthAdjust="spacingAndGlyphs"'
        parts.append(f'<text x="{x:g}" y="{y:g}"{length} fill="{first.color.hex}"{weight}>{safe(text)}</text>')
    return "\n".join(parts)


def svg(pages: Sequence[Page], durations: Sequence[int], last: Scene, *, still: bool = False) -> str:
    """Frames as SVG that plays without a script: the last one where motion is not wanted, or not known.

    `still`: the groups are marked with their frames, and whoever embeds the picture says which are seen.
    """
    width, height = size(pages)
    whole = sum(durations)
    starts = [100 * sum(durations[:n]) / whole for n in range(len(pages) + 1)]
    found = [(span, drawn(cells)) for span, cells in spans(pages).items()]
    mark = f"m{zlib.crc32(repr(found).encode()):08x}"  # a page may hold several pictures: their styles must not mix
    rules, parts = [], []
    for n, ((since, before), shown) in enumerate(found):
        name = f"{mark}-{n}"
        if since == 0 and before == len(pages):
            parts.append(f"<g>\n{shown}\n</g>")
        elif still:
            parts.append(f'<g data-from="{since}" data-to="{before}">\n{shown}\n</g>')
        else:
            turns = [(0.0, "hidden")] * (since > 0) + [(starts[since], "visible"), (starts[before], "hidden")]
            frames = "".join(f"{at:.4g}%{{visibility:{what}}}" for at, what in turns if at < 100)
            rules.append(f"@keyframes {name}{{{frames}}}.{name}{{animation-name:{name}}}")
            last_too = " " + mark + "-last" if before == len(pages) else ""
            parts.append(f'<g class="{mark} {name}{last_too}">\n{shown}\n</g>')
    if rules:
        rules = [
            f".{mark}{{visibility:hidden;animation:{whole / 1000:g}s step-end infinite}}",
            f".{mark}-last{{visibility:visible}}",
            *rules,
            f"@media(prefers-reduced-motion:reduce){{.{mark}{{animation:none}}}}",
        ]
    style = "<style>\n" + "\n".join(rules) + "\n</style>\n" if rules else ""
    title = " · ".join(
        filter(None, (last.puzzle.source, "" if last.solution is None else verdict(last.solution), last.model))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="{FONTS}" font-size="16">\n<title>{safe(title)}</title>\n{style}'
        f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND.hex}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


SCRIPT = """
const groups = [...document.querySelectorAll("g[data-from]")];
const slider = document.querySelector("input"), button = document.querySelector("button");
const said = document.querySelector("output"), last = times.length - 1;
let now = last, timer = 0;
function show(n) {
  now = n; slider.value = n; said.textContent = `${n + 1} of ${times.length}`;
  for (const g of groups) g.style.visibility = +g.dataset.from <= n && n < +g.dataset.to ? "visible" : "hidden";
}
function stop() { clearTimeout(timer); timer = 0; button.textContent = "Play"; }
function next() {
  timer = setTimeout(() => { if (now >= last) { stop(); } else { show(now + 1); next(); } }, times[now]);
}
function play() { if (now >= last) show(0); button.textContent = "Pause"; next(); }
slider.max = last;
slider.oninput = () => { stop(); show(+slider.value); };
button.onclick = () => timer ? stop() : play();
document.onkeydown = (event) => {
  if (event.target === button && event.key === " ") return;
  if (event.key === " ") { event.preventDefault(); button.onclick(); }
  if (event.target !== slider && event.key === "ArrowLeft") { stop(); show(Math.max(now - 1, 0)); }
  if (event.target !== slider && event.key === "ArrowRight") { stop(); show(Math.min(now + 1, last)); }
};
show(last);
if (last && !matchMedia("(prefers-reduced-motion: reduce)").matches) play();
"""


def html(pages: Sequence[Page], durations: Sequence[int], last: Scene) -> str:
    """Frames as a page of its own with play, pause and a slider; without scripts it shows the last frame."""
    groups = f"g[data-from]{{visibility:hidden}}g[data-to='{len(pages)}']{{visibility:visible}}"
    style = (
        f"body{{color:{THEME.foreground_color.hex};background:{BACKGROUND.hex};font-family:{FONTS};margin:1em}}"
        "svg{display:block;max-width:100%;max-height:85vh;margin:0 auto 1em}nav{display:flex;gap:1em;max-width:60em;"
        f"margin:auto;align-items:center}}input{{flex:1}}button{{font:inherit;width:5em}}{groups}"
    )
    controls = (
        '<nav><button type="button">Play</button>'
        f'<input type="range" min="0" max="{len(pages) - 1}" value="{len(pages) - 1}" aria-label="step">'
        "<output></output></nav>\n"
    )
    script = f"<script>\nconst times = {json.dumps(list(durations))};{SCRIPT}</script>\n"
    moving = len(pages) > 1
    text = frame(last).plain
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{safe(last.puzzle.source)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        + svg(pages, durations, last, still=True)
        + controls * moving
        + f"<details><summary>The last frame as text</summary>\n<pre>{safe(text)}</pre></details>\n"
        + script * moving
        + "</body>\n</html>\n"
    )
