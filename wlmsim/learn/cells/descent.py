"""Ancestors and descendants of cells, and annotations that go with them from time to time."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wlmsim import _validation as check
from wlmsim._progress import LateBar
from wlmsim._warning import warn
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.learn.cells.links import Link
from wlmsim.learn.cells.marginals import Marginal, at_time, check_fitted_to, marginals_of, moving, spread_of
from wlmsim.learn.cells.reading import rows_of

if TYPE_CHECKING:
    import anndata
    import pandas


def push(
    model: Any,
    data: anndata.AnnData,
    values: Any,
    start: float,
    end: float,
    *,
    growth: str | None = None,
    **columns: Any,
) -> pandas.Series | pandas.DataFrame:
    """What the ancestors of cells were like: an annotation carried forward from one time to a later one.

    Parameters
    ----------
    model : WLM
        Fitted to the cells.
    data : anndata.AnnData
        The cells, n of them.
    values : str or array_like, shape (n,)
        A column of ``obs``, or a value for each cell; of words the share of each is carried.
    start, end : float
        Times at which cells were seen [time]. From one time to the next cells go by the learned mechanics, its noise
        and growth; in several steps where there are times between.
    growth : str, optional
        The column of ``obs`` with rates that are known beforehand, such as those of `growth_prior` [1 / time]. Default:
        that of the fit; without one every cell is expected to grow alike, with a warning if the fit had one.
    **columns
        What is to be read in other places than the model remembers, as in `SnapshotSeries.from_anndata`.

    Returns
    -------
    pandas.Series or pandas.DataFrame
        For each cell at the end the mean over its ancestors at the start; of words a column for each, which sum to 1.

    Raises
    ------
    ParameterError
        If nobody was seen at one of the times, or they are in the wrong order.

    Examples
    --------
    Which share of the ancestors at day 0 were of which kind, for the cells at day 4::

        wls.learn.cells.push(model, data, "kind", start=0, end=4)
    """
    table = _Annotation.of(data, values)
    return _along(_Cells(model, data, growth, columns), table, start, end, forward=True)


def pull(
    model: Any,
    data: anndata.AnnData,
    values: Any,
    start: float,
    end: float,
    *,
    growth: str | None = None,
    **columns: Any,
) -> pandas.Series | pandas.DataFrame:
    """What the descendants of cells will be like: an annotation carried back to an earlier time.

    Parameters
    ----------
    model, data, values, start, end, growth, **columns
        As for `push`.

    Returns
    -------
    pandas.Series or pandas.DataFrame
        For each cell at the start the mean over its descendants at the end, of whom there are the more the faster they
        multiply; of words a column for each, which sum to 1. Of kinds of cells these are the probabilities of fates by
        the coupling, beside those of `fate_probabilities` by the mechanics alone.

    Examples
    --------
    The fates at day 4 of the cells at day 0::

        wls.learn.cells.pull(model, data, "kind", start=0, end=4)
    """
    table = _Annotation.of(data, values)
    return _along(_Cells(model, data, growth, columns), table, start, end, forward=False)


def descendants(
    model: Any,
    data: anndata.AnnData,
    cells: Any,
    start: float,
    end: float,
    *,
    growth: str | None = None,
    **columns: Any,
) -> pandas.Series:
    """Where the descendants of some cells are at a later time, growth included.

    Parameters
    ----------
    model, data, start, end, growth, **columns
        As for `push`.
    cells : array_like of bool, shape (n,)
        Which cells; those at the start count. A list of their names is as good.

    Returns
    -------
    pandas.Series
        For each cell at the end the mass of it that descends from them: the share of the population that it stands for
        times the share of its ancestors. Their sum is what has become of the cells' own share.
    """
    mask = _mask(data, cells)
    return _masses(_Cells(model, data, growth, columns), mask, start, end, forward=True)


def ancestors(
    model: Any,
    data: anndata.AnnData,
    cells: Any,
    start: float,
    end: float,
    *,
    growth: str | None = None,
    **columns: Any,
) -> pandas.Series:
    """Where the ancestors of some cells were at an earlier time.

    Parameters
    ----------
    model, data, start, end, growth, **columns
        As for `push`.
    cells : array_like of bool, shape (n,)
        Which cells; those at the end count. A list of their names is as good.

    Returns
    -------
    pandas.Series
        For each cell at the start the mass of it that leads to them. Their sum is the share of the population that
        their ancestors were.
    """
    mask = _mask(data, cells)
    return _masses(_Cells(model, data, growth, columns), mask, start, end, forward=False)


class _Annotation(NamedTuple):
    """Values of each cell as columns of numbers, shape (n, k), with the words that they stand for."""

    values: np.ndarray
    words: list[str] | None
    name: str | None

    @classmethod
    def of(cls, data: anndata.AnnData, given: Any) -> _Annotation:
        import pandas

        name = given if isinstance(given, str) else None
        column = data.obs[check.choice("values", given, list(data.obs))] if name is not None else given
        entries = np.asarray(column)
        if entries.shape != (data.n_obs,):
            raise check.fail("values", f"an array of shape ({data.n_obs},), as there are cells", entries)
        if entries.dtype.kind in "biuf":
            return cls(check.finite("values", check.array("values", entries))[:, None], None, name)
        if (missing := int(pandas.isna(entries).sum())) > 0:
            raise ParameterError(f"`values` must be known for all cells; {missing} of {len(entries)} are missing")
        words = entries.astype(str)
        there = sorted(set(words.tolist()))
        return cls((words[:, None] == np.array(there)).astype(float), there, name)

    def frame(self, values: np.ndarray, index: Any) -> pandas.Series | pandas.DataFrame:
        """Values of other cells as a table."""
        import pandas

        if self.words is None:
            return pandas.Series(values[:, 0], index=index, name=self.name)
        return pandas.DataFrame(values, index=index, columns=self.words)


class _Way(NamedTuple):
    """The marginals of one population from a start to an end, and the couplings between them."""

    first: Marginal
    last: Marginal
    links: list[Link]


class _Cells(NamedTuple):
    """Cells, the model that carries them, and how they are read."""

    model: Any
    data: anndata.AnnData
    growth: str | None
    columns: dict[str, Any]

    def ways(self, start: float, end: float) -> list[_Way]:
        """From a start to an end, one for each population that was seen at both."""
        rows = rows_of(self.model, self.data, growth=self.growth, **self.columns)
        known = self.model.cells_.get("growth")
        if rows.growth is None and known is not None:
            message = f"the fit knew rates of growth, obs[{known!r}], which `data` has not: all grow alike"
            warn(message, DataWarning)
        check_fitted_to(self.model, rows)
        marginals = marginals_of(rows, self.model)
        begins, ends = (at_time(marginals, name, time) for name, time in (("start", start), ("end", end)))
        if not begins[0].time < ends[0].time:
            raise ParameterError(f"`start` must be before `end`; got {start} and {end}")
        found = []
        for first in begins:
            between = [m for m in marginals if m.label == first.label and first.time <= m.time <= ends[0].time]
            if between[-1].time == ends[0].time:
                found.append(_Way(first, between[-1], self._links(between)))
        if not found:
            raise ParameterError("`start` and `end` must be times at which the same population was seen")
        return found

    def _links(self, marginals: list[Marginal]) -> list[Link]:
        predictor, spread = self.model._predictor(), spread_of(self.model)
        found = []
        with LateBar("coupling cells", len(marginals) - 1, shown=self.model.progress) as bar:
            for before, after in itertools.pairwise(marginals):
                cloud = before.cloud if predictor.first_order else moving(predictor, before.cloud)
                found.append(Link.of(predictor, cloud, after.cloud, spread))
                bar.advance()
        return found


def _along(
    cells: _Cells, table: _Annotation, start: float, end: float, *, forward: bool
) -> pandas.Series | pandas.DataFrame:
    ways = cells.ways(start, end)
    found = np.full(table.values.shape, np.nan)
    for way in ways:
        if forward:
            values = table.values[way.first.rows]
            for link in way.links:
                values = link.mean_of_ancestors(values)
            found[way.last.rows] = values
        else:
            values = table.values[way.last.rows]
            sums = np.column_stack([values, np.ones(len(values))])  # the last column counts descendants
            for link in reversed(way.links):
                sums = link.over_descendants(sums)
            found[way.first.rows] = sums[:, :-1] / np.maximum(sums[:, -1:], 1e-300)
    return _there(cells.data, table, found, [way.last if forward else way.first for way in ways])


def _masses(cells: _Cells, mask: np.ndarray, start: float, end: float, *, forward: bool) -> pandas.Series:
    ways = cells.ways(start, end)
    origins = np.concatenate([(way.first if forward else way.last).rows for way in ways])
    if not mask[origins].any():
        when = "start" if forward else "end"
        raise ParameterError(f"`cells` must have some that were seen at the {when}; it has none")
    found = np.full((len(mask), 1), np.nan)
    for way in ways:
        source, target = (way.first, way.last) if forward else (way.last, way.first)
        share = len(source.rows) / len(origins)  # populations count by their numbers of cells
        masses = share * (source.cloud.weights * mask[source.rows])[:, None]
        for link in way.links if forward else reversed(way.links):
            masses = link.forward(masses) if forward else link.backward(masses)
        found[target.rows] = masses
    table = _Annotation(found, None, "descendants" if forward else "ancestors")
    return _there(cells.data, table, found, [way.last if forward else way.first for way in ways])


def _there(data: anndata.AnnData, table: _Annotation, found: np.ndarray, marginals: list[Marginal]) -> Any:
    """The cells of some marginals, in the order of the data."""
    rows = np.sort(np.concatenate([marginal.rows for marginal in marginals]))
    return table.frame(found[rows], data.obs_names[rows])


def _mask(data: anndata.AnnData, cells: Any) -> np.ndarray:
    given = np.asarray(cells)
    if given.dtype.kind in "OUS":
        missing = sorted(set(given.astype(str).tolist()) - set(map(str, data.obs_names)))
        if missing:
            raise ParameterError(f"`cells` must be names of cells, or a mask; {missing[0]!r} is not in obs_names")
        return np.asarray(data.obs_names.isin(given.astype(str)))
    if given.dtype != bool or given.shape != (data.n_obs,):
        raise check.fail("cells", f"a mask of {data.n_obs} cells, or names of cells", given)
    return given
