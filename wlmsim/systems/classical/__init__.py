"""Classical systems, one idea a module."""

from wlmsim.systems.classical.charged import ChargedParticles
from wlmsim.systems.classical.harmonic import HarmonicOscillator
from wlmsim.systems.classical.kepler import Kepler, TwoBody
from wlmsim.systems.classical.plasma import CoulombPlasma
from wlmsim.systems.classical.swarm import MorseSwarm

__all__ = ["ChargedParticles", "CoulombPlasma", "HarmonicOscillator", "Kepler", "MorseSwarm", "TwoBody"]
