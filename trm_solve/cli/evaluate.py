"""`trm-solve eval`."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from trm_solve.cli import options as o
from trm_solve.cli.shape import Command


def register(app: typer.Typer) -> None:
    app.command("eval", cls=Command)(evaluate)


def evaluate(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Files, folders or patterns of puzzles; example:NAME is one that ships.",
            autocompletion=o.complete_example,
        ),
    ],
    model: o.Model = None,
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    kind: o.PuzzleKind = None,
    max_steps: Annotated[
        list[str],
        typer.Option(
            metavar="N[,N...]",
            help="Supervision steps of an attempt; several are measured one after another.",
            rich_help_panel=o.RUN,
        ),
    ] = ["16"],  # noqa: B006
    halt: o.HaltRule = "rules",
    effort: o.Effort = "fast",
    attempts: o.Attempts = 0,
    seed: o.Seed = 0,
    slots: o.Slots = 0,
    offsets: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Measure each maze at N random places of the canvas.", rich_help_panel=o.RUN
        ),
    ] = 0,
    adapt_minutes: o.AdaptMinutes = 3.0,
    total_minutes: o.TotalMinutes = None,
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Processes side by side, one thread each, as under torchrun.",
            rich_help_panel=o.RUN,
        ),
    ] = 1,
    fit: o.FitWhat = "auto",
    leave_one_out: o.LeaveOneOut = None,
    no_adapt: o.NoAdapt = False,
    compile_: o.Compile = "auto",
    report: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a report here, and go on with it.", rich_help_panel=o.OUTPUT),
    ] = None,
    failures: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the puzzles that were not solved.", rich_help_panel=o.OUTPUT),
    ] = None,
    submission: o.Submission = None,
    as_json: o.Json = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress, only the figures.", rich_help_panel=o.OUTPUT)
    ] = False,
) -> None:
    """Measure a model on puzzles with known answers, by default with one attempt at each (solve makes more: --effort).

    Examples:

        trm-solve eval example:sudoku/fifty

        trm-solve eval example:maze/twelve --halt never --max-steps 4,8,16 --report runs/report
    """
    from trm_solve.config import AdaptOptions, SolveOptions
    from trm_solve.evaluation.measure import EvalRequest, measure, prepare
    from trm_solve.evaluation.report import print_comparison, print_table
    from trm_solve.jobs import side_by_side

    steps = tuple(_number(text) for each in max_steps for text in each.split(","))
    chosen = {"halt": halt, "effort": effort, "attempts": attempts, "seed": seed, "slots": slots, "compile": compile_}
    options = SolveOptions.from_dict(chosen | {"max_steps": min(steps)})
    adapting = {"minutes": adapt_minutes, "folds": leave_one_out, "fit": fit, "compile": options.compile}
    fitting = AdaptOptions.from_dict(adapting | {"on_interrupt": "stop"})
    request = EvalRequest(
        paths=tuple(paths),
        options=options,
        max_steps=steps,
        model=model,
        device=device,
        dtype=dtype,
        kind=kind,
        report=report,
        failures=failures,
        submission=submission,
        total_minutes=total_minutes,
        offsets=offsets,
        adaptation=None if no_adapt else fitting,
        quiet=quiet,
    )
    if jobs > 1 and "WORLD_SIZE" not in os.environ:
        prepare(request)
        raise typer.Exit(side_by_side(jobs, sys.argv[1:]))
    figures, code, leads = measure(request)
    if not leads:
        return
    if as_json:
        print(json.dumps(figures))
    elif "runs" in figures:
        print_comparison(figures["runs"])
    else:
        print_table(figures)
    raise typer.Exit(code)


def _number(text: str) -> int:
    from trm_solve.errors import InputError

    try:
        return int(text)
    except ValueError:
        raise InputError(f"--max-steps '{text}' is not a whole number", "write --max-steps 16 or 16,32,64") from None
