"""What the speed benchmarks share: threads, timing beside the peers, the table and the JSON line.

python -m benchmarks.NAME [--threads 1] [--repeats 15] [--json FILE]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

THREAD_VARIABLES = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# Memory that is given back to the system costs a page fault each time it is taken again, as much as milliseconds a call
# on a virtual machine, and whoever runs after the side that freed it pays. So all sides keep theirs (glibc only).
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**40)}

Work = Callable[[], Any]


def arguments(benchmark: str, description: str) -> argparse.Namespace:
    """Parse the command line; start anew with as many threads as it asks for, which libraries read when loaded."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{benchmark}", description=description)
    parser.add_argument("--threads", type=int, default=1, help="threads of every side (default 1)")
    parser.add_argument("--repeats", type=int, default=15, help="runs of each side, of which the median counts")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parsed = parser.parse_args()
    wanted = {**dict.fromkeys(THREAD_VARIABLES, str(parsed.threads)), **KEEP_MEMORY}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        command = [sys.executable, "-m", f"benchmarks.{benchmark}", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **wanted})
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(parsed.threads)
    return parsed


def timed(functions: Mapping[str, Work], repeats: int) -> dict[str, float]:
    """Median seconds of each; all are warmed up, then take turns, so that a change of clock meets them all."""
    for function in functions.values():
        function()
        function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def available(peers: Mapping[str, Callable[[], Work]]) -> dict[str, Work]:
    """The peers that can be set up here; what is missing is reported, and not fatal."""
    ready = {}
    for name, make in peers.items():
        try:
            ready[name] = make()
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return ready


def gemm(size: int = 1200) -> dict[str, Work]:
    """Float64 matrix products, by NumPy and by torch, to measure the machine's rate of arithmetic; see `gemm_rate`."""
    import numpy as np

    a, b = np.random.default_rng(0).standard_normal((2, size, size))
    works: dict[str, Work] = {f"gemm {size} (numpy)": lambda: a @ b}
    if importlib.util.find_spec("torch"):
        import torch

        ta, tb = torch.from_numpy(a), torch.from_numpy(b)
        works[f"gemm {size} (torch)"] = lambda: ta @ tb
    return works


def gemm_rate(seconds: Mapping[str, float], size: int = 1200) -> float:
    """Floating-point operations a second of the fastest matrix product among the timings."""
    return max(2 * size**3 / value for name, value in seconds.items() if name.startswith("gemm"))


def report_all_pairs(
    benchmark: str,
    description: str,
    parsed: argparse.Namespace,
    ours: Work,
    peers: Mapping[str, Callable[[], Work]],
    operations: float,
    *,
    unchecked: Collection[str] = (),
) -> None:
    """Check the sum over all pairs against its peers, time both, and report the share of the matrix product's rate.

    `operations` is the number of floating-point operations of the sum; `unchecked` are peers that return no sum.
    """
    import numpy as np

    ready, expected = available(peers), ours()
    for name in ready.keys() - set(unchecked):
        np.testing.assert_allclose(ready[name](), expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max())
    seconds = timed({"wlmsim": ours, **ready, **gemm()}, parsed.repeats)
    rate, limit = operations / seconds["wlmsim"], gemm_rate(seconds)
    report(
        benchmark,
        description,
        seconds,
        parsed,
        gemm_fraction=rate / limit,
        gigaflops=rate / 1e9,
        gemm_gigaflops=limit / 1e9,
    )


def report(
    benchmark: str,
    description: str,
    seconds: Mapping[str, float],
    parsed: argparse.Namespace,
    *,
    ratios: Mapping[str, float] | None = None,
    **figures: Any,
) -> None:
    """Print the table, and as the last line the JSON object: how many times faster than each peer, further figures.

    The ratios are those to the time of "wlmsim", unless others are given.
    """
    from rich.console import Console
    from rich.table import Table

    if ratios is None:
        mine = seconds["wlmsim"]
        ratios = {k: v / mine for k, v in seconds.items() if k != "wlmsim" and not k.startswith("gemm")}
    table = Table(title=f"{benchmark}: median of {parsed.repeats} runs, {parsed.threads} thread(s)")
    table.add_column("")
    for column in ("milliseconds", "wlmsim is faster by"):
        table.add_column(column, justify="right")
    for name, value in seconds.items():
        table.add_row(name, f"{1e3 * value:.2f}", f"{ratios[name]:.2f}" if name in ratios else "")
    console = Console(width=120)
    console.print(description.strip(), highlight=False)
    console.print(table)
    result = {
        "benchmark": benchmark,
        "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()},
        **{name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()},
        "seconds": {name: round(value, 6) for name, value in seconds.items()},
    }
    write(parsed, result)


def write(parsed: argparse.Namespace, result: dict[str, Any]) -> None:
    """Print figures as a line of JSON, with threads and processor, and write them to the file that was asked for."""
    result = {**result, "threads": parsed.threads, "processor": _processor()}
    if parsed.json:
        parsed.json.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


def _processor() -> str:
    """Name of the processor that the code is compiled for."""
    import llvmlite.binding as llvm

    return f"{platform.machine()} {llvm.get_host_cpu_name()}"
