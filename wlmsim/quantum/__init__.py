"""Schroedinger's equation on a grid, and the flow that the wave carries.

i hbar dpsi/dt = -(hbar^2 / 2) lap psi + V psi for a particle of mass 1, in one to three dimensions.
"""

from wlmsim.quantum.grid import Grid
from wlmsim.quantum.pilot_wave import PilotWave
from wlmsim.quantum.split_step import SplitStep
from wlmsim.quantum.wave_function import WaveFunction

__all__ = ["Grid", "PilotWave", "SplitStep", "WaveFunction"]
