"""What colours mean, written at the foot of a view: a colour bar, or a legend of categories."""

from __future__ import annotations

from wlmsim.visual._box import NAME, TICK, labels, round_values
from wlmsim.visual._coloring import category_colors
from wlmsim.visual._drawing import Drawing
from wlmsim.visual._page import Page, text_width

BAR = 50
"""Height of a colour bar with its values [pixels]."""
ROW = 23
"""Height of a row of a legend."""
DOT = "\u25cf"


def key_height(drawing: Drawing, width: float) -> float:
    """Pixels that a key takes at the foot of a view that is so wide."""
    if not drawing.coloring:
        return 0.0
    if not drawing.coloring.categories:
        return BAR
    _, rows, _ = _rows(drawing, width)
    return ROW * (len(rows) + bool(drawing.coloring.title)) + 8


def draw_key(page: Page, drawing: Drawing) -> None:
    """Say at the foot what colours mean."""
    if drawing.coloring.categories:
        _draw_legend(page, drawing)
    elif drawing.coloring:
        _draw_color_bar(page, drawing)


def _draw_color_bar(page: Page, drawing: Drawing) -> None:
    """Lay a slim colour bar along the foot: its title before it, round values below."""
    import pyvista as pv
    from vtkmodules.vtkRenderingAnnotation import vtkScalarBarActor

    coloring = drawing.coloring
    low, high = coloring.limits
    middle = 0.5 * page.width / page.scale
    name = "" if drawing.dates_of_colors else coloring.title  # dates say what they are
    length, title = 0.46 * 2 * middle, text_width(name, NAME) + 14
    start = middle - 0.5 * (length - title)
    width, height = page.share(length, 9)
    bar = vtkScalarBarActor()
    bar.SetLookupTable(pv.LookupTable(coloring.palette, scalar_range=coloring.limits))
    bar.SetOrientationToHorizontal()
    bar.SetPosition(page.share(start, 0)[0], page.share(0, 30 + page.foot)[1])
    bar.SetWidth(width)
    bar.SetHeight(height)
    bar.SetBarRatio(1.0)
    bar.SetDrawTickLabels(False)
    page.add(bar)
    # VTK would write the values over the bar.
    for value, text in _marks(drawing):
        place = start + length * (value - low) / (high - low)
        page.write(text, (place - middle, 26), TICK, "center")
    page.write(name, (start - 14, 35), NAME, "right", level="center")


def _marks(drawing: Drawing) -> list[tuple[float, str]]:
    """Values along a bar and how they are written."""
    if drawing.dates_of_colors:
        return drawing.dates_of_colors
    values = round_values(*drawing.coloring.limits)
    return list(zip(values.tolist(), labels(values), strict=True))


def _draw_legend(page: Page, drawing: Drawing) -> None:
    """Name the categories along the foot, in up to three centred rows."""
    title, names = drawing.coloring.title, _entries(drawing)
    size, rows, widths = _rows(drawing, page.width / page.scale)
    for line, row in enumerate(rows):
        x, y = -0.5 * sum(widths[k] for k in row), ROW * (len(rows) - line) + 4
        for k in row:
            start = 0.5 * page.width / page.scale + x
            page.write(DOT, (start, y), size, "left", category_colors(len(names))[k])
            page.write(names[k], (start + text_width(f"{DOT} ", size), y), size, "left")
            x += widths[k]
    page.write(title, (0, ROW * len(rows) + 6), NAME, "center", level="bottom")


def _entries(drawing: Drawing) -> list[str]:
    return [name if len(name) <= 18 else f"{name[:17]}\u2026" for name in drawing.coloring.categories]


def _rows(drawing: Drawing, width: float) -> tuple[float, list[list[int]], list[float]]:
    """Size of the letters, which entries stand in each row, and how long each is."""
    size = float(TICK)
    while True:
        widths = [text_width(f"{DOT} {entry}", size) + 1.2 * size for entry in _entries(drawing)]
        rows = _wrap(widths, 0.94 * width)
        if len(rows) <= 3 or size <= 8:
            return size, rows, widths
        size -= 1


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
