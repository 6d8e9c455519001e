"""Relations of cells that depend on the question: who hears whom, and models that have them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numeric import close
from numpy.typing import NDArray
from test_symbols import COLOURS, model
from test_train import run

from trm_solve import api
from trm_solve.config import LINKS, PARTNERS, ModelConfig, SolveOptions
from trm_solve.correspondence import from_group, from_partner, linked
from trm_solve.errors import InputError
from trm_solve.puzzle import Puzzle
from trm_solve.solver import Attempt, refine

Grid = NDArray[np.int64]
TASK = str(Path(__file__).parent.parent / "examples" / "arc" / "mirror.json")
SIDE = 8  # of the part of the canvas
CELLS = torch.arange(900).view(30, 30)[:SIDE, :SIDE].flatten()
GRIDS = hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=SIDE), elements=st.integers(0, 3))
LINKED = COLOURS | {"links": list(LINKS), "exchange_size": 4 * (6 + 3 + 1 + len(LINKS))}


def tokens_of(grids: list[Grid]) -> torch.Tensor:
    """(B, L), the end of each grid marked as ARC's questions have it."""
    full = np.zeros((len(grids), SIDE + 1, SIDE + 1), np.int64)
    for canvas, grid in zip(full, grids, strict=True):
        rows, columns = grid.shape
        canvas[rows, :columns] = canvas[:rows, columns] = 1
        canvas[:rows, :columns] = grid + 2
    return torch.from_numpy(full[:, :SIDE, :SIDE].copy()).flatten(1)


def config_with(*names: str) -> ModelConfig:
    return model(**COLOURS | {"links": names, "exchange_size": 10 + len(names)}).config


def cut_out(grid: Grid) -> Grid:
    rows, columns = np.nonzero(grid)
    return grid[rows.min() :, columns.min() :] if len(rows) else grid[:0]


SHOWN: dict[str, Callable[[Grid], Grid]] = {
    "mirrored_sideways": np.fliplr,
    "mirrored_upright": np.flipud,
    "turned_180": lambda grid: np.rot90(grid, 2),
    "transposed": np.transpose,
    "turned_90": lambda grid: np.rot90(grid, -1),
    "turned_270": np.rot90,
    "transposed_180": lambda grid: np.rot90(grid, 2).T,
    "tile": lambda grid: np.tile(grid, (SIDE, SIDE)),
    "tile_of": lambda grid: np.kron(grid, np.ones_like(grid)),
    "half_right": lambda grid: grid[:, (grid.shape[1] + 1) // 2 :],
    "half_down": lambda grid: grid[(grid.shape[0] + 1) // 2 :],
    "cut_out": cut_out,
}


@pytest.mark.parametrize("name", PARTNERS)
@given(grids=st.lists(GRIDS, min_size=1, max_size=3))
def test_partners_show_the_grid_as_their_name_says(name: str, grids: list[Grid]) -> None:
    tokens = tokens_of(grids)
    (places,) = linked(config_with(name), tokens, CELLS).partners
    heard = from_partner(torch.where(tokens > 1, tokens, 0)[..., None], places).view(-1, SIDE, SIDE)
    for grid, got in zip(grids, heard.numpy(), strict=True):
        expected, shown = np.zeros((SIDE, SIDE), np.int64), SHOWN[name](grid)[:SIDE, :SIDE] + 2
        expected[: shown.shape[0], : shown.shape[1]] = shown
        assert got.tolist() == expected.tolist()


def touching(grid: Grid, corners: bool) -> Grid:
    """Of each cell its group, as the first place in it, by walking from cell to cell."""
    groups = np.full(grid.shape, -1)
    for start in product(*map(range, grid.shape)):
        if grid[start] < 0 or groups[start] >= 0:
            continue
        groups[start], open_cells = start[0] * SIDE + start[1], [start]
        while open_cells:
            i, j = open_cells.pop()
            for down, right in product((-1, 0, 1), repeat=2):
                there = i + down, j + right
                inside = 0 <= there[0] < grid.shape[0] and 0 <= there[1] < grid.shape[1]
                if inside and (corners or not down * right) and grid[there] == grid[start] and groups[there] < 0:
                    groups[there] = groups[start]
                    open_cells.append(there)
    return groups


@pytest.mark.parametrize("name", ["patch", "figure"])
@given(grids=st.lists(GRIDS, min_size=1, max_size=3))
def test_the_cells_of_a_group_hear_each_other(name: str, grids: list[Grid]) -> None:
    (group,) = linked(config_with(name), tokens_of(grids), CELLS).groups
    part = torch.randn(len(grids), SIDE * SIDE, 2)
    for grid, got, said in zip(grids, from_group(part, *group), part, strict=True):
        groups = np.full((SIDE, SIDE), -1)
        seen = grid if name == "patch" else np.where(grid > 0, 1, -1)
        groups[: grid.shape[0], : grid.shape[1]] = touching(seen, corners=name == "figure")
        flat = groups.ravel()
        others = torch.from_numpy((flat == flat[:, None]) & (flat >= 0) & ~np.eye(flat.size, dtype=np.bool_)).float()
        close(got, others @ said / others.sum(1, keepdim=True).clamp(min=1).sqrt(), atol=1e-4)


def test_a_long_group_is_found_to_its_end() -> None:
    grid = np.zeros((SIDE, SIDE), np.int64)
    grid[1::4], grid[3::4, :] = 1, 1
    grid[2, -1] = grid[6, -1] = grid[4, 0] = 1  # a snake
    (group,) = linked(config_with("patch"), tokens_of([grid]), CELLS).groups
    places = group[0].view(SIDE, SIDE)
    assert len(places[torch.from_numpy(grid == 1)].unique()) == 1


def test_an_answer_depends_on_its_question_alone_and_on_what_is_linked_in_it() -> None:
    made = model(**LINKED)
    tokens = tokens_of([np.random.default_rng(n).integers(0, 4, (3 + n, 6 - n)) for n in range(4)])
    together = made(tokens, cells=CELLS, steps=2).logits
    for n in range(4):
        close(made(tokens[n : n + 1], cells=CELLS, steps=2).logits, together[n : n + 1], atol=1e-4)
    without = model(**COLOURS)
    state = {k: v for k, v in made.state_dict().items() if "exchange" not in k}
    without.load_state_dict(state, strict=False)
    assert not torch.allclose(without(tokens, cells=CELLS, steps=2).logits, together, atol=1e-2)


def test_the_solver_takes_the_links_of_those_that_are_still_running() -> None:
    made, rng = model(**LINKED), np.random.default_rng(0)
    made.puzzle_emb.weights.normal_()  # or colours that no grid shows are alike, and rounding chooses among them
    grids = [rng.integers(0, 4, shape).astype(np.uint8) for shape in ((4, 5), (5, 4), (3, 3), (6, 6))]
    puzzles = [Puzzle("arc", grid, questions=(np.zeros((6, 6), np.uint8),)) for grid in grids]
    attempts = [Attempt(puzzle, index, max_steps=1 + index) for index, puzzle in enumerate(puzzles)]
    steps = refine(made, attempts, SolveOptions(halt="never", slots=3))
    last = {step.puzzle: step for step in steps}
    for index, puzzle in enumerate(puzzles):
        alone = list(refine(made, [Attempt(puzzle, index, max_steps=1 + index)], SolveOptions(halt="never")))[-1]
        assert last[index].answer.tolist() == alone.answer.tolist()
        close(last[index].confidence, alone.confidence, atol=1e-4)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"links": ["tyle"]}, "'links' cannot have 'tyle'"),
        ({"links": ["tile", "transposed"]}, "each one once, in the order"),
        ({"links": ["tile", "tile"]}, "each one once, in the order"),
        ({"symbols": [], "symbol_heads": 0, "exchange_size": 0, "links": ["tile"]}, "go with 'symbols'"),
        ({"links": ["tile"]}, "7 relations, 3 heads and the other symbols, 11 parts"),
    ],
)
def test_links_that_cannot_be(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model(**COLOURS | fields)


def test_a_recipe_names_the_links_of_a_fresh_model_which_is_trained_saved_and_asked(tmp_path: Path) -> None:
    symbols = {"symbol_axis": True, "hidden_size": 80, "exchange_size": 24, "puzzle_emb_len": 0, "H_cycles": 2}
    fields = {"mlp_t": False, "pos_encodings": "relations", "canvas": "crop", "copies": 2, "max_side": 6, **symbols}
    ways = ("up", "down", "left", "right")
    fields |= {"relations": (*ways, *(f"{way}wards" for way in ways), "all"), "links": ("transposed", "figure")}
    lines = run(tmp_path, data=[TASK], hold_out=0.0, valid=[], **fields)
    assert lines[-1]["loss"] is not None
    made = api.load(tmp_path / "run" / "last")
    assert made.config.links == ("transposed", "figure")
    solutions = api.solve_many(api.read(TASK), made, max_steps=2)
    assert all(solution.answer is not None and solution.steps > 0 for solution in solutions)
