"""Running mechanics: steps and records, what to measure along a run, what to look for, what to bounce off."""

from wlmsim.simulation import events, observables
from wlmsim.simulation.run import default_integrator, resume, simulate
from wlmsim.simulation.walls import Walls

__all__ = ["Walls", "default_integrator", "events", "observables", "resume", "simulate"]
