"""Save what a stage shows: pixels, or sharp text over pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from wlmsim.visual._stage import Stage

DOTS_PER_INCH = 200


def reduced(picture: np.ndarray, finer: int = 2) -> np.ndarray:
    """Average blocks of pixels: round, smooth points, which multisampling does not give."""
    from PIL import Image

    return np.asarray(Image.fromarray(picture).reduce(finer))


def save_picture(stage: Stage, path: Path, *, finer: int) -> None:
    """Write the frame that is shown; the format follows from the suffix."""
    from PIL import Image

    if path.suffix.lower() == ".png":
        Image.fromarray(reduced(stage.picture(), finer)).save(path, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
        return
    writings = [(view.page.renderer, writing) for view in stage.views for writing in view.page.writings]
    for _, writing in writings:
        writing.actor.SetVisibility(False)
    picture = stage.picture()
    _typeset(picture, writings, path, finer)


def _typeset(picture: np.ndarray, writings: list[Any], path: Path, finer: int) -> None:
    """Write texts with matplotlib over a picture without text."""
    import matplotlib
    from matplotlib.figure import Figure

    height, width = picture.shape[:2]
    inch = finer * DOTS_PER_INCH  # fine pixels in an inch
    figure = Figure(figsize=(width / inch, height / inch))
    page = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    page.set_axis_off()
    page.imshow(reduced(picture, finer), extent=(0, width, 0, height), interpolation="none")
    for renderer, writing in writings:
        x, y = writing.place(renderer) + renderer.GetOrigin()
        page.text(
            x,
            y,
            writing.actor.GetInput(),
            size=72 / inch * writing.size,
            color=writing.color,
            ha=writing.side,
            va=writing.level,
            rotation=writing.turned,
            parse_math=False,
        )
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "pdf.fonttype": 42, "ps.fonttype": 42}):
        figure.savefig(path, dpi=DOTS_PER_INCH)
