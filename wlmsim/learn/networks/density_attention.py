"""Attention over a weighted cloud, and its first two derivatives, in memory proportional to the number of particles.

A force is the derivative of an energy, and training differentiates it again. Automatic differentiation would keep a
dozen matrices of all pairs for that. Here each derivative computes the pairs anew, a block of rows at a time that stays
in the processor's cache, and what is subtracted from a whole row is a further column of a matrix product. On the CPU in
single precision compiled loops do that, and elsewhere torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from wlmsim.learn.networks import compiled_attention

BLOCK = {"cpu": 2**19, "cuda": 2**26}
"""Pairs, over all heads, that are held at a time."""
IN_OCTAVES = 1 / math.log(2)
"""Scores are powers of two: on a CPU torch takes those five times as fast as exponentials, and small ones 300 times."""


def density_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, w: torch.Tensor, scale: float
) -> torch.Tensor:
    """Averages of the values, in which particle j counts in proportion to w_j exp(scale query_i . key_j).

    Can be differentiated twice with respect to queries, keys and values. Where the weights need a gradient, as in the
    first variation, automatic differentiation does it all, with all pairs in memory.

    Parameters
    ----------
    query, key, value : Tensor, shape (heads, n, k)
        Features of each particle.
    w : Tensor, shape (n,)
        Weights of the particles, not negative.
    scale : float
        Factor of the scores.

    Returns
    -------
    Tensor, shape (heads, n, k)

    References
    ----------
    T. Dao et al., FlashAttention, NeurIPS 2022: blocks and recomputation. The second derivative is our own.
    """
    if query.dtype != w.dtype:  # features in half precision: scores need the whole
        with torch.autocast(query.device.type, enabled=False):
            return density_attention(query.to(w.dtype), key.to(w.dtype), value.to(w.dtype), w, scale)
    query = scale * query
    return _plain(query, key, value, w) if w.requires_grad else _Attention.apply(query, key, value, w.log2())


def _plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    scores = q @ k.mT
    # the largest score cancels between numerator and denominator, so it needs no gradient
    rates = torch.exp(scores - scores.detach().amax(-1, keepdim=True))
    sums = rates @ (_beside(v, 1.0) * w[:, None])
    return sums[..., :-1] / sums[..., -1:]


class _Attention(torch.autograd.Function):
    """Averages under P_ij = w_j exp(q_i . k_j) / 2^level_i, where the level makes each row sum to 1."""

    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, log_w: torch.Tensor) -> torch.Tensor:
        queries, keys = _beside(q * IN_OCTAVES, 1.0), _beside(k, log_w[:, None])
        average, level = _variant(q).average(queries, keys, v)
        ctx.save_for_backward(q, k, v, log_w, average, level)
        return average

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        q, k, v, log_w, average, level = ctx.saved_tensors
        return *_Gradient.apply(q, k, v, g, log_w, average.detach(), level), None


class _Gradient(torch.autograd.Function):
    """Gradient of the sum of g_i . average_i by queries, keys and values, and the gradient of that again.

    A score matters by A_ij = P_ij g_i . (v_j - average_i).
    """

    @staticmethod
    def forward(ctx: Any, q: Any, k: Any, v: Any, g: Any, log_w: Any, average: Any, level: Any) -> Any:
        shares = _beside(q * IN_OCTAVES, 1.0, -level), _beside(k, log_w[:, None], 1.0)
        matters = _beside(g, -(g * average).sum(-1, keepdim=True)), _beside(v, 1.0)
        ctx.save_for_backward(q, k, v, g, *shares, *matters)
        return _variant(q).gradient(shares, matters, q, k, g)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> Any:
        """Gradient of sum of g_i . average'_i, the change of the averages along (a, b, c), by q, k, v and g.

        A score changes by T_ij = a_i . k_j + q_i . b_j less its mean over the row, so that
        average'_i = sum over j of P_ij ((T_ij - mean) v_j + c_j). Products with the features are what costs time, while
        sums over rows of a block in the cache are nearly free.
        """
        q, k, v, g, *sides = ctx.saved_tensors
        return *_variant(q).second_gradient(sides[:2], sides[2:], q, k, v, g, a, b, c), None, None, None


def _variant(q: torch.Tensor) -> Any:
    """What computes the pairs: compiled loops where there are some, and products of blocks elsewhere."""
    return compiled_attention if compiled_attention.serves(q) else _Blocks


class _Blocks:
    """By torch: in any precision, on any device."""

    @staticmethod
    def average(queries: torch.Tensor, keys: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        average, level = torch.empty_like(v), torch.empty_like(v[..., :1])
        for i, (scores,) in _blocks(queries, keys, 1):
            torch.bmm(queries[:, i], keys.mT, out=scores)
            top = scores.amax(-1, keepdim=True)
            total = scores.sub_(top).exp2_().sum(-1, keepdim=True)
            average[:, i] = (scores @ v) / total
            level[:, i] = top + total.log2()
        return average, level

    @staticmethod
    def gradient(shares: Any, matters: Any, q: torch.Tensor, k: torch.Tensor, g: torch.Tensor) -> Any:
        to_q, to_k, to_v = torch.empty_like(q), torch.zeros_like(k), g.new_zeros(*k.shape[:2], g.shape[2])
        for i, (share, matter) in _blocks(q, k, 2):
            torch.bmm(shares[0][:, i], shares[1].mT, out=share).exp2_()
            torch.bmm(matters[0][:, i], matters[1].mT, out=matter).mul_(share)
            to_q[:, i] = matter @ k
            to_k.baddbmm_(matter.mT, q[:, i])
            to_v.baddbmm_(share.mT, g[:, i])
        return to_q, to_k, to_v

    @staticmethod
    def second_gradient(shares: Any, matters: Any, q: Any, k: Any, v: Any, g: Any, a: Any, b: Any, c: Any) -> Any:
        turn, along = torch.cat([a, q], -1), torch.cat([k, b], -1)
        to_q, to_k, to_v, to_g = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v), torch.empty_like(g)
        for i, (share, matter, change, bend) in _blocks(q, k, 4):
            torch.bmm(shares[0][:, i], shares[1].mT, out=share).exp2_()
            torch.bmm(matters[0][:, i], matters[1].mT, out=matter)
            torch.bmm(turn[:, i], along.mT, out=change).mul_(share)
            change.addcmul_(share, -change.sum(-1, keepdim=True))  # P (T - mean)
            to_g[:, i] = change @ v + share @ c
            to_v.baddbmm_(change.mT, g[:, i])
            # how a score matters to the change: P (A T' + C), of which each row's mean is taken away again
            torch.bmm(g[:, i], c.mT, out=bend).mul_(share).addcmul_(matter, change)
            bend.addcmul_(share, -bend.sum(-1, keepdim=True))
            matter.mul_(share)
            to_q[:, i] = matter @ b + bend @ k
            to_k.baddbmm_(bend.mT, q[:, i]).baddbmm_(matter.mT, a[:, i])
        return to_q, to_k, to_v, to_g


def _beside(first: torch.Tensor, *others: Any) -> torch.Tensor:
    """Columns side by side; a number, or a column without heads, is the same for all."""
    column = first[..., :1]
    parts = [other if isinstance(other, torch.Tensor) else torch.full_like(column, other) for other in others]
    return torch.cat([first, *(part.expand_as(column) for part in parts)], -1)


def _blocks(q: torch.Tensor, k: torch.Tensor, count: int) -> Iterator[tuple[slice, list[torch.Tensor]]]:
    """Rows whose pairs are held at a time, each with matrices for them: memory taken anew would cost page faults."""
    heads, n, _ = q.shape
    others = k.shape[1]
    rows = min(n, max(1, BLOCK.get(q.device.type, BLOCK["cpu"]) // (heads * others)))
    memory = q.new_empty(count, heads * rows * others)
    for first in range(0, n, rows):
        last = min(first + rows, n)
        size = heads * (last - first) * others
        yield slice(first, last), [part[:size].view(heads, last - first, others) for part in memory]
