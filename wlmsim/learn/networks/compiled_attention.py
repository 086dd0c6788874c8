"""Attention on the CPU in single precision: tensors laid out for the compiled loops, and back.

`wlmsim.learn.networks.density_attention` says what is computed; functions here take and return the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
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
    rows, columns, values = _rows(queries), _weighted(keys, -1), _features(v)
    averages = np.empty((*rows.shape[:2], values.shape[2]), np.float32)
    level = np.empty((*rows.shape[:2], 1), np.float32)
    _on_threads("average", rows, columns, values, averages, level)
    return _cut(averages, queries, v), _cut(level, queries, level)


def gradient(shares: Sequence[torch.Tensor], matters: Sequence[torch.Tensor], q: Any, k: Any, g: Any) -> Any:
    """Gradient by q, k and v."""
    inputs = [_features(part) for part in (q, k, g)]
    to_q, to_k, to_v = np.empty_like(inputs[0]), _by_parts(inputs[1]), _by_parts(inputs[1], inputs[2])
    _on_threads("gradient", *_pairs(shares, matters), *inputs, to_q, to_k, to_v)
    return _cut(to_q, q, q), _cut(_sum(to_k, q), k, k), _cut(_sum(to_v, q), k, g)


def second_gradient(
    shares: Sequence[torch.Tensor], matters: Sequence[torch.Tensor], q: Any, k: Any, v: Any, g: Any, *along: Any
) -> Any:
    """Gradient by q, k, v and g of the change of the averages along a, b and c."""
    a, b, c = along
    changes = _rows(torch.cat([a, q], -1)), _columns(torch.cat([k, b], -1)), _rows(g), _columns(c)
    inputs = [_features(part) for part in (q, k, v, g, a, b, c)]
    to_q, to_g = np.empty_like(inputs[0]), np.empty_like(inputs[3])
    to_k, to_v = _by_parts(inputs[1]), _by_parts(inputs[2])
    _on_threads("second_gradient", *_pairs(shares, matters), *changes, *inputs, to_q, to_k, to_v, to_g)
    return _cut(to_q, q, q), _cut(_sum(to_k, q), k, k), _cut(_sum(to_v, q), k, v), _cut(to_g, q, g)


def _on_threads(name: str, *arrays: np.ndarray) -> None:
    """Run a kernel, whose first arrays are rows and columns, on as many threads as the pairs are worth.

    They sleep while they wait, unlike those of Numba and torch, which for a while keep a processor busy: a step of
    training waits hundreds of times.
    """
    from wlmsim.kernels import attention
    from wlmsim.kernels.threads import threads_for

    kernel: Any = getattr(attention, name)
    rows, columns = arrays[:2]
    with threads_for(rows.shape[0] * rows.shape[1] * columns.shape[2]) as threads:
        others = [_helpers(threads).submit(partial(kernel, *arrays, part, threads)) for part in range(1, threads)]
        kernel(*arrays, 0, threads)
        for other in others:
            other.result()


@cache
def _helpers(threads: int) -> ThreadPoolExecutor:
    """Threads beside the caller's."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="attention")


def _by_parts(columns: np.ndarray, features: np.ndarray | None = None) -> np.ndarray:
    """Zeros for what each part of the rows of each head adds to the columns."""
    from wlmsim.kernels.attention import CHUNKS

    width = (columns if features is None else features).shape[2]
    return np.zeros((len(columns) * CHUNKS, columns.shape[1], width), np.float32)


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
