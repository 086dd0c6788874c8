"""Time-stepping schemes, one idea a module.

Schemes for a `Lagrangian` carry dx/dt = v, dv/dt = F(x, t) + G(x, v) - gamma v, with F the acceleration by the
potential and G the dissipative and magnetic one but for friction, which is solved exactly. Schemes for a `Flow` carry
dx/dt = u(x, t). Noise belongs to the scheme.
"""

from wlmsim.integrators.baoab import BAOAB
from wlmsim.integrators.base import Integrator, State, heun_kick, heun_step
from wlmsim.integrators.boris import Boris
from wlmsim.integrators.constant_speed import ConstantSpeedEuler
from wlmsim.integrators.dormand_prince import DormandPrince
from wlmsim.integrators.euler_maruyama import EulerMaruyama
from wlmsim.integrators.gauss_legendre import GaussLegendre
from wlmsim.integrators.leapfrog import Leapfrog, half_kick, kick_drift_kick
from wlmsim.integrators.noise import StochasticIntegrator
from wlmsim.integrators.ornstein_uhlenbeck import ExactOrnsteinUhlenbeck
from wlmsim.integrators.runge_kutta import RungeKutta4
from wlmsim.integrators.stochastic_heun import StochasticHeun
from wlmsim.integrators.substepped import Substepped
from wlmsim.integrators.vicsek import VicsekUpdate
from wlmsim.integrators.yoshida import Yoshida4

__all__ = [
    "BAOAB",
    "Boris",
    "ConstantSpeedEuler",
    "DormandPrince",
    "EulerMaruyama",
    "ExactOrnsteinUhlenbeck",
    "GaussLegendre",
    "Integrator",
    "Leapfrog",
    "RungeKutta4",
    "State",
    "StochasticHeun",
    "StochasticIntegrator",
    "Substepped",
    "VicsekUpdate",
    "Yoshida4",
    "half_kick",
    "heun_kick",
    "heun_step",
    "kick_drift_kick",
]
