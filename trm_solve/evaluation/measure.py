"""`eval` from paths to figures: choose a model, share the work out, go on with a report, write what is wanted.

Puzzles and the model's name are looked at before torch is imported, so that a mistake is told at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import ExitCode, InputError
from trm_solve.evaluation.folder import ReportFolder, Row
from trm_solve.evaluation.inputs import open_puzzles, place, read_labelled, write_failures
from trm_solve.evaluation.tally import Outcome
from trm_solve.evaluation.tasks import Submission, Survey, survey, table
from trm_solve.files import AtomicFile, open_plain
from trm_solve.hub.folder import weights_of
from trm_solve.inputs import choose_model, must_be_for
from trm_solve.interrupt import Interrupt, exit_code
from trm_solve.kinds import get_kind
from trm_solve.locks import held
from trm_solve.puzzle import Puzzle
from trm_solve.render.film import film
from trm_solve.talk import say
from trm_solve.tasks.budget import Budget, count_unseen, estimate
from trm_solve.trace import Solution

if TYPE_CHECKING:
    from trm_solve.evaluation.evaluation import Evaluation
    from trm_solve.model import TRM
    from trm_solve.team import Team


@dataclass(frozen=True, kw_only=True)
class EvalRequest:
    """What a person asked to have measured."""

    paths: tuple[str, ...]
    options: SolveOptions
    max_steps: tuple[int, ...]  # each is measured
    model: str | TRM | None = None  # loaded already: it stays where and what it is
    device: str = "auto"
    dtype: str = "auto"
    kind: str | None = None
    report: Path | None = None
    failures: Path | None = None
    submission: Path | None = None  # of tasks, which need no answers then
    total_minutes: float | None = None  # of tasks: for all together
    offsets: int = 0  # places on the canvas at which each puzzle is measured; 0: as it was read
    adaptation: AdaptOptions | None = None  # to tasks that the model does not know
    quiet: bool = False
    silent: bool = False  # nor a word of what cannot be measured
    partial: bool = False  # Ctrl-C ends it with the figures so far, which say `interrupted`

    @property
    def given(self) -> TRM | None:
        """The model, where it is loaded already."""
        return None if isinstance(self.model, str) else self.model


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What every part of an evaluation needs to know of the whole."""

    request: EvalRequest
    budget: Budget
    files: list[Path]
    name: str  # of the model
    model: TRM
    team: Team
    settings: list[SolveOptions]  # by the number of steps
    where: dict[str, str]  # kind, model, device and dtype, as they are told
    counted: Survey | None  # of tasks
    submission: Submission | None

    def read(self) -> Iterator[Puzzle | InputError]:
        """What is in the files."""
        return read_labelled(self.files, self.request.kind, unlabelled=self.request.submission is not None)

    def placed(self) -> Iterator[Puzzle | InputError]:
        """The same, each puzzle at every place on the canvas that was asked for."""
        offsets = self.request.offsets
        return place(self.read(), offsets, self.request.options.seed) if offsets else self.read()


class Measured(NamedTuple):
    """What an evaluation came to; each process of several has the figures of all."""

    figures: dict[str, Any]  # the object of `eval --json`
    code: int  # to exit with
    leads: bool = True  # this process, which has written the files and may talk


def measure(request: EvalRequest) -> Measured:
    """Measure what was asked, alone or as one of several processes.

    The figures are those of the largest `max_steps`; where there are several, `runs` holds each. Raises `InputError`
    or `ModelError`. The first Ctrl-C ends what has a submission or a bound of time with what there is, as time does.
    """
    with Interrupt() if request.submission or request.total_minutes else contextlib.nullcontext() as interrupt:
        return _measure(request, Budget(request.total_minutes, interrupt))


def prepare(request: EvalRequest) -> tuple[list[Path], str, Iterator[Puzzle | InputError], str]:
    """The files, the kind of their puzzles, what is in them, and the model's name, before there is any work.

    Raises `InputError` or `ModelError` for what was asked and cannot be.
    """
    files, kind, items = open_puzzles(request.paths, request.kind, unlabelled=request.submission is not None)
    _refuse(request, kind)
    asked = request.model
    if asked is None or isinstance(asked, str):
        return files, kind, items, choose_model(asked, kind, f"these are {kind} puzzles")
    return files, kind, items, asked.name or "unnamed"


def _measure(request: EvalRequest, budget: Budget) -> Measured:
    files, kind, items, name = prepare(request)
    given = request.given
    counted = survey(items) if get_kind(kind).tasks is not None else None
    for _ in place(items, 1, 0) if request.offsets else ():
        pass  # what has no offsets is refused before there is any work to lose

    from trm_solve import pretrained
    from trm_solve.device import choose_device
    from trm_solve.evaluation.report import count_lines
    from trm_solve.fuse import fuse, operations, unfuse
    from trm_solve.team import Team

    with (
        Team(choose_device(request.device) if given is None else given.device) as team,
        _submission(request, kind, counted if team.leads else None) as submission,
        AtomicFile(request.failures) if request.failures and team.leads else contextlib.nullcontext() as failures,
        contextlib.ExitStack() as until_done,
    ):
        model = given or pretrained.ready(name, device=str(team.device), dtype=request.dtype)
        must_be_for(kind, name, model.config.kind, f"these are {kind} puzzles")
        size = counted.items if counted is not None else sum(map(count_lines, files))
        if request.options.halt == "never":  # else nobody knows how much work it is, and it is counted on the way
            work = size * max(request.offsets, 1) / team.size * sum(request.max_steps)
            fuse(model, request.options.compile, work * operations(model))
        if given is not None:
            until_done.callback(unfuse, given)
        dtype = str(model.forward_dtype).removeprefix("torch.")
        job = _Job(
            request=request,
            budget=budget,
            files=files,
            name=name,
            model=model,
            team=team,
            settings=[dataclasses.replace(request.options, max_steps=n) for n in sorted(set(request.max_steps))],
            where={"kind": kind, "model": name, "device": str(model.device), "dtype": dtype},
            counted=counted,
            submission=submission,
        )
        folder = until_done.enter_context(_report(job))
        alone, interrupted = _run(job, folder)
        found = [_sum(team, each) for each in alone]
        runs = [each.to_dict(options, **job.where) for each, options in zip(found, job.settings, strict=True)]
        figures = runs[-1] | ({"runs": runs} if len(runs) > 1 else {})
        interrupted = team.any(interrupted or (request.partial and budget.interrupt.raised))
        figures |= {"interrupted": True} if interrupted else {}
        if not team.leads:
            return Measured(figures, ExitCode.OK, leads=False)
        if submission is not None:
            outcomes = (each for inputs in found[-1].tally.by_task.values() for each in inputs)
            submission.answers |= {each.index: each.answers for each in outcomes}
        if (left := found[-1].not_reached) and not request.silent:
            say(f"note: no time was left for {left} of {size} test inputs")
        if budget.interrupt.raised and not request.partial:
            return Measured(figures, exit_code())
        if folder is not None and (request.partial or not left):
            rows = {} if counted is None else {"by_task": table(found[-1].tally.by_task)}
            folder.finish(figures | rows, [] if interrupted else _pictures(job, found[-1].failures))
        if counted is not None and counted.unlabelled and not request.quiet:
            note = f"{counted.unlabelled} of {counted.items} test inputs have no answer to measure against"
            say(f"note: {note}; they are in the submission only")
        if failures is not None:
            write_failures(failures, job.placed(), found[-1].failures)
        return Measured(figures, int(max(each.exit_code for each in found)))


@contextlib.contextmanager
def _report(job: _Job) -> Iterator[ReportFolder | None]:
    """The report folder that was asked for, held by this evaluation alone."""
    request, team, counted = job.request, job.team, job.counted
    if request.report is None:
        yield None
        return
    path = team.agree(request.report)
    told = _settings(job)
    if counted is not None:
        how = request.adaptation
        told |= {
            "unlabelled": counted.unlabelled,
            "adapt_minutes": None if how is None else how.minutes if job.budget.minutes is None else "shared",
            "leave_one_out": None if how is None else how.folds,
            "fit": None if how is None else how.fit,
        }
    with team.led(lambda: held(path)):
        with team.one_voice():
            folder = ReportFolder(path, told, team.rank, team.size)
        yield folder


def _run(job: _Job, folder: ReportFolder | None) -> tuple[list[Evaluation], bool]:
    """This process's share of every setting, and whether it was interrupted, where it may be."""
    from trm_solve.evaluation.evaluation import Evaluation, evaluate
    from trm_solve.evaluation.report import Meter

    request, team, counted, submission = job.request, job.team, job.counted, job.submission
    found = {options.max_steps: Evaluation() for options in job.settings}
    done: dict[int, set[int]] = {steps: set() for steps in found}
    for row in folder.rows(None if counted is None else counted.ends()) if folder is not None else ():
        if row.index in done[row.max_steps]:
            continue  # done by two processes at once: an older version had no lock
        found[row.max_steps].add(row.news)
        found[row.max_steps].seconds = row.seconds
        if submission is not None and isinstance(row.news, Outcome):
            submission.answers[row.index] = row.news.answers
        done[row.max_steps].add(row.index)
    tasks: list[Puzzle | InputError] | None = None
    if counted is not None:
        tasks = list(job.read())  # few enough to be held
        _announce(job, counted, tasks, done[job.settings[-1].max_steps])
    expected = 0 if counted is None else -(-counted.items // team.size)
    with folder or contextlib.nullcontext():
        for options in job.settings:
            steps = options.max_steps
            quiet = request.quiet or not team.leads
            with Meter(job.files, found[steps], items=expected, quiet=quiet, silent=request.silent) as meter:

                def notice(
                    place: int, news: Outcome | InputError, so_far: Evaluation, meter: Meter = meter, steps: int = steps
                ) -> None:
                    # what Ctrl-C cut short is answered for now, and is done anew by whoever goes on
                    if folder is not None and not job.budget.interrupt.raised:
                        folder.add(Row(steps, place, news, so_far.seconds))
                    if submission is not None and isinstance(news, Outcome):
                        submission.answers[place] = news.answers
                    meter.notice(news)

                try:
                    evaluate(
                        job.model,
                        job.read() if tasks is None else tasks,
                        options,
                        name=job.name,
                        so_far=found[steps],
                        done=done[steps],
                        share=(team.rank, team.size),
                        offsets=request.offsets,
                        notice=notice,
                        adaptation=request.adaptation,
                        budget=job.budget,
                    )
                except KeyboardInterrupt:
                    if not request.partial:
                        raise
                    return list(found.values()), True
    return list(found.values()), False


def _announce(job: _Job, counted: Survey, tasks: list[Puzzle | InputError], done: Collection[int]) -> None:
    """Say what is done already and how long the rest will take."""
    request, team = job.request, job.team
    mine = [place in done for place in range(counted.items)]
    done = {place for place, there in enumerate(team.count(mine)) if there}
    if team.leads and not request.quiet:
        kept = sum(places[-1] in done for places in counted.inputs.values())
        if kept:
            say(f"{kept} of {len(counted.inputs)} tasks taken from {request.report}")
        unseen, known = count_unseen(tasks, job.model.identifiers, done)
        if unseen and request.adaptation is not None:
            say(estimate(unseen, known, request.adaptation.minutes, request.total_minutes, team.size))


def _submission(
    request: EvalRequest, kind: str, counted: Survey | None
) -> contextlib.AbstractContextManager[Submission | None]:
    if request.submission is None or counted is None:
        return contextlib.nullcontext()
    return Submission(request.submission, kind, counted)


OF_NO_CONCERN = ("max_steps", "slots", "compile")  # a report says the steps itself, and the others change no figure
FAILED, SUCCEEDED = 6, 3  # puzzles of which a report has pictures


def _pictures(job: _Job, failures: Sequence[int]) -> list[tuple[str, str]]:
    """Some that failed and some that did not, solved once more for their steps: captions and SVG.

    A task that the model does not know would have to be fitted anew: it has none.
    """
    from trm_solve.render import pictures
    from trm_solve.tasks.answer import answer

    options = job.settings[-1]
    failed, chosen, left = set(failures), dict[str, list[Puzzle]]({"failed": [], "right": []}), FAILED + SUCCEEDED
    for index, item in enumerate(job.placed()):
        group, most = ("failed", FAILED) if index in failed else ("right", SUCCEEDED)
        if isinstance(item, Puzzle) and item.answer is not None and len(chosen[group]) < most:
            chosen[group].append(item)
            left -= 1
        if not left or index > 10_000:
            break
    made = []
    try:
        for group, puzzles in chosen.items():
            for event in answer(job.model, puzzles, options, watch=True, name=job.name, go_on=True):
                if isinstance(event, Solution):
                    last = film(event, max_steps=options.max_steps)[-1:]
                    made.append((f"{group}: {event.puzzle.source}", pictures.encode(last, Path("x.svg")).decode()))
                    if not get_kind(event.puzzle.kind).has_rules:
                        made.append(("the right answer", pictures.label(event.puzzle)))
    except KeyboardInterrupt:
        if not job.request.partial:
            raise
    return made


def _refuse(request: EvalRequest, kind: str) -> None:
    """What was asked for and does not go with the kind. Raises `InputError`."""
    tasks = get_kind(kind).tasks is not None
    for option, value in (("--submission", request.submission), ("--total-minutes", request.total_minutes)):
        if not tasks and value is not None:
            raise InputError(f"{option} is for ARC tasks, these are {kind} puzzles")
    if tasks and request.offsets:
        raise InputError("--offsets is for mazes, these are ARC tasks")
    if tasks and request.failures is not None:
        raise InputError("--failures keeps single puzzles, these are ARC tasks", "--report DIR says how each task went")


def _sum(team: Team, mine: Evaluation) -> Evaluation:
    """The processes' evaluations as one."""
    if team.size == 1:
        return mine
    import torch.distributed as dist

    from trm_solve.evaluation.evaluation import Evaluation

    parts: list[Evaluation | None] = [None] * team.size
    dist.all_gather_object(parts, mine)
    whole = Evaluation()
    for part in parts:
        assert part is not None
        whole += part
    return whole


def _settings(job: _Job) -> dict[str, Any]:
    """All that decides the figures: a report goes on only where it is the same."""
    from trm_solve.pretrained import resolve

    request = job.request
    weights = hashlib.sha256()
    if request.given is not None:
        for tensor in job.model.state_dict().values():
            weights.update(tensor.detach().float().cpu().numpy().tobytes())
    else:
        for path in weights_of(resolve(job.name)):
            with open_plain(path) as file:
                while block := file.read(1 << 20):  # gigabytes of a table need no memory
                    weights.update(block)
    kept = {name: value for name, value in request.options.to_dict().items() if name not in OF_NO_CONCERN}
    return {
        **kept,
        **job.where,
        "max_steps": [options.max_steps for options in job.settings],
        "offsets": request.offsets,
        "weights": weights.hexdigest(),
        "files": [[str(file), file.stat().st_size if file.exists() else None] for file in job.files],
    }
