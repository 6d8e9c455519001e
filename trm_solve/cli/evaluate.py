"""`trm-solve eval`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from trm_solve.cli import options as o


def register(app: typer.Typer) -> None:
    app.command("eval")(evaluate)


def evaluate(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders or patterns of puzzles.")],
    model: o.Model = None,
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    kind: o.PuzzleKind = None,
    max_steps: o.MaxSteps = 16,
    halt: o.HaltRule = "rules",
    seed: o.Seed = 0,
    slots: o.Slots = 0,
    as_json: o.Json = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress, only the figures.", rich_help_panel=o.OUTPUT)
    ] = False,
) -> None:
    """Measure a model on puzzles with known answers.

    Examples:

        trm-solve eval puzzles.csv

        trm-solve eval puzzles/ --halt never --max-steps 32 --json
    """
    from trm_solve.api import DEFAULT_MODELS, load
    from trm_solve.config import SolveOptions
    from trm_solve.evaluate import evaluate, open_puzzles
    from trm_solve.report import Meter, print_table

    options = SolveOptions.from_dict({"max_steps": max_steps, "halt": halt, "seed": seed, "slots": slots})
    files, found_kind, puzzles = open_puzzles(paths, kind)
    name = model or DEFAULT_MODELS[found_kind]
    ready = load(name, device=device, dtype=dtype)
    with Meter(files, quiet=quiet) as meter:
        found = evaluate(ready, puzzles, options, name=name, notice=meter.notice)
    place = {"device": str(ready.device), "dtype": str(ready.forward_dtype).removeprefix("torch.")}
    figures = found.to_dict(options, "fast", kind=found_kind, model=name, **place)
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        print_table(figures)
    raise typer.Exit(int(found.exit_code))
