"""Scores of a model beside the naive baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.dates import dates_of, has_dates, in_words
from wlmsim.evaluation import Scores
from wlmsim.visual._drawing import with_unit
from wlmsim.visual.plots._style import MODEL, logarithmic, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Muted, and told apart without colour: by line style and marker.
BASELINES = [("#6b7280", "--", "s"), ("#7c93b8", "-.", "^"), ("#8aa17f", ":", "D"), ("#a58aa5", (0, (5, 1)), "v")]


def plot_scores(scores: Scores, ax: Axes | None = None) -> Axes:
    """Plot W1 against time, the model beside the naive baselines.

    The distances are on a logarithmic axis where they span more than a factor of 20.

    Parameters
    ----------
    scores : Scores
        As returned by ``model.evaluate``. A method without any score is left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import wlmsim as wls
    >>> scores = model.evaluate(future, start=past[-1])  # doctest: +SKIP
    >>> wls.visual.plot_scores(scores).figure.savefig("scores.png")  # doctest: +SKIP
    """
    check.instance("scores", scores, Scores)
    ax = new_axes(7.5, 4.0) if ax is None else ax
    model, *baselines = scores.w1
    for k, name in enumerate(baselines):
        color, style, marker = BASELINES[k % len(BASELINES)]
        _plot_score(ax, scores, name, color=color, linestyle=style, marker=marker, linewidth=1.2, markersize=4)
    _plot_score(ax, scores, model, color=MODEL, linewidth=2.6, marker="o", markersize=6, zorder=3)
    values = np.concatenate([np.asarray(w1, dtype=float) for w1 in scores.w1.values()])
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size and positive.max() > 20 * positive.min():
        logarithmic(ax, "y")
    else:
        ax.set_ylim(bottom=0)
    if has_dates(scores):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(maxticks=8)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    else:
        ax.set_xlabel(with_unit("time", scores.time_unit))
    ax.set_ylabel(with_unit("W1 distance", scores.length_unit))
    ax.set_title(_origin(scores))
    tidy(ax)
    handles, labels = ax.get_legend_handles_labels()
    if model in labels:  # the model is drawn last, to be on top, and named first
        handles, labels = [handles[-1], *handles[:-1]], [labels[-1], *labels[:-1]]
    ax.legend(handles, labels, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    return ax


def _plot_score(ax: Axes, scores: Scores, name: str, **look: Any) -> None:
    values = np.asarray(scores.w1[name], dtype=float)
    if np.isfinite(values).any():
        times = dates_of(scores.times, scores) if has_dates(scores) else scores.times
        ax.plot(times, values, label=name, **look)


def _origin(scores: Scores) -> str:
    ends = np.array([scores.origins.min(), scores.origins.max()])
    low, high = in_words(np.append(ends, scores.times), scores)[:2]
    if scores.protocol == "two-sided":
        return "interpolation, each between the marginals around it"
    protocol = {"interpolate": "interpolation"}.get(scores.protocol, scores.protocol)
    if low == high:
        return f"{protocol} from {low}"
    return f"{protocol}, each from the marginal before it, {low} to {high.removeprefix('t = ')}"
