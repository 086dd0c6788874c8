"""Single cells at a few times, of which none is seen twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.datasets.sources import arrays_of, provenance
from wlmsim.io.columns import series_from_columns


def embryoid_body(path: str | Path | None = None, *, components: int = 5, velocities: bool = False) -> SnapshotSeries:
    """Embryoid body: human embryonic stem cells that differentiate over 27 days, by single-cell RNA sequencing.

    16,819 cells (2381, 4163, 3278, 3665 and 3332) in five windows of time: days 0-3, 6-9, 12-15, 18-21 and 24-27.
    Positions are principal components, not standardised. Benchmarks standardise the first five with the mean and the
    standard deviation over all cells, and divide velocities by the same::

        series, standardisation = datasets.embryoid_body().standardise()

    Source: Moon et al., Nature Biotechnology 37, 1482 (2019). Without velocities, the components are those published
    with github.com/tgravier/MMDSBM-pytorch (no licence file: downloaded, never redistributed), of which the file
    keeps 10. With RNA velocity they are those of ``eb_velocity_v5.npz``, published with TrajectoryNet (Tong et al.,
    ICML 2020), which has 100; that file is not downloaded: give its path, or put it into the folder WLMSIM_DATA.

    Parameters
    ----------
    path : str or Path, optional
        A file with the arrays ``pcs`` (n, components) and ``sample_labels`` (n,), and for velocities ``pcs_delta``
        (n, components). Default: the published one, see `fetch`.
    components : int
        Number of leading principal components. Default 5.
    velocities : bool
        Whether the RNA velocity of the cells is wanted. Default False.

    Returns
    -------
    SnapshotSeries
        Times 0, 1, 2, 3, 4, whose unit is the 6 days between the windows; lengths are those of the components.

    Raises
    ------
    FileFormatError
        If the file is not to be had, or has not those arrays.
    ParameterError
        If it has fewer components.
    """
    name = "eb_velocity_v5.npz" if velocities else "eb_pcs10.npz"
    shapes = {"pcs": 2, "sample_labels": 1} | ({"pcs_delta": 2} if velocities else {})
    arrays = arrays_of(name, path, shapes)
    given = arrays["pcs"].shape[1]
    if check.integer("components", components) > given:
        raise check.fail("components", f"at most {given}, as the file has", components)
    names: dict[str, Any] = {"time": "sample_labels", "positions": "pcs", "dims": components}
    return series_from_columns(
        arrays,
        name,
        **names,
        velocities="pcs_delta" if velocities else None,
        metadata={
            **provenance(name, path),
            "days": "time 0 is days 0-3, 1 is 6-9, 2 is 12-15, 3 is 18-21, 4 is 24-27",
        },
        units={"time": "6 days"},
    )


def mouse_hematopoiesis(path: str | Path | None = None) -> SnapshotSeries:
    """Blood development in the mouse: single cells at three times in a plane, and their number grows.

    1429, 3781 and 5788 cells by single-cell RNA sequencing, in an embedding of two dimensions; no velocities. Cells
    proliferate: weights are shares and sum to 1 at each time, so the growth stands in the metadata, as
    ``relative_mass``, the number of cells at each time over that at the first.

    Source: data/mouse_hematopoiesis.csv of github.com/zhenyiizhang/DeepRUOT (licence MIT), from Weinreb et al.,
    Science 367, eaaw3381 (2020).

    Parameters
    ----------
    path : str or Path, optional
        A file with the arrays ``time`` (n,) and ``x`` (n, 2). Default: the published one, see `fetch`.

    Returns
    -------
    SnapshotSeries
        Times 0, 1, 2, numbered as in the source; lengths are those of the embedding.

    Raises
    ------
    FileFormatError
        If the file is not to be had, or has not those arrays.
    """
    name = "mouse_hematopoiesis.npz"
    arrays = arrays_of(name, path, {"time": 1, "x": 2})
    series = series_from_columns(arrays, name, time="time", positions="x", metadata=provenance(name, path))
    series.metadata["relative_mass"] = (np.array(series.sizes) / series.sizes[0]).tolist()
    return series
