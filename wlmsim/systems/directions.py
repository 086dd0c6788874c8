"""Unit vectors, which initial populations are made of."""

from __future__ import annotations

import numpy as np


def directions(vectors: np.ndarray) -> np.ndarray:
    """Unit vectors along the given ones, shape (n, d)."""
    return vectors / np.sqrt((vectors**2).sum(-1, keepdims=True))


def random_directions(n: int, dim: int, rng: np.random.Generator) -> np.ndarray:
    """Unit vectors, all directions equally likely, shape (n, d)."""
    return directions(rng.standard_normal((n, dim)))
