"""From data to chosen mechanics in one call."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim._deadline import OutOfTimeError, enough_by, until
from wlmsim._warning import warn
from wlmsim.citing import citation
from wlmsim.data.dates import asked
from wlmsim.data.population import Population
from wlmsim.data.projection import check_same_place, located
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.tracks import Tracks
from wlmsim.data.trajectory import Trajectory
from wlmsim.data.units import check_alike
from wlmsim.errors import DataWarning, ParameterError, SimulationError
from wlmsim.evaluation import Scores, mean_scores, score_forecast, score_interpolation
from wlmsim.learn.cells.reading import as_series
from wlmsim.learn.group import Group
from wlmsim.learn.studies import naive
from wlmsim.learn.studies.clock import Clock, seconds_of
from wlmsim.learn.studies.folds import FORECAST, GOALS, INTERPOLATE, Fold
from wlmsim.learn.studies.looking import CLEAR, OTHER_UNIT, Seen, look
from wlmsim.learn.studies.menu import menu
from wlmsim.learn.studies.progress import StudyBar
from wlmsim.learn.studies.ranking import is_naive
from wlmsim.learn.studies.search import FEWEST, MANY_STEPS, Entry, Search, affordable, matched, plain, quick
from wlmsim.learn.training.fitting import rolled_steps
from wlmsim.learn.wlm import WLM
from wlmsim.parallel.cluster import workers

if TYPE_CHECKING:
    import anndata

FARTHER = 2.0
"""How many times the longest tested horizon forecasts may go without a word."""
BESIDE_MATCHING, ALONE = 0.6, 0.85
"""Shares of the time left that the last fit has for rollouts, after matching and without."""
GRACE = 1.25
"""Share of the budget after which the last fit is given up, if one to a fold can take its place."""
LONGER = 3
"""The last fit takes at most so many times the steps that did best on the folds, whose fits were short of time."""


@dataclass
class Study:
    """What a study found; ``print`` it for a report, `report` writes it as a page.

    Attributes
    ----------
    data : SnapshotSeries
        The marginals, velocities in the unit of time of the data.
    seen : Seen
        What they show.
    entries : list of Entry
        All ways to predict that were tried, with their W1 on each fold.
    untried : list of str
        Candidates for which time did not suffice.
    goals : tuple of str
        What is to be predicted, "forecast" and "interpolate".
    winners : dict of str to str
        For each goal the name of the entry that predicts.
    chosen : WLM
        The learned mechanics that did best, unfitted: ``print(study.chosen)`` is the expression that repeats it.
    model : WLM
        The same, fitted to all marginals.
    seconds : float
        Wall time of it all.
    folds : list of Fold
        What was left out in turn to score the entries.
    learned : str
        Name of the entry whose mechanics was fitted to all marginals; empty where no fold could tell.
    late : bool
        Whether the mechanics that came before it were not fitted to all marginals for lack of time.
    names : tuple of str
        Who is in the last marginal, of tracks.
    compiling : float
        Wall time that went to compiling loops, which are kept for the next one.
    """

    data: SnapshotSeries
    seen: Seen
    entries: list[Entry]
    untried: list[str]
    goals: tuple[str, ...]
    winners: dict[str, str]
    chosen: WLM
    model: WLM
    seconds: float = 0.0
    budget: float = 0.0
    interrupted: bool = False
    velocity_factor: float = 1.0
    folds: list[Fold] = field(default_factory=list, repr=False)
    learned: str = ""
    late: bool = False
    names: tuple[str, ...] = field(default=(), repr=False)
    compiling: float = 0.0

    # --- prediction

    def forecast(
        self, times: Any, start: Population | SnapshotSeries | Tracks | None = None
    ) -> SnapshotSeries | Trajectory:
        """Predict later marginals, by what did best at that on the folds.

        Parameters
        ----------
        times : array_like
            Increasing, none before the start [time]; or dates, also as text.
        start : Population, SnapshotSeries or Tracks, optional
            From where: of several marginals the last, those before it being known too. Default: the last marginal; of
            several populations, give it.

        Returns
        -------
        SnapshotSeries or Trajectory
            Of tracks, or from a start that is some, a trajectory with the names of those who are seen at the last time.

        Raises
        ------
        ParameterError
            If the start is not like the data, has no velocities where they are needed, or the times come before it.

        Warns
        -----
        DataWarning
            If the times are much farther ahead than any on the folds, or what did best cannot go on from this start, so
            that the learned mechanics predicts.
        """
        times = check.times("times", asked("times", times, self.data))
        self._warn_of_horizon(times)
        if start is None and len(self.data.population_labels) > 1:
            raise ParameterError(
                "`start` must be given where the data have several populations, each with its last time"
            )
        names: tuple[str, ...] = self.names if start is None else ()
        if isinstance(start, Tracks):
            moving = start.moving()
            start, names = moving.snapshots(), moving.last()[1]
        known = self.data if start is None else self._known_at(start, times)
        if (name := self.winners.get(FORECAST)) in naive.forecasts():
            guess = self._naively(name, known, times)
            if guess is not None:
                return self._named(guess, names)
            warn(
                f"{name} did best on the folds, but cannot go on from `start`, of which it would have to know more: "
                "the learned mechanics predicts instead",
                DataWarning,
            )
        path: Trajectory = self.model.forecast(self.data[-1] if start is None else known[[-1]], times)
        return self._named(self._series(list(path)), names)

    def interpolate(self, times: Any) -> SnapshotSeries:
        """Predict marginals between the known ones from both sides, by what did best at that on the folds.

        Parameters
        ----------
        times : array_like
            Increasing, between the first and the last marginal [time].

        Returns
        -------
        SnapshotSeries
        """
        times = check.times("times", asked("times", times, self.data))
        if (name := self.winners.get(INTERPOLATE)) in naive.interpolants():
            predict = naive.interpolants()[name]
            return self._series([_had(name, predict(self.data, float(t))) for t in times])
        return self.model.interpolate(times, data=self.data, two_sided=True)

    def score(self, held_out: SnapshotSeries | Tracks | Trajectory) -> Scores:
        """W1 of predictions of marginals that the study has not seen, beside the naive baselines.

        Those after the last known marginal are forecast from it, those between known ones predicted from both sides.

        Parameters
        ----------
        held_out : SnapshotSeries, Tracks or Trajectory
            All after the last known marginal, or all between. Those at known times are left out with a warning.

        Returns
        -------
        Scores

        Raises
        ------
        ParameterError
            If they have other dimensions, units or another projection than the data of the study, if all are at known
            times, or if some lie after the last known one and others before it.
        """
        held_out = held_out.snapshots() if isinstance(held_out, (Tracks, Trajectory)) else held_out
        check.instance("held_out", held_out, SnapshotSeries)
        if held_out.dim != self.data.dim:
            raise check.fail("held_out", f"of {self.data.dim} dimensions, as the data of the study are", held_out)
        check_alike("held_out", held_out.units, self.data.units, "the study")
        check_same_place("held_out", held_out, self.data.metadata, "the study")
        seen = _times.among(held_out.times, self.data.times)
        if seen.all():
            raise ParameterError("`held_out` must hold marginals that the study has not seen; all of these were fitted")
        if seen.any():
            warn(
                f"left out {int(seen.sum())} of {len(held_out)} marginals, which the study has seen, from the scores",
                DataWarning,
            )
            held_out = held_out[np.flatnonzero(~seen).tolist()]
        beyond = held_out.times > self.data.times[-1]
        if beyond.any() and not beyond.all():
            raise ParameterError("`held_out` must lie after the last known marginal, or between known ones, not both")
        name = self.winners.get(FORECAST if beyond.all() else INTERPOLATE, "study")
        if not beyond.any():
            predicted = list(self.interpolate(held_out.times))
            return score_interpolation(predicted, held_out, self.data, model=f"study: {name}")
        parts = []
        for label in held_out.population_labels:
            truth, known = held_out.population(label), self.data.population(label)
            guess = list(self.model.forecast(known[-1], truth.times)) if self.predicts_by_mechanics(FORECAST) else None
            guess = guess or [_had(name, naive.forecasts()[name](known, float(t))) for t in truth.times]
            parts.append(score_forecast(guess, truth, known[-1], model=f"study: {name}"))
        return mean_scores(parts)

    def predicts_by_mechanics(self, goal: str) -> bool:
        """Whether the learned mechanics predicts, and not what needs none.

        Parameters
        ----------
        goal : {"forecast", "interpolate"}
            What is to be predicted.

        Returns
        -------
        bool
        """
        name = self.winners.get(goal)
        return not any(is_naive(entry) for entry in self.entries if entry.name == name)

    def _known_at(self, start: Population | SnapshotSeries, times: np.ndarray) -> SnapshotSeries:
        """A start, with what came before it if that is given; refused as by the learned mechanics."""
        before = start if isinstance(start, SnapshotSeries) else None
        self._warn_of_unit(start[-1] if isinstance(start, SnapshotSeries) else start)
        last = self.model._predictor().starting(start if before is None else before[[-1]], times)
        return last if before is None else before

    def _naively(self, name: str, known: SnapshotSeries, times: np.ndarray) -> SnapshotSeries | None:
        """Each population by itself, in a naive way; None where it would have to know more."""
        predict, parts = naive.forecasts()[name], {}
        for label in known.population_labels:
            clouds = [predict(known.population(label), float(t)) for t in times]
            if None in clouds:
                return None
            parts[label] = self._series([_had(name, cloud) for cloud in clouds])
        return parts[label] if known.labels is None else SnapshotSeries.of_several(parts)

    def _warn_of_unit(self, start: Population) -> None:
        """Say that velocities of a start seem to be in the unit of the data before theirs were multiplied."""
        known = [v for v in self.data.velocities if v is not None]
        if self.velocity_factor == 1 or start.velocities is None or not known:
            return
        pace = _typical(start.velocities) / max(_typical(np.concatenate(known)), 1e-300)
        if pace > 0 and abs(math.log(pace * self.velocity_factor)) < abs(math.log(pace)):
            warn(
                f"velocities of `start` are {pace:.2g} of those that were studied, which were multiplied by "
                f"{self.velocity_factor:.4g}, as these may have to be; without `start` the study goes on from "
                "its own data",
                DataWarning,
            )

    def _warn_of_horizon(self, times: np.ndarray) -> None:
        """Say that forecasts go much farther than any was tested."""
        tested = [
            float(held.times[-1] - known.times[-1]) for f in self.folds if f.goal == FORECAST for known, held in f.parts
        ]
        last = float(self.data.times[-1])
        if tested and times[-1] - last > FARTHER * max(tested):
            warn(
                f"forecasts were tested up to {max(tested):.3g} ahead of the last known marginal, and these go "
                f"{times[-1] - last:.3g} ahead: they may run away",
                DataWarning,
            )

    def _series(self, clouds: Sequence[Population]) -> SnapshotSeries:
        return SnapshotSeries.from_populations(clouds, units=self.data.units, metadata=located(self.data))

    def _named(self, series: SnapshotSeries, names: tuple[str, ...]) -> SnapshotSeries | Trajectory:
        """A forecast whose rows are individuals with names, as their paths; else as it is."""
        if set(series.sizes) != {len(names)}:
            return series
        v = None if any(v is None for v in series.velocities) else np.stack(series.velocities)  # type: ignore[arg-type]
        about: dict[str, Any] = {"metadata": series.metadata, "units": series.units}
        return Trajectory(series.times, np.stack(series.positions), v, series.weights[0], ids=names, **about)

    # --- telling

    def __str__(self) -> str:
        from wlmsim.learn.studies.report import text

        return text(self)

    def _repr_html_(self) -> str:
        from wlmsim.learn.studies.report import summary_html

        return summary_html(self)

    def report(self, path: str | Path) -> Path:
        """Write the report as one self-contained HTML page.

        Parameters
        ----------
        path : path
            Where to write; ends in .html.

        Returns
        -------
        Path
        """
        from wlmsim.learn.studies.page import write_page

        return write_page(self, path)

    def figure(self, path: str | Path | None = None) -> Any:
        """Draw what was found on one page that a paper can print.

        Panels with letters show the data, the learned force with its certainty, each learned law with its band over all
        fits and the data that determine it, and for each goal a blind prediction and the scores of all ways, naive ones
        too. It is two columns wide (183 mm), with letters of 7 points.

        Parameters
        ----------
        path : path, optional
            Where to write it, wholly or not at all; ends in .pdf, .svg, .eps or .png. Default: nowhere.

        Returns
        -------
        matplotlib.figure.Figure or Path
            The figure; the path, if one is given.

        Examples
        --------
        >>> found.figure("found.pdf")  # doctest: +SKIP
        """
        from wlmsim.learn.studies.figure import figure, write_figure

        return figure(self) if path is None else write_figure(self, path)

    def save(self, folder: str | Path) -> Path:
        """Write the study into a folder: data, model, report, its figure and the scores.

        The files are study.model, data.h5, report.html, figure.pdf, study.json, and the fits to the folds, of which the
        report draws bands, as fold-1.model, ...; `load` reads them.

        Parameters
        ----------
        folder : path
            Made if it is missing.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        OSError
            If it cannot be written, or holds a data.h5 or study.model that is of no study. A study in it is replaced.
        """
        from wlmsim.learn.studies.saving import save_study

        return save_study(self, folder)

    @classmethod
    def load(cls, folder: str | Path) -> Study:
        """Read a study that `save` wrote: it predicts, scores and reports as before.

        Candidates other than the one that was chosen are known by name, scores and expression alone.

        Parameters
        ----------
        folder : path
            Where it was saved.

        Returns
        -------
        Study

        Raises
        ------
        FileNotFoundError
            If the folder or one of its files is not there.
        FileFormatError
            If it is no folder of a study, or one of its files is not the one that was written with the others.
        """
        from wlmsim.learn.studies.saving import load_study

        return load_study(cls, folder)

    def citation(self) -> str:
        """BibTeX of what was used, see `WLM.citation`."""
        return citation(self.model)


def study(
    data: SnapshotSeries | Tracks | anndata.AnnData,
    budget: str | float = "1 min",
    *,
    goal: str = "both",
    candidates: Mapping[str, WLM] | None = None,
    agents: Sequence[Trajectory] = (),
    seed: int = 0,
    client: Any = None,
    progress: bool = True,
    **columns: Any,
) -> Study:
    """Find the mechanics that predicts a population best, say how sure that is, and predict with it.

    It looks at the data, chooses candidates that suit them, scores all by predictions of marginals that are left out
    in turn, first by matching and the best of them by rollouts, beside the naive baselines and smooth interpolants,
    and fits the best mechanics to all marginals. Give the marginals that you would fit, and keep those that you will
    test on to yourself.

    Parameters
    ----------
    data : SnapshotSeries, Tracks or AnnData
        At least two marginals. Of single cells the first ten principal components are taken, see
        `wlmsim.learn.cells.series_of`.
    budget : str or float
        Time that it may take, such as "1 min" or "90 s"; a number is in seconds. Default "1 min".
    goal : {"both", "forecast", "interpolate"}
        What predictions are wanted for: later marginals, marginals between the known ones, or both, each by what does
        best at it. Default "both".
    candidates : mapping of str to WLM, optional
        What is tried, beside what needs no mechanics, the most likely first. Default: by what the data show.
    agents : sequence of Trajectory
        Agents with known paths that drive the population, such as a dog. Default: none.
    seed : int
        Of everything random. Default 0.
    client : dask.distributed.Client, Cluster or str, optional
        Whose workers do the fits, one each at a time: a client, a cluster, or the address of a scheduler. Default: the
        processes of this machine. The clocks of the machines should agree within a second.
    progress : bool
        Whether to show what is being done and the time left. Default True.
    **columns
        Of an AnnData object: where it has times, positions and more, as in `SnapshotSeries.from_anndata`.

    Returns
    -------
    Study

    Raises
    ------
    ParameterError
        If an argument is not as described.
    SimulationError
        If no mechanics can be fitted.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> data = wls.systems.VortexDrifters(n=30, seed=0).exact(np.linspace(0, 1, 5)).snapshots(seed=0)
    >>> found = wls.learn.study(data, budget="5 s", progress=False)
    >>> len(found.forecast([1.25, 1.5]))
    2
    """
    from wlmsim.kernels.compiling import seconds_compiled

    followed = data.moving() if isinstance(data, Tracks) else None
    data = as_series("data", data if followed is None else followed, columns)
    if len(data) < 2:
        raise ParameterError(f"`data` must hold at least 2 marginals; got {len(data)}")
    agents = [check.instance("agents", one, Trajectory) for one in check.sequence("agents", agents, "trajectories")]
    check.choice("goal", goal, ("both", *GOALS))
    if Group.current().size > 1:
        raise ParameterError(
            "`study` is a matter of time, which each process of a group measures for itself: run it in one process, "
            "with `client` for others, and fit what it found in the group"
        )
    given: Any = candidates
    if given is not None and not (isinstance(given, Mapping) and given):
        raise check.fail("candidates", "models by name, as {'spring': WLM(...)}, at least one", candidates)
    for model in given.values() if given is not None else ():
        check.instance("candidates", model, WLM)
    if client is not None:
        workers(client)  # which says if there are none, before the work begins
    clock, compiled = Clock(seconds_of(budget)), seconds_compiled()
    goals = GOALS if goal == "both" else (goal,)
    with StudyBar(clock, shown=progress) as bar:
        bar("looking at the data")
        seen = look(data)
        data, factor = _in_one_unit(data, seen)
        tried = dict(candidates) if candidates is not None else menu(data, seen, agents)
        search = Search(data, tried, goals, clock, seed, bar, client=client)
        search.run()
        bar("the best mechanics, fitted to all marginals")
        ranked = _by_merit(search, tried)
        of_a_fold = _fitted_to_a_fold(search, ranked)
        left = Clock(0.0) if search.interrupted else clock
        try:
            with enough_by(clock.end(1.0)), until(clock.end(GRACE) if of_a_fold else math.inf):
                learned, final, model, late = _fitted(ranked, data, left, seed, client)
        except (KeyboardInterrupt, OutOfTimeError) as stop:
            if of_a_fold is None:
                raise
            (learned, final, model), late = of_a_fold, isinstance(stop, OutOfTimeError)
            model.data_ = data  # predictions are among all marginals, as are estimates of velocities
            search.interrupted = search.interrupted or not late
        winners = _winners(search, learned)
    return Study(
        data,
        seen,
        search.entries,
        search.untried,
        tuple(goals),
        winners,
        final,
        model,
        clock.spent,
        clock.seconds,
        search.interrupted,
        factor,
        search.folds,
        learned,
        late,
        () if followed is None else followed.ids_at(data.times[-1]),
        seconds_compiled() - compiled,
    )


def _in_one_unit(data: SnapshotSeries, seen: Seen) -> tuple[SnapshotSeries, float]:
    """The data with velocities in the unit of time of their times, where it is clear that they have another."""
    factor = seen.velocity_factor
    agree = not math.isfinite(factor) or 1 / OTHER_UNIT < factor < OTHER_UNIT
    if agree or seen.explained < CLEAR:
        return data, 1.0
    velocities = [None if v is None else factor * v for v in data.velocities]
    changed = data.with_columns(velocities=velocities)
    warn(
        f"velocities have another unit of time than the data, and are multiplied by {factor:.4g}: `study.data` has "
        "them so, and what `study.model` is to start from must have them so too",
        DataWarning,
    )
    if seen.speed is not None:
        seen.speed *= factor
    seen.turning *= factor
    return changed, factor


def _by_merit(search: Search, tried: Mapping[str, WLM]) -> list[tuple[str, WLM]]:
    """Names and models of the learned entries, the best first; then the candidates, untested, in their order.

    At the end they are once more, by matching alone, for which there is always time.
    """
    merit = {entry.name: search.merit(entry) for entry in search.entries if entry.model is not None}
    learned = [(e.name, e.model) for e in search.entries if e.model is not None and math.isfinite(merit[e.name])]
    untested = [*tried.values(), *(matched(model) for model in tried.values() if model.speed is None)]
    return [*sorted(learned, key=lambda pair: merit[pair[0]]), *(("", model) for model in untested)]


def _fitted(
    ranked: Sequence[tuple[str, WLM]], data: SnapshotSeries, clock: Clock, seed: int, client: Any
) -> tuple[str, WLM, WLM, bool]:
    """Name of the best entry that can be fitted to all marginals, its model as given and as fitted.

    And whether there was no time for one before it.
    """
    late = False
    for k, (name, model) in enumerate(ranked):
        try:
            return name, *_final(model, data, clock, seed, client), late
        except (SimulationError, ParameterError, OutOfTimeError) as error:
            if k == len(ranked) - 1:
                raise
            late = late or isinstance(error, OutOfTimeError)
    raise AssertionError


def _fitted_to_a_fold(search: Search, ranked: Sequence[tuple[str, WLM]]) -> tuple[str, WLM, WLM] | None:
    """The best entry as it was fitted to a fold, for where the fit to all marginals does not end in time."""
    fits = {entry.name: [fit for fit in entry.fits if fit is not None] for entry in search.entries}
    for name, model in ranked:
        if fits.get(name):
            return name, model, fits[name][0]
    return None


def _winners(search: Search, learned: str) -> dict[str, str]:
    """What predicts for each goal: the learned mechanics, unless something naive did better."""
    winners = {}
    for goal in search.fold_goals:
        among = [e for e in search.entries if (is_naive(e) or e.name == learned) and math.isfinite(e.mean(goal))]
        if among:
            winners[goal] = min(among, key=lambda entry: entry.mean(goal)).name
    return winners


def _final(chosen: WLM, data: SnapshotSeries, clock: Clock, seed: int, client: Any) -> tuple[WLM, WLM]:
    """The chosen mechanics fitted to all marginals, with as many networks and steps as time allows.

    Rollouts for which there is no time are not begun, unless nothing else can teach the mechanics: `OutOfTimeError`.
    """
    final = plain(chosen).set_params(seed=seed, progress=False)
    if steps := rolled_steps(chosen):
        one = quick(chosen, seed)
        whole = copy.deepcopy(one).set_params(optimiser__steps=MANY_STEPS)
        share = ALONE if chosen.matching is None else BESIDE_MATCHING
        many = affordable(whole, data, share * clock.left)
        if many < FEWEST and chosen.speed is None:
            raise OutOfTimeError
        members = int(np.clip(many // steps, 1, chosen.members))
        final.set_params(members=members, optimiser__steps=int(np.clip(many // members, FEWEST, LONGER * steps)))
    elif final.members > 1:  # how long a network takes is known once one is there
        one = copy.deepcopy(final).set_params(members=1)
        model = _without_words(one, data)
        if clock.left < final.members * model.seconds_:
            return one, model
    return final, _without_words(final, data, client)


def _without_words(model: WLM, data: SnapshotSeries, client: Any = None) -> WLM:
    """A fit of a copy; what is to be said of it the report says, which compares on folds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.filterwarnings("ignore", ".* is nearer to the last fitted marginal")
        return copy.deepcopy(model).fit(data, client=client)


def _typical(velocities: np.ndarray) -> float:
    """Root mean square speed."""
    return float(np.sqrt((velocities**2).sum(1).mean()))


def _had(name: str | None, cloud: Population | None) -> Population:
    if cloud is None:
        raise ParameterError(f"`times` must be such that {name!r} can predict them: between known marginals")
    return cloud
