"""Turn pictures into GIF and MP4 files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError

if TYPE_CHECKING:
    from PIL import Image

Shoot = Callable[[int], np.ndarray]
"""Draw frame k, as an (h, w, 3) array of bytes."""


def encoder(path: Path) -> Callable[[Path, Shoot, int, float, str | None], None]:
    """Choose how to write a film by its suffix."""
    suffix = path.suffix.lower()
    if suffix not in (".gif", ".mp4"):
        raise check.fail("path", "a file that ends in .gif or .mp4", str(path))
    if suffix == ".mp4" and find_spec("imageio_ffmpeg") is None:
        raise ParameterError(
            "`path` must end in .gif as long as imageio-ffmpeg is not installed "
            f"(`pip install imageio-ffmpeg` for .mp4); got {str(path)!r}"
        )
    return {".gif": write_gif, ".mp4": write_mp4}[suffix]


def write_gif(path: Path, shoot: Shoot, count: int, fps: float, title: str | None) -> None:
    """Write an endless GIF under one palette, so that colours neither flicker nor are stored for every frame."""
    from PIL import Image

    palette = _palette([shoot(k) for k in sorted({0, count // 2, count - 1})])
    images = (
        Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE)
        for picture in _pictures(shoot, count, title)
    )
    next(images).save(
        path,
        save_all=True,
        append_images=images,
        duration=max(round(1000 / fps), 20),
        loop=0,
        optimize=True,
    )


def _palette(pictures: list[np.ndarray]) -> Image.Image:
    """Choose 255 colours (one is left for transparency), spread over the colours that occur.

    Each colour counts once, however large its area: else the few bright points would lose theirs to the
    many shades of the blurred edges. White stays exact.
    """
    from PIL import Image

    pixels = np.concatenate([picture.reshape(-1, 3) for picture in pictures])
    red, green, blue = (pixels >> 3).astype(np.int32).T
    _, kept = np.unique((red << 10) | (green << 5) | blue, return_index=True)
    palette = Image.fromarray(pixels[kept][None]).quantize(255, method=Image.Quantize.MAXCOVERAGE, kmeans=2)
    colors = np.array(palette.getpalette() or [])[: 3 * 255].reshape(-1, 3)
    colors[np.abs(colors - 255).sum(axis=1).argmin()] = 255
    colors[((colors - 252) ** 2).sum(axis=1) <= 3 * 3**2] = 255  # nearer, as Pillow compares without the last two bits
    palette.putpalette(colors.ravel().tolist())
    return palette


def write_mp4(path: Path, shoot: Shoot, count: int, fps: float, title: str | None) -> None:
    """Write H.264 that every player reads."""
    import imageio_ffmpeg

    writer = None
    try:
        for picture in _pictures(shoot, count, title):
            if writer is None:
                height, width = picture.shape[:2]
                writer = imageio_ffmpeg.write_frames(
                    path,
                    (width, height),
                    fps=fps,
                    quality=7,
                    macro_block_size=2,
                    output_params=["-movflags", "+faststart"],
                    ffmpeg_log_level="error",
                )
                writer.send(None)
            writer.send(np.ascontiguousarray(picture))
    finally:
        if writer is not None:
            writer.close()


def _pictures(shoot: Shoot, count: int, title: str | None) -> Iterator[np.ndarray]:
    """Shoot every frame, under a progress bar if there is a title for it."""
    from rich.console import Console
    from rich.progress import track

    frames = track(range(count), description=title or "", disable=title is None, console=Console(stderr=True))
    return (shoot(k) for k in frames)
