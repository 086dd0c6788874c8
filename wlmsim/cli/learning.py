"""``wlmsim fit``, ``wlmsim forecast`` and ``wlmsim evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from wlmsim.cli.completion import RESERVED, words
from wlmsim.cli.errors import blaming, doing, in_shell
from wlmsim.cli.files import PLOTS, check_data, check_output, check_suffix, save_plot
from wlmsim.cli.options import (
    DataFile,
    Force,
    ModelFile,
    OptionalData,
    Output,
    Quiet,
    Scheduler,
    Settings,
    arguments,
    moment,
    numbers,
    word_or_number,
)
from wlmsim.cli.predicting import by_what, check_predictor, mechanics, needs_data, predictor
from wlmsim.cli.reading import clouds, clouds_of, load, reading, told
from wlmsim.errors import ParameterError

STOPPING = {"last": "last", "none": None}
"""Words for the marginal that chooses the number of steps."""


@reading({"velocities": "velocity_columns"})
def fit(
    data: DataFile,
    output: Output,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Fit the marginals up to this time or date. Default: all.")
    ] = None,
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
    term: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:NUMBER]",
            help="Also learn this term: pair:2.5 (a pair potential that ends at 2.5), mean-field, attention, "
            "alignment:1.0, self-propulsion; repeatable.",
        ),
    ] = None,
    alignment: Annotated[
        float | None, typer.Option(metavar="RADIUS", help="Also learn an alignment of those closer than this.")
    ] = None,
    two_sided: Annotated[
        bool,
        typer.Option("--two-sided", help="When done, predict the marginals of --hold-out from both sides, and score."),
    ] = False,
    validation: Annotated[
        str | None, typer.Option(**words("last|none|INDEX"), help="The marginal that chooses the number of steps.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    device: Annotated[str | None, typer.Option(**words("auto|cpu|cuda"), help="Where to train.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Keep the state in this file; the same command resumes from it.")
    ] = None,
    client: Scheduler = None,
    settings: Settings = None,
    force: Force = False,
    quiet: Quiet = False,
    columns: dict[str, Any] | None = None,
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
    if two_sided and not hold_out:
        raise typer.BadParameter("it needs --hold-out", param_hint="--two-sided")
    check_output(output, force, data)

    import wlmsim as wls
    from wlmsim.cli import marginals, terms
    from wlmsim.learn.group import process_group

    given = arguments(wls.learn.WLM, options, settings, reserved=RESERVED)
    parameters = {name.replace(".", "__"): value for name, value in given.items()}
    with blaming("--hidden"):
        about: dict[str, Any] = {} if widths is None else {"hidden": widths}
        potential: wls.functionals.Functional = wls.learn.ExternalPotential(**about, time_dependent=not static)
    if pair is not None:
        with blaming("--pair"):
            potential = potential + wls.learn.PairPotential(cutoff=pair)
    potential, dissipation = terms.added(potential, term or [], alignment)
    model = wls.learn.WLM(potential, dissipation=dissipation, progress=not quiet)
    try:
        model.set_params(**parameters)
    except ParameterError as error:
        if any(f"`{name}`" in str(error) or f".{name}`" in str(error) for name in _last_parts(options)):
            raise
        raise typer.BadParameter(in_shell(str(error)), param_hint="--set" if settings else None) from error
    with process_group() as group, group.one_voice():
        series, held = marginals.up_to(clouds(data, columns), until, data), None
        if hold_out:
            with blaming("--hold-out"):
                series, held = series.hold_out(hold_out)
        model.fit(series, client=client)
        if not group.first:
            return
        model.save(output)
        typer.echo(f"{output}: {model!r}, {model.best_step_} steps in {model.seconds_:.1f} s")
        if two_sided and held is not None:
            typer.echo(model.evaluate(held, two_sided=True))


def _last_parts(options: dict[str, Any]) -> list[str]:
    """The names, without their owners, of the options that were given."""
    return [name.rpartition(".")[2] for name, value in options.items() if value is not None]


@reading()
def forecast(
    model: ModelFile,
    output: Output,
    data: OptionalData = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="Time or date of the marginal to start from. Default: the last fitted one, or the first.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", "--to", metavar="TIME", help="Forecast at the data's times up to this one, or this date."
        ),
    ] = None,
    times: Annotated[
        str | None,
        typer.Option(metavar="T,T,...", help="Forecast at these times or dates, which the data need not have."),
    ] = None,
    dt: Annotated[float | None, typer.Option(help="Largest time step. Default: that of the fit.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the noise. Default: that of the model.")] = None,
    ensemble: Annotated[int, typer.Option(help="Number of independent runs of the noise.")] = 1,
    force: Force = False,
    columns: dict[str, Any] | None = None,
) -> None:
    """Predict from a marginal of the data; write the prediction.

    A model is rolled out. A study predicts by what did best on its folds, from the last of its own data without DATA.

    The suffix of the output says how: .h5, or .csv, .parquet and .nc with names, dates, longitudes and latitudes.
    """
    if times is not None and until is not None:
        raise typer.BadParameter("it cannot go with --times", param_hint="--until")
    check_data(output, force, model, data)
    check_predictor(model)
    needs_data(model, data)
    if model.is_dir() and (dt, seed, ensemble) != (None, None, 1):
        raise typer.BadParameter(
            f"a study has its own; {mechanics(model)} in place of {model} takes others",
            param_hint="--dt, --seed, --ensemble",
        )

    import wlmsim as wls
    from wlmsim import io
    from wlmsim.cli import marginals

    fitted, study = predictor(model, "forecast")
    given = study.data if study is not None and data is None else load(data or model, columns)
    tracks = given.moving() if isinstance(given, wls.Tracks) else None
    series = clouds_of(given if tracks is None else tracks)
    known = fitted.times_ if study is None else study.data.times
    start = marginals.start(series, since, known)
    if times is None:
        wanted = marginals.to_forecast(series, start.times[0], until, data or model, known).times.tolist()
    else:
        wanted = [moment("--times", text, series) for text in times.split(",")]
    begin: Any = start if tracks is None else tracks[tracks.times <= start.times[0]]
    prediction: Any
    with doing("forecasting"):
        if study is None:
            prediction = fitted.forecast(begin, wanted, dt=dt, seed=seed, ensemble=ensemble)
        else:
            begin = begin if tracks is not None else marginals.begun(study, series, start.times[0])
            prediction = study.forecast(wanted, begin)
    prediction.units = series.units
    if output.suffix.lower() == ".h5md":
        io.export(prediction, output)  # for MDAnalysis, as of `wlmsim convert`
    else:
        prediction.save(output)
    by = "" if study is None else f", {by_what(study, 'forecast')}"
    typer.echo(f"{output}: {told(prediction)}, from {marginals.told(start.times[:1], series)[0]}{by}")


@reading()
def evaluate(
    model: ModelFile,
    data: DataFile,
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="Forecast all later marginals from the one at this time. "
            "Default: each unseen marginal from the fitted one before it.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", "--to", metavar="TIME", help="Leave out the marginals after this time or date."),
    ] = None,
    two_sided: Annotated[
        bool, typer.Option("--two-sided", help="Predict each unseen marginal from the fitted ones on both sides.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Plot the scores: .png, .pdf or .svg.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the scores as JSON.")] = None,
    force: Force = False,
    columns: dict[str, Any] | None = None,
) -> None:
    """Score the predictions of a model by exact W1, beside the naive baselines.

    A study predicts by what did best on its folds: the marginals after its last one from there, or those between its
    own (--two-sided, or where there are no later ones) from both sides.
    """
    if two_sided and since is not None:
        raise typer.BadParameter("it cannot go with --from", param_hint="--two-sided")
    if plot is not None:
        check_suffix("--plot", plot, PLOTS)
        check_output(plot, force, model, data)
    if json_file is not None:
        check_output(json_file, force, model, data)
    if since is not None and model.is_dir():
        raise typer.BadParameter(
            f"a study forecasts from its last marginal; {mechanics(model)} in place of {model} takes others",
            param_hint="--from",
        )
    check_predictor(model)

    import wlmsim as wls
    from wlmsim.cli import marginals
    from wlmsim.io import atomic

    fitted, study = predictor(model, "interpolate" if two_sided else "forecast")
    given = load(data, columns)
    tracks = given.moving() if isinstance(given, wls.Tracks) else None
    series = clouds_of(given if tracks is None else tracks)
    with doing("scoring"):
        if study is not None:
            observed, goal = marginals.to_score(series, study, until, two_sided, data)
            scores = study.score(observed)
        elif since is not None:
            start = marginals.start(series, since, fitted.times_)
            observed = marginals.after(series, start.times[0], until, data)
            begun = start.times[0]
            if tracks is None:
                scores = fitted.evaluate(observed, start=start)
            else:
                later = (tracks.times > begun) & (tracks.times <= observed.times[-1])
                scores = fitted.evaluate(tracks[later], start=tracks[tracks.times <= begun])
        else:
            past, unseen = marginals.unseen(series, fitted, data)
            observed = marginals.after(unseen, past.times[0], until, data)
            scores = fitted.evaluate(observed, data=past, two_sided=two_sided)
    if study is not None:
        typer.echo(f"Predicted {by_what(study, goal)}")
    typer.echo(scores)
    if scores.by_individual is not None:
        typer.echo(f"\n{scores.by_individual}")
    if json_file is not None:
        with atomic(json_file) as temporary:
            temporary.write_text(json.dumps(scores.to_dict(), indent=2) + "\n")
    if plot is not None:
        save_plot(plot, wls.visual.plot_scores, scores)
