"""Plots with matplotlib: every function takes axes to draw on, and returns them."""

from wlmsim.visual.plots.clouds import plot_forecast, plot_phase_portrait, plot_snapshots
from wlmsim.visual.plots.maps import plot_map
from wlmsim.visual.plots.pair_laws import plot_pair_law
from wlmsim.visual.plots.potentials import plot_potential
from wlmsim.visual.plots.scores import plot_scores
from wlmsim.visual.plots.time_series import plot_energy, plot_friction, plot_training

__all__ = [
    "plot_energy",
    "plot_forecast",
    "plot_friction",
    "plot_map",
    "plot_pair_law",
    "plot_phase_portrait",
    "plot_potential",
    "plot_scores",
    "plot_snapshots",
    "plot_training",
]
