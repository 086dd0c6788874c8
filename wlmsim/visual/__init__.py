"""Pictures: films and scenes of moving clouds (PyVista), plots of scores and snapshots (matplotlib).

Nothing heavy is imported until a function is called.
"""

import lazy_loader as _lazy

# The modules are not named after their functions: importing `visual.film` would hide the function `film`.
__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "films": ["film"],
        "plots": ["plot_pair_law", "plot_potential", "plot_scores", "plot_snapshots"],
        "scenes": ["explore", "scene", "snapshot"],
    },
)
