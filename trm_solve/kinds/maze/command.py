"""`trm-solve generate maze`, as data: the program behind it is imported when it runs."""

from __future__ import annotations

from pathlib import Path

from trm_solve.kinds.option import Generator, Option

MAZES, FILES = "Mazes", "Files"
HELP = """Make mazes with their shortest paths, as CSV: source,question,answer,rating.

Examples:

    trm-solve generate maze --count 1000 --size 20 -o mazes.csv

    trm-solve generate maze -n 5000 --seed 7 --exclude example:maze/twelve -o train.csv
"""


def run(
    count: int,
    size: str,
    min_path: int | None,
    wall: str,
    seed: int,
    exclude: list[Path] | None,
    output: Path | None,
    quiet: bool,
) -> None:
    from trm_solve.kinds.maze.generate import MazeRecipe, least_moves, read_share, read_size, write

    rows, columns = read_size(size)
    least = least_moves(rows, columns) if min_path is None else min_path
    recipe = MazeRecipe(rows=rows, columns=columns, least=least, walls=read_share(wall), seed=seed)
    write(recipe, count, output, exclude or [], quiet)


GENERATOR = Generator(
    HELP,
    (
        Option("count", int, "How many mazes.", 10, panel=MAZES, flags=("--count", "-n"), least=1),
        Option("size", str, "Rows and columns.", "30", metavar="R[xC]", panel=MAZES),
        Option(
            "min_path",
            int | None,
            "Shortest path allowed; by default hard for the size.",
            None,
            metavar="MOVES",
            panel=MAZES,
        ),
        Option("wall", str, "Range of the share of walls.", "0.3:0.5", metavar="LO:HI", panel=MAZES),
        Option("seed", int, "The same seed gives the same mazes.", 0, panel=MAZES, least=0),
        Option(
            "exclude",
            list[Path] | None,
            "Leave out the mazes of this file, however turned.",
            None,
            metavar="FILE",
            panel=FILES,
        ),
        Option("output", Path | None, "Write the CSV here.", None, "FILE", FILES, ("--output", "-o")),
        Option("quiet", bool, "No progress.", False, panel=FILES, flags=("--quiet", "-q")),
    ),
    run,
)
