"""Peak memory of each verb: what it takes beside what was there before it, in a process of its own.

    python -m tests.reliability.memory --rows 20000

Each is done with a few rows first, so that what is imported, compiled and started is there.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import wlmsim as wls
from tests.models import quick

FEW, ROWS = 50, 20_000
GENES = 100
Action = Callable[[], Any]


def _spring(rows: int) -> wls.systems.System:
    return wls.systems.HarmonicOscillator(n=rows, velocity_width=1.0, seed=0)


def _flight(rows: int) -> wls.Trajectory:
    return _spring(rows).exact(np.linspace(0, 2, 11))


def _data(rows: int) -> wls.SnapshotSeries:
    return _flight(rows).snapshots(seed=0)


def _model(rows: int) -> wls.learn.WLM:
    return quick(wls.learn.ExternalPotential(), steps=2).fit(_data(rows)[:3])


def _cells(rows: int) -> Any:
    import anndata

    rng = np.random.default_rng(0)
    day = np.repeat([0.0, 1.0], (rows // 2, rows - rows // 2))
    x = rng.normal(size=(rows, 10)) + day[:, None]
    loadings = np.linalg.qr(rng.normal(size=(GENES, 10)))[0]
    genes = (x @ loadings.T).astype(np.float32)
    return anndata.AnnData(genes, obs={"day": day}, obsm={"X_pca": x}, varm={"PCs": loadings})


def load(rows: int, folder: Path, name: str = "a.h5", **about: Any) -> Action:
    series = _data(rows)
    path = wls.SnapshotSeries.from_populations(series, **about).save(folder / name)
    return lambda: wls.SnapshotSeries.load(path)


def load_dates(rows: int, folder: Path) -> Action:
    """Of which not all are numbers."""
    return load(rows, folder, "a.csv", units={"time": "day"}, metadata={"first_date": "2021-03-01"})


def save(rows: int, folder: Path) -> Action:
    data = _data(rows)
    return lambda: data.save(folder / "a.h5")


def simulate(rows: int, folder: Path) -> Action:
    system = _spring(rows)
    return lambda: system.simulate(np.linspace(0, 2, 11), dt=0.01)


def simulate_to_a_file(rows: int, folder: Path) -> Action:
    """Of a hundred times as many frames."""
    system = _spring(rows)
    return lambda: system.simulate(np.linspace(0, 2, 1001), dt=0.002, save=folder / "a.h5")


def fit(rows: int, folder: Path) -> Action:
    data = _data(rows)
    return lambda: quick(wls.learn.ExternalPotential(), steps=20).fit(data)


def study(rows: int, folder: Path) -> Action:
    data = _data(rows)
    return lambda: wls.learn.study(data, budget=15, progress=False)


def forecast(rows: int, folder: Path) -> Action:
    model, data = _model(rows), _data(rows)
    return lambda: model.forecast(data[-1], np.linspace(2, 4, 11))


def evaluate(rows: int, folder: Path) -> Action:
    data = _data(rows)
    return lambda: wls.evaluation.score_forecast(list(data[1:2]), data[2:3], data[0])


def annotate(rows: int, folder: Path) -> Action:
    cells = _cells(rows)
    model = quick(friction=np.inf, steps=2).fit(wls.learn.cells.series_of(cells, time="day"))
    return lambda: model.annotate(cells)


def plot(rows: int, folder: Path) -> Action:
    data = _data(rows)
    return lambda: wls.visual.plot_snapshots(data).figure.savefig(folder / "a.png")


def film(rows: int, folder: Path) -> Action:
    flight = _flight(rows)
    return lambda: wls.visual.film(flight, folder / "a.gif", progress=False)


VERBS: dict[str, tuple[Callable[[int, Path], Action], float]] = {
    "load": (load, 40),
    "load, npz": (partial(load, name="a.npz"), 25),
    "load, csv": (partial(load, name="a.csv"), 28),
    "load, csv with dates": (load_dates, 90),
    "load, parquet": (partial(load, name="a.parquet"), 28),
    "load, nc": (partial(load, name="a.nc"), 26),
    "load, h5ad": (partial(load, name="a.h5ad"), 40),
    "save": (save, 20),
    "simulate": (simulate, 40),
    "simulate, to a file": (simulate_to_a_file, 100),
    "fit": (fit, 250),
    "study": (study, 400),
    "forecast": (forecast, 400),
    "evaluate": (evaluate, 100),
    "annotate": (annotate, 150),
    "plot": (plot, 80),
    "film": (film, 600),
}
"""What is measured, and what it may take with 20,000 rows at each of eleven times [MB]."""


def _memory(what: str) -> float:
    """ "VmRSS", what this process has, or "VmHWM", the most that it had [MB]."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1024


def measure(name: str, rows: int) -> float:
    """What a verb takes at most beside what there was before it [MB]."""
    prepare, _ = VERBS[name]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        prepare(FEW, Path(folder))()
        action = prepare(rows, Path(folder))
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what is free would hide what is taken
        Path("/proc/self/clear_refs").write_text("5")  # the most is counted anew
        before = _memory("VmRSS")
        action()
        return _memory("VmHWM") - before


def peak(name: str, rows: int) -> float:
    """The same in a process of its own [MB]."""
    command = [sys.executable, "-m", "tests.reliability.memory", "--verb", name, "--rows", str(rows)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def main() -> None:
    """Measure from a shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--verb", choices=list(VERBS), help="only this, here")
    options = parser.parse_args()
    if options.verb is not None:
        print(measure(options.verb, options.rows))
        return
    size = sum(part.nbytes for cloud in _data(options.rows) for part in (cloud.positions, cloud.velocities)) / 2**20
    print(f"data: {size:.1f} MB")
    for name, (_, most) in VERBS.items():
        print(f"| {name} | {peak(name, options.rows):.0f} | {most:.0f} |", flush=True)


if __name__ == "__main__":
    main()
