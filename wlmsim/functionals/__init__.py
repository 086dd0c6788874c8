"""Energy functionals: what the potential energy U of a population is made of.

Every functional states its energy once, in `Functional.expression`; the force on particle j is
-(1 / w_j) dU/dx_j, which is minus the gradient of the first variation. Functionals combine with ``+``.
"""

from wlmsim.functionals import laws
from wlmsim.functionals.base import Functional, FunctionalSum
from wlmsim.functionals.charged import Charged
from wlmsim.functionals.entropy import Entropy
from wlmsim.functionals.external import External
from wlmsim.functionals.fisher import GaussianQuantumPressure, ManyInteractingWorlds, QuantumPressure
from wlmsim.functionals.gaussian import GaussianEntropy
from wlmsim.functionals.gravity import Gravity
from wlmsim.functionals.mean_field import MeanField
from wlmsim.functionals.pairwise import Pairwise
from wlmsim.functionals.slope import SlopePotential
from wlmsim.functionals.smoothing import kernel_density, score, silverman

__all__ = [
    "Charged",
    "Entropy",
    "External",
    "Functional",
    "FunctionalSum",
    "GaussianEntropy",
    "GaussianQuantumPressure",
    "Gravity",
    "ManyInteractingWorlds",
    "MeanField",
    "Pairwise",
    "QuantumPressure",
    "SlopePotential",
    "kernel_density",
    "laws",
    "score",
    "silverman",
]
