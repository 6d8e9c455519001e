"""Start-up: `--help` against a two-command Typer app, what needs no model against the bare imports of typer, rich and
numpy, one cold Sudoku against the imports that it cannot do without.

    python benchmarks/startup.py [--runs 7] [--cpu]

Prints ratios of medians within this run; a ratio is what carries over to another machine. `--cpu` counts the seconds
of the processor instead of those that pass: for a machine that others use too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PUZZLE = "...1.4.73.......4.2.....65.8......32......7...96.23..54.261.....3..7...1....5...."
APP = """
import typer
app = typer.Typer()
@app.command()
def one(name: str = "a") -> None: "First."
@app.command()
def two(name: str = "b") -> None: "Second."
app()
"""
RUN = "two-command Typer app, one run"  # Typer of today imports Pydantic for that
LIGHT = "import typer, rich, numpy"
IMPORT = "import trm_solve"
FIRST = "from trm_solve import Solution, evaluate, solve, train"
QUICK = {  # what answers before PyTorch could be imported, and the exit code
    "solve nowhere.txt": 2,
    "solve example:sudoku/easy --model nothing": 3,
    "solve example:sudoku/clashing": 2,
    "solve example:sudoku/easy --effort huge": 2,
    "eval nowhere.csv": 2,
    "train nowhere.csv --out nowhere": 2,
    "train --show-preset": 0,
    "generate maze --exclude nowhere.csv": 2,
    "models list": 0,
    "models info sudoku": 0,
    "replay {trace}": 0,
}
MAIN = "import sys; sys.argv[0] = 'trm-solve'; from trm_solve.cli import main; main()"


def children() -> float:
    """Seconds that the processor spent on processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def medians(runs: int, commands: dict[str, list[str]], codes: dict[str, int], cpu: bool) -> dict[str, float]:
    """Median seconds of each command, the commands taking turns so that a busy moment hits all alike."""
    clock = children if cpu else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            start = clock()
            done = subprocess.run([sys.executable, *command], check=False, capture_output=True)
            seconds[name].append(clock() - start)
            assert done.returncode == codes.get(name, 0), done.stderr
    return {name: statistics.median(found[1:]) for name, found in seconds.items()}  # the first run warms the disk


def steps_alone(cpu: bool) -> float:
    """Seconds that the model's own steps take on the puzzle, loading aside."""
    clock = time.process_time if cpu else time.perf_counter
    import trm_solve

    model = trm_solve.load("sudoku")
    trm_solve.solve(PUZZLE, model)
    start = clock()
    trm_solve.solve(PUZZLE, model)
    return clock() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        app, trace = Path(folder) / "app.py", Path(folder) / "steps.jsonl"
        app.write_text(APP)
        subprocess.run(
            [sys.executable, "-c", MAIN, "solve", PUZZLE, "--trace", str(trace)], check=True, capture_output=True
        )
        quick = {f"trm-solve {line}": ["-c", MAIN, *line.format(trace=trace).split()] for line in QUICK}
        found = medians(
            options.runs,
            {
                "two-command Typer app --help": [str(app), "--help"],
                RUN: [str(app), "one"],
                "trm-solve --help": ["-c", MAIN, "--help"],
                "import numpy": ["-c", "import numpy"],
                IMPORT: ["-c", IMPORT],
                FIRST: ["-c", FIRST],
                LIGHT: ["-c", LIGHT],
                **quick,
                "import torch, numpy, safetensors, rich": ["-c", "import torch, numpy, safetensors, rich"],
                "trm-solve solve, one Sudoku": ["-c", MAIN, "solve", PUZZLE],
            },
            {f"trm-solve {line}": code for line, code in QUICK.items()},
            options.cpu,
        )
    for name, seconds in found.items():
        ratio = f"   {seconds / found[LIGHT]:.2f} of the bare imports" if name in {*quick, RUN} else ""
        print(f"{name:52} {seconds * 1000:8.0f} ms{ratio}")
    app_help, _, our_help, numpy, ours, first, *_, imports, solve = found.values()
    alone = steps_alone(options.cpu)
    print(f"{'the steps of that Sudoku, model loaded':52} {alone * 1000:8.0f} ms")
    print(f"--help ratio {our_help / app_help:.2f} (aim: under 1.5)")
    print(f"import trm_solve against numpy {ours / numpy:.2f} (aim: under 1.3)")
    print(f"with the functions that are used first {first / numpy:.2f}")
    print(f"largest ratio without a model {max(found[name] for name in quick) / found[LIGHT]:.2f} (aim: under 1.5)")
    print(f"cold solve ratio {solve / (imports + alone):.2f} (aim: under 1.5)")


if __name__ == "__main__":
    main()
