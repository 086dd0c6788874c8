"""What learned mechanics says of each observed cell, written into its AnnData object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim._progress import LateBar
from wlmsim._warning import warn
from wlmsim.data.population import Population
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.functionals.first_variation import first_variation
from wlmsim.io.columns import Rows
from wlmsim.io.exchange import LEARNED, mark_as_learned
from wlmsim.learn.cells.genes import is_too_large, loadings_for
from wlmsim.learn.cells.marginals import Marginal, check_fitted_to, marginals_of, members_of, moving
from wlmsim.learn.cells.rates import growth_rates
from wlmsim.learn.cells.reading import rows_of

if TYPE_CHECKING:
    import anndata


def annotate(
    model: Any,
    data: anndata.AnnData,
    *,
    genes: bool | None = None,
    prefix: str = "",
    overwrite: bool = False,
    **columns: Any,
) -> anndata.AnnData:
    """Write what a fitted model says of each observed cell; see `WLM.annotate`."""
    rows = rows_of(model, data, **columns)
    check_fitted_to(model, rows)
    marginals = marginals_of(rows, model)
    written = Written(data, check.instance("prefix", prefix, str), overwrite)
    embedding = str(rows.names["positions"])
    with LateBar("annotating cells", 4, shown=model.progress) as bar:
        velocity = _velocities(model, marginals, rows.positions.shape)
        written.plan("obsm", f"velocity_{embedding.removeprefix('X_')}", velocity)
        bar.advance()
        written.plan("obs", "potential", _potential(model, marginals, len(velocity)))
        bar.advance()
        if (certainty := _certainty(model, marginals, len(velocity))) is not None:
            written.plan("obs", "force_certainty", certainty)
        bar.advance()
        if model.reach_ < math.inf or model.growth_rates_ is not None:
            rates, errors = growth_rates(model, rows, marginals)
            written.plan("obs", "growth_rate", rates)
            written.plan("obs", "growth_rate_error", errors)
        bar.advance()
    _plan_genes(written, data, rows, embedding, velocity, genes)
    written.write({"positions": embedding, "time": str(rows.names["time"]), "model": repr(model)})
    return data


# --- what is said of each cell


def _velocities(model: Any, marginals: Sequence[Marginal], shape: tuple[int, ...]) -> np.ndarray:
    """By the mechanics at the places of the cells, or of mechanics with inertia those that its forecasts start with."""
    found = np.full(shape, np.nan)
    predictor = model._predictor()
    for marginal in marginals:
        found[marginal.rows] = moving(predictor, marginal.cloud).velocities
    return found


def _potential(model: Any, marginals: Sequence[Marginal], count: int) -> np.ndarray:
    """dU/drho at the cells, less its mean: over all cells, or over those of a time where it depends on the time."""
    potential = model.mechanics_.potential
    found = np.full(count, np.nan)
    alone = all(getattr(term, "local", False) for term in potential.terms)
    for marginal in marginals:
        cloud = marginal.cloud
        others = Population(cloud.positions[:1], time=cloud.time) if alone else cloud
        found[marginal.rows] = first_variation(potential, cloud.positions, others)
        if depends_on_time(potential):
            found[marginal.rows] -= found[marginal.rows].mean()
    return found if depends_on_time(potential) else found - np.nanmean(found)


def depends_on_time(potential: Any) -> bool:
    """Whether a constant may be added to the potential at each time anew."""
    return any(getattr(term, "time_dependent", False) for term in potential.terms)


def _certainty(model: Any, marginals: Sequence[Marginal], count: int) -> np.ndarray | None:
    """|F|^2 / (|F|^2 + s^2) of the mean force over the networks and its spread s; None of a single network."""
    members = members_of(model)
    if len(members) < 2:
        _say("`force_certainty` is not written: it takes the spread of several networks, members=3 or more")
        return None
    found = np.full(count, np.nan)
    for marginal in marginals:
        cloud = marginal.cloud
        potentials: list[Any] = [member.mechanics.potential for member in members]
        forces = np.array([each.force(cloud.positions, cloud.weights, cloud.time) for each in potentials])
        mean, variance = (forces.mean(0) ** 2).sum(-1), forces.var(0, ddof=1).sum(-1)
        found[marginal.rows] = mean / np.maximum(mean + variance, 1e-300)
    return found


def _plan_genes(
    written: Written, data: anndata.AnnData, rows: Rows, embedding: str, velocity: np.ndarray, genes: bool | None
) -> None:
    """Velocities of genes through the loadings, where these are known and the layer is not too large."""
    loadings = loadings_for(data, embedding, genes)
    size = 4.0 * data.n_obs * data.n_vars
    if loadings is None or is_too_large(size, genes, f"velocities of {data.n_obs:,} x {data.n_vars:,} genes"):
        return
    weights = np.asarray(data.varm[loadings])[:, : velocity.shape[1]]
    written.plan("layers", "velocity", (velocity @ weights.T).astype(np.float32))
    written.plan("var", "velocity_genes", (weights != 0).any(axis=1))


# --- writing


class Written:
    """What is to be written: first all is found, then all is written, and nothing of others without leave."""

    def __init__(self, data: anndata.AnnData, prefix: str, overwrite: bool):
        self._data, self._prefix, self._overwrite = data, prefix, overwrite
        self._values: dict[tuple[str, str], Any] = {}

    def plan(self, group: str, name: str, values: Any) -> None:
        """Keep values for a place; `ParameterError` if it is taken."""
        full = f"{self._prefix}{name}"
        known = self._data.uns.get(LEARNED, {})
        if full in getattr(self._data, group) and full not in list(known.get(group, [])):
            if not self._overwrite:
                raise ParameterError(
                    f"`data` has {group}[{full!r}], which wlmsim did not write: overwrite=True replaces it, "
                    "prefix='wlm_' writes beside it"
                )
            _say(f"{group}[{full!r}] is overwritten")
        self._values[group, full] = values

    def write(self, about: dict[str, str]) -> None:
        """Write all, and a list of it in ``uns``."""
        for (group, name), values in self._values.items():
            getattr(self._data, group)[name] = values
            mark_as_learned(self._data, group, name)
        self._data.uns[LEARNED] |= about


def _say(message: str) -> None:
    warn(message, DataWarning)
