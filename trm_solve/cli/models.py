"""`trm-solve models`: what there is, where it lies, bring one in."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trm_solve.cli import options as o
from trm_solve.cli.shape import Command, Group, choice

models = typer.Typer(
    name="models",
    cls=Group,
    no_args_is_help=True,
    help="What models there are, where they lie, and how to bring one in.",
    pretty_exceptions_enable=False,
)


TASKS = "Tasks: which task each row of the puzzle embedding stands for"


def register(app: typer.Typer) -> None:
    app.add_typer(models)


Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="State a field of its configuration, such as H_cycles=3; comes before any other source.",
        show_default=False,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Its configuration: all_config.yaml, or flat JSON.", show_default=False),
]


@models.command("list", cls=Command)
def list_models(json: o.Json = False) -> None:
    """Packaged models, those on this machine, and known public checkpoints.

    Examples:

        trm-solve models list

        trm-solve models list --json
    """
    from trm_solve.hub.catalogue import show_list

    show_list(json)


@models.command(cls=Command)
def info(
    name: Annotated[str, typer.Argument(metavar="NAME|PATH|ORG/REPO", help="Model.", autocompletion=o.complete_model)],
    json: o.Json = False,
) -> None:
    """One model: architecture, size, where it lies, what it scores. Fetches nothing.

    Examples:

        trm-solve models info sudoku

        trm-solve models info maze --json
    """
    from trm_solve.hub.catalogue import show_info

    show_info(name, json)


@models.command(cls=Command)
def pull(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|ORG/REPO[@REVISION][:FILE]",
            help="Known model, or a repository of the Hugging Face hub.",
            autocompletion=o.complete_model,
        ),
    ],
    config: Config = None,
    set_: Set = None,
) -> None:
    """Fetch a model of the hub, or its newest version; prints its folder. --model does so by itself the first time.

    Examples:

        trm-solve models pull trm-sudoku-mlp

        trm-solve models pull somebody/their-model:step_1000 --set H_cycles=3 --set L_cycles=6
    """
    from trm_solve.hub.catalogue import pull_to

    pull_to(name, config, _fields(set_))


@models.command(cls=Command)
def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="STATE_DICT|DIR", help="A raw state dict of the public code (step_N), or a checkpoint folder."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Checkpoint folder to write.", show_default=False)],
    config: Config = None,
    set_: Set = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Which of several state dicts in the file; else the averaged one.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over what is in --out.")] = False,
    kind: o.PuzzleKind = None,
    dtype: Annotated[
        str,
        choice(lambda: ("float32", "bfloat16"), "dtype", metavar="float32|bfloat16", help="Of the stored tensors."),
    ] = "float32",
    identifiers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="identifiers.json of the data it was trained on: the tasks that it knows.",
            rich_help_panel=TASKS,
            show_default=False,
        ),
    ] = None,
    task_data: Annotated[
        Path | None,
        typer.Option(
            "--arc-data",
            metavar="DIR",
            help="Make identifiers.json anew from the public challenges files in this folder.",
            rich_help_panel=TASKS,
            show_default=False,
        ),
    ] = None,
    copies: Annotated[
        int, typer.Option(metavar="N", min=0, help="With --arc-data: copies of each task.", rich_help_panel=TASKS)
    ] = 1000,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="With --arc-data: of the copies.", rich_help_panel=TASKS)
    ] = 42,
    tasks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Keep only what it knows of these tasks.", rich_help_panel=TASKS, show_default=False
        ),
    ] = None,
) -> None:
    """Turn a public raw state dict into a checkpoint folder; reads nothing but tensors.

    Examples:

        trm-solve models convert step_16275 --config all_config.yaml --out my-sudoku

        trm-solve models convert step_16275 --set H_cycles=3 --set L_cycles=6 --out my-sudoku --dtype bfloat16

        trm-solve models convert step_518071 --config all_config.yaml --arc-data kaggle --out my-arc
    """
    from trm_solve.hub.catalogue import Naming, convert_to

    naming = Naming(identifiers=identifiers, task_data=task_data, copies=copies, seed=seed, tasks=tasks)
    convert_to(source, config, _fields(set_), out, kind, dtype, naming, key, force)


@models.command(cls=Command)
def push(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Checkpoint folder, such as runs/mine/best.")],
    repository: Annotated[str, typer.Argument(metavar="ORG/REPO", help="Repository on the hub; made if need be.")],
    results: Annotated[
        Path | None,
        typer.Option("--eval", metavar="FILE", help="Output of eval --json, for the model card.", show_default=False),
    ] = None,
    message: Annotated[str, typer.Option("--message", metavar="TEXT", help="Of the commit.")] = "Upload model",
    private: Annotated[
        bool, typer.Option("--private", help="Where the repository is new: visible to you only.")
    ] = False,
) -> None:
    """Publish a checkpoint folder on the Hugging Face hub; prints the commit's address.

    Examples:

        trm-solve models push runs/mine/best me/my-sudoku

        trm-solve models push runs/mine/best me/my-sudoku --eval results.json --private
    """
    from trm_solve.hub.catalogue import push_to

    push_to(folder, repository, results, message=message, private=private)


def _fields(assignments: list[str] | None) -> dict[str, Any]:
    """What was stated of a configuration. Raises `InputError` for a field that no configuration has."""
    from trm_solve.convert import FIELDS
    from trm_solve.errors import InputError
    from trm_solve.strict import nearest

    found: dict[str, Any] = {}
    for text in assignments or []:
        name, value = o.assignment(text, "H_cycles=3")
        if name not in FIELDS:
            raise InputError(f"--set: unknown field '{name}'", nearest(name, list(FIELDS)))
        found[name] = value
    return found
