"""How mass is compared and carried: exact and unbalanced optimal transport, abundances, Schroedinger bridges."""

from wlmsim.transport.abundance import growth_correction, log_abundances
from wlmsim.transport.estimates import (
    DistanceEstimate,
    estimate_distance,
    sampling_floor,
    sliced_wasserstein1,
)
from wlmsim.transport.exact import (
    Plan,
    energy_distance,
    ground_cost,
    optimal_plan,
    wasserstein1,
    wasserstein2,
)
from wlmsim.transport.large import transport_plan, unbalanced_transport_plan
from wlmsim.transport.partial import partial_wasserstein1
from wlmsim.transport.schroedinger import schroedinger_bridge
from wlmsim.transport.unbalanced import UnbalancedPlan, transported_masses, unbalanced_plan

__all__ = [
    "DistanceEstimate",
    "Plan",
    "UnbalancedPlan",
    "energy_distance",
    "estimate_distance",
    "ground_cost",
    "growth_correction",
    "log_abundances",
    "optimal_plan",
    "partial_wasserstein1",
    "sampling_floor",
    "schroedinger_bridge",
    "sliced_wasserstein1",
    "transport_plan",
    "transported_masses",
    "unbalanced_plan",
    "unbalanced_transport_plan",
    "wasserstein1",
    "wasserstein2",
]
