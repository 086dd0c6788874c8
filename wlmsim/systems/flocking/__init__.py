"""Flocks and swarms, one model a module."""

from wlmsim.systems.flocking.boids import Boids
from wlmsim.systems.flocking.cucker_smale import CuckerSmale
from wlmsim.systems.flocking.dorsogna import DOrsogna
from wlmsim.systems.flocking.vicsek import Vicsek

__all__ = ["Boids", "CuckerSmale", "DOrsogna", "Vicsek"]
