"""The Tiny Recursive Model, top to bottom: layers -> Block -> TRM (arXiv 2510.04871).

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
from collections.abc import Callable, Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_solve.config import ModelConfig
from trm_solve.correspondence import Linked, from_group, from_partner, linked

NARROW = 128  # numbers in a row; PyTorch's kernels on processors take up to eight times as long for parts below


def trunc_normal_(weight: Tensor, std: float) -> Tensor:
    """Fill in place from a normal truncated at two sigma, corrected so that the result has this standard deviation."""
    sigma = std / 0.87962566103423978
    return nn.init.trunc_normal_(weight, std=sigma, a=-2 * sigma, b=2 * sigma)


def rms_norm(x: Tensor) -> Tensor:
    """Root-mean-square norm over the last axis without a weight, in fp32 whatever comes in."""
    x32 = x.float()
    return (x32 * torch.rsqrt(x32.square().mean(-1, keepdim=True) + 1e-5)).to(x.dtype)


def add_norm(h: Tensor, change: Tensor) -> Tensor:
    """rms_norm(h + change), to the bit; without a gradient in the memory of `change`, which nobody may need any more.

    New memory is what elementwise work on a CPU takes longest to get.
    """
    if torch.is_grad_enabled():
        return rms_norm(h + change)
    total = change.add_(h).float()
    return total.mul_(torch.rsqrt(total.square().mean(-1, keepdim=True) + 1e-5)).to(change.dtype)


class Linear(nn.Module):
    """A linear map whose weight is kept in its own dtype and cast to that of the activation."""

    def __init__(self, d_in: int, d_out: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(trunc_normal_(torch.empty(d_out, d_in), 1 / math.sqrt(d_in)))
        self.bias = nn.Parameter(torch.zeros(d_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


class Embedding(nn.Module):
    """A table of vectors, initialised with standard deviation 1/sqrt(d)."""

    def __init__(self, rows: int, d: int) -> None:
        super().__init__()
        self.embedding_weight = nn.Parameter(trunc_normal_(torch.empty(rows, d), 1 / math.sqrt(d)))


class PuzzleEmbedding(nn.Module):
    """One row per puzzle identifier. A buffer: its rows are trained by sign-SGD, outside the optimiser and the EMA.

    Tables of tasks can have gigabytes, of which one task needs a few rows: such a table stays in its file (`map`), on
    whatever device and in whatever dtype the rest of the model is.
    """

    weights: Tensor

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.mapped = False
        self.register_buffer("weights", torch.zeros(rows, width))

    def forward(self, identifiers: Tensor) -> Tensor:
        rows = self.weights[identifiers.to(self.weights.device)]
        return rows.to(identifiers.device, torch.float32)

    def map(self, table: Tensor) -> None:
        """Use a memory-mapped table (rows, width) in place."""
        self.weights, self.mapped = table, True

    def own(self, table: Tensor | None = None) -> None:
        """Take the table into memory, to be trained, or another in its place."""
        if self.mapped or table is not None:
            self.weights, self.mapped = self.weights.float().clone() if table is None else table, False

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        return self if self.mapped else super()._apply(fn, recurse)  # type: ignore[no-untyped-call]


def compact(part: Tensor) -> Tensor:
    """A part of each row of a tensor, moved together where it is narrow; the compiler needs no such help."""
    return part.contiguous() if part.shape[-1] < NARROW and not torch.compiler.is_compiling() else part


class SwiGLU(nn.Module):
    """down(silu(gate) * up); the gate is the first half of `gate_up_proj`."""

    def __init__(self, d: int, inner: int) -> None:
        super().__init__()
        self.gate_up_proj = Linear(d, 2 * inner)
        self.down_proj = Linear(inner, d)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        opened = F.silu(compact(gate))
        opened = opened * up if torch.is_grad_enabled() else opened.mul_(up)
        out: Tensor = self.down_proj(opened)
        return out


def rotate(x: Tensor, cos_sin: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions in fp32, half-split convention. x (B, heads, P+L, head); cos, sin (P+L, head)."""
    cos, sin = cos_sin
    x32 = x.float()
    low, high = x32.chunk(2, dim=-1)
    return (x32 * cos + torch.cat((-high, low), dim=-1) * sin).to(x.dtype)


class Places(NamedTuple):
    """What one layer's attention knows of places, the same for all puzzles of a batch but for `linked`."""

    cos_sin: tuple[Tensor, Tensor] | None = None  # each (P+L, head): rotary positions
    bias: Tensor | None = None  # (heads, P+L, P+L), added to the logits: how two positions are related
    related: Tensor | None = None  # (R, L, L), instead of attention: what a cell hears of each other one
    linked: Linked = Linked()  # of each question, the cells that belong together in it


Positions = list[list[Places]]  # of each layer of each network


class Outcome(NamedTuple):
    """What `TRM.forward` comes to after its last supervision step."""

    logits: Tensor  # (B, L, vocab_size): what stands in each cell
    q_halt: Tensor  # (B,): its sigmoid is the halting probability
    q_continue: Tensor  # (B,)
    state: tuple[Tensor, Tensor]  # y, z, each (B, P+L, d), to go on from


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """Softmax attention; each (B, heads, P+L, head), `bias` (heads, P+L, P+L) is added to the logits.

    PyTorch's fused kernel, but for short sequences in training on a CPU: there its backward pass takes up to seven
    times as long as that of the plain products (37 positions), and longer up to about 190 positions, compiled 640.
    """
    short = q.shape[-2] <= (640 if torch.compiler.is_compiling() else 192)
    if not (short and q.device.type == "cpu" and torch.is_grad_enabled()):
        if bias is None:
            return F.scaled_dot_product_attention(q, k, v)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None])
    return attention_weights(q, k, bias).to(v.dtype) @ v


def attention_weights(q: Tensor, k: Tensor, bias: Tensor | None = None) -> Tensor:
    """How much each position looks at each other one (B, heads, P+L, P+L), in fp32."""
    scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)
    if bias is not None:
        scores = scores + bias
    return torch.softmax(scores, dim=-1, dtype=torch.float32)


class Attention(nn.Module):
    """Non-causal multi-head attention, which may know places by rotation, by relations, or by both."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d, heads = config.hidden_size, config.num_heads
        self.heads = heads
        self.qkv_proj = Linear(d, 3 * d)
        self.o_proj = Linear(d, d)
        if config.relations:
            # Each head starts out looking along one relation, the last of every group at everything.
            named = torch.arange(heads) % (len(config.relations) + 1)
            start = 4.0 * F.one_hot(named, len(config.relations) + 1)[:, :-1].float()
            self.relation_weight = nn.Parameter(F.pad(start, (1, 1)))  # (heads, same cell | relations | is the prefix)
        if config.qk_norm:
            self.qk_scale = nn.Parameter(torch.ones(heads))

    def bias(self, relations: Tensor) -> Tensor:
        """(heads, P+L, P+L) from the relations (1 + R + 1, P+L, P+L) as 0 and 1."""
        return (self.relation_weight.float() @ relations.flatten(1)).view(-1, *relations.shape[1:])

    def forward(self, x: Tensor, places: Places) -> Tensor:
        batch, length, d = x.shape
        qkv = self.qkv_proj(x).view(batch, length, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, P+L, head)
        if hasattr(self, "qk_scale"):
            q, k = rms_norm(q) * self.qk_scale.to(q.dtype)[:, None, None], rms_norm(k)
        if places.cos_sin is not None:
            q, k = rotate(q, places.cos_sin), rotate(k, places.cos_sin)
        mixed = attend(q, k, v, places.bias)
        out: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, length, d))
        return out


class Exchange(nn.Module):
    """What the cells tell each other of a symbol, and the symbols of one cell each other: sums behind gates.

    There is a part for each relation of cells, of the canvas or of the question (`links`), for each head of attention,
    and for the other symbols of the same cell.
    A head weighs cells by all that stands in them and so for all symbols alike. (Such sums over the cells of a unit are
    those of recurrent relational networks, arXiv 1711.08028; a state for each symbol with shared weights is that of
    SE-RRM, arXiv 2603.02193.)
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        w, heads = config.symbol_width, config.symbol_heads
        self.heads, self.parts, inner = heads, config.exchange_parts, config.exchange_size or w
        self.in_proj = Linear(w, 3 * inner)
        self.o_proj = Linear(inner, w)
        if heads:
            self.qk_proj = Linear(w, 2 * w)

    def forward(self, h: Tensor, related: Tensor, links: Linked) -> Tensor:
        """h (B, L, S, w), related (R, L, L) -> (B, L, S, w)."""
        value, gate, question = self.in_proj(h).chunk(3, dim=-1)
        *told, mine = (F.silu(compact(gate)) * value).chunk(self.parts, dim=-1)
        parts = iter(part.flatten(2) for part in told)
        heard = [cells @ next(parts) for cells in (*related, *self.attended(h))]
        heard += [from_partner(next(parts), places) for places in links.partners]
        heard += [from_group(next(parts), *group) for group in links.groups]
        heard = [each.view_as(mine) for each in heard]
        others = (mine.sum(2, keepdim=True) - mine) / math.sqrt(max(1, h.shape[2] - 1))
        out: Tensor = self.o_proj(torch.cat((*heard, others), dim=-1) * torch.sigmoid(compact(question)))
        return out

    def attended(self, h: Tensor) -> tuple[Tensor, ...]:
        """Of each head, how much a cell looks at each other one: (B, L, L)."""
        if not self.heads:
            return ()
        each = self.qk_proj(h.mean(2)).unflatten(-1, (2, self.heads, -1))
        q, k = each.permute(2, 0, 3, 1, 4)  # each (B, heads, L, w / heads)
        return attention_weights(q, k).to(h.dtype).unbind(1)


class Block(nn.Module):
    """Mix positions, then channels; the norm stands after each residual sum."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.symbols:
            self.symbol_width = config.symbol_width
            self.exchange = Exchange(config)
        elif config.mlp_t:
            self.mlp_t = SwiGLU(config.prefix_len + config.seq_len, config.token_intermediate_size)
        else:
            self.self_attn = Attention(config)
        self.mlp = SwiGLU(config.symbol_width, config.intermediate_size)

    def forward(self, h: Tensor, places: Places) -> Tensor:
        if places.related is not None:
            each = h.view(*h.shape[:2], -1, self.symbol_width)  # (B, L, S, w)
            each = rms_norm(each + self.exchange(each, places.related, places.linked))
            return rms_norm(each + self.mlp(each)).flatten(2)
        if hasattr(self, "mlp_t"):
            t = h.transpose(1, 2).contiguous()  # (B, d, P+L): this norm runs over the sequence
            h = add_norm(t, self.mlp_t(t)).transpose(1, 2).contiguous()
        else:
            h = add_norm(h, self.self_attn(h, places))
        return add_norm(h, self.mlp(h))


class Net(nn.Module):
    """The network: the injection is added, then the blocks run."""

    def __init__(self, config: ModelConfig, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(config) for _ in range(layers))

    def forward(self, h: Tensor, injection: Tensor, places: list[Places]) -> Tensor:
        h = h + injection
        for layer, known in zip(self.layers, places, strict=True):
            h = layer(h, known)
        return h


def rotary_angles(config: ModelConfig) -> Tensor:
    """Angles (P+L, head) of `rope` (by place in the sequence) or `rope2d` (half by row, half by column).

    In two dimensions the prefix stands at (0, 0) and the first cell too.
    """
    head, prefix = config.hidden_size // config.num_heads, config.prefix_len
    cell = torch.arange(config.seq_len)
    if config.pos_encodings == "rope":
        axes = [torch.arange(prefix + config.seq_len)]
    else:
        axes = [F.pad(axis, (prefix, 0)) for axis in (cell // config.grid[1], cell % config.grid[1])]
    per_axis = head // len(axes)
    frequency = config.rope_theta ** -(torch.arange(0, per_axis, 2).float() / per_axis)
    angles = torch.cat([axis.float()[:, None] * frequency for axis in axes], dim=-1)  # (P+L, head/2)
    return torch.cat((angles, angles), dim=-1)


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
        found = self.relations.float()
        return found if cells is None else found[:, cells[:, None], cells]

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
