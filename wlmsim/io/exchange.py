"""Snapshot series to and from pandas data frames, xarray datasets and AnnData."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import ParameterError
from wlmsim.io.attributes import plain
from wlmsim.io.columns import axis_names, columns_from_series, series_from_columns, split_axes
from wlmsim.io.optional import package

if TYPE_CHECKING:
    import anndata
    import pandas
    import xarray

_ABOUT = "wlmsim"


# --- pandas


def to_dataframe(series: SnapshotSeries) -> pandas.DataFrame:
    """Return the rows of all times as a data frame, with the metadata and units as its ``attrs``."""
    frame = package("pandas", "pandas").DataFrame(split_axes(columns_from_series(series)))
    frame.attrs = {"metadata": dict(series.metadata), "units": dict(series.units)}
    return frame


def from_dataframe(frame: pandas.DataFrame, *, source: str = "the data frame", **columns: Any) -> SnapshotSeries:
    """Build a series from a data frame with a row for each particle at each time."""
    about = {name: frame.attrs.get(name) for name in ("metadata", "units")}
    found = {str(name): frame[name].to_numpy() for name in frame.columns}
    return series_from_columns(found, source, **_merged(about, columns))


# --- xarray


def to_xarray(series: SnapshotSeries) -> xarray.Dataset:
    """Return the series as a dataset in the manner of the CF conventions' contiguous ragged array."""
    columns = columns_from_series(series)
    data: dict[str, Any] = {
        "row_size": ("time", np.array(series.sizes, dtype=np.int64), {"sample_dimension": "row"}),
    }
    for name in ("positions", "velocities", "weight", "population"):
        if name in columns:
            data[name] = (("row", "axis")[: columns[name].ndim], columns[name])
    if unit := series.units.get("length"):
        data["positions"] += ({"units": unit},)
    coordinates = {"time": series.times, "axis": axis_names(series.dim)}
    about = {f"{_ABOUT}_{name}": text for name, text in _about_as_text(series).items()}
    return package("xarray", "xarray").Dataset(data, coordinates, about)


def from_xarray(dataset: xarray.Dataset, *, source: str = "the dataset", **columns: Any) -> SnapshotSeries:
    """Build a series from a dataset that `to_xarray` made, or from any with the columns named."""
    about = _about_from_text({name: dataset.attrs.get(f"{_ABOUT}_{name}") for name in ("metadata", "units")})
    found: dict[str, Any] = {str(name): variable for name, variable in dataset.variables.items()}
    if f"{_ABOUT}_units" in dataset.attrs and "row_size" in found:
        found["time"] = np.repeat(found["time"], found["row_size"])
    return series_from_columns(found, source, **_merged(about, columns))


# --- AnnData


def to_anndata(series: SnapshotSeries, positions: str = "X_positions") -> anndata.AnnData:
    """Return the rows of all times as the observations of an annotated matrix that has no variables."""
    if not positions.startswith("X_") or positions == "X_":
        raise ParameterError(f"`positions` must be a name that begins with 'X_'; got {positions!r}")
    columns = columns_from_series(series)
    frames = {positions: columns.pop("positions")}
    if "velocities" in columns:
        frames[f"velocity_{positions[2:]}"] = columns.pop("velocities")
    names = [str(k) for k in range(len(columns["time"]))]
    rows = package("pandas", "anndata").DataFrame(columns, index=names)
    return package("anndata", "anndata").AnnData(obs=rows, obsm=frames, uns={_ABOUT: _about_as_text(series)})


def from_anndata(data: anndata.AnnData, *, source: str = "the AnnData object", **columns: Any) -> SnapshotSeries:
    """Build a series from an annotated matrix: cells are the rows, an embedding holds their positions."""
    about = _about_from_text(data.uns.get(_ABOUT, {}))
    return series_from_columns(AnnotatedColumns(data), source, **_merged(about, columns))


class AnnotatedColumns(Mapping[str, Any]):
    """What an annotated matrix has by name: columns of obs, then obsm, layers and X; each is read when asked for."""

    def __init__(self, data: anndata.AnnData):
        self._groups: dict[str, Any] = {str(name): data.obs for name in data.obs.columns}
        for group in (data.obsm, data.layers):
            self._groups |= {str(name): group for name in group if str(name) not in self._groups}
        if _has_matrix(data):
            self._groups.setdefault("X", {"X": data.X})

    def __getitem__(self, name: str) -> Any:
        values = self._groups[name][name]
        return values[:] if name == "X" else values

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)


def _has_matrix(data: anndata.AnnData) -> bool:
    try:
        return data.X is not None
    except KeyError:  # how anndata 0.12 answers for a file without X that is read lazily
        return False


# --- what is common


def _about_as_text(series: SnapshotSeries) -> dict[str, str]:
    """Metadata and units as JSON, which every format can hold."""
    values = {"metadata": series.metadata, "units": series.units}
    return {name: json.dumps(plain(name, value)) for name, value in values.items()}


def _about_from_text(texts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if texts.get(name) is None else json.loads(str(texts[name])) for name in ("metadata", "units")}


def _merged(about: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given replaces what the data say of themselves."""
    return {**about, **{name: value for name, value in given.items() if value is not None}}
