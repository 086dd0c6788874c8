"""Small differentiable functions that learnable terms are made of, with derivatives typed out.

A force is the derivative of an energy, and training differentiates the force again. A derivative that is written out
as ordinary operations costs about half of one that automatic differentiation builds, and less memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch

ROWS = 512
"""Inputs that a perceptron pulls back at a time: they stay in the processor's cache."""


class Perceptron(torch.nn.Module):
    """Multilayer perceptron with SiLU activations, z / (1 + exp(-z)), and no bias after the last layer.

    Parameters
    ----------
    widths : sequence of int
        From the number of inputs to the number of outputs.
    """

    def __init__(self, widths: Sequence[int]):
        super().__init__()
        last = len(widths) - 2
        self.layers: Any = torch.nn.ModuleList(
            torch.nn.Linear(a, b, bias=k < last) for k, (a, b) in enumerate(pairwise(widths))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, shape (n, k), at inputs of shape (n, d)."""
        for layer in self.layers[:-1]:
            x = torch.nn.functional.silu(layer(x))
        return self.layers[-1](x)

    def pullback(self, x: torch.Tensor, cotangent: torch.Tensor) -> torch.Tensor:
        """Gradient of sum over outputs of cotangent times output at each input, shape (n, d).

        The cotangent has shape (n, k), or (1, k) if it is the same everywhere.
        """
        if torch.is_grad_enabled() or x.device.type != "cpu" or len(x) <= ROWS:
            return self._pullback(x, cotangent)
        parts = zip(x.split(ROWS), cotangent.expand(len(x), -1).split(ROWS), strict=True)
        return torch.cat([self._pullback(*part) for part in parts])

    def _pullback(self, x: torch.Tensor, cotangent: torch.Tensor) -> torch.Tensor:
        slopes = []
        for layer in self.layers[:-1]:
            z = layer(x)
            s = torch.sigmoid(z)
            x = z * s
            slopes.append(s + x * (1 - s))
        gradient = cotangent @ self.layers[-1].weight
        for layer, slope in zip(reversed(self.layers[:-1]), reversed(slopes), strict=True):
            gradient = (gradient * slope) @ layer.weight
        return gradient.expand(len(x), -1)

    def pull_back(self, x: torch.Tensor, u: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        """Gradient g of the one output, and the gradient of sum of u . g by the inputs and by each parameter.

        That sum is how the outputs change along u. So values and their changes climb through the layers together, and
        what they matter comes back down together: half the products, twice as long, that automatic differentiation of
        `pullback` takes, and no graph.
        """
        parts = [self._pull_back(*part) for part in zip(x.split(ROWS), u.split(ROWS), strict=True)]
        slopes, towards_x, towards = zip(*parts, strict=True)
        return torch.cat(slopes), torch.cat(towards_x), [sum(p[1:], p[0]) for p in zip(*towards, strict=True)]

    def _pull_back(self, x: torch.Tensor, u: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        n, (*hidden, top) = len(x), self.layers
        both, climbed = torch.cat([x, u]), []
        for layer in hidden:
            below, (z, rise) = both, (both @ layer.weight.T).tensor_split(2)
            s = torch.sigmoid(z.add_(layer.bias))
            both = z.new_empty(2 * n, z.shape[1])
            h, rest = torch.mul(z, s, out=both[:n]), 1 - s
            slope = torch.addcmul(s, h, rest)
            torch.mul(slope, rise, out=both[n:])
            bend = torch.addcmul(slope + s, h, s, value=-1).mul_(rest).mul_(rise)  # the change of the slope
            climbed.append((layer, below, slope, bend))
        to_rise: Any = top.weight
        to_h: Any = None
        found = [both[n:].sum(0, keepdim=True)]
        for layer, below, slope, bend in reversed(climbed):
            towards = both.new_empty(2 * n, slope.shape[1])
            to_z = torch.mul(to_rise, bend, out=towards[:n])
            if to_h is not None:
                to_z.addcmul_(to_h, slope)
            torch.mul(to_rise, slope, out=towards[n:])
            # in this order and layout narrow products take a third of the time
            found += [to_z.sum(0), (below.T @ towards).T]
            to_h, to_rise = (towards @ layer.weight.T.contiguous().T).tensor_split(2)
        return to_rise, to_h, found[::-1]


class RadialSpline(torch.nn.Module):
    """Cubic spline of a distance on evenly spaced knots that ends with value, slope and curvature zero at a cutoff.

    Parameters
    ----------
    cutoff : float
        Where the spline ends [length].
    knots : int
        Number of intervals, and of parameters.
    scale : float
        Unit of the values: parameters of order one give values of this order. Default 1.
    by_slope : bool
        Whether the parameters are slopes between neighbouring knots, in units of scale / cutoff, rather than values at
        knots. A training step then moves the slope by about as much as a parameter; steps of values by chance up here
        and down there move it `knots` times as much. Default False.
    """

    def __init__(self, cutoff: float, knots: int, scale: float = 1.0, *, by_slope: bool = False):
        super().__init__()
        self.cutoff, self.scale, self.by_slope = cutoff, scale, by_slope
        self.coefficients = torch.nn.Parameter(0.01 * torch.randn(knots))

    def forward(self, r: torch.Tensor) -> torch.Tensor:
        """Value at distances below the cutoff."""
        s, interval = self._locate(r)
        return (self._near_values(s) * self._near(interval)).sum(-1)

    def slope(self, r: torch.Tensor) -> torch.Tensor:
        """Derivative by the distance."""
        s, interval = self._locate(r)
        return (self._near_slopes(s) * self._near(interval)).sum(-1)

    def value_of_each(self, r: torch.Tensor) -> torch.Tensor:
        """Values of the spline by each parameter alone, shape (n, knots)."""
        s, interval = self._locate(r)
        return self._of_each(self._near_values(s), interval)

    def slope_of_each(self, r: torch.Tensor) -> torch.Tensor:
        """Derivatives of the spline by each parameter alone, shape (n, knots)."""
        s, interval = self._locate(r)
        return self._of_each(self._near_slopes(s), interval)

    def _near_values(self, s: torch.Tensor) -> torch.Tensor:
        """The four B-splines that do not vanish within an interval."""
        basis = torch.stack([(1 - s) ** 3, 3 * s**3 - 6 * s**2 + 4, -3 * s**3 + 3 * s**2 + 3 * s + 1, s**3], -1)
        return (self.scale / 6) * basis

    def _near_slopes(self, s: torch.Tensor) -> torch.Tensor:
        """Their derivatives by the distance."""
        basis = torch.stack([-((1 - s) ** 2), 3 * s**2 - 4 * s, -3 * s**2 + 2 * s + 1, s**2], -1)
        return (0.5 * self.scale * len(self.coefficients) / self.cutoff) * basis

    def _of_each(self, near: torch.Tensor, interval: torch.Tensor) -> torch.Tensor:
        """B-splines of the intervals as those of all coefficients, and by the parameters that these are made of."""
        count = len(self.coefficients)
        every = near.new_zeros(len(near), count + 3).scatter_(1, interval[:, None] + torch.arange(4).to(interval), near)
        every = every[:, :count]
        return -every.cumsum(1) / count if self.by_slope else every

    def _values(self) -> torch.Tensor:
        """Coefficients of the cubic B-splines; slopes are summed up from the cutoff, where the spline is zero."""
        if not self.by_slope:
            return self.coefficients
        return -self.coefficients.flip(0).cumsum(0).flip(0) / len(self.coefficients)

    def _locate(self, r: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Where in its interval each distance lies, in [0, 1], and which interval that is."""
        count = len(self.coefficients)
        u = r * (count / self.cutoff)
        interval = u.detach().floor().clamp(0, count - 1)
        return u - interval, interval.long()

    def _near(self, interval: torch.Tensor) -> torch.Tensor:
        """The four coefficients that matter in an interval."""
        # the three coefficients beyond the parameters are zero: so the spline ends smoothly
        padded = torch.nn.functional.pad(self._values(), (0, 3))
        # by `index_select`: the gradient of fancy indices takes a GPU time in proportion to how often each occurs
        return padded.unfold(0, 4, 1).index_select(0, interval.flatten()).view(*interval.shape, 4)


def spline_of_force(cutoff: float, knots: int, unit: float, typical_force: float | None) -> RadialSpline:
    """A spline whose slope is a force: of the order of `unit`, or in steps of a force whose typical size is known."""
    if typical_force is None:
        return RadialSpline(cutoff, knots, scale=cutoff * unit)
    return RadialSpline(cutoff, knots, scale=cutoff * typical_force, by_slope=True)
