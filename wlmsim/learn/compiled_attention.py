"""Attention on the CPU in single precision: tensors laid out for the compiled loops, and back.

See `wlmsim.learn.density_attention` for what is computed; functions here take and return the same as those there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

WIDTH = 16
"""Rows, columns and features are padded to multiples of this."""
NEVER = -1e30
"""Logarithm of the weight of what does not count; finite, so that times zero it is zero."""


def serves(q: torch.Tensor) -> bool:
    """Whether queries are on the CPU in single precision."""
    return q.device.type == "cpu" and q.dtype == torch.float32


def average(queries: torch.Tensor, keys: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Averages and levels."""
    with _loops(queries, keys) as attention:
        averages, level = attention.average(_rows(queries), _weighted(keys, -1), _features(v))
    return _cut(averages, queries, v), _cut(level, queries, level)


def gradient(shares: Sequence[torch.Tensor], matters: Sequence[torch.Tensor], q: Any, k: Any, g: Any) -> Any:
    """Gradient by q, k and v."""
    with _loops(q, k) as attention:
        to_q, to_k, to_v = attention.gradient(*_pairs(shares, matters), _features(q), _features(k), _features(g))
    return _cut(to_q, q, q), _cut(_sum(to_k, q), k, k), _cut(_sum(to_v, q), k, g)


def second_gradient(
    shares: Sequence[torch.Tensor], matters: Sequence[torch.Tensor], q: Any, k: Any, v: Any, g: Any, *along: Any
) -> Any:
    """Gradient by q, k, v and g of the change of the averages along a, b and c."""
    a, b, c = along
    changes = _rows(torch.cat([a, q], -1)), _columns(torch.cat([k, b], -1)), _rows(g), _columns(c)
    parts = [_features(part) for part in (q, k, v, g, a, b, c)]
    with _loops(q, k) as attention:
        to_q, to_k, to_v, to_g = attention.second_gradient(*_pairs(shares, matters), *changes, *parts)
    return _cut(to_q, q, q), _cut(_sum(to_k, q), k, k), _cut(_sum(to_v, q), k, v), _cut(to_g, q, g)


@contextmanager
def _loops(q: torch.Tensor, k: torch.Tensor) -> Iterator[Any]:
    """The kernels, on as many threads as the pairs are worth."""
    from wlmsim.kernels import attention
    from wlmsim.kernels.threads import threads_for

    with threads_for(q.shape[0] * q.shape[1] * k.shape[1]):
        yield attention


def _pairs(shares: Sequence[torch.Tensor], matters: Sequence[torch.Tensor]) -> tuple[np.ndarray, ...]:
    """Rows and columns whose products are the logarithms of the shares, and how shares matter."""
    return _rows(shares[0]), _weighted(shares[1], -2), _rows(matters[0]), _columns(matters[1])


def _rows(x: torch.Tensor, *, width: int = 1) -> np.ndarray:
    """Rows padded with zeros, and features to multiples of a width."""
    padded = torch.nn.functional.pad(x.detach(), (0, -x.shape[-1] % width, 0, -x.shape[-2] % WIDTH))
    return padded.contiguous().numpy()


def _features(x: torch.Tensor) -> np.ndarray:
    return _rows(x, width=WIDTH)


def _columns(x: torch.Tensor) -> np.ndarray:
    """The same with features first."""
    return np.ascontiguousarray(_rows(x).swapaxes(1, 2))


def _weighted(keys: torch.Tensor, feature: int) -> np.ndarray:
    """Columns, of which one feature is the logarithm of a weight."""
    columns = _columns(keys)
    np.maximum(columns[:, feature], NEVER, out=columns[:, feature])
    columns[:, feature, keys.shape[1] :] = NEVER
    return columns


def _sum(parts: np.ndarray, q: torch.Tensor) -> np.ndarray:
    """Sum of what the parts of the rows of each head have found."""
    return parts.reshape(len(q), -1, *parts.shape[1:]).sum(1)


def _cut(found: np.ndarray, rows: torch.Tensor, features: Any) -> torch.Tensor:
    """A tensor without what was padded."""
    return torch.from_numpy(np.ascontiguousarray(found[:, : rows.shape[1], : features.shape[-1]]))
