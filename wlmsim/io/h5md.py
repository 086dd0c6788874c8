"""Trajectories as H5MD 1.1 files, with a header of our own beside what H5MD prescribes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import h5py
import numpy as np

from wlmsim import _validation as check
from wlmsim._about import version
from wlmsim.data.observations import Observations, Occurrences, span_of, within
from wlmsim.data.population import Population
from wlmsim.data.trajectory import Stored, Trajectory
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.integrators import State
from wlmsim.integrators import descriptions as schemes
from wlmsim.io import hdf5
from wlmsim.io.attributes import plain, write_attributes
from wlmsim.io.paths import local
from wlmsim.io.sink import check_written
from wlmsim.mechanics import descriptions as laws_of_motion

_TIME = "particles/all/position/time"
_STEP = "particles/all/position/step"
_POSITION = "particles/all/position/value"
_VELOCITY = "particles/all/velocity/value"
_WEIGHTS = "wlmsim/weights"
_OBSERVABLES = "observables"
_IDS = "wlmsim/ids"
_EVENTS = "wlmsim/events"
_RUN = {"mechanics": "wlmsim/mechanics", "integrator": "wlmsim/integrator"}
"""Where it is described what moved the particles."""
_OF_AN_EVENT = ("particles", "positions", "velocities")
OTHERS = {
    "snapshots": "it holds snapshots, not a trajectory: read it with SnapshotSeries.load",
    "tracks": "it holds tracks, not a trajectory: read it with Tracks.load",
}
"""What is said of files of another kind."""


def save_trajectory(trajectory: Trajectory, path: str | Path) -> Path:
    """Write a trajectory as an H5MD 1.1 file, atomically.

    Parameters
    ----------
    trajectory : Trajectory
        What to write. Its mechanics are written by names and numbers; where a law is a plain function, that is
        written in their place.
    path : str or Path
        The file; an existing one is replaced once the new one is complete.

    Returns
    -------
    Path
        The path given.

    Raises
    ------
    ParameterError
        If `trajectory` is not a trajectory, or its metadata hold more than plain values.
    OSError
        If the file cannot be written; an older file of that name is then untouched.
    """
    check.instance("trajectory", trajectory, Trajectory)
    with hdf5.writing(path, "trajectory", trajectory.metadata, trajectory.units) as file:
        _write_standard_header(file, str(trajectory.metadata.get("author", "unknown")))
        _write_particles(file, trajectory)
        _write_weights(file, trajectory)
        _write_along(file, trajectory)
        if trajectory.ids is not None:
            hdf5.store_names(file, _IDS, trajectory.ids)
    return local(path)


BLOCK_BYTES = 2**22
"""Frames of so many bytes are kept in memory before they are written together: a chunk is compressed once."""


class Recording:
    """A trajectory file that is written in blocks of frames."""

    def __init__(self, file: h5py.File, weights: np.ndarray, expected: int):
        self._file, self._weights, self._expected = file, weights, expected
        self._last: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self._block: list[tuple[float, np.ndarray, np.ndarray]] = []
        self._written = 0

    def add(self, state: State) -> None:
        """Take one frame, and write those that wait if they are many."""
        self._block.append((state.time, state.positions.copy(), state.velocities.copy()))
        if len(self._block) * state.positions.nbytes >= BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the frames that wait."""
        if not self._block:
            return
        times, positions, velocities = map(np.array, zip(*self._block, strict=True))
        self._last = times[-1:], positions[-1:], velocities[-1:]
        first, last = self._written, self._written + len(times)
        if first == 0:
            frames = Trajectory(times, positions, velocities, self._weights)
            _write_particles(self._file, frames, rows=self._expected)
            _write_weights(self._file, frames)
        else:
            values = {_TIME: times, _STEP: np.arange(first, last), _POSITION: positions, _VELOCITY: velocities}
            for name, value in values.items():
                dataset = self._file[name]
                dataset.resize(last, axis=0)
                dataset[first:] = value
        self._written, self._block = last, []
        check_written(self._file)

    @property
    def count(self) -> int:
        """Number of frames so far."""
        return self._written + len(self._block)

    def frames(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return times, positions and velocities of the last frame."""
        self.flush()
        assert self._last is not None
        return self._last


@contextmanager
def recording(
    path: str | Path,
    population: Population,
    expected: int,
    metadata: Mapping[str, Any],
    whole: Callable[[Recording], Trajectory] | None = None,
) -> Iterator[Recording]:
    """Open a trajectory file to write frame by frame.

    It appears under its name when the body ends, or with the frames until then when the body fails in its
    `SimulationError` or is interrupted; any other failure, or one before the first frame, leaves no file.

    Parameters
    ----------
    path : str or Path
        The file; an existing one is replaced once the new one is complete.
    population : Population
        The particles whose frames will follow.
    expected : int
        Number of frames, as far as is known.
    metadata : mapping
        Plain values kept with the trajectory.
    whole : callable, optional
        Gives, when the body ends, the trajectory of the last frame with all that was found on the way.

    Yields
    ------
    Recording
        Takes the frames in the order of their times.
    """
    failure: BaseException | None = None
    with hdf5.writing(path, "trajectory", metadata, {}) as file:
        _write_standard_header(file, str(metadata.get("author", "unknown")))
        record = Recording(file, population.weights, expected)
        try:
            yield record
        except (SimulationError, KeyboardInterrupt) as error:
            if record.count == 0:
                raise
            failure = error
        record.flush()
        if whole is not None and record.count:
            end = whole(record)
            _write_along(file, end)
            write_attributes(file["wlmsim/metadata"], "metadata", end.metadata)
    if failure is not None:
        failure.add_note(f"the {record.count} frames before that are in {path}")
        raise failure


def load_trajectory(path: str | Path, *, start: Any = None, stop: Any = None) -> Trajectory:
    """Read a trajectory written by `save_trajectory`.

    Parameters
    ----------
    path : str or Path
        The file.
    start, stop : float or date, optional
        Read only the frames with start <= time <= stop [time]; the others stay on the disk.

    Returns
    -------
    Trajectory
        With its mechanics and its scheme, where they are known by name.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is truncated, damaged, foreign, of a newer schema, or holds snapshots.
    ParameterError
        If no time falls between `start` and `stop`.
    """
    with hdf5.reading(path) as file:
        if hdf5.schema(file) != "trajectory":
            raise hdf5.Damage(OTHERS[hdf5.schema(file)])
        return read(file, start, stop)


def read(file: h5py.File, start: Any, stop: Any) -> Trajectory:
    """Read the frames in a window of time from an open file."""
    times = hdf5.times_of(file, _TIME)
    about = hdf5.about(file)
    frames = hdf5.window(times, start, stop, about)
    span = span_of(times, np.arange(len(times))[frames])
    position, velocity, weights = _columns(file, len(times))
    with hdf5.stored_values():
        return Trajectory(
            times[frames],
            position[frames],
            None if velocity is None else velocity[frames],
            None if weights is None else weights[frames if weights.ndim == 2 else ...],
            observables=_observations(file).within(*span),
            events=within(_events(file), *span),
            **_run(file, last=bool(span[1] == np.inf)),
            ids=hdf5.names(file, _IDS, position.shape[1]) if _IDS in file else None,
            **about,
            copy=False,
        )


def outline(file: h5py.File) -> dict[str, Any]:
    """Say what an open file holds, without reading its particles."""
    times = hdf5.times_of(file, _TIME)
    position, velocity, weights = _columns(file, len(times))
    count, n, dim = position.shape
    return {
        "times": {"count": count, "first": float(times[0]), "last": float(times[-1])},
        "sizes": {"min": n, "max": n, "total": count * n},
        "dim": dim,
        "velocities": 0 if velocity is None else count,
        "weights": weights is not None,
        "populations": False,
    }


def _columns(file: h5py.File, count: int) -> tuple[h5py.Dataset, h5py.Dataset | None, h5py.Dataset | None]:
    position = hdf5.column(file, _POSITION, (count, None, None))
    velocity = hdf5.column(file, _VELOCITY, position.shape) if "velocity" in file["particles/all"] else None
    weights = None
    if _WEIGHTS in file:
        changing = getattr(file[_WEIGHTS], "ndim", 1) == 2
        weights = hdf5.column(file, _WEIGHTS, position.shape[:2] if changing else position.shape[1:2])
    return position, velocity, weights


def _observations(file: h5py.File) -> Observations:
    """What was measured along the run; H5MD lets each observable have times of its own, ours share theirs."""
    group = file.get(_OBSERVABLES)
    if group is None:
        return Observations()
    if not isinstance(group, h5py.Group):
        raise hdf5.Damage(f"it is damaged: /{_OBSERVABLES} is no group")
    shared = [name for name in group if group[name].get("time") == group[next(iter(group))].get("time")]
    if not shared:
        return Observations()
    times = hdf5.times_of(file, f"{_OBSERVABLES}/{shared[0]}/time")
    values = {name: hdf5.values(file, f"{_OBSERVABLES}/{name}/value", len(times)) for name in shared}
    return Observations(times, {unquote(name): value for name, value in values.items()})


def _events(file: h5py.File) -> dict[str, Occurrences]:
    """What happened along the run."""
    found = {}
    for key in file.get(_EVENTS, ()):
        times = hdf5.column(file, f"{_EVENTS}/{key}/time", (None,), empty=True)
        columns = [hdf5.values(file, f"{_EVENTS}/{key}/{name}", len(times)) for name in _OF_AN_EVENT]
        found[unquote(key)] = Occurrences(times[:], *columns)
    return found


def _run(file: h5py.File, *, last: bool) -> dict[str, Any]:
    """What moved the particles, as it is described; a scheme is that of the last frame."""
    described = {name: json.loads(hdf5.text(file, path)) for name, path in _RUN.items() if path in file}
    if not last:
        described.pop("integrator", None)
    makers = {"mechanics": _mechanics, "integrator": schemes.build}
    return {name: Stored(partial(makers[name], value)) for name, value in described.items()}


def _mechanics(description: dict[str, Any]) -> Any:
    if "unsaved" in description:
        raise ParameterError(description["unsaved"])
    try:
        return laws_of_motion.build(description)
    except Exception as error:
        raise ParameterError(f"this version of wlmsim cannot make it of what its file says: {error}") from error


def _write_run(file: h5py.File, trajectory: Trajectory) -> None:
    """Describe what moved the particles; of what has no name it is said why it is not there."""
    for name, path in _RUN.items():
        value = getattr(trajectory, name)
        if value is None:
            continue
        describe = laws_of_motion.describe if name == "mechanics" else schemes.describe
        try:
            description = plain(name, describe(value))
        except ParameterError as error:
            description = {"unsaved": str(error)}
        hdf5.store_text(file, path, json.dumps(description))


def _write_along(file: h5py.File, trajectory: Trajectory) -> None:
    """Write what moved the particles, what was measured and what happened.

    Observables as H5MD has them: for each name its values, and one dataset of times under all names.
    """
    _write_run(file, trajectory)
    observations, units = trajectory.observables, trajectory.units
    for name, happened in trajectory.events.items():
        group = file.create_group(f"{_EVENTS}/{quote(name, safe=' ')}")
        columns = {"time": happened.times, **{column: getattr(happened, column) for column in _OF_AN_EVENT}}
        for column, values in columns.items():
            if len(happened):
                hdf5.store(group, column, values, hdf5.unit_of(units, time=1) if column == "time" else None)
            else:  # no chunk is empty
                group[column] = values
    first: h5py.Group | None = None
    for name, value in observations.items():
        group = file.create_group(f"{_OBSERVABLES}/{quote(name, safe=' ')}")
        hdf5.store(group, "value", value)
        if first is None:
            first = group
            hdf5.store(group, "time", observations.times, hdf5.unit_of(units, time=1))
            hdf5.store(group, "step", np.arange(len(observations.times)))
        else:
            group["time"], group["step"] = first["time"], first["step"]


def _write_weights(file: h5py.File, trajectory: Trajectory) -> None:
    if not trajectory.uniform:
        hdf5.store(file, _WEIGHTS, trajectory.weights)


def _write_standard_header(file: h5py.File, author: str) -> None:
    header = file.create_group("h5md")
    header.attrs["version"] = [1, 1]
    header.create_group("author").attrs["name"] = author
    creator = header.create_group("creator")
    creator.attrs["name"] = "wlmsim"
    creator.attrs["version"] = version()


def _write_particles(file: h5py.File, trajectory: Trajectory, rows: int | None = None) -> None:
    units = trajectory.units
    particles = file.create_group("particles/all")
    box = particles.create_group("box")
    box.attrs["dimension"] = trajectory.dim
    box.attrs["boundary"] = np.array([b"none"] * trajectory.dim)
    position = particles.create_group("position")
    hdf5.store(position, "value", trajectory.positions, hdf5.unit_of(units, length=1), rows=rows)
    hdf5.store(position, "time", trajectory.times, hdf5.unit_of(units, time=1), rows=rows)
    hdf5.store(position, "step", np.arange(len(trajectory)), rows=rows)
    if trajectory.velocities is not None:
        velocity = particles.create_group("velocity")
        unit = hdf5.unit_of(units, length=1, time=-1)
        hdf5.store(velocity, "value", trajectory.velocities, unit, rows=rows)
        for name in ("time", "step"):  # one dataset under two names, as H5MD provides for
            velocity[name] = position[name]
