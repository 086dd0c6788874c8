"""Energy functionals with parameters to learn; they combine with ``+`` among themselves and with analytic ones."""

from wlmsim.learn.functionals.agent import AgentPotential
from wlmsim.learn.functionals.attention import AttentionPotential
from wlmsim.learn.functionals.base import Average, Learnable, LearnableFunctional, Scales
from wlmsim.learn.functionals.conditioned import ConditionedPotential
from wlmsim.learn.functionals.external import ExternalPotential
from wlmsim.learn.functionals.mean_field import MeanFieldPotential
from wlmsim.learn.functionals.pair import PairPotential
from wlmsim.learn.functionals.series import SeriesPotential
from wlmsim.learn.functionals.strength import LearnableStrength

__all__ = [
    "AgentPotential",
    "AttentionPotential",
    "Average",
    "ConditionedPotential",
    "ExternalPotential",
    "Learnable",
    "LearnableFunctional",
    "LearnableStrength",
    "MeanFieldPotential",
    "PairPotential",
    "Scales",
    "SeriesPotential",
]
