"""What a model's card says of its score, in `models list` and `models info`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_solve.checkpoint import CARD, save
from trm_solve.hub import catalogue
from trm_solve.hub import names as hub
from trm_solve.hub.card import model_card, published_card, read_score
from trm_solve.pretrained import load

FIGURES = {"kind": "sudoku", "puzzles": 300, "exact_accuracy": 0.2533, "valid_accuracy": 0.26}


def test_the_score_of_a_written_card_is_read_back() -> None:
    config = load("sudoku").config
    assert read_score(model_card(config, "mine", results=[FIGURES])) == (
        pytest.approx(25.33),
        "exact accuracy; 300 sudoku puzzles",
    )
    assert read_score(model_card(config, "mine")) is None


@given(st.text() | st.text().map("---\nmodel-index: {}\n---\n".format))
def test_whatever_stands_in_a_card_is_no_error(text: str) -> None:
    assert read_score(text) is None or text.startswith("---\n")


@pytest.mark.parametrize("front", ["", "---\n---\n", "---\n\n---\n", "---\nlicense: mit\n---\n"])
def test_a_published_card_keeps_its_text_below_any_front_matter(front: str) -> None:
    published = published_card(load("sudoku").config, "mine", f"{front}My own words.\n", [FIGURES])
    assert published.endswith("---\nMy own words.\n")
    assert published.count("---\n") == 2
    assert ("license: mit" in published) == ("license" in front)
    assert read_score(published) == (pytest.approx(25.33), "exact accuracy; 300 sudoku puzzles")


@pytest.mark.parametrize("value", ["high", "[1]", "null"])
def test_a_score_that_is_no_number_is_none(value: str) -> None:
    metric = f"{{name: exact, value: {value}}}"
    front = f"---\nmodel-index: [{{results: [{{dataset: {{name: some}}, metrics: [{metric}]}}]}}]\n---\n"
    assert read_score(front) is None
    assert read_score(front.replace(value, "0.5")) == (50.0, "exact; some")


def test_the_list_shows_the_score_of_packaged_models_within_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    catalogue.show_list(as_json=False)
    shown = capsys.readouterr().out.splitlines()
    score = read_score((hub.weights_dir() / "maze/README.md").read_text())
    assert score is not None
    assert f" {score[0]:.3g} %  {score[1][:10]}" in next(line for line in shown if line.startswith("maze"))
    assert all(len(line) <= 80 for line in shown)
    assert not any("…" in line for line in shown)


def test_every_score_in_the_list_says_on_what_and_how_it_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    catalogue.show_list(as_json=False)
    head, *lines = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert {len(line) for line in lines} == {len(head)}
    for line in lines:
        how, what = dict(zip(head, line, strict=True))["metric"].rsplit("; ", 1)
        assert re.search("pass|votes|adaptation", how), line
        assert re.search("Sudoku-Extreme|Maze-Hard|ARC-AGI", what), line


def test_a_folder_without_a_card_has_no_score(tmp_path: Path) -> None:
    save(load("sudoku"), tmp_path)
    assert catalogue.describe(str(tmp_path))["reported"] is None
    (tmp_path / CARD).unlink()
    assert catalogue.describe(str(tmp_path))["reported"] is None
