"""Pictures of a comparison: the ranking, and what a candidate learned."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_ranking(comparison: Any, ax: Axes | None = None) -> Axes:
    """See `Comparison.plot`."""
    names = [name for name in comparison.ranking if math.isfinite(comparison.mean[name])][::-1]
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7.0, 1.2 + 0.45 * len(names)), layout="constrained").subplots()
    rows = np.arange(len(names))
    for row, name in zip(rows, names, strict=True):
        values = comparison.w1[name].ravel()
        ax.plot(values, np.full(values.size, row), ".", color="#9ca3af", markersize=5)
    errors = np.nan_to_num([comparison.standard_error(name) for name in names])
    ax.errorbar([comparison.mean[n] for n in names], rows, xerr=errors, fmt="o", color="#c2410c", capsize=3)
    for name, w1 in comparison._known_baselines()[:1]:
        ax.axvline(w1, color="#6b7280", linestyle="--", linewidth=1.0)
        ax.annotate(name, (w1, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8)
    ax.set_yticks(rows, names)
    ax.set_xlabel(f"W1 on left-out marginals{f' [{comparison.length_unit}]' if comparison.length_unit else ''}")
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def draw_ranking(comparison: Any, path: str | Path, name: str | None = None) -> Path:
    """See `Comparison.draw`."""
    from matplotlib.figure import Figure

    from wlmsim.io.atomic import atomic
    from wlmsim.visual import plot_pair_law, plot_potential

    path = Path(path)
    check.choice("path's suffix", path.suffix.lower(), (".png", ".pdf", ".svg"))
    name = comparison.best_ if name is None else check.choice("name", name, tuple(comparison.models))
    fits = [fit for fit in comparison.mechanics.get(name, []) if fit.potential is not None]
    degrees = {term.degree for fit in fits[:1] for term in fit.potential.terms} & {1, 2}
    panels = 1 + len(degrees)
    figure = Figure(figsize=(5.6 * panels, 4.4), layout="constrained")
    axes = iter(np.atleast_1d(figure.subplots(1, panels)))
    plot_ranking(comparison, next(axes)).set_title(comparison._over(), fontsize=10, pad=18)
    if 1 in degrees:
        plot_potential(fits[0], comparison.data, ax=next(axes)).set_title(f"{name}: potential", fontsize=10)
    if 2 in degrees:
        plot_pair_law(fits, data=comparison.data, ax=next(axes)).set_title(f"{name}: pair law", fontsize=10)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=150)
    return path
