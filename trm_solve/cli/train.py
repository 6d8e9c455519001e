"""`trm-solve train`: from scratch, fine-tune, resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

MODEL, RECIPE, DATA, RUN = "Model", "Recipe", "Data", "Run"


def train(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            help="Puzzle FILE, FOLDER of .npy arrays or hf://datasets/ORG/NAME, each with an optional @SHARE"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run", rich_help_panel=RUN)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out", rich_help_panel=RUN)] = False,
    max_minutes: Annotated[float | None, typer.Option(help="Length of the run", rich_help_panel=RUN)] = None,
    max_steps: Annotated[int | None, typer.Option(help="Length in optimiser steps", rich_help_panel=RUN)] = None,
    init: Annotated[str | None, typer.Option(help="Model to fine-tune: NAME or FOLDER", rich_help_panel=MODEL)] = None,
    preset: Annotated[str | None, typer.Option(help="Recipe by name", rich_help_panel=RECIPE)] = None,
    show_preset: Annotated[
        bool, typer.Option("--show-preset", help="Print the recipe as JSON and stop", rich_help_panel=RECIPE)
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Override a field of the recipe", rich_help_panel=RECIPE),
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help="adam-atan2, adamw or muon", rich_help_panel=RECIPE)] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate", rich_help_panel=RECIPE)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Over all processes", rich_help_panel=RECIPE)] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random draw", rich_help_panel=RECIPE)] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of puzzle", rich_help_panel=DATA)] = None,
    rating: Annotated[str | None, typer.Option(help="Only ratings LO:HI", rich_help_panel=DATA)] = None,
    band: Annotated[
        list[str] | None, typer.Option(metavar="LO:HI=WEIGHT", help="Weight of these ratings", rich_help_panel=DATA)
    ] = None,
    valid: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Puzzles to validate on", rich_help_panel=DATA)
    ] = None,
    hold_out: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Share of the data to validate on", rich_help_panel=DATA)
    ] = None,
    valid_minutes: Annotated[float | None, typer.Option(help="Between validations", rich_help_panel=DATA)] = None,
    valid_steps: Annotated[
        int | None, typer.Option(help="Optimiser steps between validations", rich_help_panel=DATA)
    ] = None,
    valid_puzzles: Annotated[int | None, typer.Option(help="Of each file", rich_help_panel=DATA)] = None,
    save_minutes: Annotated[float | None, typer.Option(help="Between saved states", rich_help_panel=RUN)] = None,
    log_every: Annotated[int | None, typer.Option(help="Steps to a line of metrics", rich_help_panel=RUN)] = None,
    device: Annotated[
        str | None, typer.Option(envvar="TRM_DEVICE", help="auto, cpu, cuda[:n], mps", rich_help_panel=RUN)
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="auto, float32, bfloat16", rich_help_panel=RUN)] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads", rich_help_panel=RUN)] = None,
    compile_: Annotated[str | None, typer.Option("--compile", help="auto, on, off", rich_help_panel=RUN)] = None,
    tensorboard: Annotated[
        bool | None, typer.Option("--tensorboard", help="Write TensorBoard logs too", rich_help_panel=RUN)
    ] = None,
) -> None:
    """Train a model: from scratch, from another model (--init), or on from where a run stopped (--resume).

    trm-solve train puzzles.csv --valid held-out.csv --out runs/a --max-minutes 60

    trm-solve train my.csv --init sudoku --out runs/mine --max-minutes 10
    """
    from trm_solve.errors import ExitCode, InputError
    from trm_solve.presets import DEFAULT, recipe

    fields = dict(_assignment(text) for text in set_ or [])
    named = {"optimizer": optimizer, "lr": lr, "batch_size": batch_size, "seed": seed}
    fields |= {k: v for k, v in named.items() if v is not None}
    horizon = {k: v for k, v in {"max_steps": max_steps, "max_minutes": max_minutes}.items() if v is not None}
    if show_preset:
        typer.echo(json.dumps(recipe(preset or DEFAULT, fields | horizon).to_dict(), indent=2))
        return
    if out is None:
        raise InputError("no --out", "--out names the folder that the run is written to")
    run = {
        "data": data, "valid": valid, "hold_out": hold_out, "init": init, "kind": kind, "rating": rating, "band": band, "device": device,
        "dtype": dtype, "threads": threads, "compile": compile_, "log_every": log_every, "save_minutes": save_minutes,
        "valid_minutes": valid_minutes, "valid_steps": valid_steps, "valid_puzzles": valid_puzzles,
        "tensorboard": tensorboard,
    }  # fmt: skip
    chosen = {k: v for k, v in run.items() if v is not None and v != []}
    if resume and (fields or preset):
        raise InputError("a resumed run keeps its recipe", "only its length can change: --max-steps, --max-minutes")
    if not resume and not data:
        raise InputError("no data to train on", "name a file of puzzles with answers, or hf://datasets/ORG/NAME")

    from trm_solve.train import start

    if start(str(out), chosen, horizon, fields, preset, resume=resume) == "interrupted":
        raise typer.Exit(ExitCode.INTERRUPTED)


def _assignment(text: str) -> tuple[str, Any]:
    """`FIELD=VALUE` with the value as JSON, or as a plain string where it is not JSON."""
    from trm_solve.errors import InputError

    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set '{text}' has no value", "write --set FIELD=VALUE, such as --set lr=1e-3")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def register(app: typer.Typer) -> None:
    app.command("train")(train)
