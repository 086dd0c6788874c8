"""Classical systems, one idea a module."""

from wlmsim.systems.classical.charged import ChargedParticles
from wlmsim.systems.classical.harmonic import HarmonicOscillator
from wlmsim.systems.classical.kepler import Kepler, TwoBody
from wlmsim.systems.classical.plasma import CoulombPlasma
from wlmsim.systems.classical.swarm import MorseSwarm
from wlmsim.systems.classical.wells import DoubleWell

__all__ = ["ChargedParticles", "CoulombPlasma", "DoubleWell", "HarmonicOscillator", "Kepler", "MorseSwarm", "TwoBody"]
