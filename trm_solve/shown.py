"""How puzzles, steps, solutions and results show themselves: in Python, in rich, in a notebook. Standard library only.

What draws them (`show.py`) knows them all, so they cannot know it: it makes itself known here when it is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
"""What JSON can say."""


class Views(Protocol):
    """What can draw and tell whatever is `Shown`."""

    def plain(self, thing: Shown) -> str: ...

    def rich(self, thing: Shown, width: int, height: int, color: bool) -> RenderableType: ...

    def svg(self, thing: Shown) -> str | None: ...

    def save(self, thing: Shown, path: str) -> None: ...

    def text(self, thing: Shown) -> str: ...

    def to_dict(self, thing: Shown) -> dict[str, Json]: ...


class Shown:
    """`print` shows it in plain text, rich in colour, a notebook as a picture; `repr` is one line."""

    views: ClassVar[Views | None] = None

    def __str__(self) -> str:
        return repr(self) if Shown.views is None else Shown.views.plain(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        if Shown.views is None:
            yield repr(self)
        else:
            color = console.color_system is not None and not console.no_color
            yield Shown.views.rich(self, options.max_width, options.height or 100, color)

    def _repr_svg_(self) -> str | None:
        return None if Shown.views is None else Shown.views.svg(self)


def told() -> Views:
    """What draws."""
    if Shown.views is None:
        raise RuntimeError("import trm_solve.show first")
    return Shown.views
