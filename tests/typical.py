"""What people write. Checked by mypy, run by nobody."""

from __future__ import annotations

import numpy as np
import torch

import trm_solve
from trm_solve import TRM, InputError, Solution, SolveOptions, Step


def solve() -> str:
    solution: Solution = trm_solve.solve(np.zeros((9, 9), int), effort="max", halt="q", max_steps=32, device="cpu")
    verdict: str = solution.verdict
    steps: int = solution.steps
    trace: tuple[Step, ...] = solution.trace
    print(steps, trace, solution.answer, solution.text, solution.to_dict()["verdict"])
    solution.save("picture.svg")
    return verdict


def many(column: list[str]) -> list[dict[str, str | int | float | bool | None]]:
    try:
        return trm_solve.frame(trm_solve.solve_many(column, "sudoku", SolveOptions(seed=1), kind="sudoku"))
    except InputError as error:
        print(error.message, error.hint)
        return []


def forms() -> None:
    trm_solve.solve([[0] * 9] * 9)
    trm_solve.solve(["###", "#S#"])
    trm_solve.solve({"train": [], "test": []})
    trm_solve.solve(b"...")
    trm_solve.solve(torch.zeros(9, 9))
    trm_solve.solve_many(np.zeros((3, 9, 9)))
    with open("puzzles.csv") as file:  # noqa: PTH123
        trm_solve.solve_many(file)


def work() -> float | None:
    found = trm_solve.evaluate(["a.csv", "b.csv"], max_steps=16, progress=True)
    found.report("report")
    run = trm_solve.train("a.csv", out="run", lr=1e-3, batch_size=32)
    model: TRM = run.model()
    made: list[trm_solve.Puzzle] = trm_solve.generate("sudoku", count=10)
    trm_solve.push(trm_solve.save(model, "folder"), "me/mine", results=found)
    logits: torch.Tensor = model(torch.zeros(1, 81, dtype=torch.long), steps=2).logits
    again: TRM = TRM.from_pretrained("sudoku", revision=None)
    address: str = again.push_to_hub("me/mine", private=True)
    print(made, logits, address, [each["name"] for each in trm_solve.models()])
    return found.exact_accuracy
