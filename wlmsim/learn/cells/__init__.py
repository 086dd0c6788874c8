"""Single cells: AnnData in, AnnData out."""

from wlmsim.learn.cells.conditions import Conditions, fit_conditions
from wlmsim.learn.cells.descent import ancestors, descendants, pull, push
from wlmsim.learn.cells.fates import driver_genes, fate_probabilities
from wlmsim.learn.cells.paths import simulated_cells
from wlmsim.learn.cells.pictures import picture_velocities
from wlmsim.learn.cells.priors import growth_prior
from wlmsim.learn.cells.reading import series_of
from wlmsim.learn.cells.transitions import gaussian_transitions

__all__ = [
    "Conditions",
    "ancestors",
    "descendants",
    "driver_genes",
    "fate_probabilities",
    "fit_conditions",
    "gaussian_transitions",
    "growth_prior",
    "picture_velocities",
    "pull",
    "push",
    "series_of",
    "simulated_cells",
]
