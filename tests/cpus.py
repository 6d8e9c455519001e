"""`make test-cpus`: the numeric tests as other processors would run them, and how near each came to failing.

PyTorch, oneDNN and MKL choose their kernels by the processor; variables make them choose as on a lesser one, so that
one machine stands for several. A setting above what the processor has does nothing. Last, roundings are drawn at random
(`Rounding` in numeric.py), which stands for processors that are not here. It fails where a test does, or where a
comparison uses more than a third of the difference that it allows: the next processor may use the rest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).parent
PROCESSORS = [
    {},
    {"ATEN_CPU_CAPABILITY": "default"},
    {"ATEN_CPU_CAPABILITY": "avx2"},
    {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"},
]
LEAST = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"}  # all there are
ROUNDINGS = (1, 2)
AT_ONCE = 2  # runs side by side
MOST = 1 / 3
ASK = """
import torch
print(torch.backends.cpu.get_cpu_capability())
torch.nn.functional.conv2d(torch.ones(2, 8, 32, 32), torch.ones(8, 8, 3, 3))
"""


def kernels(environment: dict[str, str]) -> tuple[str, ...]:
    """Which kernels PyTorch, oneDNN and MKL choose there."""
    asking = environment | {"ONEDNN_VERBOSE": "1"}
    told = subprocess.run([sys.executable, "-c", ASK], env=asking, stdout=subprocess.PIPE, text=True, check=True).stdout
    capability = [line for line in told.splitlines() if not line.startswith("onednn_verbose")]
    isa = [line for line in told.splitlines() if "cpu,isa:" in line] or [environment.get("ONEDNN_MAX_CPU_ISA", "")]
    return (*capability, *isa, environment.get("MKL_CBWR", ""))


def settings() -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """Names, environment and arguments of every run."""
    plain = {name: value for name, value in os.environ.items() if name not in LEAST}
    alike: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for one in [*PROCESSORS, LEAST]:
        alike.setdefault(kernels(plain | one), []).append(one)
    for threads in (1, 2):
        for those in alike.values():
            names = [" ".join(f"{key}={value}" for key, value in one.items()) or "this processor" for one in those]
            yield f"{' = '.join(names)}, threads: {threads}", plain | those[0], ["--threads", str(threads)]
    for seed in ROUNDINGS:
        yield f"other roundings, seed {seed}", plain, ["--rounding", str(seed)]


def run(environment: dict[str, str], arguments: list[str]) -> tuple[subprocess.CompletedProcess[str], dict[str, float]]:
    """What pytest said, and the largest share that each test used."""
    files = [str(path) for path in sorted(TESTS.glob("test_*.py")) if "@pytest.mark.numeric" in path.read_text()]
    with tempfile.TemporaryDirectory() as folder:
        margins = Path(folder) / "margins"
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "numeric", "--margins", str(margins)]
        done = subprocess.run(
            [*command, *arguments, *files],
            cwd=TESTS.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        shares: dict[str, float] = {}
        for line in margins.read_text().splitlines() if margins.exists() else ():
            used = json.loads(line)
            shares[used["test"]] = max(shares.get(used["test"], 0.0), used["share"])
    return done, shares


def main() -> int:
    names, environments, arguments = zip(*settings(), strict=True)
    most: dict[str, tuple[float, str]] = {}
    failed = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, (done, shares) in zip(names, pool.map(run, environments, arguments), strict=True):
            print(f"{name}: {(done.stdout.strip() or 'nothing said').splitlines()[-1]}", flush=True)
            if done.returncode:
                failed.append(name)
                print(done.stdout)
            for test, share in shares.items():
                most[test] = max(most.get(test, (-1.0, "")), (share, name))
    print("\nlargest share of the allowed difference that was used, and where")
    for test, (share, name) in sorted(most.items(), key=lambda item: -item[1][0]):
        print(f"{share:6.3f}  {test.removeprefix('tests/')}  ({name})")
    narrow = [test for test, (share, _) in most.items() if share > MOST]
    for text, those in (("failed", failed), ("more than a third", narrow)):
        for name in those:
            print(f"{text}: {name}")
    return 1 if failed or narrow else 0


if __name__ == "__main__":
    sys.exit(main())
