"""The whole chain at any size: seconds and peak memory of each verb against the number of rows.

Particles in an anisotropic harmonic trap, seen at five times without identities, with velocities; the third time is
held out to be interpolated, the last one to be forecast. Each size is a process of its own; the peak memory of a verb
is that of the process less what it held before the data were loaded. The slope is that of the logarithm of the CPU
seconds against that of the rows, between the two largest sizes: 1 is linear.

    python -m benchmarks.scale_chain --rows 1000 10000 100000 --dims 2 10
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

TIMES = np.linspace(0.0, 1.2, 5)
VERBS = ("load", "study", "velocities", "fit", "forecast", "interpolate", "evaluate", "save")


def peak(*, reset: bool = False) -> float:
    """Most memory of the process since the last reset [GB], by Linux."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e6 for line in lines if line.startswith("VmHWM"))


def write(path: Path, n: int, dim: int) -> int:
    """Write snapshots of the trap; returns their size in bytes."""
    import wlmsim as wls

    rng = np.random.default_rng(0)
    omega = np.linspace(0.8, 1.6, dim)
    x0 = rng.standard_normal((n, dim)) + 2.0 * np.eye(dim)[0]
    v0 = 0.3 * rng.standard_normal((n, dim)) + np.eye(dim)[1]
    clouds, paces = [], []
    for t in TIMES:
        order = rng.permutation(n)
        clouds.append((x0 * np.cos(omega * t) + v0 / omega * np.sin(omega * t))[order])
        paces.append((v0 * np.cos(omega * t) - x0 * omega * np.sin(omega * t))[order])
    wls.SnapshotSeries(TIMES, clouds, paces).save(path)
    return 2 * len(TIMES) * n * dim * 8


def chain(path: Path, folder: Path, skip: list[str]) -> dict[str, Any]:
    """Run all verbs; seconds and gigabytes of each."""
    import wlmsim as wls
    from wlmsim.transport import transport_plan

    _warm(folder)
    found: dict[str, Any] = {}
    base = peak(reset=True)

    @contextmanager
    def measured(verb: str) -> Iterator[None]:
        peak(reset=True)
        began, cpu = time.perf_counter(), time.process_time()
        yield
        found[verb] = [time.perf_counter() - began, peak() - base, time.process_time() - cpu]
        print(f"  {verb}: {found[verb]}", file=sys.stderr, flush=True)

    warnings.simplefilter("ignore")
    with measured("load"):
        data = wls.SnapshotSeries.load(path)
    past, middle, future = data[[0, 1, 3]], data[[2]], data[[4]]
    if "study" not in skip:
        with measured("study"):
            wls.learn.study(past, "20 s", goal="forecast", progress=False)
    if "velocities" not in skip:
        a, b = past[0], past[1]
        with measured("velocities"):
            transport_plan(a.positions, b.positions, a.weights, b.weights)
    model = wls.learn.WLM(
        matching=wls.learn.Matching(steps=200),
        optimiser=wls.learn.AdamW(steps=10),
        members=1,
        progress=False,
    )
    with measured("fit"):
        model.fit(past)
    with measured("forecast"):
        model.forecast(past[-1], times=future.times)
    with measured("interpolate"):
        model.interpolate(middle.times, two_sided=True)
    with measured("evaluate"):
        model.evaluate(future, start=past[-1])
    with measured("save"):
        model.save(folder / "trap.model")
        data.save(folder / "again.h5")
    return found


def _warm(folder: Path) -> None:
    """Compile and load what every size needs once."""
    import wlmsim as wls
    from wlmsim.transport import large

    small = folder / "small.h5"
    write(small, 60, 2)
    data = wls.SnapshotSeries.load(small)
    even = np.full(60, 1 / 60)
    large.approximate_plan(data[0].positions, data[1].positions, even, even)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = wls.learn.WLM(optimiser=wls.learn.AdamW(steps=2), members=1, progress=False).fit(data[:3])
        model.evaluate(data[4:], start=data[3])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_chain", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10**3, 10**4, 10**5, 10**6])
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 10, 50, 100])
    parser.add_argument("--skip", nargs="*", default=[], choices=VERBS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", type=int, nargs=2, help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.one:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            size = write(folder / "data.h5", *parsed.one)
            print(json.dumps({"GB": size / 1e9, **chain(folder / "data.h5", folder, parsed.skip)}))
        return
    figures = {dim: {n: _in_a_process(n, dim, parsed.skip) for n in parsed.rows} for dim in parsed.dims}
    for dim, by_rows in figures.items():
        _print_table(dim, by_rows)
    if parsed.json:
        parsed.json.write_text(json.dumps(figures, indent=2) + "\n")


def _in_a_process(n: int, dim: int, skip: list[str]) -> dict[str, Any]:
    # a process of its own, since memory that was freed once is not always given back
    command = [sys.executable, "-m", "benchmarks.scale_chain", "--one", str(n), str(dim)]
    print(f"{n} rows in {dim} dimensions, seconds, GB and CPU seconds:", file=sys.stderr, flush=True)
    options = ["--skip", *skip] if skip else []
    done = subprocess.run([*command, *options], stdout=subprocess.PIPE, text=True, check=False)
    return {} if done.returncode else json.loads(done.stdout.strip().splitlines()[-1])


def _print_table(dim: int, by_rows: dict[int, dict[str, Any]]) -> None:
    sizes = [n for n, found in by_rows.items() if found]
    print(f"\n| {dim}-D, seconds (CPU seconds; peak GB) | {' | '.join(f'{n:,}' for n in sizes)} | slope |")
    print(f"| --- {'| --- ' * (len(sizes) + 1)}|")
    for verb in VERBS:
        cells = [by_rows[n].get(verb) for n in sizes]
        text = ["" if c is None else f"{c[0]:.2g} ({c[2]:.2g}; {c[1]:.2g})" for c in cells]
        known = [(n, c[2]) for n, c in zip(sizes, cells, strict=True) if c is not None and c[2] > 0]
        slope = ""
        if len(known) > 1:
            (n, first), (m, last) = known[-2:]
            slope = f"{math.log(last / first) / math.log(m / n):.2f}"
        print(f"| {verb} | {' | '.join(text)} | {slope} |")
    print(f"| data, GB | {' | '.join(format(by_rows[n]['GB'], '.2g') for n in sizes)} | |")


if __name__ == "__main__":
    main()
