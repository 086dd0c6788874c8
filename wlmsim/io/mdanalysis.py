"""Trajectories for programs that read H5MD in three dimensions only, such as MDAnalysis."""

from __future__ import annotations

from pathlib import Path

from wlmsim import _validation as check
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import ParameterError
from wlmsim.io.h5md import save_trajectory
from wlmsim.io.vtk import padded

# What MDAnalysis knows of units of length and time together, as units of velocity; before 2.10 it took
# Angstrom/fs for another one.
_KNOWN = {
    ("Angstrom", "ps"),
    ("Angstrom", "fs"),
    ("nm", "ps"),
    ("nm", "ns"),
    ("pm", "ps"),
}


def save_h5md(trajectory: Trajectory, path: str | Path) -> Path:
    """Write a trajectory as an H5MD file that MDAnalysis opens; ``Trajectory.save`` keeps the data as they are.

    Coordinates that are missing of three are written as zeros, and the number of those that are data stands in the
    metadata as ``dim``. The names of units are written only if MDAnalysis knows them (Angstrom, nm or pm with ps, fs
    or ns); it then converts to Angstrom and ps. Without them it must be told to take the numbers as they are::

        universe = MDAnalysis.Universe.empty(n, trajectory=False)
        universe.load_new("flight.h5md", convert_units=False)

    Parameters
    ----------
    trajectory : Trajectory
        Of at most three dimensions.
    path : str or Path
        The file; the suffix ``.h5md`` is the one by which MDAnalysis knows the format.

    Returns
    -------
    Path
        The path given.

    Raises
    ------
    ParameterError
        If there are more than three dimensions.
    """
    check.instance("trajectory", trajectory, Trajectory)
    if trajectory.dim > 3:
        raise ParameterError(f"`trajectory` must have at most 3 dimensions; it has {trajectory.dim}")
    velocities = trajectory.velocities
    units = dict(trajectory.units)
    solid = Trajectory(
        trajectory.times,
        padded(trajectory.positions),
        None if velocities is None else padded(velocities),
        trajectory.weights,
        metadata={**trajectory.metadata, "dim": trajectory.dim},
        units=units if (units.get("length"), units.get("time")) in _KNOWN else {},
    )
    return save_trajectory(solid, path)
