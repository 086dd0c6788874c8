"""What a model of `WLM` asks to cite: keys of the entries in `wlmsim.citing`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

LOSSES = {
    "Exact": ("jonker1987", "bonneel2011", "flamary2021"),  # equal clouds are matched, others go to POT
    "Sinkhorn": ("feydy2019", "cuturi2013", "lehmann2022", "schmitzer2019"),
    "Sliced": ("bonneel2015",),
    "Energy": ("szekely2013",),
}
"""Of the losses."""
TERMS = {
    "AttentionPotential": ("lee2019",),
    "Alignment": ("cucker2007",),
    "LearnableAlignment": ("cucker2007",),
    "SelfPropulsion": ("dorsogna2006",),
    "LearnableSelfPropulsion": ("dorsogna2006",),
}
"""Of the terms of the potential and the dissipation."""
FOURIER_FEATURES = ("tancik2020",)
GROWTH = ("liero2018", "chizat2018")
NOISE = ("leonard2014", "chen2022")
WEAK_FORM = ("tipping2001", "morozov1966")
MATCHING = ("chen2018",)
FLOW_MATCHING = ("lipman2023",)
BRIDGE_MATCHING = ("shi2023",)
OPTIMISER = ("loshchilov2019",)


def references(model: Any) -> list[str]:
    """Return the keys of what a model uses, or will use, and of the data that it was fitted to."""
    return [*_of_methods(model), *getattr(model, "cites_", ())]


def _of_methods(model: Any) -> Iterator[str]:
    loss, grows = _loss(model)
    yield from LOSSES.get(loss, ())
    if grows:
        yield from GROWTH
    if model.noise != 0:
        yield from NOISE
    for term in [*_terms(model.potential), *_terms(model.dissipation)]:
        yield from TERMS.get(type(term).__name__, ())
        if getattr(term, "fourier_features", 0):
            yield from FOURIER_FEATURES
    if _begins_by_weak_form(model):
        yield from WEAK_FORM
    elif model.matching is not None or model.rollouts is None:
        yield from _of_matching(model)
    yield from OPTIMISER


def _of_matching(model: Any) -> tuple[str, ...]:
    """Of accelerations, of velocities, or of drifts."""
    if model.friction != math.inf:
        return MATCHING
    return BRIDGE_MATCHING if model.noise != 0 else FLOW_MATCHING


def _loss(model: Any) -> tuple[str, bool]:
    """The name of the loss, and whether particles multiply and die in it."""
    loss = model.part("loss")
    return type(loss).__name__, getattr(loss, "reach", math.inf) != math.inf


def _terms(sum_of_terms: Any) -> list[Any]:
    return [] if sum_of_terms is None else list(sum_of_terms.terms)


def _begins_by_weak_form(model: Any) -> bool:
    """Whether the fit begins as `wlmsim.learn.matching.weak_form` says: in a gradient flow of a series alone."""
    return model.friction == math.inf and [type(x).__name__ for x in _terms(model.potential)] == ["SeriesPotential"]
