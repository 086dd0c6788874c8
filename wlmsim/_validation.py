"""Argument checks with one message form: what was expected, what was given."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim.errors import ParameterError


def fail(name: str, expected: str, given: Any) -> ParameterError:
    """Build the one error message: argument, expectation, what was given."""
    return ParameterError(f"`{name}` must be {expected}; got {_describe(given)}")


def _describe(given: Any) -> str:
    if isinstance(given, np.ndarray):
        return f"an array of shape {given.shape} and dtype {given.dtype}"
    if hasattr(given, "detach"):
        return f"a tensor of shape {tuple(given.shape)} and dtype {str(given.dtype).removeprefix('torch.')}"
    if inspect.isroutine(given):
        return f"the function {described_function(given)}"
    dates = isinstance(given, (np.datetime64, np.timedelta64))
    text = str(given) if dates else repr(given.item() if isinstance(given, np.generic) else given)
    return text if len(text) <= 80 else f"{text[:77]}..."


def described_function(function: Callable[..., Any]) -> str:
    """Name and arguments of a function, as its definition shows them, without an address."""
    name = getattr(function, "__name__", type(function).__name__)
    try:
        return f"{name}{inspect.signature(function)}"
    except (TypeError, ValueError):  # builtins that do not tell
        return name


def is_number(entry: Any) -> bool:
    """Whether an entry of a table, or a word, is one."""
    try:
        float(entry)
    except (TypeError, ValueError):
        return False
    return True


def absent(entry: Any) -> bool:
    """Whether an entry stands for nothing known: None, NaN, NaT, NA of pandas, or masked."""
    if entry is None or entry is np.ma.masked or type(entry).__name__ in ("NaTType", "NAType"):
        return True
    if isinstance(entry, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(entry))
    return isinstance(entry, (float, np.floating)) and bool(np.isnan(entry))


NO_DATE = "not a date or duration: subtract the first, and divide by the unit of time, as by np.timedelta64(1, 'D')"


def real(name: str, value: Any, *, above: float = -math.inf, least: float = -math.inf) -> float:
    """A finite number, greater than `above` and at least `least`."""
    if isinstance(value, (np.datetime64, np.timedelta64)):
        raise fail(name, f"a number, {NO_DATE}", value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (math.isfinite(number) and number > above and number >= least) or isinstance(value, bool):
        bound = f" > {above:g}" if above > -math.inf else f" >= {least:g}" if least > -math.inf else ""
        raise fail(name, f"a finite number{bound}", value)
    return number


def positive(name: str, value: Any) -> float:
    """A finite number greater than zero."""
    return real(name, value, above=0.0)


def nonnegative(name: str, value: Any) -> float:
    """A finite number that is zero or greater."""
    return real(name, value, least=0.0)


def nonnegative_at(name: str, time: float, value: Any) -> Any:
    """What a function of the time gave at one: such a number, or a tensor with one, which stays as it is."""
    from wlmsim import _times

    number = nonnegative(f"{name} at t = {_times.text(time)}", value.item() if hasattr(value, "item") else value)
    return value if hasattr(value, "backward") else number


def integer(name: str, value: Any, *, least: int = 1) -> int:
    """A whole number, at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise fail(name, f"an integer >= {least}", value)
    return int(value)


def flag(name: str, value: Any) -> bool:
    """True or False, and nothing that only counts as one of them."""
    if not isinstance(value, (bool, np.bool_)):
        raise fail(name, "True or False", value)
    return bool(value)


def choice(name: str, value: Any, options: Collection[str]) -> str:
    """One of a few words."""
    if value not in options:
        expected = "one of " + ", ".join(repr(option) for option in options)
        raise ParameterError(f"{fail(name, expected, value)}{meant(value, options)}")
    return str(value)


def meant(word: Any, options: Collection[str]) -> str:
    """`` (did you mean 'x'?)``, if just one of the options begins with the word, or one is spelt much like it."""
    plain = {_plain(option): option for option in options}
    begin = [name for name in plain if len(str(word)) > 2 and name.startswith(_plain(word))]
    close = begin if len(begin) == 1 else difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.65)
    return f" (did you mean {plain[close[0]]!r}?)" if close else ""


def _plain(word: Any) -> str:
    return str(word).lower().replace("-", "_")


def instance(name: str, value: Any, kind: type | tuple[type, ...]) -> Any:
    """An object of a given class; what was given instead tells how to come by one."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join(k.__name__ for k in kinds)
        error = fail(name, f"{'an' if names[0] in 'AEIO' else 'a'} {names}", value)
        raise ParameterError(f"{error}{_way_to(kinds, value)}")
    return value


def sequence(name: str, value: Any, expected: str) -> Any:
    """Something to go through, such as a list."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise fail(name, expected, value)
    return value


WAYS = {
    ("SnapshotSeries", "Trajectory"): "its .snapshots() forget who is who",
    ("SnapshotSeries", "Tracks"): "its .snapshots() forget who is who",
    ("SnapshotSeries", "Population"): "`wls.SnapshotSeries.from_populations` takes several",
    ("SnapshotSeries", "ndarray"): "`wls.SnapshotSeries(times, clouds)` makes one of arrays",
    ("SnapshotSeries", "list"): "`wls.SnapshotSeries(times, clouds)` makes one of arrays",
    ("SnapshotSeries", "str"): "`wls.SnapshotSeries.load(path)` reads a file",
    ("SnapshotSeries", "PurePath"): "`wls.SnapshotSeries.load(path)` reads a file",
    ("SnapshotSeries", "DataFrame"): "`wls.SnapshotSeries.from_dataframe` makes one of it",
    ("SnapshotSeries", "AnnData"): "`wls.SnapshotSeries.from_anndata` makes one of it",
    ("Population", "SnapshotSeries"): "one marginal of it is `series[k]` or `series.at(time)`",
    ("Population", "Trajectory"): "one frame of it is `trajectory[k]` or `trajectory.at(time)`",
    ("Population", "ndarray"): "`wls.Population(positions, velocities)` makes one of arrays",
    ("Population", "System"): "it has one, `system.population`",
    ("Integrator", "str"): "it is an object, such as `wls.Leapfrog()`",
    ("Walls", "tuple"): "`wls.Walls(lower, upper)` makes them of bounds",
    ("Walls", "list"): "`wls.Walls(lower, upper)` makes them of bounds",
    ("Dissipation", "float"): "`wls.Friction(rate)` makes one of a number",
    ("Dissipation", "int"): "`wls.Friction(rate)` makes one of a number",
    ("MagneticField", "float"): "`wls.MagneticField(strength)` makes one of a number",
    ("MagneticField", "int"): "`wls.MagneticField(strength)` makes one of a number",
    ("Event", "Callable"): "`wls.Event(function, name='...')` makes one of a function that passes through zero",
    ("Lagrangian", "Callable"): (
        "a potential becomes one in `wls.Lagrangian(wls.External(law))`, and a velocity field in a class of `wls.Flow`"
    ),
    ("Lagrangian", "Functional"): "`wls.Lagrangian(functional)` makes one of it",
    ("Lagrangian", "System"): "it has one, `system.lagrangian`",
    ("Lagrangian", "WLM"): "a fitted one has it, `model.lagrangian_`",
    ("Functional", "Lagrangian"): "it has one, `lagrangian.potential`",
    ("Functional", "Callable"): "a law becomes one in `wls.External(law)` or `wls.Pairwise(law)`",
    ("Trajectory", "SnapshotSeries"): "snapshots do not say who is who",
    ("Trajectory", "str"): "`wls.Trajectory.load(path)` reads a file",
    ("Scores", "WLM"): "`model.evaluate(observed)` returns them",
}
"""How to come by what was expected from what was given, both by name: nothing is imported to find out."""


def _way_to(kinds: tuple[type, ...], value: Any) -> str:
    if isinstance(value, type):
        return "; construct one of that class" if issubclass(value, kinds) else ""
    given = [base.__name__ for base in type(value).__mro__] + (["Callable"] if callable(value) else [])
    ways = (WAYS.get((kind.__name__, name)) for kind in kinds for name in given)
    way = next(filter(None, ways), None)
    return f"; {way}" if way else ""


def array(name: str, value: Any) -> np.ndarray:
    """A real float64 array of any shape; what is masked or otherwise not known is NaN."""
    try:
        result = np.asarray(_unwrapped(value))
        if result.dtype.kind == "O" and any(map(absent, result.ravel().tolist())):
            known = [math.nan if absent(entry) else entry for entry in result.ravel().tolist()]
            result = np.array(known, dtype=object).reshape(result.shape)
        if np.iscomplexobj(result):
            raise TypeError
        if result.dtype.kind in "mM":
            raise fail(name, f"an array of numbers, {NO_DATE}", result)
        with np.errstate(over="ignore"):  # what is larger than any float64 is infinite, and refused as such
            return np.asarray(result, dtype=np.float64, order="C")
    except ParameterError:
        raise
    except (TypeError, ValueError, OverflowError):
        raise fail(name, "an array of real numbers", value) from None


def own(given: Any, result: np.ndarray) -> np.ndarray:
    """A checked array that shares no memory with the one that was given, which its owner may change."""
    if isinstance(given, (list, tuple)):  # of which NumPy makes a new array
        return result
    return result.copy() if np.may_share_memory(result, np.asarray(_unwrapped(given))) else result


def _unwrapped(value: Any) -> Any:
    """What NumPy would misread or refuse: masked entries as NaN, tensors without their gradients, also in lists."""
    if isinstance(value, np.ma.MaskedArray):
        plain = value if value.dtype.kind in "fmMc" else np.ma.array(value, dtype=np.float64)
        missing = np.nan if plain.dtype.kind in "fc" else np.array("NaT", plain.dtype)
        return np.where(np.ma.getmaskarray(plain), missing, plain.data)
    if hasattr(value, "detach"):
        return value.detach().cpu()
    if isinstance(value, (list, tuple)) and any(map(_is_wrapping, value)):
        return [_unwrapped(entry) for entry in value]
    return value


def _is_wrapping(entry: Any) -> bool:
    return isinstance(entry, (np.ma.MaskedArray, list, tuple)) or hasattr(entry, "detach")


def finite(name: str, value: np.ndarray) -> np.ndarray:
    """Refuse NaN and infinity, saying in how many rows they stand."""
    if not np.isfinite(value).all():
        bad = int((~np.isfinite(value.reshape(len(value), -1))).any(axis=1).sum())
        raise ParameterError(f"`{name}` must be finite; got NaN or infinity in {bad} of {len(value)} rows")
    return value


def cloud(name: str, value: Any, *, shape: tuple[int, int] | None = None) -> np.ndarray:
    """A finite (n, d) array with n, d >= 1; with `shape`, of exactly that shape."""
    result = array(name, value)
    if result.ndim != 2 or 0 in result.shape:
        raise not_a_cloud(name, result)
    if shape is not None and result.shape != shape:
        raise fail(name, f"an array of shape {shape}, as the positions are", result)
    return finite(name, result)


def not_a_cloud(name: str, value: np.ndarray) -> ParameterError:
    """Build the error of an array that is not of shape (n, d)."""
    line = "; for points on a line add an axis, as x[:, None] does" if value.ndim == 1 and value.size else ""
    return ParameterError(f"{fail(name, 'a non-empty array of shape (n, d)', value)}{line}")


def axes(name: str, value: Any, dim: int, *, above: float = -math.inf) -> np.ndarray:
    """A finite number, greater than `above`, or one for each axis; returned as (dim,)."""
    result = array(name, value)
    if result.shape not in ((), (dim,)) or not (np.isfinite(result).all() and (result > above).all()):
        bound = f" > {above:g}" if above > -math.inf else ""
        raise fail(name, f"a finite number{bound}, or {dim} of them", value)
    return np.broadcast_to(result, (dim,))


def particles(positions: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Float64 arrays (n, d) and (n,), of which compiled loops would read beyond the end if they did not fit."""
    if np.ndim(positions) != 2 or np.shape(weights) != (len(positions),) or not isinstance(positions, np.ndarray):
        raise ParameterError(
            f"`positions` and `weights` must be arrays of shapes (n, d) and (n,); "
            f"got {_describe(positions)} and {_describe(weights)}"
        )
    return array("positions", positions), array("weights", weights)


def moving_particles(positions: Any, velocities: Any, weights: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same with velocities of the shape of the positions in between."""
    positions, weights = particles(positions, weights)
    velocities = array("velocities", velocities)
    if velocities.shape != positions.shape:
        raise fail("velocities", f"an array of shape {positions.shape}, as the positions are", velocities)
    return positions, velocities, weights


def names(name: str, value: Any, n: int) -> tuple[str, ...]:
    """Names of n individuals, all different; `None` numbers them."""
    if value is None:
        return tuple(map(str, range(n)))
    result = tuple(str(entry) for entry in sequence(name, value, f"{n} names"))
    if len(result) != n:
        raise ParameterError(f"`{name}` must be {n} names, one for each individual; got {len(result)}")
    if len(set(result)) != n:
        twice = next(entry for k, entry in enumerate(result) if entry in result[:k])
        raise ParameterError(f"`{name}` must be all different; {twice!r} stands twice")
    return result


def times(name: str, value: Any, *, strictly: bool = True) -> np.ndarray:
    """A finite, non-empty, increasing (T,) array."""
    result = own(value, np.atleast_1d(array(name, value)))
    if result.ndim != 1 or result.size == 0:
        raise fail(name, "a non-empty array of shape (T,)", result)
    finite(name, result)
    steps = np.diff(result)
    if (steps <= 0).any() if strictly else (steps < 0).any():
        k = int(np.argmax(steps <= 0 if strictly else steps < 0))
        raise ParameterError(
            f"`{name}` must be {'strictly ' if strictly else ''}increasing; "
            f"got {_times.text(result[k], result)} followed by {_times.text(result[k + 1], result)} at index {k + 1}"
        )
    return result


def recorded(name: str, value: Any, known: np.ndarray, what: str) -> int:
    """The index of a time among those that are known; the message has the nearest one as it may be given."""
    time = real(name, value)
    k = _times.position(known, time)
    if k is None:
        nearest = _times.text(float(known[_times.nearest(known, time)]), known)
        raise fail(name, f"{what} (the nearest is {nearest})", value)
    return k


def _sum(values: np.ndarray) -> float:
    with np.errstate(over="ignore"):
        return float(values.sum())


def weights(name: str, value: Any, n: int) -> np.ndarray:
    """Non-negative weights of n particles, returned so that they sum to 1; `None` is uniform."""
    if value is None:
        return np.full(n, 1.0 / n)
    result = array(name, value)
    if result.shape != (n,):
        raise fail(name, f"an array of shape ({n},)", result)
    finite(name, result)
    if not math.isfinite(total := _sum(result)):
        result = result / np.abs(result).max()
        total = _sum(result)
    if (result < 0).any() or not total > 0:
        raise ParameterError(f"`{name}` must be non-negative with a positive sum; got minimum {result.min():g}")
    # What sums to 1 up to rounding stays as it is: copies, slices and files then give the same bits back.
    return result.copy() if abs(total - 1.0) <= 1e-12 else result / total


def generator(name: str, seed: Any) -> np.random.Generator:
    """A source of randomness from a seed, a generator, or `None` for a fresh one."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise fail(name, "an integer >= 0, a numpy.random.Generator or None", seed) from None
