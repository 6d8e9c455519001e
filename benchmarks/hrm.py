"""TRM against HRM on Sudoku at equal compute: the same data, width, batch, optimiser and number of block passes.

    python benchmarks/hrm.py [--steps 3000] [--seeds 1] [--clues N] [--train TRAIN.csv --valid VALID.csv] [--threads 1]

Without files, puzzles are generated; those to measure on share no symmetric copy with those to train on. Compute is
counted in passes of a batch through one block, a backward pass as two: it is what the two differ in, and what no other
program on the machine can disturb. TRM's network has 2 layers and runs 2 x (3 + 1) times a step, the last 4 with
gradient: 32. HRM's two have 2 layers each and run 2 x (2 + 1) times, the last 2 with gradient, then 6 times more for
the target of q_continue: 32. Accuracy is that of the averaged weights after the last update, without halting.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from trm_solve.config import RunOptions, TrainOptions
from trm_solve.evaluation.tally import wilson
from trm_solve.training.folder import RunFolder
from trm_solve.training.presets import recipe
from trm_solve.training.trainer import train

PRESETS = {"TRM": "cpu-small", "HRM": "cpu-small-hrm"}


def block_passes(options: TrainOptions) -> int:
    """Forward passes through a block that one update costs."""
    T, n, z, y = options.H_cycles, options.L_cycles, options.L_layers, options.H_layers or options.L_layers
    forward = T * (n * z + y)
    if options.H_layers:
        return forward + 2 * (z + y) + (0 if options.no_ACT_continue else forward)
    return forward + 2 * (n * z + y)


def generate(count: int, seed: int, out: Path, exclude: Path | None = None) -> Path:
    command = [sys.executable, "-c", "from trm_solve.cli import main; main()", "generate", "sudoku", "--quiet"]
    command += ["--count", str(count), "--seed", str(seed), "--output", str(out)]
    subprocess.run(command + (["--exclude", str(exclude)] if exclude else []), check=True)
    return out


def ease(path: Path, clues: int, out: Path) -> Path:
    """The same puzzles with random further clues, up to so many: what a small network learns in minutes."""
    rng = np.random.default_rng(0)
    with path.open() as source, out.open("w") as target:
        target.write("question,answer\n")
        for row in csv.DictReader(source):
            question, blanks = list(row["question"]), [i for i, c in enumerate(row["question"]) if c in ".0"]
            for cell in rng.permutation(blanks)[: max(0, clues - 81 + len(blanks))]:
                question[cell] = row["answer"][cell]
            target.write(f"{''.join(question)},{row['answer']}\n")
    return out


def measure(name: str, steps: int, seed: int, files: tuple[Path, Path], folder: Path, threads: int) -> str:
    """Train one model and return its line of the table."""
    budget = steps * block_passes(recipe(PRESETS["TRM"], {}))
    options = recipe(PRESETS[name], {"seed": seed})
    updates = budget // block_passes(options)
    options = recipe(PRESETS[name], {"seed": seed, "max_steps": updates})
    out = folder / f"{name}-{seed}"
    place = {"data": (str(files[0]),), "valid": (str(files[1]),), "out": str(out)}
    run = RunOptions.from_dict({**place, "threads": threads, "valid_minutes": 1e9, "valid_puzzles": 1 << 30})
    train(run, options)
    lines = list(RunFolder(out).read_metrics())
    (found,) = next(line for line in reversed(lines) if "valid" in line)["valid"].values()
    seconds = max(line["seconds"] for line in lines)
    low, high = wilson(round(found["exact_accuracy"] * found["puzzles"]), found["puzzles"])
    by_step = found["exact_by_step"]
    exact = f"**{100 * by_step[-1]:.1f}** ({100 * low:.1f} to {100 * high:.1f})"
    cells = f"{100 * found['cell_accuracy']:.1f}"
    passes = f"{updates * block_passes(options):,}"
    weights = f"{parameters(out):,}"
    early = f"{100 * by_step[0]:.1f} | {100 * by_step[3]:.1f}"
    return f"| {name} | {seed} | {weights} | {updates:,} | {passes} | {seconds:.0f} | {early} | {exact} | {cells} |"


def parameters(run: Path) -> int:
    from trm_solve.hub.catalogue import describe

    return int(describe(str(run / "last"))["parameters"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000, help="updates of the TRM; the HRM's follow")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clues", type=int, help="fill cells in until there are so many")
    parser.add_argument("--train", type=Path)
    parser.add_argument("--valid", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = arguments.train or generate(50_000, 1, folder / "train.csv")
        valid = arguments.valid or generate(1_000, 2, folder / "valid.csv", exclude=data)
        if arguments.clues:
            data = ease(data, arguments.clues, folder / "easier-train.csv")
            valid = ease(valid, arguments.clues, folder / "easier-valid.csv")
        print("| model | seed | parameters | updates | block passes | seconds | exact %, 1 step | 4 | 16 | cells % |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for seed in range(arguments.seeds):
            for name in PRESETS:
                line = measure(name, arguments.steps, seed, (data, valid), folder, arguments.threads)
                print(line, flush=True)


if __name__ == "__main__":
    main()
