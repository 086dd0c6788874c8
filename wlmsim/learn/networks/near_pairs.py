"""Pairs of near points: by a tree on the CPU, by a cell list made of tensor operations on a GPU.

How many pairs there are is known only once they are found, and to read a number from a GPU is to wait for it. Where
that would cost too much, inside of a rollout, the arrays have a size that is set ahead (`Capacity`): what is left of
it is filled with pairs of a particle with itself, taken to be at the distance of the cutoff, where every law has
ended. What the pairs would have needed is kept on the device and looked at after the rollout.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch

from wlmsim.errors import SimulationError

GRID_AXES = 3
"""Most axes that have cells; along others only distances count."""
MOST_CELLS = 2**20
"""Cells along an axis; what lies farther out is counted to the last of them."""
HEADROOM = 1.5
"""How much larger a capacity is than what was needed."""


class Capacity:
    """Sizes of the arrays in which pairs are sought and kept, and what the largest search so far has needed.

    Parameters
    ----------
    candidates, pairs : int
        Pairs in neighbouring cells, and those of them that are near.
    device : device
        Of the points.
    """

    def __init__(self, candidates: int, pairs: int, device: torch.device):
        self.candidates, self.pairs = max(candidates, 1), max(pairs, 1)
        self._needed = torch.zeros(2, dtype=torch.int64, device=device)

    @classmethod
    def for_clouds(cls, clouds: Sequence[torch.Tensor], cutoff: float) -> Capacity:
        """Capacity for the pairs in any of some clouds."""
        capacity = cls(1, 1, clouds[0].device)
        while True:
            for x in clouds:
                close_pairs(x, cutoff, capacity)
            if not capacity.exceeded():
                return capacity

    def note(self, candidates: torch.Tensor, pairs: torch.Tensor) -> None:
        """Keep what a search has needed, on the device."""
        torch.maximum(self._needed, torch.stack([candidates, pairs]), out=self._needed)

    def exceeded(self) -> bool:
        """Whether pairs were missed since the last time that this was asked; then the capacity is larger from now on.

        More may still be missed: pairs are counted among the candidates that found a place.
        """
        candidates, pairs = self._needed.tolist()
        self._needed.zero_()
        missed = candidates > self.candidates or pairs > self.pairs
        if candidates > self.candidates:
            self.candidates = int(HEADROOM * candidates)
        if pairs > self.pairs:
            self.pairs = int(HEADROOM * pairs)
        return missed


def close_pairs(x: torch.Tensor, cutoff: float, capacity: Capacity | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices (i, j), each pair once, of the pairs of points closer than `cutoff`; takes memory for neighbours only.

    Parameters
    ----------
    x : Tensor, shape (n, d)
        Points.
    cutoff : float
        Distance, positive.
    capacity : Capacity, optional
        Sizes of the arrays, which are then filled up with pairs (0, 0). Default: as many as there are, for which the
        device is waited for.

    Returns
    -------
    (i, j) : tuple of Tensor, shape (pairs,)
    """
    points = x.detach()
    if capacity is None and points.device.type == "cpu":
        from scipy.spatial import cKDTree

        if not torch.isfinite(points).all():
            raise SimulationError("positions are not finite; try a smaller learning_rate or dt")
        found = torch.as_tensor(cKDTree(points.numpy()).query_pairs(cutoff, output_type="ndarray"))
        return found[:, 0], found[:, 1]
    order, first, count = _candidates(points, cutoff)
    ends = count.cumsum(0)
    total = ends[-1]
    slot = torch.arange(int(total) if capacity is None else capacity.candidates, device=points.device)
    owner = torch.searchsorted(ends, slot, right=True).clamp_max(len(count) - 1)
    place = (first[owner] + slot - (ends - count)[owner]).clamp_max(len(points) - 1)
    i, j = order[owner % len(points)], order[place]
    near = ((points[i] - points[j]) ** 2).sum(-1) < cutoff**2
    if capacity is None:
        return i[near], j[near]
    near &= slot < total
    ranks = near.cumsum(0)
    capacity.note(total, ranks[-1])
    target = (
        (ranks - 1).masked_fill(~near, capacity.pairs).clamp_max(capacity.pairs)
    )  # what is not near goes to a last place
    kept = torch.zeros(2, capacity.pairs + 1, dtype=torch.int64, device=points.device)
    kept.scatter_(1, target.expand(2, -1), torch.stack([i, j]))
    return kept[0, :-1], kept[1, :-1]


def _candidates(x: torch.Tensor, cutoff: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Points in the order of their cells, and the stretches of this order in which each meets others once.

    A point meets those after it in its own cell and the next, and those in the rows of three cells that are ahead of
    it: with the numbers of cells ascending along the last axis each is one stretch.

    Returns
    -------
    order : Tensor, shape (n,)
        Points in the order of their cells.
    first, count : Tensor, shape (s n,)
        Where stretches begin and how long they are; the k-th is of the point that is (k mod n)-th in the order.
    """
    # a little wider than the cutoff, so that rounding loses no pair
    cells = ((x - x.amin(0)).double() / (1.00001 * cutoff))[:, :GRID_AXES].clamp(0, MOST_CELLS).long()
    key, stride = torch.zeros_like(cells[:, 0]), torch.ones_like(cells[0, 0])
    strides: list[torch.Tensor] = []
    for axis in reversed(range(cells.shape[1])):
        key = key + stride * cells[:, axis]
        strides.insert(0, stride)
        stride = stride * (cells[:, axis].amax() + 3)  # an empty cell on both sides: no row goes on in the next one
    key, order = key.sort(stable=True)
    ahead = [row for row in product((-1, 0, 1), repeat=len(strides) - 1) if row > (0,) * (len(strides) - 1)]
    shifts = [sum((stride * step for stride, step in zip(strides[:-1], row, strict=True)), 0 * stride) for row in ahead]
    after = torch.arange(1, len(key) + 1, device=key.device)
    first = torch.cat([after, *(torch.searchsorted(key, key + (shift - 1)) for shift in shifts)])
    rows = [torch.zeros_like(stride), *shifts]
    last = torch.cat([torch.searchsorted(key, key + (shift + 1), right=True) for shift in rows])
    return order, first, last - first


class OfNearPairs:
    """A term whose energy is a sum over pairs of particles within a `cutoff`, by a law that ends there smoothly."""

    cutoff: float
    _known_scales: Any
    capacity: Capacity | None = None

    def reserve(self, clouds: Sequence[torch.Tensor]) -> None:
        """Set sizes for the pairs in such clouds: from now on no number of them is read from the device.

        Pairs that find no place are left out until ``capacity.exceeded()`` is asked.
        """
        self.capacity = Capacity.for_clouds(clouds, self._scaled_cutoff)

    @property
    def _scaled_cutoff(self) -> float:
        return self.cutoff / self._known_scales.length

    def _pairs(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Indices i and j of the pairs, vectors x_i - x_j, and their lengths."""
        i, j = close_pairs(x, self._scaled_cutoff, self.capacity)
        d, r = separations(x, i, j)
        return i, j, d, r if self.capacity is None else r.masked_fill(i == j, self._scaled_cutoff)


def difference(x: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
    """x_i - x_j; by `index_select`, whose gradient a GPU sums where they lie, while that of x[i] sorts the indices."""
    return x.index_select(0, i) - x.index_select(0, j)


def separations(x: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors x_i - x_j and their lengths, whose derivative is zero where two points coincide."""
    d = difference(x, i, j)
    return d, (d**2).sum(-1).clamp_min(1e-30).sqrt()
