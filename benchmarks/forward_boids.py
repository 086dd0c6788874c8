"""A step of 100,000 boids with about 20 neighbours each, in the plane and in space.

The neighbours, the three rules, the boundary and the update at constant speed, in float64 on all sides:
- scipy: pairs by cKDTree.query_pairs, sums by numpy.bincount, the update in NumPy;
- jax-md: its neighbour list, rebuilt at every step as birds move by half the radius, and the step, both jitted.
Beside the times, the memory of a run of 1,000,000 birds in space, two steps and three frames.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np

from benchmarks.forward_common import Work, arguments, available, report, timed

BIRDS = 100_000
NEIGHBOURS = 20.0
DT = 0.5
MEMORY = """
import resource, numpy as np, wlmsim as wls
n = 1_000_000
half = 0.5 * (n * 4 / 3 * np.pi / 20) ** (1 / 3)
flock = wls.systems.Boids(n, 3, half_width=half, seed=0)
flock.population.positions[:] = np.random.default_rng(0).uniform(-half, half, (n, 3))
flock.simulate([0.0, 0.5, 1.0])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""
RULES = {"cohesion": 0.005, "separation": 0.1, "alignment": 0.3, "outer_radius": 1.0, "inner_radius": 0.3}
BOUNDARY = 0.5


def flock(dim: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Positions evenly spread over the box, unit velocities, and half the side of the box."""
    ball = {2: np.pi, 3: 4 / 3 * np.pi}[dim]
    half = 0.5 * (BIRDS * ball / NEIGHBOURS) ** (1 / dim)
    rng = np.random.default_rng(0)
    v = rng.standard_normal((BIRDS, dim))
    return rng.uniform(-half, half, (BIRDS, dim)), v / np.linalg.norm(v, axis=1, keepdims=True), half


def by_wlmsim(dim: int) -> Work:
    import wlmsim as wls
    from wlmsim.integrators import State

    x, v, half = flock(dim)
    system = wls.systems.Boids(BIRDS, dim, **RULES, boundary=BOUNDARY, half_width=half)
    scheme, mechanics, weights = (
        system._integrator(np.random.default_rng(0)),
        system.lagrangian,
        np.full(BIRDS, 1 / BIRDS),
    )

    def step() -> tuple[np.ndarray, np.ndarray]:
        state = scheme.step(mechanics, State(x, v, weights, 0.0), DT)
        return state.positions, state.velocities

    return step


def by_scipy(dim: int) -> Work:
    from scipy.spatial import cKDTree

    x, v, half = flock(dim)

    def sums(i: np.ndarray, j: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Of antisymmetric values of the pairs, for each bird."""
        return np.bincount(i, values, BIRDS) - np.bincount(j, values, BIRDS)

    def step() -> tuple[np.ndarray, np.ndarray]:
        i, j = cKDTree(x).query_pairs(RULES["outer_radius"], output_type="ndarray").T
        away, turn = x[j] - x[i], v[j] - v[i]
        close = (away**2).sum(1) < RULES["inner_radius"] ** 2
        count = 1 + np.bincount(i, minlength=BIRDS) + np.bincount(j, minlength=BIRDS)
        u = v - DT * BOUNDARY * np.sign(x) * (np.abs(x) > half)
        for k in range(x.shape[1]):
            cohere = RULES["cohesion"] * sums(i, j, away[:, k]) / count
            align = RULES["alignment"] * sums(i, j, turn[:, k]) / count
            u[:, k] += DT * (cohere + align - RULES["separation"] * sums(i, j, away[:, k] * close))
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        return x + DT * u, u

    return step


def by_jax_md(dim: int, threads: int) -> Work:
    # read when the library is loaded
    one = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ.setdefault("XLA_FLAGS", one if threads == 1 else "")
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    from jax_md import partition, space

    positions, velocities, half = flock(dim)
    # its cells begin at 0
    x, v = jnp.asarray(positions + half), jnp.asarray(velocities)
    displacement, _ = space.free()
    lists = partition.neighbor_list(displacement, 2 * half, RULES["outer_radius"], 0.0, 1.25)
    neighbours = lists.allocate(x)

    @jax.jit
    def step(x: Any, v: Any, neighbours: Any) -> Any:
        neighbours = neighbours.update(x)
        j = neighbours.idx
        away, turn = x[j] - x[:, None], v[j] - v[:, None]
        r2 = (away**2).sum(-1)
        near = ((j < BIRDS) & (r2 < RULES["outer_radius"] ** 2))[..., None]
        close = near & (r2 < RULES["inner_radius"] ** 2)[..., None]
        count = 1 + near.sum(1)
        cohere = RULES["cohesion"] * jnp.where(near, away, 0.0).sum(1) / count
        align = RULES["alignment"] * jnp.where(near, turn, 0.0).sum(1) / count
        place = x - half
        edge = BOUNDARY * jnp.sign(place) * (jnp.abs(place) > half)
        u = v + DT * (cohere + align - RULES["separation"] * jnp.where(close, away, 0.0).sum(1) - edge)
        u /= jnp.linalg.norm(u, axis=1, keepdims=True)
        return x + DT * u, u, neighbours.did_buffer_overflow

    def run() -> tuple[Any, Any]:
        end, u, overflow = jax.block_until_ready(step(x, v, neighbours))
        assert not overflow
        return np.asarray(end) - half, np.asarray(u)

    return run


def main() -> None:
    parsed = arguments("forward_boids", __doc__)
    seconds: dict[str, float] = {}
    ratios: dict[str, float] = {}
    for dim, suffix in ((2, ""), (3, " 3-D")):
        mine = by_wlmsim(dim)
        peers = available({"scipy": partial(by_scipy, dim), "jax-md": partial(by_jax_md, dim, parsed.threads)})
        for name, peer in peers.items():
            for ours, theirs in zip(mine(), peer(), strict=True):
                error = np.abs(ours - theirs).max()
                assert error < 1e-12, f"{name} differs by {error}"
        times = timed({"wlmsim": mine, **peers}, parsed.repeats)
        seconds |= {name + suffix: value for name, value in times.items()}
        ratios |= {name + suffix: times[name] / times["wlmsim"] for name in peers}
    memory = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    report("forward_boids", __doc__, seconds, parsed, ratios=ratios, memory_gib=float(memory.stdout))


if __name__ == "__main__":
    main()
