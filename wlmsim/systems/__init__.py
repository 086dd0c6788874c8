"""Systems: a Lagrangian, a way to draw the initial population, and an exact solution where one exists."""

from wlmsim.systems.base import System
from wlmsim.systems.classical import (
    ChargedParticles,
    CoulombPlasma,
    DoubleWell,
    HarmonicOscillator,
    Kepler,
    MorseSwarm,
    TwoBody,
)
from wlmsim.systems.flocking import Boids
from wlmsim.systems.quantum import GaussianPacket
from wlmsim.systems.vortices import VortexDrifters

__all__ = [
    "Boids",
    "ChargedParticles",
    "CoulombPlasma",
    "DoubleWell",
    "GaussianPacket",
    "HarmonicOscillator",
    "Kepler",
    "MorseSwarm",
    "System",
    "TwoBody",
    "VortexDrifters",
]
