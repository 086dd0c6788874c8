"""The coastline of VTK, a coarse one of the whole Earth, which comes with it."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np


@cache
def coastline() -> tuple[np.ndarray, ...]:
    """Lines of longitudes and latitudes (k, 2) [degree], cut at the date line."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersHybrid import vtkEarthSource

    source = vtkEarthSource()
    source.OutlineOn()
    source.SetOnRatio(1)
    source.Update()
    found = source.GetOutput()
    x = vtk_to_numpy(found.GetPoints().GetData()).astype(float)
    degrees = np.degrees([np.arctan2(x[:, 1], x[:, 0]), np.arcsin(x[:, 2] / np.linalg.norm(x, axis=1))]).T
    order = vtk_to_numpy(found.GetLines().GetConnectivityArray())
    ends = vtk_to_numpy(found.GetLines().GetOffsetsArray())
    return tuple(degrees[order[first:last]] for first, last in itertools.pairwise(ends))


def around(lines: tuple[np.ndarray, ...], longitude: float) -> list[np.ndarray]:
    """The lines with longitudes within 180 degrees of one, cut where they leave on the other side."""
    pieces = []
    for line in lines:
        east = unwrapped(line[:, 0], longitude)
        cuts = np.flatnonzero(np.abs(np.diff(east)) > 180.0) + 1
        pieces += np.split(np.stack([east, line[:, 1]], axis=1), cuts)
    return pieces


def unwrapped(longitudes: np.ndarray, middle: float) -> np.ndarray:
    """Longitudes within 180 degrees of the middle, however far these then are from 0."""
    return middle + (np.asarray(longitudes) - middle + 180.0) % 360.0 - 180.0
