"""Time-stepping schemes, one idea a module.

Schemes for a `Lagrangian` carry dx/dt = v, dv/dt = F(x, t) + G(x, v) - gamma v, with F the acceleration by the
potential and G the dissipative and magnetic one but for friction, which is solved exactly. Schemes for a `Flow` carry
dx/dt = u(x, t). Noise belongs to the scheme.
"""

from wlmsim.integrators.base import Integrator, State
from wlmsim.integrators.boris import Boris
from wlmsim.integrators.constant_speed import ConstantSpeedEuler
from wlmsim.integrators.leapfrog import Leapfrog, half_kick, kick_drift_kick
from wlmsim.integrators.runge_kutta import RungeKutta4

__all__ = [
    "Boris",
    "ConstantSpeedEuler",
    "Integrator",
    "Leapfrog",
    "RungeKutta4",
    "State",
    "half_kick",
    "kick_drift_kick",
]
