"""What plots of laws of motion need to know of what they are given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional, FunctionalSum
from wlmsim.mechanics.flow import GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian


@dataclass(frozen=True)
class Mechanics:
    """What a plot of a law needs to know of a model, a Lagrangian, a flow, a system or a functional."""

    potential: Functional
    data: Any = None
    first_order: bool = False
    """Whether the potential's slope is a velocity, and not an acceleration."""

    @classmethod
    def of(cls, given: Any) -> Mechanics:
        """Find the potential energy, and the data if they are known."""
        if isinstance(given, Functional):
            return cls(given)
        fits = hasattr(given, "fit")  # which says itself that it must be called first
        mechanics = given.mechanics_ if fits else getattr(given, "mechanics", given)
        if not isinstance(mechanics, (Lagrangian, GradientFlow)):
            raise check.fail("mechanics", "a fitted WLM, a Lagrangian, a GradientFlow, a System or a Functional", given)
        if mechanics.potential is None:
            raise check.fail("mechanics", "with a potential energy", given)
        data = getattr(given, "data_" if fits else "population", None)
        return cls(mechanics.potential, data, isinstance(mechanics, GradientFlow))

    def of_degree(self, degree: int, what: str, instead: str) -> Functional:
        """The sum of the terms of this degree in the density."""
        terms = [term for term in self.potential.terms if term.degree == degree]
        if not terms:
            raise ParameterError(f"`mechanics` must have {what} to be drawn{instead}; got {self.potential!r}")
        return terms[0] if len(terms) == 1 else FunctionalSum(*terms)


def series_of(data: Any) -> Any:
    """The data as a series of clouds; of a single population, as a series of one."""
    if data is None:
        raise ParameterError("`data` must be given to say which part of space to draw: snapshots or a population")
    if isinstance(data, Population):
        return SnapshotSeries.from_populations([data])
    return check.instance("data", data, (SnapshotSeries, Trajectory, Population))


def members(part: Functional) -> list[Functional]:
    """The members of a fit, if the functional is a mean of several; sums of means are taken member by member."""
    columns = [list(getattr(term, "functionals", [term])) for term in part.terms]
    count = max(map(len, columns))
    columns = [column * count if len(column) == 1 else column for column in columns]
    return [row[0] if len(row) == 1 else FunctionalSum(*row) for row in zip(*columns, strict=True)]


def is_learned(parts: Iterable[Functional]) -> bool:
    """Whether one of the functionals has a term that was fitted."""
    return any(hasattr(term, "parameters") for part in parts for term in part.terms)
