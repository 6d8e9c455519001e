"""`trm-solve models`: what there is, where it lies, bring one in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trm_solve.cli import options as o

models = typer.Typer(
    name="models",
    no_args_is_help=True,
    help="What models there are, where they lie, and how to bring one in.",
    pretty_exceptions_enable=False,
)


def register(app: typer.Typer) -> None:
    app.add_typer(models)


@models.command("list")
def list_models(json: o.Json = False) -> None:
    """The packaged models.

    Examples:

        trm-solve models list

        trm-solve models list --json
    """
    from trm_solve.catalogue import show_list

    show_list(json)


@models.command()
def info(
    name: Annotated[str, typer.Argument(metavar="NAME|PATH", help="Model.", autocompletion=o.complete_model)],
    json: o.Json = False,
) -> None:
    """One model: architecture, size, where it lies.

    Examples:

        trm-solve models info sudoku

        trm-solve models info runs/mine/best --json
    """
    from trm_solve.catalogue import show_info

    show_info(name, json)


@models.command()
def convert(
    state_dict: Annotated[
        Path, typer.Argument(metavar="STATE_DICT", help="A raw state dict of the public code (step_N).")
    ],
    config: Annotated[
        Path, typer.Option(metavar="FILE", help="Its configuration: all_config.yaml, or flat JSON.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Checkpoint folder to write.", show_default=False)],
    kind: o.PuzzleKind = None,
    dtype: Annotated[str, typer.Option(metavar="NAME", help="Of the stored tensors: float32 or bfloat16.")] = "float32",
) -> None:
    """Turn a public raw state dict into a checkpoint folder; reads nothing but tensors.

    Examples:

        trm-solve models convert step_16275 --config all_config.yaml --out my-sudoku

        trm-solve models convert step_16275 --config all_config.yaml --out my-sudoku --dtype bfloat16
    """
    from trm_solve.catalogue import convert_to

    convert_to(state_dict, config, out, kind, dtype)
