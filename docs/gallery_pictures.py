"""How the gallery runs an example, and finds the pictures and films that it leaves in its output folder."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parents[1] / "build" / "gallery"
FILMS = OUTPUT.parent / "gallery_films" / "films"
"""Films lie here, to be copied beside the pages: Sphinx knows pictures only."""

FILMS.mkdir(parents=True, exist_ok=True)


def arguments(gallery_conf: dict[str, Any], script_vars: dict[str, Any]) -> list[str]:
    """Arguments of an example: a fresh folder for its results, small unless WLMSIM_GALLERY says full."""
    folder = _folder(script_vars)
    shutil.rmtree(folder, ignore_errors=True)
    small = [] if os.environ.get("WLMSIM_GALLERY") == "full" else ["--small"]
    return ["--output", str(folder), *small]


def left_in_output(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Show the films and pictures in the output folder; the first picture is the thumbnail."""
    folder = _folder(block_vars)
    films = [_film(path) for path in sorted(folder.glob("*.mp4"))]
    pictures = []
    for path in sorted(folder.glob("*.png")) + sorted(folder.glob("*.gif")):
        copy = Path(next(block_vars["image_path_iterator"])).with_suffix(path.suffix)
        shutil.copyfile(path, copy)
        place = copy.relative_to(gallery_conf["src_dir"]).as_posix()
        pictures.append(f".. image:: /{place}\n   :alt: {path.stem}\n   :class: sphx-glr-single-img\n")
    return "\n\n".join(films + pictures)


def titled(app: Any, docname: str, source: list[str]) -> None:
    """Make the first line of an example's docstring the title of its page."""
    if not docname.startswith("gallery/"):
        return

    def underlined(match: re.Match[str]) -> str:
        title = match[2].rstrip(".")
        return f"{match[1]}{title}\n{'=' * len(title)}\n"

    # The title stands after the label of the page, and is followed by an empty line.
    source[0] = re.sub(r"(\n\.\. _sphx_glr_gallery_\S+:\n\n+)(\S.*)\n(?=\n)", underlined, source[0], count=1)


def _folder(variables: dict[str, Any]) -> Path:
    return OUTPUT / Path(variables["src_file"]).stem


def _film(path: Path) -> str:
    name = f"{path.parent.name}_{path.name}"
    shutil.copyfile(path, FILMS / name)
    return f'.. raw:: html\n\n   <video src="../films/{name}" controls loop muted autoplay playsinline></video>\n'
