"""`trm-solve train`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from trm_solve.cli import options as o
from trm_solve.cli.shape import Command, choice

RUN, MODEL, DATA, RECIPE = "Run", "Model", "Data", "Recipe"


def register(app: typer.Typer) -> None:
    app.command(cls=Command)(train)


def _presets() -> list[str]:
    from trm_solve.training.presets import presets

    return list(presets())


def train(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA...",
            help="Puzzle files with answers, folders of the public builder's .npy files, or hf://datasets/ORG/NAME. "
            "DATA@0.1 makes one a tenth of the draws.",
            autocompletion=o.complete_example,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder of the run.", rich_help_panel=RUN)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.", rich_help_panel=RUN)] = False,
    max_minutes: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="Length of the run.", rich_help_panel=RUN)
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(metavar="STEPS", help="Length in optimiser steps.", rich_help_panel=RUN)
    ] = None,
    save_minutes: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="Between saved states: 5.", rich_help_panel=RUN)
    ] = None,
    log_every: Annotated[
        int | None, typer.Option(metavar="STEPS", help="Between lines of metrics: 10.", rich_help_panel=RUN)
    ] = None,
    tensorboard: Annotated[
        bool | None, typer.Option("--tensorboard", help="Write for TensorBoard too.", rich_help_panel=RUN)
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            autocompletion=o.complete_model,
            help="Fine-tune this model instead of starting afresh.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    kind: o.PuzzleKind = None,
    rating: Annotated[
        str | None, typer.Option(metavar="LO:HI", help="Only puzzles of these ratings.", rich_help_panel=DATA)
    ] = None,
    band: Annotated[
        list[str] | None,
        typer.Option(metavar="LO:HI=W", help="Draw these ratings W times as often.", rich_help_panel=DATA),
    ] = None,
    reveal: Annotated[
        str | None,
        typer.Option(
            metavar="LO:HI", help="Fill in so many cells of hard puzzles, fewer as it goes on.", rich_help_panel=DATA
        ),
    ] = None,
    valid: Annotated[
        list[str] | None, typer.Option(metavar="DATA", help="Puzzles to validate on.", rich_help_panel=DATA)
    ] = None,
    hold_out: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Validate on this part of DATA.", rich_help_panel=DATA)
    ] = None,
    valid_minutes: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="Between validations: 10.", rich_help_panel=DATA)
    ] = None,
    valid_steps: Annotated[
        int | None, typer.Option(metavar="STEPS", help="Between validations, instead.", rich_help_panel=DATA)
    ] = None,
    valid_puzzles: Annotated[
        int | None, typer.Option(metavar="N", help="At most, of each file: 512.", rich_help_panel=DATA)
    ] = None,
    preset: Annotated[
        str | None,
        choice(
            _presets,
            "preset",
            metavar="NAME",
            help="cpu-small (default), cpu-sudoku, cpu-sudoku-on, cpu-maze, cpu-arc, cpu-arc-symbols, cpu-small-hrm, "
            "paper-sudoku-mlp, paper-sudoku-att, paper-maze, paper-arc, paper-hrm-sudoku, adapt, adapt-symbols, "
            "adapt-fresh.",
            rich_help_panel=RECIPE,
        ),
    ] = None,
    show_preset: Annotated[
        bool, typer.Option("--show-preset", help="Print the recipe and stop.", rich_help_panel=RECIPE)
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="Any field that --show-preset prints.", rich_help_panel=RECIPE
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        choice(
            lambda: ("adam-atan2", "adamw", "muon"),
            "optimizer",
            metavar="adam-atan2|adamw|muon",
            help="How weights are updated.",
            rich_help_panel=RECIPE,
        ),
    ] = None,
    lr: Annotated[float | None, typer.Option(metavar="RATE", help="Learning rate.", rich_help_panel=RECIPE)] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", help="Over all processes.", rich_help_panel=RECIPE)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of every random draw.", rich_help_panel=RECIPE)
    ] = None,
    device: o.OptionalDevice = None,
    dtype: o.OptionalDtype = None,
    threads: Annotated[int | None, typer.Option(metavar="N", help="CPU threads.", rich_help_panel=o.MODEL)] = None,
    compile_: o.OptionalCompile = None,
) -> None:
    """Train a model: from scratch, from another (--init), or on from where a run stopped (--resume).

    Examples:

        trm-solve generate sudoku --count 20000 -o puzzles.csv

        trm-solve train puzzles.csv --hold-out 0.05 --out runs/a --max-minutes 60

        trm-solve train example:sudoku/fifty --init sudoku --out runs/mine --max-minutes 10
    """
    from trm_solve.errors import InputError
    from trm_solve.interrupt import exit_code
    from trm_solve.training.asking import begin
    from trm_solve.training.presets import DEFAULT, recipe

    fields = dict(o.assignment(text, "lr=1e-3") for text in set_ or [])
    fields |= _given(optimizer=optimizer, lr=lr, batch_size=batch_size, seed=seed)
    horizon = _given(max_steps=max_steps, max_minutes=max_minutes)
    try:
        chosen = recipe(preset or DEFAULT, fields | horizon)
    except InputError as error:  # an option is named as it was typed
        typed = {"batch_size": batch_size, "lr": lr, "seed": seed, **horizon}
        for name in (name for name, value in typed.items() if value is not None):
            error.message = error.message.replace(f"field '{name}'", f"--{name.replace('_', '-')}")
        raise
    if show_preset:
        typer.echo(json.dumps(chosen.to_dict(), indent=2))
        return
    if out is None:
        raise InputError("no --out", "--out names the folder that the run is written to")
    asked = _given(data=data, init=init, kind=kind, rating=rating, band=band, valid=valid, hold_out=hold_out)
    asked |= _given(reveal=reveal)
    asked |= _given(valid_minutes=valid_minutes, valid_steps=valid_steps, valid_puzzles=valid_puzzles)
    asked |= _given(save_minutes=save_minutes, log_every=log_every, tensorboard=tensorboard)
    asked |= _given(device=device, dtype=dtype, threads=threads, compile=compile_)

    if begin(str(out), asked, horizon, fields, preset, resume=resume) == "interrupted":
        raise typer.Exit(exit_code())


def _given(**options: Any) -> dict[str, Any]:
    """Options that were given; what was not is for the recipe or the earlier run to say."""
    return {name: value for name, value in options.items() if value is not None and value != []}
