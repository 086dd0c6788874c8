"""Numbers that change: energies along a simulation, loss and friction along a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import NotFittedError
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.visual.plots._style import COLORS, GREY, MODEL, PALE_GREY, TRUTH, label_of, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_energy(trajectory: Trajectory, ax: Axes | None = None) -> Axes:
    """Plot kinetic, potential and total energy along a simulation.

    The title says how much the total changed at most, relative to the largest of the three: the error of the scheme
    where energy is conserved, what was lost where it is not. Of a flow there is the total only, which
    it conserves or lowers.

    Parameters
    ----------
    trajectory : Trajectory
        One that knows its mechanics, as those of `wlmsim.simulate` do.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If the mechanics are unknown, as after `Trajectory.load`.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> spring = wls.systems.HarmonicOscillator(n=10, seed=0).simulate(np.linspace(0, 5, 20), dt=0.01)
    >>> ax = wls.visual.plot_energy(spring)
    >>> [line.get_label() for line in ax.lines]
    ['total', 'kinetic', 'potential']
    """
    check.instance("trajectory", trajectory, Trajectory)
    total = trajectory.energy()
    parts: dict[str, np.ndarray] = {}
    if isinstance(trajectory.mechanics, Lagrangian):
        parts = {"kinetic": trajectory.kinetic_energy(), "potential": trajectory.potential_energy()}
    ax = new_axes(7.0, 4.0) if ax is None else ax
    ax.plot(trajectory.times, total, color=TRUTH, linewidth=2.4, label="total")
    for (name, values), color in zip(parts.items(), COLORS, strict=False):
        ax.plot(trajectory.times, values, color=color, linewidth=1.6, label=name)
    scale = max(np.abs(values).max() for values in [total, *parts.values()])
    if scale > 0:
        change = total - total[0]
        most = change[np.abs(change).argmax()] / scale
        ax.set_title(f"relative change of the total energy: {most:.1e}", fontsize="medium")
    ax.set_xlabel(label_of("time", trajectory.units, time=1))
    ax.set_ylabel(label_of("energy", trajectory.units, 2, -2))
    tidy(ax)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax


def plot_training(model: Any, ax: Axes | None = None) -> Axes:
    """Plot the loss along the training of a model, and its scores on the validation marginal.

    The faint line is the loss of each step, on batches and horizons drawn at random; the heavy one its running median.

    Parameters
    ----------
    model : WLM
        Fitted.
    ax : matplotlib.axes.Axes, optional
        Where to draw; the scores get an axis of their own on its right. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    NotFittedError
        If the model is not fitted, or was loaded from a file without its course.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.visual.plot_training(model).figure.savefig("training.png")  # doctest: +SKIP
    """
    losses = _course(model, "losses_")
    steps = np.arange(1, len(losses) + 1)
    ax = new_axes(7.0, 4.0) if ax is None else ax
    ax.plot(steps, losses, color=PALE_GREY, linewidth=0.8, label="loss of a step")
    ax.plot(steps, _running_median(losses), color=TRUTH, linewidth=2.0, label="running median")
    if (losses > 0).all():
        ax.set_yscale("log")
    ax.set(xlabel="training step", ylabel="loss")
    tidy(ax)
    for step in model.recoveries_:
        ax.axvline(step, color=GREY, linestyle=":", label="recovery" if step == model.recoveries_[0] else None)
    handles, labels = ax.get_legend_handles_labels()
    if model.validation_:
        right = ax.twinx()
        at, scores = np.array(model.validation_, dtype=float).T
        (line,) = right.plot(at, scores, color=MODEL, marker="o", markersize=4, linewidth=1.4)
        right.set_ylabel(label_of("W1 on the validation marginal", _units(model), 1), color=MODEL)
        right.set_ylim(bottom=0.0)
        right.spines["top"].set_visible(False)
        ax.axvline(model.best_step_, color=MODEL, linewidth=0.9, linestyle="--")
        handles, labels = [*handles, line], [*labels, f"validation, best at step {model.best_step_}"]
    ax.legend(handles, labels, frameon=False)
    return ax


def plot_friction(model: Any, truth: float | None = None, ax: Axes | None = None) -> Axes:
    """Plot the friction rate along the training of a model.

    Parameters
    ----------
    model : WLM
        Fitted, with friction learned or given.
    truth : float, optional
        The rate that generated the data, where it is known [1 / time].
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    NotFittedError
        If the model is not fitted, or was loaded from a file without its course.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.visual.plot_friction(model, truth=0.1).figure.savefig("friction.png")  # doctest: +SKIP
    """
    rates = _course(model, "frictions_")
    ax = new_axes(7.0, 3.6) if ax is None else ax
    ax.plot(np.arange(1, len(rates) + 1), rates, color=MODEL, linewidth=2.0, label="along the training")
    ax.axhline(model.friction_, color=MODEL, linewidth=0.9, linestyle="--", label=f"result, {model.friction_:.3g}")
    if truth is not None:
        ax.axhline(check.nonnegative("truth", truth), color=TRUTH, linestyle=":", label=f"truth, {truth:.3g}")
    ax.set(xlabel="training step", ylabel=label_of("friction rate", _units(model), time=-1))
    ax.set_ylim(bottom=-0.04 * ax.get_ylim()[1])
    tidy(ax)
    ax.legend(frameon=False)
    return ax


def _course(model: Any, name: str) -> np.ndarray:
    values = np.asarray(getattr(model, name), dtype=float)
    if not values.size:
        raise NotFittedError(f"this WLM has no `{name}`: its file does not hold the course of its training")
    return values


def _units(model: Any) -> dict[str, str]:
    """Units of the data that the model was fitted to, if they are known."""
    units: dict[str, str] = getattr(getattr(model, "data_", None), "units", {})
    return units


def _running_median(values: np.ndarray) -> np.ndarray:
    """Median over a window of a twentieth of the steps, shorter at the ends."""
    half = max(1, len(values) // 40)
    return np.array([np.median(values[max(0, k - half) : k + half + 1]) for k in range(len(values))])
