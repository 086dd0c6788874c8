"""Known form, unknown numbers: parameters of an analytic model from snapshots, with standard errors."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import ParameterError
from wlmsim.integrators import Integrator
from wlmsim.learn.known_form.minimum_distance import descend
from wlmsim.learn.known_form.parameter_names import Model, parameters_of, with_parameters
from wlmsim.learn.known_form.predictions import Predictions, windows_of
from wlmsim.learn.known_form.sampling_errors import bootstrap_covariance, debias, is_matched, matched_covariance
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.base import System


@dataclass(frozen=True)
class FittedParameters:
    """Parameters learned by `fit_parameters`; ``print`` it for a table.

    Attributes
    ----------
    values, errors : dict of str to float
        The learned values and their standard errors, by name, each in the unit of its parameter. An error is infinite
        where the data do not determine the parameter, NaN if none were asked for.
    start : dict of str to float
        The values that the fit began with.
    covariance : ndarray, shape (p, p)
        Covariance of the values, in the order of `values`.
    errors_by : {"matched", "bootstrap", "none"}
        Where the errors come from, see `fit_parameters`.
    distance : float
        Root mean square distance over the transport plans between predicted and observed clouds [length].
    iterations : int
        Gauss-Newton steps.
    converged : bool
        Whether the steps became small before the iterations ran out.
    seconds : float
        Wall time of the fit.
    model_ : Lagrangian, Flow or System
        The model that was given, with the learned values.
    """

    values: dict[str, float]
    errors: dict[str, float]
    start: dict[str, float]
    covariance: np.ndarray
    errors_by: str
    distance: float
    iterations: int
    converged: bool
    seconds: float
    model_: Any

    @property
    def system_(self) -> System:
        """The system with the learned values; `AttributeError` if a Lagrangian or a flow was fitted."""
        if not isinstance(self.model_, System):
            raise AttributeError(f"a {type(self.model_).__name__} was fitted and no system")
        return self.model_

    @property
    def lagrangian_(self) -> Lagrangian:
        """The Lagrangian with the learned values."""
        return self.model_ if isinstance(self.model_, Lagrangian) else self.model_.lagrangian

    def table(self) -> Any:
        """A rich table with a row for each parameter."""
        from rich.markup import escape
        from rich.table import Table

        title = f"distance {self.distance:.3g}, {self.iterations} steps, {self.seconds:.1f} s"
        table = Table(title=title if self.converged else f"not converged; {title}")
        table.add_column("parameter")
        for column in ("value", f"standard error ({self.errors_by})", "start"):
            table.add_column(column, justify="right")
        for name, value in self.values.items():
            error = self.errors[name]
            table.add_row(escape(name), _rounded(value, error), f"{error:.2g}", f"{self.start[name]:g}")
        return table

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        console = Console(file=StringIO(), width=100, color_system=None)
        console.print(self.table())
        return console.file.getvalue().rstrip()  # type: ignore[attr-defined]


def _rounded(value: float, error: float) -> str:
    """The value to two digits of its error."""
    if not 1e-9 * abs(value) < error < math.inf:
        return f"{value:.6g}"
    return f"{value:.{max(0, 1 - math.floor(math.log10(error)))}f}"


def fit_parameters(
    model: Model,
    data: SnapshotSeries,
    learn: Sequence[str],
    *,
    initial_velocities: str = "given",
    horizon: int | None = None,
    dt: float | None = None,
    integrator: Integrator | None = None,
    errors: str = "auto",
    resamples: int = 40,
    iterations: int = 50,
    seed: int = 0,
    progress: bool = False,
) -> FittedParameters:
    """Learn named parameters of an analytic model from snapshots.

    The model is simulated from every marginal whose velocities are known, and the parameters minimise the squared
    2-Wasserstein distance between predicted and observed clouds. Rows of different marginals are never linked.

    Parameters
    ----------
    model : Lagrangian, Flow or System
        The form, and the values to start from. It stays as it is.
    data : SnapshotSeries
        At least two marginals; several populations are fitted together.
    learn : sequence of str
        Names of the parameters to learn, among those of `parameters_of`, for example
        ``["friction", "pairwise.c"]``.
    initial_velocities : {"given", "zero"}
        Whether predictions start with the data's velocities or, at the first marginal only, from rest. A flow needs
        none and starts at every marginal. Default "given".
    horizon : int, optional
        How many marginals each prediction runs over. Longer ones tell more about slow motions, but no more than chaos
        allows. Default: up to the next marginal that predictions can start from.
    dt : float, optional
        Largest time step. Default: a twentieth of the mean interval between marginals; one step an interval for rules
        at constant speed (`ConstantSpeedEuler`).
    integrator : Integrator, optional
        Default: that of the system, or of `wlmsim.simulate`.
    errors : {"auto", "matched", "bootstrap", "none"}
        Where standard errors come from. "matched": the sandwich formula over the particles, with the transport plan
        as the true correspondence; right where the same individuals are seen at all times and every cloud is met to
        within the distance between particles. "bootstrap": from the scores of resampled rows; right where marginals
        are independent samples, too large where they share individuals. Default "auto": whichever of the two fits
        the distance that remains.
    resamples : int
        Number of bootstrap samples, at least 2. Default 40.
    iterations : int
        Most Gauss-Newton steps. Default 50.
    seed : int
        Of the resampling. Default 0.
    progress : bool
        Whether to show how far the fit is. Default False.

    Returns
    -------
    FittedParameters

    Raises
    ------
    ParameterError
        If a name is unknown (the message lists those that are known), a parameter does not change the predictions, or
        the data do not suffice.

    Notes
    -----
    Gauss-Newton with Levenberg and Marquardt's damping. The plan is solved anew at each step, and the derivatives of
    the predictions are central differences through the compiled simulator, so that any analytic model can be fitted.
    Steps of the differences follow the steps of the parameters down to 0.1%: a difference over a finite step is the
    derivative smoothed over it, which makes cutoff radii learnable, first coarsely and then finely.

    The distance between two finite samples of one density is not least at the true parameters. Unless the clouds are
    matched, the fit is therefore completed with the debiased distance, in which what half a predicted cloud is from
    the other half is subtracted, as in a Sinkhorn divergence.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> truth = wls.systems.HarmonicOscillator(n=100, frequency=2.0, friction=0.3, seed=0)
    >>> data = truth.exact(np.linspace(0, 3, 7)).snapshots(seed=0)
    >>> guess = wls.systems.HarmonicOscillator(frequency=1.5)
    >>> fit = wls.learn.fit_parameters(guess, data, ["frequency", "friction"])
    >>> {name: round(value, 2) for name, value in fit.values.items()}
    {'frequency': 2.0, 'friction': 0.3}
    """
    started = time.monotonic()
    names = _check_names(model, learn)
    check.instance("data", data, SnapshotSeries)
    check.choice("initial_velocities", initial_velocities, ("given", "zero"))
    check.choice("errors", errors, ("auto", "matched", "bootstrap", "none"))
    check.integer("resamples", resamples, least=2)
    check.integer("iterations", iterations)
    check.integer("seed", seed, least=0)
    if integrator is not None:
        check.instance("integrator", integrator, Integrator)
    if dt is not None:
        check.positive("dt", dt)
    first_order = isinstance(model.mechanics if isinstance(model, System) else model, Flow)
    windows = [
        window
        for label in data.population_labels
        for window in windows_of(data.population(label), initial_velocities, first_order, horizon)
    ]
    predictions = Predictions(model, names, windows, integrator, dt)
    known = parameters_of(model)
    start = {name: known[name] for name in names}

    covariance = np.full((len(names), len(names)), np.nan)
    with _status(progress) as show:
        fit = descend(predictions, np.array(list(start.values())), iterations, show)
        matched = is_matched(predictions, fit) if errors in ("auto", "none") else errors == "matched"
        if not matched:
            show("removing the bias of finite samples")
            fit, curvature = debias(predictions, fit, seed)
        if errors != "none":
            show("standard errors")
            covariance = (
                matched_covariance(predictions, fit)
                if matched
                else bootstrap_covariance(predictions, fit, curvature, resamples, seed)
            )
    values = dict(zip(names, fit.theta.tolist(), strict=True))
    return FittedParameters(
        values=values,
        errors=dict(zip(names, np.sqrt(np.diag(covariance)).tolist(), strict=True)),
        start=start,
        covariance=covariance,
        errors_by="none" if errors == "none" else "matched" if matched else "bootstrap",
        distance=math.sqrt(fit.cost),
        iterations=fit.steps,
        converged=fit.converged,
        seconds=time.monotonic() - started,
        model_=with_parameters(model, values),
    )


def _check_names(model: Model, learn: Sequence[str]) -> list[str]:
    known = parameters_of(model)
    names = [learn] if isinstance(learn, str) else list(learn)
    if not names or len(set(names)) < len(names):
        raise check.fail("learn", "at least one name of a parameter, each once", learn)
    for name in names:
        if name not in known:
            among = ", ".join(known) or "none"
            raise ParameterError(f"`learn` must name parameters among {among}; got {name!r}{check.meant(name, known)}")
    return names


@contextmanager
def _status(show: bool) -> Iterator[Callable[[str], None]]:
    if not show:
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("fitting parameters") as status:
        yield lambda text: status.update(f"fitting parameters: {text}")
