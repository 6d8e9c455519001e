"""Training data: what is read, what is refused, what is drawn, and that augmentation keeps the rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fuzz
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import ANSWER, QUESTION, rows, write_csv

from trm_solve.config import RunOptions
from trm_solve.errors import InputError
from trm_solve.kinds.sudoku import augment
from trm_solve.kinds.sudoku.kind import Sudoku
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.training.data import Dataset, Mixture, draw_minimum
from trm_solve.training.mixing import count_common, open_data, split_share
from trm_solve.training.sources import read


def mixture(path: Path, count: int = 20, **options: Any) -> tuple[Mixture, dict[str, Dataset], list[str]]:
    heard: list[str] = []
    source = write_csv(path / "some.csv", rows(count))
    run = RunOptions.from_dict({"data": [source], **options})
    (drawn,), sets = open_data(run, augment=True, report=heard.append)
    return drawn, {name: part for name, (part,) in sets.items()}, heard


def silent(text: str) -> None:
    raise AssertionError(f"nothing to report here: {text}")


@given(seed=st.integers(0, 2**32), batch=st.integers(1, 20))
def test_augmented_puzzles_keep_the_rules_and_their_clues(seed: int, batch: int) -> None:
    question = np.array([1 if c == "." else int(c) + 1 for c in QUESTION], np.uint8)
    answer = np.array([int(c) + 1 for c in ANSWER], np.uint8)
    rng = np.random.default_rng(seed)
    questions, answers = augment.augment(rng, np.tile(question, (batch, 1)), np.tile(answer, (batch, 1)))
    kind = Sudoku()
    for puzzle in (kind.from_tokens(*each, "") for each in zip(questions, answers, strict=True)):
        assert isinstance(puzzle, Puzzle)
        assert puzzle.answer is not None
        assert kind.check(puzzle, puzzle.answer).solved
    assert ((questions > 1).sum(1) == (question > 1).sum()).all()


def test_augmentation_reaches_every_symmetry_of_a_cell_and_each_slot_has_its_own() -> None:
    answer = np.array([int(c) + 1 for c in ANSWER], np.uint8)
    marked = np.where(np.arange(81) == 0, answer, 1).astype(np.uint8)
    questions, answers = augment.augment(
        np.random.default_rng(0), np.tile(marked, (4000, 1)), np.tile(answer, (4000, 1))
    )
    places, digits = (questions > 1).argmax(1), questions.max(1)
    assert set(places) == set(range(81))
    assert set(digits) == set(range(2, 11))
    assert len(np.unique(answers, axis=0)) > 3990


def test_rows_that_break_the_rules_are_refused_with_their_line(tmp_path: Path) -> None:
    lines = rows(3)
    lines.insert(1, f"mine,{QUESTION},{ANSWER[::-1]},9")
    lines.insert(3, f"mine,{QUESTION},,9")
    heard: list[str] = []
    path = write_csv(tmp_path / "bad.csv", lines)
    assert len(read(path, None, heard.append)) == 3
    assert [message.split(": ")[1] for message in heard] == [f"{path}:3", f"{path}:5"]


def test_a_file_with_nothing_to_learn_names_its_first_fault(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text(QUESTION + "\n")
    with pytest.raises(InputError, match=r"questions\.txt:1: no answer"):
        read(str(path), None, lambda _: None)


def test_the_general_reader_and_the_fast_one_agree(tmp_path: Path) -> None:
    fast = read(write_csv(tmp_path / "fast.csv", rows(12)), None, silent)
    spoilt = [*rows(12), "mine,too short,,"]
    slow = read(write_csv(tmp_path / "slow.csv", spoilt), None, lambda _: None)
    for name in ("questions", "answers", "ids", "ratings"):
        assert np.array_equal(getattr(fast, name), getattr(slow, name))


def test_the_public_builder_s_folder(tmp_path: Path) -> None:
    data = read(write_csv(tmp_path / "a.csv", rows(4)), None, silent)
    folder = tmp_path / "built" / "train"
    folder.mkdir(parents=True)
    arrays = {"inputs": data.questions, "labels": data.answers, "puzzle_identifiers": np.array([0, 3], np.int32)}
    arrays |= {"puzzle_indices": np.array([0, 1, 4], np.int32), "group_indices": np.array([0, 2], np.int32)}
    for name, array in arrays.items():
        np.save(folder / f"all__{name}.npy", array)
    facts = {"vocab_size": 11, "seq_len": 81, "num_puzzle_identifiers": 4, "pad_id": 0, "ignore_label_id": 0}
    (folder / "dataset.json").write_text(json.dumps(facts))
    found = read(str(tmp_path / "built"), None, silent)
    assert (found.kind, len(found.names), found.ids.tolist()) == ("sudoku", 4, [0, 3, 3, 3])
    assert np.array_equal(found.questions, data.questions)
    (folder / "all__labels.npy").unlink()
    with pytest.raises(InputError, match=r"no all__labels\.npy"):
        read(str(tmp_path / "built"), None, silent)


HEADER = b"\x93NUMPY"
ODD_ARRAYS: dict[str, Any] = {  # in place of all__inputs.npy
    "negative": np.full((3, 81), -1, np.int32),
    "tokens beyond": np.full((3, 81), 300, np.int32),
    "floats": np.ones((3, 81)),
    "three axes": np.ones((3, 9, 9), np.int32),
    "no row": np.ones((0, 81), np.int32),
    "no cell": np.ones((3, 0), np.int32),
    "other rows": np.ones((4, 81), np.int32),
    "no array": b"hello",
    "a header of 4 GB": HEADER + b"\2\0\xff\xff\xff\xff{}",
    "a header that is no Python": HEADER + b"\1\0\4\0{((\n",
    "cut short": HEADER + b"\1\0\x3c\0" + b"{'descr': '<i4', 'fortran_order': False, 'shape': (3, 81)}\n".rjust(60),
    "objects": HEADER + b"\1\0\x3c\0" + b"{'descr': '|O', 'fortran_order': False, 'shape': (3, 81)}\n".rjust(60),
}
ODD_FACTS: dict[str, Any] = {  # in place of dataset.json
    "text": {**fuzz.FACTS, "vocab_size": "x"},
    "huge": {**fuzz.FACTS, "vocab_size": 10**40},
    "none": {},
    "a list": [],
    "ignored": {**fuzz.FACTS, "ignore_label_id": [1]},
    "identifiers": {**fuzz.FACTS, "num_puzzle_identifiers": 10**12},
    "another kind": {**fuzz.FACTS, "vocab_size": 6},
}


@pytest.mark.parametrize("odd", [*ODD_ARRAYS, *ODD_FACTS])
def test_odd_data_sets_are_refused(tmp_path: Path, odd: str) -> None:
    for name, array in fuzz.ARRAYS.items():
        np.save(tmp_path / f"all__{name}.npy", array)
    (tmp_path / "dataset.json").write_text(json.dumps(ODD_FACTS.get(odd, fuzz.FACTS)))
    if isinstance(content := ODD_ARRAYS.get(odd), bytes):
        (tmp_path / "all__inputs.npy").write_bytes(content)
    elif content is not None:
        np.save(tmp_path / "all__inputs.npy", content)
    with pytest.raises(InputError) as caught:
        read(str(tmp_path), None, silent)
    assert str(tmp_path) in caught.value.message
    try:
        items = list(read_file(tmp_path, None))
    except InputError as error:
        items = [error]
    assert items
    assert all(isinstance(item, InputError) and str(tmp_path) in item.message for item in items)


def test_numbers_of_odd_arrays_are_refused(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(json.dumps(fuzz.FACTS))
    for name, spoilt in (("labels", 300), ("puzzle_identifiers", 4), ("puzzle_indices", -1), ("puzzle_indices", 9)):
        for each, array in fuzz.ARRAYS.items():
            np.save(tmp_path / f"all__{each}.npy", array)
        array = fuzz.ARRAYS[name].copy()
        array.flat[1] = spoilt
        np.save(tmp_path / f"all__{name}.npy", array)
        with pytest.raises(InputError, match=r"numbers that are none of|do not fit each other"):
            read(str(tmp_path), None, silent)
        if name == "labels":
            first, second, _ = (item for item in read_file(tmp_path, None) if isinstance(item, Puzzle))
            assert (first.answer, second.label_fault) == (None, "")
            assert "tokens that are none of the 11" in first.label_fault


def test_a_batch_is_a_pure_function_of_seed_and_step(tmp_path: Path) -> None:
    drawn, _, _ = mixture(tmp_path)
    again = drawn.draw(0, 7, 16)
    for first, second in zip(drawn.draw(0, 7, 16), again, strict=True):
        assert np.array_equal(first, second)
    assert not np.array_equal(drawn.draw(0, 8, 16)[0], again[0])
    assert not np.array_equal(drawn.draw(1, 7, 16)[0], again[0])


def shares(drawn: Mixture) -> np.ndarray[Any, Any]:
    return np.diff(drawn.cumulative, prepend=0.0)


def test_shares_and_bands(tmp_path: Path) -> None:
    one, two = write_csv(tmp_path / "one.csv", rows(10)), write_csv(tmp_path / "two.csv", rows(5))
    run = RunOptions(data=(one, f"{two}@0.2"), band=("4:7=3",))
    found = shares(open_data(run, augment=True, report=lambda _: None)[0][0])
    first, second = found[:10], found[10:]
    assert second.sum() == pytest.approx(0.2)
    assert first[4] / first[3] == pytest.approx(3)
    assert first[8] == pytest.approx(first[3])
    assert second[4] / second[0] == pytest.approx(3)


def test_rows_are_drawn_in_proportion_to_their_weight(tmp_path: Path) -> None:
    drawn, _, _ = mixture(tmp_path, 4, band=["3:3=7"])
    plain = Mixture(drawn.data, drawn.cumulative, augment=False)
    questions, _, _ = plain.draw(0, 0, 20_000)
    heavy = (questions == drawn.data.questions[3]).all(1).mean()
    assert heavy == pytest.approx(0.7, abs=0.02)


def test_rating_range_and_held_out_part(tmp_path: Path) -> None:
    drawn, validation, _ = mixture(tmp_path, 20, rating="5:14", hold_out=0.3)
    held = validation["held out"]
    assert (len(drawn.data), len(held)) == (7, 3)
    assert sorted([*drawn.data.ratings, *held.ratings]) == list(range(5, 15))
    assert count_common(drawn.data, held) == 0


def test_validation_puzzles_that_are_trained_on_are_told(tmp_path: Path) -> None:
    _, _, heard = mixture(tmp_path, 20, valid=[write_csv(tmp_path / "valid.csv", rows(25))])
    assert len(heard) == 1
    assert "valid.csv: 20 of its puzzles are training data too" in heard[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rating": "5"}, "'5' is not a range"),
        ({"rating": "900:"}, "no row has a rating in 900:"),
        ({"band": ["4:7"]}, "no weight"),
        ({"band": ["0:99=0"]}, "without a row"),
        ({"hold_out": 0.999}, "cannot hold out"),
        ({"data": ["nowhere.csv"]}, "nowhere.csv: no such file"),
        ({"data": ["hf://datasets/only-one-part"]}, "not a data set's address"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        mixture(tmp_path, 20, **options)
    assert "\n" not in caught.value.message


def test_shares_of_more_than_the_whole(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", rows(3))
    with pytest.raises(InputError, match=r"add up to 1\.2"):
        open_data(RunOptions(data=(f"{path}@0.6", f"{path}@0.6")), augment=True, report=silent)
    with pytest.raises(InputError, match="must lie between 0 and 1"):
        split_share(f"{path}@4")
    assert split_share("team@home/a.csv") == ("team@home/a.csv", None)


def test_exploration_belongs_to_slots_of_the_global_batch() -> None:
    drawn = draw_minimum(0, 3, 1000, 0.1, 16)
    assert 60 < (drawn > 0).sum() < 140
    assert drawn[drawn > 0].min() >= 2
    assert drawn.max() <= 16
    assert np.array_equal(drawn, draw_minimum(0, 3, 1000, 0.1, 16))
