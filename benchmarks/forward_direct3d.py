"""Softened gravity over all pairs of 10,000 particles in space, float64: accelerations.

Peers: NumPy in chunks that stay in the cache; a fused torch.compile kernel over structure-of-arrays coordinates;
a step of rebound's leapfrog with its direct sum. The rate counts 19 operations an interaction, N^2 interactions, and is
divided by that of the machine's matrix product.
"""

from __future__ import annotations

from benchmarks import forward_common as common

N, SOFTENING, FLOPS = 10_000, 0.01, 19


def main() -> None:
    parsed = common.arguments("forward_direct3d", __doc__)
    import numpy as np

    import wlmsim as wls

    rng = np.random.default_rng(0)
    positions, weights = rng.standard_normal((N, 3)), np.full(N, 1 / N)
    gravity = wls.Gravity(1.0, SOFTENING, method="direct")

    def ours() -> np.ndarray:
        return gravity.force(positions, weights)

    def chunked_numpy() -> common.Work:
        columns, chunk = positions.T.copy(), 8

        def work() -> np.ndarray:
            out = np.empty((3, N))
            for i in range(0, N, chunk):
                dx, dy, dz = (c - c[i : i + chunk, None] for c in columns)
                r2 = dx * dx + dy * dy + dz * dz + SOFTENING**2
                pull = weights / (r2 * np.sqrt(r2))
                out[:, i : i + chunk] = [(pull * d).sum(1) for d in (dx, dy, dz)]
            return out.T

        return work

    def compiled_torch() -> common.Work:
        import torch

        def force(columns: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
            dx, dy, dz = (c[None, :] - c[:, None] for c in columns)
            r2 = dx * dx + dy * dy + dz * dz + SOFTENING**2
            pull = weights / (r2 * torch.sqrt(r2))
            return torch.stack([(pull * d).sum(1) for d in (dx, dy, dz)], 1)

        compiled, columns, w = torch.compile(force), torch.from_numpy(positions.T.copy()), torch.from_numpy(weights)
        return lambda: compiled(columns, w).numpy()

    def rebound_step() -> common.Work:
        import rebound

        simulation = rebound.Simulation()
        simulation.gravity, simulation.integrator = "basic", "leapfrog"
        simulation.softening, simulation.dt = SOFTENING, 1e-12
        for (x, y, z), w in zip(positions, weights, strict=True):
            simulation.add(m=w, x=x, y=y, z=z)
        return lambda: simulation.steps(1)

    peers = {"torch.compile": compiled_torch, "rebound": rebound_step, "numpy": chunked_numpy}
    common.report_all_pairs("forward_direct3d", __doc__, parsed, ours, peers, FLOPS * N**2, unchecked=["rebound"])


if __name__ == "__main__":
    main()
