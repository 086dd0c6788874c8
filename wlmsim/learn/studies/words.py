"""What a study found, how far to believe it, and how it went, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from wlmsim.data.dates import in_words, span
from wlmsim.learn.studies.folds import FORECAST, GOALS
from wlmsim.learn.studies.ranking import TOLD_APART, Ranking, is_naive, rankings
from wlmsim.learn.studies.search import Entry
from wlmsim.learn.studies.trust import AGREE, Agreement, calibrations, fits, frictions
from wlmsim.learn.training.fitting import matching_of, rolled_steps

ASKED = {FORECAST: "Later marginals", GOALS[1]: "Marginals between known ones"}
"""What a goal asks for."""
DONE = {FORECAST: "Forecasts", GOALS[1]: "Interpolation"}
"""What answers it."""
FEW = 3
"""Fewer folds tell little."""
NEGLIGIBLE = 0.05
"""Friction times the span of the data below which it hardly acts."""
WIDE = 2.0
"""Friction rates that differ by more than this factor are said to be uncertain."""
COMPILED = 0.1
"""Share of the budget that went to compiling above which it is told."""
TOO_NARROW = 1.5
"""Errors that are larger than bands by this factor are said to be."""


def title(study: Any) -> str:
    """What was studied, in a line."""
    return (
        f"A study of {len(study.data)} marginals in {study.data.dim} dimensions, {span(study.data.times, study.data)}"
    )


def findings(study: Any) -> list[str]:
    """What predicts best for each goal, and by how much."""
    ranked = rankings(study)
    if not ranked:
        return [
            "Nothing could be left out of so few marginals: no candidate was tested, and the most likely one was taken."
        ]
    return [sentence for ranking in ranked for sentence in [*_of_goal(ranking), *_of_use(ranking)]]


def _of_use(ranking: Ranking) -> Iterator[str]:
    """What predicts, where that is not the best for this goal."""
    best, used = ranking.best, ranking.used
    if best is None or used is None or used is best:
        return
    if is_naive(used):
        yield f"Predictions use '{used.name}': the mechanics that does best on all goals together is worse at this one."
    else:
        yield f"Predictions use '{used.name}', the mechanics that does best on all goals together."


def _of_goal(ranking: Ranking) -> Iterator[str]:
    asked, best = ASKED[ranking.goal], ranking.best
    if best is None:
        yield f"{asked}: every prediction diverged."
        return
    learned, naive = ranking.first(naive=False), ranking.first(naive=True)
    w1 = f"W1 {distance(ranking, best)}, {_over(ranking)}"
    if not is_naive(best):
        beside = f": {_less(ranking, best, naive)}" if naive else ""
        yield f"{asked} are predicted best by the learned mechanics '{best.name}', {w1}{beside}."
    elif learned is None:
        yield f"{asked} are predicted by '{best.name}', {w1}, which is no mechanics: none could be scored in time."
    else:
        yield (
            f"{asked} are predicted best by '{best.name}', {w1}, which is no mechanics; predictions use it. "
            f"The best mechanics, '{learned.name}', is {_more(ranking, learned, best)} "
            f"(W1 {distance(ranking, learned)})."
        )
    if near := ranking.undecided:
        names = ", ".join(f"'{entry.name}'" for entry in near)
        few = "are too few, or too unlike," if len(ranking.folds) > 1 else "is too little"
        yield f"{_folds(ranking).capitalize()} {few} to tell it apart from: {names}."


def _over(ranking: Ranking) -> str:
    return f"geometric mean over {_folds(ranking)}" if len(ranking.folds) > 1 else "on one fold"


def _folds(ranking: Ranking) -> str:
    count = len(ranking.folds)
    return f"{count} folds" if count > 1 else "one fold"


def distance(ranking: Ranking, entry: Entry) -> str:
    """A mean W1 with its unit."""
    return f"{number(ranking.mean[entry.name])}{' ' + ranking.length_unit if ranking.length_unit else ''}"


def number(value: float) -> str:
    """A distance as tables and sentences give it."""
    return "diverged" if math.isinf(value) else f"{value:.4g}"


def _less(ranking: Ranking, entry: Entry, other: Entry) -> str:
    share = 1 - ranking.mean[entry.name] / max(ranking.mean[other.name], 1e-300)
    return f"{share:.0%} below the best that needs no mechanics, {other.name} ({distance(ranking, other)})"


def _more(ranking: Ranking, entry: Entry, other: Entry) -> str:
    found, least = ranking.mean[entry.name], ranking.mean[other.name]
    if least == 0:
        return "not exact" if found else "exact too"
    ratio = found / least
    return f"{ratio - 1:.0%} worse" if ratio < 2 else f"{ratio:.2g} times as far off"


def learned(study: Any) -> list[str]:
    """What the chosen mechanics is, and its friction."""
    mechanics = study.model.mechanics_
    dissipation = getattr(mechanics, "dissipation", None)
    others = [] if dissipation is None else [term for term in dissipation.terms if not term.only_friction]
    terms = [repr(_one_of(term)) for term in [*mechanics.potential.terms, *others]]
    name = f"'{study.learned}'" if study.learned else "the most likely candidate"
    count = f"{study.chosen.members} networks" if study.chosen.members > 1 else "one network"
    return [f"Fitted to all marginals: {name}, {count}. Terms: {', '.join(terms)}.", _friction(study), *_growth(study)]


def _one_of(term: Any) -> Any:
    """One of those that a term is the mean of."""
    return next(iter(getattr(term, "functionals", getattr(term, "dissipations", [term]))))


def _friction(study: Any) -> str:
    chosen, unit = study.chosen, study.data.units.get("time", "")
    per = f" / {unit}" if unit not in ("", "dimensionless") else ""
    if chosen.speed is not None:
        return f"All keep the speed {chosen.speed:.4g}; friction means nothing then."
    if chosen.first_order:
        return "Friction is infinite: the force is the velocity, and there is no inertia."
    found = frictions(study)
    if not found:
        return f"Friction is given: {study.model.friction_:.4g}{per}."
    lost = -math.expm1(-max(found) * float(np.ptp(study.data.times)))
    hardly = f" That is hardly any: it takes at most {lost:.1%} of a velocity from the first time to the last."
    slight = hardly if lost < NEGLIGIBLE else ""
    if len(found) == 1:
        return f"Friction {found[0]:.3g}{per}, by one network; how sure that is cannot be told.{slight}"
    return (
        f"Friction {study.model.friction_:.3g}{per}; {min(found):.3g} to {max(found):.3g} over "
        f"{_networks(study, len(found))}.{slight}"
    )


def _growth(study: Any) -> Iterator[str]:
    """Whether particles multiply and die, where that was asked or may be asked."""
    asked = getattr(study.chosen.part("loss"), "reach", math.inf) != math.inf
    unit = study.data.units.get("length", "")
    known = any(rates is not None for rates in study.data.growth)
    if study.model.reach_ < math.inf:
        of_unit = f" {unit}" if unit not in ("", "dimensionless") else ""
        yield (
            f"Growth was learned{', beside what was known' if known else ''}: farther than "
            f"{study.model.reach_:.3g}{of_unit}, particles rather multiply and die than move; "
            "`study.model.growth_rate` tells the rates."
        )
    elif known:
        yield "Growth is what was known beforehand; `study.model.growth_rate` tells the rates."
    elif asked or study.seen.growing:
        yield "No growth was learned: every particle keeps its weight."


def _networks(study: Any, count: int) -> str:
    """Which networks were compared."""
    return f"{count} networks, fitted to all marginals{' and to the folds' if len(fits(study)) > 1 else ''}"


def cautions(study: Any) -> list[str]:
    """What cannot be trusted, and why."""
    ranked = rankings(study)
    return [*_of_folds(study, ranked), *_of_rankings(ranked), *_of_fits(study), *_of_units(study)]


def _of_folds(study: Any, ranked: list[Ranking]) -> Iterator[str]:
    if not ranked:
        yield f"Of {len(study.data)} marginals none could be left out: how well anything predicts is unknown."
    for ranking in ranked:
        if len(ranking.folds) < FEW:
            yield f"{ASKED[ranking.goal]}: scores of {_folds(ranking)} tell little."
    if missing := [goal for goal in study.goals if goal not in [ranking.goal for ranking in ranked]]:
        yield from (f"{ASKED[goal]}: nothing could be left out to test it." for goal in missing if ranked)
    for ranking in ranked:
        if ranking.goal == FORECAST:
            ahead = max(float(held.times[-1] - known.times[-1]) for f in ranking.folds for known, held in f.parts)
            yield f"Forecasts were tested up to {ahead:.3g} ahead of the last known marginal; farther ones were not."


def _of_rankings(ranked: list[Ranking]) -> Iterator[str]:
    for ranking in ranked:
        best, still = ranking.best, ranking.mean.get("persistence", math.inf)
        if best is None:
            continue
        if ranking.mean[best.name] > (1 - TOLD_APART) * still:
            yield f"{ASKED[ranking.goal]}: nothing predicts clearly better than that all stay where they are."
        learned = ranking.first(naive=False)
        if learned is None:
            yield f"{ASKED[ranking.goal]}: the mechanics that was fitted was not tested on any fold."
        elif is_naive(best):
            than = "no better" if learned in ranking.undecided else "worse"
            yield f"{ASKED[ranking.goal]}: mechanics predicts {than} than '{best.name}'; read its laws with care."
        if diverged := [name for name, mean in ranking.mean.items() if math.isinf(mean)]:
            yield f"Diverged on a fold: {', '.join(diverged)}."


def _of_fits(study: Any) -> Iterator[str]:
    agreement = Agreement.of(study)
    if math.isnan(agreement.share):
        yield "There is one network only: where its forces are known and where they are guesses cannot be told."
    else:
        networks = _networks(study, len(agreement.potentials))
        yield (
            f"At {agreement.share:.0%} of the data {networks}, agree about the force within {AGREE:.0%}; "
            "elsewhere it is a guess."
        )
    found = frictions(study)
    matters = bool(found) and max(found) * float(np.ptp(study.data.times)) > NEGLIGIBLE
    if len(found) > 1 and matters and max(found) > WIDE * min(found):
        yield f"Friction is uncertain by a factor of {max(found) / max(min(found), 1e-300):.2g}."


def _of_units(study: Any) -> Iterator[str]:
    if study.velocity_factor != 1.0:
        yield (
            f"Velocities were multiplied by {study.velocity_factor:.4g}: `study.data` holds them so, and the model "
            "takes others in this unit."
        )


def calibration(study: Any) -> list[str]:
    """Whether errors of forecasts are as large as differences between fits let one expect."""
    found = calibrations(study)
    if not found:
        return ["No two fits forecast a marginal that neither had seen: whether bands are wide enough cannot be told."]
    data = study.data
    sentences = [
        f"At {in_words([one.time], data, data.times)[0]}, which {one.fits} fits had not seen, forecasts are off by "
        f"W1 {number(one.error)} and differ among themselves by {number(one.spread)}; two halves of what was observed "
        f"differ by {number(one.sampling)}."
        for one in found
    ]
    ratio = float(np.mean([one.ratio for one in found]))
    if ratio > TOO_NARROW:
        return [
            *sentences,
            f"Bands are too narrow: errors are {ratio:.2g} times what bands and sampling let one expect.",
        ]
    return [*sentences, "Errors are no larger than bands and sampling let one expect."]


def course(study: Any) -> list[str]:
    """How the study went: time, what was not tried."""
    lines = [f"It took {study.seconds:.0f} s of a budget of {study.budget:.0f} s."]
    if study.compiling > COMPILED * study.budget:
        lines.append(
            f"Of these {study.compiling:.0f} s went to compiling, which is done once on a machine: the same study "
            "again gets farther."
        )
    if study.interrupted:
        lines.append("It was interrupted: what had been found until then was taken.")
    if any(fit is study.model for entry in study.entries for fit in entry.fits):
        lines.append("The mechanics is as it was fitted to a fold, without what is left out there.")
    elif (taken := _steps_taken(study)) is not None:
        lines.append(f"The last fit ended with the budget, after {taken} steps: a larger one may better it.")
    if study.late:
        lines.append("To fit a better mechanics to all marginals there was no time: a larger budget may find it.")
    if study.untried and study.folds:
        lines.append(f"Not tried for lack of time: {', '.join(map(repr, study.untried))}. A larger budget would.")
    return lines


def _steps_taken(study: Any) -> str | None:
    """How many training steps of those that were planned the last fit took; None where it took them all."""
    planned, taken = rolled_steps(study.chosen), len(study.model.losses_)
    matching = matching_of(study.chosen)
    most = planned + (0 if matching is None else matching.steps or planned)
    return None if not planned or taken in (planned, most) else f"{taken} of {most}"


def repeat(study: Any) -> str:
    """The expression that repeats the fit."""
    return f"{study.chosen!r}"
