"""How objects look in a notebook: small tables and drawings in plain HTML and SVG, no graphics library."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim._extent import extent, outside_text, within

TIMES = ["#0d0887", "#7e03a8", "#cc4778", "#f89540", "#e6c229"]
"""From the first to the last time that is drawn; those of the plots."""
MOST_POINTS = 800
"""In one drawing: about 8 kB."""
SIDE = 150
"""Width and height of a drawing [pixel]."""
CELL = "text-align:left;padding:1px 12px 1px 0;border:none;background:none;vertical-align:top"
HEAD = "font-weight:600;opacity:0.7;white-space:nowrap"


class Markup(str):
    """Text that is HTML already."""


def math(latex: str) -> Markup:
    """A formula, which notebooks and the documentation typeset."""
    return Markup(f'<span class="math notranslate nohighlight">\\({html.escape(latex)}\\)</span>')


def card(title: str, rows: Iterable[tuple[str, Any]], picture: str = "") -> Markup:
    """A heading and a table of names and values, with a drawing beside it."""
    body = "".join(
        f'<tr style="background:none"><th style="{CELL};{HEAD}">{html.escape(name)}</th>'
        f'<td style="{CELL}">{text(value)}</td></tr>'
        for name, value in rows
    )
    return Markup(
        f'<div style="display:flex;gap:16px;align-items:flex-start;overflow-x:auto">{picture}<div>'
        f'<div style="font-weight:700;margin-bottom:4px">{html.escape(title)}</div>'
        f'<table style="border-collapse:collapse;margin:0">{body}</table></div></div>'
    )


def grid(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> Markup:
    """A heading and a table of numbers; cells that are `Markup` stand as they are."""
    cell = "text-align:right;padding:2px 10px;border:none;background:none"
    head = "".join(
        f'<th style="{cell};border-bottom:1px solid;font-weight:600">{html.escape(name)}</th>' for name in header
    )
    body = "".join(
        '<tr style="background:none">' + "".join(f'<td style="{cell}">{text(value)}</td>' for value in row) + "</tr>"
        for row in rows
    )
    below = f'<div style="opacity:0.7">{html.escape(caption)}</div>' if caption else ""
    return Markup(
        f'<div><div style="font-weight:700;margin-bottom:4px">{html.escape(title)}</div>'
        f'<table style="border-collapse:collapse;margin:0"><tr style="background:none">{head}</tr>{body}</table>'
        f"{below}</div>"
    )


def when(times: np.ndarray, units: Mapping[str, str]) -> list[tuple[str, str]]:
    """The times and units of a series, as rows of a card."""
    steps = np.diff(times)
    even = len(steps) > 0 and np.ptp(steps) <= 2 * _times.SHARE * steps.max()
    spacing = f", every {steps[0]:.4g}" if even else ", unevenly spaced" if len(steps) else ""
    named = ", ".join(f"{kind} in {unit}" for kind, unit in units.items())
    first, last = (_times.text(float(t), times) for t in (times[0], times[-1]))
    return [("times", f"{len(times)}: {first} to {last}{spacing}"), *([("units", named)] if named else [])]


def about(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The short ones of the metadata, as a row of a card."""
    short = [f"{name} = {value}" for name, value in metadata.items() if len(str(value)) <= 30]
    return [("about", ", ".join(short[:6]))] if short else []


def text(value: Any) -> str:
    """A value, escaped unless it is `Markup`."""
    if isinstance(value, Markup):
        return value
    return html.escape(f"{value:.4g}" if isinstance(value, float) else str(value))


def clouds(positions: Sequence[np.ndarray] | np.ndarray, times: Sequence[float] | np.ndarray) -> Markup:
    """Clouds of at most five times over each other, coloured by time; those on a line are drawn against time."""
    chosen = np.unique(np.linspace(0, len(positions) - 1, len(TIMES)).round().astype(int))
    share = MOST_POINTS // len(chosen)
    planes = []
    for k in chosen:
        x = np.asarray(positions[k])
        x = x[:: -(-len(x) // share)]
        planes.append(np.column_stack([np.full(len(x), times[k]), x[:, 0]]) if x.shape[1] == 1 else x[:, :2])
    low, high = extent(planes)
    shown = [points[within(points, low, high)] for points in planes]
    outside = outside_text(sum(map(len, planes)) - sum(map(len, shown)), sum(map(len, planes)))
    span = np.where(high > low, high - low, 1.0)
    if np.asarray(positions[0]).shape[1] > 1:
        span = np.full(2, span.max())  # equal scales of both axes
    middle = (low + high) / 2
    colors = TIMES if len(chosen) > 1 else TIMES[1:2]
    paths = []
    for color, points in zip(colors, shown, strict=False):
        x, y = ((points - middle) / span * [1, -1] * (SIDE - 14) + SIDE / 2).T
        dots = "".join(f"M{a:.0f} {b:.0f}h0" for a, b in zip(x, y, strict=True))
        paths.append(
            f'<path d="{dots}" stroke="{color}" stroke-width="3" stroke-opacity="0.7" stroke-linecap="round"/>'
        )
    about = "the first two coordinates, later times lighter"
    return _drawing("".join(paths), SIDE, SIDE, f"{about}; {outside}" if outside else about)


def curve(values: np.ndarray, what: str) -> Markup:
    """A course of positive numbers on a logarithmic axis, smoothed to 120 points."""
    values = np.log(np.clip(np.asarray(values, dtype=float), 1e-300, None))
    values = np.array([part.mean() for part in np.array_split(values, min(120, len(values)))])
    span = float(np.ptp(values)) or 1.0
    x = np.linspace(7, SIDE - 7, len(values))
    y = 8 + (values.max() - values) / span * (SIDE / 2 - 16)
    line = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    return _drawing(f'<path d="{line}" stroke="#c2410c" stroke-width="1.5"/>', SIDE, SIDE // 2, what)


def _drawing(inside: str, width: int, height: int, title: str) -> Markup:
    return Markup(
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" fill="none" role="img" '
        f'style="flex:none;border:1px solid #9ca3af66;border-radius:4px">'
        f"<title>{html.escape(title)}</title>{inside}</svg>"
    )
