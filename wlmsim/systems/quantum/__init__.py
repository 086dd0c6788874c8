"""Quantum systems: populations that follow Bohm's trajectories, by three methods and by closed forms."""

from wlmsim.systems.quantum.base import QuantumSystem
from wlmsim.systems.quantum.double_slit import DoubleSlit
from wlmsim.systems.quantum.gaussian import CoherentState, GaussianPacket, GroundState, SqueezedState
from wlmsim.systems.quantum.tunnelling import Tunnelling

__all__ = [
    "CoherentState",
    "DoubleSlit",
    "GaussianPacket",
    "GroundState",
    "QuantumSystem",
    "SqueezedState",
    "Tunnelling",
]
