"""The search of a study: all candidates by matching, the best third by rollouts, beside what needs no mechanics."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from wlmsim._deadline import OutOfTimeError, until
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import SimulationError
from wlmsim.learn.matching.options import Matching
from wlmsim.learn.selection.jobs import unfitted
from wlmsim.learn.studies import naive
from wlmsim.learn.studies.clock import Clock
from wlmsim.learn.studies.fold_fits import Job, run_all
from wlmsim.learn.studies.folds import GOALS, Fold, folds_of, thinned
from wlmsim.learn.training.callbacks import Record
from wlmsim.learn.wlm import WLM
from wlmsim.parallel.cluster import workers
from wlmsim.parallel.processes import cores, started

SCREENING = 0.35
"""Share of the budget up to which candidates are screened."""
LATEST, LIKELY = 0.6, 3
"""The same for the most likely ones, so many: without any there is no learned result."""
FOLDS = (0.0, 12.0, 30.0)
"""Seconds of a budget from which on there are one, two and three folds of a goal."""
REFINING = 0.75
"""Share up to which the best of them are trained longer; the rest is for the fit to all marginals."""
LARGER = 0.7
"""Share of the time that is left for a candidate, of those that are trained longer, but the last of them."""
SURE = 0.7
"""Share of its time for which a fit is planned."""
WORTH_PROCESSES = 40.0
"""Seconds of a budget from which on fits run in several processes, whose start takes some."""
MATCHED_STEPS = 250
"""Of matching, where candidates are screened and before rollouts."""
SCREENING_STEPS = 1500
"""Most of rollouts, where these are what screens: after a few the wrong reach can look better than the right one."""
LONGER_STEPS = 1000
"""Of the longer matching that the best third is tried with."""
SLOW_STEPS = 2
"""First rollout steps, which are slow and are not timed."""
TIMED = 6, 100
"""Fewest and most rollout steps that are timed, of which the median counts: a busy machine delays some."""
TIMING = 0.05
"""Share of the time of a fit above which no more than the fewest are."""
MANY_STEPS = 10**6
"""More than there is ever time for."""
FEWEST = 20
"""Steps of rollouts below which they are not tried."""
KEPT = 3
"""One of so many screened candidates is trained longer."""
ROWS = 1000
"""Most rows of a marginal that a fit of the search sees."""

Tell = Callable[[str], None]
"""Is told what is being done."""


@dataclass
class Entry:
    """How well one way to predict did on the folds.

    Attributes
    ----------
    name : str
        Of the candidate, with how it was trained, or of the naive prediction.
    model : WLM or None
        The candidate, unfitted, as it is to be fitted; None for a naive prediction.
    scores : dict of str to list of float
        W1 of each fold by goal, "forecast" or "interpolate" [length]; infinite where it diverged or has none.
    seconds : float
        Wall time of a fit, the median.
    fits : list of WLM or None
        The candidate as fitted to each fold, in their order; None where it diverged, empty for a naive prediction.
    longer : bool
        Whether it takes training steps, of which there may be more.
    candidate : str
        Name of the candidate alone; empty for a naive prediction.
    options : dict
        Parameters of its fits to folds that are not those of the model.
    begun : list of WLM
        Fits to the folds, in their order, that its own go on from; empty where they begin anew.
    expression : str
        The candidate as text, also where a file told no more of it; empty for a naive prediction.
    """

    name: str
    model: WLM | None
    scores: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    fits: list[WLM | None] = field(default_factory=list, repr=False)
    longer: bool = False
    candidate: str = ""
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    begun: list[WLM] = field(default_factory=list, repr=False)
    expression: str = ""

    def __post_init__(self) -> None:
        if self.model is not None:
            self.expression = repr(self.model)

    def mean(self, goal: str) -> float:
        """Geometric mean of W1 over the folds of a goal; NaN where there are none."""
        return geometric_mean(self.scores[goal]) if self.scores.get(goal) else math.nan

    def relative(self, goals: Sequence[str], unit: dict[str, float]) -> float:
        """Mean over goals of the mean W1 in given units."""
        ratios = [_ratio(self.mean(goal), unit[goal]) for goal in goals if self.scores.get(goal)]
        return float(np.mean(ratios)) if ratios else math.inf


def _ratio(score: float, unit: float) -> float:
    """What is exact cannot be bettered: beside it all else is infinitely worse."""
    if unit > 0:
        return score / unit
    return math.inf if score > 0 else 1.0


def geometric_mean(scores: Sequence[float] | np.ndarray) -> float:
    """Mean in which folds count alike, whether they are predicted far ahead, with a large W1, or not."""
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(scores).mean()))


@dataclass
class Search:
    """Scores candidates on folds within a budget.

    Parameters
    ----------
    data : SnapshotSeries
        What is studied.
    candidates : dict of str to WLM
        The most likely first.
    goals : sequence of {"forecast", "interpolate"}
        What is to be predicted.
    clock : Clock
        The budget.
    seed : int
        Of the fits.
    tell : callable
        Is told of the progress.
    client : Client, Cluster or str, optional
        Where the workers of a cluster do the fits.
    """

    data: SnapshotSeries
    candidates: dict[str, WLM]
    goals: Sequence[str]
    clock: Clock
    seed: int = 0
    tell: Tell = lambda text: None
    entries: list[Entry] = field(default_factory=list)
    untried: list[str] = field(default_factory=list)
    interrupted: bool = False
    client: Any = None
    _ready: Callable[[], bool] = field(default=lambda: True, repr=False)

    @cached_property
    def processes(self) -> int:
        """How many fits run at the same time."""
        if self.client is not None:
            return workers(self.client)
        return cores() if self.clock.seconds >= WORTH_PROCESSES else 1

    def __post_init__(self) -> None:
        self.folds: list[Fold] = folds_within(self.data, self.goals, self.clock.seconds)

    def run(self) -> None:
        """Fill in the entries; Ctrl-C ends the search with what there is."""
        try:
            if self.folds and self.candidates and self.client is None and self.processes > 1:
                self._ready = started(self.processes, "torch", "wlmsim.learn.training.fitting")
            self._naive()
            if self.folds:
                self._screen()
                self._refine()
            else:
                self.untried = list(self.candidates)
        except KeyboardInterrupt:
            self.interrupted = True
            scored = {entry.candidate for entry in self.entries}
            self.untried = [name for name in self.candidates if name not in scored]

    def best(self, goal: str) -> Entry | None:
        """The entry with the least mean W1 for a goal."""
        among = [entry for entry in self.entries if math.isfinite(entry.mean(goal))]
        return min(among, key=lambda entry: entry.mean(goal), default=None)

    def merit(self, entry: Entry) -> float:
        """How much worse an entry is than the best, as a factor, the mean over the goals."""
        return entry.relative(self.fold_goals, {g: best.mean(g) for g in self.fold_goals if (best := self.best(g))})

    @property
    def fold_goals(self) -> list[str]:
        """The goals for which there are folds."""
        return [goal for goal in self.goals if any(fold.goal == goal for fold in self.folds)]

    # --- the stages

    def _naive(self) -> None:
        self.tell("naive baselines and smooth interpolants")
        kinds = {GOALS[0]: naive.forecasts(), GOALS[1]: naive.interpolants()}
        by_name: dict[str, Entry] = {}
        for fold in self.folds:
            for name, predict in kinds[fold.goal].items():
                entry = by_name.setdefault(name, Entry(name, None))
                score = fold.score(lambda known, times, p=predict: [p(known, float(t)) for t in times])  # type: ignore[misc]
                entry.scores.setdefault(fold.goal, []).append(score)
        self.entries += [e for e in by_name.values() if any(math.isfinite(e.mean(goal)) for goal in self.fold_goals)]

    def _screen(self) -> None:
        """Every candidate by matching alone, one network; what is solved at once first.

        Particles of one speed turn at each step by what they see there, which no smooth path between marginals knows:
        they are screened by rollouts.
        """
        likely = list(self.candidates)[:LIKELY]
        names = sorted(self.candidates, key=lambda name: not _is_solved_at_once(self.candidates[name]))
        steps = self._screening_steps()
        entries = [screened(name, self.candidates[name], steps) for name in names]
        ends = [self.clock.end(LATEST if name in likely else SCREENING) for name in names]
        self.tell(f"matching {len(entries)} candidates, {names[0]!r} first")
        done = self._done(entries, ends, "matching")
        self.untried = [name for name, entry in zip(names, entries, strict=True) if entry not in done]

    def _screening_steps(self) -> int:
        """Of rollouts, for candidates that are screened by these: as many as there is time for all of them."""
        turning = [model for model in self.candidates.values() if model.speed is not None]
        if not turning:
            return 0
        seconds = SURE * (self.clock.end(LATEST) - time.monotonic()) * self.processes
        one = quick(plain(turning[0]).set_params(matching=None), self.seed)
        steps = affordable(one, self.folds[0].fitted, seconds / (len(turning) * len(self.folds)))
        return int(np.clip(steps, FEWEST, SCREENING_STEPS))

    def _refine(self) -> None:
        """The best third of what was screened matched longer, and by rollouts, each with its share of the time."""
        ranked = sorted((entry for entry in self.entries if entry.model is not None), key=self.merit)
        # what rollouts have screened goes on with them in the fit to all marginals
        chosen = [entry for entry in ranked[: math.ceil(len(ranked) / KEPT)] if not entry.options]
        if not chosen:
            return
        end, entries = self.clock.end(REFINING), list[Entry]()
        seconds = SURE * (end - time.monotonic()) * self.processes / len(self.folds)
        for entry in chosen:
            more, spent = self._refined(entry, seconds if entry is chosen[-1] else LARGER * seconds)
            entries += more
            seconds -= spent
        self._done(entries, [end] * len(entries), "training longer")

    def _refined(self, entry: Entry, seconds: float) -> tuple[list[Entry], float]:
        """What a candidate is trained by in so many seconds a fold, and how many that takes.

        It is matched longer, and rolled out anew and from where it was matched.
        """
        name, model, more = entry.candidate, self.candidates[entry.candidate], list[Entry]()
        left, matching = seconds, entry.seconds * LONGER_STEPS / MATCHED_STEPS
        if entry.longer and matching < seconds / 2:
            more.append(Entry(f"{name}, matched longer", matched(model, LONGER_STEPS), candidate=name))
            left -= matching
        if model.rollouts is None:
            return more, seconds - left
        rolled, begun = with_matching(model), [fit for fit in entry.fits if fit is not None]
        usual = model.part("optimiser").steps
        steps = affordable(quick(rolled, self.seed, optimiser__steps=MANY_STEPS), self.folds[0].fitted, left)
        each = left / steps if steps else 0.0
        if steps >= usual and model.matching is None:
            # a beginning by matching saves time, but is not always a better one
            more.append(Entry(f"{name}, rolled out", plain(model), candidate=name))
            steps, left = steps - usual, left - usual * each
        if (steps := min(steps, usual)) >= FEWEST and len(begun) == len(self.folds):
            rolled.set_params(optimiser__steps=steps)
            more.append(Entry(f"{name}, polished", rolled, candidate=name, begun=begun))
            left -= steps * each
        return more, seconds - left

    def _done(self, entries: list[Entry], ends: list[float], what: str) -> list[Entry]:
        """Fit entries to every fold, each up to its end, and keep those of which all came out."""
        jobs = [
            Job(entry.name, self._to_fit(entry, k), fold, end)
            for entry, end in zip(entries, ends, strict=True)
            for k, fold in enumerate(self.folds)
        ]

        def told(count: int, name: str) -> None:
            self.tell(f"{what}, {count} of {len(jobs)} fits done: {name}")

        outcomes, interrupted = run_all(jobs, self.processes, told, self.client, self._ready)
        done, count = [], len(self.folds)
        for k, entry in enumerate(entries):
            own = outcomes[k * count : (k + 1) * count]
            if any(one is None or one.score is None for one in own):
                continue
            for fold, one in zip(self.folds, own, strict=True):
                assert one is not None and one.score is not None
                entry.scores.setdefault(fold.goal, []).append(one.score)
                entry.fits.append(one.fit)
            entry.seconds = float(np.median([one.seconds for one in own if one is not None]))
            entry.longer = any(len(one.fit.losses_) for one in own if one is not None and one.fit is not None)
            done.append(entry)
        self.entries += done
        if interrupted:
            raise KeyboardInterrupt
        return done

    def _to_fit(self, entry: Entry, k: int) -> WLM:
        """What is fitted to a fold: the model anew, or by rollouts alone what has been matched to it."""
        model = entry.model
        if not entry.begun or model is None:
            return quick(model, self.seed, **entry.options)
        optimiser, matching = model.part("optimiser"), model.part("matching")
        polishing = optimiser.replace(learning_rate=matching.rate * optimiser.learning_rate)
        return copy.copy(entry.begun[k]).set_params(warm_start=True, matching=None, optimiser=polishing)


def _is_solved_at_once(model: WLM) -> bool:
    """Whether least squares or a weak form find its parameters, in about a second."""
    terms = [] if model.potential is None else list(model.potential.terms)
    return bool(terms) and all(getattr(term, "linear", False) for term in terms) and model.dissipation is None


def screened(name: str, model: WLM, steps: int) -> Entry:
    """A candidate as it is screened, by matching or by so many steps of rollouts."""
    if model.speed is None:
        return Entry(f"{name}, matched", matched(model), candidate=name)
    steps = min(steps, model.part("optimiser").steps)
    return Entry(name, plain(model).set_params(matching=None), candidate=name, options={"optimiser__steps": steps})


def matched(model: WLM, steps: int = MATCHED_STEPS) -> WLM:
    """A candidate that stops where matching ends."""
    return with_matching(model, steps).set_params(optimiser__steps=0)


def with_matching(model: WLM, steps: int = MATCHED_STEPS) -> WLM:
    """A candidate that begins with matching."""
    options = model.part("matching") or Matching()
    return plain(model).set_params(matching=options.replace(steps=steps))


def quick(model: WLM | None, seed: int, **options: Any) -> WLM:
    """One network, without a word."""
    assert model is not None
    return plain(model).set_params(members=1, progress=False, seed=seed, runtime__processes=1, **options)


def plain(model: WLM) -> WLM:
    """The same model, unfitted: a fit that goes on from one to all marginals would know what is left out."""
    return unfitted(model, warm_start=False, stopping=None)


def affordable(model: WLM, data: SnapshotSeries, seconds: float) -> int:
    """How many rollout steps a fit may take in a time beside matching, at most those of the model.

    A few are taken to find out, in at most that time; none where there is no time.
    """
    if seconds <= 0:
        return 0
    moments: list[float] = []
    begun, (fewest, most) = time.monotonic(), TIMED

    def note(record: Record) -> None:
        moments.append(record.seconds)
        timed = moments[SLOW_STEPS:]
        if len(timed) > fewest and timed[-1] - timed[0] > TIMING * seconds:
            raise OutOfTimeError

    short = copy.deepcopy(model).set_params(optimiser__steps=SLOW_STEPS + most)
    if model.matching is not None:
        short.set_params(matching__steps=1)
    if model.rollouts is not None:
        short.set_params(rollouts__ramp=0.0)  # as long as they become
    with warnings.catch_warnings(), suppress(OutOfTimeError), until(begun + seconds):
        warnings.simplefilter("ignore")
        try:
            short.fit(data, callbacks=[note])
        except SimulationError:
            return 0
    each = np.diff(moments[SLOW_STEPS:])
    steps = seconds / max(float(np.median(each)), 1e-6) if len(each) else 0
    return int(np.clip(steps, 0, model.part("optimiser").steps))


def folds_within(data: SnapshotSeries, goals: Sequence[str], budget: float) -> list[Fold]:
    """The folds that there is time for in a budget [s]."""
    return folds_of(lighter(data), goals, sum(budget >= seconds for seconds in FOLDS))


def lighter(data: SnapshotSeries, rows: int = ROWS) -> SnapshotSeries:
    """The same data with at most so many rows of each population at each time."""
    if max(data.sizes) <= rows:
        return data
    parts = {}
    for label in data.population_labels:
        series = data.population(label)
        clouds = [thinned(cloud, rows) for cloud in series]
        parts[label] = SnapshotSeries.from_populations(clouds, metadata=series.metadata, units=series.units)
    return parts[data.population_labels[0]] if data.labels is None else SnapshotSeries.of_several(parts)
