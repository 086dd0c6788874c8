"""Terms of the mechanics by their names on the command line."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Any

import typer

from wlmsim import _validation as check
from wlmsim.cli.errors import blaming

if TYPE_CHECKING:
    from wlmsim.functionals import Functional
    from wlmsim.mechanics.dissipation import Dissipation

POTENTIALS = {"pair": "PairPotential", "mean-field": "MeanFieldPotential", "attention": "AttentionPotential"}
DISSIPATIONS = {
    "alignment": "LearnableAlignment",
    "self-propulsion": "LearnableSelfPropulsion",
}
"""Which class each name stands for; the number after it is its first argument."""


def added(potential: Functional, terms: list[str], alignment: float | None) -> tuple[Functional, Dissipation | None]:
    """The potential with further terms, and the dissipation.

    Raises
    ------
    typer.BadParameter
        If a name is not known, or the number after it does not suit it.
    """
    dissipations: list[Any] = []
    for term in terms:
        name, colon, number = term.partition(":")
        known = {**POTENTIALS, **DISSIPATIONS}
        if name not in known:
            hint = check.meant(name, known)
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}{hint}", param_hint="--term")
        made = _made("--term", known[name], number if colon else None)
        if name in POTENTIALS:
            potential = potential + made
        else:
            dissipations.append(made)
    if alignment is not None:
        dissipations.append(_made("--alignment", DISSIPATIONS["alignment"], str(alignment)))
    return potential, functools.reduce(operator.add, dissipations) if dissipations else None


def _made(option: str, kind: str, number: str | None) -> Any:
    import wlmsim as wls

    try:
        arguments = [] if number is None else [int(number) if number.isdigit() else float(number)]
    except ValueError:
        raise typer.BadParameter(f"{number!r} is not a number", param_hint=option) from None
    with blaming(option):
        try:
            return getattr(wls.learn, kind)(*arguments)
        except TypeError:
            raise typer.BadParameter("it needs a number, such as pair:2.5", param_hint=option) from None
