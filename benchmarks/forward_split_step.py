"""Split-step Schroedinger equation on 512 x 512 points, complex128: twenty steps of a packet in a well.

    python -m benchmarks.forward_split_step [--threads 1] [--json FILE]

Peers: the same Strang splitting, neighbouring half steps joined, by numpy.fft, scipy.fft and jax (compiled, one loop).
"""

from __future__ import annotations

import os

import numpy as np

from benchmarks.forward_common import Work, arguments, available, report, timed

STEPS, DT, POINTS, HALF_WIDTH = 20, 0.005, 512, 16.0


def well(x, xp):  # type: ignore[no-untyped-def]
    """An anharmonic well."""
    return 0.5 * (x**2).sum(-1) + 0.1 * xp.cos(x[..., 0]) * x[..., 1]


def packet(x, xp):  # type: ignore[no-untyped-def]
    """A moving Gaussian."""
    return xp.exp(-0.5 * ((x - 1.0) ** 2).sum(-1) + 2j * x[..., 0])


def main() -> None:
    """Time the steps, check that all sides agree, print the table and the JSON line."""
    parsed = arguments("forward_split_step", __doc__)
    if hasattr(os, "sched_setaffinity"):  # jax takes its threads from the processors it may use
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: parsed.threads])
    import wlmsim as wls

    grid = wls.quantum.Grid([-HALF_WIDTH] * 2, [HALF_WIDTH] * 2, [POINTS] * 2)
    start = wls.quantum.WaveFunction.of(packet, grid)
    solver = wls.quantum.SplitStep(well, step=DT, open=False)
    potential = well(grid.points, np)
    half, whole = np.exp(-0.5j * DT * potential), np.exp(-1j * DT * potential)
    kinetic = np.exp(-0.5j * DT * sum(np.ix_(*(k**2 for k in grid.wavenumbers))))
    outcomes: dict[str, np.ndarray] = {}

    def by_fft(name, fft2, ifft2) -> Work:  # type: ignore[no-untyped-def]
        def run() -> None:
            psi = half * start.values
            for step in range(STEPS):
                psi = ifft2(kinetic * fft2(psi))
                psi *= half if step == STEPS - 1 else whole
            outcomes[name] = psi

        return run

    def scipy() -> Work:
        from scipy.fft import fft2, ifft2

        def options(transform):  # type: ignore[no-untyped-def]
            return lambda psi: transform(psi, workers=parsed.threads, overwrite_x=True)

        return by_fft("scipy.fft", options(fft2), options(ifft2))

    def jax() -> Work:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        first, phase, motion, last = (jnp.asarray(a) for a in (start.values * half, whole, kinetic, half / whole))

        @jax.jit
        def steps(psi):  # type: ignore[no-untyped-def]
            psi = jax.lax.fori_loop(0, STEPS, lambda _, p: phase * jnp.fft.ifft2(motion * jnp.fft.fft2(p)), psi)
            return psi * last

        def run() -> None:
            outcomes["jax"] = np.asarray(steps(first).block_until_ready())

        return run

    def ours() -> None:
        outcomes["wlmsim"] = solver.evolve(start, STEPS * DT).values

    peers = available(
        {"numpy.fft": lambda: by_fft("numpy.fft", np.fft.fft2, np.fft.ifft2), "scipy.fft": scipy, "jax": jax}
    )
    seconds = timed({"wlmsim": ours, **peers}, parsed.repeats)
    for name, outcome in outcomes.items():
        np.testing.assert_allclose(outcome, outcomes["wlmsim"], atol=1e-12, err_msg=name)
    report("forward_split_step", __doc__, seconds, parsed, milliseconds_a_step=1e3 * seconds["wlmsim"] / STEPS)


if __name__ == "__main__":
    main()
