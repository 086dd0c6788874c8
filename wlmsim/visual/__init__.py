"""Pictures: films and scenes of moving clouds (PyVista), plots of scores and snapshots (matplotlib).

Nothing heavy is imported until a function is called.
"""

from wlmsim._lazy import attach as _attach

# The modules are not named after their functions: importing `visual.film` would hide the function `film`.
__getattr__, __dir__, __all__ = _attach(__name__, __file__)
