"""Choosing the mechanics: candidate models ranked by how well they predict marginals that they were not fitted to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import ParameterError
from wlmsim.learn.functionals import ExternalPotential
from wlmsim.learn.selection.jobs import Job, marginals_to_leave_out, run_all, seeds_of
from wlmsim.learn.wlm import WLM
from wlmsim.mechanics.flow import GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOLD_APART = 2.0
"""Standard errors by which a candidate must be worse than the best to be told apart from it."""
COLUMNS = ("model", "W1", "worse than best by", "friction", "seconds a fit")


@dataclass(frozen=True)
class Comparison:
    """How well candidate models predict left-out marginals, over seeds; ``print`` it for a table.

    Attributes
    ----------
    models : dict of str to WLM
        The candidates, as given.
    w1 : dict of str to ndarray, shape (S, K)
        1-Wasserstein distance for each seed and left-out marginal [length]; infinite where a fit or a prediction
        diverged. Where individuals were followed and some of them hidden it is the partial one, see `Scores.judged`.
    frictions : dict of str to ndarray, shape (S, K)
        Learned or given friction rates [1 / time]; NaN where a fit diverged.
    seconds : dict of str to float
        Median wall time of a fit [s].
    baselines : dict of str to float
        Mean W1 of the naive baselines over the left-out marginals, NaN where one cannot be had [length].
    times : ndarray, shape (K,)
        Times of the left-out marginals [time].
    seeds : tuple of S int
        Seeds of the fits.
    data : SnapshotSeries
        The marginals that were fitted and left out.
    mechanics : dict of str to list of Lagrangian or GradientFlow
        What each candidate learned, of all seeds and left-out marginals but where a fit diverged.
    two_sided : bool
        Whether predictions are from the marginals on both sides.
    """

    models: dict[str, WLM]
    w1: dict[str, np.ndarray]
    frictions: dict[str, np.ndarray]
    seconds: dict[str, float]
    baselines: dict[str, float]
    times: np.ndarray
    seeds: tuple[int, ...]
    data: SnapshotSeries
    mechanics: dict[str, list[Lagrangian | GradientFlow]] = field(default_factory=dict)
    two_sided: bool = False

    @property
    def length_unit(self) -> str:
        """Name of the unit of length."""
        return self.data.units.get("length", "")

    @property
    def mean(self) -> dict[str, float]:
        """Mean W1 of each candidate [length], infinite if it ever diverged."""
        return {name: float(values.mean()) for name, values in self.w1.items()}

    @property
    def ranking(self) -> list[str]:
        """Names of the candidates, the best first."""
        return sorted(self.mean, key=self.mean.__getitem__)

    @property
    def best_(self) -> str:
        """Name of the candidate with the least mean W1."""
        return self.ranking[0]

    @property
    def best_model_(self) -> WLM:
        """The best candidate, to be fitted to all marginals."""
        return self.models[self.best_]

    def standard_error(self, name: str, than: str | None = None) -> float:
        """Standard error of a candidate's mean W1, or of its difference from that of another; NaN where one diverged.

        The difference is paired: of both on the same marginal with the same seed, so that what makes a marginal hard
        for all does not count. One pair has no standard error: NaN.

        Parameters
        ----------
        name : str
            The candidate.
        than : str, optional
            The other one. Default: no difference is taken.

        Returns
        -------
        float
            [length].
        """
        if than is not None and not math.isfinite(self.mean[name] + self.mean[than]):
            return math.nan
        values = self.w1[name] if than is None else self.w1[name] - self.w1[than]
        if values.size < 2 or not np.isfinite(values).all():
            return math.nan
        return float(values.std(ddof=1) / math.sqrt(values.size))

    @property
    def undecided(self) -> list[str]:
        """The candidates, beside the best, that are worse than it by no more than two standard errors."""
        best, mean = self.best_, self.mean
        return [
            name
            for name in self.ranking[1:]
            if math.isfinite(mean[name])
            and not mean[name] - mean[best] > TOLD_APART * self.standard_error(name, than=best)
        ]

    def table(self) -> Any:
        """A rich table: the candidates from the best to the worst, then the naive baselines."""
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=escape(self._title()))
        table.add_column(COLUMNS[0])
        for column in COLUMNS[1:]:
            table.add_column(column, justify="right")
        for k, (name, *cells) in enumerate(self._rows()):
            bold = f"[bold]{escape(name)}[/bold]" if k == 0 else escape(name)
            table.add_row(bold, *map(escape, cells), end_section=k == len(self.models) - 1)
        return table

    def _repr_html_(self) -> str:
        from wlmsim import _html

        (best, *cells), *others = self._rows()
        rows = [[_html.Markup(f"<b>{_html.text(best)}</b>"), *cells], *others]
        return _html.grid(self._title(), COLUMNS, rows, "The best is bold; baselines stand last.")

    def _title(self) -> str:
        unit = f" [{self.length_unit}]" if self.length_unit else ""
        return f"W1{unit} on left-out marginals, {self._over()}"

    def _rows(self) -> list[list[str]]:
        """Candidates, the best first, then baselines."""
        rows = [
            [name, self._w1(name), self._difference(name), self._friction(name), f"{self.seconds[name]:.0f}"]
            for name in self.ranking
        ]
        return rows + [[name, self._number(w1), "", "", ""] for name, w1 in self._known_baselines()]

    def _known_baselines(self) -> list[tuple[str, float]]:
        return sorted(((n, w1) for n, w1 in self.baselines.items() if math.isfinite(w1)), key=lambda item: item[1])

    def _over(self) -> str:
        over = f"mean over {_count(len(self.seeds), 'seed')} and {_count(len(self.times), 'marginal')}"
        return f"predicted from both sides, {over}" if self.two_sided else over

    def _w1(self, name: str) -> str:
        mean, error = self.mean[name], self.standard_error(name)
        if not math.isfinite(mean):
            return "diverged"
        return self._with_error(mean, error)

    def _difference(self, name: str) -> str:
        difference = self.mean[name] - self.mean[self.best_]
        if name == self.best_ or not math.isfinite(difference):
            return ""
        error = self.standard_error(name, than=self.best_)
        return self._with_error(difference, error)

    def _with_error(self, value: float, error: float) -> str:
        return self._number(value) + ("" if math.isnan(error) else f" +- {self._number(error)}")

    def _number(self, value: float) -> str:
        """A distance with so many decimals that the least mean has three digits, at least four."""
        least = self.mean[self.best_]
        decimals = 2 - math.floor(math.log10(least)) if 0 < least < math.inf else 4
        return f"{value:.{min(max(decimals, 4), 9)}f}"

    def _friction(self, name: str) -> str:
        values = self.frictions[name][~np.isnan(self.frictions[name])]
        if not values.size:
            return "-"
        if np.isinf(values).any():
            return "infinite"
        spread = "" if np.ptp(values) == 0 else f" ({values.min():.3g} to {values.max():.3g})"
        return f"{values.mean():.3g}{spread}"

    def report(self) -> str:
        """Say in words which mechanics predict best, with which terms and damping, and how sure that is."""
        best, rivals = self.best_, self.undecided
        if not math.isfinite(self.mean[best]):
            return "Every candidate diverged."
        model = self.models[best]
        potential = ExternalPotential() if model.potential is None else model.potential
        terms = [repr(term) for term in potential.terms]
        terms += [] if model.dissipation is None else [repr(term) for term in model.dissipation.terms]
        lines = [
            f"Of {_count(len(self.models), 'candidate')}, {best!r} predicts the left-out marginals best: "
            f"W1 {self._w1(best)}, {self._over()}.",
            "Its terms: " + ", ".join(terms) + ".",
            f"Its friction: {self._friction(best)}" + (", learned." if model.friction == "learn" else ", given."),
        ]
        if rivals:
            about = ", ".join(f"{name!r} (+{self._difference(name)})" for name in rivals)
            lines.append(f"Not to be told apart from it by these fits: {about}.")
        worse = [name for name in self.ranking[1:] if name not in rivals]
        if worse:
            about = ", ".join(
                f"{name!r} (+{self._difference(name)})" if math.isfinite(self.mean[name]) else f"{name!r} (diverged)"
                for name in worse
            )
            lines.append(f"Worse: {about}.")
        known = self._known_baselines()
        if known:
            name, w1 = known[0]
            verb = "beats" if self.mean[best] < w1 else "does not beat"
            lines.append(f"It {verb} the best naive baseline, {name}, W1 {self._number(w1)}.")
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the ranking: mean W1 with its standard error, a dot for each fit, and the best naive baseline.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw. Default: a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from wlmsim.learn.selection.ranking_pictures import plot_ranking

        return plot_ranking(self, ax)

    def draw(self, path: str | Path, name: str | None = None) -> Path:
        """Draw the ranking and, of the terms of one candidate, the external potential and the pair law.

        The potential is that of the first seed; the pair law is the mean over all fits, its band their range.

        Parameters
        ----------
        path : path
            Picture to write: .png, .pdf or .svg.
        name : str, optional
            The candidate. Default: the best.

        Returns
        -------
        Path

        Raises
        ------
        ParameterError
            If there is no such candidate, or `path` ends otherwise.
        """
        from wlmsim.learn.selection.ranking_pictures import draw_ranking

        return draw_ranking(self, path, name)

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(width=110)
        with console.capture() as capture:
            console.print(self.table())
        return capture.get().rstrip()


def compare(
    models: Mapping[str, WLM] | Sequence[WLM],
    data: SnapshotSeries,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    validation: Any = "last",
    two_sided: bool = False,
    processes: int | None = None,
    client: Any = None,
    progress: bool = True,
) -> Comparison:
    """Rank candidate models by their predictions of marginals that are left out of the fit.

    Every candidate is fitted with every seed to the data without one marginal, and predicts it from the marginal before
    it, or from the first where later velocities are unknown, or from those on both sides. Give the marginals that you
    would fit, and keep those that you will test on to yourself: what chose the model is no test of it.

    Parameters
    ----------
    models : mapping of str to WLM, or sequence of WLM
        The candidates by name; those of a sequence are named by their differences from the default model.
    data : SnapshotSeries
        At least three marginals.
    seeds : sequence of int
        Seeds of the fits. Default (0, 1, 2).
    validation : "last", "between", "each", int or sequence of int
        The marginals that are left out, one at a time: the last one, which asks for a forecast; those between the first
        and the last; all but the first; or those of the indices given. Default "last".
    two_sided : bool
        Whether to predict each from the marginals on both sides of it, as `WLM.interpolate` does; the last one then
        cannot be left out. Default False.
    processes : int, optional
        Number of processes that fit at the same time, with one thread each. Default: as many as there are cores, where
        that saves time.
    client : dask.distributed.Client, Cluster or str, optional
        Whose workers do the fits, one each at a time: a client, a cluster, or the address of a scheduler. Default: the
        processes of this machine.
    progress : bool
        Whether to show how many fits are done and the time left. Default True.

    Returns
    -------
    Comparison

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> spring = wls.systems.HarmonicOscillator(n=40, velocity_width=1.0, seed=0)
    >>> data = spring.exact(np.linspace(0, 2, 5)).snapshots(seed=0)
    >>> quick = {"optimiser": wls.learn.AdamW(steps=20), "members": 1, "progress": False}
    >>> models = {"free": wls.learn.WLM(**quick), "rigid": wls.learn.WLM(friction=50.0, **quick)}
    >>> wls.learn.compare(models, data, seeds=[0]).best_
    'free'
    """
    named = _named(models)
    check.instance("data", data, SnapshotSeries)
    left_out = marginals_to_leave_out("validation", validation, data, two_sided=two_sided)
    seeds = seeds_of(seeds)
    jobs = [Job(model, data, k, seed, two_sided) for model in named.values() for seed in seeds for k in left_out]
    outcomes = np.array(run_all(jobs, processes, client=client, progress=progress), dtype=object).reshape(
        len(named), len(seeds), len(left_out)
    )

    def gathered(attribute: str) -> dict[str, np.ndarray]:
        return {
            name: np.array([[getattr(outcome, attribute) for outcome in row] for row in rows], dtype=float)
            for name, rows in zip(named, outcomes, strict=True)
        }

    scored = {k: s for s, k in ((o.scores, j.left_out) for o, j in zip(outcomes.flat, jobs, strict=True)) if s}
    baselines = {name for scores in scored.values() for name in list(scores.w1)[1:]}
    return Comparison(
        named,
        gathered("w1"),
        gathered("friction"),
        {name: float(np.median(values)) for name, values in gathered("seconds").items()},
        {
            name: float(np.mean([scored[k].judged.get(name, np.nan) if k in scored else np.nan for k in left_out]))
            for name in sorted(baselines)
        },
        data.times[left_out],
        tuple(seeds),
        data,
        {
            name: [outcome.mechanics for outcome in rows.flat if outcome.mechanics is not None]
            for name, rows in zip(named, outcomes, strict=True)
        },
        two_sided,
    )


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _named(models: Any) -> dict[str, WLM]:
    check.sequence("models", models, "a mapping of names to WLM, or a sequence of WLM")
    named = dict(models) if isinstance(models, Mapping) else {repr(model): model for model in models}
    if not named or len(named) < len(models):
        raise ParameterError(f"`models` must be at least one WLM, each another; got {models!r}")
    for model in named.values():
        check.instance("models", model, WLM)
    return named
