"""The assignment of rows to columns of least total cost, from given prices of the columns."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

FREE = -1
"""In place of a partner."""


@njit(fastmath={"nnan", "nsz"}, error_model="numpy", nogil=True, cache=True)
def assign(cost, prices):
    """Assignment of least cost, by shortest augmenting paths.

    A row prefers the column where cost less price is least. Prices of an assignment for a nearby cost leave few rows
    without a partner of their own; the answer is optimal from any.

    Parameters
    ----------
    cost : ndarray, shape (n, n)
        Finite.
    prices : ndarray, shape (n,)
        Prices of the columns to begin with, the dual variables; on return the optimal ones.

    Returns
    -------
    ndarray of int64, shape (n,)
        Column of each row.

    References
    ----------
    R. Jonker, A. Volgenant, A shortest augmenting path algorithm for dense and sparse linear assignment problems,
    Computing 38, 325 (1987).
    """
    n = len(cost)
    column_of, row_of = np.full(n, FREE), np.full(n, FREE)
    for i in range(n):  # the best column of a row is its own where no row before has taken it
        best, first = np.inf, 0
        for j in range(n):
            best = min(best, cost[i, j] - prices[j])
        while cost[i, first] - prices[first] != best:
            first += 1
        if row_of[first] == FREE:
            column_of[i], row_of[first] = first, i
    distance, offer, settled, previous = np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.int64)
    path = np.empty(n, np.int64)
    for i in range(n):
        if column_of[i] == FREE:
            _augment(i, cost, prices, column_of, row_of, distance, offer, settled, previous, path)
    return column_of


@njit(fastmath={"nnan", "nsz"}, error_model="numpy", cache=True)
def _augment(start, cost, prices, column_of, row_of, distance, offer, settled, previous, path):
    """Give the row `start` a column along the shortest path of reduced costs to a free one.

    Dijkstra's search over the columns: `distance` of those not yet settled, `settled` of the others in the order of
    `path`, and the row before each, `previous`. No price falls below what keeps every pair its row's best.
    """
    n = len(cost)
    distance[:], offer[:], previous[:] = np.inf, prices, start
    i, base, length = start, 0.0, 0
    while True:
        nearest = np.inf
        for j in range(n):
            value = cost[i, j] - offer[j] + base  # infinite where j is settled
            closer = value < distance[j]
            distance[j] = value if closer else distance[j]
            previous[j] = i if closer else previous[j]
            nearest = min(nearest, distance[j])
        end = 0
        while distance[end] != nearest:
            end += 1
        if row_of[end] == FREE:
            break
        settled[length], path[length] = nearest, end
        length += 1
        i = row_of[end]
        base = nearest - (cost[i, end] - prices[end])
        distance[end], offer[end] = np.inf, -np.inf
    for k in range(length):
        prices[path[k]] += settled[k] - nearest
    while True:
        i = previous[end]
        row_of[end] = i
        column_of[i], end = end, column_of[i]
        if i == start:
            break


@njit(fastmath={"nnan", "nsz"}, error_model="numpy", parallel=True, cache=True)
def improve(x, y, rows, columns, order, blocks):
    """Exchange the partners within blocks of pairs, so that the sum of squared distances in each is least.

    Parameters
    ----------
    x, y : ndarray, shape (n, d) and (m, d)
        Places.
    rows, columns : ndarray of int64, shape (N,)
        Pairs of rows of x and y; the columns are exchanged in place.
    order : ndarray of int64, shape (N,)
        Pairs in an order whose neighbours are near each other.
    blocks : int
        Into how many runs of the order the pairs are divided.
    """
    for block in prange(blocks):
        pairs = order[block * len(order) // blocks : (block + 1) * len(order) // blocks]
        n = len(pairs)
        cost = np.empty((n, n))
        for i in range(n):
            for j in range(n):
                a, b, total = rows[pairs[i]], columns[pairs[j]], 0.0
                for k in range(x.shape[1]):
                    total += (x[a, k] - y[b, k]) ** 2
                cost[i, j] = total
        prices = np.empty(n)
        for j in range(n):
            prices[j] = cost[:, j].min()
        best = assign(cost, prices)
        exchanged = columns[pairs][best]
        for i in range(n):
            columns[pairs[i]] = exchanged[i]
