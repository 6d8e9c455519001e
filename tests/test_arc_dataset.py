"""The public ARC data sets rebuilt, and what training reads from challenges files."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trm_solve import checkpoint, pretrained
from trm_solve.config import RunOptions
from trm_solve.errors import InputError
from trm_solve.kinds.arc import examples as arc_data
from trm_solve.kinds.arc.copies import Copy
from trm_solve.kinds.arc.dataset import build, draw_copies, identifiers
from trm_solve.kinds.arc.kind import Arc
from trm_solve.kinds.arc.known import known
from trm_solve.kinds.arc.text import Task
from trm_solve.kinds.arc.tokens import largest_rectangle
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.tasks.identifiers import Identifiers
from trm_solve.team import Team
from trm_solve.training.data import Mixture
from trm_solve.training.learner import Learner
from trm_solve.training.mixing import open_data
from trm_solve.training.presets import recipe
from trm_solve.training.setup import name_rows, new_config
from trm_solve.training.trainer import train

TASKS = Arc.tasks

GOLDEN = Path(__file__).parent / "golden" / "arc-dataset"
FILES = [GOLDEN / "source" / f"arc_{subset}_challenges.json" for subset in ("training", "evaluation")]
SMALL = {"hidden_size": 16, "num_heads": 2, "batch_size": 4, "copies": 3, "max_steps": 2, "warmup_steps": 0}


def silent(_: str) -> None:
    pass


def test_the_public_data_set_is_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    build(FILES, tmp_path, 6, test=1)
    files = [path.relative_to(GOLDEN) for path in GOLDEN.rglob("*") if path.parent.name != "source" and path.is_file()]
    assert len(files) == 14
    for name in files:
        assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes(), name


def test_identifiers_are_those_of_the_data_set() -> None:
    assert list(identifiers(FILES, 6)) == json.loads((GOLDEN / "identifiers.json").read_text())


def test_a_task_with_few_faces_has_few_copies() -> None:
    grid = np.zeros((1, 1), np.uint8)
    dull = Task("dull", ((grid, grid),), ((grid, None),))
    assert list(draw_copies(dull, 5, np.random.RandomState(0))) == []
    dotted = Task("dotted", ((grid, grid + np.uint8(1)),), ())
    copies = list(draw_copies(dotted, 20, np.random.RandomState(0)))
    assert len({copy.colours[1] for copy in copies}) == len(copies) == 8  # colour 1 as one of the eight others


def test_copies_for_a_model_that_treats_all_colours_alike_keep_them() -> None:
    grid = np.arange(6, dtype=np.uint8).reshape(2, 3)
    copies = list(draw_copies(Task("t", ((grid, grid),), ()), 20, np.random.RandomState(0), exchange=False))
    assert {copy.transform for copy in copies} == set(range(1, 8))
    assert len(copies) == 7
    assert all(copy.colours == tuple(range(10)) for copy in copies)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: no such file"):
        list(identifiers([tmp_path / "none.json"], 1))


def examples() -> arc_data.Examples:
    (first, _), _ = arc_data.read_files(FILES, 3, 30, silent)
    return first  # of the training tasks


def test_evaluation_answers_are_never_learned_from() -> None:
    told: list[str] = []
    (training, evaluation), names = arc_data.read_files(FILES, 3, 30, told.append)
    tasks = json.loads(FILES[1].read_text())
    assert any("test pairs of public evaluation tasks" in line for line in told)
    assert len(evaluation.ids) == sum(len(task["train"]) for task in tasks.values())
    tests = [np.array(pair["input"], np.uint8) for task in tasks.values() for pair in task["test"]]
    assert len(tests) == 2
    for question, _ in [*training.views.pairs, *evaluation.views.pairs]:
        assert not any(np.array_equal(question, test) for test in tests)
    assert names[0] == "<blank>"
    assert names[training.ids[0]] in json.loads(FILES[0].read_text())


def test_an_evaluation_task_under_another_name_is_known(tmp_path: Path) -> None:
    """As it stands in ARC-AGI-2's training set: the test pair may even have become a demonstration."""
    task = next(iter(json.loads(FILES[1].read_text()).values()))
    (answer,) = next(iter(json.loads(FILES[1].with_name("arc_evaluation_solutions.json").read_text()).values()))
    mixed = {"train": [*task["train"], task["test"][0] | {"output": answer}], "test": [{"input": [[1]]}]}
    path = tmp_path / "other_challenges.json"
    path.write_text(json.dumps({"deadbeef": mixed}))
    told: list[str] = []
    (found,), _ = arc_data.read_files([path], 0, 30, told.append)
    assert len(found.ids) == len(task["train"])
    assert "1 pairs" in told[0]
    assert len(known().held_out) > 500


def test_views_are_copies_of_their_rows_moved_within_the_canvas() -> None:
    found = examples()
    rng, rows = np.random.default_rng(0), np.arange(len(found.ids)).repeat(4)
    questions, answers, ids = found.views.draw(rng, rows, found.ids, 30)
    places = set()
    for row, question, answer, number in zip(rows, questions, answers, ids, strict=True):
        assert found.ids[row] <= number < found.ids[row] + found.views.count[row]
        copy = found.views.copies[number] or Copy()
        corners = []
        for tokens, grid in zip((question, answer), found.views.pairs[int(row)], strict=True):
            canvas = tokens.reshape(30, 30)
            top, left = (int(axis[0]) for axis in np.nonzero(canvas >= 2))
            size = largest_rectangle(canvas[top:, left:])
            assert np.array_equal(canvas[top : top + size[0], left : left + size[1]] - 2, copy.apply(grid))
            corners.append((top, left))
        assert corners[0] == corners[1]
        places.add(corners[0])
    assert len(places) > 5
    again = found.views.draw(np.random.default_rng(0), rows, found.ids, 30)
    assert np.array_equal(again[0], questions)


def test_every_task_is_drawn_as_often_as_any_other(tmp_path: Path) -> None:
    def pairs(colour: int, count: int) -> list[dict[str, list[list[int]]]]:
        return [{"input": [[colour, n]], "output": [[n, colour]]} for n in range(count)]

    tasks = {"many": {"train": pairs(1, 9), "test": pairs(3, 1)}, "few": {"train": pairs(2, 2), "test": pairs(4, 1)}}
    path = tmp_path / "some_challenges.json"
    path.write_text(json.dumps(tasks))
    (mixture,), _ = open_data(RunOptions(data=(str(path),)), augment=True, copies=2, report=silent)
    names = [mixture.data.names[number].partition("|")[0] for number in mixture.draw(0, 0, 2000)[2]]
    assert names.count("few") == pytest.approx(1000, abs=100)


def test_sizes_have_canvases_of_their_own() -> None:
    run = RunOptions(data=tuple(map(str, FILES)))
    mixtures, _ = open_data(run, augment=True, canvas="crop", copies=2, report=silent)
    assert sum(mixture.share for mixture in mixtures) == pytest.approx(1)
    sides = [round(mixture.data.questions.shape[1] ** 0.5) for mixture in mixtures]
    assert sides == sorted(set(sides))
    assert len(sides) > 1
    for mixture, side in zip(mixtures, sides, strict=True):
        assert mixture.data.cells is not None
        assert mixture.data.cells.max() == (side - 1) * 31
    whole, _ = open_data(run, augment=True, canvas="full", copies=2, report=silent)
    assert [mixture.data.questions.shape[1] for mixture in whole] == [900]


def test_a_step_moves_only_the_rows_of_its_batch() -> None:
    options = recipe("cpu-arc", SMALL | {"max_side": 30})
    run = RunOptions(data=tuple(map(str, FILES)))
    mixtures, _ = open_data(run, augment=True, canvas="crop", copies=3, report=silent)
    model = TRM(new_config(options, mixtures[0].data))
    learner = Learner(model, mixtures, options, Team(torch.device("cpu")))
    turn = learner._turn()
    ids = set(learner.mixtures[turn].draw(options.seed, 0, 4)[2].tolist())
    learner.train_step(0.0)
    moved = set(torch.nonzero(model.puzzle_emb.weights.abs().sum(1)).flatten().tolist())
    assert moved == ids


def test_train_names_the_rows_and_a_later_run_finds_them(tmp_path: Path) -> None:
    run = {"data": [str(FILES[0])], "compile": "off", "device": "cpu", "out": str(tmp_path / "a")}
    fields = SMALL | {"max_side": 30}
    assert train(RunOptions.from_dict(run), recipe("cpu-arc", fields)) == "done"
    model = pretrained.load(tmp_path / "a" / "last")
    assert model.identifiers is not None
    names = list(model.identifiers.names)
    assert names == json.loads((tmp_path / "a" / "last" / "identifiers.json").read_text())
    assert len(names) == model.config.num_puzzle_identifiers == 1 + 3 * 4
    old = model.puzzle_emb.weights.clone()
    name_rows(model, ["<blank>", names[5], "somebody else"])
    start = old[1:].mean(0)
    assert torch.equal(model.puzzle_emb.weights, torch.stack([start, old[5], start]))
    assert model.config.num_puzzle_identifiers == 3
    name_rows(model, ["<blank>", "a third"])
    assert torch.equal(model.puzzle_emb.weights, torch.stack([start, start]))


def test_rows_of_other_tasks_can_be_dropped(tmp_path: Path, trm: Callable[..., Any]) -> None:
    model = TRM(new_config(recipe("cpu-arc", SMALL), open_mixture().data))
    names = json.loads((GOLDEN / "identifiers.json").read_text())
    model.puzzle_emb.weights = torch.randn(len(names), 16)
    model.config = dataclasses.replace(model.config, num_puzzle_identifiers=len(names))
    model.identifiers = Identifiers(TASKS, len(names), given=names)
    checkpoint.save(model, tmp_path / "whole")
    convert = "models", "convert", tmp_path / "whole", "--out"
    done = trm(*convert, tmp_path / "part", "--tasks", FILES[1])
    assert done.code == 0
    assert "2 known tasks" in done.err
    part = pretrained.load(tmp_path / "part")
    assert part.identifiers is not None
    tasks = json.loads(FILES[1].read_text())
    assert list(part.identifiers.names) == ["<blank>", *(n for n in names[1:] if n.partition("|")[0] in tasks)]
    for task in tasks:
        rows = [[row for row, _ in m.identifiers.copies(task)] for m in (part, model) if m.identifiers is not None]
        assert torch.equal(part.puzzle_emb.weights[rows[0]], model.puzzle_emb.weights[rows[1]])
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"x": {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[1]]}]}}))
    refused = trm(*convert, tmp_path / "part", "--tasks", other)
    assert refused.code == 2
    assert "the model knows none of these tasks" in refused.err
    given = "--identifiers", GOLDEN / "identifiers.json", "--tasks", FILES[1]
    refused = trm(*convert, tmp_path / "whole", *given)
    assert refused.code == 2
    assert "whole: is there already" in refused.err


def open_mixture() -> Mixture:
    return open_data(RunOptions(data=(str(FILES[0]),)), augment=True, copies=1, report=silent)[0][0]


def test_arc_and_other_puzzles_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("question,answer\n")
    with pytest.raises(InputError, match="one run trains on one kind"):
        open_data(RunOptions(data=(str(FILES[0]), str(path))), augment=True, report=silent)


def test_tasks_that_are_too_large_are_left_out() -> None:
    with pytest.raises(InputError, match="nothing to learn from"):
        arc_data.read_files(FILES, 1, 2, silent)


def test_a_file_whose_tasks_are_all_too_large_is_left_out(tmp_path: Path) -> None:
    def task(side: int) -> str:
        grid = [[1] * side] * side
        return json.dumps({"train": [{"input": grid, "output": grid}], "test": [{"input": grid}]})

    for name, side in (("small", 3), ("large", 20)):
        (tmp_path / f"{name}.json").write_text(task(side))
    told: list[str] = []
    run = RunOptions(data=(f"{tmp_path}/large.json@0.5", f"{tmp_path}/small.json@0.5"))
    (mixture,), _ = open_data(run, augment=True, copies=1, max_side=12, report=told.append)
    assert len(mixture.data) == 1
    assert told == [f"{tmp_path}/large.json: nothing to learn from"]


def test_examples_anywhere_on_the_whole_canvas_cannot_be_cropped(tmp_path: Path) -> None:
    build(FILES, tmp_path, 1)
    run = RunOptions(data=(str(tmp_path),))
    with pytest.raises(InputError, match="which cannot be cropped") as caught:
        open_data(run, augment=True, canvas="crop", report=silent)
    assert "--set canvas=full" in caught.value.hint


def test_a_task_is_learned_on_the_canvas_on_which_it_is_asked(tmp_path: Path) -> None:
    """All pairs on that of the task; one whose answer could not be foreseen to be so large on its own."""

    def pair(size: int, out: int) -> dict[str, list[list[int]]]:
        return {"input": [[size] * size], "output": [[size] * out]}

    task = {"train": [pair(1, 1), pair(7, 7)], "test": [pair(9, 9), pair(2, 16)]}
    path = tmp_path / "some_challenges.json"
    path.write_text(json.dumps({"mine": task}))
    (found,), _ = arc_data.read_files([path], 0, 30, silent)
    assert found.sides.tolist() == [11, 11, 11, 17]
    asked = [item for item in read_file(path) if isinstance(item, Puzzle)]
    assert [len(cells) for each in asked if (cells := Arc().crop(each)) is not None] == [11 * 11] * 2


def test_generate_arc(tmp_path: Path, trm: Callable[..., Any]) -> None:
    out = tmp_path / "set"
    generate = "generate", "arc", *FILES, "--output", out
    assert trm(*generate, "--copies", "6", "--test", FILES[1]).code == 0
    assert (out / "train" / "all__inputs.npy").read_bytes() == (GOLDEN / "train" / "all__inputs.npy").read_bytes()
    data = open_data(RunOptions(data=(str(out / "train"),)), augment=True, report=silent)[0][0].data
    assert list(data.names) == json.loads((GOLDEN / "identifiers.json").read_text())
    refused = trm(*generate, "--seed", str(2**32))
    assert refused.code == 2
    assert "a seed is a number from 0 to 4294967295" in refused.err
    refused = trm(*generate, "--test", "other.json")
    assert refused.code == 2
    assert "--test other.json: not one of the files" in refused.err
    taken = tmp_path / "taken"
    taken.touch()
    refused = trm("generate", "arc", *FILES, "--copies", 1, "--output", taken)
    assert refused.code == 2
    assert f"{taken}: cannot be made: file exists" in refused.err


def test_a_built_folder_s_evaluation_answers_are_not_learned_from(tmp_path: Path) -> None:
    """Built without --test, every file's test pairs, in all their copies, are among the examples."""
    build(FILES, tmp_path, 6)
    told: list[str] = []
    run = RunOptions(data=(str(tmp_path),))
    data = open_data(run, augment=True, report=told.append)[0][0].data
    tasks = json.loads(FILES[1].read_text())
    names = json.loads((tmp_path / "identifiers.json").read_text())
    copies = [sum(name.partition("|")[0] == task for name in names) for task in tasks]
    assert [len(task["test"]) for task in tasks.values()] == [1, 1]
    assert f"{sum(copies)} examples are test pairs of public evaluation tasks" in told[0]
    whole = np.load(tmp_path / "train" / "all__inputs.npy")
    assert len(data) == len(whole) - sum(copies)
    assert not arc_data.held_out_rows(data.questions, data.ids, data.names).any()
    (tmp_path / "identifiers.json").unlink()
    with pytest.raises(InputError, match=r"no identifiers\.json"):
        open_data(run, augment=True, report=silent)


def test_rows_of_two_sources_are_told_apart_by_name(tmp_path: Path) -> None:
    build(FILES[:1], tmp_path / "a", 2)
    build([FILES[1]], tmp_path / "b", 3, test=0)
    run = RunOptions(data=(str(tmp_path / "a"), str(tmp_path / "b")), valid=(str(tmp_path / "b" / "test"),))
    (mixture,), valid = open_data(run, augment=True, report=silent)
    data, (measured,) = mixture.data, valid[str(tmp_path / "b" / "test")]
    own = json.loads((tmp_path / "b" / "identifiers.json").read_text())
    ids = np.load(tmp_path / "b" / "train" / "all__puzzle_identifiers.npy")
    seen = [data.names[number] for number in dict.fromkeys(data.ids[-len(ids) :].tolist())]
    assert set(seen) <= set(own)
    assert {measured.names[number] for number in measured.ids} == set(own) - {"<blank>"}
    assert len(set(data.names)) == len(data.names)


def test_a_question_larger_than_every_answer_fits_its_canvas(tmp_path: Path) -> None:
    task = {"train": [{"input": [[1, 1, 1]], "output": [[2]]}], "test": [{"input": [[1, 2, 3, 4]], "output": [[2]]}]}
    for name in ("train", "valid"):
        (tmp_path / f"{name}_challenges.json").write_text(json.dumps({"mine": task}))
    run = RunOptions(data=(str(tmp_path / "train_challenges.json"),), valid=(str(tmp_path / "valid_challenges.json"),))
    _, valid = open_data(run, augment=True, canvas="crop", copies=1, report=silent)
    ((measured,),) = valid.values()
    assert measured.questions.shape[1] == 36  # four colours and the EOS beside them, on the least canvas
    assert (measured.questions >= 2).sum() == 4
    assert measured.ids.tolist() == [1]


def test_a_task_of_nothing_but_evaluation_questions(tmp_path: Path) -> None:
    question = next(iter(json.loads(FILES[1].read_text()).values()))["test"][0]["input"]
    pair = {"input": question, "output": [[1]]}
    whole = next(iter(json.loads(FILES[0].read_text()).values()))
    path = tmp_path / "odd_challenges.json"
    path.write_text(json.dumps({"odd": {"train": [pair], "test": [pair]}, "whole": whole}))
    (found,), _ = arc_data.read_files([path], 0, 30, silent)
    assert len(found.ids) == len(whole["train"]) + sum("output" in each for each in whole["test"])


def test_a_task_that_stands_in_two_files(tmp_path: Path) -> None:
    path = tmp_path / "again_challenges.json"
    path.write_text(FILES[0].read_text())
    with pytest.raises(InputError, match="stand in two of the files"):
        arc_data.read_files([FILES[0], path], 0, 30, silent)
