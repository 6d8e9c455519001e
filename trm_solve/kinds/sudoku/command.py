"""`trm-solve generate sudoku`, as data: the program behind it is imported when it runs."""

from __future__ import annotations

from pathlib import Path

from trm_solve.kinds.option import Generator, Option

PUZZLES, FILES = "Puzzles", "Files"
HELP = """Make minimal Sudokus with one solution, as CSV: source,question,answer,rating.

Examples:

    trm-solve generate sudoku --count 10000 --seed 1 -o puzzles.csv

    trm-solve generate sudoku -n 5000 --rating 4:60 --even --exclude example:sudoku/fifty -o ladder.csv
"""


def run(
    count: int,
    rating: str,
    clues: str,
    even: bool,
    seed: int,
    start: list[Path] | None,
    exclude: list[Path] | None,
    output: Path | None,
    quiet: bool,
) -> None:
    from trm_solve.kinds.sudoku.generate import SudokuRecipe, read_range, read_starts, write

    recipe = SudokuRecipe(
        count=count,
        seed=seed,
        rating=read_range(rating, "--rating"),
        clues=read_range(clues, "--clues"),
        even=even,
        start=read_starts(start or []),
    )
    write(recipe, output, exclude or [], quiet)


GENERATOR = Generator(
    HELP,
    (
        Option("count", int, "How many puzzles.", 10, panel=PUZZLES, flags=("--count", "-n"), least=1),
        Option(
            "rating",
            str,
            "Guesses that a search by singles needs; 60 is hard. Random puzzles have few: see --even.",
            "0:",
            metavar="LO:HI",
            panel=PUZZLES,
        ),
        Option("clues", str, "Range of the number of clues.", "17:", metavar="LO:HI", panel=PUZZLES),
        Option("even", bool, "As many puzzles of every rating in LO:HI.", False, panel=PUZZLES, flags=("--even",)),
        Option("seed", int, "The same seed gives the same puzzles.", 0, panel=PUZZLES, least=0),
        Option(
            "start",
            list[Path] | None,
            "Look around the puzzles of this file.",
            None,
            metavar="FILE",
            panel=FILES,
            flags=("--from",),
        ),
        Option(
            "exclude",
            list[Path] | None,
            "Leave out the puzzles of this file and all their symmetric copies.",
            None,
            metavar="FILE",
            panel=FILES,
        ),
        Option("output", Path | None, "Write the CSV here.", None, "FILE", FILES, ("--output", "-o")),
        Option("quiet", bool, "No progress.", False, panel=FILES, flags=("--quiet", "-q")),
    ),
    run,
)
