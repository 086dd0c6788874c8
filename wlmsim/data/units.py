"""Names of units of length and of velocity, as files spell them, and which are the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from wlmsim.data.dates import SECONDS, unit_of_time
from wlmsim.errors import ParameterError

METRES = {"nm": 1e-9, "um": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3}
"""Units of length that can be converted, and how many metres they have."""
DEGREE = "degree"
"""The unit of longitudes and latitudes; no length."""
_WORDS = {"nm": "nanomet", "um": "micromet", "mm": "millimet", "cm": "centimet", "m": "met", "km": "kilomet"}
_CANONICAL = {f"{word}{end}": unit for unit, word in _WORDS.items() for end in ("er", "ers", "re", "res")}
_CANONICAL |= {unit: unit for unit in METRES} | {"µm": "um", "micron": "um", "microns": "um"}

_SPEEDS = {"kmh": "km/h", "kph": "km/h", "mps": "m/s"}


class Speed(NamedTuple):
    """A unit of velocity: one of length over one of time."""

    length: str
    time: str

    def over(self, length: str, time: str) -> float:
        """How many of another unit of velocity one of this is."""
        return METRES[self.length] / METRES[length] * SECONDS[time] / SECONDS[self.time]


def unit_of_length(name: Any) -> str | None:
    """The unit that a name stands for, ``"degree"`` among them; None for one that is not known."""
    text = str(name).strip().replace("\u03bc", "\u00b5")  # the letter mu, as the sign for a millionth
    if re.fullmatch(r"deg(ree)?s?([ _]?(east|north|[EN]|west|south))?|°", text, re.IGNORECASE):
        return DEGREE
    return _CANONICAL.get(text) or _CANONICAL.get(text.lower())


def unit_of_speed(name: Any) -> Speed | None:
    """The unit that a name such as ``"m/s"``, ``"cm s-1"`` or ``"km per hour"`` stands for; None for others."""
    text = str(name).strip()
    text = _SPEEDS.get(text.lower(), text)
    found = re.fullmatch(r"(\S+?)\s*(?:/|\bper\b)\s*(\S+)", text) or re.fullmatch(
        r"(\S+?)[\s.*]+([A-Za-z]+?)\s*(?:\^|\*\*)?\(?-1\)?", text
    )
    length, time = (unit_of_length(found[1]), unit_of_time(found[2])) if found else (None, None)
    return Speed(length, time) if length and time else None


def stated(variable: Any) -> str:
    """The unit that a variable says it is in; empty if it says none."""
    attributes = getattr(variable, "attrs", {})
    found = attributes.get("units", attributes.get("unit", "")) if isinstance(attributes, Mapping) else ""
    text = (found.decode() if isinstance(found, bytes) else str(found)).strip()
    return "" if text in ("1", "dimensionless", "none") else text


def check_alike(name: str, units: Mapping[str, str], expected: Mapping[str, str], whose: str) -> None:
    """Refuse lengths and times in other units than those that they are put beside; unknown ones go with all.

    Parameters
    ----------
    name : str
        The argument that has the units.
    units, expected : mapping
        By ``"length"`` and ``"time"``.
    whose : str
        What the expected ones are of, for the message.

    Raises
    ------
    ParameterError
        It says how many of the expected unit one of the other is, if that is known.
    """
    for kind, column, standard, sizes in (
        ("length", "positions", unit_of_length, METRES),
        ("time", "times", unit_of_time, SECONDS),
    ):
        given, wanted = (str(side.get(kind) or "").strip() for side in (units, expected))
        if not given or not wanted:
            continue
        one, other = standard(given) or given.lower(), standard(wanted) or wanted.lower()
        if one != other:
            known = one in sizes and other in sizes
            way = f"; one is {sizes[one] / sizes[other]:.6g} {wanted}, by which to multiply" if known else ""
            raise ParameterError(f"`{name}` must have {column} in {wanted}, as {whose} has; its units say {given}{way}")
