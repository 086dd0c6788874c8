"""``wlmsim annotate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wlmsim.cli.completion import files
from wlmsim.cli.files import check_output, check_suffix, check_there
from wlmsim.cli.options import Force, ModelFile, Output, Quiet
from wlmsim.cli.predicting import check_predictor, mechanics

CELLS = (".h5ad",)

CellsFile = Annotated[
    Path, typer.Argument(metavar="CELLS", help="Cells: .h5ad.", autocompletion=files(*CELLS), show_default=False)
]


def annotate(
    model: ModelFile,
    cells: CellsFile,
    output: Output,
    genes: Annotated[
        bool | None,
        typer.Option("--genes/--no-genes", help="Write velocities of genes. Default: where loadings are, up to 2 GB."),
    ] = None,
    prefix: Annotated[str, typer.Option(help="What all names that are written begin with.")] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is in CELLS and was not written by wlmsim.")
    ] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write what was learned of each cell: velocities, potential, growth, certainty.

    The model must have been fitted to cells of the same experiment; docs/single_cells.md says what is written.
    """
    for hint, path in (("CELLS", cells), ("--output", output)):
        check_suffix(hint, path, CELLS)
    check_output(output, force, model, cells)
    check_predictor(model)
    check_there(cells)

    import wlmsim as wls
    from wlmsim.io import read_cells, write_cells

    fitted = wls.learn.WLM.load(mechanics(model)).set_params(progress=not quiet)
    data = fitted.annotate(read_cells(cells), genes=genes, prefix=prefix, overwrite=overwrite)
    write_cells(data, output)
    listed = data.uns["wlmsim_annotation"]
    names = [f"{group}[{name!r}]" for group in ("obsm", "layers", "obs", "var") for name in listed.get(group, [])]
    typer.echo(f"{output}: {data.n_obs} cells, {', '.join(names)}")
