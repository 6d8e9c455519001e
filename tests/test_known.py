"""Known tasks: the shipped table, the identifiers of a checkpoint, and what brings them in."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trm_solve.checkpoint import CONFIG, WEIGHTS, save
from trm_solve.convert import convert
from trm_solve.errors import InputError, ModelError
from trm_solve.kinds.arc.copies import Copy
from trm_solve.kinds.arc.dataset import rebuild
from trm_solve.kinds.arc.kind import Arc
from trm_solve.kinds.arc.known import SUBSETS, TABLE, build_table, fingerprint, held_out, known
from trm_solve.kinds.arc.text import Task, puzzles_of, read_tasks
from trm_solve.model import TRM
from trm_solve.pretrained import load
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.tasks.identifiers import BLANK, IDENTIFIERS, Identifiers

TASKS = Arc.tasks


def recognise(item: Task | Puzzle, identifiers: Identifiers) -> str | None:
    name, pairs = (item.name, item.train) if isinstance(item, Task) else (item.task, item.examples)
    return TASKS.recognise(name, pairs, identifiers.tasks)


def named(names: list[str]) -> Identifiers:
    return Identifiers(TASKS, len(names), given=names)


GOLDEN = Path(__file__).parent / "golden"
SOURCE = GOLDEN / "arc-dataset" / "source"
FILES = [SOURCE / f"arc_{subset}_challenges.json" for subset in ("training", "evaluation")]
PUBLIC = GOLDEN / "arc-dataset" / IDENTIFIERS
RAW = GOLDEN / "trm-attention"  # five rows
GRIDS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 9))
PAIRS = st.lists(st.tuples(GRIDS, GRIDS), min_size=1, max_size=4)


def tasks_of(path: Path) -> dict[str, Task]:
    with path.open() as file:
        found = [each for each in read_tasks(file, str(path)) if isinstance(each, Task)]
    return {task.name: task for task in found}


TRAINING, EVALUATION = (tasks_of(path) for path in FILES)


def a_task(name: str, seed: int = 0) -> Task:
    """A task that no public set has."""
    grids = np.random.default_rng(seed).integers(0, 10, (3, 4, 4), np.uint8)
    return Task(name, ((grids[0], grids[1]),), ((grids[2], None),))


def names(*given: str) -> Identifiers:
    return Identifiers(TASKS, len(given) + 1, given=(BLANK, *given))


# ---- content


@given(PAIRS, st.randoms())
def test_a_fingerprint_does_not_depend_on_the_order_of_the_pairs(pairs: list[tuple[Grid, Grid]], random: Any) -> None:
    mixed = random.sample(pairs, len(pairs))
    assert fingerprint(mixed) == fingerprint(pairs)
    assert len(fingerprint(pairs)) == 16
    assert int(fingerprint(pairs), 16) >= 0


def test_a_fingerprint_depends_on_all_else() -> None:
    row, square, column = (np.arange(4, dtype=np.uint8).reshape(shape) for shape in ((1, 4), (2, 2), (4, 1)))
    other = row.copy()
    other[0, 3] = 9
    pairs = [(row, square), (square, row), (row, column), (column, row), (row, row), (other, square), (row, other)]
    several: list[Sequence[tuple[Grid, Grid]]] = [[pair] for pair in pairs]
    several += [pairs[:2], pairs[:3], [pairs[0], pairs[0]], [(row, row), (square, square)]]
    assert len({fingerprint(each) for each in several}) == len(several)
    assert fingerprint([(row.astype(np.int64), square)]) == fingerprint([(row, square)])


def test_the_shipped_table_holds_the_public_sets() -> None:
    content = json.loads(TABLE.read_text())
    assert TABLE.stat().st_size < 250_000
    counts = {subset: len(tasks) for subset, tasks in content["tasks"].items()}
    assert counts == {"training": 400, "evaluation": 400, "training2": 1000, "evaluation2": 120, "concept": 160}
    assert counts.keys() == SUBSETS.keys()
    assert len(content["held_out"]) == 585
    marks = {mark for tasks in content["tasks"].values() for mark in tasks.values()}
    assert {len(mark) for mark in (*marks, *content["held_out"])} == {16}
    assert len(marks) == len(known().names) == 1305


def test_the_shipped_table_is_what_is_built_from_the_public_files() -> None:
    shipped, built = json.loads(TABLE.read_text()), build_table(FILES)
    assert {subset: set(tasks) for subset, tasks in built["tasks"].items()} == {
        "training": {"007bbfb7", "0520fde7", "08ed6ac7"},
        "evaluation": {"009d5c81", "070dd51e"},
    }
    for subset, tasks in built["tasks"].items():
        assert tasks.items() <= shipped["tasks"][subset].items()
    assert set(built["held_out"]) < set(shipped["held_out"])
    assert built["schema"] == shipped["schema"]


def test_the_maintainers_entry_writes_a_table(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trm_solve.kinds.arc.known", *map(str, FILES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == build_table(FILES)
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(InputError, match="not named after a subset"):
        build_table([tmp_path / "mine.json"])


def test_test_inputs_of_evaluation_tasks_are_held_out_and_nothing_else() -> None:
    for task in EVALUATION.values():
        assert all(held_out(question) for question, _ in task.test)
        assert not any(held_out(question) for question, _ in task.train)
        assert not any(held_out(np.rot90(question)) for question, _ in task.test)
    for task in TRAINING.values():
        assert not any(held_out(question) for question, _ in (*task.train, *task.test))


# ---- recognising


def test_a_task_is_recognised_by_its_content_under_any_name() -> None:
    everything = Identifiers(TASKS, 36, PUBLIC)
    for name, task in (TRAINING | EVALUATION).items():
        renamed = dataclasses.replace(task, name="whatever", train=task.train[::-1])
        assert recognise(renamed, everything) == name
        assert recognise(task, names("something-else")) is None
        (puzzle, *_) = puzzles_of(renamed, "whatever.json")
        assert recognise(puzzle, everything) == name
    wrongly = dataclasses.replace(TRAINING["007bbfb7"], name="0520fde7")
    assert recognise(wrongly, everything) == "007bbfb7"


def test_one_content_with_two_names_is_known_to_a_checkpoint_that_has_either() -> None:
    task = EVALUATION["070dd51e"]
    assert known().names[fingerprint(task.train)] == {
        "070dd51e": ("evaluation", "training2"),
        "40853293": ("training",),
    }
    assert recognise(task, names("40853293")) == "40853293"
    assert recognise(task, names("070dd51e")) == "070dd51e"
    for name in ("070dd51e", "40853293"):  # its own, where it is one of them
        assert recognise(dataclasses.replace(task, name=name), names("40853293", "070dd51e")) == name


def test_a_name_alone_counts_only_where_no_public_task_has_it() -> None:
    assert recognise(a_task("mine"), names("other", "mine")) == "mine"
    assert recognise(a_task("mine"), names("other")) is None
    assert recognise(a_task("007bbfb7"), names("007bbfb7")) is None
    assert recognise(dataclasses.replace(TRAINING["007bbfb7"], name="mine"), names("mine")) == "mine"


# ---- identifiers


def test_the_copies_of_a_task_in_the_order_of_their_rows() -> None:
    found = Identifiers(TASKS, 36, PUBLIC)
    found.check()
    assert found.tasks == {*TRAINING, *EVALUATION}
    copies = found.copies("0520fde7")
    assert [row for row, _ in copies] == [8, 9, 10, 11, 12, 13, 14]
    assert copies[0] == (8, Copy())
    assert copies[1] == (9, Copy(6, (0, 5, 9, 2, 4, 1, 6, 3, 7, 8)))
    assert found.copies("0520fde") == found.copies("nothing") == found.copies(BLANK) == []


def test_the_task_as_it_is_comes_first_wherever_its_row_stands() -> None:
    found = names("a|||t1|||0123456789", "ab", "a|||t2|||0213456789", "a", "ab|||t1|||0123456789")
    assert [(row, copy.transform) for row, copy in found.copies("a")] == [(4, 0), (1, 1), (3, 2)]
    assert [row for row, _ in found.copies("ab")] == [2, 5]
    assert found.tasks == {"a", "ab"}


def test_names_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    found = Identifiers(TASKS, 3, tmp_path / IDENTIFIERS)
    assert Identifiers.beside(tmp_path, "arc", 3) is None
    (tmp_path / IDENTIFIERS).write_text(json.dumps([BLANK, "a", "b"]))
    assert found.tasks == {"a", "b"}
    assert Identifiers.beside(tmp_path, "arc", 3) is not None


BAD: dict[str, tuple[Any, str]] = {
    "too few": ([BLANK, "a"], "2 identifiers, the puzzle table has 3 rows"),
    "too many": ([BLANK, "a", "b", "c"], "4 identifiers, the puzzle table has 3 rows"),
    "no blank": (["a", "b", "c"], f"the first identifier is not '{BLANK}'"),
    "an object": ({"a": 1}, "not a list of names"),
    "a number": ([BLANK, "a", 3], "not a list of names"),
    "twice": ([BLANK, "a", "a"], "stands there twice"),
    "copy twice": ([BLANK, "a|||t1|||0123456789", "a|||t1|||0123456789"], "stands there twice"),
    "unreadable": ([BLANK, "a", "a|||t9|||0123456789"], "entry 2: 'a|||t9|||0123456789' is no identifier"),
    "no permutation": ([BLANK, "a", "a|||t1|||0123456788"], "entry 2: 'a|||t1|||0123456788' is no identifier"),
    "not JSON": ("[", "not JSON"),
    "no text": (b"\xff\xfe\x00", "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
}


@pytest.mark.parametrize("case", BAD)
def test_identifiers_that_are_not_this_tables(tmp_path: Path, case: str) -> None:
    content, message = BAD[case]
    data = content if isinstance(content, bytes) else content if isinstance(content, str) else json.dumps(content)
    (tmp_path / IDENTIFIERS).write_bytes(data if isinstance(data, bytes) else data.encode())
    for ask in (Identifiers.check, lambda each: each.copies("a")):
        with pytest.raises(ModelError) as caught:
            ask(Identifiers(TASKS, 3, tmp_path / IDENTIFIERS))
        assert caught.value.message.startswith(f"{tmp_path / IDENTIFIERS}: ")
        assert message in caught.value.message


def test_a_missing_file_and_a_blank_that_comes_back(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        Identifiers(TASKS, 3, tmp_path / IDENTIFIERS).check()
    with pytest.raises(ModelError, match=f"'{BLANK}' stands there twice"):
        names("a", BLANK).check()


# ---- drawn anew from the public files


def folder_of(path: Path, **subsets: str) -> Path:
    """The golden files under the names of these subsets."""
    path.mkdir()
    for name, source in subsets.items():
        for part in ("challenges", "solutions"):
            shutil.copy(SOURCE / f"arc_{source}_{part}.json", path / f"arc-agi_{name}_{part}.json")
    return path


def test_public_identifiers_are_drawn_anew() -> None:
    wanted = json.loads(PUBLIC.read_text())
    assert list(named(rebuild(SOURCE, 6, 36)).names) == wanted
    with pytest.raises(ModelError, match=r"6 copies with seed 42 give 36 identifiers, the puzzle table has 35 rows"):
        rebuild(SOURCE, 6, 35)
    assert list(named(rebuild(SOURCE, 6, 36, seed=1)).names) != wanted


def test_of_both_public_sets_the_one_that_fits(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", training="training", evaluation="evaluation", training2="evaluation")
    assert named(rebuild(folder, 6, 36)).tasks == {*TRAINING, *EVALUATION}
    assert named(rebuild(folder, 6, 15)).tasks == {*EVALUATION}
    with pytest.raises(ModelError, match="give 36 or 15 identifiers"):
        rebuild(folder, 6, 3)
    both = folder_of(tmp_path / "b", concept="evaluation")
    with pytest.raises(ModelError, match="give 15 identifiers"):
        rebuild(both, 6, 3)
    (tmp_path / "c").mkdir()
    with pytest.raises(InputError, match="no ARC files"):
        rebuild(tmp_path / "c", 6, 3)


# ---- checkpoints


FIVE = [BLANK, "009d5c81", "009d5c81|||t1|||0427968513", "mine", "mine|||t2|||0123456789"]


@pytest.fixture
def model() -> TRM:
    return convert(RAW / "step_6", RAW / "all_config.json")


@pytest.fixture
def five(tmp_path: Path) -> Path:
    path = tmp_path / "five.json"
    path.write_text(json.dumps(FIVE))
    return path


def listed(folder: Path) -> list[str]:
    found: list[str] = json.loads((folder / IDENTIFIERS).read_text())
    return found


def test_identifiers_go_with_the_checkpoint(model: TRM, tmp_path: Path) -> None:
    save(model, tmp_path / "plain")
    assert not (tmp_path / "plain" / IDENTIFIERS).exists()
    assert load(tmp_path / "plain").identifiers is None
    model.identifiers = Identifiers(TASKS, 5, given=FIVE)
    save(model, tmp_path / "one")
    loaded = load(tmp_path / "one")
    assert loaded.identifiers is not None
    assert [row for row, _ in loaded.identifiers.copies("mine")] == [3, 4]
    save(load(tmp_path / "one"), tmp_path / "two")
    save(load(tmp_path / "two"), tmp_path / "two")
    assert (tmp_path / "two" / IDENTIFIERS).read_bytes() == (tmp_path / "one" / IDENTIFIERS).read_bytes()


def test_given_names_replace_those_of_the_folder(model: TRM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model.identifiers = Identifiers(TASKS, 5, given=FIVE)
    save(model, tmp_path)
    monkeypatch.chdir(tmp_path)
    model.identifiers = Identifiers(TASKS, 5, given=[*FIVE[:4], "other"])
    save(model, tmp_path)
    assert listed(tmp_path)[4] == "other"


def test_identifiers_of_another_table_are_refused_when_they_are_needed(model: TRM, tmp_path: Path) -> None:
    save(model, tmp_path)
    (tmp_path / IDENTIFIERS).write_text(json.dumps(FIVE[:4]))
    loaded = load(tmp_path)
    assert loaded.identifiers is not None
    with pytest.raises(ModelError, match=r"identifiers.json: 4 identifiers, the puzzle table has 5 rows"):
        loaded.identifiers.copies("mine")
    with pytest.raises(ModelError, match=r"4 identifiers"):
        save(loaded, tmp_path / "again")


def test_convert_takes_identifiers(trm: Callable[..., Any], five: Path, tmp_path: Path) -> None:
    raw = ("models", "convert", RAW / "step_6", "--config", RAW / "all_config.json")
    done = trm(*raw, "--identifiers", five, "--out", tmp_path / "out")
    assert done.code == 0
    assert "2 known tasks" in done.err
    assert listed(tmp_path / "out") == FIVE
    facts = json.loads(trm("models", "info", tmp_path / "out", "--json").out)
    assert facts["tasks"] == 2
    assert "known tasks 2" in " ".join(trm("models", "info", tmp_path / "out").out.split())
    five.write_text(json.dumps(FIVE[:4]))
    done = trm(*raw, "--identifiers", five, "--out", tmp_path / "bad")
    assert done.code == 3
    assert done.err.startswith(f"error: {five}: 4 identifiers, the puzzle table has 5 rows\nhint: ")
    assert not (tmp_path / "bad").exists()


def test_convert_draws_identifiers_anew(trm: Callable[..., Any], tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data", evaluation="evaluation")
    raw = ("models", "convert", RAW / "step_6", "--config", RAW / "all_config.json", "--arc-data", data)
    assert trm(*raw, "--copies", "1", "--out", tmp_path / "out").code == 0
    assert listed(tmp_path / "out") == list(named(rebuild(data, 1, 5)).names)
    assert trm(*raw, "--copies", "1", "--seed", "3", "--out", tmp_path / "other").code == 0
    assert listed(tmp_path / "other") == list(named(rebuild(data, 1, 5, seed=3)).names) != listed(tmp_path / "out")
    done = trm(*raw, "--copies", "2", "--out", tmp_path / "bad")
    assert done.code == 3
    assert "2 copies with seed 42 give 7 identifiers, the puzzle table has 5 rows" in done.err


def test_a_checkpoint_folder_is_given_identifiers(
    model: TRM, trm: Callable[..., Any], five: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    save(model, folder)
    before = {name: (folder / name).read_bytes() for name in (CONFIG, WEIGHTS)}
    assert trm("models", "convert", folder, "--identifiers", five, "--out", folder).code == 0
    assert listed(folder) == FIVE
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert trm("models", "convert", folder, "--out", tmp_path / "copy").code == 0
    assert listed(tmp_path / "copy") == FIVE
    assert load(tmp_path / "copy").config == model.config


def test_what_convert_refuses(model: TRM, trm: Callable[..., Any], five: Path, tmp_path: Path) -> None:
    save(model, tmp_path / "model")
    folder, out = ("models", "convert", tmp_path / "model"), ("--out", tmp_path / "out")
    cases = {
        "two ways to say the same": (*folder, *out, "--identifiers", five, "--arc-data", tmp_path),
        "says its own configuration": (*folder, *out, "--set", "H_cycles=3"),
        "is there already": (*folder, "--out", tmp_path / "model"),
        "no ARC files": (*folder, *out, "--arc-data", tmp_path),
    }
    for message, arguments in cases.items():
        done = trm(*arguments)
        assert done.code == 2
        assert message in done.err.splitlines()[0]
    assert not (tmp_path / "out").exists()


def test_a_model_without_identifiers_says_nothing_of_tasks(trm: Callable[..., Any]) -> None:
    assert json.loads(trm("models", "info", "sudoku", "--json").out)["tasks"] is None
    assert "known tasks" not in trm("models", "info", "sudoku").out
