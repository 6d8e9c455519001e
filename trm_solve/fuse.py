"""Whether a network's operations are fused by the compiler, and doing it.

Decided by the amount of work and never by timing, so that the same command gives the same answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from trm_solve.model import TRM

WORTH = {"cpu": 2e13, "cuda": 2e16}  # floating-point operations from which on compiling pays for itself


def operations(model: TRM, length: int | None = None) -> float:
    """Floating-point operations of one supervision step of one puzzle of `length` positions (None: a full canvas).

    Matrix products only, as if all were TRM's.
    """
    config = model.config
    length = length or config.prefix_len + config.seq_len
    products = 0.0
    for name, weight in model.L_level.named_parameters():
        products += weight.numel() * (config.hidden_size if ".mlp_t." in name else length)
    if config.symbols:
        products = products * config.symbols_count + config.L_layers * config.hidden_size * length**2
    elif not config.mlp_t:
        products += 2 * config.L_layers * config.hidden_size * length**2  # attention's own
    return 2 * products * config.rounds * (config.L_cycles + 1)


def fuse(model: TRM, wanted: str, work: float) -> bool:
    """Compile the network where asked for (`on`), or where so many floating-point operations are worth it (`auto`).

    Returns whether it is compiled now.
    """
    if fused(model):
        return True
    if wanted == "off" or (wanted == "auto" and work < WORTH.get(model.device.type, float("inf"))):
        return False
    if wanted == "auto" and not works(model.device):
        return False
    for network in model.networks:
        network.compile(dynamic=True)
    return True


class Fuser:
    """Counts work of unknown length; compiles once so much is done that compiling would have paid.

    Whatever has gone on for so long may go on as long again: at worst this costs twice what knowing would have.
    """

    def __init__(self, model: TRM, wanted: str) -> None:
        self.model, self.wanted, self.work = model, wanted, 0.0
        if wanted == "on":
            fuse(model, wanted, 0)
        self.settled = wanted != "auto" or fused(model)

    def count(self, puzzles: int, length: int, part: float = 1.0) -> None:
        """A supervision step of so many puzzles of so many positions is next, or a part of one."""
        if self.settled:
            return
        if self.work >= WORTH.get(self.model.device.type, float("inf")):
            fuse(self.model, self.wanted, self.work)
            self.settled = True  # or there is no compiler that works
        self.work += part * puzzles * operations(self.model, length)


def unfuse(model: TRM) -> None:
    """Undo `fuse`."""
    for network in model.networks:
        network._compiled_call_impl = None


@contextlib.contextmanager
def unfused(model: TRM) -> Iterator[None]:
    """As `unfuse`, for a moment: work of another shape is not worth compiling for."""
    kept = [network._compiled_call_impl for network in model.networks]
    unfuse(model)
    try:
        yield
    finally:
        for network, compiled in zip(model.networks, kept, strict=True):
            network._compiled_call_impl = compiled


def works(device: torch.device) -> bool:
    """Whether there is a compiler for this device."""
    try:
        torch.compile(torch.square)(torch.ones(2, device=device))
    except Exception:  # whatever a missing or broken tool chain raises
        return False
    return True


def fused(model: TRM) -> bool:
    return getattr(model.L_level, "_compiled_call_impl", None) is not None
