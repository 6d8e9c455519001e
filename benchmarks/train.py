"""Training speed: samples per second and share of the measured matrix-product peak, eager beside compiled.

    python benchmarks/train.py --sizes 128,256,512 --steps 12 --threads 2

A sample is one supervision step of one puzzle. The peak is the best rate of a large square product in the same dtype on
the same device, measured here, first and again at the end. Arithmetic counted is that of the matrix products alone.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from trm_solve.config import ModelConfig, RunOptions, TrainOptions
from trm_solve.device import choose_device, choose_dtype
from trm_solve.team import Team
from trm_solve.training.data import Dataset, Mixture
from trm_solve.training.learner import Learner
from trm_solve.training.presets import recipe
from trm_solve.training.setup import new_config, open_model

ANSWER = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


def puzzles() -> Mixture:
    """One puzzle: augmentation makes a new one of every draw."""
    answer = np.array([[int(digit) + 1 for digit in ANSWER]], np.uint8)
    question = np.where(np.arange(81) % 3 == 0, answer, 1).astype(np.uint8)
    data = Dataset("sudoku", question, answer, np.zeros(1, np.int64), np.zeros(1), np.ones(1))
    return Mixture(data, np.ones(1))


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def peak(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of the best of ten products of two square matrices."""
    size = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        torch.mm(a, b)
        synchronise(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def flops(config: ModelConfig) -> float:
    """Of the matrix products of one sample: all rounds forward, the last one backward at twice the price."""
    length, d = config.prefix_len + config.seq_len, config.hidden_size
    if config.mlp_t:
        mixing = 6 * d * length * config.token_intermediate_size
    else:
        mixing = 8 * length * d * d + 4 * length * length * d
    network = config.L_layers * (mixing + 6 * length * d * config.intermediate_size)
    T, n = config.H_cycles, config.L_cycles
    return network * (T * (n + 1) + 2 * (n + 1))


def step_seconds(options: TrainOptions, device: torch.device, dtype: torch.dtype, compiled: bool, steps: int) -> float:
    """Median time of a whole optimiser step: draw, augment, forward, backward, update, average."""
    mixture = puzzles()
    model = open_model(RunOptions(data=()), options, mixture.data).to(device)
    model.forward_dtype = dtype
    if compiled:
        model.latent_recursion = torch.compile(model.latent_recursion, dynamic=False)  # type: ignore[method-assign]
    learner = Learner(model, [mixture], options, Team(device))
    times = []
    for _ in range(steps + 3):  # three to warm up, and to compile
        start = time.perf_counter()
        learner.train_step(0.0)
        synchronise(device)
        times.append(time.perf_counter() - start)
    return median(times[3:])


def data_seconds(options: TrainOptions) -> float:
    """Time to draw and augment one batch."""
    mixture = puzzles()
    start = time.perf_counter()
    for step in range(20):
        mixture.draw(0, step, options.batch_size)
    return (time.perf_counter() - start) / 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="128,256,512", help="hidden widths")
    parser.add_argument("--steps", type=int, default=10, help="measured steps of each")
    parser.add_argument("--batch-size", type=int, default=96)
    parser.add_argument("--mixing", choices=["mlp", "attention"], default="mlp")
    parser.add_argument("--cycles", default="2x3", help="TxN")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    device = choose_device(given.device)
    dtype = choose_dtype(given.dtype, device)
    T, n = map(int, given.cycles.split("x"))
    shape = {"mlp_t": True} if given.mixing == "mlp" else {"mlp_t": False, "pos_encodings": "rope2d"}
    highest = peak(device, dtype)
    measured = []
    for d in map(int, given.sizes.split(",")):
        own = {"hidden_size": d, "H_cycles": T, "L_cycles": n, "batch_size": given.batch_size}
        options = recipe("cpu-small", {**own, **shape})
        work = flops(new_config(options, puzzles().data))
        share_of_data = data_seconds(options)
        for compiled in (False, True):
            seconds = step_seconds(options, device, dtype, compiled, given.steps)
            measured.append((d, compiled, given.batch_size / seconds, work, share_of_data / seconds))
    highest = max(highest, peak(device, dtype))
    name = str(dtype).removeprefix("torch.")
    title = (
        f"{device} ({torch.get_num_threads()} threads), {name}, {given.mixing}, T={T}, n={n}, batch {given.batch_size}"
    )
    table = Table(title=f"{title}; peak {highest / 1e9:,.0f} GFLOP/s", title_justify="left")
    for column in ("d", "", "samples/s", "GFLOP a sample", "of the peak", "data, of a step"):
        table.add_column(column, justify="right")
    for d, compiled, rate, work, data_share in measured:
        how = "compiled" if compiled else "eager"
        share = f"{100 * rate * work / highest:.0f} %"
        table.add_row(str(d), how, f"{rate:,.1f}", f"{work / 1e9:.3f}", share, f"{100 * data_share:.2f} %")
    Console().print(table)


if __name__ == "__main__":
    main()
