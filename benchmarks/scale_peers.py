"""Large clouds beside other libraries: an epoch of OT-CFM by torchcfm, and the Sinkhorn divergence by geomloss.

A normal cloud is carried to one that is stretched and moved. Both sides train on pairs of the two clouds, 256 at a
time, by AdamW: torchcfm a velocity field on pairs of exact plans between batches, wlmsim a potential on pairs of plans
between 20,000 rows drawn in each of three rounds, which take the time given as "once", the scores of the last marginal
included. An epoch is as many steps as see so many pairs as there are rows. The misses are sliced W1 of 5000 new rows,
carried from the first time to the second, to as many of the truth. Each side is a process of its own. The divergence,
with its gradient by the positions of one cloud, has the same blur on both sides.

    python -m benchmarks.scale_peers --rows 100000 --dim 50 --epochs 10
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scale_chain import peak

BATCH, NEW = 256, 5000
DIVERGENCES = (1000, 3000, 10_000)
"""Rows of the clouds between which a divergence is taken, in ten dimensions."""


def clouds(n: int, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The cloud at either time, without identities."""
    x, y = np.random.default_rng(seed).standard_normal((2, n, dim))
    return x, y * np.linspace(0.5, 2.0, dim) + 1.0


def wlmsim_epochs(n: int, dim: int, epochs: int, seed: int) -> dict[str, float]:
    """CPU seconds of an epoch and of what is done once, peak memory [GB], and the miss."""
    import wlmsim as wls

    x, y = clouds(n, dim, seed)
    steps = math.ceil(n / BATCH)

    def fit(data: wls.SnapshotSeries, steps: int) -> tuple[wls.learn.WLM, float]:
        began = time.process_time()
        model = wls.learn.WLM(
            wls.learn.ExternalPotential(),
            friction=math.inf,
            matching=wls.learn.Matching(steps=steps, points=BATCH),
            rollouts=None,
            regularisation=None,
            members=1,
            seed=seed,
            progress=False,
        ).fit(data)
        return model, time.process_time() - began

    warnings.simplefilter("ignore")
    data = wls.SnapshotSeries([0.0, 1.0], [x, y])
    fit(wls.SnapshotSeries([0.0, 1.0], [x[:500], y[:500]]), 2)  # compiles
    base = peak(reset=True)
    once = fit(data, 3)[1]
    model, whole = fit(data, epochs * steps)
    memory = peak() - base
    new, truth = clouds(NEW, dim, seed + 1)
    reached = model.forecast(wls.Population(new, time=0.0), times=[1.0])[0].positions
    epoch = (whole - once) / (epochs - 3 / steps)
    return {"epoch": epoch, "once": once, "GB": memory, "miss": _sliced(reached, truth)}


def torchcfm_epochs(n: int, dim: int, epochs: int, seed: int) -> dict[str, float]:
    """The same for OT-CFM, with torchcfm's own network and 100 steps of Euler's scheme."""
    import torch
    from torchcfm.conditional_flow_matching import ExactOptimalTransportConditionalFlowMatcher
    from torchcfm.models import MLP

    torch.manual_seed(seed)
    x, y = (torch.tensor(cloud, dtype=torch.float32) for cloud in clouds(n, dim, seed))
    matcher = ExactOptimalTransportConditionalFlowMatcher(sigma=0.0)
    field = MLP(dim=dim, time_varying=True)
    optimiser = torch.optim.AdamW(field.parameters(), 1e-3)

    def step(chosen: Any, others: Any) -> None:
        optimiser.zero_grad()
        t, between, velocity = matcher.sample_location_and_conditional_flow(x[chosen], y[others])
        loss = ((field(torch.cat([between, t[:, None]], dim=-1)) - velocity) ** 2).mean()
        loss.backward()
        optimiser.step()

    warnings.simplefilter("ignore")
    step(slice(0, BATCH), slice(0, BATCH))
    base = peak(reset=True)
    began = time.process_time()
    for _ in range(epochs):
        for batch in zip(torch.randperm(n).split(BATCH), torch.randperm(n).split(BATCH), strict=True):
            step(*batch)
    epoch, memory = (time.process_time() - began) / epochs, peak() - base
    new, truth = clouds(NEW, dim, seed + 1)
    place = torch.tensor(new, dtype=torch.float32)
    with torch.no_grad():
        for k in range(100):
            place = place + field(torch.cat([place, torch.full((len(place), 1), k / 100)], dim=-1)) / 100
    return {"epoch": epoch, "once": 0.0, "GB": memory, "miss": _sliced(place.numpy().astype(float), truth)}


def divergence(side: str, n: int, dim: int, seed: int) -> dict[str, float]:
    """CPU seconds of a divergence and its gradient, peak memory [GB] and the value."""
    import torch

    x, y = (torch.tensor(cloud, dtype=torch.float32) for cloud in clouds(n, dim, seed))
    blur = 0.1 * float(x.std()) * math.sqrt(dim)
    if side == "geomloss":
        from geomloss import SamplesLoss

        divergence: Callable[[Any, Any], Any] = SamplesLoss("sinkhorn", p=2, blur=blur, backend="tensorized")
    else:
        from wlmsim.learn import sinkhorn_divergence

        def divergence(x: Any, y: Any) -> Any:
            wx, wy = (torch.full((len(cloud),), 1.0 / len(cloud)) for cloud in (x, y))
            return sinkhorn_divergence(x, y, wx, wy, blur=blur)

    def once(x: Any, y: Any) -> float:
        moving = x.clone().requires_grad_()
        value = divergence(moving, y)
        value.backward()
        return float(value.detach())

    once(x[:100], y[:100])
    base = peak(reset=True)
    began = time.process_time()
    value = once(x, y)
    return {"seconds": time.process_time() - began, "GB": peak() - base, "value": value}


def _sliced(a: np.ndarray, b: np.ndarray) -> float:
    from wlmsim.transport import sliced_wasserstein1

    return sliced_wasserstein1(a, b)


def _apart(function: Callable[..., dict[str, float]], *given: Any) -> dict[str, float] | None:
    """What a function finds in a process of its own, or none where a library is not there."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(function, *given).result()
        except ImportError as error:
            print(f"left out: {error}")
            return None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_peers", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parsed = parser.parse_args()
    size = parsed.rows, parsed.dim, parsed.epochs, parsed.seed
    figures: dict[str, Any] = {}
    print(f"{parsed.rows:,} rows in {parsed.dim} dimensions, {parsed.epochs} epochs, CPU seconds")
    new, truth = clouds(NEW, parsed.dim, parsed.seed + 1)
    again = clouds(NEW, parsed.dim, parsed.seed + 2)[1]
    print(f"sliced W1: nothing moved {_sliced(new, truth):.4f}, two clouds of the truth {_sliced(again, truth):.4f}")
    print("| | an epoch | once | peak GB | sliced W1 |\n| --- | --- | --- | --- | --- |")
    for name, function in {"wlmsim": wlmsim_epochs, "torchcfm": torchcfm_epochs}.items():
        if found := _apart(function, *size):
            figures[name] = found
            print("| {} | {epoch:.3g} | {once:.3g} | {GB:.2g} | {miss:.4f} |".format(name, **found), flush=True)
    print("\n| rows, 10 dimensions | | CPU seconds | peak GB | divergence |\n| --- | --- | --- | --- | --- |")
    for n in DIVERGENCES:
        for side in ("wlmsim", "geomloss"):
            if found := _apart(divergence, side, n, 10, parsed.seed):
                figures[f"{side}, divergence of {n} rows"] = found
                print("| {:,} | {} | {seconds:.3g} | {GB:.2g} | {value:.5g} |".format(n, side, **found), flush=True)
    result = {"benchmark": "scale_peers", **vars(parsed), "json": None, "figures": figures}
    if parsed.json:
        parsed.json.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
