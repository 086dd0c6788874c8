"""Tracks of TrackMate: tables of spots, its XML, and the XML of tracks alone that it exports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.dates import unit_of_time
from wlmsim.data.units import unit_of_length
from wlmsim.errors import FileFormatError
from wlmsim.io.paths import existing

TRACK, PLACE, CLOCK, FRAME = "TRACK_ID", ("POSITION_X", "POSITION_Y", "POSITION_Z"), "POSITION_T", "FRAME"


def is_table(columns: Mapping[str, Any]) -> bool:
    """Whether columns are those of a table of spots."""
    return TRACK in columns and PLACE[0] in columns


def table(columns: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The rows of a table of spots below the further lines of its header; and the units that these tell."""
    place = np.asarray(columns[PLACE[0]])
    words = [str(entry).strip() for entry in place[:10].tolist()]
    skipped = next((k for k, word in enumerate(words) if check.is_number(word)), 0)
    header = {name: [str(entry) for entry in np.asarray(columns[name])[:skipped].tolist()] for name in columns}
    units: dict[str, str] = {}
    for kind, name, known in (("length", PLACE[0], unit_of_length), ("time", CLOCK, unit_of_time)):
        found = [match[1] for word in header.get(name, ()) if (match := re.fullmatch(r"\s*\((.+)\)\s*", word))]
        units |= {kind: known(found[0]) or found[0]} if found else {}
    return {name: np.asarray(columns[name])[skipped:] for name in columns}, units


def xml(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the XML of a session, or that of exported tracks, as columns id, time, x, y, z and units.

    Tracks that divide or merge come apart at each division: the parts are called 3, 3.1, 3.2, ...

    Raises
    ------
    FileFormatError
        If it is neither, or has no tracks.
    """
    path = existing(path)
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, UnicodeDecodeError, IsADirectoryError) as error:
        raise FileFormatError(f"{path}: it is not an XML file ({error})") from None
    if root.tag == "Tracks":
        rows, units = _exported(root)
    elif root.find("Model") is not None:
        rows, units = _session(root)
    else:
        raise FileFormatError(f"{path}: it is XML, but not of TrackMate (its root is {root.tag!r})")
    if not rows:
        raise FileFormatError(f"{path}: it has no tracks")
    names, *numbers = zip(*rows, strict=True)
    columns = dict(zip(("time", "x", "y", "z"), np.array(numbers, dtype=float), strict=True))
    return {"id": np.array(names), **columns}, units


def _exported(root: ElementTree.Element) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
    """Tracks alone: particles with detections, whose t counts frames."""
    interval = float(root.get("frameInterval", 1.0)) or 1.0
    rows = [
        (str(k), float(spot.get("t", "nan")) * interval, *(float(spot.get(a, "nan")) for a in "xyz"))
        for k, particle in enumerate(root.iter("particle"))
        for spot in particle.iter("detection")
    ]
    return rows, _units(root.get("spaceUnits"), root.get("timeUnits"))


def _session(root: ElementTree.Element) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
    """Spots and the edges between them."""
    model = root.find("Model")
    assert model is not None
    spots = {spot.get("ID"): spot for spot in model.iter("Spot")}
    kept = {track.get("TRACK_ID") for track in model.iter("TrackID")}
    rows: list[tuple[Any, ...]] = []
    for track in model.iter("Track"):
        name = str(track.get("TRACK_ID"))
        if kept and name not in kept:
            continue
        for part, members in enumerate(_branches(track, spots)):
            called = name if part == 0 else f"{name}.{part}"
            rows += [(called, _time(spot), *(float(spot.get(a, "nan")) for a in PLACE)) for spot in members]
    return rows, _units(model.get("spatialunits"), model.get("timeunits"))


def _branches(track: ElementTree.Element, spots: Mapping[Any, ElementTree.Element]) -> list[list[ElementTree.Element]]:
    """Chains of spots between the ends, divisions and mergers of a track, in the order of their beginnings."""
    after: dict[Any, list[Any]] = {}
    before: dict[Any, list[Any]] = {}
    for edge in track.iter("Edge"):
        ends = sorted((edge.get("SPOT_SOURCE_ID"), edge.get("SPOT_TARGET_ID")), key=lambda k: _time(spots[k]))
        after.setdefault(ends[0], []).append(ends[1])
        before.setdefault(ends[1], []).append(ends[0])
    members = sorted(after.keys() | before.keys(), key=lambda k: (_time(spots[k]), str(k)))
    # a chain goes on only where one spot leads to one
    first = [k for k in members if len(before.get(k, ())) != 1 or len(after.get(before[k][0], ())) != 1]
    chains = []
    for k in first:
        chain = [k]
        while len(after.get(chain[-1], ())) == 1 and len(before.get(after[chain[-1]][0], ())) == 1:
            chain.append(after[chain[-1]][0])
        chains.append([spots[one] for one in chain])
    return chains


def _time(spot: ElementTree.Element) -> float:
    return float(spot.get(CLOCK) or spot.get(FRAME) or "nan")


def _units(length: str | None, time: str | None) -> dict[str, str]:
    given = {"length": length and (unit_of_length(length) or length), "time": time and (unit_of_time(time) or time)}
    return {kind: name for kind, name in given.items() if name}
