"""Which cells belong together by what a question shows, for models with a symbol axis.

A relation of the canvas (up, left, same box) is the same for all questions. These are not: the cell that lies opposite
in a mirror lies where the *grid* ends, which is the part of the canvas where symbols stand, from its first cell on. Of
*partners* a cell has one or none, by each name. A *group* is a part of the cells, which all hear each other. The first
symbol is taken to be the background, as black is in ARC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from trm_solve.config import GROUPS, PARTNERS, ModelConfig


class Linked(NamedTuple):
    """For a batch of questions, by name the cells that a cell hears."""

    partners: tuple[Tensor, ...] = ()  # each (B L): where it stands in a batch of L + 1 cells, the last one empty
    groups: tuple[tuple[Tensor, Tensor], ...] = ()  # where the group's sum stands, and (B, L, 1) its factor


def linked(config: ModelConfig, tokens: Tensor, cells: Tensor | None) -> Linked:
    """What a model's `links` are in the questions: tokens (B, L) on these cells (L,), on the full canvas without."""
    width, symbols = config.grid[1], config.symbols
    where = torch.arange(tokens.shape[1], device=tokens.device) if cells is None else cells
    row, column = where // width, where % width
    rows, columns = int(row.max()) + 1, int(column.max()) + 1
    full = tokens.new_zeros(len(tokens), rows, columns)
    full[:, row, column] = tokens - symbols[0] + 1
    full = torch.where(full > symbols[1] - symbols[0] + 1, 0, full.clamp(min=0))  # 0: no symbol, 1: the background
    places = tokens.new_full((rows * columns + 1,), len(where))
    places[row * columns + column] = torch.arange(len(where), device=tokens.device)
    partners = [_flat(places[each]) for each in _partners(full, row, column, config.links)]
    groups = []
    for name in (name for name in GROUPS if name in config.links):
        labels = _labels(full if name == "patch" else (full > 1).long(), corners=name == "figure")[:, row, column]
        labels = torch.where(labels < rows * columns, places[labels], len(where))
        count = torch.zeros(len(tokens), len(where) + 1, device=tokens.device)
        count.scatter_add_(1, labels, torch.ones_like(labels, dtype=count.dtype))
        others = (count.gather(1, labels) - 1).clamp(min=1).rsqrt() * (labels < len(where))
        groups.append((_flat(labels), others[..., None]))
    return Linked(tuple(partners), tuple(groups))


def _flat(places: Tensor) -> Tensor:
    """(B, L), L for none -> (B L,) among all cells of a batch, of which each question has one more."""
    start = torch.arange(len(places), device=places.device) * (places.shape[1] + 1)
    return (places + start[:, None]).flatten()


def from_partner(part: Tensor, places: Tensor) -> Tensor:
    """part (B, L, n) -> (B, L, n): what each cell's partner says, 0 without one."""
    return F.pad(part, (0, 0, 0, 1)).flatten(0, 1)[places].view_as(part)


def from_group(part: Tensor, places: Tensor, factor: Tensor) -> Tensor:
    """part (B, L, n) -> (B, L, n): the sum over the others of each cell's group, as large as one of them."""
    batch, length, n = part.shape
    sums = part.new_zeros(batch * (length + 1), n).index_add(0, places, part.flatten(0, 1))
    return (sums[places].view_as(part) - part) * factor.to(part.dtype)


def _partners(full: Tensor, row: Tensor, column: Tensor, links: Sequence[str]) -> list[Tensor]:
    """Of each cell (L,) where in `full` (B, rows, columns) its partner stands, or after its end: each (B, L)."""
    _, rows, columns = full.shape
    down, right = (torch.arange(size, device=full.device) for size in (rows, columns))

    def ends(mask: Tensor) -> tuple[Tensor, ...]:
        """First and last row, first and last column of what a mask marks: each (B, 1)."""
        lines, across = mask.any(2), mask.any(1)
        first = torch.where(lines, down, rows).amin(1), torch.where(across, right, columns).amin(1)
        last = torch.where(lines, down, -1).amax(1), torch.where(across, right, -1).amax(1)
        return tuple(each[:, None] for each in (first[0], last[0], first[1], last[1]))

    (top, bottom, left, end), (drawn_top, _, drawn_left, _) = ends(full > 0), ends(full > 1)
    height, width = (bottom - top + 1).clamp(min=0), (end - left + 1).clamp(min=0)
    i, j = row - top, column - left  # (B, L), in the grid
    every = {
        "mirrored_sideways": (i, width - 1 - j),
        "mirrored_upright": (height - 1 - i, j),
        "turned_180": (height - 1 - i, width - 1 - j),
        "transposed": (j, i),
        "turned_90": (height - 1 - j, i),
        "turned_270": (j, width - 1 - i),
        "transposed_180": (height - 1 - j, width - 1 - i),
        "tile": (i % height.clamp(min=1), j % width.clamp(min=1)),
        "tile_of": (i // height.clamp(min=1), j // width.clamp(min=1)),
        "half_right": (i, j + (width + 1) // 2),
        "half_down": (i + (height + 1) // 2, j),
        "cut_out": (i + drawn_top - top, j + drawn_left - left),
    }
    found = []
    for down_to, right_to in (every[name] for name in PARTNERS if name in links):
        inside = (down_to >= 0) & (down_to < height) & (right_to >= 0) & (right_to < width)
        found.append(torch.where(inside, (top + down_to) * columns + left + right_to, rows * columns))
    return found


def _labels(values: Tensor, corners: bool) -> Tensor:
    """values (B, rows, columns) -> of each cell the least place in its group of equal values that touch; 0 has none."""
    _, rows, columns = values.shape
    none = rows * columns
    places = torch.arange(none, device=values.device).view(rows, columns)
    labels = torch.where(values > 0, places, none)
    ways = [(1, 0), (0, 1), *(((1, 1), (1, -1)) if corners else ())]
    ways += [(-down, -right) for down, right in ways]
    around = F.pad(values, (1, 1, 1, 1))

    def seen(padded: Tensor, down: int, right: int) -> Tensor:
        return padded[:, 1 + down : 1 + down + rows, 1 + right : 1 + right + columns]

    touches = [(seen(around, *way) == values) & (values > 0) for way in ways]
    while True:
        new, beside = labels, F.pad(labels, (1, 1, 1, 1), value=none)
        for way, touch in zip(ways, touches, strict=True):
            new = torch.where(touch, torch.minimum(new, seen(beside, *way)), new)
        least = F.pad(new.flatten(1), (0, 1), value=none)
        new = torch.minimum(new, least.gather(1, new.flatten(1)).view_as(new))  # and on to what that one has found
        if torch.equal(new, labels):
            return labels
        labels = new
