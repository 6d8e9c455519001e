"""`trm-solve generate`: new puzzles with known answers, one command a kind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trm_solve.cli import generate_arc, generate_maze

SUDOKUS, FILES = "Puzzles", "Files"

generate = typer.Typer(
    name="generate",
    no_args_is_help=True,
    help="Make puzzles with answers, for training and for fun.",
    pretty_exceptions_enable=False,
)


def register(app: typer.Typer) -> None:
    generate_maze.register(generate)
    generate_arc.register(generate)
    app.add_typer(generate)


@generate.command("sudoku")
def sudoku(
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many puzzles.", rich_help_panel=SUDOKUS)] = 10,
    rating: Annotated[
        str,
        typer.Option(
            metavar="LO:HI",
            help="Guesses that a search by singles needs; 60 is hard. Random puzzles have few: see --even.",
            rich_help_panel=SUDOKUS,
        ),
    ] = "0:",
    clues: Annotated[
        str, typer.Option(metavar="LO:HI", help="Range of the number of clues.", rich_help_panel=SUDOKUS)
    ] = "17:",
    even: Annotated[
        bool,
        typer.Option("--even", help="As many puzzles of every rating in LO:HI.", rich_help_panel=SUDOKUS),
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same puzzles.", rich_help_panel=SUDOKUS)
    ] = 0,
    start: Annotated[
        list[Path] | None,
        typer.Option("--from", metavar="FILE", help="Look around the puzzles of this file.", rich_help_panel=FILES),
    ] = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Leave out the puzzles of this file and all their symmetric copies.",
            rich_help_panel=FILES,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the CSV here.", rich_help_panel=FILES),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.", rich_help_panel=FILES)] = False,
) -> None:
    """Make minimal Sudokus with one solution, as CSV: source,question,answer,rating.

    Examples:

        trm-solve generate sudoku --count 10000 --seed 1 -o puzzles.csv

        trm-solve generate sudoku -n 5000 --rating 4:60 --even --exclude test.csv -o ladder.csv
    """
    from trm_solve.generate.sudoku import SudokuRecipe, read_range, read_starts, write

    recipe = SudokuRecipe(
        count=count,
        seed=seed,
        rating=read_range(rating, "--rating"),
        clues=read_range(clues, "--clues"),
        even=even,
        start=read_starts(start or []),
    )
    write(recipe, output, exclude or [], quiet)
