"""``wlmsim interpolate``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wlmsim.cli.errors import doing
from wlmsim.cli.files import check_data
from wlmsim.cli.options import Force, ModelFile, OptionalData, Output, moment
from wlmsim.cli.predicting import by_what, check_predictor, needs_data, predictor
from wlmsim.cli.reading import clouds, reading, told


@reading()
def interpolate(
    model: ModelFile,
    output: Output,
    times: Annotated[str, typer.Option(metavar="T,T,...", help="Predict at these times or dates.", show_default=False)],
    data: OptionalData = None,
    force: Force = False,
    columns: dict[str, Any] | None = None,
) -> None:
    """Predict marginals between known ones from both sides; write them.

    A study predicts by what did best on its folds, between the marginals that it has; a model takes them from DATA.
    """
    check_data(output, force, model, data)
    check_predictor(model)
    needs_data(model, data)

    from wlmsim.cli import marginals

    fitted, study = predictor(model, "interpolate")
    if study is not None and data is not None:
        raise typer.BadParameter("a study has its own; it predicts between these alone", param_hint="DATA")
    known = study.data if study is not None else marginals.fitted(clouds(data or model, columns), fitted, data or model)
    wanted = [moment("--times", text, known) for text in times.split(",")]
    with doing("interpolating"):
        between = fitted.interpolate(wanted, known, two_sided=True) if study is None else study.interpolate(wanted)
    between.save(output)
    by = "" if study is None else f", {by_what(study, 'interpolate')}"
    typer.echo(f"{output}: {told(between)}{by}")
