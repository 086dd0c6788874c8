"""Point clouds for ParaView: one .vtp file for each time, and a .pvd file that lists them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import ParameterError
from wlmsim.io.atomic import atomic
from wlmsim.io.paths import local


def save_vtk(data: Trajectory | SnapshotSeries, path: str | Path) -> Path:
    """Write a trajectory or a series as a film of points that ParaView opens.

    Parameters
    ----------
    data : Trajectory or SnapshotSeries
        Of at most three dimensions; coordinates that are not there are 0.
    path : str or Path
        The file to open, which ends in ``.pvd``. Beside it a folder of the same name without the ending gets one
        ``.vtp`` file a time, with the arrays ``velocity`` and ``speed`` if known (NaN at times where they are not),
        ``weight`` if not all are equal, ``particle`` (the index) for a trajectory and ``population`` for a series of
        several.

    Returns
    -------
    Path
        The path given.

    Raises
    ------
    ParameterError
        If there are more than three dimensions, or the path does not end in ``.pvd``.
    """
    check.instance("data", data, (Trajectory, SnapshotSeries))
    path = local(path)
    if path.suffix != ".pvd":
        raise check.fail("path", "a name that ends in .pvd", str(path))
    if data.dim > 3:
        raise ParameterError(f"`data` must have at most 3 dimensions for VTK; it has {data.dim}")
    import pyvista as pv

    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    root = ElementTree.Element("VTKFile", type="Collection", version="0.1")
    listing = ElementTree.SubElement(root, "Collection")
    for k, (cloud, arrays) in enumerate(zip(data, _arrays(data), strict=True)):
        points = pv.PolyData(padded(cloud.positions))
        for name, values in arrays.items():
            points.point_data[name] = values
        name = f"{folder.name}_{k:0{len(str(len(data) - 1))}d}.vtp"
        with atomic(folder / name) as temporary:
            points.save(temporary)
        ElementTree.SubElement(
            listing, "DataSet", timestep=repr(float(cloud.time)), part="0", file=f"{folder.name}/{name}"
        )
    ElementTree.indent(root)
    with atomic(path) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)
    return path


def padded(vectors: np.ndarray) -> np.ndarray:
    """Vectors with the coordinates that they lack of three, as zeros."""
    missing = 3 - vectors.shape[-1]
    return np.pad(vectors, [(0, 0)] * (vectors.ndim - 1) + [(0, missing)])


def _arrays(data: Trajectory | SnapshotSeries) -> Iterator[dict[str, np.ndarray]]:
    """The arrays of each time; they have the same names at all times, as ParaView wants it."""
    moving = any(cloud.velocities is not None for cloud in data)
    weighted = not all(cloud.uniform for cloud in data)
    for k, cloud in enumerate(data):
        arrays: dict[str, np.ndarray] = {}
        if moving:
            known = np.full_like(cloud.positions, np.nan) if cloud.velocities is None else cloud.velocities
            arrays["velocity"] = padded(known)
            arrays["speed"] = np.linalg.norm(known, axis=1)
        if weighted:
            arrays["weight"] = cloud.weights
        if isinstance(data, Trajectory):
            arrays["particle"] = np.arange(data.n)
        elif data.labels is not None:
            arrays["population"] = data.labels[k]
        yield arrays
