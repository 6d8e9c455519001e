"""Pictures as files: SVG and HTML that move, PNG, GIF; the same on every machine. Pillow is for PNG and GIF alone."""

from __future__ import annotations

from pathlib import Path

from trm_solve.errors import InputError
from trm_solve.puzzle import Puzzle
from trm_solve.render.film import Film
from trm_solve.render.page import Page, page
from trm_solve.render.scene import Scene
from trm_solve.trace import still

WITH_PILLOW = (".png", ".gif")
SUFFIXES = (".svg", ".html", *WITH_PILLOW)


def require(path: Path) -> None:
    """Raises `InputError` where this file's format is unknown, or needs Pillow and there is none."""
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise InputError(f"{path}: no picture format of that name", f"known: {known}")
    if path.suffix.lower() in WITH_PILLOW:
        try:
            import PIL.Image  # noqa: F401
        except ImportError:
            raise InputError(f"{path}: Pillow is not installed", "pip install 'trm-solve[image]'") from None


def moves(path: Path) -> bool:
    """Whether a file of this name shows every moment, not the last alone."""
    return path.suffix.lower() != ".png"


def svg(moments: Film) -> str:
    """All moments as SVG, which moves where there are several."""
    return encode(moments, Path("picture.svg")).decode()


def label(puzzle: Puzzle) -> str:
    """A puzzle's known answer as SVG."""
    assert puzzle.answer is not None
    return svg([(Scene(puzzle, [still(puzzle.answer, solved=True)]), 1)])


def encode(moments: Film, path: Path) -> bytes:
    """The content of a picture file: the last moment for a PNG, else all of them. The suffix decides the format."""
    suffix, moments = path.suffix.lower(), moments if moves(path) else moments[-1:]
    pages: list[Page] = [page(scene) for scene, _ in moments]
    durations = [milliseconds for _, milliseconds in moments]
    if suffix in WITH_PILLOW:
        from trm_solve.render import bitmap

        return bitmap.gif(pages, durations) if moves(path) else bitmap.png(pages[0])
    from trm_solve.render import vector

    last = moments[-1][0]
    if suffix == ".svg":
        return vector.svg(pages, durations, last).encode()
    return vector.html(pages, durations, last).encode()
