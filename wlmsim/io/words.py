"""Words of tables: the numbers that they are, however these are written, and those that stand for what is not known."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from wlmsim import _validation as check

MISSING = (
    *("", "na", "n/a", "nan", "-nan", "nat", "null", "(null)", "none", "nil", "missing", "<na>", "-", "--", "---"),
    *(".", "?", "*", "#n/a", "#na", "#value!", "#div/0!", "#ref!", "#num!"),
    *("nan(ind)", "-nan(ind)", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind"),
)
"""Words, in small letters, for a value that is not known, as R, pandas, spreadsheets, data bases and C write it."""
_GROUPED = re.compile(r"[-+]?\d{1,3}((,\d{3})+\.\d*|([' \u00a0\u202f]\d{3})+(\.\d*)?)")
_FORTRAN = re.compile(r"([-+]?\d*\.?\d*)[dD]([-+]?\d+)")


def number_of(word: str) -> float:
    """The number that a word is, NaN where it is missing; ValueError if it is neither."""
    try:
        return float(word)
    except ValueError:
        return float(value_of(word))


def value_of(entry: Any) -> Any:
    """An entry of a table; NaN where it is missing, and numbers of Fortran and with marks between thousands plain."""
    if not isinstance(entry, str):
        return np.nan if check.absent(entry) else entry
    word = entry.strip()
    if is_missing(word):
        return np.nan
    if _GROUPED.fullmatch(word):
        return re.sub(r"[,' \u00a0\u202f]", "", word)
    return f"{fortran[1]}e{fortran[2]}" if (fortran := _FORTRAN.fullmatch(word)) else entry


def is_missing(word: str) -> bool:
    """Whether a word stands for a value that is not known."""
    return word.strip().lower() in MISSING


def are_missing(words: np.ndarray) -> np.ndarray:
    """Which words do."""
    return np.isin(np.char.lower(np.char.strip(words)), MISSING)
