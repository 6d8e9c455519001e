"""What reading costs: rows of a labelled CSV read, checked and made into training arrays, beside `csv.reader` alone.

    python benchmarks/reading.py [--rows 1000000] [--kind sudoku]

The file is made from one puzzle by its symmetries. Times are those of the processor, the ratio is taken within one run;
the growth of memory is that of the reading alone, as `solve` and `eval` do it, puzzle by puzzle.
"""

from __future__ import annotations

import argparse
import csv
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from trm_solve.kinds import get_kind
from trm_solve.kinds.maze.paths import solve
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.training.sources import read

EXAMPLES = {"sudoku": "sudoku/fifty.csv", "maze": "maze/hard.txt"}
DIFFERENT = 2000  # rows that differ; they are repeated


def write(path: Path, name: str, count: int) -> None:
    """Labelled rows of a kind, in the public form."""
    folder = Path(__file__).parent.parent / "examples"
    found = [each for each in read_file(folder / EXAMPLES[name]) if isinstance(each, Puzzle)]
    kind, random = get_kind(name), np.random.default_rng(0)
    rows = []
    for number in range(min(DIFFERENT, count)):
        puzzle = found[number % len(found)]
        view = kind.symmetry(puzzle, random)
        answer = solve(puzzle.question) if puzzle.answer is None else puzzle.answer
        assert answer is not None
        grids = [kind.format(view.apply(grid)).replace("\n", "") for grid in (puzzle.question, answer)]
        rows.append(f"made,{grids[0]},{grids[1]},{number % 90}\n")
    with path.open("w") as file:
        file.write("source,question,answer,rating\n")
        file.writelines(rows[number % len(rows)] for number in range(count))


def spent(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=EXAMPLES, default="sudoku")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write(path, asked.kind, asked.rows)

        def plainly() -> None:
            with path.open(newline="") as file:
                assert sum(1 for _ in csv.reader(file)) == asked.rows + 1

        def as_puzzles() -> None:
            assert sum(isinstance(each, Puzzle) and each.answer is not None for each in read_file(path)) == asked.rows

        plain = spent(plainly)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        puzzles = spent(as_puzzles)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        arrays = spent(lambda: read(str(path), None, print))
    for what, seconds in (("csv.reader", plain), ("puzzles, checked", puzzles), ("training arrays", arrays)):
        print(f"{what:<18}{seconds:8.2f} s{1e6 * seconds / asked.rows:8.1f} us a row{seconds / plain:8.1f} x")
    print(f"memory of reading puzzle by puzzle: {grown:.0f} MB more")


if __name__ == "__main__":
    main()
