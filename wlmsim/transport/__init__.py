"""How mass is compared and carried: exact and unbalanced optimal transport, abundances, Schroedinger bridges."""

from wlmsim.transport.abundance import changing_growth, log_shares
from wlmsim.transport.exact import (
    Plan,
    energy_distance,
    ground_cost,
    optimal_plan,
    wasserstein1,
    wasserstein2,
)
from wlmsim.transport.schroedinger import schroedinger_bridge
from wlmsim.transport.unbalanced import GrowthPlan, carried_masses, growth_plan

__all__ = [
    "GrowthPlan",
    "Plan",
    "carried_masses",
    "changing_growth",
    "energy_distance",
    "ground_cost",
    "growth_plan",
    "log_shares",
    "optimal_plan",
    "schroedinger_bridge",
    "wasserstein1",
    "wasserstein2",
]
