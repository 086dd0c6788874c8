"""Open a PyVista plotter where there may be no display, without crashing the interpreter."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from wlmsim.errors import WlmsimError

if TYPE_CHECKING:
    import pyvista as pv


class RenderingError(WlmsimError, RuntimeError):
    """No picture can be drawn on this machine; the message says what to install."""


def has_display() -> bool:
    """Whether a window could be opened."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def open_plotter(*, off_screen: bool | None, **options: Any) -> pv.Plotter:
    """Return an empty white plotter; off-screen by default when there is no display."""
    _check_opengl()
    import pyvista as pv

    if off_screen is None:
        off_screen = pv.OFF_SCREEN or not has_display()
    elif not off_screen and not has_display():
        raise RenderingError("there is no display to open a window on: pass `off_screen=True`, then `.screenshot(...)`")
    plotter = pv.Plotter(off_screen=off_screen, border=False, **options)
    plotter.set_background("white", all_renderers=True)  # type: ignore[arg-type]
    return plotter


@cache
def _check_opengl() -> None:
    """Refuse before VTK renders: with no OpenGL library at hand it does not raise, it crashes."""
    if not sys.platform.startswith("linux"):
        return
    import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  (registers the window that this machine supports)
    from vtkmodules.vtkRenderingCore import vtkRenderWindow

    with _quiet_vtk():
        kind = vtkRenderWindow().GetClassName()
    # VTK tries X, then EGL, and returns the OSMesa window as its last resort, whether or not OSMesa is there.
    missing = kind == "vtkOSOpenGLRenderWindow" and not _loads("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")
    if missing or (kind == "vtkXOpenGLRenderWindow" and not has_display()):
        raise RenderingError(
            "no OpenGL library was found to draw with: install EGL with a software driver "
            "(Debian/Ubuntu: `apt install libegl1 libgl1-mesa-dri`; Fedora: `dnf install mesa-libEGL "
            "mesa-dri-drivers`), or OSMesa (`apt install libosmesa6`)"
        )


def _loads(*libraries: str) -> bool:
    for library in libraries:
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        return True
    return False


@contextmanager
def _quiet_vtk() -> Iterator[None]:
    """Silence VTK's remark that there is no X server, which is no fault off-screen."""
    from vtkmodules.vtkCommonCore import vtkLogger

    level = vtkLogger.GetCurrentVerbosityCutoff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    try:
        yield
    finally:
        vtkLogger.SetStderrVerbosity(level)
