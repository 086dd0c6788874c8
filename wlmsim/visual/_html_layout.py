"""What stands still on a page that plays in a browser: axes, colour bar, titles and controls."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim.visual._drawing import Drawing
from wlmsim.visual._look import FAINT, INK


def hex_of(color: Any) -> str:
    """A colour as the page writes it."""
    from matplotlib.colors import to_hex

    return to_hex(color)


def layout_of(drawing: Drawing, names: list[str], fps: float) -> dict[str, Any]:
    """Axes, colours, titles and controls of the page; `names` are those of the frames."""
    layout: dict[str, Any] = {
        "template": "plotly_white",
        "font": {"family": "DejaVu Sans, Verdana, sans-serif", "size": 14, "color": INK},
        "margin": {"l": 60, "r": 30, "t": 50, "b": 20},
        "legend": {
            "orientation": "h",
            "x": 0.5,
            "xanchor": "center",
            "y": 1.01,
            "yanchor": "bottom",
            "itemclick": False,
        },
        "uirevision": "kept",
    }
    if drawing.coloring:
        layout["coloraxis"] = _color_axis(drawing)
    domains = [[0.0, 0.48], [0.52, 1.0]] if drawing.beside else [[0.0, 1.0]]
    for side, domain in enumerate(domains, start=1):
        layout |= _space(drawing, side, domain) if drawing.dim == 3 else _plane(drawing, side, domain)
    if drawing.beside:
        layout["annotations"] = [
            {
                "text": text,
                "x": 0.5 * sum(domain),
                "y": 1.0,
                "xref": "paper",
                "yref": "paper",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 18},
            }
            for text, domain in zip(("truth", "forecast"), domains, strict=True)
        ]
    if drawing.coloring.note:
        about = {"text": drawing.coloring.note, "x": 0.0, "y": 1.0, "xref": "paper", "yref": "paper"}
        layout.setdefault("annotations", []).append({**about, "yanchor": "bottom", "showarrow": False})
    if len(names) > 1:
        layout |= _controls(names, fps)
    else:
        layout["title"] = {"text": names[0], "x": 0.98, "xanchor": "right"}
    return layout


def _color_axis(drawing: Drawing) -> dict[str, Any]:
    coloring = drawing.coloring
    colors = [hex_of(coloring.palette(k)) for k in range(coloring.palette.N)]
    if coloring.categories:
        edges = np.arange(len(colors) + 1) / len(colors)
        scale = [(edge, c) for k, c in enumerate(colors) for edge in (edges[k], edges[k + 1])]
    else:
        scale = [(k / 15, colors[round(k * (len(colors) - 1) / 15)]) for k in range(16)]
    dates = dict(drawing.dates_of_colors)
    return {
        "colorscale": scale,
        "cmin": coloring.limits[0],
        "cmax": coloring.limits[1],
        "showscale": not coloring.categories,
        "colorbar": {
            "title": {"text": "" if dates else coloring.title, "side": "right"},
            **({"tickvals": list(dates), "ticktext": list(dates.values())} if dates else {}),
            "thickness": 9,
            "len": 0.7,
            "outlinewidth": 0,
        },
    }


def _space(drawing: Drawing, side: int, domain: list[float]) -> dict[str, Any]:
    eye = -2.1 * drawing.camera.ahead
    spans = np.ptp(drawing.limits, axis=0)
    spans = spans / spans.max()
    box: dict[str, Any] = {
        f"{letter}axis": {
            "title": {"text": name},
            "range": drawing.value_limits[:, k].tolist(),
            "backgroundcolor": "rgba(0,0,0,0)",
            "gridcolor": "#e3e5e9",
            "linecolor": FAINT,
            "zeroline": False,
        }
        for k, (letter, name) in enumerate(zip("xyz", drawing.names, strict=True))
    }
    up = drawing.camera.up if abs(drawing.camera.elevation) == 90 else np.array([0.0, 0.0, 1.0])
    box |= {
        "domain": {"x": domain, "y": [0.0, 1.0]},
        "aspectmode": "manual",
        "aspectratio": dict(zip("xyz", spans.tolist(), strict=True)),
        "camera": {
            "eye": dict(zip("xyz", eye.tolist(), strict=True)),
            "center": {"x": 0, "y": 0, "z": -0.12},
            "up": dict(zip("xyz", up.tolist(), strict=True)),
            "projection": {"type": "perspective" if drawing.camera.perspective else "orthographic"},
        },
    }
    return {f"scene{'' if side == 1 else side}": box}


def _plane(drawing: Drawing, side: int, domain: list[float]) -> dict[str, Any]:
    suffix = "" if side == 1 else str(side)
    line = {
        "showline": True,
        "mirror": True,
        "linecolor": FAINT,
        "zeroline": False,
        "showgrid": False,
        "ticks": "outside",
    }
    x = {"title": {"text": drawing.names[0]}, "range": drawing.value_limits[:, 0].tolist(), "domain": domain, **line}
    y: dict[str, Any] = {"range": drawing.value_limits[:, 1].tolist(), "anchor": f"x{suffix}", **line}
    if drawing.dim == 1:
        y |= {"showticklabels": False, "ticks": ""}
    else:
        y |= {"title": {"text": drawing.names[1]}, "scaleanchor": f"x{suffix}", "constrain": "domain"}
        x |= {"constrain": "domain"}
    if side == 2:
        x["matches"], y["matches"] = "x", "y"
        y |= {"showticklabels": False, "title": None}
    return {f"xaxis{suffix}": x, f"yaxis{suffix}": y}


def _controls(names: list[str], fps: float) -> dict[str, Any]:
    """A play and a pause button, and the slider."""
    rush = {"mode": "immediate", "transition": {"duration": 0}}
    play = {"frame": {"duration": 1000 / fps, "redraw": True}, "fromcurrent": True, **rush}
    jump = {"frame": {"duration": 0, "redraw": True}, **rush}
    return {
        "updatemenus": [
            {
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "x": 0.0,
                "xanchor": "left",
                "y": 0.0,
                "yanchor": "top",
                "pad": {"t": 62, "r": 10},
                "buttons": [
                    {"label": "▶", "method": "animate", "args": [None, play]},
                    {"label": "❚❚", "method": "animate", "args": [[None], jump]},
                ],
            }
        ],
        "sliders": [
            {
                "active": len(names) - 1,
                "x": 0.14,
                "len": 0.86,
                "y": 0.0,
                "pad": {"t": 44, "b": 8},
                "currentvalue": {"prefix": "", "xanchor": "right", "font": {"size": 18, "color": INK}},
                "ticklen": 0,
                "minorticklen": 0,
                "font": {"color": "rgba(0,0,0,0)"},
                "steps": [
                    {"label": name, "method": "animate", "args": [[str(k)], jump]} for k, name in enumerate(names)
                ],
            }
        ],
    }
