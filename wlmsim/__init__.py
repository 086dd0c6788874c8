"""wlmsim: simulate populations from first principles, and learn their mechanics from snapshots."""

from wlmsim._lazy import attach as _attach

__getattr__, __dir__, __all__ = _attach(__name__, __file__)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("wlmsim")
    except PackageNotFoundError:
        return "0+unknown"
