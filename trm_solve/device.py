"""Which device, which dtype, and why; and the way there and back."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from trm_solve.config import check_device, check_dtype
from trm_solve.errors import InputError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_device(name: str = "auto") -> torch.device:
    """The device of this name; `auto` takes CUDA, then Apple's MPS, then the CPU. Raises `InputError`."""
    check_device(name)
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device on this machine", "--device cpu always works")
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        raise InputError(f"no device '{name}': this machine has {torch.cuda.device_count()} CUDA devices")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("no MPS device on this machine", "--device cpu always works")
    return torch.device(name)


def widest(device: torch.device) -> torch.dtype:
    """The widest floating point that the device has, for long sums and for stablemax: MPS has no fp64."""
    return torch.float32 if device.type == "mps" else torch.float64


def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies bf16: otherwise it is emulated, slower than fp32 and less exact."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        flags = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}  # torch >= 2.10
        return any(flags.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return False


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """The dtype of this name; `auto` takes bf16 where the hardware has it, fp32 elsewhere. Raises `InputError`."""
    check_dtype(name)
    if name == "auto":
        return torch.bfloat16 if has_bfloat16(device) else torch.float32
    return DTYPES[name]


def to_device(array: NDArray[Any], device: torch.device) -> Tensor:
    """An array as a tensor on the device; to CUDA from pinned memory, so that nobody waits for it."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def to_host(*tensors: Tensor) -> list[NDArray[Any]]:
    """Tensors of one device as arrays; from CUDA into pinned memory, all waited for together."""
    device = tensors[0].device
    if device.type != "cuda":
        return [tensor.cpu().numpy() for tensor in tensors]
    pinned = [torch.empty(each.shape, dtype=each.dtype, pin_memory=True) for each in tensors]
    for host, tensor in zip(pinned, tensors, strict=True):
        host.copy_(tensor, non_blocking=True)
    torch.cuda.current_stream(device).synchronize()
    return [host.numpy() for host in pinned]
