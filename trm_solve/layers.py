"""The layers of a model, from a linear map to the network: what they do, without when (`model.py` says that).

Names of parameters and buffers are those of the public checkpoints. Shapes: B puzzles, P prefix positions, L cells (all
of the canvas, or a part of it), d hidden width; with a symbol axis S symbols of width w, d = S w.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_solve.config import ModelConfig
from trm_solve.correspondence import Linked, from_group, from_partner

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
