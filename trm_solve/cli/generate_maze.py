"""`trm-solve generate maze`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MAZES, FILES = "Mazes", "Files"


def maze(
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many mazes.", rich_help_panel=MAZES)] = 10,
    size: Annotated[str, typer.Option(metavar="R[xC]", help="Rows and columns.", rich_help_panel=MAZES)] = "30",
    min_path: Annotated[
        int | None,
        typer.Option(
            metavar="MOVES", help="Shortest path allowed; by default hard for the size.", rich_help_panel=MAZES
        ),
    ] = None,
    wall: Annotated[
        str, typer.Option(metavar="LO:HI", help="Range of the share of walls.", rich_help_panel=MAZES)
    ] = "0.3:0.5",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same mazes.", rich_help_panel=MAZES)] = 0,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Leave out the mazes of this file, however turned.", rich_help_panel=FILES),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the CSV here.", rich_help_panel=FILES),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.", rich_help_panel=FILES)] = False,
) -> None:
    """Make mazes with their shortest paths, as CSV: source,question,answer,rating.

    Examples:

        trm-solve generate maze --count 1000 --size 20 -o mazes.csv

        trm-solve generate maze -n 5000 --seed 7 --exclude test.csv -o train.csv
    """
    from trm_solve.generate.maze import MazeRecipe, least_moves, read_share, read_size, write

    rows, columns = read_size(size)
    least = least_moves(rows, columns) if min_path is None else min_path
    recipe = MazeRecipe(rows=rows, columns=columns, least=least, walls=read_share(wall), seed=seed)
    write(recipe, count, output, exclude or [], quiet)


def register(app: typer.Typer) -> None:
    """Add the command to the `generate` group."""
    app.command("maze")(maze)
