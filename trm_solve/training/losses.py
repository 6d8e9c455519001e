"""Losses of one supervision step, per slot (arXiv 2510.04871, section 4, as its authors' code has them)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from trm_solve.device import widest

IGNORE = -100  # label of a cell that is not to be learned


def log_stablemax(logits: Tensor) -> Tensor:
    """log s(a) - log sum s(a) over the last axis, s(a) = a + 1 for a >= 0 and 1 / (1 - a) below."""
    above = torch.log1p(logits.clamp(min=0))
    below = torch.log1p((-logits).clamp(min=0))
    log_s = above - below  # one of the two is 0
    return log_s - log_s.logsumexp(-1, keepdim=True)


def token_losses(logits: Tensor, labels: Tensor, *, loss: str = "stablemax", smoothing: float = 0.0) -> Tensor:
    """Cross-entropy (B,) of logits (B, L, vocab) against labels (B, L), the mean over a sequence's labelled tokens.

    `stablemax` runs in fp64 where there is one, as the authors' does, `softmax` in fp32. `smoothing` moves that share
    of the target to the mean over the vocabulary.
    """
    if loss == "stablemax":
        log_p = log_stablemax(logits.to(widest(logits.device)))
    else:
        log_p = F.log_softmax(logits.float(), dim=-1)
    labelled = labels != IGNORE
    picked = log_p.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    if smoothing:
        picked = (1 - smoothing) * picked + smoothing * log_p.mean(-1)
    return -(picked * labelled).sum(-1) / labelled.sum(-1).clamp(min=1)


def halt_losses(q: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy (B,) of a halting logit (B,) against a probability or truth value (B,)."""
    return F.binary_cross_entropy_with_logits(q.float(), target.float(), reduction="none")
