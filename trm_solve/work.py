"""The Python side of what takes longer: evaluate, train, adapt, generate, and what is done with models.

The names and the checks are those of the command line. Nothing is printed unless `progress` asks for it.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from numbers import Integral
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Literal, Unpack, cast, get_args, overload

from trm_solve import api, forms
from trm_solve.api import Reasoning, spelled
from trm_solve.config import (
    AdaptOptions,
    Compile,
    Fitted,
    RunOptions,
    SolveOptions,
    TrainOptions,
    check_device,
    check_dtype,
)
from trm_solve.errors import InputError, shown
from trm_solve.examples import existing
from trm_solve.kinds.option import Option
from trm_solve.puzzle import Puzzle
from trm_solve.results import Evaluation, Training, written
from trm_solve.shown import Json
from trm_solve.strict import nearest as nearest_of

if TYPE_CHECKING:
    from trm_solve.model import TRM

Name = str | os.PathLike[str]
Setting = str | int | float | bool | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None


def evaluate(
    paths: Name | Sequence[Name],
    model: Name | TRM | None = None,
    *,
    kind: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    offsets: int = 0,
    adapt_minutes: float = 3.0,
    total_minutes: float | None = None,
    fit: Fitted = "auto",
    leave_one_out: int | None = None,
    no_adapt: bool = False,
    report: Name | None = None,
    failures: Name | None = None,
    submission: Name | None = None,
    progress: bool = False,
    **reasoning: Unpack[Reasoning],
) -> Evaluation:
    """Measure a model on puzzles with known answers, by default with one attempt at each (`effort="fast"`).

    `paths` are files, folders, patterns or `example:NAME`. The options are those of `trm-solve eval`; the fields of
    `SolveOptions` are keywords. `report`, a folder, can be gone on with; without it `Evaluation.report` writes one
    later. Ctrl-C ends it with the figures so far. What cannot be measured is counted as `unreadable`. Under torchrun
    the processes share the work; each gets the figures of all, and the first one writes the files.

    Raises `InputError` for files, options and answers that cannot be used, `ModelError` for a model.

    >>> trm_solve.evaluate("example:sudoku/fifty", max_steps=2).puzzles
    50
    """
    check_device(device)
    check_dtype(dtype)
    options = SolveOptions.from_dict({"effort": "fast", **reasoning})
    fitting = AdaptOptions(
        minutes=adapt_minutes, folds=leave_one_out, fit=fit, compile=options.compile, on_interrupt="stop"
    )
    listed = _listed(paths, "paths", "names of files, folders or patterns; solve_many takes arrays")
    from trm_solve.evaluation.measure import EvalRequest, measure

    folder = Path(tempfile.mkdtemp(prefix="trm-solve-") if report is None else report)
    try:
        found = measure(
            EvalRequest(
                paths=tuple(listed),
                options=options,
                max_steps=(options.max_steps,),
                model=os.fspath(model) if isinstance(model, os.PathLike) else model,
                device=device,
                dtype=dtype,
                kind=kind,
                report=folder,
                failures=None if failures is None else Path(failures),
                submission=None if submission is None else Path(submission),
                total_minutes=total_minutes,
                offsets=offsets,
                adaptation=None if no_adapt else fitting,
                quiet=not progress,
                silent=not progress,
                partial=True,
            )
        )
    except BaseException:
        if report is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    interrupted = bool(found.figures.get("interrupted"))
    return Evaluation(found.figures, folder, interrupted, own=report is None, leads=found.leads)


spelled(evaluate, effort="fast")


def train(
    data: Name | Sequence[Name] = (),
    *,
    out: Name,
    init: str | os.PathLike[str] | None = None,
    resume: bool = False,
    preset: str | None = None,
    max_minutes: float | None = None,
    max_steps: int | None = None,
    valid: Name | Sequence[Name] = (),
    hold_out: float | None = None,
    progress: bool = False,
    **settings: Setting,
) -> Training:
    """Train a model: from scratch, from another (`init`), or on from where a run stopped (`resume`).

    `data` are files of puzzles with answers, folders of the public builder, `hf://datasets/ORG/NAME`, `example:NAME`;
    `out` is the folder of the run. `settings` are the further options of `trm-solve train` and the fields that its
    `--show-preset` prints, such as `lr=1e-3`, `batch_size=32`, `seed=1`, `threads=2`. Ctrl-C saves and ends the run.

    Raises `InputError` for data, settings or a folder that cannot be used, `ModelError` for `init`.

    >>> short = {"max_steps": 1, "max_minutes": 1, "batch_size": 4, "log_every": 1}
    >>> trm_solve.train("example:sudoku/fifty", out="runs/mine", init="sudoku", **short)
    Training(runs/mine, done, step 1)
    """
    run, recipe = ({field.name for field in dataclasses.fields(each)} for each in (RunOptions, TrainOptions))
    for name in settings:
        if name not in run | recipe:
            raise InputError(f"unknown setting {shown(name)}", nearest_of(name[:60], sorted(run | recipe)))
    own: dict[str, object] = {"data": _listed(data), "valid": _listed(valid), "hold_out": hold_out}
    own |= {"init": None if init is None else os.fspath(init)}
    asked = {name: value for name, value in {**own, **settings}.items() if name in run and value not in (None, [])}
    fields = {name: value for name, value in settings.items() if name in recipe and value is not None}
    horizon = {"max_minutes": max_minutes, "max_steps": max_steps}
    horizon = {name: value for name, value in horizon.items() if value is not None}
    from trm_solve.training.asking import begin
    from trm_solve.training.presets import DEFAULT
    from trm_solve.training.presets import recipe as checked
    from trm_solve.training.view import View

    checked(preset or DEFAULT, {**fields, **horizon})
    view = View()
    if not progress:
        view.quiet()
    return Training(Path(out), begin(os.fspath(out), asked, horizon, fields, preset, resume=resume, view=view))


def _listed(
    names: Name | Sequence[Name], what: str = "data", hint: str = "names of files, folders or data sets"
) -> list[str]:
    """One name or several, as a list. Raises `InputError` for what is no name."""
    several = [names] if isinstance(names, str | os.PathLike) else list(names)
    if not all(isinstance(each, str | os.PathLike) for each in several):
        raise InputError(f"{what} cannot be {shown(names)}", hint)
    return [os.fspath(each) for each in several]


def adapt(
    task: forms.Form,
    model: Name | TRM | None = None,
    *,
    minutes: float = 3.0,
    copies: int = 100,
    leave_one_out: int | None = None,
    fit: Fitted = "auto",
    seed: int = 0,
    compile: Compile = "auto",
    device: str = "auto",
    dtype: str = "auto",
    progress: bool = False,
) -> TRM:
    """A model fitted to one ARC task that it does not know, from its demonstration pairs alone, in so many minutes.

    `task` is a dict, a file or Puzzles of the task; `leave_one_out` is how many pairs are left out in turn to see
    whether the task was understood, which the model's `note` tells. `solve(task, model)` then asks it, `save` keeps it.
    Ctrl-C ends it with the best so far.

    Raises `InputError` for what is no task, `ModelError` for a model that cannot be fitted.

    >>> task = {"train": [{"input": [[1, 2]], "output": [[2, 1]]}], "test": [{"input": [[3, 4]]}]}
    >>> trm_solve.adapt(task, minutes=0.001, copies=2).note
    'Adapted to the task <puzzle>; leave-one-out: not measured.'
    """
    check_device(device)
    check_dtype(dtype)
    how = AdaptOptions(minutes=minutes, copies=copies, folds=leave_one_out, fit=fit, compile=compile)
    puzzles = api.read(task)
    tasks = {puzzle.task for puzzle in puzzles}
    if len(tasks) != 1 or "" in tasks:
        what = f"{len(tasks)} tasks" if len(tasks) > 1 else f"{puzzles[0].source}: no task" if puzzles else "no task"
        raise InputError(f"{what}, where one is expected", "a task has demonstration pairs and a test input")
    ready = api.model_for(puzzles[0], model, device, dtype)
    from trm_solve.tasks.answer import fitted
    from trm_solve.tasks.view import AdaptView

    with AdaptView(quiet=not progress) as view:
        made = fitted(ready, puzzles, how, SolveOptions(seed=seed), view, None).model
    made.name = f"{ready.name or 'unnamed'}, adapted to {puzzles[0].task}"
    return made


@overload
def generate(kind: str, *, output: None = None, progress: bool = False, **options: Setting) -> list[Puzzle]: ...
@overload
def generate(kind: str, *, output: Name, progress: bool = False, **options: Setting) -> Path: ...
def generate(
    kind: str, *, output: Name | None = None, progress: bool = False, **options: Setting
) -> list[Puzzle] | Path:
    """New puzzles with answers, as `trm-solve generate KIND` makes them: a list, or with `output` a file.

    `options` are those of the command, such as `count=10`, `seed=1`, `rating="4:60"` for Sudokus, `size=12` for mazes;
    `trm-solve generate KIND --help` has them all. Ctrl-C raises `KeyboardInterrupt` and leaves no file.

    Raises `InputError` for a kind, an option or a value that there is not.

    >>> [puzzle.kind for puzzle in trm_solve.generate("sudoku", count=2, seed=1)]
    ['sudoku', 'sudoku']
    """
    from trm_solve.kinds import generators

    known = generators()
    if kind not in known:
        raise InputError(f"no generator of {shown(kind)}", nearest_of(str(kind)[:60], list(known)))
    offered = {each.name: each for each in known[kind].options if each.name not in ("output", "quiet")}
    for name in options:
        if name not in offered:
            raise InputError(f"unknown option {shown(name)}", nearest_of(name[:60], list(offered)))
    chosen: dict[str, object] = {}
    for name, option in offered.items():
        chosen[name] = _value(option, options[name]) if name in options else option.default
        if chosen[name] is ...:
            raise InputError(f"'{name}' is missing", option.help)
    names = {each.name for each in known[kind].options}
    quiet = {"quiet": not progress} if "quiet" in names else {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "generated" if output is None else Path(output)
        known[kind].run(output=file, **chosen, **quiet)
        if output is not None:
            return file
        return [dataclasses.replace(each, source=f"<generated>:{n}") for n, each in enumerate(api.read(file), 1)]


def _value(option: Option, value: Setting) -> object:
    """What a generator is given for an option. Raises `InputError`."""
    kinds = get_args(option.type) if isinstance(option.type, UnionType) else (option.type,)
    if value is None and type(None) in kinds:
        return None
    if list[Path] in kinds and isinstance(value, Iterable):
        return [existing(os.fspath(each)) for each in _listed(value)]
    if Path in kinds and isinstance(value, str | os.PathLike):
        return Path(value)
    if bool in kinds and isinstance(value, bool):
        return value
    if isinstance(value, Integral) and not isinstance(value, bool) and int in kinds:
        if option.least is not None and value < option.least:
            raise InputError(f"'{option.name}' must be at least {option.least}, not {value}")
        return int(value)
    if str in kinds and isinstance(value, str | Integral) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"'{option.name}' cannot be {shown(value)}", option.help)


def save(model: Name | TRM, folder: Name, *, dtype: Literal["float32", "bfloat16"] | None = None) -> Path:
    """Write a checkpoint folder, config.json, model.safetensors and a card, which `load` takes; returns it.

    `dtype` is that of the stored numbers, by default the model's. Raises `InputError` where it cannot be written.

    >>> trm_solve.load(trm_solve.save(trm_solve.load("sudoku"), "models/mine")).config.kind
    'sudoku'
    """
    if dtype is not None:
        check_dtype(dtype)
    from trm_solve import checkpoint, pretrained
    from trm_solve.device import DTYPES
    from trm_solve.model import TRM

    ready = pretrained.load(os.fspath(model)) if isinstance(model, str | os.PathLike) else model
    if not isinstance(ready, TRM):
        raise InputError(f"model cannot be {shown(model)}", "what load, train or adapt gave")
    checkpoint.save(ready, Path(folder), dtype=None if dtype is None else DTYPES[dtype])
    return Path(folder)


def push(
    model: Name | TRM,
    repository: str,
    *,
    results: Name | Evaluation | None = None,
    message: str = "Upload model",
    private: bool = False,
) -> str:
    """Publish a checkpoint folder or a model as ORG/REPO on the Hugging Face hub; returns the commit's address.

    `results`, an `Evaluation` or the file of `eval --json`, stand in its card. Raises `ModelError`, `InputError`.
    """
    from trm_solve.hub.pull import push as publish

    with tempfile.TemporaryDirectory() as folder:
        place = Path(model) if isinstance(model, str | os.PathLike) else save(model, Path(folder) / "model")
        told = written(results.figures, Path(folder)) if isinstance(results, Evaluation) else results
        return publish(place, repository, None if told is None else Path(told), message=message, private=private)


def models() -> list[dict[str, Json]]:
    """What there is: packaged models, those that were pulled, known public checkpoints; `load` takes each `name`.

    The fields are those of `models list --json`.

    >>> [each["name"] for each in trm_solve.models() if each["state"] == "packaged"]
    ['arc', 'maze', 'sudoku']
    """
    from trm_solve.hub.catalogue import catalogue

    return cast(list[dict[str, Json]], catalogue())
