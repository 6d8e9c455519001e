"""The Tiny Recursive Model (arXiv 2510.04871): how the network of `layers.py` refines an answer, again and again.

One network refines an answer `y` and a latent `z` for a question `x`. `TRM.step` is one supervision step; when to
take another and when to halt is the business of `solver.py` and `training/`. The Hierarchical Reasoning Model (arXiv
2506.21734) is the same machinery with a second network, for `y`, and a shorter gradient (`model_type: hrm`). Names of
parameters and buffers are those of the public checkpoints, so that a converted state dict loads as it is.

Models with a symbol axis treat all symbols alike (the digits of a Sudoku): of every cell they keep one state for each
symbol, and the weights are shared by all symbols. Then d = S w, for S symbols of width w.

Shapes: B puzzles, P prefix positions, L cells (all of the canvas, or the sub-grid named by `cells`), d hidden width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_solve.config import ModelConfig
from trm_solve.correspondence import linked
from trm_solve.layers import (
    Block,
    Embedding,
    Linear,
    Net,
    Places,
    Positions,
    PuzzleEmbedding,
    rotary_angles,
    trunc_normal_,
)


class Outcome(NamedTuple):
    """What `TRM.forward` comes to after its last supervision step."""

    logits: Tensor  # (B, L, vocab_size): what stands in each cell
    q_halt: Tensor  # (B,): its sigmoid is the halting probability
    q_continue: Tensor  # (B,)
    state: tuple[Tensor, Tensor]  # y, z, each (B, P+L, d), to go on from


class TRM(nn.Module):
    """The model. `forward_dtype` is the dtype of activations; weights keep their own (see `cast`)."""

    H_init: Tensor
    L_init: Tensor
    angles: Tensor
    relations: Tensor

    if TYPE_CHECKING:  # put here by `pretrained.py`, which knows folders and the hub

        @classmethod
        def from_pretrained(
            cls,
            pretrained_model_name_or_path: str | PathLike[str],
            *,
            force_download: bool = False,
            token: str | bool | None = None,
            cache_dir: str | PathLike[str] | None = None,
            local_files_only: bool = False,
            revision: str | None = None,
        ) -> TRM: ...

        def save_pretrained(
            self,
            save_directory: str | PathLike[str],
            *,
            repo_id: str | None = None,
            push_to_hub: bool = False,
            commit_message: str = "",
            private: bool | None = None,
            token: str | None = None,
            branch: str | None = None,
            create_pr: bool | None = None,
        ) -> str | None: ...

        def push_to_hub(
            self,
            repo_id: str,
            *,
            commit_message: str = "",
            private: bool | None = None,
            token: str | None = None,
            branch: str | None = None,
            create_pr: bool | None = None,
        ) -> str: ...

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d = config.symbol_width
        self.config = config
        self.name = ""  # by which it was loaded
        self.note = ""  # for its card: what it was made for
        self.forward_dtype = torch.float32
        self.identifiers: Any = None  # what the rows of the puzzle embedding stand for: see `tasks/identifiers.py`
        self.register_buffer("H_init", trunc_normal_(torch.empty(d), 1.0))  # where y starts; never trained
        self.register_buffer("L_init", trunc_normal_(torch.empty(d), 1.0))  # where z starts; never trained
        self.embed_tokens = Embedding(config.rows_read, d)
        if config.pos_encodings == "learned":
            self.embed_pos = Embedding(config.prefix_len + config.seq_len, d)
        if config.puzzle_emb_ndim:
            self.puzzle_emb = PuzzleEmbedding(config.num_puzzle_identifiers, config.puzzle_emb_ndim)
        self.L_level = Net(config, config.L_layers)
        if config.H_layers:  # HRM: y has a network of its own
            self.H_level = Net(config, config.H_layers)
        self.lm_head = Linear(d, config.rows_told)
        self.q_head = Linear(d, 2, bias=True)
        nn.init.zeros_(self.q_head.weight)  # a fresh model is sure that it has not finished
        nn.init.constant_(self.q_head.bias, -5.0)  # type: ignore[arg-type]
        if config.pos_encodings in ("rope", "rope2d") and not config.mlp_t:
            self.register_buffer("angles", rotary_angles(config), persistent=False)
        if config.relations:  # part of a checkpoint: weights mean nothing without the relations that they belong to
            shape = len(config.relations), config.seq_len, config.seq_len
            self.register_buffer("relations", torch.zeros(shape, dtype=torch.bool))

    @property
    def device(self) -> torch.device:
        return self.H_init.device

    def forward(
        self,
        tokens: Tensor,
        identifiers: Tensor | None = None,
        *,
        steps: int = 1,
        state: tuple[Tensor, Tensor] | None = None,
        cycles: tuple[int, int] | None = None,
        cells: Tensor | None = None,
    ) -> Outcome:
        """Take supervision steps from a question, or on from a `state` that was returned before.

        `tokens` (B, L) are those of the kind (`get_kind(name).encode`), `identifiers` (B,) rows of the puzzle embedding
        (None: row 0). `cycles` (T, n): where None, those with which puzzles are solved. `cells` (L,) names the canvas
        cells of a cropped canvas. The gradient is that of the last step's last round; between steps the state is
        detached, as in training. Raises ValueError for shapes that do not fit.
        """
        wanted = self.config.seq_len if cells is None else len(cells)
        if tokens.ndim != 2 or tokens.shape[1] != wanted:
            raise ValueError(f"tokens of shape {tuple(tokens.shape)}, the model reads (B, {wanted})")
        if steps < 1:
            raise ValueError(f"at least one step is needed, not {steps}")
        if identifiers is None:
            identifiers = torch.zeros(len(tokens), dtype=torch.long, device=tokens.device)
        positions = self.link(self.positions(cells), tokens, cells)
        e = self.embed(tokens, self.puzzle_rows(identifiers), cells)
        y, z = self.initial_state(e) if state is None else state
        for _ in range(steps):
            y, z = self.step(e, y.detach(), z.detach(), positions, cycles or (self.config.rounds, self.config.L_cycles))
        return Outcome(self.read_answer(y), *self.read_halt(y), (y, z))

    def cast(self, dtype: torch.dtype) -> TRM:
        """For inference: activations and the network's weights in this dtype, cast once instead of at every use."""
        self.forward_dtype = dtype
        for part in (*self.networks, self.lm_head):
            part.to(dtype)
        return self

    @property
    def networks(self) -> list[Net]:
        """The network for z, then the one for y where an HRM has it."""
        return [self.L_level, self.H_level] if self.config.H_layers else [self.L_level]

    def puzzle_rows(self, identifiers: Tensor) -> Tensor | None:
        """Rows (B, puzzle_emb_ndim) of the puzzle embedding for identifiers (B,); None for a model without one."""
        if not self.config.puzzle_emb_ndim:
            return None
        rows: Tensor = self.puzzle_emb(identifiers)
        return rows

    def positions(self, cells: Tensor | None = None) -> Positions:
        """What each layer of each network knows of places, for `step`: made once for all passes over a batch.

        `cells` (L,) names the canvas cells of a cropped canvas, in order. Models with `links` need `link` as well.
        """
        config = self.config
        if config.symbols:
            return [[Places(related=self._related(cells))] * len(network.layers) for network in self.networks]
        cos_sin = relations = None
        if hasattr(self, "angles"):
            angles = self.angles if cells is None else self.angles[self._places(cells)]
            cos_sin = angles.cos(), angles.sin()
        if config.relations:
            relations = self._all_relations(cells)
        found = []
        for network in self.networks:
            blocks = cast(list[Block], list(network.layers))
            biases = [None if relations is None else block.self_attn.bias(relations) for block in blocks]
            found.append([Places(cos_sin, None if b is None else b.to(self.forward_dtype)) for b in biases])
        return found

    def link(self, positions: Positions, tokens: Tensor, cells: Tensor | None = None) -> Positions:
        """Positions on these cells for a batch of questions, tokens (B, L): the same ones in models without `links`."""
        if not self.config.links:
            return positions
        found = linked(self.config, tokens, cells)
        return [[known._replace(linked=found) for known in each] for each in positions]

    def _cell_relations(self, cells: Tensor | None) -> Tensor:
        """The kind's relations (R, L, L) as 0 and 1."""
        found = self.relations if cells is None else self.relations[:, cells[:, None], cells]
        return found.float()  # once they are few: a whole canvas of floats is large

    def _related(self, cells: Tensor | None) -> Tensor:
        """(R, L, L): 0 for cells that are not related, else what keeps a sum of them as large as one of them."""
        found = self._cell_relations(cells) * (
            1 - torch.eye(self.relations.shape[1] if cells is None else len(cells), device=self.device)
        )
        return (found / found.sum(-1, keepdim=True).clamp(min=1).sqrt()).to(self.forward_dtype)

    def _all_relations(self, cells: Tensor | None) -> Tensor:
        """Relations (1 + R + 1, P+L, P+L) of query and key as 0 and 1: same place, the kind's, key in the prefix."""
        prefix, found = self.config.prefix_len, self._cell_relations(cells)
        found = F.pad(found, (prefix, 0, prefix, 0, 1, 1))
        found[0].fill_diagonal_(1)
        found[-1, :, :prefix] = 1
        return found

    def _places(self, cells: Tensor) -> Tensor:
        """Places in the full sequence of the prefix and of these cells."""
        if self.config.mlp_t:
            raise ValueError("token mixing by an MLP is tied to the full canvas and cannot be cropped")
        prefix = self.config.prefix_len
        return torch.cat((torch.arange(prefix, device=cells.device), cells + prefix))

    def embed(self, tokens: Tensor, rows: Tensor | None = None, cells: Tensor | None = None) -> Tensor:
        """The question x: tokens (B, L) and puzzle rows (B, puzzle_emb_ndim; zeros where None) -> e (B, P+L, d)."""
        config, d = self.config, self.config.hidden_size
        if config.symbols:
            return self._embed_symbols(tokens, rows)
        e = F.embedding(tokens, self.embed_tokens.embedding_weight)
        if prefix := config.prefix_len:
            if rows is None:
                rows = e.new_zeros(len(tokens), config.puzzle_emb_ndim)
            rows = F.pad(rows, (0, prefix * d - config.puzzle_emb_ndim)).view(-1, prefix, d)
            e = torch.cat((rows.to(e.dtype), e), dim=1)
        if config.pos_encodings == "learned":
            table = self.embed_pos.embedding_weight
            e = 0.707106781 * (e + (table if cells is None else table[self._places(cells)]))
        return (math.sqrt(d) * e).to(self.forward_dtype)

    def _embed_symbols(self, tokens: Tensor, rows: Tensor | None) -> Tensor:
        """tokens (B, L) -> e (B, L, S w), the same for all symbols but the one that stands there, and for the row."""
        first, last = self.config.symbols
        symbols = torch.arange(first, last + 1, device=tokens.device)
        other = torch.where(tokens < first, tokens, tokens - len(symbols)) + 2  # of tokens that are no symbols
        row = torch.where((tokens < first) | (tokens > last), other, 1)[..., None]
        row = torch.where(tokens[..., None] == symbols, 0, row)  # (B, L, S)
        e = F.embedding(row, self.embed_tokens.embedding_weight).flatten(2)
        if rows is not None:
            e = e + rows[:, None].to(e.dtype)
        return (math.sqrt(self.config.symbol_width) * e).to(self.forward_dtype)

    def initial_state(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """y, z (B, P+L, d) before the first supervision step."""
        y, z = (init.to(e.dtype).repeat(e.shape[-1] // len(init)) for init in (self.H_init, self.L_init))
        return y.expand_as(e), z.expand_as(e)

    def latent_recursion(self, e: Tensor, y: Tensor, z: Tensor, n: int, positions: Positions) -> tuple[Tensor, Tensor]:
        """Refine the latent n times, then the answer once."""
        injection = y + e
        for _ in range(n):
            z = self.L_level(z, injection, positions[0])
        return self.networks[-1](y, z, positions[-1]), z

    def step(
        self, e: Tensor, y: Tensor, z: Tensor, positions: Positions, cycles: tuple[int, int] | None = None
    ) -> tuple[Tensor, Tensor]:
        """One supervision step: T rounds, only the last with gradient (paper, section 4). Returns y, z, attached."""
        (last,) = self.rounds(e, y, z, positions, cycles)
        return last

    def rounds(
        self,
        e: Tensor,
        y: Tensor,
        z: Tensor,
        positions: Positions,
        cycles: tuple[int, int] | None = None,
        graded: int = 1,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """One supervision step, whose last `graded` rounds have a gradient, through all of them: y, z after each.

        Of an HRM only the very last update of z and that of y have one (its paper's one-step gradient).
        `cycles` (T, n) overrides the configuration's, for training schedules that grow the recursion.
        """
        T, n = cycles or (self.config.H_cycles, self.config.L_cycles)
        with torch.no_grad():
            for _ in range(T - graded):
                y, z = self.latent_recursion(e, y, z, n, positions)
            if self.config.H_layers:
                injection = y + e
                for _ in range(n - 1):
                    z = self.L_level(z, injection, positions[0])
                n = 1
        for _ in range(min(graded, T)):
            y, z = self.latent_recursion(e, y, z, n, positions)
            yield y, z

    def read_answer(self, y: Tensor) -> Tensor:
        """Logits (B, L, vocab) in the activations' dtype."""
        if self.config.symbols:
            first, _ = self.config.symbols
            each = y.reshape(*y.shape[:2], -1, self.config.symbol_width)
            own, others = self.lm_head(each).split((1, self.lm_head.weight.shape[0] - 1), dim=-1)
            rest = others.mean(2)  # (B, L, tokens that are no symbols)
            return torch.cat((rest[..., :first], own[..., 0], rest[..., first:]), dim=-1)
        logits: Tensor = self.lm_head(y[:, self.config.prefix_len :])
        return logits

    def read_halt(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """q_halt and q_continue, each (B,) in fp32, read at the first position.

        With a symbol axis no position is special: the odds that a puzzle is unfinished are the mean of its cells' odds.
        """
        if self.config.symbols:
            each = self.q_head(y.float().reshape(*y.shape[:2], -1, self.config.symbol_width).mean(2))  # (B, L, 2)
            q = math.log(y.shape[1]) - torch.logsumexp(-each, dim=1)
        else:
            q = self.q_head(y[:, 0].float())
        return q[:, 0], q[:, 1]
