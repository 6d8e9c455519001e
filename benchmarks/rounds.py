"""Where gradient and loss are worth most, at equal compute: how a supervision step's passes are parted into rounds.

    python benchmarks/rounds.py --train TRAIN.csv --valid VALID.csv [--updates 120] [--seeds 1] [--reveal 0:12]

Attention with relations and QK-norm, width 128. An arm is (T, n, rounds with loss and gradient). Compute is counted in
passes of a batch through one block, a backward pass as two, so an arm with less under the gradient takes more updates.
Every arm sees the same puzzles in the same order; accuracy is that of the averaged weights without halting.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from trm_solve.config import RunOptions
from trm_solve.evaluation.tally import wilson
from trm_solve.training.folder import RunFolder
from trm_solve.training.presets import recipe
from trm_solve.training.trainer import train

ARMS = ((4, 1, 4), (2, 3, 2), (1, 7, 1), (2, 3, 1))
LAYERS = 2


def passes(T: int, n: int, rounds: int) -> int:
    """Block passes of an update."""
    return LAYERS * (n + 1) * (T + 2 * rounds)


def measure(arm: tuple[int, int, int], seed: int, chosen: argparse.Namespace, folder: Path) -> str:
    """Train one arm and return its line of the table."""
    T, n, rounds = arm
    updates = chosen.updates * passes(*ARMS[0]) // passes(*arm)
    fields = {"H_cycles": T, "L_cycles": n, "loss_rounds": rounds, "max_steps": updates, "seed": seed}
    out = folder / f"{T}-{n}-{rounds}-{seed}"
    place = {"data": chosen.train, "valid": chosen.valid, "out": str(out), "reveal": chosen.reveal, "log_every": 20}
    run = RunOptions.from_dict({**place, "threads": 1, "valid_minutes": 1e9, "valid_puzzles": 200})
    train(run, recipe("cpu-sudoku", fields | {"schedule": "constant"}))
    lines = list(RunFolder(out).read_metrics())
    losses = [f"{line['lm_loss']:.3f}" for line in lines if "lm_loss" in line and line["step"] % 40 == 0]
    cells = []
    for found in next(line for line in reversed(lines) if "valid" in line)["valid"].values():
        low, high = wilson(round(found["exact_accuracy"] * found["puzzles"]), found["puzzles"])
        exact = f"{100 * found['exact_accuracy']:.1f} ({100 * low:.1f} to {100 * high:.1f})"
        cells.append(f"{exact} | {100 * found['cell_accuracy']:.1f}")
    return f"| {T} | {n} | {rounds} | {seed} | {updates} | {', '.join(losses)} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="+", required=True, metavar="DATA[@SHARE]")
    parser.add_argument("--valid", nargs="+", required=True)
    parser.add_argument("--updates", type=int, default=120, help="of the first arm; the others' follow")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--reveal", default="")
    chosen = parser.parse_args()
    names = "".join(f" {Path(name).stem}: exact % | cells % |" for name in chosen.valid)
    print(f"| T | n | with loss | seed | updates | loss every 40 |{names}")
    print("|---" * (6 + 2 * len(chosen.valid)) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, chosen.seeds + 1):
            for arm in ARMS:
                print(measure(arm, seed, chosen, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
