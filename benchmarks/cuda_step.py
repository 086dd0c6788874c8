"""Time of one training step on a GPU, for each learnable functional, number of particles and way to compute.

A step is a rollout over up to four of five marginals, the sliced transport loss, and the gradient, with all particles.
Beside it stands the least time that the device could take, by the rates of copying and of multiplying matrices that it
reaches in the same run: for what a step reads and writes, and for its arithmetic. Rollouts are played from CUDA graphs,
as in every fit, or launched operation by operation. Attention takes time by the square of the number of particles, so
that its largest clouds are smaller. Without a GPU there is nothing to measure, unless another device is asked for.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

import wlmsim as wls
from wlmsim.learn.rollouts import cuda_graphs

WARM_UP = 15
"""Steps that are not counted, in which rollouts are recorded and code is compiled."""
NEIGHBOURS = 20
"""Mean number of particles within the cutoff of the pair potential."""
MOST_WITH_ATTENTION = 10_000
"""Particles of the largest cloud whose pairs are all attended to."""
ONE_BY_ONE = "one by one"
"""Each operation launched by itself."""
VARIANTS: dict[str, dict[str, Any]] = {
    ONE_BY_ONE: {},
    "graphs": {},
    "graphs, tf32": {"precision": "tf32"},
    "graphs, bfloat16": {"precision": "bfloat16"},
    "graphs, compiled": {"compile": True},
}


def functionals(n: int, spread: float) -> dict[str, wls.functionals.Functional]:
    """Every learnable functional; the cutoff of the pair potential keeps the number of neighbours."""
    cutoff = 2 * spread * math.sqrt(NEIGHBOURS / n)
    terms = {
        "external": wls.learn.ExternalPotential(),
        "pair": wls.learn.PairPotential(cutoff=cutoff),
        "mean field": wls.learn.MeanFieldPotential(),
        "attention": wls.learn.AttentionPotential(),
    }
    return {name: term for name, term in terms.items() if name != "attention" or n <= MOST_WITH_ATTENTION}


def steps_of(
    potential: wls.functionals.Functional,
    data: wls.SnapshotSeries,
    device: str,
    steps: int,
    read: Callable[[], Any],
    **variant: Any,
) -> Any:
    """Median over steps of how much readings rise, such as of a clock; infinite where the device has no memory left.

    The same steps each time, since their horizons are drawn from one seed; NaN where there is no compiler.
    """
    readings: list[Any] = []
    model = wls.learn.WLM(
        potential,
        loss="sliced",
        optimiser=wls.learn.AdamW(steps=WARM_UP + steps, batch_size=None),
        members=1,
        runtime=wls.learn.Runtime(device=device, processes=1, **variant),
        progress=False,
    )
    try:
        model.fit(data, callbacks=[lambda record: readings.append(read())])
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return math.inf
    except torch._dynamo.exc.TorchDynamoException as error:
        print(f"cuda_step: {variant}: {str(error).splitlines()[0]}", file=sys.stderr)
        return math.nan
    return np.median(np.diff(readings, axis=0)[WARM_UP - 1 :], axis=0)


@contextmanager
def launched_one_by_one(really: bool = True) -> Iterator[None]:
    """Within this context no rollout is recorded."""
    before = cuda_graphs.RECORDED_AFTER
    cuda_graphs.RECORDED_AFTER = sys.maxsize if really else before
    try:
        yield
    finally:
        cuda_graphs.RECORDED_AFTER = before


class Work(TorchDispatchMode):
    """Counts the bytes that operations read and write, each by itself, and the arithmetic of products of matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if not func.is_view:
            tensors = {id(leaf): leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)}
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
        if count := flop_registry.get(func._overloadpacket):
            self.operations += count(*args, **kwargs, out_val=result)
        return result


def rates(device: str) -> tuple[float, float]:
    """Bytes that the device copies and operations of a product of matrices that it does, a second."""
    size = 8192 if device == "cuda" else 1024
    a = torch.randn(size, size, device=device)
    b = torch.empty_like(a)

    def seconds(action: Callable[[], Any]) -> float:
        times = []
        for _ in range(10):
            began = time.perf_counter()
            action()
            if device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
        return float(np.median(times[2:]))

    return 2 * a.nbytes / seconds(lambda: b.copy_(a)), 2 * size**3 / seconds(lambda: torch.mm(a, a, out=b))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cuda_step", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="numbers of particles")
    parser.add_argument("--steps", type=int, default=20, help="steps that are timed")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="ways to compute")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        sys.exit("cuda_step: no CUDA device is at hand")
    device = torch.cuda.get_device_name() if arguments.device == "cuda" else arguments.device
    copied, multiplied = rates(arguments.device)
    rows = []
    for n in arguments.sizes:
        data = wls.systems.VortexDrifters(n=n, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)
        spread = float(np.sqrt(np.concatenate(data.positions).var(0).mean()))
        for name, potential in functionals(n, spread).items():
            case = potential, data, arguments.device, arguments.steps
            with Work() as work, launched_one_by_one():
                moved, done = np.broadcast_to(steps_of(*case, lambda: (work.bytes, work.operations)), 2).tolist()
            least = {"memory": 1e3 * moved / copied, "arithmetic": 1e3 * done / multiplied}
            times = {}
            for variant in arguments.variants:
                with launched_one_by_one(variant == ONE_BY_ONE):
                    times[variant] = 1e3 * float(steps_of(*case, time.perf_counter, **VARIANTS[variant]))
            rows.append({"functional": name, "n": n, "least": least, "milliseconds": times})
            shown_times = ", ".join(f"{v} {shown(t)}" for v, t in {**times, **least}.items())
            print(f"{name}, n {n:,}: {shown_times}", file=sys.stderr, flush=True)
    about = f"{copied / 1e9:.0f} GB/s copied, {multiplied / 1e12:.2f} Tflop/s in single precision"
    table = Table(title=f"Milliseconds of a training step on {device}, {about}")
    for column in ("functional", "n", *arguments.variants, "least by memory", "least by arithmetic"):
        table.add_column(column, justify="left" if column == "functional" else "right")
    for row in rows:
        times = [*row["milliseconds"].values(), *row["least"].values()]
        table.add_row(row["functional"], f"{row['n']:,}", *map(shown, times))
    Console(width=140).print(table)
    figures = json.dumps(finite({"benchmark": "cuda_step", "device": device, "torch": torch.__version__, "rows": rows}))
    if arguments.json:
        arguments.json.write_text(figures + "\n")
    print(figures)


def shown(milliseconds: float) -> str:
    """A time in a table."""
    return {math.inf: "out of memory"}.get(milliseconds, "-" if math.isnan(milliseconds) else f"{milliseconds:.2f}")


def finite(value: Any) -> Any:
    """Plain values of JSON, which knows no infinity."""
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    main()
