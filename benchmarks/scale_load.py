"""Loading files of every kind at any size: seconds, and peak memory over the size of the data as they are kept.

Snapshots at five times, positions and velocities, written by wlmsim itself; of tables also one whose times are dates,
so that not all of it is numbers, and of annotated matrices also one with a sparse matrix of genes and two layers beside
the principal components. Each file is loaded in a process of its own, which has loaded a small one of the same kind
before; the peak is that of the process less what it held then.

    python -m benchmarks.scale_load --rows 1000000 --dims 2 10 50
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scale_chain import peak

TIMES = np.linspace(0.0, 1.2, 5)
FEW = 500
GENES = 2000
"""Of which one in a hundred is seen in a cell."""
KINDS = {
    "h5": "HDF5 of wlmsim",
    "npz": "npz",
    "parquet": "Parquet",
    "nc": "NetCDF",
    "h5ad": "h5ad",
    "genes.h5ad": "h5ad with genes",
    "csv": "csv",
    "csv.gz": "csv.gz",
    "dates.csv": "csv with dates",
}


def write(path: Path, kind: str, rows: int, dim: int) -> None:
    """Write a file with so many rows in all."""
    import wlmsim as wls

    rng = np.random.default_rng(0)
    sizes = [len(part) for part in np.array_split(np.arange(rows), len(TIMES))]
    clouds, paces = ([rng.standard_normal((n, dim)) for n in sizes] for _ in range(2))
    about = {"units": {"time": "day"}, "metadata": {"first_date": "2021-03-01"}} if kind == "dates.csv" else {}
    series = wls.SnapshotSeries(TIMES, clouds, paces, **about)
    if kind == "csv.gz":
        series.save(plain := path.with_name("plain.csv"))
        with plain.open("rb") as source, gzip.open(path, "wb", compresslevel=1) as target:
            shutil.copyfileobj(source, target)
        plain.unlink()
    elif kind == "genes.h5ad":
        _write_genes(series, path, rng)
    else:
        series.save(path)


def _write_genes(series: Any, path: Path, rng: np.random.Generator) -> None:
    import scipy.sparse

    from wlmsim.io import write_cells

    cells = series.to_anndata("X_pca")
    rows = len(cells)
    counts = scipy.sparse.random_array((rows, GENES), density=0.01, format="csr", rng=rng, dtype=np.float32)
    import anndata

    whole = anndata.AnnData(counts, obs=cells.obs, obsm=dict(cells.obsm), uns=dict(cells.uns))
    whole.layers["spliced"], whole.layers["unspliced"] = counts, counts
    write_cells(whole, path)


def load(path: Path, small: Path) -> dict[str, float]:
    """Load a file here: seconds, peak memory and size of what is kept [GB]."""
    import ctypes
    import gc

    import wlmsim as wls

    warnings.simplefilter("ignore")
    wls.SnapshotSeries.load(small)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free would hide what is taken
    base = peak(reset=True)
    began, cpu = time.perf_counter(), time.process_time()
    data = wls.SnapshotSeries.load(path)
    spent = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    kept = sum(np.asarray(part).nbytes for parts in (data.positions, data.velocities, data.weights) for part in parts)
    return {**spent, "peak": peak() - base, "kept": kept / 1e9, "file": path.stat().st_size / 1e9}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_load", description=__doc__)
    parser.add_argument("--rows", type=int, default=10**6, help="in all")
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 10, 50])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--folder", type=Path, help="where files are kept, and taken from when they are there")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", type=Path, nargs=2, help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.one:
        print(json.dumps(load(*parsed.one)))
        return
    with tempfile.TemporaryDirectory() as name:
        found = _measured(parsed, parsed.folder or Path(name))
    if parsed.json:
        parsed.json.write_text(json.dumps(found, indent=2) + "\n")


def _measured(parsed: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    found = []
    print("| file | dimensions | kept, MB | file, MB | seconds | CPU seconds | MB/s kept | peak, MB | peak / kept |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for kind in parsed.kinds:
        for dim in parsed.dims:
            paths = [folder / f"{n}-{dim}.{kind}" for n in (parsed.rows, FEW)]
            for path, n in zip(paths, (parsed.rows, FEW), strict=True):
                if not path.exists():
                    write(path, kind, n, dim)
            figures = _in_a_process(*paths)
            found.append({"kind": kind, "dim": dim, **figures})
            kept, size, seconds, cpu, most = (figures[key] for key in ("kept", "file", "seconds", "cpu", "peak"))
            print(
                f"| {KINDS[kind]} | {dim} | {1e3 * kept:.0f} | {1e3 * size:.0f} | {seconds:.2g} | {cpu:.2g} | "
                f"{1e3 * kept / seconds:.2g} | {1e3 * most:.0f} | {most / kept:.2f} |",
                flush=True,
            )
            if parsed.folder is None:
                paths[0].unlink()
    return found


def _in_a_process(path: Path, small: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.scale_load", "--one", str(path), str(small)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


if __name__ == "__main__":
    main()
