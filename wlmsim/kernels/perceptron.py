"""Energy and force of a multilayer perceptron of the positions, with SiLU activations, by vectors of particles.

Weights are laid out so that the eight outputs a tile holds in registers stand beside each other, padded with zeros.
A network is ``forward, biases, backward, top``: tuples of each hidden layer's transposed weights, shape (inputs, padded
outputs), biases, and weights, shape (outputs, padded inputs); and the weights of the one output.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from wlmsim.kernels.elementary import exp
from wlmsim.kernels.lanes import LANES, load, product, store

TILE = (0.0,) * 8
"""A zero for each output that is computed at the same time."""


@njit(fastmath={"contract", "nsz"}, error_model="numpy", cache=True)
def activate(z, biases, count, h, slopes):
    """SiLU of z + biases and its slope, in flat rows of lanes."""
    for o in range(count):
        store(z, o * LANES, load(z, o * LANES) + biases[o])
    # one loop over all, which the compiler turns into vector instructions
    for lane in range(np.uintp(count * LANES)):
        s = 1.0 / (1.0 + exp(-z[lane]))
        h[lane] = z[lane] * s
        slopes[lane] = s + h[lane] * (1.0 - s)


@njit(error_model="numpy", cache=True)
def forward_pass(x, first, forward, biases, h, z, slopes):
    """Evaluate the hidden layers at a vector of particles from `first` on; the last outputs are left in `h`."""
    n, dim = x.shape
    for lane in range(LANES):
        i = min(first + lane, n - 1)  # beyond the end the last particle stands again
        for k in range(dim):
            h[k * LANES + lane] = x[i, k]
    count = dim
    for layer in range(len(forward)):
        product(TILE, LANES, forward[layer], count, h, z)
        count = len(biases[layer])
        activate(z, biases[layer], count, h, slopes[layer])


@njit(error_model="numpy", cache=True)
def work_arrays(forward, backward):
    """Two flat arrays for the widest layer, and one for the slopes of each."""
    width = 0
    for layer in range(len(forward)):
        width = max(width, forward[layer].shape[1], backward[layer].shape[1])
    return np.empty(width * LANES), np.empty(width * LANES), np.empty((len(forward), width * LANES))


@njit(parallel=True, error_model="numpy", cache=True)
def energy(x, w, forward, biases, backward, top, chunks):
    """Sum of w_i psi(x_i); the particles are worked on in `chunks` in parallel."""
    n = len(x)
    blocks = (n + LANES - 1) // LANES
    total = 0.0
    for chunk in prange(chunks):
        h, z, slopes = work_arrays(forward, backward)
        for block in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
            first = block * LANES
            forward_pass(x, first, forward, biases, h, z, slopes)
            for o in range(len(top)):
                for lane in range(min(LANES, n - first)):
                    total += w[first + lane] * top[o] * h[o * LANES + lane]
    return total


@njit(parallel=True, error_model="numpy", cache=True)
def subtract_gradient(x, forward, biases, backward, top, chunks, out):
    """Subtract grad psi(x_i) from each row of `out`; the particles are worked on in `chunks` in parallel."""
    blocks = (len(x) + LANES - 1) // LANES
    for chunk in prange(chunks):
        work = work_arrays(forward, backward)
        first, last = chunk * blocks // chunks, (chunk + 1) * blocks // chunks
        subtract_blocks(x, first, last, forward, biases, backward, top, work, out)


@njit(error_model="numpy", cache=True)
def subtract_blocks(x, first_block, last_block, forward, biases, backward, top, work, out):
    """Subtract grad psi(x_i) for some blocks of particles, in arrays to work in."""
    n, dim = x.shape
    h, z, slopes = work
    for block in range(first_block, last_block):
        first = block * LANES
        forward_pass(x, first, forward, biases, h, z, slopes)
        for o in range(len(top)):
            for lane in range(o * LANES, (o + 1) * LANES):
                z[lane] = top[o]
        for layer in range(len(backward) - 1, -1, -1):
            count = len(backward[layer])
            for lane in range(count * LANES):
                h[lane] = z[lane] * slopes[layer, lane]
            product(TILE, LANES, backward[layer], count, h, z)
        for lane in range(min(LANES, n - first)):
            for k in range(dim):
                out[first + lane, k] -= z[k * LANES + lane]


@njit(error_model="numpy", cache=True)
def add_perceptron(x, t, p, force):
    """Subtract grad psi(x_i, t), as a piece of a force: the first biases are p[0] + t p[1], for which p has room."""
    bias, rate, (forward, biases, backward, top), work = p
    biases[0][:] = bias + rate * t
    subtract_blocks(x, 0, (len(x) + LANES - 1) // LANES, forward, biases, backward, top, work, force)
