"""Times that are written as words, such as "day 3", "E7.5" and "48h": their numbers, and the unit that they name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from wlmsim.data.dates import unit_of_time

_LETTERS = r"[^\W\d_]*"
_NUMBER = r"\d+(?:\.\d+)?"
_WORD = re.compile(rf"({_LETTERS})([\s_.:-]*)({_NUMBER})[\s_]*({_LETTERS})")
_RANGE = re.compile(
    rf"{_LETTERS}[\s_.:-]*({_NUMBER})\s*(?:-|\N{{EN DASH}}|to)\s*{_LETTERS}[\s_.]*({_NUMBER})\s*{_LETTERS}"
)
_OF_BIOLOGY = {"e": "day", "dpf": "day", "dpc": "day", "dpi": "day", "hpf": "h", "hpi": "h", "w": "week", "wk": "week"}
"""Units of developmental time: E7.5 is 7.5 days after conception, 48hpf are hours after fertilisation."""


class WordTimes(NamedTuple):
    """What words of times stand for, and the unit that they name, if they name one."""

    values: dict[str, float]
    unit: str | None


def read_words(words: Iterable[Any]) -> WordTimes | None:
    """Numbers of words that differ in their number alone, such as "day 0" and "day 3"; None if they do not.

    Examples
    --------
    >>> read_words(["E7.5", "E8.0", "E7.5"])
    WordTimes(values={'E7.5': 7.5, 'E8.0': 8.0}, unit='day')
    >>> read_words(["E18.5", "P0"]) is None                    # days after conception, and after birth
    True
    """
    values: dict[str, float] = {}
    around = set()
    for word in dict.fromkeys(words):
        match = _WORD.fullmatch(word.strip()) if isinstance(word, str) else None
        if match is None:
            return None
        before, between, number, after = match.groups()
        if "-" in between and between != "-":  # "day -1" may be before the start
            return None
        around.add((before.lower(), after.lower()))
        values[word] = float(number)
    if len(around) != 1 or len(set(values.values())) < len(values):
        return None
    before, after = around.pop()
    return WordTimes(values, _unit(before) or _unit(after))


def suggestion(words: Iterable[Any]) -> str:
    """What may be given as `time_values` for words that are no numbers: the middles of windows, or dots to fill in."""
    distinct = [word for word in dict.fromkeys(words) if isinstance(word, str) and word.strip()][:6]
    windows = [_RANGE.fullmatch(word.strip()) for word in distinct]
    if not distinct:
        return ""
    if all(windows):
        middles = [sum(map(float, window.groups())) / 2 for window in windows if window is not None]
        filled = ", ".join(f"{word!r}: {middle:g}" for word, middle in zip(distinct, middles, strict=True))
        return f", such as the middles of the windows, {{{filled}}}"
    return f", such as {{{', '.join(f'{word!r}: ...' for word in distinct)}}}"


def _unit(word: str) -> str | None:
    return _OF_BIOLOGY.get(word) or unit_of_time(word)
