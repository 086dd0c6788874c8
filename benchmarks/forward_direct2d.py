"""Velocities of 10,000 point vortices by the regularised Biot-Savart law over all pairs, float64.

Peers: NumPy in chunks that stay in the cache; a fused torch.compile kernel over structure-of-arrays coordinates. The
rate counts 11 operations an interaction, N^2 interactions, and is divided by that of the machine's matrix product.
"""

from __future__ import annotations

from benchmarks import forward_common as common

N, CORE, FLOPS = 10_000, 0.01, 11


def main() -> None:
    parsed = common.arguments("forward_direct2d", __doc__)
    import numpy as np

    import wlmsim as wls

    rng = np.random.default_rng(0)
    positions, weights = rng.standard_normal((N, 2)), np.full(N, 1 / N)
    circulations = rng.standard_normal(N)
    flow = wls.VortexFlow(circulations, CORE)

    def ours() -> np.ndarray:
        return flow.velocity(positions, weights)

    def chunked_numpy() -> common.Work:
        (x, y), strength, chunk = positions.T.copy(), circulations / (2 * np.pi), 8

        def work() -> np.ndarray:
            out = np.empty((2, N))
            for i in range(0, N, chunk):
                dx, dy = x - x[i : i + chunk, None], y - y[i : i + chunk, None]
                swirl = strength / (dx * dx + dy * dy + CORE**2)
                out[:, i : i + chunk] = (swirl * dy).sum(1), -(swirl * dx).sum(1)
            return out.T

        return work

    def compiled_torch() -> common.Work:
        import torch

        def velocity(x: torch.Tensor, y: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
            dx, dy = x[None, :] - x[:, None], y[None, :] - y[:, None]
            swirl = strength / (dx * dx + dy * dy + CORE**2)
            return torch.stack([(swirl * dy).sum(1), -(swirl * dx).sum(1)], 1)

        compiled = torch.compile(velocity)
        columns = (*torch.from_numpy(positions.T.copy()), torch.from_numpy(circulations / (2 * np.pi)))
        return lambda: compiled(*columns).numpy()

    peers = {"torch.compile": compiled_torch, "numpy": chunked_numpy}
    common.report_all_pairs("forward_direct2d", __doc__, parsed, ours, peers, FLOPS * N**2)


if __name__ == "__main__":
    main()
