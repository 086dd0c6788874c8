"""Snapshot series to and from pandas data frames, xarray datasets and AnnData."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.dates import ORIGIN, unit_of_time
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.io.attributes import plain
from wlmsim.io.columns import (
    GROWTH,
    PREFERRED,
    Rows,
    axis_names,
    columns_from_series,
    is_sparse,
    parts_of,
    rows_from_columns,
    series_from_columns,
    split_axes,
    with_places,
)
from wlmsim.io.optional import package

if TYPE_CHECKING:
    import anndata
    import pandas
    import xarray

_ABOUT = "wlmsim"
CELLS = "anndata"
"""The entry of the metadata that says where an annotated matrix has positions and times."""
LEARNED = "wlmsim_annotation"
"""The entry of ``uns`` that lists what a learned model wrote: no data, and never read as such unless named."""
RATES = "wlmsim_growth"
"""The entry of ``uns`` that says per which unit of time rates of growth were written."""
KNOWN = tuple(inspect.signature(rows_from_columns).parameters)[2:]
"""What may be said of columns."""
LOADINGS = "PCs"
"""The array of ``varm`` with the loadings of ``X_pca``, as scanpy has it."""
TIMES = ("time", "day", "days", "timepoint", "time_point", "stage", "age", "hours", "hour", "hpf", "dpf")
"""Usual names of the column of times."""
PICTURES = ("umap", "tsne", "draw_graph", "fa", "phate", "force", "spring")
"""Embeddings for the eye: distances and directions in them mean little."""


# --- pandas


def to_dataframe(series: SnapshotSeries) -> pandas.DataFrame:
    """Return the rows of all times as a data frame, with the metadata and units as its ``attrs``."""
    frame = package("pandas", "pandas").DataFrame(with_places(series, split_axes(columns_from_series(series))))
    frame.attrs = {"metadata": dict(series.metadata), "units": dict(series.units)}
    return frame


def from_dataframe(frame: pandas.DataFrame, *, source: str = "the data frame", **columns: Any) -> SnapshotSeries:
    """Build a series from a data frame with a row for each particle at each time."""
    return from_table(FrameColumns(frame), source=source, **columns)


def from_table(table: FrameColumns, *, source: str, **columns: Any) -> SnapshotSeries:
    """Build a series from the columns of a data frame, which says its metadata and units itself."""
    about = {name: table.attrs.get(name) for name in ("metadata", "units")}
    return series_from_columns(table, source, **_merged(about, columns))


class FrameColumns(Mapping[str, Any]):
    """The columns of a data frame; dates that have a zone keep it."""

    def __init__(self, frame: pandas.DataFrame):
        if frame.columns.nlevels > 1:
            raise ParameterError(
                f"`frame` must have one level of columns, and has {frame.columns.nlevels}: of one that was pivoted, "
                "with the times as its index, frame.stack('id').reset_index() gives each sighting a row, where 'id' is "
                "the level of the individuals"
            )
        self._frame, self.attrs = frame, frame.attrs
        self._names = {str(name): name for name in frame.columns}

    def __getitem__(self, name: str) -> Any:
        column = self._column(self._names[name])
        if column.ndim > 1:
            raise ParameterError(f"`frame` must have one column called {name!r}, and has {column.shape[1]}")
        if getattr(column.dtype, "tz", None) is None:
            return column.to_numpy()
        column = column.copy(deep=False)
        column.attrs = {}  # which are those of the frame, and say nothing of a column
        return column

    def _column(self, name: Any) -> pandas.Series[Any]:
        return self._frame[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


# --- xarray


def to_xarray(series: SnapshotSeries) -> xarray.Dataset:
    """Return the series as a dataset in the manner of the CF conventions' contiguous ragged array."""
    columns = columns_from_series(series)
    data: dict[str, Any] = {
        "row_size": ("time", np.array(series.sizes, dtype=np.int64), {"sample_dimension": "row"}),
    }
    for name in ("positions", "velocities", "weight", "population", GROWTH):
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
    return cells_of(data, source=source, **columns).series()


def cells_of(data: anndata.AnnData, *, source: str = "the AnnData object", **columns: Any) -> Rows:
    """The cells of an annotated matrix in its order; the metadata say where it has their positions and times."""
    about = _about_from_text(data.uns.get(_ABOUT, {}))
    for name in columns:
        if name not in KNOWN:
            raise TypeError(f"AnnData is read without {name!r}{check.meant(name, KNOWN)}; known are {', '.join(KNOWN)}")
    given = {name: value for name, value in columns.items() if value is not None}
    found = AnnotatedColumns(data, without=[] if "velocities" in given else data.uns.get(LEARNED, {}).get("obsm", []))
    if "time" not in given and "time" not in found and (clock := _usual_time(data)):
        given["time"] = clock
    layer, embedding = str(given.get("velocities")), str(given.get("positions", PREFERRED))
    if layer in data.layers and (loadings := loadings_of(data, embedding)):
        found.add(layer, _projected(data.layers[layer], data.varm[loadings]))
    rows = rows_from_columns(found, source, **_merged(about, given))
    _warn_of_pictures(rows)
    _warn_of_rates(data, rows, given.get("growth"))
    if _ABOUT not in data.uns:
        rows.metadata[CELLS] = _whereabouts(rows, given)
    return rows


def loadings_of(data: anndata.AnnData, positions: str) -> str | None:
    """The array of ``varm`` that leads from genes to the principal components; None if there is none."""
    there = positions.startswith(PREFERRED) and LOADINGS in data.varm and positions in data.obsm
    return LOADINGS if there and data.varm[LOADINGS].shape[1] == data.obsm[positions].shape[1] else None


def _projected(velocities: Any, loadings: np.ndarray) -> np.ndarray:
    """Velocities of genes as those of principal components; genes without one stand still."""
    warn(
        f"velocities of genes are projected through varm[{LOADINGS!r}]: they must be of the expressions that the "
        "principal components are of, in the unit of time of the data",
        DataWarning,
    )
    loadings = np.asarray(loadings)
    return np.concatenate([_without_nan(part) @ loadings for part in parts_of(velocities)])


def _without_nan(velocities: Any) -> Any:
    return velocities if is_sparse(velocities) else np.nan_to_num(np.asarray(velocities))


def _usual_time(data: anndata.AnnData) -> str | None:
    """The one column of ``obs`` with a usual name for times, with a word; None if there are several, or none."""
    names = [str(name) for name in data.obs.columns if str(name).lower().replace(" ", "_") in TIMES]
    if len(names) != 1:
        return None
    warn(f"times are those of obs[{names[0]!r}]; `time` may name another column", DataWarning)
    return names[0]


def mark_as_learned(data: anndata.AnnData, group: str, name: str) -> None:
    """Keep in ``uns`` that an array was written by a model and is no data."""
    about = dict(data.uns.get(LEARNED, {}))
    data.uns[LEARNED] = {**about, group: sorted({*map(str, about.get(group, [])), name})}


def mark_as_rates(data: anndata.AnnData, name: str, unit: str) -> None:
    """Keep in ``uns`` per which unit of time the rates of growth in a column of ``obs`` are."""
    data.uns[RATES] = {**data.uns.get(RATES, {}), name: unit}


def _warn_of_rates(data: anndata.AnnData, rows: Rows, name: str | None) -> None:
    unit, time = data.uns.get(RATES, {}).get(str(name)), unit_of_time(rows.units.get("time", ""))
    if unit and time and unit != time:
        warn(
            f"obs[{name!r}] has rates per {unit}, and the times are in {time}: growth_prior(..., unit={time!r}) "
            f"writes them per {time}",
            DataWarning,
        )


def is_picture(name: str) -> bool:
    """Whether an embedding is by its name one for the eye."""
    return name.removeprefix("X_").lower().startswith(PICTURES)


def _warn_of_pictures(rows: Rows) -> None:
    """Say that what is learned in a picture is not what cells do."""
    name = rows.names["positions"]
    if isinstance(name, str) and is_picture(name):
        warn(
            f"{name!r} is a picture: distances and directions in it mean little. Mechanics are better learned in "
            "'X_pca', and shown in the picture by neighbours (docs/single_cells.md)",
            DataWarning,
        )


def _whereabouts(rows: Rows, given: Mapping[str, Any]) -> dict[str, Any]:
    """What reads the same columns again, of another file of the same experiment too: plain values."""
    kept = {name: given[name] for name in ("dims", "populations", "weights", "growth") if name in given}
    if "time_values" in given:
        kept["time_values"] = [[word, float(value)] for word, value in given["time_values"].items()]
    dates = {name: rows.metadata[name] for name in (ORIGIN,) if name in rows.metadata}
    return {**rows.names, **kept, **dates, **({"units": dict(rows.units)} if rows.units else {})}


class AnnotatedColumns(Mapping[str, Any]):
    """What an annotated matrix has by name: columns of obs, then obsm, layers and X; each is read when asked for."""

    def __init__(self, data: anndata.AnnData, without: Iterable[str] = ()):
        self._groups: dict[str, Any] = {str(name): data.obs for name in data.obs.columns}
        for group in (data.obsm, data.layers):
            self._groups |= {str(name): group for name in group if str(name) not in self._groups}
        for name in without:
            self._groups.pop(name, None)
        if "X" not in self._groups and _has_matrix(data):
            self._groups["X"] = {"X": data.X}

    def add(self, name: str, values: Any) -> None:
        """Let a name stand for other values."""
        self._groups[name] = {name: values}

    def __getitem__(self, name: str) -> Any:
        return self._groups[name][name]

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
