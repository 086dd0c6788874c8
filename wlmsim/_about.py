"""What this installation of wlmsim is."""

from __future__ import annotations


def version() -> str:
    """Return the installed version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("wlmsim")
    except PackageNotFoundError:
        return "0+unknown"
