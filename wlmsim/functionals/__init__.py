"""Energy functionals: what the potential energy U of a population is made of.

Every functional states its energy once, in `Functional.expression`; the force on particle j is
-(1 / w_j) dU/dx_j, which is minus the gradient of the first variation. Functionals combine with ``+``.
"""

from wlmsim.functionals import laws
from wlmsim.functionals.base import Functional, FunctionalSum
from wlmsim.functionals.external import External
from wlmsim.functionals.fisher import GaussianQuantumPressure
from wlmsim.functionals.pairwise import Pairwise

__all__ = ["External", "Functional", "FunctionalSum", "GaussianQuantumPressure", "Pairwise", "laws"]
