"""Start-up: `--help` against a two-command Typer app, what needs no model against the bare imports of typer, rich and
numpy, one cold Sudoku against the imports that it cannot do without.

    python benchmarks/startup.py [--runs 7]

Prints ratios of medians within this run; a ratio is what carries over to another machine.
"""

from __future__ import annotations

import argparse
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
LIGHT = "import typer, rich, numpy"
QUICK = {  # what answers before PyTorch could be imported, and the exit code
    "solve nowhere.txt": 2,
    "solve example:sudoku/clashing": 2,
    "solve example:sudoku/easy --effort huge": 2,
    "eval nowhere.csv": 2,
    "train nowhere.csv --out nowhere": 2,
    "models list": 0,
    "models info sudoku": 0,
    "replay {trace}": 0,
}
MAIN = "import sys; sys.argv[0] = 'trm-solve'; from trm_solve.cli import main; main()"


def medians(runs: int, commands: dict[str, list[str]], codes: dict[str, int]) -> dict[str, float]:
    """Median seconds of each command, the commands taking turns so that a busy moment hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            done = subprocess.run([sys.executable, *command], check=False, capture_output=True)
            seconds[name].append(time.perf_counter() - start)
            assert done.returncode == codes.get(name, 0), done.stderr
    return {name: statistics.median(found[1:]) for name, found in seconds.items()}  # the first run warms the disk


def steps_alone() -> float:
    """Seconds that the model's own steps take on the puzzle, loading aside."""
    import trm_solve

    model = trm_solve.load("sudoku")
    trm_solve.solve(PUZZLE, model)
    start = time.perf_counter()
    trm_solve.solve(PUZZLE, model)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        app, trace = Path(folder) / "app.py", Path(folder) / "steps.jsonl"
        app.write_text(APP)
        subprocess.run(
            [sys.executable, "-c", MAIN, "solve", PUZZLE, "--trace", str(trace)], check=True, capture_output=True
        )
        quick = {f"trm-solve {line}": ["-c", MAIN, *line.format(trace=trace).split()] for line in QUICK}
        found = medians(
            runs,
            {
                "two-command Typer app --help": [str(app), "--help"],
                "trm-solve --help": ["-c", MAIN, "--help"],
                LIGHT: ["-c", LIGHT],
                **quick,
                "import torch, numpy, safetensors, rich": ["-c", "import torch, numpy, safetensors, rich"],
                "trm-solve solve, one Sudoku": ["-c", MAIN, "solve", PUZZLE],
            },
            {f"trm-solve {line}": code for line, code in QUICK.items()},
        )
    for name, seconds in found.items():
        ratio = f"   {seconds / found[LIGHT]:.2f} of the bare imports" if name in quick else ""
        print(f"{name:52} {seconds * 1000:8.0f} ms{ratio}")
    app_help, our_help, *_, imports, solve = found.values()
    alone = steps_alone()
    print(f"{'the steps of that Sudoku, model loaded':52} {alone * 1000:8.0f} ms")
    print(f"--help ratio {our_help / app_help:.2f} (aim: under 1.5)")
    print(f"largest ratio without a model {max(found[name] for name in quick) / found[LIGHT]:.2f} (aim: under 1.5)")
    print(f"cold solve ratio {solve / (imports + alone):.2f} (aim: under 1.5)")


if __name__ == "__main__":
    main()
