"""Options that several commands share, and how FIELD=VALUE is read."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from trm_solve import config
from trm_solve.cli.shape import choice
from trm_solve.errors import InputError

MODEL, RUN, TASKS, OUTPUT = "Model", "Reasoning", "Tasks", "Output"


def complete_model(incomplete: str) -> list[str]:
    """Shell completion of model names: packaged, known, pulled."""
    from trm_solve.hub.names import names

    return [name for name in names() if name.startswith(incomplete)]


def complete_example(ctx: typer.Context, incomplete: str) -> list[str]:
    """Shell completion of the examples that ship, once their name has been begun: of other files the shell knows more.

    Bash takes the colon in it for a word of its own, and wants what stands behind it.
    """
    from trm_solve.examples import PREFIX, files

    if any(isinstance(value, list | tuple) and value[-1:] == type(value)(":") for value in ctx.params.values()):
        return [name for name in files() if name.startswith(incomplete)]
    return [PREFIX + name for name in files() if incomplete and (PREFIX + name).startswith(incomplete)]


Puzzles = Annotated[
    list[str],
    typer.Argument(
        metavar="PUZZLE...",
        help="Files, or the puzzle itself, or - for standard input; example:NAME is one that ships.",
        autocompletion=complete_example,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME|PATH|ORG/REPO",
        envvar="TRM_MODEL",
        autocompletion=complete_model,
        help="Packaged or known model, checkpoint folder, or ORG/REPO\\[@REVISION][:FILE] of the Hugging Face hub; "
        "default: the packaged one for the puzzle's kind.",
        rich_help_panel=MODEL,
    ),
]
_DEVICE = choice(
    lambda: config.DEVICES,
    "device",
    metavar="auto|cpu|cuda[:N]|mps",
    envvar="TRM_DEVICE",
    help="Where to compute.",
    rich_help_panel=MODEL,
    stem=True,
)
Device = Annotated[str, _DEVICE]
OptionalDevice = Annotated[str | None, _DEVICE]  # where a recipe or an earlier run may say it
_COMPILE = choice(
    lambda: get_args(config.Compile),
    "way to compile",
    "--compile",
    metavar="auto|on|off",
    help="Compile the network; auto: where it pays.",
    rich_help_panel=MODEL,
)
Compile = Annotated[str, _COMPILE]
OptionalCompile = Annotated[str | None, _COMPILE]  # where a recipe or an earlier run may say it
_DTYPE = choice(
    lambda: config.DTYPES,
    "dtype",
    metavar="auto|float32|bfloat16",
    help="Of the numbers; auto: bfloat16 where the machine has it.",
    rich_help_panel=MODEL,
)
Dtype = Annotated[str, _DTYPE]
OptionalDtype = Annotated[str | None, _DTYPE]  # where a recipe or an earlier run may say it


def kind_words() -> list[str]:
    from trm_solve.kinds import kind_names

    return kind_names()


PuzzleKind = Annotated[
    str | None,
    choice(
        kind_words,
        "puzzle kind",
        "--kind",
        metavar="KIND",
        help="Kind of puzzle, where the content does not tell: sudoku, maze or arc.",
        rich_help_panel=RUN,
    ),
]
MaxSteps = Annotated[
    int, typer.Option(min=1, metavar="N", help="Supervision steps of an attempt.", rich_help_panel=RUN)
]
HaltRule = Annotated[
    str,
    choice(
        lambda: get_args(config.Halt),
        "rule",
        "--halt",
        metavar="rules|q|never",
        help="rules: at a verified answer; q: when the model says so; never: at --max-steps.",
        rich_help_panel=RUN,
    ),
]
Effort = Annotated[
    str,
    choice(
        lambda: get_args(config.Effort),
        "effort",
        "--effort",
        metavar="fast|normal|max",
        help="fast: one attempt; normal: more where it cannot be verified; max: many more.",
        rich_help_panel=RUN,
    ),
]
Attempts = Annotated[
    int,
    typer.Option(
        "--attempts",
        "--votes",
        min=0,
        metavar="N",
        help="At most so many attempts (of ARC: copies that vote); 0: by effort.",
        rich_help_panel=RUN,
    ),
]
AdaptMinutes = Annotated[
    float,
    typer.Option(
        min=0.01,
        metavar="MINUTES",
        help="Time for a task that the model does not know, its vote too.",
        rich_help_panel=TASKS,
    ),
]
TotalMinutes = Annotated[
    float | None,
    typer.Option(
        min=0.01, metavar="MINUTES", help="Time for all tasks together, shared out among them.", rich_help_panel=TASKS
    ),
]
Submission = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write two attempts at each ARC test input, in the official form; also after Ctrl-C.",
        rich_help_panel=OUTPUT,
    ),
]
FitWhat = Annotated[
    str,
    choice(
        lambda: get_args(config.Fitted)[:-1],
        "choice",
        "--fit",
        metavar="auto|all|rows|scratch",
        help="What learns such a task: all weights of the model, its rows alone, or fresh weights (scratch); auto: "
        "fresh weights, by turns with the model's if it has a symbol axis.",
        rich_help_panel=TASKS,
    ),
]
LeaveOneOut = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Pairs left out in turn, to see whether the task is understood; 0: all of the time for the answer.",
        rich_help_panel=TASKS,
    ),
]
NoAdapt = Annotated[
    bool,
    typer.Option("--no-adapt", help="Answer for tasks that the model knows, and no others.", rich_help_panel=TASKS),
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Seed of every random draw.", rich_help_panel=RUN)]
Slots = Annotated[
    int, typer.Option(min=0, metavar="N", help="Puzzles that run together; 0: by the device.", rich_help_panel=RUN)
]
Answers = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the answers here.", rich_help_panel=OUTPUT),
]
Save = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Keep the picture: .svg, .html, .png, or .gif.", rich_help_panel=OUTPUT),
]
Pace = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="Time a step, on a terminal.", rich_help_panel=OUTPUT)
]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of text.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the answers.", rich_help_panel=OUTPUT)]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say on stderr which model, device and dtype.", rich_help_panel=OUTPUT)
]


def assignment(text: str, such_as: str) -> tuple[str, Any]:
    """`FIELD=VALUE` of `--set`, the value as JSON, or as it stands where it is not JSON. Raises `InputError`."""
    from trm_solve.untrusted import parse_json

    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise InputError(f"--set '{text}' has no value", f"write --set FIELD=VALUE, such as --set {such_as}")
    try:
        return name, parse_json(value)
    except ValueError:
        return name, value
