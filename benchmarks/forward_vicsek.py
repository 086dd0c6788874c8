"""A step of the Vicsek model, 100,000 particles at density 4 in a periodic box of the plane.

Peer: pyvicsek with its compiled kernel. Both find all neighbours within 1, take the direction of their mean velocity,
turn it at random and move; pyvicsek by a random vector that is added (vectorial noise), and with the new velocity,
wlmsim by a random angle, and with the old velocity, as published. Without noise the new velocities are the same, which
is checked first.
"""

from __future__ import annotations

import numpy as np

from benchmarks.forward_common import Work, arguments, available, report, timed

PARTICLES, DENSITY, SPEED, NOISE = 100_000, 4.0, 0.03, 0.5
BOX = (PARTICLES / DENSITY) ** 0.5


def start() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * rng.random(PARTICLES)
    return BOX * rng.random((PARTICLES, 2)), SPEED * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def by_wlmsim(noise: float) -> Work:
    import wlmsim as wls
    from wlmsim.integrators import State

    system = wls.systems.Vicsek(PARTICLES, box=BOX, noise=noise, speed=SPEED, seed=0)
    scheme, mechanics = system._integrator(np.random.default_rng(0)), system.lagrangian
    state = State(*start(), np.full(PARTICLES, 1 / PARTICLES), 0.0)

    def step() -> np.ndarray:
        nonlocal state
        state = scheme.step(mechanics, state, 1.0)
        return state.velocities

    return step


def by_pyvicsek(noise: float, threads: int) -> Work:
    import vicsek

    vicsek.use_kernel(True, threads=threads)
    x, v = start()
    particles = vicsek.initialize_random_particles(PARTICLES, BOX, SPEED, n_dimensions=2, seed=0)
    model = vicsek.Vicsek(
        particles=particles, length=BOX, interaction_range=1.0, speed=SPEED, noise_factor=noise, seed=0
    )
    model.positions, model.velocities = x, v
    model._cell_list.invalidate()

    def step() -> np.ndarray:
        model.step()
        return model.velocities

    return step


def main() -> None:
    parsed = arguments("forward_vicsek", __doc__)
    peers = available({"pyvicsek": lambda: by_pyvicsek(NOISE, parsed.threads)})
    if peers:
        error = np.abs(by_wlmsim(0.0)() - by_pyvicsek(0.0, parsed.threads)()).max()
        assert error < 1e-10, f"pyvicsek differs by {error}"
    report("forward_vicsek", __doc__, timed({"wlmsim": by_wlmsim(NOISE), **peers}, parsed.repeats), parsed)


if __name__ == "__main__":
    main()
