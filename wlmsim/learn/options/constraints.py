"""What a parameter may be, declared as data: a number within bounds, a whole number, a word, a flag, an object."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wlmsim import _validation as check


@dataclass(frozen=True)
class Real:
    """A number within bounds, or one of a few words; where allowed also infinite, or None."""

    above: float = -math.inf
    least: float = -math.inf
    below: float = math.inf
    most: float = math.inf
    infinite: bool = False
    words: tuple[str, ...] = ()
    optional: bool = False

    @property
    def expected(self) -> str:
        """What is expected, in words."""
        kind = "a number" if self.infinite else "a finite number"
        signs = {">": (self.above, -math.inf), ">=": (self.least, -math.inf), "<": (self.below, math.inf)}
        signs["<="] = (self.most, math.inf)
        bounds = " and".join(f" {sign} {bound:g}" for sign, (bound, none) in signs.items() if bound != none)
        return _either(self.words, kind + bounds, self.optional)

    def allows(self, value: Any) -> bool:
        """Whether a value is one."""
        if isinstance(value, str) or value is None:
            return value in self.words or (value is None and self.optional)
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
            return False
        try:
            number = float(value)
        except OverflowError:  # an integer of hundreds of digits
            return False
        inside = self.above < number and self.least <= number and number <= self.most
        return inside and (number < self.below or self.infinite) and (self.infinite or math.isfinite(number))


@dataclass(frozen=True)
class Integer:
    """A whole number, at least `least` and at most `most`; or one of a few words, or None."""

    least: int | None = 1
    most: int | None = None
    words: tuple[str, ...] = ()
    optional: bool = False

    @property
    def expected(self) -> str:
        """What is expected, in words."""
        low = "" if self.least is None else f" >= {self.least}"
        high = "" if self.most is None else f" and <= {self.most}"
        return _either(self.words, f"an integer{low}{high}", self.optional)

    def allows(self, value: Any) -> bool:
        """Whether a value is one."""
        if isinstance(value, str) or value is None:
            return value in self.words or (value is None and self.optional)
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        above = self.least is None or value >= self.least
        return whole and above and (self.most is None or value <= self.most)


@dataclass(frozen=True)
class Word:
    """One of a few words; or, if it is open, any other string."""

    words: tuple[str, ...]
    open: bool = False

    @property
    def expected(self) -> str:
        """What is expected, in words."""
        return f"one of {', '.join(map(repr, self.words))}{' or another name' if self.open else ''}"

    def allows(self, value: Any) -> bool:
        """Whether a value is one."""
        return isinstance(value, str) and (self.open or value in self.words)


@dataclass(frozen=True)
class Flag:
    """True or False."""

    expected = "True or False"

    def allows(self, value: Any) -> bool:
        """Whether a value is one."""
        return isinstance(value, (bool, np.bool_))


@dataclass(frozen=True)
class Instance:
    """An object of a class, or None."""

    kind: type
    optional: bool = True

    @property
    def expected(self) -> str:
        """What is expected, in words."""
        return f"a {self.kind.__name__}" + (" or None" if self.optional else "")

    def allows(self, value: Any) -> bool:
        """Whether a value is one."""
        return isinstance(value, self.kind) or (value is None and self.optional)


Constraint = Real | Integer | Word | Flag | Instance


def validate(owner: str, constraints: Mapping[str, Constraint], value_of: Callable[[str], Any]) -> None:
    """Check values against what is declared of each.

    Raises
    ------
    ParameterError
        At the first that does not fit; it names the owner and the parameter, what is expected and what was given.
    """
    for name, constraint in constraints.items():
        value = value_of(name)
        if constraint.allows(value):
            continue
        shown = f"{owner}.{name}" if owner else name
        if isinstance(constraint, Instance) and not constraint.optional:
            check.instance(shown, value, constraint.kind)
        words = getattr(constraint, "words", ())
        error = check.fail(shown, constraint.expected, value)
        raise type(error)(f"{error}{_hint(value, words)}")


def _hint(value: Any, words: tuple[str, ...]) -> str:
    """What may be meant by a string."""
    if not isinstance(value, str):
        return ""
    try:
        return f"; write the number, {'math.inf' if math.isinf(float(value)) else value}, and not its text"
    except ValueError:
        return check.meant(value, words)


def _either(words: tuple[str, ...], otherwise: str, optional: bool) -> str:
    """The words, or what else there may be."""
    return " or ".join([*map(repr, words), otherwise, *(["None"] if optional else [])])
