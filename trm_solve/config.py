"""Frozen options, strict on the way in and on the way out. Standard library only.

`ModelConfig` is the architecture and stands in every checkpoint's `config.json`; run-time facts (batch size, dtype,
device) are not architecture and live elsewhere.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from trm_solve.errors import InputError, shown
from trm_solve.strict import Strict, nearest

ModelType = Literal["trm", "hrm"]
PosEncodings = Literal["none", "learned", "rope", "rope2d", "relations"]
Canvas = Literal["full", "crop"]
Compile = Literal["auto", "on", "off"]  # auto: where it pays
DEVICES = ("auto", "cpu", "cuda", "mps")  # also cuda:N
DTYPES = ("auto", "float32", "bfloat16")


def is_index(text: str) -> bool:
    """Whether a text is the number of a device, as PyTorch reads it: without zeros before it, and not too large."""
    return re.fullmatch("0|[1-9][0-9]{0,2}", text) is not None


def check_device(name: str) -> None:
    """Raises `InputError` for what no machine calls a device; whether this one has it, `choose_device` knows."""
    kind, _, index = str(name).partition(":")
    if not isinstance(name, str) or kind not in DEVICES or (index and (kind == "auto" or not is_index(index))):
        raise InputError(f"unknown device '{name}'", nearest(kind, list(DEVICES)))


def check_dtype(name: str) -> None:
    """Raises `InputError` for a dtype in which nothing is computed."""
    if name not in DTYPES:
        raise InputError(f"unknown dtype '{name}'", nearest(str(name), list(DTYPES)))


def check_seed(seed: int) -> None:
    """Raises `InputError` for a seed that some generator does not take: numpy's legacy one has 32 bits."""
    if not 0 <= seed < 2**32:
        raise InputError(f"a seed is a number from 0 to {2**32 - 1}, not {seed}")


PARTNERS = (  # of a cell, another one
    "mirrored_sideways",
    "mirrored_upright",
    "turned_180",
    "transposed",
    "turned_90",
    "turned_270",
    "transposed_180",
    "tile",  # the grid again and again, over all of the canvas
    "tile_of",  # each of its cells as large as the grid
    "half_right",  # as far to the right as half of the grid is wide, a line between the halves or not
    "half_down",
    "cut_out",  # the smallest rectangle around what is drawn, moved to the first cell
)
GROUPS = (  # of cells
    "patch",  # cells of one symbol that touch by their sides
    "figure",  # cells of any symbol but the background that touch, by their corners too
)
LINKS = (*PARTNERS, *GROUPS)  # relations of cells that depend on the question, see `correspondence`

CELLS = 1 << 16  # of a grid: 256 x 256
BOUNDS = {  # what a configuration may ask for: far above any model there is, far below what a machine would die of
    "vocab_size": (1, 256),  # tokens are bytes
    "hidden_size": (1, 1 << 15),
    "num_heads": (1, 1 << 10),
    "symbol_heads": (0, 1 << 10),
    "exchange_size": (0, 1 << 15),
    "L_layers": (1, 256),
    "H_layers": (0, 256),
    "intermediate_size": (1, 1 << 18),
    "token_intermediate_size": (0, 1 << 18),
    "H_cycles": (1, 1000),
    "inference_cycles": (0, 1000),
    "L_cycles": (1, 1000),
    "puzzle_emb_ndim": (0, 1 << 20),
    "puzzle_emb_len": (0, 1 << 12),
    "num_puzzle_identifiers": (1, 1 << 28),
    "halt_max_steps": (1, 10_000),
}


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Strict):
    """The architecture of a TRM (arXiv 2510.04871) or an HRM (2506.21734), under the public checkpoints' field names.

    Widths that the public configuration derives (`expansion`) are stated here, as read off the tensors.
    """

    kind: str  # puzzle kind: sudoku, maze, arc
    model_type: ModelType = "trm"
    grid: tuple[int, int]  # rows, columns of the canvas
    vocab_size: int
    hidden_size: int  # d
    num_heads: int = 8  # attention only
    L_layers: int = 2  # blocks of the one network; of an HRM: of the network for z
    H_layers: int = 0  # an HRM's blocks of the network for y; 0: TRM, one network does both
    intermediate_size: int  # inner width of the channel SwiGLU
    mlp_t: bool  # True: an MLP mixes positions; False: attention does
    token_intermediate_size: int = 0  # inner width of the token-mixing SwiGLU; 0 with attention
    pos_encodings: PosEncodings
    rope_theta: float = 10000.0
    relations: tuple[str, ...] = ()  # of two cells, each with a learned weight a head in attention's logits
    links: tuple[str, ...] = ()  # with `symbols`: relations of cells that depend on the question
    qk_norm: bool = False  # attention: queries and keys are normed, and scaled by one learned number a head
    symbols: tuple[int, ...] = ()  # first and last of the tokens that are all alike: a state for each; (): no such axis
    symbol_heads: int = 0  # with `symbols`: heads by which cells attend to each other, beside the relations
    exchange_size: int = 0  # with `symbols`: inner width of what is exchanged; 0: a symbol's width
    H_cycles: int  # T: rounds per supervision step, only the last with gradient
    inference_cycles: int = 0  # T where puzzles are solved, for weights that gain by more; 0: as in training
    L_cycles: int  # n: latent updates per answer update
    puzzle_emb_ndim: int = 0  # width of a puzzle-identifier row; 0: no prefix
    puzzle_emb_len: int = 0  # P: prefix positions; 0: ceil(puzzle_emb_ndim / d)
    num_puzzle_identifiers: int = 1
    halt_max_steps: int = 16  # supervision steps in training, and the default at inference
    no_ACT_continue: bool = True  # True: halt on q_halt > 0; False: on q_halt > q_continue
    canvas: Canvas = "full"  # "crop": trained on sub-grids that keep their full-canvas positions
    judges_pins: bool = False  # q_continue says whether a question with pins still has its answer

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if value < least:
                raise InputError(f"field '{name}' must be at least {least}, not {shown(value)}")
            if value > most:
                raise InputError(f"field '{name}' must be at most {most:,}, not {shown(value)}")
        if not 0 < self.rope_theta <= 1e12:
            raise InputError(f"field 'rope_theta' must lie above 0 and below 1e12, not {shown(self.rope_theta)}")
        if (self.model_type == "hrm") != (self.H_layers > 0):
            raise InputError("field 'H_layers' must be positive in an HRM and 0 in a TRM")
        if self.judges_pins and not self.no_ACT_continue:
            raise InputError(
                "field 'judges_pins' needs 'no_ACT_continue', without which 'q_continue' says when to halt"
            )
        if min(self.grid) < 1:
            raise InputError(f"field 'grid' must hold positive numbers, not {shown(list(self.grid))}")
        if self.seq_len > CELLS:
            raise InputError(f"field 'grid' must have at most {CELLS:,} cells, not {shown(list(self.grid))}")
        if self.mlp_t != (self.token_intermediate_size > 0):
            raise InputError("field 'token_intermediate_size' must be positive with 'mlp_t' and 0 without")
        if self.mlp_t and self.canvas == "crop":
            raise InputError("field 'canvas' cannot be 'crop' with 'mlp_t': token mixing is tied to the full canvas")
        if not self.mlp_t and not self.symbols and self.hidden_size % self.num_heads:
            raise InputError(f"field 'num_heads' ({self.num_heads}) must divide 'hidden_size' ({self.hidden_size})")
        if self.mlp_t and (self.relations or self.qk_norm):
            raise InputError("fields 'relations' and 'qk_norm' are attention's and do not go with 'mlp_t'")
        if self.pos_encodings == "relations" and not self.relations:
            raise InputError("field 'pos_encodings': relations needs names in 'relations'")
        unit = {"rope": 2, "rope2d": 4}.get(self.pos_encodings, 1)
        if not self.mlp_t and (self.hidden_size // self.num_heads) % unit:
            raise InputError(f"field 'pos_encodings': {self.pos_encodings} needs a head width divisible by {unit}")
        if not self.symbols and self.prefix_len * self.hidden_size < self.puzzle_emb_ndim:
            raise InputError("field 'puzzle_emb_ndim' does not fit in 'puzzle_emb_len' positions")
        if self.symbols:
            self._check_symbols()
        elif self.symbol_heads or self.exchange_size or self.links:
            raise InputError("fields 'symbol_heads', 'exchange_size' and 'links' go with 'symbols'")

    def _check_symbols(self) -> None:
        if len(self.symbols) != 2 or not 0 <= self.symbols[0] < self.symbols[1] < self.vocab_size:
            hint = f"first and last of them, below 'vocab_size' ({self.vocab_size})"
            raise InputError(f"field 'symbols' cannot be {shown(list(self.symbols))}", hint)
        if self.hidden_size % self.symbols_count:
            raise InputError(f"field 'hidden_size' must be divisible by the number of symbols, {self.symbols_count}")
        for name in self.links:
            if name not in LINKS:
                raise InputError(f"field 'links' cannot have {shown(name)}", nearest(name, list(LINKS)))
        if list(self.links) != [name for name in LINKS if name in self.links]:
            raise InputError("field 'links' must name each one once, in the order " + ", ".join(LINKS))
        inner, parts = self.exchange_size or self.symbol_width, self.exchange_parts
        if not self.relations or inner % parts:
            told = f"{len(self.relations + self.links)} relations, {self.symbol_heads} heads and the other symbols"
            raise InputError(f"field 'exchange_size': {inner} cannot be shared out to {told}, {parts} parts")
        if self.symbol_heads and self.symbol_width % self.symbol_heads:
            raise InputError(
                f"field 'symbol_heads' ({self.symbol_heads}) must divide a symbol's width ({self.symbol_width})"
            )
        if self.mlp_t or self.qk_norm or self.H_layers or self.pos_encodings != "relations" or self.puzzle_emb_len:
            hint = "it takes 'pos_encodings': relations, and neither 'mlp_t', 'qk_norm', 'H_layers' nor a prefix"
            raise InputError("field 'symbols' does not go with the other fields", hint)
        if self.puzzle_emb_ndim not in (0, self.hidden_size):
            raise InputError(f"field 'puzzle_emb_ndim' must be 0 or 'hidden_size' ({self.hidden_size}) with 'symbols'")

    @property
    def seq_len(self) -> int:
        """L, cells of the full canvas."""
        return self.grid[0] * self.grid[1]

    @property
    def symbols_count(self) -> int:
        """S, states of a cell; 0 without a symbol axis."""
        return self.symbols[1] - self.symbols[0] + 1 if self.symbols else 0

    @property
    def symbol_width(self) -> int:
        """w, the width of what the weights work on: that of one symbol's state, or d without a symbol axis."""
        return self.hidden_size // (self.symbols_count or 1)

    @property
    def exchange_parts(self) -> int:
        """Into how many parts of equal width that is parted which a symbol's cells exchange: see `layers.Exchange`."""
        return len(self.relations + self.links) + self.symbol_heads + 1

    @property
    def rows_read(self) -> int:
        """Rows of the token embedding; with a symbol axis: it stands there, another does, and the other tokens."""
        return self.vocab_size - self.symbols_count + (2 if self.symbols else 0)

    @property
    def rows_told(self) -> int:
        """Rows of the answer's read-out; with a symbol axis: one for all symbols, and the other tokens."""
        return self.vocab_size - self.symbols_count + (1 if self.symbols else 0)

    @property
    def rounds(self) -> int:
        """T of a step where puzzles are solved."""
        return self.inference_cycles or self.H_cycles

    @property
    def prefix_len(self) -> int:
        """P, positions before the first cell."""
        if self.puzzle_emb_ndim == 0 or self.symbols:
            return 0
        return self.puzzle_emb_len or -(-self.puzzle_emb_ndim // self.hidden_size)


def swiglu_width(hidden_size: int, expansion: float, multiple: int = 256) -> int:
    """The inner width that the authors' code derives: round(expansion * d * 2/3), up to a multiple."""
    return -(-round(expansion * hidden_size * 2 / 3) // multiple) * multiple


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Strict):
    """A training recipe: what a preset holds and what decides the losses. The defaults are the preset `cpu-small`.

    The model's shape counts for training from scratch only; a checkpoint brings its own (its cycles and
    `halt_max_steps` may be overridden).
    """

    # the model
    hidden_size: int = 128
    num_heads: int = 4
    L_layers: int = 2
    add_layers: int = 0  # to a checkpoint (`init`): further ones, which change nothing at first
    H_layers: int = 0  # above 0: an HRM, whose second network has so many blocks
    expansion: float = 4.0  # widths of the SwiGLUs, see `swiglu_width`
    mlp_t: bool = True
    pos_encodings: PosEncodings = "none"
    rope_theta: float = 10000.0
    relations: tuple[str, ...] = ()  # of the kind's; none with `pos_encodings: relations`: all of them
    links: tuple[str, ...] = ()  # with `symbol_axis`: relations of cells that depend on the question
    qk_norm: bool = False
    symbol_axis: bool = False  # a state for each symbol of a cell, where the kind's symbols are all alike
    symbol_heads: int = 0  # with it: heads by which cells attend to each other, beside the relations
    exchange_size: int = 0  # with it: inner width of what is exchanged; 0: a symbol's width
    canvas: Canvas = "full"
    H_cycles: int = 2
    L_cycles: int = 3
    puzzle_emb_len: int = 1
    halt_max_steps: int = 16
    no_ACT_continue: bool = True
    # the loss
    loss_rounds: int = 1  # of a step's T rounds, the last ones that have gradient and loss; the paper: 1
    loss: Literal["stablemax", "softmax"] = "softmax"
    label_smoothing: float = 0.0
    halt_loss_weight: float = 0.05
    halt_exploration_prob: float = 0.1
    pin_loss_weight: float = 0.3
    pin_prob: float = 0.0  # of a blank filled in between two steps, as search does, see `training/pins.py`
    own_pin_prob: float = 0.0  # of such a pin coming from the model's beliefs, right or wrong, not from the answer
    # the optimiser
    optimizer: Literal["adam-atan2", "adamw", "muon"] = "muon"
    lr: float = 2e-3
    weight_decay: float = 0.1
    adam_lr: float | None = None  # muon: of the AdamW half; None: as `lr`
    adam_weight_decay: float | None = None  # muon: of the AdamW half; None: as `weight_decay`
    muon_adjust: Literal["original", "match_rms_adamw"] = "match_rms_adamw"
    betas: tuple[float, float] = (0.9, 0.95)
    row_lr: float = 1e-4  # sign-SGD on puzzle-embedding rows
    row_weight_decay: float = 0.1
    share_rows: bool = False  # with a symbol axis: what rows say of each symbol is learned by all copies of a task
    clip_norm: float = 1.0  # 0: no clipping
    ema: float = 0.999  # 0: none
    # the schedule; a horizon is max_steps or max_minutes, whichever is nearer its end
    batch_size: int = 96  # global, over all processes
    warmup_steps: int = 100
    schedule: Literal["constant", "linear", "cosine", "wsd"] = "wsd"  # wsd: constant, then linear over the last part
    decay_fraction: float = 0.4  # wsd: that last part
    lr_min_ratio: float = 0.0
    depth_schedule: str = ""  # "0.2:1x2,0.5:2x3": until 20 % T=1, n=2; until 50 % T=2, n=3; then the model's own
    max_steps: int | None = None
    max_minutes: float | None = None
    # the data
    augment: bool = True
    copies: int = 100  # ARC: augmented copies of every task, each with an identifier of its own
    max_side: int = 30  # ARC: tasks with larger grids are left out
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("batch_size", "halt_max_steps", "H_cycles", "L_cycles", "loss_rounds"):
            if getattr(self, name) < 1:
                raise InputError(f"field '{name}' must be at least 1, not {getattr(self, name)}")
        for name in (
            *("label_smoothing", "halt_exploration_prob", "pin_prob", "own_pin_prob"),
            *("ema", "decay_fraction", "lr_min_ratio"),
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"field '{name}' must lie between 0 and 1, not {getattr(self, name)}")
        for name in (
            *("lr", "weight_decay", "adam_lr", "adam_weight_decay", "row_lr", "row_weight_decay"),
            *("clip_norm", "halt_loss_weight", "pin_loss_weight", "warmup_steps", "add_layers"),
        ):
            if getattr(self, name) is not None and not 0 <= getattr(self, name) < float("inf"):
                raise InputError(f"field '{name}' must be a number from 0 up, not {getattr(self, name)}")
        for name in ("max_steps", "max_minutes"):
            if getattr(self, name) is not None and not 0 < getattr(self, name) < float("inf"):
                raise InputError(f"field '{name}' must be positive, not {getattr(self, name)}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"field 'betas' must hold numbers from 0 to below 1, not {list(self.betas)}")
        if self.H_layers and self.loss_rounds > 1:
            raise InputError("field 'loss_rounds' is 1 for an HRM, whose gradient is that of one step")
        check_seed(self.seed)
        self.depth_stages()

    def depth_stages(self) -> list[tuple[float, int, int]]:
        """The recursion-depth schedule as (until this fraction of the run, T, n). Raises `InputError`."""
        stages = []
        for part in filter(None, self.depth_schedule.split(",")):
            try:
                until, _, cycles = part.partition(":")
                T, _, n = cycles.partition("x")
                stages.append((float(until), int(T), int(n)))
            except ValueError:
                hint = "write 0.2:1x2,0.5:2x3 for T=1, n=2 until 20 % and T=2, n=3 until 50 % of the run"
                raise InputError(f"field 'depth_schedule': cannot read '{part}'", hint) from None
        if any(T < 1 or n < 1 for _, T, n in stages) or [s[0] for s in stages] != sorted(s[0] for s in stages):
            raise InputError("field 'depth_schedule' needs growing fractions and cycles of at least 1")
        return stages


@dataclass(frozen=True, kw_only=True)
class RunOptions(Strict):
    """Where and on what a training run runs: nothing here changes what is learned, only the data does."""

    data: tuple[str, ...]  # FILE, FOLDER or hf://datasets/ORG/NAME, each with an optional @SHARE
    valid: tuple[str, ...] = ()
    hold_out: float = 0.0  # share of every source that is kept from training, to validate on
    out: str = ""
    init: str = ""  # name or folder of a checkpoint to fine-tune
    kind: str | None = None
    rating: str = ""  # LO:HI
    band: tuple[str, ...] = ()  # LO:HI=WEIGHT
    reveal: str = ""  # LO:HI
    device: str = "auto"
    dtype: str = "auto"
    threads: int = 0  # 0: as PyTorch chooses
    compile: Compile = "auto"
    log_every: int = 10  # optimiser steps a line of metrics
    save_minutes: float = 5.0
    valid_minutes: float = 10.0
    valid_steps: int = 0  # optimiser steps between validations; 0: by `valid_minutes`
    valid_puzzles: int = 512  # of each file
    tensorboard: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("log_every", "valid_puzzles"):
            if getattr(self, name) < 1:
                raise InputError(f"field '{name}' must be at least 1, not {getattr(self, name)}")
        for name in ("threads", "save_minutes", "valid_minutes", "valid_steps"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InputError(f"field '{name}' must be a number from 0 up, not {getattr(self, name)}")


Halt = Literal["rules", "q", "never"]
Effort = Literal["fast", "normal", "max"]
# Weights and rows; rows only; fresh weights and rows; the model as it is. auto: `all` where the model has a symbol
# axis: no base without one came near fresh weights that have one (benchmarks/README.md).
Fitted = Literal["auto", "all", "rows", "scratch", "none"]


@dataclass(frozen=True, kw_only=True)
class SolveOptions(Strict):
    """How a model is run on puzzles."""

    max_steps: int = 16  # supervision steps of one attempt
    halt: Halt = "rules"  # rules: a verified answer; q: the training rule; never: always max_steps, as the reference
    slots: int = 0  # puzzles that run together; 0: sized by the device
    seed: int = 0
    effort: Effort = "normal"  # how long to go on where a first attempt does not do; see search.py
    attempts: int = 0  # at most so many; 0: by effort
    compile: Compile = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_steps < 1:
            raise InputError(f"at least one step is needed, not {self.max_steps}")
        if self.attempts < 0:
            raise InputError(f"a number of attempts cannot be {self.attempts}")
        if self.slots < 0:
            raise InputError(f"a number of slots cannot be {self.slots}")
        check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class AdaptOptions(Strict):
    """How a model is fitted to an ARC task that it does not know."""

    minutes: float = 3.0  # for all that is done for a task: fits, leave-one-out, the vote
    copies: int = 100  # of the task, each with an identifier of its own: with few, the pairs are learned by heart
    folds: int | None = None  # pairs that are left out in turn, at most; None: as there is time for
    fit: Fitted = "auto"
    thrifty: bool = False  # once all examples come out right, the fit takes as long again and no longer
    recipe: Mapping[str, Any] = field(default_factory=dict)  # fields of the preset to change
    compile: Compile = "auto"
    on_interrupt: Literal["answer", "stop"] = "answer"  # Ctrl-C: answer with the best so far, or as anywhere else

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.minutes < float("inf"):
            raise InputError(f"adaptation takes minutes, not {self.minutes}")
        if self.copies < 0:
            raise InputError(f"a number of copies cannot be {self.copies}")
        if self.folds is not None and self.folds < 0:
            raise InputError(f"a number of folds cannot be {self.folds}")

    def of(self, model: ModelConfig) -> AdaptOptions:
        """The same for this model: with what `auto` comes to."""
        fit: Fitted = "all" if model.symbols else "scratch"
        return dataclasses.replace(self, fit=fit) if self.fit == "auto" else self
