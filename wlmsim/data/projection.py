"""Longitudes and latitudes as positions in a plane, and back.

The plane is written as PROJ does, in the entry "projection" of the metadata, which every object and file keeps. How
long the positions are is said by the unit of length beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.dates import ORIGIN, Dated, dates_of
from wlmsim.data.units import DEGREE, METRES, unit_of_length
from wlmsim.errors import DataWarning, ParameterError

PROJECTION = "projection"
"""The entry of the metadata that says which plane the positions are in."""
DEGREES = "EPSG:4326"
"""Longitudes and latitudes of WGS 84."""
UTM = "utm"
"""The word for the zone of the Universal Transverse Mercator that the middle of the data is in."""
FAR = 3.5e6
"""How far from the middle distances are wrong by more than a twentieth, as arc over sine tells [m]."""
KEPT = (ORIGIN, PROJECTION)
"""What predictions of data keep of their metadata."""
SAME = 1e-6
"""Share of their spread by which positions may differ that are the same but for rounding."""
STEP = 100.0
"""Over which length directions are taken from one place to the next [m]."""


class Projection:
    """A map from longitudes and latitudes to a plane and back.

    Parameters
    ----------
    text : str
        What `PROJ <https://proj.org>`_ calls a coordinate reference system: ``"EPSG:32633"``, ``"+proj=utm +zone=33"``.
    unit : str
        Unit of length of the positions. Default ``"m"``.

    Raises
    ------
    ParameterError
        If PROJ does not know it, or it is no plane.

    Examples
    --------
    >>> import numpy as np
    >>> plane = Projection.around(np.array([[5.0, 52.0], [6.0, 53.0]]), "km")
    >>> plane
    Projection('+proj=aeqd +lat_0=52.5 +lon_0=5.5 +datum=WGS84', 'km')
    >>> plane.place(np.array([[5.5, 52.5], [5.5, 53.5]])).round(2)
    array([[  0.  ,   0.  ],
           [  0.  , 111.29]])
    """

    def __init__(self, text: str, unit: str = "m"):
        self.text, self.unit = text, unit
        crs = _system("projection", text)
        if not crs.is_projected:
            raise check.fail("projection", "a plane, such as 'utm', 'EPSG:32633' or '+proj=laea +lat_0=52'", text)
        self.scale: float = crs.axis_info[0].unit_conversion_factor / METRES[unit]

    @classmethod
    def around(cls, degrees: np.ndarray, unit: str = "m", *, text: str | None = None) -> Projection:
        """The plane that is right in the middle of some longitudes and latitudes.

        Parameters
        ----------
        degrees : ndarray, shape (N, 2)
            Longitudes and latitudes [degree].
        unit : str
            Unit of length of the positions.
        text : str, optional
            Any other plane, or ``"utm"`` for the zone of the middle. Default: the azimuthal equidistant one, in which
            distances from the middle are right.
        """
        longitude, latitude = middle = middle_of(degrees)
        if text is not None and text.strip().lower() == UTM:
            zone = int((longitude + 180.0) // 6.0) % 60 + 1
            return cls(f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}", unit)
        if text is not None:
            return cls(text, unit)
        plane = cls(_equidistant(middle), unit)
        farthest = np.abs(plane.place(degrees)).max() * METRES[unit]
        if farthest > FAR:
            warn(
                f"the positions lie up to {farthest / 1e3:.0f} km from their middle: in one plane, distances are wrong "
                "by more than a twentieth; a part of them, or a projection= of your own, has less",
                DataWarning,
            )
        return plane

    @classmethod
    def of(cls, about: Dated) -> Projection | None:
        """The one that data say they are in; None if they say none, or their lengths have no known unit."""
        text, unit = about.metadata.get(PROJECTION), unit_of_length(about.units.get("length", ""))
        return cls(text, unit) if isinstance(text, str) and unit in METRES else None

    @classmethod
    def of_both(cls, degrees: np.ndarray, positions: np.ndarray) -> Projection | None:
        """The plane in which longitudes and latitudes have the positions (N, 2) that stand beside them.

        Looked for among azimuthal equidistant ones and zones of UTM, in all units of length; None if it is none.
        """
        some = slice(None, None, 1 + len(degrees) // 1000)  # rows enough
        degrees, positions = degrees[some], positions[some]
        spread = float(np.ptp(positions, axis=0).max())
        middle = cls(_equidistant(middle_of(degrees)))
        size = float(np.ptp(middle.place(degrees), axis=0).max())
        if len(degrees) < 3 or not spread or not size:
            return None
        unit = min(METRES, key=lambda name: abs(np.log(spread / size * METRES[name])))
        centre = middle_of(degrees)
        for _ in range(20):  # to where both coordinates are zero
            guess = cls(_equidistant(centre), unit)
            centre = guess.degrees((guess.place(degrees) - positions).mean(axis=0))
        zone = cls.around(degrees, unit, text=UTM)
        for plane in (cls(_equidistant(centre), unit), zone):
            if np.abs(plane.place(degrees) - positions).max() < SAME * max(spread, SAME):
                return plane
        return None

    def place(self, degrees: np.ndarray) -> np.ndarray:
        """Positions (..., 2) [length] of longitudes and latitudes (..., 2) [degree]."""
        east, north = self._forward.transform(degrees[..., 0], degrees[..., 1])
        return np.stack([east, north], axis=-1) * self.scale

    def degrees(self, positions: np.ndarray) -> np.ndarray:
        """Longitudes and latitudes (..., 2) [degree] of positions (..., 2) [length]."""
        x = np.asarray(positions) / self.scale
        longitude, latitude = self._backward.transform(x[..., 0], x[..., 1])
        return np.stack([longitude, latitude], axis=-1)

    def pace(self, degrees: np.ndarray, velocities: np.ndarray) -> np.ndarray:
        """Velocities (N, 2) in the plane of eastward and northward ones (N, 2), both in the unit of length."""
        return np.einsum("nij,nj->ni", self._turn(degrees), velocities)

    def eastward(self, degrees: np.ndarray, velocities: np.ndarray) -> np.ndarray:
        """Eastward and northward velocities (N, 2) of those in the plane (N, 2), both in the unit of length."""
        return np.linalg.solve(self._turn(degrees), velocities[..., None])[..., 0]

    def _turn(self, degrees: np.ndarray) -> np.ndarray:
        """How far one goes in the plane by a step east and by one north, over their length: (N, 2, 2)."""
        import pyproj

        earth = pyproj.Geod(ellps="WGS84")
        longitude, latitude = np.ascontiguousarray(degrees.T)
        columns = []
        for azimuth in (90.0, 0.0):
            ends = []
            for sign in (1, -1):
                where = np.full(len(degrees), azimuth), np.full(len(degrees), sign * STEP)
                there = earth.fwd(longitude, latitude, *where)[:2]
                ends.append(self.place(np.stack(there, axis=1)))
            columns.append((ends[0] - ends[1]) * METRES[self.unit] / (2 * STEP))
        return np.stack(columns, axis=-1)

    def convention(self) -> dict[str, Any]:
        """Attributes that say the same in files of the CF conventions."""
        return _system("projection", self.text).to_cf()

    @cached_property
    def _forward(self) -> Any:
        return _transformer(DEGREES, self.text)

    @cached_property
    def _backward(self) -> Any:
        return _transformer(self.text, DEGREES)

    def __repr__(self) -> str:
        return f"Projection({self.text!r}, {self.unit!r})"


class Located:
    """What may know its dates and its places on the Earth: `SnapshotSeries`, `Trajectory` and `Tracks`."""

    times: np.ndarray
    units: dict[str, str]
    metadata: dict[str, Any]

    @property
    def dates(self) -> np.ndarray:
        """Dates of the times, shape (T,); `ParameterError` if the times are numbers only."""
        return dates_of(self.times, self)

    @property
    def lonlat(self) -> Any:
        """Longitudes and latitudes of the positions, laid out as these [degree]; `ParameterError` if not known."""
        plane = Projection.of(self)
        positions: Any = self.positions  # type: ignore[attr-defined]
        if unit_of_length(self.units.get("length", "")) == DEGREE:
            return positions
        if plane is None:
            raise ParameterError(
                "`lonlat` is not known: the positions are in no projection. `Tracks.load` and `load_drifters` keep the "
                "one that they choose; metadata={'projection': 'EPSG:...'} with units={'length': 'm'} says another"
            )
        if isinstance(positions, np.ndarray):
            return plane.degrees(positions)
        return [plane.degrees(cloud) for cloud in positions]


def plane_of(crs: str) -> bool:
    """Whether a coordinate reference system is a plane; else its positions are longitudes and latitudes."""
    return bool(_system("crs", crs).is_projected)


def degrees_from(crs: str, positions: np.ndarray) -> np.ndarray:
    """Longitudes and latitudes of WGS 84 of those of another system."""
    longitude, latitude = _transformer(crs, DEGREES).transform(*positions.T)
    return np.stack([longitude, latitude], axis=1)


def _equidistant(middle: np.ndarray) -> str:
    """The azimuthal equidistant plane around a longitude and a latitude, in PROJ's words."""
    return f"+proj=aeqd +lat_0={middle[1]:.6g} +lon_0={middle[0]:.7g} +datum=WGS84"


def middle_of(degrees: np.ndarray) -> np.ndarray:
    """The longitude of the mean direction, which the date line does not split, and the mean latitude."""
    longitude, latitude = degrees.T
    mean = np.angle(np.exp(1j * np.radians(longitude)).mean(), deg=True)
    return np.array([mean, latitude.mean()])


def located(about: Dated) -> dict[str, Any]:
    """What metadata say of dates and places, to be kept by what is predicted."""
    return {name: about.metadata[name] for name in KEPT if name in about.metadata}


def check_same_place(name: str, given: Dated, expected: Mapping[str, Any], whose: str) -> None:
    """Refuse positions in another plane, and times since another date, than those that they are put beside."""
    for key, what in ((PROJECTION, "positions in the projection"), (ORIGIN, "times since")):
        one, other = given.metadata.get(key), expected.get(key)
        if one is not None and other is not None and one != other:
            raise ParameterError(
                f"`{name}` must have {what} {other!r}, as {whose} has; it has {one!r}. "
                "Tracks.load(..., projection=..., metadata={'first_date': ...}) reads with both given"
            )


def _system(name: str, text: str) -> Any:
    import pyproj

    try:
        return pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError:
        raise check.fail(name, "a system that PROJ knows, such as 'utm', 'EPSG:32633' or '+proj=laea'", text) from None


def _transformer(source: str, target: str) -> Any:
    import pyproj

    return pyproj.Transformer.from_crs(source, target, always_xy=True)
