"""How a model looks in a notebook."""

from __future__ import annotations

from typing import Any

from wlmsim import _html, _times


def model_card(model: Any) -> str:
    """The parameters that were changed; of a fitted model what it learned, how long that took, and the loss."""
    changed = ", ".join(f"{name} = {value!r}" for name, value in model.changed_params().items())
    rows: list[tuple[str, Any]] = [("parameters", changed or "the defaults")]
    if not model.fitted:
        return _html.card("WLM, not fitted", rows)
    mechanics: Any = model.mechanics_
    rows += [
        ("learned", _html.math(mechanics._repr_latex_().strip("$"))),
        *((("term", repr(term))) for term in mechanics.potential.terms),
        ("friction", f"{model.friction_:.4g}"),
        ("fitted to", f"{len(model.times_)} marginals, t = {_times.span(model.times_).replace('..', ' to ')}"),
        ("training", f"{model.best_step_} steps, {model.seconds_:.1f} s, time step {model.dt_:.3g}"),
    ]
    if model.validation_:
        step, w1 = min(model.validation_, key=lambda score: score[1])
        rows.append(("validation", f"W1 {w1:.4g} at step {step}"))
    if model.recoveries_:
        rows.append(("recoveries", f"{len(model.recoveries_)}: training went on with half the rate and horizon"))
    loss = (
        _html.curve(model.losses_, "the loss along the training, on a logarithmic axis") if len(model.losses_) else ""
    )
    return _html.card("WLM, fitted", rows, loss)
