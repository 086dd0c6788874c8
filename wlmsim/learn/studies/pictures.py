"""The pictures of a study's page: small figures of one panel each, which stand under each other on a phone."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim._extent import distance_to_data
from wlmsim.data.dates import in_words
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import DataWarning
from wlmsim.functionals.first_variation import first_variation
from wlmsim.learn.dissipations import LearnableAlignment
from wlmsim.learn.selection.ranking_pictures import explain, plot_ranking
from wlmsim.learn.studies import naive
from wlmsim.learn.studies.fold_fits import predictor
from wlmsim.learn.studies.folds import FORECAST
from wlmsim.learn.studies.ranking import Ranking, is_naive, rankings
from wlmsim.learn.studies.trust import AGREE, Agreement, fits, frictions, potentials, series_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (4.9, 3.9)
"""Of a figure [inch]: its letters can be read across a phone."""
FINE = 48
"""Points along an axis of a map."""
COARSE = 4
"""Every so many of them has an arrow."""
SEEN = 4
"""Marginals that stand beside a forecast, and steps of it."""
MOST = 3
"""Pictures of a kind."""
DOTS = 1500
"""Most points of the data in a map."""


@dataclass(frozen=True)
class Picture:
    """A figure and what it shows."""

    caption: str
    figure: Figure


def of_data(study: Any) -> Iterator[Picture]:
    """What was given."""
    from wlmsim.visual import plot_snapshots

    figure, ax = _panel()
    plot_snapshots(study.data, ax=ax, max_points=6000)
    yield Picture(f"The data{_first_two(study)}, coloured by time.", figure)


def of_rankings(study: Any) -> Iterator[Picture]:
    """What predicts best, fold by fold."""
    for ranking in rankings(study):
        finite = [entry for entry in ranking.entries if math.isfinite(ranking.mean[entry.name])]
        if not finite:
            continue
        figure, ax = _panel(1.8 + 0.3 * len(finite))
        draw_ranking(ranking, ax)
        ax.set_title(ranking.goal, fontsize="medium", pad=16)
        yield Picture("A dot for each fold, the mean with its standard error; grey names need no mechanics.", figure)


def draw_ranking(ranking: Ranking, ax: Axes) -> None:
    """The ways to predict that did not diverge, on a logarithmic axis where they are far apart."""
    from wlmsim.visual.plots._style import logarithmic

    finite = [entry for entry in ranking.entries if math.isfinite(ranking.mean[entry.name])]
    plot_ranking(ranking, ax)
    explain(ax, "grey names: no mechanics")
    for label, entry in zip(ax.get_yticklabels(), finite[::-1], strict=True):
        label.set_color("#6b7280" if is_naive(entry) else "#111827")
    if max(ranking.mean[e.name] for e in finite) > 20 * ranking.mean[finite[0].name] > 0:
        logarithmic(ax, "x")


# --- what was learned


def of_potential(study: Any) -> Iterator[Picture]:
    """The external potential at several times, and along lines through the median with its band."""
    from wlmsim.visual import plot_potential

    if not any(term.degree == 1 for term in study.model.mechanics_.potential.terms):
        return
    for time in moments(study):
        figure, ax = _panel()
        plot_potential(study.model, study.data, time=time, ax=ax)
        others = ", the other coordinates at their mean" if study.data.dim > 2 else ""
        unknown = "it fades" if study.data.dim > 1 else "thin lines are single networks; it is dotted"
        yield Picture(f"Learned potential{others}; {unknown} where there are no data.", figure)
    if len(potentials(study)) > 1:
        for axis in range(min(study.data.dim, 2)):
            figure, ax = _panel(3.2)
            draw_cut(study, axis, ax)
            yield Picture(
                "The potential along a line through the median of the data, and its range over all fits.", figure
            )


def draw_cut(study: Any, axis: int, ax: Axes) -> None:
    """The potential along a coordinate: the mean of the final fit and the range of all networks, over the data."""
    from wlmsim.visual.plots._style import FOOT, MODEL, histogram_at_foot, label_of, tidy

    series = series_of(study)
    points = np.concatenate(series.positions)
    low, high = np.quantile(points[:, axis], [0.01, 0.99])
    x = np.linspace(low, high, 120)
    line = np.tile(np.median(points, axis=0), (len(x), 1))
    line[:, axis] = x
    time = moments(study)[-1]
    source = series[int(np.abs(series.times - time).argmin())]
    curves = np.array([_external(one, line, source, time) for one in potentials(study)])
    curves -= curves.mean(1, keepdims=True)
    final = curves[: study.chosen.members].mean(0)
    ax.plot(x, final, color=MODEL, linewidth=2, label="fitted to all")
    _band(ax, x, curves)
    bottom, top = curves.min(), curves.max()
    ax.set_ylim(bottom - 1.4 * FOOT * (top - bottom), top + 0.05 * (top - bottom))
    histogram_at_foot(ax, *np.histogram(points[:, axis], bins=40, range=(low, high)), "data")
    order = -1 if study.chosen.first_order else -2
    ax.set_xlabel(axis_name(study, axis))
    ax.set_ylabel(label_of("potential", series.units, 2, order))
    tidy(ax)
    ax.legend(frameon=False, fontsize="small")


def axis_name(study: Any, axis: int) -> str:
    """A coordinate with its unit."""
    from wlmsim.visual._drawing import axis_names

    return axis_names([axis], study.data.dim, study.data.units)[0]


def _band(ax: Axes, x: np.ndarray, curves: np.ndarray) -> None:
    """The range of the networks of all fits, where there are several."""
    from wlmsim.visual.plots._style import MODEL

    if len(curves) < 2:
        return
    look: dict[str, Any] = {"color": MODEL, "alpha": 0.2, "linewidth": 0}
    ax.fill_between(x, curves.min(0), curves.max(0), label=f"{len(curves)} networks", **look)


def _external(potential: Any, line: np.ndarray, source: Any, time: float) -> np.ndarray:
    return sum(first_variation(term, line, source, time=time) for term in potential.terms if term.degree == 1)  # type: ignore[return-value]


def of_pair_law(study: Any) -> Iterator[Picture]:
    """The pair law of all fits."""
    from wlmsim.visual import plot_pair_law

    if any(term.degree == 2 for term in study.model.mechanics_.potential.terms):
        figure, ax = _panel()
        plot_pair_law([fit.mechanics_ for fit in fits(study)], data=study.data, ax=ax)
        yield Picture("Learned pair potential: mean and range over the fits to all marginals and to the folds.", figure)


def of_alignment(study: Any) -> Iterator[Picture]:
    """The rate at which particles take over the velocities of others."""
    rates = alignments(study)
    if rates:
        figure, ax = _panel(3.2)
        draw_alignment(study, rates, ax)
        yield Picture("Learned rate of alignment with others at a distance: mean and range over all fits.", figure)


def alignments(study: Any) -> list[LearnableAlignment]:
    """Those of all fits."""
    return [rate for fit in fits(study) for rate in _alignments(fit)]


def draw_alignment(study: Any, rates: list[LearnableAlignment], ax: Axes) -> None:
    """Their mean and range along the distance."""
    from wlmsim.visual.plots._style import MODEL, label_of, tidy

    cutoff = min(rate.cutoff for rate in rates)
    r = np.linspace(0, cutoff, 120)
    curves = np.array([alignment_rate(rate, r) for rate in rates])
    ax.plot(r, curves.mean(0), color=MODEL, linewidth=2, label="mean")
    _band(ax, r, curves)
    ax.axhline(0.0, color="#9ca3af", linewidth=0.8)
    units = study.data.units
    ax.set(xlabel=label_of("distance", units, 1), ylabel=label_of("alignment rate", units, 0, -1), xlim=(0, cutoff))
    tidy(ax)
    ax.legend(frameon=False, fontsize="small")


def _alignments(fit: Any) -> list[LearnableAlignment]:
    dissipation = getattr(fit.mechanics_, "dissipation", None)
    terms = [] if dissipation is None else dissipation.terms
    every = [one for term in terms for one in getattr(term, "dissipations", [term])]
    return [one for one in every if isinstance(one, LearnableAlignment)]


def alignment_rate(term: LearnableAlignment, r: np.ndarray) -> np.ndarray:
    """phi(r) of a learned alignment in the data's units [1 / time]."""
    import torch

    scales = term._known_scales
    with torch.no_grad():
        phi = term.rate(torch.as_tensor(r / scales.length, dtype=torch.float32))
    return term.factor / scales.duration * phi.double().numpy()


def of_friction(study: Any) -> Iterator[Picture]:
    """Friction rates of all networks."""
    from wlmsim.visual.plots._style import GREY, MODEL, label_of, tidy

    rates = frictions(study)
    if len(rates) < 2:
        return
    count = study.chosen.members
    figure, ax = _panel(1.9)
    for row, (values, color) in enumerate([(rates[count:], GREY), (rates[:count], MODEL)]):
        ax.plot(values, np.full(len(values), row), "o", color=color, alpha=0.8)
    ax.set_yticks([0, 1], ["folds", "all data"])
    ax.locator_params(axis="x", nbins=5)
    ax.set(ylim=(-0.6, 1.6), xlabel=label_of("friction", study.data.units, 0, -1))
    tidy(ax)
    yield Picture("Learned friction, a dot for each network.", figure)


# --- how far to believe it


def of_trust(study: Any) -> Iterator[Picture]:
    """Where in space the force is known, and where it is a guess."""
    agreement = Agreement.of(study)
    if len(agreement.potentials) < 2:
        return
    name = "velocity" if study.chosen.first_order else "force"
    for time in moments(study):
        figure, ax = _panel()
        draw_trust(agreement, time, ax, name)
        ax.set_title(in_words([time], study.data, study.data.times)[0], fontsize="medium")
        others = ", the other coordinates at their median" if study.data.dim > 2 else ""
        yield Picture(
            f"Where the {name} is known{others}: arrows where fits agree; hatched, a guess: no data, or fits differ by "
            f"more than {AGREE:.0%}. Dots are data, black those of this time.",
            figure,
        )


def draw_trust(agreement: Agreement, time: float, ax: Axes, name: str) -> None:
    """The force where it is known, on a line or in the plane."""
    draw = _draw_line if agreement.series.dim == 1 else _draw_map
    draw(agreement, time, ax, name)


def _draw_map(agreement: Agreement, time: float, ax: Axes, name: str) -> None:
    from wlmsim.visual._drawing import axis_names
    from wlmsim.visual.plots._style import color_bar

    series = agreement.series
    points = np.concatenate(series.positions)
    low, high = np.quantile(points[:, :2], [0.005, 0.995], axis=0)
    margin = 0.15 * np.where(high > low, high - low, 1.0)
    x, y = (np.linspace(a, b, FINE) for a, b in zip(low - margin, high + margin, strict=True))
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    places = np.tile(np.median(points, axis=0), (len(grid), 1))
    places[:, :2] = grid
    forces = agreement.forces(places, time)
    differ = agreement.disagreement(forces).reshape(FINE, FINE)
    guess = (differ > AGREE) | (distance_to_data(grid, points[:, :2]).reshape(FINE, FINE) > 1)
    shown = ax.pcolormesh(x, y, np.clip(differ, 0, 1), cmap=_pale(), vmin=0, vmax=1, shading="gouraud")
    color_bar(ax, shown, f"disagreement,\nshare of the {name}")
    hatched = ax.contourf(x, y, guess.astype(float), levels=[0.5, 1.5], colors="none", hatches=["////"])
    hatched.set(edgecolor="#6b7280", linewidth=0.0)
    some = points[np.random.default_rng(0).permutation(len(points))[:DOTS]]
    ax.scatter(some[:, 0], some[:, 1], s=4, color="#9ca3af", linewidths=0, alpha=0.6)
    source = agreement.source(time).positions
    ax.scatter(source[:, 0], source[:, 1], s=6, color="#111827", linewidths=0)
    mean = forces.mean(0)[:, :2].reshape(FINE, FINE, 2)
    part = (slice(COARSE // 2, None, COARSE),) * 2
    known = ~guess[part]
    if known.any():
        at = np.stack(np.meshgrid(x, y), -1)[part]
        ax.quiver(*at[known].T, *mean[part][known].T, color="#1d4ed8", width=0.006, angles="xy", pivot="mid")
    ax.set_aspect("equal", adjustable="box")
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    names = axis_names([0, 1], series.dim, series.units)
    ax.set(xlabel=names[0], ylabel=names[1])


def _pale() -> Any:
    """Colours of disagreement, light enough for arrows and dots to be seen on them."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["YlOrRd"](np.linspace(0.0, 0.75, 256)))


def _draw_line(agreement: Agreement, time: float, ax: Axes, name: str) -> None:
    from wlmsim.visual._drawing import axis_names
    from wlmsim.visual.plots._style import MODEL, tidy

    points = np.concatenate(agreement.series.positions)
    low, high = np.quantile(points, [0.005, 0.995])
    x = np.linspace(low - 0.15 * (high - low), high + 0.15 * (high - low), 160)
    forces = agreement.forces(x[:, None], time)
    guess = (agreement.disagreement(forces) > AGREE) | (distance_to_data(x[:, None], points) > 1)
    curves = forces[..., 0]
    ax.fill_between(x, curves.min(0), curves.max(0), color=MODEL, alpha=0.25, linewidth=0)
    ax.plot(x, curves.mean(0), color=MODEL, linewidth=2)
    ax.fill_between(
        x, 0, 1, where=guess.tolist(), transform=ax.get_xaxis_transform(), facecolor="none", edgecolor="#9ca3af",
        hatch="////", linewidth=0,
    )  # fmt: skip
    source = agreement.source(time).positions[:, 0]
    ax.plot(source, np.full(len(source), 0.02), "|", color="#111827", transform=ax.get_xaxis_transform(), alpha=0.5)
    ax.set(xlabel=axis_names([0], 1, agreement.series.units)[0], ylabel=name)
    tidy(ax)


# --- predictions


def of_folds(study: Any) -> Iterator[Picture]:
    """What was left out beside what the best way predicted of it."""
    from wlmsim.visual import plot_forecast

    for ranking in rankings(study):
        for k, name in enumerate(ranking.held()[:MOST]):
            guess, truth = blind(study, ranking, k)
            if guess is not None:
                figure, ax = _panel()
                plot_forecast(guess, truth, ax=[ax])
                asked = "A forecast" if ranking.goal == FORECAST else "Predicted from both sides"
                by = ranking.used.name if ranking.used else ""
                yield Picture(f"{asked} by '{by}', which has not seen {name}, over what was observed.", figure)


def blind(study: Any, ranking: Ranking, k: int) -> tuple[SnapshotSeries | None, SnapshotSeries]:
    """The last held marginal of a fold, as what predicts finds it from what the fold kept, and as it was."""
    known, held = ranking.folds[k].parts[0]
    truth, best = held[[-1]], ranking.used
    guess = None
    if best is not None and is_naive(best):
        ways = naive.forecasts() if ranking.goal == FORECAST else naive.interpolants()
        guess = ways[best.name](known, float(truth.times[0]))
    elif best is not None:
        fit = [f for f, fold in zip(best.fits, study.folds, strict=True) if fold.goal == ranking.goal][k]
        guess = None if fit is None else predictor(fit, ranking.goal)(known, held.times)[-1]
    return (None if guess is None else SnapshotSeries.from_populations([_plain(guess)])), truth


def _plain(cloud: Any) -> Any:
    """Without velocities, which only some predictions have."""
    return type(cloud)(cloud.positions, None, cloud.weights, cloud.time)


def of_future(study: Any) -> Iterator[Picture]:
    """The last marginals beside a forecast as long."""
    from wlmsim.visual import plot_snapshots

    if len(study.data.population_labels) > 1 or FORECAST not in study.goals:
        return
    seen = study.data[list(range(max(len(study.data) - SEEN, 0), len(study.data)))]
    interval = float(np.median(np.diff(study.data.times)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # which the report says
        ahead = study.forecast(study.data.times[-1] + interval * np.arange(1, SEEN))
    both = [SnapshotSeries.from_populations([_plain(c) for c in part], units=seen.units) for part in (seen, ahead)]
    panels = []
    for series, caption in zip(both, ("The last that was observed", "What comes next, forecast"), strict=True):
        figure, ax = _panel()
        plot_snapshots(series, ax=ax, max_points=6000)
        panels.append((ax, Picture(f"{caption}{_first_two(study)}.", figure)))
    limits = [(ax.get_xlim(), ax.get_ylim()) for ax, _ in panels]
    for ax, picture in panels:
        if study.data.dim > 1:
            ax.set_xlim(min(x[0] for x, _ in limits), max(x[1] for x, _ in limits))
        ax.set_ylim(min(y[0] for _, y in limits), max(y[1] for _, y in limits))
        yield picture


# --- common


def _panel(height: float = SIZE[1], width: float = SIZE[0]) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="compressed")
    return figure, figure.subplots()


def _first_two(study: Any) -> str:
    return ", first two coordinates" if study.data.dim > 2 else ""


def moments(study: Any) -> list[float]:
    """Times at which what was learned is drawn: three where it changes, else the middle."""
    times = study.data.times
    terms = study.model.mechanics_.potential.terms
    every = [one for term in terms for one in getattr(term, "functionals", [term])]
    if any(getattr(one, "time_dependent", False) for one in every):
        return [float(times[0]), float(times[len(times) // 2]), float(times[-1])] if len(times) > 2 else times.tolist()
    return [float(times[len(times) // 2])]
