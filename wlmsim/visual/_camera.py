"""Where a scene is seen from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError


class Camera(NamedTuple):
    """A direction to look from: angles [degrees], and whether distant things look smaller."""

    azimuth: float
    """Of the viewer about the third axis, from the first axis towards the second."""
    elevation: float
    """Of the viewer above the plane of the first two axes."""
    perspective: bool = False

    @property
    def ahead(self) -> np.ndarray:
        """Unit vector into the picture."""
        a, e = np.radians([self.azimuth, self.elevation])
        return -_clean([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)])

    @property
    def right(self) -> np.ndarray:
        """Unit vector to the right."""
        a = np.radians(self.azimuth)
        return _clean([-np.sin(a), np.cos(a), 0.0])

    @property
    def up(self) -> np.ndarray:
        """Unit vector up."""
        return _clean(np.cross(self.right, self.ahead))

    def turned(self, angle: float) -> Camera:
        """The view after the viewer has walked round by this angle [degrees]."""
        return self._replace(azimuth=self.azimuth + angle)


def _clean(vector: Any) -> np.ndarray:
    """Exact zeros: views along an axis are told from others by them."""
    vector = np.asarray(vector, dtype=float)
    return np.where(np.abs(vector) < 1e-12, 0.0, vector)


CAMERAS = {
    "oblique": Camera(-59.0, 25.6, perspective=True),
    "isometric": Camera(-45.0, float(np.degrees(np.arctan(np.sqrt(0.5))))),
    "front": Camera(-90.0, 0.0),
    "back": Camera(90.0, 0.0),
    "right": Camera(0.0, 0.0),
    "left": Camera(180.0, 0.0),
    "top": Camera(-90.0, 90.0),
    "bottom": Camera(-90.0, -90.0),
}


def camera_of(camera: Any, dim: int, *, surface: bool = False) -> Camera:
    """The camera for a drawing of `dim` axes, by its name or by azimuth and elevation."""
    if camera is None and surface:
        return CAMERAS["oblique"]._replace(elevation=40.0)  # high enough to look into a valley
    if camera is None:
        return CAMERAS["oblique" if dim == 3 else "top"]
    if dim < 3 and camera != "top":
        raise ParameterError(f"`camera` must be 'top' for a line or a plane; got {camera!r}")
    if isinstance(camera, str):
        return CAMERAS[check.choice("camera", camera, CAMERAS)]
    try:
        azimuth, elevation = (check.real("camera", angle) for angle in camera)
    except (TypeError, ValueError):
        raise check.fail("camera", f"one of {', '.join(map(repr, CAMERAS))}, or two angles", camera) from None
    if abs(elevation) > 90:
        raise check.fail("camera", "an azimuth and an elevation between -90 and 90 degrees", camera)
    return Camera(azimuth, elevation, perspective=True)
