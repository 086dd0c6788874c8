"""Real data sets: looked for in the folder ``WLMSIM_DATA`` first, then in the cache, then downloaded and checked.

The package ships no data. Every loader also takes a path, and `twin` writes a small generated file of the same
layout, for tests and examples. See docs/data.md.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "animals": ["SheepDrive", "fish_school", "fish_school_tracks", "sheep_drives"],
        "cells": ["embryoid_body", "mouse_hematopoiesis"],
        "ocean": ["vortex_big", "vortex_small"],
        "sources": ["SOURCES", "Source", "fetch"],
        "twins": ["twin"],
    },
)
