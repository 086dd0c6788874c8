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
from wlmsim.systems.drifters import DoubleGyreDrifters, LambOseenDrifters, TaylorGreenDrifters, VortexDrifters
from wlmsim.systems.flocking import Boids, CuckerSmale, DOrsogna, Vicsek
from wlmsim.systems.gradient_flow import LangevinLandscape, OrnsteinUhlenbeck
from wlmsim.systems.gravity import KuzminDisc, PlummerSphere
from wlmsim.systems.lennard_jones import LennardJonesFluid
from wlmsim.systems.quantum import (
    CoherentState,
    DoubleSlit,
    GaussianPacket,
    GroundState,
    QuantumSystem,
    SqueezedState,
    Tunnelling,
)
from wlmsim.systems.vortices import PointVortices, VortexPolygon

__all__ = [
    "Boids",
    "ChargedParticles",
    "CoherentState",
    "CoulombPlasma",
    "CuckerSmale",
    "DOrsogna",
    "DoubleGyreDrifters",
    "DoubleSlit",
    "DoubleWell",
    "GaussianPacket",
    "GroundState",
    "HarmonicOscillator",
    "Kepler",
    "KuzminDisc",
    "LambOseenDrifters",
    "LangevinLandscape",
    "LennardJonesFluid",
    "MorseSwarm",
    "OrnsteinUhlenbeck",
    "PlummerSphere",
    "PointVortices",
    "QuantumSystem",
    "SqueezedState",
    "System",
    "TaylorGreenDrifters",
    "Tunnelling",
    "TwoBody",
    "Vicsek",
    "VortexDrifters",
    "VortexPolygon",
]
