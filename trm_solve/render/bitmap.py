"""Frames as PNG and GIF, by Pillow, set in a monospaced font that ships (a part of DejaVu Sans Mono)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont
from rich.color import blend_rgb

from trm_solve.render.page import BACKGROUND, CELL, MARGIN, Page, boxes, size, words

SCALE = 2  # pixels per unit of SVG


@cache
def font(bold: bool) -> ImageFont.FreeTypeFont:
    name = "DejaVuSansMono-Bold.ttf" if bold else "DejaVuSansMono.ttf"
    content = files("trm_solve.render").joinpath("fonts", name).read_bytes()
    return ImageFont.truetype(io.BytesIO(content), 16 * SCALE)


def png(page: Page) -> bytes:
    content = io.BytesIO()
    bitmap(page, [page]).save(content, "PNG", optimize=True)
    return content.getvalue()


def gif(pages: Sequence[Page], durations: Sequence[int]) -> bytes:
    """All frames, for so many milliseconds each."""
    frames = [bitmap(page, pages) for page in pages]
    content = io.BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:], duration=list(durations), loop=0)
    return content.getvalue()


def bitmap(page: Page, pages: Sequence[Page]) -> Image.Image:
    """A frame as pixels, in the size and the palette that it shares with all pages."""
    width, height = size(pages)
    image = Image.new("RGB", (SCALE * width, SCALE * height), tuple(BACKGROUND))
    draw = ImageDraw.Draw(image)
    for _, (x, y, w, h), color in boxes(page.values()):
        left, top, right, bottom = (round(SCALE * value) for value in (x, y, x + w, y + h))
        draw.rectangle((left, top, right - 1, bottom - 1), tuple(color))
    for word in words(page.values()):
        for each in word:  # by its middle, whatever the font's advance
            at = (SCALE * (each.x + MARGIN + 0.5) * CELL[0], SCALE * (each.y + 1.75) * CELL[1])
            draw.text(at, each.char, tuple(each.color), font(each.bold), anchor="ms")
    shades = Image.new("P", (1, 1))
    shades.putpalette(palette(pages))
    return image.quantize(palette=shades, dither=Image.Dither.NONE)


def palette(pages: Sequence[Page]) -> list[int]:
    """At most 256 colours, as r, g, b, r, ...: each colour in use, and its way into the background for soft edges."""
    cells = [each for page in pages for each in page.values()]
    used = sorted({each.color for each in cells} | {each.background for each in cells if each.background is not None})
    levels = max(1, min(8, 255 // max(len(used), 1)))
    shades = [blend_rgb(BACKGROUND, color, level / levels) for color in used for level in range(1, levels + 1)]
    return [part for shade in [BACKGROUND, *shades][:256] for part in shade]
