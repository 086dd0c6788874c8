"""What colours mean, written at the foot of a view: a colour bar, or a legend of categories."""

from __future__ import annotations

from wlmsim.visual._box import labels, round_values
from wlmsim.visual._coloring import category_colors
from wlmsim.visual._drawing import Drawing
from wlmsim.visual._page import Page, font_file


def draw_key(page: Page, drawing: Drawing) -> None:
    """Say at the foot what colours mean."""
    if drawing.coloring.categories:
        _draw_legend(page, drawing.coloring.title, drawing.coloring.categories)
    elif drawing.coloring:
        _draw_color_bar(page, drawing)


def _draw_color_bar(page: Page, drawing: Drawing) -> None:
    """Lay a colour bar along the foot: title above, round values below."""
    import pyvista as pv
    from vtkmodules.vtkRenderingAnnotation import vtkScalarBarActor

    coloring = drawing.coloring
    low, high = coloring.limits
    width, height = page.share(400, 18)
    bar = vtkScalarBarActor()
    bar.SetLookupTable(pv.LookupTable(coloring.palette, scalar_range=coloring.limits))
    bar.SetOrientationToHorizontal()
    bar.SetPosition(0.5 - width / 2, page.share(0, 36 + page.foot)[1])
    bar.SetWidth(width)
    bar.SetHeight(height)
    bar.SetBarRatio(1.0)
    bar.SetDrawTickLabels(False)
    page.add(bar)
    # VTK would write the values over the bar.
    values = round_values(low, high)
    for value, text in zip(values, labels(values), strict=True):
        page.write(text, (400 * ((value - low) / (high - low) - 0.5), 30), 14, "center")
    page.write(coloring.title, (0, 62), 16, "center", level="bottom")


def _draw_legend(page: Page, title: str, names: tuple[str, ...], size: float = 15) -> None:
    """Name the categories along the foot, in up to three centred rows."""
    from PIL import ImageFont

    dot = "●"
    entries = [name if len(name) <= 18 else f"{name[:17]}…" for name in names]
    room = 0.94 * page.width / page.scale
    while True:
        font = ImageFont.truetype(font_file(), size)
        widths = [font.getlength(f"{dot} {entry}") + 1.2 * size for entry in entries]
        rows = _wrap(widths, room)
        if len(rows) <= (2 if title else 3) or size <= 8:
            break
        size -= 1
    low = 11.0 * (3 - len(rows)) - (10 if title else 0)
    for line, row in enumerate(rows):
        x, y = -0.5 * sum(widths[k] for k in row), 22.0 * (len(rows) - line) + low
        for k in row:
            start = 0.5 * page.width / page.scale + x
            page.write(dot, (start, y), size, "left", category_colors(len(names))[k])
            page.write(entries[k], (start + font.getlength(f"{dot} "), y), size, "left")
            x += widths[k]
    page.write(title, (0, 22.0 * len(rows) + 8 + low), 16, "center", level="bottom")


def _wrap(widths: list[float], room: float) -> list[list[int]]:
    rows: list[list[int]] = [[]]
    filled = 0.0
    for k, width in enumerate(widths):
        if rows[-1] and filled + width > room:
            rows.append([])
            filled = 0.0
        rows[-1].append(k)
        filled += width
    return rows
