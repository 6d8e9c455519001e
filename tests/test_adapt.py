"""Fitting a model to a task it does not know, and solving ARC tasks from the shell."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import trm_solve
from trm_solve import checkpoint, pretrained
from trm_solve.cli import main
from trm_solve.config import AdaptOptions, ModelConfig, SolveOptions
from trm_solve.errors import InputError, ModelError
from trm_solve.fuse import fused
from trm_solve.kinds.arc.kind import Arc
from trm_solve.kinds.arc.known import fingerprint
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle, key_of
from trm_solve.reading import read_lines
from trm_solve.tasks import adapt as module
from trm_solve.tasks import answer as answering
from trm_solve.tasks import budget as budgets
from trm_solve.tasks import voting
from trm_solve.tasks.adapt import adapt
from trm_solve.tasks.answer import answer
from trm_solve.tasks.identifiers import Identifiers
from trm_solve.tasks.progress import Progress
from trm_solve.tasks.voting import voters
from trm_solve.trace import Candidate, Solution, Step
from trm_solve.training import setup
from trm_solve.training.losses import IGNORE
from trm_solve.training.supervise import Batch

TASKS = Arc.tasks

TASK = {
    "train": [
        {"input": [[1, 0, 0], [0, 2, 0]], "output": [[0, 0, 1], [0, 2, 0]]},
        {"input": [[3, 3, 0], [0, 0, 0]], "output": [[0, 3, 3], [0, 0, 0]]},
    ],
    "test": [{"input": [[7, 0, 0], [0, 0, 8]]}, {"input": [[7, 7, 0], [0, 0, 8]]}],
}
NAMES = ["<blank>", "seen", "seen|||t4|||0123456789", "seen|||t0|||0213456789"]
A, B = [[1, 1]], [[2]]  # two answers
FOREVER = SimpleNamespace(monotonic=lambda: 0.0)  # no vote is cut short, however busy the machine
FRESH = Arc.presets["adapt-fresh"]
QUICK = AdaptOptions(minutes=0.04, copies=2, folds=2, recipe={"batch_size": 2})


@pytest.mark.parametrize(
    ("minutes", "compile", "colours", "fit"),
    [(2.9, False, 0, "all"), (3.0, True, 0, "all"), (3.0, False, 0, "auto"), (3.0, False, 1, "auto")],
)
def test_a_fit_is_compiled_where_that_pays_and_the_vote_is_not(
    minutes: float, compile: bool, colours: bool, fit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[torch.nn.Module] = []

    def compiled(self: torch.nn.Module, **_: object) -> None:
        calls.append(self)
        self._compiled_call_impl = self._call_impl

    monkeypatch.setattr(torch.nn.Module, "compile", compiled)
    monkeypatch.setattr(torch, "compile", lambda function: function)
    monkeypatch.setattr(setup.shutil, "which", lambda name: name)
    ticks = itertools.count()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(ticks) * 10.0))
    base = colourful() if colours else tiny()
    first = puzzles()[0]
    how = dataclasses.replace(QUICK, minutes=minutes, fit=fit)
    found = adapt(base, "new", first.examples, [first.question], how)
    assert bool(calls) is compile
    assert all(network is not base.L_level for network in calls)
    assert not fused(found.model)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock takes 20 ms, so that no machine is too slow; of small fits the votes are a large part."""
    ticks = itertools.count()
    monkeypatch.setattr(module, "FOLD_FIT", 0.5)
    monkeypatch.setattr(module, "FOLD_VOTES", 1)
    monkeypatch.setattr(module, "FOLD_GUESSES", 1)
    for each in (module, answering, budgets):
        monkeypatch.setattr(each, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 50))


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small network for fresh weights."""
    few = {"hidden_size": 20, "relations": ["up", "all"], "links": ["mirrored_sideways"], "exchange_size": 12}
    monkeypatch.setitem(Arc.presets, "adapt-fresh", {**FRESH, **few})  # type: ignore[arg-type]


def tiny(names: list[str] | None = None, canvas: str = "crop") -> TRM:
    torch.manual_seed(0)
    fields = {"hidden_size": 16, "num_heads": 2, "intermediate_size": 32, "mlp_t": False, "pos_encodings": "rope2d"}
    fields |= {"puzzle_emb_ndim": 16, "puzzle_emb_len": 1, "H_cycles": 1, "L_cycles": 1, "canvas": canvas}
    rows = len(names or NAMES)
    config = {"kind": "arc", "grid": [30, 30], "vocab_size": 12, "num_puzzle_identifiers": rows, "halt_max_steps": 2}
    model = TRM(ModelConfig.from_dict(config | fields)).eval().requires_grad_(False)
    model.puzzle_emb.weights = torch.randn(rows, 16)
    model.identifiers = Identifiers(TASKS, rows, given=names or NAMES)
    return model


def colourful() -> TRM:
    """A tiny model with a state for each colour."""
    torch.manual_seed(0)
    fields: dict[str, Any] = {"hidden_size": 40, "num_heads": 1, "intermediate_size": 8, "mlp_t": False}
    fields |= {"pos_encodings": "relations", "relations": ["up", "left", "all"], "symbols": [2, 11]}
    fields |= {"symbol_heads": 1, "exchange_size": 10, "puzzle_emb_ndim": 40, "canvas": "crop"}
    fields |= {"kind": "arc", "grid": [30, 30], "vocab_size": 12, "halt_max_steps": 2, "H_cycles": 2, "L_cycles": 1}
    model = TRM(ModelConfig.from_dict(fields)).eval().requires_grad_(False)
    setup.relate(model)
    return model


@pytest.mark.parametrize(
    ("base", "fit", "width"),
    [(colourful, "all", 40), (colourful, "scratch", 240), (colourful, "auto", 40), (tiny, "auto", 240)],
)
def test_a_model_with_a_state_for_each_colour_is_fitted_with_copies_that_keep_colours(
    base: Any, fit: Any, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From fresh weights, whatever network the model has, or from its own."""
    monkeypatch.setitem(Arc.presets, "adapt-fresh", FRESH)  # type: ignore[arg-type]
    base = base()
    how = AdaptOptions(minutes=0.04, folds=0, fit=fit, recipe={"batch_size": 2})
    first, second = puzzles()
    found = adapt(base, "new", first.examples, [first.question, second.question], how)
    assert found.updates > 0
    names = found.model.identifiers.names
    assert all(name == "new" or name.endswith("|||0123456789") for name in names[1:])
    assert 1 < len(names) - 1 <= 8
    assert found.model.puzzle_emb.weights.shape == (len(names), width)
    assert found.model.puzzle_emb.weights.any()
    all_of_kind = torch.from_numpy(np.stack(list(Arc().relations.values())))
    assert torch.equal(found.model.relations, base.relations if width == 40 else all_of_kind)
    given = solutions(answer(base, [first, second], SolveOptions(), adaptation=how, name="m"))
    assert all(each.facts["adapt_updates"] > 0 for each in given)


@pytest.mark.parametrize("learned", [0, 1])
def test_beside_a_base_with_a_symbol_axis_fresh_weights_are_fitted_and_the_better_ones_vote_last(
    learned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks: list[int] = []  # the width of each that was fitted

    class Learner(module.Learner):
        def __init__(self, model: TRM, *rest: Any) -> None:
            networks.append(model.config.hidden_size)
            super().__init__(model, *rest)

        def take_window(self) -> dict[str, float]:
            return {"exact_accuracy": 10.0 if len(networks) > 1 - learned else 0.0, "count": 10.0}

    monkeypatch.setattr(module, "Learner", Learner)
    monkeypatch.setattr(module, "WINDOW", 1)
    monkeypatch.setattr(module, "SAME", 1000.0)  # no third one
    first, stands = puzzles()[0], list[Progress]()
    how = AdaptOptions(minutes=0.15, folds=0, recipe={"batch_size": 2, "halt_max_steps": 1})
    vote = SolveOptions(max_steps=1)
    found = adapt(colourful(), "new", first.examples, [first.question], how, vote=vote, notice=stands.append)
    assert networks == [40, 20]
    assert found.model.config.hidden_size == networks[1 - learned]
    assert bool(found.model.config.links) is not bool(learned)
    assert [vote.attempts for votes in found.guesses.votes.values() for vote in votes] == [8]
    parts = [stand.part for stand in stands]
    assert list(dict.fromkeys(parts)) == ["all pairs", "all pairs, fit 2, fresh weights"]


@pytest.mark.parametrize(
    ("base", "fit", "exact", "taught"),
    [
        (colourful, "all", 1.0, {40, 20}),  # from fresh weights too
        (colourful, "all", 0.9, set()),
        (colourful, "rows", 1.0, set()),
        (tiny, "all", 1.0, set()),
    ],
)
def test_copies_learn_what_they_agree_on_once_the_examples_come_out_right(
    base: Any, fit: Any, exact: float, taught: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[int, int]] = []
    teach = module.Agreement.teach

    def recorded(agreement: Any, learner: Any, progress: float) -> None:
        steps.append((learner.model.config.hidden_size, learner.step))
        teach(agreement, learner, progress)

    monkeypatch.setattr(module.Agreement, "teach", recorded)

    def right(learner: Any) -> dict[str, float]:
        return {"exact_accuracy": exact if learner.step >= 3 else 0.0, "count": 1.0}

    monkeypatch.setattr(module.Learner, "take_window", right)
    monkeypatch.setattr(module, "WINDOW", 1)
    first = puzzles()[0]
    how = AdaptOptions(minutes=0.2, folds=0, fit=fit, recipe={"batch_size": 2, "halt_max_steps": 1})
    adapt(base(), "new", first.examples, [first.question], how)
    assert all(step > 3 and step % 2 == 0 for _, step in steps)
    assert {width for width, _ in steps} == taught


def test_what_copies_agree_on_moves_the_weights_and_no_row() -> None:
    base, first = colourful(), puzzles()[0]
    fitting = module._Fitting(
        base, "new", first.examples, [], AdaptOptions(folds=0), SolveOptions(), lambda _: None, False, None
    )
    learner = fitting.learner(first.examples, False, 0)
    tokens = torch.from_numpy(Arc().encode(first)).long()[fitting.cells].expand(3, -1)
    batch = Batch(tokens, tokens.masked_fill(tokens == 0, IGNORE), torch.tensor([1, 2, 3]))
    rows = learner.model.puzzle_emb.weights.clone()

    def loss() -> float:
        with torch.no_grad():
            logits = learner.model(tokens, batch.ids, steps=1, cells=learner.cells[0]).logits
        return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten()))

    before, learner.step = loss(), 100  # the rate has risen
    for _ in range(30):
        learner.learn_beside(batch, 0.5, 0.5)
    assert loss() < 0.9 * before
    assert torch.equal(learner.model.puzzle_emb.weights, rows)
    assert learner.step == 100
    assert learner.ema.updates == 30


@pytest.mark.parametrize(
    ("second", "fits"),
    [
        ([(A, 8)], 2),
        ([(A, 6), (B, 2)], 2),
        ([(A, 5), (B, 3)], 3),
        ([(B, 8)], 3),
        ([], 3),
        (None, 3),
    ],
)
def test_two_fits_that_agree_on_an_answer_are_enough(
    second: list[Any] | None, fits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ranked(votes: list[Any] | None) -> list[Candidate] | None:
        return None if votes is None else [Candidate(np.array(grid, np.uint8), count, 0.9) for grid, count in votes]

    answers = iter([ranked([(A, 8)]), ranked(second), ranked([(A, 8)])])
    monkeypatch.setattr(module._Fitting, "ask", lambda *_, **__: next(answers))
    monkeypatch.setattr(module._Fitting, "vote_seconds", lambda _: 0.0)
    monkeypatch.setattr(module.Learner, "take_window", lambda _: {"exact_accuracy": 1.0, "count": 1.0})
    monkeypatch.setattr(module, "LOOKS", ())
    monkeypatch.setattr(module, "WINDOW", 1)
    made: list[int] = []
    fit = module._Fitting.fit

    def fitted(fitting: Any, *arguments: Any, **rest: Any) -> Any:
        made.append(len(made))
        if len(made) == 3:
            fitting.interrupt.raised = True  # three show it
        return fit(fitting, *arguments, **rest)

    monkeypatch.setattr(module._Fitting, "fit", fitted)
    first = puzzles()[0]
    how = AdaptOptions(minutes=0.2, folds=0, recipe={"batch_size": 2, "halt_max_steps": 1})
    found = adapt(colourful(), "new", first.examples, [first.question], how)
    assert len(made) == fits
    votes = found.guesses.votes.get(key_of(first.question), [])
    assert len(votes) == fits - 1 - (second is None)


@pytest.mark.parametrize(
    ("pairs", "alike", "unseen", "like"),
    [
        ([[[0, 5, 1]], [[0, 5, 2]]], (1, 2), (3, 4, 6, 7, 8, 9), (1, 2)),
        ([[[0, 5, 1]], [[0, 1, 5]]], (), (2, 3, 4, 6, 7, 8, 9), (1, 5)),  # each has a part of its own in every pair
        ([[[0, 3]], [[3, 3]]], (), (1, 2, 4, 5, 6, 7, 8, 9), (3,)),  # nobody is like the background
        ([[[0, 0]], [[0, 0]]], (), tuple(range(1, 10)), (0,)),
        ([[[1, 2, 3, 4, 5]], [[6, 7, 8, 9, 0]]], tuple(range(1, 10)), (), tuple(range(1, 10))),
    ],
)
def test_colours_that_only_some_pairs_show_and_new_ones_are_taken_to_be_alike(
    pairs: list[Any], alike: tuple[int, ...], unseen: tuple[int, ...], like: tuple[int, ...]
) -> None:
    grids = [np.array(each, np.uint8) for each in pairs]
    assert TASKS.tied([(grid, grid[:, ::-1]) for grid in grids]) == (alike, unseen, like)


@pytest.mark.parametrize("learned", [True, False])
def test_alike_colours_part_where_the_examples_are_not_learned_without(
    learned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, first = colourful(), puzzles()[0]
    monkeypatch.setattr(module, "LEARNED", 0.0 if learned else 1.1)
    monkeypatch.setattr(module, "WINDOW", 5)
    how = AdaptOptions(minutes=0.1, folds=0, recipe={"batch_size": 2, "halt_max_steps": 1})
    found = adapt(base, "new", first.examples, [first.question], how)
    assert found.updates > 4
    rows = found.model.puzzle_emb.weights.view(-1, 10, 4)  # 1, 2 and 3 stand in one pair each
    assert torch.allclose(rows[:, 1], rows[:, 2]) is learned
    assert torch.allclose(rows[:, 9], rows[:, [1, 2, 3]].mean(1))  # a colour that only a question shows
    assert not torch.allclose(rows[1:, 9], rows[1:, 0])


def puzzles(name: str = "new") -> list[Puzzle]:
    return [item for item in read_lines([json.dumps({name: TASK})], "some.json") if isinstance(item, Puzzle)]


def solutions(events: object) -> list[Solution]:
    return [event for event in events if isinstance(event, Solution)]  # type: ignore[attr-defined]


def test_the_base_is_left_as_it_was_and_the_fit_learns() -> None:
    base = tiny()
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    heard: list[Progress] = []
    first = puzzles()[0]
    how = AdaptOptions(minutes=0.08, copies=2, folds=2, recipe={"batch_size": 4})
    found = adapt(base, "new", first.examples, [first.question], how, notice=heard.append)
    assert all(torch.equal(tensor, before[name]) for name, tensor in base.state_dict().items())
    assert found.model.identifiers is not None
    assert found.model.identifiers.names[:2] == ["<blank>", "new"]
    assert found.model.config.num_puzzle_identifiers == len(found.model.identifiers.names) == 4
    assert found.leave_one_out[1] == 2
    assert found.updates > 0
    assert {stand.fold for stand in heard} <= {0, 1, 2}
    assert not torch.equal(found.model.lm_head.weight, before["lm_head.weight"])


@pytest.mark.parametrize("fit", ["rows", "scratch"])
def test_what_is_fitted(fit: str) -> None:
    base, first = tiny(), puzzles()[0]
    how = AdaptOptions(minutes=0.03, copies=1, folds=2, fit=fit, recipe={"batch_size": 2})  # type: ignore[arg-type]
    found = adapt(base, "new", first.examples, [first.question], how)
    same = torch.equal(found.model.lm_head.weight, base.lm_head.weight)
    assert same == (fit == "rows")
    assert not torch.equal(found.model.puzzle_emb.weights[1], base.puzzle_emb.weights.mean(0))


def test_a_task_is_fitted_and_asked_on_one_canvas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of its questions, or pairs that were left out, is asked."""
    sizes: set[int] = set()
    embed = TRM.embed

    def note(self: TRM, tokens: torch.Tensor, *rest: Any) -> torch.Tensor:
        sizes.add(tokens.shape[1])
        return embed(self, tokens, *rest)

    monkeypatch.setattr(TRM, "embed", note)
    pairs = [{"input": [[n] * n], "output": [[n] * n]} for n in (1, 8)]
    task = {"train": pairs, "test": [{"input": [[5]]}, {"input": [[5] * 15]}, {"input": [[5] * 3]}]}
    asked = [item for item in read_lines([json.dumps({"odd": task})], "odd.json") if isinstance(item, Puzzle)]
    how = dataclasses.replace(QUICK, minutes=0.03)
    assert len(solutions(answer(tiny(), asked, SolveOptions(attempts=2), adaptation=how, name="m"))) == 3
    assert sizes == {17 * 17}
    sizes.clear()
    trm_solve.solve(asked[0], tiny(), SolveOptions(attempts=2), adaptation=how)  # one of them alone
    assert sizes == {17 * 17}


def test_fitting_without_a_pair_never_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, set[bytes]]] = []
    mixture = module._Fitting.mixture

    def note(self: object, pairs: list[tuple[np.ndarray, np.ndarray]]) -> object:
        seen.append((len(pairs), {question.tobytes() for question, _ in pairs}))
        return mixture(self, pairs)  # type: ignore[arg-type]

    monkeypatch.setattr(module._Fitting, "mixture", note)
    first = puzzles()[0]
    adapt(tiny(), "new", first.examples, [first.question], QUICK)
    whole = {question.tobytes() for question, _ in first.examples}
    assert seen.pop(0)[0] == 2  # what gives the network of fresh weights its shape
    assert [count for count, _ in seen] == [1, 1, 2]
    assert seen[0][1] | seen[1][1] == whole
    assert not seen[0][1] & seen[1][1]


def test_one_pair_cannot_be_left_out() -> None:
    first = puzzles()[0]
    found = adapt(tiny(), "new", first.examples[:1], [first.question], QUICK)
    assert found.leave_one_out == (0, 0)
    assert found.understood == "not measured"


def interrupt_at(updates: int, heard: list[Progress]) -> Callable[[Progress], None]:
    def notice(stand: Progress) -> None:
        heard.append(stand)
        if len(heard) == updates:
            os.kill(os.getpid(), signal.SIGINT)

    return notice


def test_ctrl_c_ends_the_fit_with_what_there_is() -> None:
    first = puzzles()[0]
    how, notice = AdaptOptions(minutes=600, copies=1, folds=2, recipe={"batch_size": 2}), interrupt_at(3, [])
    found = adapt(tiny(), "new", first.examples, [first.question], how, notice=notice)
    assert found.leave_one_out == (0, 0)
    assert found.updates > 0  # the fit that was under way, although a pair was left out


def test_ctrl_c_in_the_last_fit_answers_with_the_longest_one() -> None:
    first = puzzles()[0]
    heard: list[Progress] = []

    def notice(stand: Progress) -> None:
        heard.append(stand)
        if [each.fold for each in heard].count(0) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    how = dataclasses.replace(QUICK, minutes=0.08)
    found = adapt(tiny(), "new", first.examples, [first.question], how, notice=notice)
    assert [stand.fold for stand in heard].count(0) == 1
    assert found.updates > 1
    assert found.leave_one_out[1] == 2


def test_ctrl_c_may_end_the_program_instead() -> None:
    first = puzzles()[0]
    how = dataclasses.replace(QUICK, on_interrupt="stop")
    with pytest.raises(KeyboardInterrupt):
        adapt(tiny(), "new", first.examples, [first.question], how, notice=interrupt_at(2, []))


@pytest.mark.parametrize("folds", [1, 2])
def test_votes_that_take_long_leave_the_last_fit_its_time(monkeypatch: pytest.MonkeyPatch, folds: int) -> None:
    ticks = itertools.count(step=5)  # a single look at the clock takes longer than leaving pairs out may
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    first = puzzles()[0]
    heard: list[Progress] = []
    how = dataclasses.replace(QUICK, minutes=1.5, folds=folds)
    found = adapt(tiny(), "new", first.examples, [first.question], how, notice=heard.append)
    assert found.leave_one_out[1] < folds
    assert found.updates > 0
    last = [stand.seconds for stand in heard if stand.fold == 0]
    assert last[0] <= 45 + 5 * 5  # half of the time, and the looks up to the first update


def test_no_time_is_kept_for_the_votes_of_copies_that_there_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    first, updates = puzzles()[0], []
    for attempts in (3, 1000):  # of the task and its two copies
        ticks = itertools.count()
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda ticks=ticks: next(ticks) / 100))
        how, vote = dataclasses.replace(QUICK, minutes=0.02, folds=0), SolveOptions(attempts=attempts, max_steps=4)
        updates.append(adapt(tiny(), "new", first.examples, [first.question], how, vote=vote).updates)
    assert updates[0] == updates[1] > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_table_in_its_file_is_not_read_into_memory(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny()
    base.puzzle_emb.map(base.puzzle_emb.weights.to(dtype))
    sizes: list[int] = []
    clone = torch.Tensor.clone

    def note(tensor: torch.Tensor, **how: object) -> torch.Tensor:
        sizes.append(tensor.shape[0] if tensor.ndim else 0)
        assert tensor.data_ptr() != base.puzzle_emb.weights.data_ptr()
        return clone(tensor, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.Tensor, "clone", note)
    first = puzzles()[0]
    found = adapt(base, "new", first.examples, [first.question], QUICK)
    assert sizes
    assert base.puzzle_emb.mapped
    assert not found.model.puzzle_emb.mapped
    assert found.model.puzzle_emb.weights.dtype == torch.float32
    assert found.model.puzzle_emb.weights.device == found.model.device


def test_a_model_without_rows_is_fitted_by_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "time", FOREVER)
    base = TRM(dataclasses.replace(tiny().config, puzzle_emb_ndim=0, puzzle_emb_len=0)).eval().requires_grad_(False)
    found = solutions(
        answer(base, puzzles("new"), SolveOptions(seed=2**32 - 1, max_steps=2), adaptation=QUICK, name="m")
    )
    assert [each.attempts for each in found] == [3, 3]
    assert found[0].facts["adapt_updates"] > 0
    with pytest.raises(ModelError, match="no rows to fit"):
        list(answer(base, puzzles("new"), SolveOptions(), adaptation=dataclasses.replace(QUICK, fit="rows")))


def test_processes_side_by_side_fit_tasks_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    first = puzzles()[0]
    assert adapt(tiny(), "new", first.examples, [first.question], QUICK).updates > 0


def test_known_tasks_vote_under_their_own_rows() -> None:
    model = tiny()
    strategy = voters(model, "seen", SolveOptions(attempts=2))
    (wave,) = list(strategy(puzzles("seen")[0], 0))
    assert [(attempt.identifier, attempt.symmetry.name) for attempt in wave if attempt.symmetry] == [
        (1, "t0|||0123456789"),
        (2, "t4|||0123456789"),
    ]
    found = solutions(answer(model, puzzles("seen"), SolveOptions(attempts=3), name="m"))
    assert [each.attempts for each in found] == [3, 3]
    assert sum(candidate.votes for candidate in found[0].candidates) <= 3
    assert "leave_one_out" not in found[0].facts


def test_moments_of_the_adaptation_are_kept_where_steps_are() -> None:
    how = dataclasses.replace(QUICK, minutes=0.03, folds=1)
    for watch in (True, False):
        events = answer(tiny(), puzzles("new"), SolveOptions(attempts=2), adaptation=how, name="m", watch=watch)
        for found in solutions(events):
            assert bool(found.fits) == watch
            assert len(found.fits) <= 2 * (answering.MOMENTS + 1)
            assert [each.fold for each in found.fits] == sorted((each.fold for each in found.fits), reverse=True)
            assert {each.task for each in found.fits} <= {"new"}


@pytest.mark.parametrize("canvas", ["crop", "full"])
def test_tasks_come_in_order_with_errors_between_them(canvas: str) -> None:
    model = tiny(canvas=canvas)
    items: list[Puzzle | InputError] = [*puzzles("seen"), InputError("some.json: bad"), *puzzles("new")]
    how = dataclasses.replace(QUICK, minutes=0.02, folds=1)
    events = list(answer(model, items, SolveOptions(attempts=1, max_steps=1), adaptation=how, name="m", watch=True))
    ends = [event for event in events if not isinstance(event, Step)]
    assert [end.message if isinstance(end, InputError) else end.puzzle.task for end in ends] == [
        "seen",
        "seen",
        "some.json: bad",
        "new",
        "new",
    ]
    places = {step.puzzle for step in events if isinstance(step, Step)}
    assert places == {0, 1, 3, 4}
    assert ends[3].facts["found_by"] == "adaptation"  # type: ignore[union-attr]
    assert ends[3].facts["leave_one_out"].endswith("of 1")  # type: ignore[union-attr]


def test_the_vote_on_an_unseen_task_does_not_change_that_on_a_known_one_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answering, "time", FOREVER)
    monkeypatch.setitem(voting.VOTES, "normal", 2)
    options = SolveOptions(effort="normal", max_steps=1)
    events = answer(tiny(), [*puzzles("new"), *puzzles("seen")], options, adaptation=QUICK, name="m")
    assert [(each.puzzle.task, each.attempts) for each in solutions(events)] == [
        *[("new", 3)] * 2,
        *[("seen", 2)] * 2,
    ]


def test_an_unknown_task_without_adaptation() -> None:
    with pytest.raises(ModelError, match="'m' was not trained on task new"):
        list(answer(tiny(), puzzles("new"), SolveOptions(), name="m"))


def test_from_python_tasks_are_known_or_adapted_to() -> None:
    model, one = tiny(), puzzles("new")[0]
    with pytest.raises(ModelError):
        trm_solve.solve(one, model, adaptation=None)
    assert trm_solve.solve(one, model, adaptation=QUICK).facts["found_by"] == "adaptation"
    seen = trm_solve.solve(puzzles("seen")[0], model, SolveOptions(attempts=2), adaptation=None)
    assert (seen.attempts, {step.attempt for step in seen.trace}) == (2, {1, 2})
    many = list(trm_solve.solve_many(puzzles("seen"), model, SolveOptions(attempts=1), adaptation=None))
    assert [each.puzzle.source for each in many] == ["some.json:seen[0]", "some.json:seen[1]"]


def test_solve_adapts_keeps_and_knows_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tiny(), tmp_path / "base")
    (tmp_path / "new.json").write_text(json.dumps(TASK))
    base, kept, file = str(tmp_path / "base"), str(tmp_path / "kept"), str(tmp_path / "new.json")

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["trm-solve", "solve", file, *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    assert run("--model", base, "--no-adapt") == 3
    assert "was not trained on task new" in capfd.readouterr().err
    run("--model", base, "--adapt-minutes", "0.02", "--keep", kept, "--json")
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert "fitting fresh weights to its demonstration pairs" in err
    assert [line["task"] for line in lines] == ["new", "new"]
    assert all(line["verdict"] in ("predicted", "unsolved") and "leave_one_out" in line for line in lines)
    run("--model", kept, "--no-adapt", "--votes", "3", "--json")
    again = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["attempts"] for line in again] == [3, 3]
    run("--model", base, "--adapt-minutes", "0.02", "--fit", "all")
    assert "adapting to its demonstration pairs" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["solve", "eval"])
def test_how_to_adapt_can_be_said(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[AdaptOptions] = []
    monkeypatch.setattr("trm_solve.solve_inputs.solve_inputs", lambda request: said.append(request.adaptation) or 0)
    monkeypatch.setattr("trm_solve.evaluation.measure.measure", lambda request: said.append(request.adaptation))
    for more in ([], ["--adapt-minutes", "7", "--leave-one-out", "0", "--fit", "rows"], ["--no-adapt"]):
        monkeypatch.setattr(sys, "argv", ["trm-solve", command, "task.json", *more])
        with pytest.raises(SystemExit):
            main()
    assert [each and (each.minutes, each.folds, each.fit) for each in said] == [
        (3.0, None, "auto"),
        (7.0, 0, "rows"),
        None,
    ]


def test_unknown_tasks_among_known_ones_are_told_and_the_rest_is_answered(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tiny(), tmp_path / "base")
    (tmp_path / "some.json").write_text(json.dumps({"new": TASK, "seen": TASK, "newer": TASK}))
    known = ["trm-solve", "solve", str(tmp_path / "some.json"), "--model", str(tmp_path / "base"), "--no-adapt"]
    monkeypatch.setattr(sys, "argv", [*known, "--votes", "2", "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 3
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["attempts"] for line in lines] == [None, None, 2, 2, None, None]
    assert "was not trained on task newer" in lines[-1]["reason"]
    assert err.count("was not trained on task") == 4


def test_what_is_kept_is_known_by_content_and_nothing_else_is_overwritten(tmp_path: Path) -> None:
    base, other = tiny(), json.loads(json.dumps(TASK))
    other["train"][0]["output"][0][0] = 5
    lines = [json.dumps({"../up": TASK, "two": other})]
    both = [item for item in read_lines(lines, "some.json") if isinstance(item, Puzzle)]

    def run(items: list[Puzzle], keep: Path) -> None:
        how = dataclasses.replace(QUICK, minutes=0.02, folds=0)
        list(answer(base, items, SolveOptions(attempts=1, max_steps=1), adaptation=how, name="m", keep=keep))

    run(both, tmp_path / "kept")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["_up", "two"]
    kept = pretrained.load(tmp_path / "kept" / "two")
    assert kept.identifiers is not None
    assert kept.identifiers.tasks == {fingerprint(both[2].examples)}
    options = SolveOptions(attempts=1, max_steps=1)
    renamed = [dataclasses.replace(both[2], task="x")]
    assert len(solutions(answer(kept, renamed, options, name="kept"))) == 1
    impostor = [dataclasses.replace(both[0], task="two")]
    with pytest.raises(ModelError, match="not trained on task two"):
        list(answer(kept, impostor, options, name="kept"))
    run(both[2:], tmp_path / "kept" / "two")  # the same task again
    with pytest.raises(InputError, match="another model is there"):
        run(both[:2], tmp_path / "kept" / "two")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        run(both[:2], tmp_path / "file" / "model")
