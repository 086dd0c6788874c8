"""Forces that depend on the velocity, with parameters to learn."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from wlmsim import _validation as check
from wlmsim.learn.functionals.base import Learnable, by_each
from wlmsim.learn.networks.near_pairs import OfNearPairs, difference
from wlmsim.learn.networks.perceptron import RadialSpline
from wlmsim.mechanics.dissipation import Dissipation


class LearnableDissipation(Learnable, Dissipation):
    """A dissipation whose Rayleigh function is a torch module.

    In the data's units the Rayleigh function is multiplied by factor length^2 / duration^3.
    """

    @abstractmethod
    def scaled_rayleigh(self, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """Rayleigh function in scaled coordinates, without `factor`."""

    @abstractmethod
    def scaled_force(self, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """-(1 / w_j) dR/dv_j in scaled coordinates, shape (n, d)."""

    def scaled_force_at(self, x: torch.Tensor, w: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """The same at given positions as a function of the velocities, of which a time step tries several."""
        return lambda v: self.scaled_force(x, v, w)

    def force_of_each(self, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """Force by each parameter alone in scaled coordinates, shape (parameters, n, d), of a linear term."""
        return by_each(self, lambda: self.scaled_force(x, v, w))

    def _to_scaled(self, positions: Any, velocities: Any, weights: Any) -> tuple[torch.Tensor, ...]:
        scales = self._known_scales
        self._check_rows(weights, positions=positions, velocities=velocities)
        x, v, w = self._tensors(self._scaled_positions(positions), velocities, weights)
        return x, v * scales.duration / scales.length, w

    def rayleigh(self, positions: Any, velocities: Any, weights: Any, xp: Any) -> Any:
        """Rayleigh function in the data's units; a tensor that can be differentiated, or a number for NumPy arrays."""
        scales = self._known_scales
        value = self.scaled_rayleigh(*self._to_scaled(positions, velocities, weights))
        value = self.factor * scales.length**2 / scales.duration**3 * value
        return value.item() if isinstance(positions, np.ndarray) else value

    def force(self, positions: np.ndarray, velocities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Force in the data's units."""
        scales = self._known_scales
        force = self.scaled_force(*self._to_scaled(positions, velocities, weights)).detach()
        return self.factor * scales.length / scales.duration**2 * force.cpu().numpy().astype(np.float64)


class LearnableAlignment(OfNearPairs, LearnableDissipation):
    """Learnable velocity alignment, R = 1/4 iint phi(|x - y|) |v - w|^2 rho rho, phi a spline that ends at a cutoff.

    Conserves momentum. Only pairs within the cutoff are visited. A negative phi turns particles apart.

    Parameters
    ----------
    cutoff : float
        Distance beyond which two particles do not see each other, positive [length].
    knots : int
        Number of intervals of the spline. Default 12.
    normalised : bool
        Whether phi is divided by sqrt(s(x) s(y)), s(x) being the smoothed share of the population within the cutoff of
        x: animals follow the mean of their neighbours, however many they are (Motsch and Tadmor, J. Stat. Phys. 144,
        923, 2011, who divide by s(x) alone, by which momentum is lost and no Rayleigh function left). Default False.
    """

    linear = True

    def __init__(self, cutoff: float, knots: int = 12, *, normalised: bool = False):
        super().__init__()
        self.cutoff = check.positive("cutoff", cutoff)
        self.knots = check.integer("knots", knots)
        self.normalised = check.flag("normalised", normalised)
        self.rate: Any = None

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, plain values."""
        return {"cutoff": self.cutoff, "knots": self.knots, "normalised": self.normalised}

    def build(self, dim: int) -> None:
        """Create the spline, in a unit that makes rates of order one for the few particles within the cutoff."""
        share = 1.0 if self.normalised else self._known_scales.share_within(self.cutoff, dim)
        self.rate = RadialSpline(self._scaled_cutoff, self.knots, scale=1 / share)

    def scaled_rayleigh(self, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """1/2 sum over pairs of w_i w_j phi_ij |v_i - v_j|^2."""
        i, j, phi = self._rates(x, w)
        return 0.5 * (w[i] * w[j] * phi * (difference(v, i, j) ** 2).sum(-1)).sum()

    def scaled_force(self, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """Sum over j of w_j phi_ij (v_j - v_i)."""
        return self.scaled_force_at(x, w)(v)

    def scaled_force_at(self, x: torch.Tensor, w: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """The same, with the pairs and their rates found once."""
        i, j, phi = self._rates(x, w)
        on_i, on_j = (w[j] * phi)[:, None], (-w[i] * phi)[:, None]

        def force(v: torch.Tensor) -> torch.Tensor:
            towards = difference(v, j, i)
            return torch.zeros_like(v).index_add(0, i, on_i * towards).index_add(0, j, on_j * towards)

        return force

    def force_of_each(self, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """The same by each parameter of the spline."""
        i, j, _, r = self._pairs(x)
        phi = self.rate.value_of_each(r) / self._seen(i, j, r, w)[:, None]
        drag = phi[:, :, None] * difference(v, j, i)[:, None]
        force = v.new_zeros(len(v), *drag.shape[1:])
        return force.index_add(0, i, w[j, None, None] * drag).index_add(0, j, -w[i, None, None] * drag).transpose(0, 1)

    def _rates(self, x: torch.Tensor, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pairs within the cutoff and the rate at which each aligns."""
        i, j, _, r = self._pairs(x)
        return i, j, self.rate(r) / self._seen(i, j, r, w)

    def _seen(self, i: torch.Tensor, j: torch.Tensor, r: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """What the rate of each pair is divided by: sqrt(s_i s_j), if normalised."""
        if not self.normalised:
            return torch.ones_like(r)
        near = (1 - (r / self.rate.cutoff) ** 2).clamp_min(0.0)  # a particle itself counts as 1
        share = w.index_add(0, i, w[j] * near).index_add(0, j, w[i] * near)
        return (share.index_select(0, i) * share.index_select(0, j)).sqrt()

    @property
    def latex(self) -> str:
        """LaTeX of the Rayleigh function."""
        rate = r"\frac{\phi_\theta(|x - y|)}{\sqrt{s(x) s(y)}}" if self.normalised else r"\phi_\theta(|x - y|)"
        return rf"\tfrac14 \iint {rate} \, |v - w|^2 \rho(x) \rho(y) \, dx \, dy"

    def __repr__(self) -> str:
        return f"LearnableAlignment(cutoff={self.cutoff:g}, knots={self.knots}, normalised={self.normalised})"


class LearnableSelfPropulsion(LearnableDissipation):
    """Learnable self-propulsion, force (alpha - beta |v|^2) v with alpha and beta > 0 learned.

    Parameters
    ----------
    time : float
        Where 1 / alpha starts, the time in which speeds settle, positive [time]. Default 1.
    speed : float
        Where the speed at which they settle, sqrt(alpha / beta), starts, positive [length / time]. Default 1.
    """

    def __init__(self, time: float = 1.0, speed: float = 1.0):
        super().__init__()
        self.time, self.speed = check.positive("time", time), check.positive("speed", speed)
        self.log_alpha: Any = None
        self.log_beta: Any = None

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, plain values."""
        return {"time": self.time, "speed": self.speed}

    def build(self, dim: int) -> None:
        """Start from the given time and speed."""
        scales = self._known_scales
        alpha, speed = scales.duration / self.time, self.speed * scales.duration / scales.length
        self.log_alpha = torch.nn.Parameter(torch.tensor(math.log(alpha)))
        self.log_beta = torch.nn.Parameter(torch.tensor(math.log(alpha / speed**2)))

    @property
    def alpha(self) -> float:
        """Propulsion, as learned [1 / time]."""
        return self.factor * math.exp(self.log_alpha.item()) / self._known_scales.duration

    @property
    def beta(self) -> float:
        """Drag, as learned [time / length^2]."""
        scales = self._known_scales
        return self.factor * math.exp(self.log_beta.item()) * scales.duration / scales.length**2

    def scaled_rayleigh(self, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """Sum of w_i (beta |v_i|^4 / 4 - alpha |v_i|^2 / 2)."""
        squares = (v**2).sum(-1)
        return w @ (0.25 * self.log_beta.exp() * squares**2 - 0.5 * self.log_alpha.exp() * squares)

    def scaled_force(self, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """(alpha - beta |v|^2) v."""
        return (self.log_alpha.exp() - self.log_beta.exp() * (v**2).sum(-1, keepdim=True)) * v

    @property
    def latex(self) -> str:
        """LaTeX of the Rayleigh function."""
        return r"\int \left( \tfrac{\beta_\theta}{4} |v|^4 - \tfrac{\alpha_\theta}{2} |v|^2 \right) \rho \, dx"

    def __repr__(self) -> str:
        return f"LearnableSelfPropulsion(time={self.time:g}, speed={self.speed:g})"


class AverageDissipation(LearnableDissipation):
    """Mean of several learnable dissipations: what a fit with several members learns.

    Parameters
    ----------
    dissipations : sequence of LearnableDissipation
        At least one, all of one form.
    """

    def __init__(self, dissipations: Sequence[LearnableDissipation]):
        super().__init__()
        if not dissipations:
            raise check.fail("dissipations", "at least one", dissipations)
        for dissipation in dissipations:
            check.instance("dissipations", dissipation, LearnableDissipation)
        self.dissipations: Any = torch.nn.ModuleList(dissipations)
        self.scales = dissipations[0].scales

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"dissipations": list(self.dissipations)}

    def build(self, dim: int) -> None:
        """Prepare all."""
        for dissipation in self.dissipations:
            dissipation.prepare(dim, self._known_scales)

    def scaled_rayleigh(self, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """Mean of the Rayleigh functions, each with its factor."""
        return sum(d.factor * d.scaled_rayleigh(x, v, w) for d in self.dissipations) / len(self.dissipations)

    def scaled_force(self, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """Mean of the forces, each with its factor."""
        return sum(d.factor * d.scaled_force(x, v, w) for d in self.dissipations) / len(self.dissipations)

    def __repr__(self) -> str:
        return f"AverageDissipation({len(self.dissipations)} of {self.dissipations[0]!r})"
