"""`trm-solve show`."""

import typer

from trm_solve.cli import options as o
from trm_solve.cli.shape import Command


def register(app: typer.Typer) -> None:
    app.command(cls=Command)(show)


def show(
    puzzles: o.Puzzles,
    kind: o.PuzzleKind = None,
) -> None:
    """Draw puzzles and tasks, with their answers where the file has them; needs no model.

    Examples:

        trm-solve show example:arc/mirror

        trm-solve show example:sudoku/fifty | less -R
    """
    from trm_solve.display import show as draw

    raise typer.Exit(draw(puzzles, kind))
