"""`trm-solve show`."""

from typing import Annotated

import typer

from trm_solve.cli import options as o
from trm_solve.cli.shape import Command


def register(app: typer.Typer) -> None:
    app.command(cls=Command)(show)


def show(
    puzzles: Annotated[
        list[str],
        typer.Argument(
            metavar="PUZZLE...",
            help="Files, or the puzzle itself, or - for standard input; example:NAME is one that ships.",
            autocompletion=o.complete_example,
        ),
    ],
    kind: o.PuzzleKind = None,
) -> None:
    """Draw puzzles and tasks, with their answers where the file has them; needs no model.

    Examples:

        trm-solve show example:arc/mirror

        trm-solve show example:sudoku/fifty | less -R
    """
    from trm_solve.display import show as draw

    raise typer.Exit(draw(puzzles, kind))
