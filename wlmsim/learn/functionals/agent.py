"""A learnable force by agents whose paths are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.trajectory import Trajectory
from wlmsim.learn.functionals.base import LearnableFunctional
from wlmsim.learn.networks.near_pairs import separations
from wlmsim.learn.networks.perceptron import spline_of_force


class AgentPotential(LearnableFunctional):
    """Learnable radial potential around given moving agents, U[rho] = sum over agents a of integral W(|x - a(t)|) rho.

    The population feels the agents, which go their own recorded way: a dog that drives sheep, a predator, a ship. W is
    a cubic spline that ends smoothly at a cutoff. Between two recorded times an agent moves along a straight line;
    before the first and after the last it stays where it was then.

    Parameters
    ----------
    agents : Trajectory
        Paths of one or several agents of one kind, in the units and dimensions of the data.
    cutoff : float
        Distance beyond which an agent is not felt, positive [length].
    knots : int
        Number of intervals of the spline. Default 12.
    typical_force : float, optional
        Typical size of the force of one agent, positive [length / time^2]: what is learned starts from about a
        hundredth of it and changes, with the learning rate, by about a hundredth at a step and smoothly with the
        distance. Default: v^2 / L, the velocities' mean square over the extent of the data, or the rate at which their
        size changes if larger, where the mechanics has inertia and that is under 3% of L / interval^2; else values are
        learned in units of the latter.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> dog = wls.Trajectory([0.0, 1.0, 2.0], [[[0.0, 0.0]], [[1.0, 0.0]], [[1.0, 3.0]]])
    >>> wls.learn.AgentPotential(dog, cutoff=20.0)
    AgentPotential(agents=1, times=3 in 0..2, cutoff=20, knots=12)
    """

    paths: torch.Tensor
    centre: torch.Tensor

    linear = True

    def __init__(self, agents: Trajectory, cutoff: float, knots: int = 12, typical_force: float | None = None):
        super().__init__()
        self.agents = _path("agents", agents)
        self.cutoff = check.positive("cutoff", cutoff)
        self.knots = check.integer("knots", knots)
        self.typical_force = None if typical_force is None else check.positive("typical_force", typical_force)
        self.law: Any = None

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, plain values."""
        path = {"times": self.agents.times.tolist(), "positions": self.agents.positions.tolist()}
        return {"agents": path, "cutoff": self.cutoff, "knots": self.knots, "typical_force": self.typical_force}

    def build(self, dim: int) -> None:
        """Create the spline, its values in a unit that makes forces of order one, or of their typical size."""
        if self.agents.dim != dim:
            raise check.fail("agents", f"of dimension {dim}, as the data are", self.agents)
        scales = self._known_scales
        # where the particles are, so that a rollout on a GPU need not wait for the host
        self.register_buffer("paths", torch.as_tensor(self.agents.positions), persistent=False)
        self.register_buffer("centre", torch.tensor(scales.centre, dtype=torch.float64), persistent=False)
        self.law = spline_of_force(self.cutoff / scales.length, self.knots, 1.0, scales.force(self.typical_force))

    def scaled_energy(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Sum of w_i W(r_ia)."""
        i, _, r = self._close(x, t)
        return (w[i] * self.law(r)).sum()

    def scaled_force(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """-sum over agents of W'(r_ia) (x_i - a) / r_ia."""
        i, d, r = self._close(x, t)
        return torch.zeros_like(x).index_add(0, i, -(self.law.slope(r) / r)[:, None] * d)

    def force_of_each(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """The same by each parameter of the spline."""
        i, d, r = self._close(x, t)
        pull = (self.law.slope_of_each(r) / r[:, None])[:, :, None] * d[:, None]
        return x.new_zeros(len(x), *pull.shape[1:]).index_add(0, i, -pull).transpose(0, 1)

    def _close(self, x: torch.Tensor, t: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Particles and agents within the cutoff of each other, the vectors between them and their lengths.

        A GPU is given all of them, those farther away at the distance of the cutoff, where the law has ended: how many
        are near would have to be read from it.
        """
        agents = self.scaled_agents(t).to(x)
        if x.device.type == "cpu":
            i, a = torch.nonzero(torch.cdist(x.detach(), agents) < self.law.cutoff, as_tuple=True)
        else:
            i, a = (part.flatten() for part in torch.meshgrid(*map(_indices, (x, agents)), indexing="ij"))
        d, r = separations(torch.cat([x, agents]), i, a + len(x))
        return i, d, r.clamp_max(self.law.cutoff)

    def scaled_agents(self, t: Any) -> torch.Tensor:
        """Where the agents are at a scaled time, in scaled coordinates, shape (agents, d)."""
        scales, times, positions = self._known_scales, self.agents.times, self.paths
        time = float(t) * scales.duration + scales.start
        before, after, share = between(times, time)
        place = (1 - share) * positions[before] + share * positions[after]
        return (place - self.centre) / scales.length

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"\sum_a \int W_\theta(|x - a(t)|) \rho \, dx"

    def __repr__(self) -> str:
        times = self.agents.times
        span = f"times={len(times)} in {_times.span(times)}"
        return f"AgentPotential(agents={self.agents.n}, {span}, cutoff={self.cutoff:g}, knots={self.knots})"


def between(times: np.ndarray, time: float) -> tuple[int, int, float]:
    """Indices of the times before and after a time, and the share of the interval that is over; at the ends, there."""
    last = len(times) - 1
    before = int(np.clip(np.searchsorted(times, time, side="right") - 1, 0, max(last - 1, 0)))
    after = min(before + 1, last)
    share = np.clip((time - times[before]) / (times[after] - times[before]), 0.0, 1.0) if after > before else 0.0
    return before, after, float(share)


def _indices(rows: torch.Tensor) -> torch.Tensor:
    return torch.arange(len(rows), device=rows.device)


def _path(name: str, agents: Any) -> Trajectory:
    """A trajectory, or the times and positions that a file keeps of it."""
    if isinstance(agents, dict) and agents.keys() == {"times", "positions"}:
        return Trajectory(**agents)
    return check.instance(name, agents, Trajectory)
