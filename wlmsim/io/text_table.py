"""Rows of words as columns that take little memory: numbers as such, and only what is none as words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from wlmsim.io.words import number_of

GROWTH = 16
"""One part in so many is added to a matrix that is full: little beside it, and seldom done."""
WHOLE = 2.0**53
"""Below this all whole numbers are float64 too."""


class TextTable(Mapping[str, np.ndarray]):
    """The columns of a table: as numbers if all of it are numbers, else as the words that stand there.

    Columns of numbers are kept as such either way, and `numbers` gives several of them at once, without a copy where
    they stand side by side. Their words are made of them again if they are whole numbers, as names of individuals are,
    and else read again.

    Parameters
    ----------
    names : sequence of str
        Of all columns, in their order.
    matrix : ndarray, shape (N, m)
        The numbers.
    places : mapping of str to int
        Which of its columns has the numbers of a name.
    words : mapping, optional
        The words of the other columns, each of shape (N,).
    whole : collection of str
        Which of the columns of numbers are whole and written as Python writes them.
    again : callable, optional
        Reads the words of columns, by their places. Default: all columns are numbers.
    units : mapping, optional
        Those of columns, as far as the text says them.
    """

    def __init__(
        self,
        names: Sequence[str],
        matrix: np.ndarray,
        places: Mapping[str, int],
        words: Mapping[str, np.ndarray] | None = None,
        whole: Iterable[str] = (),
        again: Callable[[Sequence[int]], list[np.ndarray]] | None = None,
        units: Mapping[str, str] | None = None,
    ):
        self._names, self._matrix, self._again = list(names), matrix, again
        self._place = dict(places)
        self.units = {name: unit for name, unit in (units or {}).items() if unit}
        self._words, self._whole = dict(words or {}), frozenset(whole)

    def numbers(self, names: Sequence[str]) -> np.ndarray | None:
        """Columns side by side, of shape (N, d), which may be part of what is kept here; None if one has words."""
        if not set(names) <= set(self._place):
            return None
        places = [self._place[name] for name in names]
        step = places[1] - places[0] if len(places) > 1 else 1
        if step > 0 and places == list(range(places[0], places[-1] + 1, step)):
            return self._matrix[:, places[0] : places[-1] + 1 : step]
        return self._matrix[:, places]

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._words and name in self._place:
            column = self._matrix[:, self._place[name]]
            if self._again is None:
                return column
            if name in self._whole:
                longest = max(len(f"{end:.0f}") for end in (column.min(), column.max()))
                return column.astype(np.int64).astype(f"U{longest}")
            (self._words[name],) = self._again([self._names.index(name)])
        return self._words[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def table_of(
    names: Sequence[str],
    blocks: Callable[[], Iterator[Sequence[Sequence[str]]]],
    units: Mapping[str, str],
) -> TextTable:
    """Read columns of words, some rows at a time, as a table.

    Parameters
    ----------
    names : sequence of str
        Of the columns.
    blocks : callable
        Begins anew each time that it is called, and yields the words of some rows for each name.
    units : mapping
        Those of columns, as far as the text says them.
    """
    kept: dict[int, list[np.ndarray]] = {}
    numeric: list[int] = []
    whole: set[int] = set()
    late: set[int] = set()  # that have words below numbers
    matrix = _Growing()
    for k, columns in enumerate(blocks()):
        found = {j: numbers_of(columns[j]) for j in (numeric if k else range(len(names))) if j not in late}
        if not k:
            numeric = [j for j, column in found.items() if column is not None]
            kept = {j: [] for j, column in found.items() if column is None}
            whole = set(numeric)
        late |= {j for j in numeric if found.get(j) is None}
        unknown = np.full(len(columns[0]), np.nan)
        matrix.add([column if (column := found.get(j)) is not None else unknown for j in numeric])
        whole = {j for j in whole - late if _is_whole(found[j], columns[j])}
        for j, parts in kept.items():
            parts.append(np.array(columns[j]))

    def again(places: Sequence[int]) -> list[np.ndarray]:
        parts = [[np.array(columns[j]) for j in places] for columns in blocks()]
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    words = {names[j]: np.concatenate(parts) for j, parts in kept.items()}
    if late:
        words |= {names[j]: column for j, column in zip(sorted(late), again(sorted(late)), strict=True)}
    places = {names[j]: place for place, j in enumerate(numeric) if j not in late}
    return TextTable(names, matrix.whole(), places, words, {names[j] for j in whole}, again, units)


def numbers_of(words: Sequence[str]) -> np.ndarray | None:
    """Words as numbers, what is missing as NaN; None if one is neither."""
    try:
        return np.array(list(map(float, words)))
    except ValueError:
        pass
    try:
        return np.array(list(map(number_of, words)))
    except ValueError:
        return None


def _is_whole(numbers: np.ndarray | None, words: Sequence[str]) -> bool:
    """Whether numbers are whole and written as Python writes them, so that their words can be made of them again."""
    if numbers is None or not (np.abs(numbers) < WHOLE).all() or (numbers % 1).any():
        return False
    return list(map(str, numbers.astype(np.int64).tolist())) == list(words)


class _Growing:
    """Rows of a matrix that are added some at a time; the memory is stretched, not taken anew."""

    def __init__(self) -> None:
        self._held, self._rows = np.empty((0, 0)), 0

    def add(self, columns: Sequence[np.ndarray]) -> None:
        if not columns:
            return
        end, width = self._rows + len(columns[0]), len(columns)
        if end > len(self._held):
            self._held.resize((end + end // GROWTH, width), refcheck=False)
        for k, column in enumerate(columns):
            self._held[self._rows : end, k] = column
        self._rows = end

    def whole(self) -> np.ndarray:
        self._held.resize((self._rows, self._held.shape[1]), refcheck=False)
        return self._held
