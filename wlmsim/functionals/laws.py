"""The classic laws: external potentials V(x), radial pair potentials W(r) and stream functions, each written once.

A law is a plain function of coordinates and an array namespace ``xp``; it runs under NumPy and torch as it
stands, and is compiled for Numba through SymPy (see `wlmsim.functionals.tracing`). It is read whenever it is evaluated.
An external law takes ``(x, xp)`` or ``(x, t, xp)`` with x of shape (..., d) and returns shape (...); a pair law takes
``(r, xp)``. The classes here are laws with named parameters, one kind a module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from wlmsim.functionals.external_laws import (
    Eckart,
    Harmonic,
    Kepler,
    Quadrupole,
    UniformField,
    VortexPressure,
    Wall,
)
from wlmsim.functionals.landscapes import (
    Bohachevsky,
    DoubleWell,
    GaussianMixture,
    MuellerBrown,
    OakleyOHagan,
    StyblinskiTang,
    WavyPlateau,
)
from wlmsim.functionals.pair_laws import GeneralisedMorse, LennardJones, Morse, Plummer
from wlmsim.functionals.stream_functions import DoubleGyre, PointVortex, TaylorGreen

__all__ = [
    "Bohachevsky",
    "DoubleGyre",
    "DoubleWell",
    "Eckart",
    "GaussianMixture",
    "GeneralisedMorse",
    "Harmonic",
    "Kepler",
    "LennardJones",
    "Morse",
    "MuellerBrown",
    "OakleyOHagan",
    "Plummer",
    "PointVortex",
    "Quadrupole",
    "StyblinskiTang",
    "TaylorGreen",
    "UniformField",
    "VortexPressure",
    "Wall",
    "WavyPlateau",
]

Law: TypeAlias = Callable[..., Any]


class ParametricLaw(Protocol):
    """What a law with named parameters offers beside being callable: dataclass fields and a LaTeX form."""

    latex: str
