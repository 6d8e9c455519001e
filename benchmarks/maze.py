"""Accuracy on seeded sets of generated mazes by size, and on a file of mazes: canonical, shortest, valid, apart.

    python benchmarks/maze.py MODEL [--sizes 10,15,20,30] [--count 512] [--test FILE.csv] [--effort fast,normal]

The sets are hard for their size (`least_moves`), the same on every machine, and from seeds that no training set of
ours used. `fast` is a single pass of exactly 16 steps, as the paper measures; with another effort the rules halt it and
decide where to try again. Intervals are Wilson's at 95 %.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from trm_solve import api
from trm_solve.config import Effort, SolveOptions
from trm_solve.errors import InputError
from trm_solve.evaluation.evaluation import evaluate
from trm_solve.evaluation.inputs import read_labelled
from trm_solve.evaluation.report import interval
from trm_solve.evaluation.tally import percent
from trm_solve.fuse import fuse, operations
from trm_solve.kinds.maze.generate import MazeRecipe, generate_maze, least_moves
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle

SEED = 1_000_000  # training sets have seeds from 1 to 3,000
STEPS = 16
VERDICTS = ("canonical", "shortest", "valid")


def generated(size: int, count: int) -> list[Puzzle]:
    """The set of this size; a smaller count is its beginning."""
    recipe = MazeRecipe(rows=size, columns=size, least=least_moves(size, size), seed=SEED + size)
    return list(itertools.islice(generate_maze(recipe), count))


def sets(options: argparse.Namespace) -> Iterator[tuple[str, list[Puzzle]]]:
    """(name, mazes) of every set asked for. Raises `InputError` at the first maze that cannot be read."""
    for size in map(int, filter(None, options.sizes.split(","))):
        yield f"{size} x {size}", generated(size, options.count)
    for path in options.test:
        mazes = []
        for item in read_labelled([path], "maze"):
            if isinstance(item, InputError):
                raise item
            mazes.append(item)
        yield path.name, mazes


def line(name: str, model: TRM, mazes: list[Puzzle], effort: str, seed: int) -> str:
    """A row of the table."""
    halt = "never" if effort == "fast" else "rules"
    found = evaluate(
        model, mazes, SolveOptions.from_dict({"effort": effort, "halt": halt, "max_steps": STEPS, "seed": seed})
    )
    figures = found.tally.figures()
    verdicts = (figures["verdicts"][name] for name in VERDICTS)
    shares = [f"{percent(each['share'])} {interval(each['interval'])}" for each in verdicts]
    cost = (f"{figures['mean_steps']:.1f}", f"{len(mazes) / found.seconds:.2f}")
    return "| " + " | ".join((name, str(len(mazes)), effort, *shares, *cost)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="packaged name or checkpoint folder")
    parser.add_argument("--sizes", default="10,15,20", help="of generated sets; '' for none")
    parser.add_argument("--count", type=int, default=512, help="mazes of each generated set")
    parser.add_argument("--test", type=Path, nargs="*", default=[], metavar="FILE", help="mazes with answers")
    parser.add_argument("--effort", default="fast", help=f"of {', '.join(get_args(Effort))}; several by commas")
    parser.add_argument("--seed", type=int, default=0, help="of the search")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--compile", default="off", help="auto, on or off")
    options = parser.parse_args()
    model = api.load(options.model, device=options.device, dtype=options.dtype)
    fuse(model, options.compile, STEPS * options.count * operations(model))
    print(f"{options.model} on {model.device}, {str(model.forward_dtype).removeprefix('torch.')}\n")
    head = ("mazes", "number", "effort", *VERDICTS, "steps, mean", "a second")
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|", flush=True)
    for name, mazes in sets(options):
        for effort in options.effort.split(","):
            print(line(name, model, mazes, effort, options.seed), flush=True)


if __name__ == "__main__":
    main()
