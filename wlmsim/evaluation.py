"""Scores of predicted marginals beside the naive baselines."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from wlmsim import _times, transport
from wlmsim import _validation as check
from wlmsim._progress import LateBar
from wlmsim.data.dates import in_words
from wlmsim.data.population import Population
from wlmsim.data.projection import located
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.tracks import Tracks
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import ParameterError
from wlmsim.transport.estimates import DISTANCES, PARTS, Distance, DistanceEstimate

BASELINES = ("persistence", "ballistic", "OT-linear", "OT-Hermite")

METRICS = tuple(DISTANCES)
"""Names of distances between a predicted and an observed cloud."""
SLICED = "sliced"
"""The metric that compares all rows, where others take parts of them."""
INDIVIDUALS = "individuals"
"""The entry of the metadata that says how many were followed, of whom some may be hidden at some times."""
AROUND = "each between the fitted marginals around it"
HEADLINES = {"two-sided": f"interpolate, {AROUND}", "leave one out, two-sided": f"leave one out, {AROUND}"}
"""What protocols that predict from both sides are called in a table."""
TITLES = {"w1": "W1", "w2": "W2", "energy": "energy distance", "partial": "partial W1", SLICED: "sliced W1, all rows"}
MOST_SHOWN = 30
"""Rows of individuals in a printed table."""
FLOOR = "floor"
"""The column of the sampling floor."""


@dataclass
class IndividualScores:
    """How far each individual is from where it was predicted, by a model and by the naive baselines.

    Attributes
    ----------
    ids : tuple of str
        Names of the n individuals.
    times : ndarray, shape (T,)
        Times of the predictions [time].
    distances : dict of str to ndarray of shape (T, n)
        The model first; NaN where an individual is not seen [length].
    length_unit : str
        Unit of the distances.
    """

    ids: tuple[str, ...]
    times: np.ndarray
    distances: dict[str, np.ndarray]
    length_unit: str = ""

    @property
    def mean(self) -> dict[str, np.ndarray]:
        """Mean distance of each individual over the times at which it is seen, (n,) for each method [length]."""
        return {name: _mean_known(values) for name, values in self.distances.items()}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        means = {name: [None if np.isnan(x) else x for x in values] for name, values in self.mean.items()}
        return {"ids": list(self.ids), "times": self.times.tolist(), "mean_distance": means}

    def __str__(self) -> str:
        means = self.mean
        unit = f" [{self.length_unit}]" if self.length_unit else ""
        rows = [["individual", "seen", *means]]
        seen = np.isfinite(next(iter(self.distances.values()))).sum(axis=0)
        for k, name in enumerate(self.ids[:MOST_SHOWN]):
            rows.append([name, str(seen[k]), *(f"{values[k]:.4g}" for values in means.values())])
        if len(self.ids) > MOST_SHOWN:
            rows.append([f"... {len(self.ids) - MOST_SHOWN} more", *[""] * (1 + len(means))])
        rows.append(["mean", str(seen.sum()), *(f"{np.nanmean(values):.4g}" for values in means.values())])
        widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
        lines = [
            "  ".join(w.ljust(n) if c == 0 else w.rjust(n) for c, (w, n) in enumerate(zip(row, widths, strict=True)))
            for row in rows
        ]
        return "\n".join([f"mean distance of each individual{unit}", *lines])


def score_individuals(
    forecast: Trajectory, truth: Tracks, start: Tracks | None = None, *, model: str = "model"
) -> IndividualScores:
    """Distances of individuals from where a forecast has them, beside those of staying and of going straight on.

    Parameters
    ----------
    forecast : Trajectory
        With names, as `WLM.forecast` gives it from tracks.
    truth : Tracks
        Where they were. Individuals that either does not know are left out, and so are times.
    start : Tracks, optional
        What the forecast started from: the naive ways start there too. Default: the first time of the forecast.
    model : str
        What the forecast is called.

    Returns
    -------
    IndividualScores

    Raises
    ------
    ParameterError
        If the forecast has no names, or the two share no individual or no time.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> seen = wls.Tracks([0.0, 1.0, 2.0], np.array([[[0.0]], [[1.0]], [[2.0]]]), ids=["Ada"])
    >>> guess = wls.Trajectory([1.0, 2.0], [[[1.0]], [[2.5]]], ids=["Ada"])
    >>> scores = wls.evaluation.score_individuals(guess, seen[1:], seen[:1])
    >>> scores.mean["model"], scores.mean["persistence"]
    (array([0.25]), array([1.5]))
    """
    check.instance("forecast", forecast, Trajectory)
    check.instance("truth", truth, Tracks)
    if forecast.ids is None:
        raise ParameterError("`forecast` must have names (ids), as model.forecast(tracks, times) gives them")
    cloud, names = (None, forecast.ids) if start is None else start.last()
    mine, theirs, there = ({name: k for k, name in enumerate(some)} for some in (forecast.ids, names, truth.ids))
    ids = tuple(name for name in truth.ids if name in mine and name in theirs)
    pairs = [(k, j) for k, t in enumerate(truth.times) if (j := _times.position(forecast.times, t)) is not None]
    if not ids or not pairs:
        raise ParameterError("`truth` must share an individual and a time with the forecast; it shares none")
    rows, frames = (list(column) for column in zip(*pairs, strict=True))
    seen = truth.positions[rows][:, [there[name] for name in ids]]
    path = forecast.positions[frames][:, [mine[name] for name in ids]]
    begin = forecast[0] if cloud is None else cloud
    origin = [theirs[name] for name in ids]
    x = begin.positions[origin]
    guesses = {model: path, "persistence": np.broadcast_to(x, seen.shape)}
    if begin.velocities is not None:
        elapsed = truth.times[rows] - begin.time
        guesses["ballistic"] = x + elapsed[:, None, None] * begin.velocities[origin]
    distances = {name: np.linalg.norm(guess - seen, axis=2) for name, guess in guesses.items()}
    return IndividualScores(ids, truth.times[rows], distances, truth.units.get("length", ""))


def _mean_known(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is not NaN; NaN where nothing is known."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


@dataclass
class Scores:
    """W1 of a model and of the naive baselines at each predicted marginal.

    Attributes
    ----------
    times : ndarray, shape (K,)
        Times of the predicted marginals [time].
    origins : ndarray, shape (K,)
        Time of the marginal that each prediction starts from [time].
    w1 : dict of str to ndarray of shape (K,)
        1-Wasserstein distance to the observed cloud [length], the model first; NaN where a method cannot be had
        (ballistic without velocities, OT-Hermite without velocities at both ends). Exact, or of large clouds the mean
        over random parts, see `wlmsim.transport.estimate_distance`.
    protocol : {"forecast", "interpolate", "two-sided", "leave one out", "leave one out, two-sided"}
        Whether the predictions go beyond the fitted marginals or between them, from the one before or from both, and
        whether of one fit or of one for each marginal.
    others : dict of str to dict of str to ndarray of shape (K,)
        Scores by further metrics, if asked for: "w2", the 2-Wasserstein distance [length], "energy", the energy
        distance [length^(1/2)], "partial", `wlmsim.transport.partial_wasserstein1` [length], and "sliced",
        `wlmsim.transport.sliced_wasserstein1` of all rows [length], each laid out as `w1`. The last one is added where
        W1 is of parts, and the partial one where individuals were followed and some of them were hidden, whose absence
        alone would give a perfect forecast a large W1.
    length_unit, time_unit : str
        Of the distances and the times.
    metadata : dict
        What the observed data say of dates and places: where there are dates, tables show them.
    left_out : int
        Observed marginals that are not scored, since they were fitted.
    hidden : bool
        Whether individuals were followed and some of them were hidden. `judged`, `best_baseline` and
        `beats_baselines` then go by "partial".
    floor : ndarray, shape (K,), optional
        W1 between two random halves of what was observed, or between two parts of it: what a perfect prediction of
        other individuals is apart from as many of them as a half has. With twice as many it is nearer, by a factor of
        2^(-1/d) in d > 2 dimensions, and one that carries the very same on can be nearer still. W1 of parts is too
        large by at most about as much, see `wlmsim.transport.sampling_floor` [length].
    rows : ndarray of int, shape (K,), optional
        Rows of each part that W1 is of; 0 where it is exact. Default: exact.
    errors : dict of str to ndarray of shape (K,)
        Half the widths of the 95 percent confidence intervals of `w1`, where it is of parts [length].
    by_individual : IndividualScores, optional
        How far each individual is from where it was predicted, where it is known who is who.
    """

    times: np.ndarray
    origins: np.ndarray
    w1: dict[str, np.ndarray]
    protocol: str = "forecast"
    length_unit: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    time_unit: str = ""
    others: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    left_out: int = 0
    hidden: bool = False
    floor: np.ndarray | None = None
    rows: np.ndarray | None = None
    errors: dict[str, np.ndarray] = field(default_factory=dict)
    by_individual: IndividualScores | None = None

    @property
    def units(self) -> dict[str, str]:
        """The units of length and time, as data have them."""
        return {"length": self.length_unit, "time": self.time_unit}

    @property
    def model(self) -> str:
        """Name of the model, the first column."""
        return next(iter(self.w1))

    @property
    def mean(self) -> dict[str, float]:
        """Mean W1 over the marginals for each method [length]; NaN if a method misses a marginal."""
        return _means(self.w1)

    @property
    def judged(self) -> dict[str, float]:
        """Means that methods are judged by [length]: of W1, or of the partial W1 where individuals were hidden.

        The absence of an individual from one of two clouds is no error of a prediction.
        """
        partial = _means(self.others.get("partial", {})) if self.hidden else {}
        return partial if np.isfinite(partial.get(self.model, np.nan)) else self.mean

    @property
    def best_baseline(self) -> str:
        """Name of the naive baseline with the least mean, as `judged`."""
        rivals = {name: mean for name, mean in list(self.judged.items())[1:] if np.isfinite(mean)}
        return min(rivals, key=rivals.__getitem__)

    @property
    def beats_baselines(self) -> bool:
        """Whether the model's mean is below that of every naive baseline, as `judged`."""
        return self.judged[self.model] < self.judged[self.best_baseline]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "protocol": self.protocol,
            "times": self.times.tolist(),
            "origins": self.origins.tolist(),
            "w1": _lists(self.w1),
            "mean": _plain(self.mean),
            **({} if self.floor is None else {"floor": [None if np.isnan(x) else x for x in self.floor]}),
            **({"rows": self.rows.tolist(), "errors": _lists(self.errors)} if self.rows is not None else {}),
            **({"left_out": self.left_out} if self.left_out else {}),
            **{f"mean_{metric}": _plain(_means(scores)) for metric, scores in self.others.items()},
            **({} if self.by_individual is None else {"by_individual": self.by_individual.to_dict()}),
        }

    def table(self) -> Any:
        """A rich table: a row for each marginal, the least W1 of each row in bold; means of the other metrics."""
        from rich.markup import escape
        from rich.table import Table

        table, decimals = Table(title=escape(self._title()), caption=escape(self._caption())), self._decimals
        for name in self._columns():
            table.add_column(escape(name), justify="right")
        for section in self._sections():
            for row in section:
                table.add_row(row.time, row.origin, *row.cells("[bold]", "[/bold]", decimals))
            table.add_section()
        return table

    @property
    def _decimals(self) -> int:
        """Four, or fewer where distances are large: five digits are enough."""
        known = [x for values in self.w1.values() for x in values if np.isfinite(x) and x > 0]
        return 4 if not known else int(np.clip(4 - np.floor(np.log10(max(known))), 0, 4))

    def _columns(self) -> list[str]:
        return ["time", "from", *self.w1, *([] if self.floor is None else [FLOOR])]

    def _sections(self) -> list[list[_Row]]:
        """Rows of a table: marginals, mean, other metrics."""
        every = np.concatenate([self.times, self.origins])
        words = [word.removeprefix("t = ") for word in in_words(every, self)]
        rows = enumerate(zip(words[: len(self.times)], words[len(self.times) :], strict=True))
        floor = [] if self.floor is None else [*self.floor.tolist(), float(np.mean(self.floor))]
        marginals = [
            _Row(time, origin, self._at(k, self.w1), self._at(k, self.errors), floor[k : k + 1])
            for k, (time, origin) in rows
        ]
        mean = _Row("mean", "", list(self.mean.values()), list(_mean_errors(self.errors).values()), floor[-1:])
        others = [
            _Row(f"mean {TITLES[name]}", "", list(_means(scores).values()), [], [np.nan] * len(floor[-1:]))
            for name, scores in self.others.items()
        ]
        return [marginals, [mean], others]

    def _at(self, k: int, scores: dict[str, np.ndarray]) -> list[float]:
        return [float(values[k]) for values in scores.values()]

    def _caption(self) -> str:
        """What the distances are, and how good they can be."""
        if self.floor is None:
            return ""
        parts = sorted({int(rows) for rows in ([] if self.rows is None else self.rows) if rows})
        if not parts:
            return f"{FLOOR}: W1 between two random halves of what was observed"
        exact = "" if self.rows is None or (self.rows > 0).all() else ", exact where without ±"
        return (
            f"W1: mean over {PARTS} random parts of {' or '.join(map(str, parts))} rows, ± 95 percent{exact}; too "
            f"large by at most about the {FLOOR}, W1 between two such parts of what was observed"
        )

    def _title(self) -> str:
        unit = f" [{self.length_unit}]" if self.length_unit else ""
        rest = f", {self.left_out} fitted left out" if self.left_out else ""
        return f"W1{unit}, {self._headline()}{rest}"

    def _headline(self) -> str:
        if self.protocol in HEADLINES:
            return HEADLINES[self.protocol]
        if len(set(self.origins)) == 1:
            return f"{self.protocol} from {in_words(np.append(self.origins[0], self.times), self)[0]}"
        return f"{self.protocol}, each from the fitted marginal before it"

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(width=max(60, 24 + (22 if self.errors else 14) * len(self._columns())))
        with console.capture() as capture:
            console.print(self.table())
        return capture.get().rstrip()

    def _repr_html_(self) -> str:
        from wlmsim import _html

        rows = [
            [row.time, row.origin, *map(_html.Markup, row.cells("<b>", "</b>", self._decimals))]
            for section in self._sections()
            for row in section
        ]
        return _html.grid(self._title(), self._columns(), rows, f"The least is bold. {self._caption()}".strip())


class _Row(NamedTuple):
    """A row of a table: scores of all methods, half the widths of their intervals where there are any, the floor."""

    time: str
    origin: str
    scores: list[float]
    errors: list[float]
    floor: list[float]

    def cells(self, bold: str, end: str, decimals: int = 4) -> list[str]:
        """Scores as text with some decimals, the least between the marks `bold` and `end`."""
        best = np.nanmin(self.scores) if np.isfinite(self.scores).any() else np.nan
        widths = self.errors or [0.0] * len(self.scores)
        known = [_text(x, width, decimals=decimals) for x, width in zip(self.scores, widths, strict=True)]
        marked = [f"{bold}{text}{end}" if x == best else text for x, text in zip(self.scores, known, strict=True)]
        return [*marked, *(_text(x, decimals=decimals) for x in self.floor)]


def _text(score: float, width: float = 0.0, *, decimals: int = 4) -> str:
    if np.isnan(score):
        return "-"
    return f"{score:.{decimals}f} ± {width:.{decimals}f}" if width > 0 else f"{score:.{decimals}f}"


def _mean_errors(errors: dict[str, np.ndarray]) -> dict[str, float]:
    """Of means over marginals, whose errors are independent."""
    return {name: float(np.sqrt((values**2).sum()) / len(values)) for name, values in errors.items()}


def _means(scores: dict[str, np.ndarray]) -> dict[str, float]:
    return {name: float(values.mean()) for name, values in scores.items()}


def _lists(scores: dict[str, np.ndarray]) -> dict[str, list[float | None]]:
    return {name: [None if np.isnan(x) else x for x in values] for name, values in scores.items()}


def _plain(means: dict[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(x) else x for name, x in means.items()}


def score_forecast(
    predicted: Sequence[Population],
    observed: SnapshotSeries,
    start: Population,
    *,
    model: str = "WLM",
    metrics: Sequence[str] = ("w1",),
    progress: bool = False,
) -> Scores:
    """Score predictions that all start from one marginal, beside persistence and ballistic.

    Parameters
    ----------
    predicted : sequence of Population
        One predicted cloud for each observed marginal.
    observed : SnapshotSeries
        The truth.
    start : Population
        The marginal that the predictions start from.
    model : str
        Name of the model's column. Default "WLM".
    metrics : sequence of {"w1", "w2", "energy", "partial"}
        Distances to score by, beside W1. Default W1 alone.
    progress : bool
        Whether to show a bar where it takes more than two seconds. Default False.

    Returns
    -------
    Scores
    """
    return _score(predicted, observed, [(start, None)] * len(observed), model, "forecast", metrics, progress)


def score_interpolation(
    predicted: Sequence[Population],
    observed: SnapshotSeries,
    fitted: SnapshotSeries,
    origins: Sequence[float] | None = None,
    *,
    model: str = "WLM",
    metrics: Sequence[str] = ("w1",),
    progress: bool = False,
) -> Scores:
    """Score predictions that each start from a fitted marginal before them, beside all four baselines.

    The OT baselines, unlike a forward rollout, also see the fitted marginal after the predicted one.

    Parameters
    ----------
    predicted : sequence of Population
        One predicted cloud for each observed marginal.
    observed : SnapshotSeries
        The truth.
    fitted : SnapshotSeries
        The marginals that were fitted.
    origins : sequence of float, optional
        Time of the marginal that each prediction starts from. Default: the last fitted one before it, from which the
        naive baselines always start.
    model : str
        Name of the model's column. Default "WLM".
    metrics : sequence of {"w1", "w2", "energy", "partial"}
        Distances to score by, beside W1. Default W1 alone.
    progress : bool
        Whether to show a bar where it takes more than two seconds. Default False.

    Returns
    -------
    Scores

    Raises
    ------
    ParameterError
        If a predicted time has no fitted marginal before it.
    """
    ends = [neighbours(fitted, t) for t in observed.times]
    protocol = "interpolate" if observed.times[-1] < fitted.times[-1] else "forecast"
    scores = _score(predicted, observed, ends, model, protocol, metrics, progress)
    return scores if origins is None else dataclasses.replace(scores, origins=np.array(origins))


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Average the scores of several populations at each time, each population that was observed then counting once.

    Parameters
    ----------
    scores : sequence of Scores
        At least one, each of one population.

    Returns
    -------
    Scores
        NaN for a method that cannot be had of one of the populations; `origins` are the earliest ones.
    """
    if not scores:
        raise check.fail("scores", "those of at least one population", scores)
    first = scores[0]
    if len(scores) == 1:
        return first
    times = np.unique(np.concatenate([part.times for part in scores]))
    # which populations were observed at each time, and where in their scores
    seen = [[(j, int(np.argmax(part.times == t))) for j, part in enumerate(scores) if t in part.times] for t in times]

    metrics = dict.fromkeys(metric for part in scores for metric in part.others)

    def mean(
        parts: Sequence[dict[str, np.ndarray]], among: Callable[[list[float]], float] = np.mean
    ) -> dict[str, np.ndarray]:
        names = dict.fromkeys(name for part in parts for name in part)
        return {
            name: np.array([among([parts[j][name][k] if name in parts[j] else np.nan for j, k in row]) for row in seen])
            for name in names
        }

    # of exact distances 0
    errors = [part.errors or {name: np.zeros(len(part.times)) for name in part.w1} for part in scores]
    errors = errors if any(part.errors for part in scores) else []
    rows = mean([{FLOOR: np.zeros(len(part.times), int) if part.rows is None else part.rows} for part in scores], max)

    return dataclasses.replace(
        first,
        times=times,
        origins=np.array([min(scores[j].origins[k] for j, k in row) for row in seen]),
        w1=mean([part.w1 for part in scores]),
        others={metric: mean([part.others.get(metric, {}) for part in scores]) for metric in metrics},
        floor=mean([{} if part.floor is None else {FLOOR: part.floor} for part in scores]).get(FLOOR),
        rows=None if all(part.rows is None for part in scores) else rows[FLOOR],
        errors=mean(errors, lambda widths: np.sqrt(np.square(widths).sum()) / len(widths)) if any(errors) else {},
        left_out=sum(part.left_out for part in scores),
        hidden=any(part.hidden for part in scores),
    )


def neighbours(fitted: SnapshotSeries, time: float) -> tuple[Population, Population | None]:
    """The fitted marginal at or before `time`, and the one after it where there is one."""
    count = int(_times.up_to(fitted.times, time).sum())
    if count == 0:
        first, given = (_times.text(t, [*fitted.times, time]) for t in (fitted.times[0], time))
        raise ParameterError(f"`times` must not come before the first fitted marginal at t = {first}; got {given}")
    return fitted[count - 1], fitted[count] if count < len(fitted) else None


def _score(
    predicted: Sequence[Population],
    observed: SnapshotSeries,
    ends: Sequence[tuple[Population, Population | None]],
    model: str,
    protocol: str,
    metrics: Sequence[str],
    progress: bool,
) -> Scores:
    metrics = [metrics] if isinstance(metrics, str) else list(metrics)
    for metric in metrics:
        check.choice("metrics", metric, METRICS)
    if len(predicted) != len(observed):
        raise ParameterError(f"`predicted` must hold a cloud for each of {len(observed)} times; got {len(predicted)}")
    counts = [(len(before), len(truth)) for truth, (before, _) in zip(observed, ends, strict=True)]
    individuals = observed.metadata.get(INDIVIDUALS)
    hidden = individuals is not None and any(pair != (individuals, individuals) for pair in counts)
    metrics = list(dict.fromkeys(["w1", *metrics, *(["partial"] if hidden else [])]))
    methods = (model, *BASELINES)
    rows = []
    with LateBar("scoring", len(observed) * len(methods), shown=progress) as bar:
        for cloud, truth, (before, after), pair in zip(predicted, observed, ends, counts, strict=True):
            found: dict[str, dict[str, DistanceEstimate]] = {}
            for name in methods:
                guess = cloud if name == model else baseline(name, before, after, truth.time)
                if guess is not None:
                    found[name] = _distances(guess, truth, metrics, individuals, pair)
                bar.advance()
            rows.append((found, transport.sampling_floor(truth)))
    names = [name for name in methods if any(name in found for found, _ in rows)]

    def of(metric: str, column: int = 0) -> dict[str, np.ndarray]:
        missing = {metric: DistanceEstimate(np.nan)}
        return {
            name: np.array([found.get(name, missing).get(metric, missing[metric])[column] for found, _ in rows])
            for name in names
        }

    parts = np.max(list(of("w1", 2).values()), axis=0).astype(int)
    others = [*metrics[1:], *([SLICED] if parts.any() else [])]
    return Scores(
        observed.times.copy(),
        np.array([before.time for before, _ in ends]),
        of("w1"),
        protocol,
        observed.units.get("length", ""),
        others={metric: of(metric) for metric in others},
        hidden=hidden,
        floor=np.array([floor.value for _, floor in rows]),
        rows=parts if parts.any() else None,
        errors=of("w1", 1) if parts.any() else {},
        metadata=located(observed),
        time_unit=observed.units.get("time", ""),
    )


def _distances(
    guess: Population, truth: Population, metrics: Sequence[str], individuals: int | None, counts: tuple[int, int]
) -> dict[str, DistanceEstimate]:
    """By each metric, and along lines, which a table has where W1 is of parts of any of the marginals."""
    found = {}
    for metric in metrics:
        partial = metric == "partial"
        found[metric] = transport.estimate_distance(guess, truth, _among(individuals, counts) if partial else metric)
    found[SLICED] = DistanceEstimate(transport.sliced_wasserstein1(guess, truth))
    return found


def _among(individuals: int | None, counts: tuple[int, int]) -> Distance:
    """Partial W1 among so many individuals, of whom each cloud shows some; NaN where none needs to be in both."""
    if individuals is not None and not max(counts) <= individuals < sum(counts):
        return lambda guess, truth: np.nan
    return lambda guess, truth: transport.partial_wasserstein1(guess, truth, individuals=individuals, counts=counts)


def baseline(name: str, before: Population, after: Population | None, time: float) -> Population | None:
    """Predict a marginal naively.

    Parameters
    ----------
    name : {"persistence", "ballistic", "OT-linear", "OT-Hermite"}
        Persistence leaves the cloud before where it was; ballistic moves it with its velocities; OT-linear moves
        it in straight lines along the optimal plan (squared distance) to the cloud after; OT-Hermite along cubics
        that match the velocities at both ends.
    before, after : Population
        The known marginals on either side; `after` may be ``None``.
    time : float
        When to predict.

    Returns
    -------
    Population or None
        ``None`` where the method needs velocities or a cloud after that are not known.
    """
    if name == "persistence":
        return Population(before.positions, None, before.weights, time)
    if name == "ballistic":
        if before.velocities is None:
            return None
        moved = before.positions + (time - before.time) * before.velocities
        return Population(moved, None, before.weights, time)
    if name not in BASELINES:
        raise ParameterError(f"`name` must be one of {BASELINES}; got {name!r}")
    if after is None:
        return None
    hermite = name == "OT-Hermite"
    if hermite and (before.velocities is None or after.velocities is None):
        return None
    plan = transport.transport_plan(before.positions, after.positions, before.weights, after.weights)
    span = after.time - before.time
    s = (time - before.time) / span
    x0, x1 = before.positions[plan.source], after.positions[plan.target]
    if hermite:
        assert before.velocities is not None and after.velocities is not None
        v0, v1 = before.velocities[plan.source], after.velocities[plan.target]
        positions = hermite_interpolation(s, span, x0, x1, v0, v1)
    else:
        positions = (1 - s) * x0 + s * x1
    return Population(positions, None, plan.mass, time)


def hermite_interpolation(s: float, span: float, x0: Any, x1: Any, v0: Any, v1: Any) -> Any:
    """Cubic at the fraction s of a time span, with positions x0, x1 and velocities v0, v1 at its ends."""
    return (
        (1 + 2 * s) * (1 - s) ** 2 * x0
        + s**2 * (3 - 2 * s) * x1
        + span * s * (1 - s) ** 2 * v0
        - span * s**2 * (1 - s) * v1
    )
