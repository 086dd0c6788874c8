"""Single cells: AnnData in, AnnData out."""

from wlmsim.learn.cells.reading import series_of

__all__ = ["series_of"]
