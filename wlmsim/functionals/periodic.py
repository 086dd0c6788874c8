"""Periodic boxes: positions stay unwrapped, and forces see the nearest image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError

Box = float | Sequence[float]


def checked_box(box: Box | None, reach: float | None) -> float | tuple[float, ...] | None:
    """Side or sides of a box, checked to be at least twice as long as the forces reach; `None` for open space."""
    if box is None:
        return None
    if reach is None:
        raise ParameterError("`box` must come with a `cutoff`: without one the force would jump at half a box")
    number = np.ndim(box) == 0
    sides = [check.positive("box", side) for side in np.atleast_1d(np.asarray(box, dtype=object))]
    if min(sides, default=0.0) < 2 * reach:
        raise check.fail("box", f"at least {2 * reach:g} long, so that no particle meets another twice", box)
    return sides[0] if number else tuple(sides)


def lengths(box: float | tuple[float, ...] | None, dim: int) -> np.ndarray:
    """Length of each axis, shape (dim,), 0 for an open one."""
    if isinstance(box, tuple) and len(box) != dim:
        raise check.fail("box", f"one number or one for each of the {dim} axes", box)
    return np.full(dim, 0.0 if box is None else box)


def nearest_image(displacements: Any, sides: np.ndarray, xp: Any) -> Any:
    """Displacements, shape (..., d), to the nearest of the images in a periodic box with these sides."""
    columns = [
        displacements[..., k] - side * xp.round(displacements[..., k] / side) if side > 0 else displacements[..., k]
        for k, side in enumerate(sides.tolist())
    ]
    return xp.stack(columns, -1)
