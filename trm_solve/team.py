"""The processes of one training run: one, or several under torchrun (gloo on CPUs, nccl on GPUs)."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from types import TracebackType
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from trm_solve.errors import InputError, TrmError, shown

Value = TypeVar("Value")
PATIENCE = timedelta(days=30)  # one may have hours of tasks left
TEAMS = itertools.count()  # of this process, one after another


LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "remote process exited")  # gloo, nccl


def _number(name: str, default: int, least: int = 0) -> int:
    """What torchrun says in a variable. Raises `InputError`."""
    text = os.environ.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise InputError(f"{name}: {shown(text)} is no number of a process", "torchrun sets it")
    return int(text)


class Team:
    """Rank and size, and the few collective operations training needs. Enter it as a context."""

    def __init__(self, device: torch.device) -> None:
        self.size = _number("WORLD_SIZE", 1, least=1)
        self.rank = _number("RANK", 0)
        self.device = device
        if self.size > 1 and device.type == "cuda":
            self.device = torch.device("cuda", _number("LOCAL_RANK", 0))

    @classmethod
    def alone(cls, device: torch.device) -> Team:
        """This process by itself, whatever processes there are beside it."""
        team = cls(device)
        team.size, team.rank, team.device = 1, 0, device
        return team

    def __enter__(self) -> Team:
        if self.size > 1:
            if self.device.type == "cuda":
                torch.cuda.set_device(self.device)
            backend = "nccl" if self.device.type == "cuda" else "gloo"
            # Under a name of its own: with what a team before it left in the store, it would look for closed sockets.
            try:
                store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
            except ValueError as error:  # a variable that is not there
                reason = str(error).rpartition(": ")[2]
                raise InputError(f"WORLD_SIZE is {self.size}: {reason}", "torchrun sets what is needed") from None
            store = dist.PrefixStore(f"team {next(TEAMS)}", store)  # type: ignore[attr-defined]
            dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.size > 1 and dist.is_initialized():
            if kind is None:
                dist.barrier()  # nobody hangs up while others still talk
            gc.collect()  # what still holds the group keeps its threads, and they abort an interpreter that ends
            dist.destroy_process_group()
        if self.size > 1 and isinstance(error, RuntimeError) and any(words in str(error) for words in LOST):
            raise InputError("another process of this run has ended", "it says why") from error

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and talks."""
        return self.rank == 0

    def slots(self, batch_size: int) -> slice:
        """This process's part of the global batch. Raises `InputError` where it cannot be shared out evenly."""
        if batch_size % self.size:
            raise InputError(f"a batch of {batch_size} cannot be shared evenly by {self.size} processes")
        share = batch_size // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def count(self, flags: Sequence[bool]) -> list[int]:
        """How many processes have each flag set."""
        return [int(number) for number in self.sum(torch.tensor(flags, device=self.device).int()).tolist()]

    def any(self, flag: bool) -> bool:
        """Whether it holds for any of the processes."""
        return self.count([flag]) != [0]

    def agree(self, value: Value) -> Value:
        """What the process that leads has, on every process."""
        said = [value]
        if self.size > 1:
            dist.broadcast_object_list(said)
        return said[0]

    @contextlib.contextmanager
    def led(self, context: Callable[[], AbstractContextManager[object]]) -> Iterator[None]:
        """A context of the process that leads, for all of them: where it cannot be entered, nobody goes on.

        The leader raises the `TrmError`, which it tells; the others end quietly with its exit code.
        """
        with contextlib.ExitStack() as stack:
            refused: TrmError | None = None
            if self.leads:
                try:
                    stack.enter_context(context())
                except TrmError as error:
                    refused = error
            code = self.agree(0 if refused is None else int(refused.exit_code))
            if code and self.size > 1:
                dist.barrier()  # or the leader would hang up before all have heard
            if refused is not None:
                raise refused
            if code:
                raise SystemExit(code)
            yield

    @contextlib.contextmanager
    def one_voice(self) -> Iterator[None]:
        """Only the leader tells of an error that all processes meet."""
        try:
            yield
        except TrmError as error:
            if self.leads:
                raise
            raise SystemExit(error.exit_code) from None

    def gather(self, part: Tensor) -> Tensor:
        """The processes' parts joined along the first axis, in order of rank, on every process."""
        if self.size == 1:
            return part
        carried = part.to(torch.uint8) if part.dtype == torch.bool else part
        parts = [torch.empty_like(carried) for _ in range(self.size)]
        dist.all_gather(parts, carried.contiguous())
        return torch.cat(parts).to(part.dtype)
