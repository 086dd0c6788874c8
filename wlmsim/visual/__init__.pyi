from .films import film as film
from .plots import plot_pair_law as plot_pair_law
from .plots import plot_potential as plot_potential
from .plots import plot_scores as plot_scores
from .plots import plot_snapshots as plot_snapshots
from .scenes import explore as explore
from .scenes import scene as scene
from .scenes import snapshot as snapshot
