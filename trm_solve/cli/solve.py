"""`trm-solve solve`."""

from pathlib import Path
from typing import Annotated

import typer

from trm_solve.cli import options as o
from trm_solve.cli.shape import Command

PACE = 0.15  # seconds a step, on a terminal only


def register(app: typer.Typer) -> None:
    app.command(cls=Command)(solve)


def solve(
    puzzles: o.Puzzles,
    model: o.Model = None,
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    kind: o.PuzzleKind = None,
    max_steps: o.MaxSteps = 16,
    halt: o.HaltRule = "rules",
    effort: o.Effort = "normal",
    attempts: o.Attempts = 0,
    seed: o.Seed = 0,
    slots: o.Slots = 0,
    compile_: o.Compile = "auto",
    check_unique: Annotated[
        bool,
        typer.Option("--check-unique", help="Count solutions exactly: none, one or several.", rich_help_panel=o.RUN),
    ] = False,
    adapt_minutes: o.AdaptMinutes = 3.0,
    total_minutes: o.TotalMinutes = None,
    fit: o.FitWhat = "auto",
    leave_one_out: o.LeaveOneOut = None,
    no_adapt: o.NoAdapt = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the adapted model here.", rich_help_panel=o.TASKS)
    ] = None,
    output: o.Answers = None,
    submission: o.Submission = None,
    json: o.Json = False,
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every step, for replay.", rich_help_panel=o.OUTPUT)
    ] = None,
    save: o.Save = None,
    pace: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Time a step of the first attempt, on a terminal.", rich_help_panel=o.OUTPUT
        ),
    ] = PACE,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Solve puzzles, by default with more attempts where one is not enough; on a terminal, watch each being refined.

    Examples:

        trm-solve solve example:sudoku/easy

        trm-solve generate sudoku | trm-solve solve - -q > answers.txt
    """
    from trm_solve.config import AdaptOptions, SolveOptions
    from trm_solve.output import OutputOptions
    from trm_solve.solve_inputs import SolveRequest, solve_inputs

    reasoning = {"max_steps": max_steps, "halt": halt, "effort": effort, "attempts": attempts}
    choices = SolveOptions.from_dict({**reasoning, "seed": seed, "slots": slots, "compile": compile_})
    look = OutputOptions(output=output, trace=trace, save=save, json=json, pace=pace, quiet=quiet)
    fitting = AdaptOptions.from_dict(
        {"minutes": adapt_minutes, "folds": leave_one_out, "fit": fit, "compile": choices.compile}
    )
    code = solve_inputs(
        SolveRequest(
            inputs=puzzles,
            options=choices,
            look=look,
            model=model,
            device=device,
            dtype=dtype,
            kind=kind,
            adaptation=None if no_adapt else fitting,
            keep=keep,
            submission=submission,
            total_minutes=total_minutes,
            check_unique=check_unique,
            verbose=verbose,
        )
    )
    raise typer.Exit(code)
