"""Models with a symbol axis: a state for each digit of each cell, weights shared by the digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made import QUESTION
from numeric import close
from safetensors.torch import load_file, save_file
from test_train import run

from trm_solve import pretrained
from trm_solve.api import read, solve_many
from trm_solve.checkpoint import WEIGHTS, save
from trm_solve.config import ModelConfig, SolveOptions
from trm_solve.convert import convert
from trm_solve.correspondence import Linked
from trm_solve.errors import InputError, ModelError
from trm_solve.kinds.sudoku.rules import AXES
from trm_solve.model import TRM
from trm_solve.shapes import shapes_of
from trm_solve.training.setup import relate

FIELDS: dict[str, Any] = {
    "kind": "sudoku",
    "grid": [9, 9],
    "vocab_size": 11,
    "hidden_size": 9 * 8,
    "num_heads": 1,
    "intermediate_size": 24,
    "mlp_t": False,
    "pos_encodings": "relations",
    "relations": ["row", "column", "box"],
    "symbols": [2, 10],
    "H_cycles": 2,
    "L_cycles": 1,
}
COLOURS: dict[str, Any] = {
    "kind": "arc",
    "grid": [30, 30],
    "vocab_size": 12,
    "hidden_size": 10 * 12,
    "relations": ["up", "down", "left", "right", "leftwards", "all"],
    "symbols": [2, 11],
    "symbol_heads": 3,
    "exchange_size": 20,
    "puzzle_emb_ndim": 10 * 12,
    "canvas": "crop",
}
MAZES = str(Path(__file__).parent.parent / "examples" / "maze" / "twelve.csv")


def model(**fields: Any) -> TRM:
    torch.manual_seed(0)
    made = TRM(ModelConfig.from_dict(FIELDS | fields))
    relate(made)
    torch.nn.init.normal_(made.q_head.weight)  # away from where training starts, so that every weight matters
    return made


def answers(
    made: TRM, tokens: torch.Tensor, cells: torch.Tensor | None = None, rows: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (B, L, vocab) and q_halt (B,) after one supervision step."""
    with torch.no_grad():
        e = made.embed(tokens, rows, cells)
        y, _ = made.step(e, *made.initial_state(e), made.positions(cells))
        return made.read_answer(y), made.read_halt(y)[0]


QUESTIONS = torch.tensor([[1 if c == "." else int(c) + 1 for c in QUESTION]])


# ---- the arithmetic


@pytest.mark.numeric
def test_digits_with_other_names_get_the_same_answer_under_those_names() -> None:
    made, other = model(), torch.tensor([0, 1, *(2 + torch.randperm(9)).tolist()])
    logits, halt = answers(made, QUESTIONS)
    renamed, halt_too = answers(made, other[QUESTIONS])
    assert (logits[..., 2:].std(-1) > 1e-3).any()
    close(renamed[..., other], logits, atol=1e-5)
    close(halt_too, halt, atol=1e-5)


@pytest.mark.numeric
def test_colours_with_other_names_get_the_same_answer_under_those_names_where_the_row_is_told_so_too() -> None:
    made = model(**COLOURS)
    cells = torch.arange(900).view(30, 30)[2:8, :7].flatten()
    tokens, rows = torch.randint(0, 12, (3, len(cells))), torch.randn(3, 10 * 12)
    other = torch.randperm(10)
    names = torch.tensor([0, 1, *(2 + other).tolist()])
    logits, halt = answers(made, tokens, cells, rows)
    moved = rows.view(3, 10, 12)[:, other.argsort()].flatten(1)
    renamed, halt_too = answers(made, names[tokens], cells, moved)
    close(renamed[..., names], logits, atol=1e-5)
    close(halt_too, halt, atol=1e-5)
    same_row, _ = answers(made, names[tokens], cells, rows)
    assert (same_row[..., names] - logits).abs().max() > 0.01  # a row tells one colour from another


@pytest.mark.numeric
def test_a_head_looks_at_cells_by_what_stands_in_them_wherever_they_are() -> None:
    made = model(**COLOURS)
    exchange = made.L_level.layers[0].exchange
    x = torch.randn(1, 6, 10, 12)
    order = torch.randperm(6)
    for head, again in zip(exchange.attended(x), exchange.attended(x[:, order]), strict=True):  # type: ignore[operator]
        close(head.sum(-1), torch.ones(1, 6), atol=1e-5)
        close(again, head[:, order][:, :, order], atol=1e-5)


@pytest.mark.numeric
def test_steps_may_be_longer_where_puzzles_are_solved_than_in_training(tmp_path: Path) -> None:
    longer, plainly = model(H_cycles=1, inference_cycles=3), model(H_cycles=3)
    with torch.no_grad():
        close(longer(QUESTIONS, steps=2).logits, plainly(QUESTIONS, steps=2).logits, atol=1e-5)
        e = longer.embed(QUESTIONS)
        (y, _), (other, _) = (
            made.step(e, *made.initial_state(e), made.positions(), cycles)
            for made, cycles in ((longer, None), (plainly, (1, 1)))
        )
    close(y, other, atol=1e-6)  # what training does
    how = SolveOptions(max_steps=2, effort="fast", halt="never")
    answers = [next(iter(solve_many(read(QUESTION), made, how))) for made in (longer, plainly)]
    assert answers[0].best_step is not None
    assert answers[1].best_step is not None
    close(answers[0].best_step.confidence, answers[1].best_step.confidence, atol=1e-5)
    save(longer, tmp_path / "m")
    assert pretrained.load(tmp_path / "m").config.rounds == 3


@pytest.mark.numeric
@pytest.mark.parametrize("move", ["transposed", "bands swapped"])
def test_a_grid_seen_from_another_side_gets_the_same_answer_there(move: str) -> None:
    cells = torch.arange(81).view(9, 9)
    seen = (cells.T if move == "transposed" else cells[[3, 5, 4, 0, 1, 2, 6, 7, 8]]).reshape(-1)
    made = model()
    if move == "transposed":  # rows become columns: only with the same weights for both
        for block in made.L_level.layers:
            weight = block.exchange.in_proj.weight.data.view(3, 4, 2, 8)  # type: ignore[union-attr, operator]
            weight[:, 1] = weight[:, 0]
            out = block.exchange.o_proj.weight.data.view(8, 4, 2)  # type: ignore[union-attr, operator]
            out[:, 1] = out[:, 0]
    logits, _ = answers(made, QUESTIONS)
    close(answers(made, QUESTIONS[:, seen])[0], logits[:, seen], atol=1e-5)


@pytest.mark.numeric
def test_a_cell_hears_related_cells_alone_and_no_symbol_of_another_cell_but_its_own() -> None:
    made = model()
    exchange, related = made.L_level.layers[0].exchange, made.positions()[0][0].related
    assert related is not None
    x = torch.randn(1, 81, 9, 8)
    before = exchange(x, related, Linked())  # type: ignore[operator]
    x[0, 40, 4] += 1.0  # the middle cell's 5
    moved = (exchange(x, related, Linked()) - before).abs().amax(-1)[0] > 1e-6  # type: ignore[operator]
    peers = np.any([axis == axis[40] for axis in AXES.values()], axis=0)
    expected = torch.zeros(81, 9, dtype=torch.bool)
    expected[torch.from_numpy(peers), 4] = True
    expected[40] = True
    assert torch.equal(moved, expected)


@pytest.mark.numeric
def test_named_cells_are_a_canvas_of_their_own() -> None:
    made = model()
    logits, halt = answers(made, QUESTIONS)
    order = torch.randperm(81)
    again, halt_too = answers(made, QUESTIONS[:, order], order)
    close(again, logits[:, order], atol=1e-5)
    close(halt_too, halt, atol=1e-5)
    some = torch.tensor([0, 1, 9, 80])
    part = made.positions(some)[0][0].related
    assert part is not None
    assert part.shape == (3, 4, 4)
    assert part[0].nonzero().tolist() == [[0, 1], [1, 0]]  # the row that two of them share
    close(part[2].sum(-1), torch.tensor([2**0.5, 2**0.5, 2**0.5, 0.0]), rtol=1e-6)  # a box that three share


def test_tokens_that_are_no_symbols_can_be_read_and_written() -> None:
    made = model()
    tokens = torch.tensor([[0, 1, 2, 10] + [1] * 77])
    e = made.embed(tokens).view(1, 81, 9, 8)[0]
    for blank in (0, 1):
        assert (e[blank] == e[blank, :1]).all()
    assert not torch.equal(e[0], e[1])
    assert [(e[2] == e[2, n]).all(-1).sum().item() for n in range(9)] == [1] + [8] * 8
    assert torch.equal(e[2, 0], e[3, 8])
    assert torch.equal(e[2, 8], e[3, 0])
    assert answers(made, tokens)[0].shape == (1, 81, 11)


def test_every_weight_has_a_gradient() -> None:
    made = model()
    e = made.embed(QUESTIONS)
    y, _ = made.step(e, *made.initial_state(e), made.positions())
    (made.read_answer(y).square().sum() + sum(q.sum() for q in made.read_halt(y))).backward()  # type: ignore[union-attr]
    # nothing but a grid's blanks is read from the row of PAD
    assert {name for name, weight in made.named_parameters() if weight.grad is None or not weight.grad.any()} == set()


# ---- folders and configurations


def test_a_checkpoint_solves_as_its_model_does(tmp_path: Path) -> None:
    made = model()
    save(made, tmp_path / "m")
    loaded = pretrained.load(tmp_path / "m")
    assert loaded.config == made.config
    assert {name: tuple(t.shape) for name, t in made.state_dict().items()} == shapes_of(made.config)
    assert torch.equal(answers(loaded, QUESTIONS)[0], answers(made, QUESTIONS)[0])
    for dtype in (torch.float32, torch.bfloat16):
        (found,) = solve_many(read(QUESTION), loaded.cast(dtype), SolveOptions(max_steps=3, effort="fast"))
        assert found.steps == 3
        assert found.best_attempt is not None
        assert found.best_attempt.shape == (9, 9)
    tensors = load_file(tmp_path / "m" / WEIGHTS)
    tensors["lm_head.weight"] = torch.zeros(11, 8)
    save_file(tensors, tmp_path / "m" / WEIGHTS)
    with pytest.raises(ModelError, match=r"'lm_head\.weight'"):
        pretrained.load(tmp_path / "m")


def test_a_raw_state_dict_of_such_a_model_is_converted(tmp_path: Path) -> None:
    made = model()
    torch.save(made.state_dict(), tmp_path / "step_1")
    fields = {**FIELDS, "seq_len": 81}
    assert convert(tmp_path / "step_1", fields).config == made.config
    with pytest.raises(ModelError, match=r"'symbols' .* is not stated"):
        convert(tmp_path / "step_1", {**fields, "symbols": None})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"symbols": [2]}, r"'symbols' cannot be \[2\]"),
        ({"symbols": [2, 11]}, r"'symbols' cannot be \[2, 11\]"),
        ({"symbols": [5, 5]}, r"'symbols' cannot be \[5, 5\]"),
        ({"hidden_size": 73}, "divisible by the number of symbols, 9"),
        ({"hidden_size": 9 * 7}, "7 cannot be shared out to 3 relations, 0 heads and the other symbols, 4 parts"),
        ({"relations": [], "pos_encodings": "none"}, "cannot be shared out to 0 relations"),
        ({"qk_norm": True}, "'symbols' does not go with"),
        ({"puzzle_emb_ndim": 8}, r"'puzzle_emb_ndim' must be 0 or 'hidden_size' \(72\)"),
        ({"puzzle_emb_ndim": 72, "puzzle_emb_len": 1}, "'symbols' does not go with"),
        ({"symbol_heads": 2, "exchange_size": 70}, "70 cannot be shared out to 3 relations, 2 heads"),
        ({"symbol_heads": 3, "exchange_size": 7}, r"'symbol_heads' \(3\) must divide a symbol's width \(8\)"),
        ({"symbols": [], "symbol_heads": 2}, "go with 'symbols'"),
        ({"symbols": [], "exchange_size": 8}, "go with 'symbols'"),
        ({"H_layers": 2, "model_type": "hrm"}, "'symbols' does not go with"),
    ],
)
def test_configurations_that_cannot_be(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ModelConfig.from_dict(FIELDS | fields)


# ---- training


def test_a_kind_whose_symbols_are_not_alike_has_no_such_axis(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'symbol_axis': the symbols of maze are not all alike"):
        run(tmp_path, data=[MAZES], hold_out=0.0, valid=[], mlp_t=False, symbol_axis=True)


def test_a_model_without_such_an_axis_shares_no_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'share_rows' is for models of tasks with a symbol axis"):
        run(tmp_path, data=[MAZES], hold_out=0.0, valid=[], mlp_t=False, share_rows=True)
