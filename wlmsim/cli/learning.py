"""``wlmsim fit``, ``wlmsim forecast`` and ``wlmsim evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wlmsim.cli.completion import RESERVED, words
from wlmsim.cli.errors import blaming, report
from wlmsim.cli.files import PLOTS, check_output, check_suffix, save_plot
from wlmsim.cli.options import (
    DataFile,
    Force,
    ModelFile,
    Output,
    Quiet,
    Settings,
    arguments,
    numbers,
    word_or_number,
)
from wlmsim.errors import ParameterError, WlmsimError

STOPPING = {"last": "last", "none": None}
"""Words for the marginal that chooses the number of steps."""

if TYPE_CHECKING:
    import numpy as np

    from wlmsim.data.snapshots import SnapshotSeries
    from wlmsim.learn import WLM


def fit(
    data: DataFile,
    output: Output,
    until: Annotated[float | None, typer.Option(help="Fit the marginals up to this time. Default: all.")] = None,
    hold_out: Annotated[
        list[int] | None, typer.Option(metavar="INDEX", help="Leave out this marginal; counts from 0; repeatable.")
    ] = None,
    friction: Annotated[str | None, typer.Option(**words("learn|NUMBER"), help="Friction rate.")] = None,
    initial_velocities: Annotated[
        str | None,
        typer.Option(
            "--velocities",
            **words("given|zero|learn|transport|potential"),
            help="Velocities that rollouts start with.",
        ),
    ] = None,
    rollouts: Annotated[
        str | None, typer.Option(**words("anchored|multiple-shooting"), help="Where rollouts start.")
    ] = None,
    loss: Annotated[
        str | None, typer.Option(**words("exact|sinkhorn|sliced|energy"), help="Distance between clouds.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Most training steps.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    dt: Annotated[float | None, typer.Option(help="Largest time step.")] = None,
    hidden: Annotated[str | None, typer.Option(metavar="N,N,...", help="Widths of the hidden layers.")] = None,
    static: Annotated[bool, typer.Option("--static", help="A potential that does not depend on time.")] = False,
    pair: Annotated[
        float | None, typer.Option(metavar="CUTOFF", help="Also learn a pair potential that ends at this distance.")
    ] = None,
    validation: Annotated[
        str | None, typer.Option(**words("last|none|INDEX"), help="The marginal that chooses the number of steps.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    device: Annotated[str | None, typer.Option(**words("auto|cpu|cuda"), help="Where to train.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Keep the state in this file; the same command resumes from it.")
    ] = None,
    settings: Settings = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Learn a Lagrangian from snapshots; write the model.

    What is not given has the default of wlmsim.learn.WLM.
    """
    options = {
        "friction": friction and word_or_number("--friction", friction, {"learn": "learn"}, float),
        "initial_velocities": initial_velocities,
        "rollouts": rollouts,
        "rollouts.dt": dt,
        "loss": loss,
        "optimiser.steps": steps,
        "optimiser.learning_rate": learning_rate,
        "stopping.validation": validation and word_or_number("--validation", validation, STOPPING, int),
        "runtime.device": device,
        "seed": seed,
        "checkpoint": checkpoint,
    }
    widths = None if hidden is None else numbers("--hidden", hidden, int)
    check_output(output, force, data)

    import wlmsim as wls

    given = arguments(wls.learn.WLM, options, settings, reserved=RESERVED)
    parameters = {name.replace(".", "__"): value for name, value in given.items()}
    with blaming("--hidden"):
        about: dict[str, Any] = {} if widths is None else {"hidden": widths}
        potential: wls.functionals.Functional = wls.learn.ExternalPotential(**about, time_dependent=not static)
    if pair is not None:
        with blaming("--pair"):
            potential = potential + wls.learn.PairPotential(cutoff=pair)
    model = wls.learn.WLM(potential, progress=not quiet)
    try:
        model.set_params(**parameters)
    except ParameterError as error:
        if any(f"`{name}`" in str(error) or f".{name}`" in str(error) for name in _last_parts(options)):
            raise
        raise typer.BadParameter(str(error), param_hint="--set" if settings else None) from error
    series = _up_to(wls.SnapshotSeries.load(data), until, data)
    if hold_out:
        with blaming("--hold-out"):
            series, _ = series.hold_out(hold_out)
    model.fit(series).save(output)
    typer.echo(f"{output}: {model!r}, {model.best_step_} steps in {model.seconds_:.1f} s")


def _last_parts(options: dict[str, Any]) -> list[str]:
    """The names, without their owners, of the options that were given."""
    return [name.rpartition(".")[2] for name, value in options.items() if value is not None]


def forecast(
    model: ModelFile,
    data: DataFile,
    output: Output,
    since: Annotated[
        float | None,
        typer.Option("--from", help="Time of the marginal to start from. Default: the last fitted one, or the first."),
    ] = None,
    until: Annotated[float | None, typer.Option(help="Forecast at the data's times up to this one.")] = None,
    times: Annotated[
        str | None, typer.Option(metavar="T,T,...", help="Forecast at these times, not the data's.")
    ] = None,
    dt: Annotated[float | None, typer.Option(help="Largest time step. Default: that of the fit.")] = None,
    force: Force = False,
) -> None:
    """Roll a model out from a marginal of the data; write the trajectory."""
    if times is not None and until is not None:
        raise typer.BadParameter("it cannot go with --times", param_hint="--until")
    wanted = None if times is None else numbers("--times", times, float)
    check_output(output, force, model, data)

    import wlmsim as wls

    fitted, series = wls.learn.WLM.load(model), wls.SnapshotSeries.load(data)
    start = _start(series, since, fitted)
    if wanted is None:
        wanted = _after(series, start.times[0], until, data).times.tolist()
    prediction = fitted.forecast(start, wanted, dt=dt)
    prediction.units = series.units
    prediction.save(output)
    typer.echo(f"{output}: {prediction!r} from t = {start.times[0]:g}")


def evaluate(
    model: ModelFile,
    data: DataFile,
    since: Annotated[
        float | None,
        typer.Option(
            "--from",
            help="Forecast all later marginals from the one at this time. "
            "Default: each unseen marginal from the fitted one before it.",
        ),
    ] = None,
    until: Annotated[float | None, typer.Option(help="Leave out the marginals after this time.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Plot the scores: .png, .pdf or .svg.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the scores as JSON.")] = None,
    force: Force = False,
) -> None:
    """Score the predictions of a model by exact W1, beside the naive baselines."""
    if plot is not None:
        check_suffix("--plot", plot, PLOTS)
        check_output(plot, force, model, data)
    if json_file is not None:
        check_output(json_file, force, model, data)

    import wlmsim as wls
    from wlmsim.io import atomic

    fitted, series = wls.learn.WLM.load(model), wls.SnapshotSeries.load(data)
    if since is not None:
        start = _start(series, since, fitted)
        observed = _after(series, start.times[0], until, data)
        if seen := _among(observed.times, fitted.times_).sum():
            report(f"warning: {seen} of the {len(observed)} scored marginals have times that were fitted")
        scores = fitted.evaluate(observed, start=start)
    else:
        past, unseen = _unseen(series, fitted, data)
        scores = fitted.evaluate(_after(unseen, past.times[0], until, data), data=past)
    typer.echo(scores)
    if json_file is not None:
        with atomic(json_file) as temporary:
            temporary.write_text(json.dumps(scores.to_dict(), indent=2) + "\n")
    if plot is not None:
        save_plot(plot, wls.visual.plot_scores, scores)


def _just_above(time: float) -> float:
    """A time with the tolerance to rounding that `SnapshotSeries.at` has."""
    return time + 1e-9 * abs(time) + 1e-12


def _among(times: np.ndarray, others: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.isclose(times[:, None], others, rtol=1e-9, atol=1e-12).any(axis=1)


def _start(series: SnapshotSeries, since: float | None, model: WLM) -> SnapshotSeries:
    """The marginal at `since`, with its populations; without it the last fitted one, or else the first."""
    if since is not None:
        with blaming("--from"):
            return series[[int((series.times == series.at(since).time).argmax())]]
    fitted = _among(series.times, model.times_[-1:])
    return series[[int(fitted.argmax())]]


def _up_to(series: SnapshotSeries, until: float | None, path: Path) -> SnapshotSeries:
    if until is None:
        return series
    kept = series.times <= _just_above(until)
    if not kept.any():
        raise typer.BadParameter(f"{path} holds no marginal up to t = {until:g}", param_hint="--until")
    return series[kept.nonzero()[0].tolist()]


def _after(series: SnapshotSeries, start: float, until: float | None, path: Path) -> SnapshotSeries:
    later = series.times > _just_above(start)
    if not later.any():
        raise WlmsimError(f"{path}: it holds no marginal after t = {start:g}")
    return _up_to(series[later.nonzero()[0].tolist()], until, path)


def _unseen(series: SnapshotSeries, model: WLM, path: Path) -> tuple[SnapshotSeries, SnapshotSeries]:
    """The marginals at the fitted times, and the others."""
    seen = _among(series.times, model.times_)
    if seen.all():
        raise WlmsimError(f"{path}: the model was fitted at all of its times; give --from to score it there")
    if not seen.any():
        raise WlmsimError(f"{path}: the model was fitted at none of its times; give --from to start somewhere")
    return series[seen.nonzero()[0].tolist()], series[(~seen).nonzero()[0].tolist()]
