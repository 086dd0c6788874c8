"""Real data sets: looked for in the folder ``WLMSIM_DATA`` first, then in the cache, then downloaded and checked.

The package ships no data. Every loader also takes a path, and `twin` writes a small generated file of the same
layout, for tests and examples. See docs/data.md.
"""

from wlmsim._lazy import attach as _attach

__getattr__, __dir__, __all__ = _attach(__name__, __file__)
