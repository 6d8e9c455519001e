"""Whether a network's operations are fused by the compiler before much work, and doing it."""

from __future__ import annotations

import torch

from trm_solve.model import TRM

WORTH = {"cpu": 2e13, "cuda": 2e16}  # floating-point operations from which on compiling pays for itself


def operations(model: TRM) -> float:
    """Floating-point operations of one supervision step of one puzzle: matrix products only, as if all were TRM's."""
    config = model.config
    length = config.prefix_len + config.seq_len
    products = 0.0
    for name, weight in model.L_level.named_parameters():
        products += weight.numel() * (config.hidden_size if ".mlp_t." in name else length)
    if not config.mlp_t:
        products += 2 * config.L_layers * config.hidden_size * length**2  # attention's own
    return 2 * products * config.H_cycles * (config.L_cycles + 1)


def fuse(model: TRM, wanted: str, steps: float) -> bool:
    """Compile the network where asked for (`on`), or where so many supervision steps are worth it (`auto`).

    Returns whether it was compiled. Decided by the amount of work and never by timing, so that the same command gives
    the same answers.
    """
    worth = WORTH.get(model.device.type, float("inf"))
    if wanted == "off" or (wanted == "auto" and operations(model) * steps < worth):
        return False
    if wanted == "auto" and not works(model.device):
        return False
    for network in model.networks:
        network.compile(dynamic=True)
    return True


def unfuse(model: TRM) -> None:
    """Undo `fuse`."""
    for network in model.networks:
        network._compiled_call_impl = None


def works(device: torch.device) -> bool:
    """Whether there is a compiler for this device."""
    try:
        torch.compile(torch.square)(torch.ones(2, device=device))
    except Exception:  # whatever a missing or broken tool chain raises
        return False
    return True


def fused(model: TRM) -> bool:
    return getattr(model.L_level, "_compiled_call_impl", None) is not None
