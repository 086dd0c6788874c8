"""Pictures of a comparison: the ranking, and what a candidate learned."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check

if TYPE_CHECKING:
    from matplotlib.axes import Axes


ABOVE = 0.22
"""Rows by which single scores stand above their mean."""
EACH, MEAN = "#6b7280", "#c2410c"


def plot_ranking(comparison: Any, ax: Axes | None = None) -> Axes:
    """See `Comparison.plot`."""
    names = [name for name in comparison.ranking if math.isfinite(comparison.mean[name])][::-1]
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7.0, 1.6 + 0.45 * len(names)), layout="compressed").subplots()
    rows = np.arange(len(names))
    for row, name in zip(rows, names, strict=True):
        values = comparison.w1[name].ravel()
        label = "left out" if row == 0 else None
        ax.plot(values, np.full(values.size, row + ABOVE), "o", color=EACH, markersize=4, linewidth=0, label=label)
    errors = np.nan_to_num([comparison.standard_error(name) for name in names])
    means = [comparison.mean[name] for name in names]
    ax.plot(means, rows, "o", color=MEAN, label="mean \u00b1 error" if errors.any() else "mean")
    ax.errorbar(means, rows, xerr=errors, fmt="none", color=MEAN, capsize=3)
    for name, w1 in comparison._known_baselines()[:1]:
        ax.axvline(w1, color="#6b7280", linestyle="--", linewidth=1.0)
        ax.annotate(name, (w1, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8)
    ax.set_yticks(rows, names)
    ax.set_xlabel(f"W1 on left-out marginals{f' [{comparison.length_unit}]' if comparison.length_unit else ''}")
    ax.set_ylim(-0.6 - max(0.9, 0.3 * len(names)), len(names) - 0.4)  # the legend lies below the rows
    ax.spines[["top", "right"]].set_visible(False)
    explain(ax)
    return ax


def explain(ax: Axes, title: str | None = None) -> None:
    """Say at the foot what the dots are."""
    look: Any = {"columnspacing": 1.0, "handletextpad": 0.3, "borderaxespad": 0.1, "title_fontsize": "small"}
    ax.legend(loc="lower center", ncols=2, frameon=False, fontsize="small", title=title, **look)


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
    figure = Figure(figsize=(5.6 * panels, 4.4), layout="compressed")
    axes = iter(np.atleast_1d(figure.subplots(1, panels)))
    plot_ranking(comparison, next(axes)).set_title(comparison._over(), fontsize=10, pad=18)
    if 1 in degrees:
        plot_potential(fits[0], comparison.data, ax=next(axes)).set_title(f"{name}: potential", fontsize=10)
    if 2 in degrees:
        plot_pair_law(fits, data=comparison.data, ax=next(axes)).set_title(f"{name}: pair law", fontsize=10)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=150)
    return path
