"""Single cells: AnnData in, AnnData out."""

from wlmsim._lazy import attach as _attach

__getattr__, __dir__, __all__ = _attach(__name__, __file__)
