"""How much adaptation brings on ARC tasks that a model never saw: paired arms over the same fixed, random tasks.

    python benchmarks/arc.py CHALLENGES.json [--model NAME] [--minutes 2] [--arms scratch] [--list unseen] [--out FILE]

CHALLENGES.json is ARC-AGI-1 `evaluation` (`training` for the list `tuning`) with its solutions beside it. The tasks are
those of a list in `arc_tasks.json`, by default the 40 `unseen`, drawn by `random.Random(0)` from those with grids up to
12 x 12; none of their pairs was trained on. Arms: `scratch` fits fresh weights, as `solve` and `eval` do, `all` weights
and rows of the model, `rows` its new rows alone, `none` asks it as it is, under the mean of its rows. A model answers
the tasks that it knows without any of these: `arc` knows some of the other lists, `arc_base` beside this file none. A
line of JSON a task and arm goes to FILE; a run goes on where FILE ends.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from trm_solve import api
from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.evaluation.tally import wilson
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.tasks.answer import answer as answer_tasks
from trm_solve.trace import Solution

TASKS = json.loads(Path(__file__).with_name("arc_tasks.json").read_text())


def measure(
    model: TRM, puzzles: list[Puzzle], arm: str, minutes: float, folds: int | None, name: str
) -> dict[str, Any]:
    """One task: its score at 1 and 2 attempts, the mean over its test inputs."""
    how = AdaptOptions(minutes=minutes, fit=arm, on_interrupt="stop", folds=0 if arm == "none" else folds)
    start, scores = time.perf_counter(), {1: 0.0, 2: 0.0}
    told: dict[str, Any] = {"leave_one_out": ""}
    learned = None
    for event in answer_tasks(model, puzzles, SolveOptions(), adaptation=how, name=name, watch=True):
        if not isinstance(event, Solution):
            continue
        told = {fact: event.facts.get(fact) for fact in ("leave_one_out", "adapt_updates", "votes")}
        told["attempts"] = event.attempts  # eight copies a fit
        learned = event.fits[-1].exact if event.fits else None  # part of the examples, in the last updates
        assert event.puzzle.answer is not None
        for k in scores:
            scores[k] += (event.place is not None and event.place <= k) / len(puzzles)
    line = {"task": puzzles[0].task, "arm": arm, "model": name, "minutes": minutes, "folds": folds}
    line |= {"pass_at_1": scores[1], "pass_at_2": scores[2], "learned": learned, **told}
    return line | {"seconds": round(time.perf_counter() - start, 1)}


def report(lines: list[dict[str, Any]], arms: list[str]) -> None:
    print("| arm | tasks | pass@1 % | pass@2 % (95 %) | right at 2, a left-out pair solved | minutes a task |")
    print("|---|---|---|---|---|---|")
    for arm in arms:
        mine = [line for line in lines if line["arm"] == arm]
        if not mine:
            continue
        one, two = (100 * sum(line[f"pass_at_{k}"] for line in mine) / len(mine) for k in (1, 2))
        low, high = (100 * end for end in wilson(sum(line["pass_at_2"] for line in mine), len(mine)))
        sure = [line for line in mine if line["leave_one_out"][:1] not in ("0", "n")]
        minutes = sum(line["seconds"] for line in mine) / len(mine) / 60
        of_sure = f"{sum(line['pass_at_2'] == 1 for line in sure)} of {len(sure)}"
        print(f"| {arm} | {len(mine)} | {one:.1f} | {two:.1f} ({low:.1f} to {high:.1f}) | {of_sure} | {minutes:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("challenges", type=Path)
    parser.add_argument("--model", default=str(Path(__file__).with_name("arc_base")))
    parser.add_argument("--minutes", type=float, default=2.0, help="a task, its vote too")
    parser.add_argument("--folds", type=int, help="pairs left out in turn: half of the time; 0 for none")
    parser.add_argument("--arms", default="scratch", help="of scratch, all, rows, none")
    parser.add_argument("--list", choices=[name for name in TASKS if name != "what"], default="unseen")
    parser.add_argument("--count", type=int, help="only so many tasks")
    parser.add_argument(
        "--skip", type=int, default=0, help="without the first ones, for another process with a FILE of its own"
    )
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("arc.jsonl"))
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    model, arms = api.load(arguments.model), arguments.arms.split(",")
    lines = [json.loads(line) for line in arguments.out.read_text().splitlines()] if arguments.out.exists() else []
    settings = {"model": arguments.model, "minutes": arguments.minutes, "folds": arguments.folds}
    lines = [line for line in lines if settings.items() <= line.items()]  # others stay in the file
    done = {(line["task"], line["arm"]) for line in lines}
    puzzles = [item for item in read_file(arguments.challenges) if isinstance(item, Puzzle)]
    with arguments.out.open("a") as file:
        for task in TASKS[arguments.list][arguments.skip :][: arguments.count]:
            mine = [puzzle for puzzle in puzzles if puzzle.task == task]
            for arm in arms:
                if mine and (task, arm) not in done:
                    lines.append(measure(model, mine, arm, arguments.minutes, arguments.folds, arguments.model))
                    file.write(json.dumps(lines[-1]) + "\n")
                    file.flush()
    report(lines, arms)


if __name__ == "__main__":
    main()
