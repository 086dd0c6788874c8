"""The usual candidates, with ranges and strengths taken from the data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.functionals import GaussianQuantumPressure
from wlmsim.learn.dissipations import LearnableAlignment
from wlmsim.learn.functionals import ExternalPotential, LearnableStrength, PairPotential
from wlmsim.learn.wlm import WLM


def candidates(data: SnapshotSeries, **parameters: Any) -> dict[str, WLM]:
    """The usual candidates for `compare`, with ranges and strengths taken from the spread of the data.

    "conservative" (an external potential, no friction), "damped" (friction learned), "gradient flow" (infinite
    friction), "interacting" and "interacting flow" (with a pair potential), "aligning" (with a velocity alignment) and
    "quantum" (with a quantum pressure of learned strength, in the Gaussian closure). Where the first marginal has no
    velocities, those with inertia estimate them by transport, unless `parameters` say where they come from.

    Parameters
    ----------
    data : SnapshotSeries
        The data to be fitted.
    **parameters
        Of every `WLM`, and options of its parts, such as ``optimiser__steps``.

    Returns
    -------
    dict of str to WLM

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> data = wls.systems.VortexDrifters(n=30, seed=0).exact(np.linspace(0, 1, 5)).snapshots(seed=0)
    >>> sorted(wls.learn.candidates(data, optimiser__steps=10))
    ['aligning', 'conservative', 'damped', 'gradient flow', 'interacting', 'interacting flow', 'quantum']
    """
    check.instance("data", data, SnapshotSeries)
    spread = float(np.sqrt(np.concatenate(data.positions).var(0).mean()))
    reach = spread if spread > 0 else 1.0
    hbar = reach**2 / float(data.times[-1] - data.times[0])
    # a reach of one spread: most of a cloud's structure, and a small share of its pairs
    pairs, quantum = PairPotential(reach), LearnableStrength(GaussianQuantumPressure(hbar))

    if data[0].velocities is None:
        parameters = {"initial_velocities": "transport", **parameters}

    def model(*extra: Any, **given: Any) -> WLM:
        return WLM(sum(extra, ExternalPotential()), **given).set_params(**parameters)

    flows = {
        "gradient flow": model(friction=math.inf, rollouts="multiple-shooting"),
        "interacting flow": model(pairs, friction=math.inf, rollouts="multiple-shooting"),
    }
    return {
        "conservative": model(friction=0.0),
        "damped": model(),
        **flows,
        "interacting": model(pairs),
        "aligning": model(dissipation=LearnableAlignment(reach)),
        "quantum": model(quantum),
    }
