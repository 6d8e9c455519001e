"""How much faster than the reference schedule, on the same weights, device, dtype and threads, in one run.

    python benchmarks/solve.py PUZZLES.csv [--model sudoku] [--count 300] [--dtype auto] [--device auto] [--compile]
    python benchmarks/solve.py --memory 1000 100000

The reference schedule takes all 16 steps with every puzzle. Ours halts at a verified answer and fills the slot with
the next puzzle; 16 / mean steps is its bound, but for what ends in the middle of a step. Eager is held against eager
and compiled against compiled, in turns, and the fastest of the rounds counts. `--memory` streams so many puzzles
through the command line and prints its peak.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from trm_solve import api, checkpoint
from trm_solve.config import ModelConfig, SolveOptions
from trm_solve.fuse import fuse, operations
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.schedule import solve_all as run
from trm_solve.solver import Attempt, default_slots, refine
from trm_solve.trace import Solution

STEPS = 16


@dataclass
class Timing:
    seconds: float
    solved: int
    steps: int


def reference(model: TRM, puzzles: list[Puzzle], slots: int) -> Timing:
    """All steps with every puzzle, in batches that start and end together."""
    start, solved = time.perf_counter(), 0
    options = SolveOptions(max_steps=STEPS, halt="never", slots=slots, compile="off")
    for at in range(0, len(puzzles), slots):
        attempts = (Attempt(puzzle, i) for i, puzzle in enumerate(puzzles[at : at + slots]))
        solved += sum(step.solved for step in refine(model, attempts, options, watch=False))
    return Timing(time.perf_counter() - start, solved, STEPS * len(puzzles))


def ours(model: TRM, puzzles: list[Puzzle], slots: int) -> Timing:
    start = time.perf_counter()
    found = list(run(model, puzzles, SolveOptions(max_steps=STEPS, effort="fast", slots=slots, compile="off")))
    solutions = [each for each in found if isinstance(each, Solution)]
    solved = sum(each.verdict == "solved" for each in solutions)
    return Timing(time.perf_counter() - start, solved, sum(each.steps for each in solutions))


def peak(model: TRM) -> float:
    """Floating-point operations a second of a large matrix product, in the model's dtype."""
    a = torch.randn(2048, 2048, dtype=model.forward_dtype, device=model.device)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        b = a @ a
        b[0, 0].item()
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best


def compare(
    name: str, model: TRM, puzzles: list[Puzzle], slots: int, reference_slots: int, rounds: int
) -> tuple[Timing, Timing]:
    """Print one side-by-side comparison; returns the reference's timing and ours."""
    for each in (reference, ours):  # warm, compiled, allocated
        each(model, puzzles[: 2 * slots], slots)
    pairs = [(reference(model, puzzles, reference_slots), ours(model, puzzles, slots)) for _ in range(rounds)]
    theirs = min((pair[0] for pair in pairs), key=lambda timing: timing.seconds)
    mine = min((pair[1] for pair in pairs), key=lambda timing: timing.seconds)
    bound, ratio = theirs.steps / mine.steps, theirs.seconds / mine.seconds
    share = operations(model) * mine.steps / mine.seconds / peak(model)
    n = len(puzzles)
    print(f"{name}: reference {n / theirs.seconds:.1f} puzzles/s ({theirs.solved}/{n} solved), ", end="")
    print(f"ours {n / mine.seconds:.1f} ({mine.solved}/{n}), {ratio:.2f}x; bound {STEPS}/", end="")
    print(f"{mine.steps / n:.2f} = {bound:.2f}, {ratio / bound:.2f} of it; {100 * share:.0f} % of the matrix peak")
    return theirs, mine


def memory(counts: list[int]) -> None:
    """Peak memory of `solve -q` and `eval` over files of so many puzzles, on a model of no size."""
    config = ModelConfig(
        kind="sudoku", grid=(9, 9), vocab_size=11, hidden_size=4, num_heads=1, intermediate_size=4, mlp_t=False,
        pos_encodings="none", H_cycles=1, L_cycles=1,
    )  # fmt: skip
    question = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
    answer = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint.save(TRM(config), folder / "model")
        for command, count in itertools.product((["solve", "-q"], ["eval", "-q"]), counts):
            path = folder / f"{count}.csv"
            path.write_text("question,answer\n" + f"{question},{answer}\n" * count)
            arguments = [*command, str(path), "--model", str(folder / "model"), "--max-steps", "1", "--slots", "256"]
            arguments += ["--effort", "fast"] if command[0] == "solve" else []
            code = f"""
import resource, sys
sys.argv = ["trm-solve", *{arguments!r}]
from trm_solve.cli import main
try:
    main()
finally:
    print("PEAK", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
            kilobytes = int(done.stderr.rsplit("PEAK", 1)[1])
            print(f"{' '.join(command)}: {count:,} puzzles, peak memory {kilobytes / 1024:.0f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("puzzles", type=Path, nargs="?")
    parser.add_argument("--model", default="sudoku")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--slots", type=int, default=0, help="0: as the tool chooses")
    parser.add_argument("--reference-slots", type=int, default=0, help="0: as many as ours")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="compare compiled with compiled too")
    parser.add_argument("--memory", type=int, nargs="+", metavar="COUNT")
    options = parser.parse_args()
    if options.memory:
        memory(options.memory)
        return
    if options.puzzles is None:
        parser.error("a file of puzzles is needed")
    puzzles = [p for p in itertools.islice(read_file(options.puzzles), options.count) if isinstance(p, Puzzle)]
    model = api.load(options.model, device=options.device, dtype=options.dtype)
    slots = options.slots or default_slots(model)
    reference_slots = options.reference_slots or slots
    dtype = str(model.forward_dtype).removeprefix("torch.")
    print(f"{options.puzzles.name}, {len(puzzles)} puzzles; {options.model} on {model.device}, {dtype}, ", end="")
    print(f"{torch.get_num_threads()} threads, {slots} slots (reference {reference_slots})")
    start = compare("eager   ", model, puzzles, slots, reference_slots, options.rounds)
    if options.compile:
        fuse(model, "on", 0)
        end = compare("compiled", model, puzzles, slots, reference_slots, options.rounds)
        print(f"compiled against eager, ours: {start[1].seconds / end[1].seconds:.2f}x; ", end="")
        print(f"in all, ours compiled against the eager reference: {start[0].seconds / end[1].seconds:.2f}x")


if __name__ == "__main__":
    main()
