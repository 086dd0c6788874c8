"""Few bodies: a step of leapfrog under softened gravity in space, 2 to 1000 bodies, in microseconds.

Ours by `Gravity`, and by the same law typed as a user would for `Pairwise`; one step after the other, as large
populations go; and rebound's leapfrog with its direct sum. A run is one call of `simulate`, or of rebound's `steps`.
A planet goes about a fixed sun, which rebound moves with the sun, its second body. The other rows are what users have
beside gravity: a pendulum, a charge in a magnetic field, two kinds of ions in a trap, balls between walls, birds that
align, and learned laws, compiled.
"""

from __future__ import annotations

from typing import Any

from benchmarks import forward_common as common

STEPS = {2: 20_000, 4: 20_000, 10: 10_000, 100: 2000, 1000: 20}
"""By the number of bodies; 1000 are beyond what is looped."""
SOFTENING, DT = 0.05, 1e-4
WITHIN = 5.0
"""How many times rebound's time ours may take."""


def main() -> None:
    parsed = common.arguments("few_bodies", __doc__)
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    import wlmsim as wls
    from wlmsim.simulation import run

    gravity = wls.Lagrangian(wls.Gravity(1.0, SOFTENING))
    typed = wls.Lagrangian(wls.Pairwise(lambda r, xp: -1.0 / xp.sqrt(r**2 + SOFTENING**2)))

    def start(n: int) -> wls.Population:
        rng = np.random.default_rng(n)
        return wls.Population(rng.standard_normal((n, 3)), 0.3 * rng.standard_normal((n, 3)))

    def ours(
        lagrangian: wls.Lagrangian, cloud: wls.Population, steps: int, walls: wls.Walls | None = None
    ) -> common.Work:
        return lambda: wls.simulate(lagrangian, cloud, [steps * DT], dt=DT, walls=walls)

    def stepped(
        lagrangian: wls.Lagrangian, cloud: wls.Population, steps: int, walls: wls.Walls | None = None
    ) -> common.Work:
        def work() -> None:
            few, run.FEW = run.FEW, steps + 1
            try:
                wls.simulate(lagrangian, cloud, [steps * DT], dt=DT, walls=walls)
            finally:
                run.FEW = few

        return work

    def rebound_steps(cloud: wls.Population, steps: int) -> common.Work:
        import rebound

        bodies = rebound.Simulation()
        bodies.gravity, bodies.integrator = "basic", "leapfrog"
        bodies.softening, bodies.dt = SOFTENING, DT
        for (x, y, z), (vx, vy, vz), w in zip(cloud.positions, cloud.velocities, cloud.weights, strict=True):
            bodies.add(m=w, x=x, y=y, z=z, vx=vx, vy=vy, vz=vz)
        bodies.steps(steps)
        there = np.array([body.xyz for body in bodies.particles])
        expected = wls.simulate(gravity, cloud, [steps * DT], dt=DT).positions[-1]
        np.testing.assert_allclose(there, expected, atol=1e-5)  # both of second order, but not the same leapfrog
        return lambda: bodies.steps(steps)

    microseconds: dict[str, dict[str, float]] = {}

    def measure(row: str, steps: int, works: dict[str, common.Work]) -> None:
        seconds = common.timed(works, parsed.repeats)
        microseconds[row] = {name: 1e6 * value / steps for name, value in seconds.items()}

    def measure_by_step(row: str, steps: int, work: common.Work) -> None:
        microseconds[row]["step by step"] = 1e6 * common.timed({"": work}, parsed.repeats)[""] / steps

    for n, steps in STEPS.items():
        cloud = start(n)
        peers = common.available({"rebound": lambda cloud=cloud, steps=steps: rebound_steps(cloud, steps)})
        measure(
            f"{n} bodies", steps, {"Gravity": ours(gravity, cloud, steps), "typed": ours(typed, cloud, steps), **peers}
        )
        measure_by_step(f"{n} bodies", max(20, steps // 10), stepped(gravity, cloud, max(20, steps // 10)))
    sun = wls.Lagrangian(wls.External(lambda x, xp: -1.0 / xp.sqrt((x**2).sum(-1))))
    planet = wls.Population([[1.0, 0.0, 0.0]], [[0.0, 1.1, 0.0]])
    pendulum = wls.Lagrangian(wls.External(lambda x, xp: -xp.cos(x).sum(-1)), dissipation=wls.Friction(0.1))
    swing = wls.Population([[1.0]], [[0.0]])
    two = wls.Population([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.1, 0.0]], [1.0, 1e-12])
    peers = common.available({"rebound": lambda: rebound_steps(two, STEPS[2])})
    measure("planet", STEPS[2], {"typed": ours(sun, planet, STEPS[2]), **peers})
    measure("pendulum", STEPS[2], {"typed": ours(pendulum, swing, STEPS[2])})
    measure_by_step("pendulum", 1000, stepped(pendulum, swing, 1000))
    for row, (lagrangian, cloud, walls) in others().items():
        measure(row, STEPS[10], {"typed": ours(lagrangian, cloud, STEPS[10], walls)})
        measure_by_step(row, 500, stepped(lagrangian, cloud, 500, walls))

    columns = ("Gravity", "typed", "rebound", "step by step")
    table = Table(title=f"few_bodies: microseconds a step, median of {parsed.repeats} runs, {parsed.threads} thread(s)")
    table.add_column("")
    for column in (*columns, "typed / rebound", "step by step / best"):
        table.add_column(column, justify="right")
    ratios = {row: of["typed"] / of["rebound"] for row, of in microseconds.items() if "rebound" in of}
    for row, of in microseconds.items():
        figures = [f"{of[name]:.3g}" if name in of else "" for name in columns]
        best = (
            of["step by step"] / min(of[name] for name in ("Gravity", "typed") if name in of)
            if "step by step" in of
            else 0.0
        )
        table.add_row(row, *figures, f"{ratios[row]:.2f}" if row in ratios else "", f"{best:.0f}" if best else "")
    console = Console(width=120)
    console.print(__doc__.strip(), highlight=False)
    console.print(table)
    common.write(
        parsed,
        {
            "benchmark": "few_bodies",
            "microseconds": {row: {k: round(v, 3) for k, v in of.items()} for row, of in microseconds.items()},
            "times_rebound": {row: round(ratio, 2) for row, ratio in ratios.items()},
            "within": all(ratio <= WITHIN for ratio in ratios.values()),
        },
    )


def others() -> dict[str, tuple[Any, Any, Any]]:
    """Mechanics, start and walls of what users have beside gravity."""
    import numpy as np

    import wlmsim as wls
    from wlmsim.learn.functionals import Scales

    def start(n: int, dim: int) -> wls.Population:
        rng = np.random.default_rng(n)
        return wls.Population(rng.uniform(-1, 1, (n, dim)), rng.standard_normal((n, dim)))

    ions = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    repulsion = wls.Charged(wls.Pairwise(lambda r, xp: 0.1 / r), ions)
    trap = wls.External(lambda x, t, xp: (1.0 + 8.0 * xp.cos(9.0 * t)) * (x[..., 0] ** 2 - x[..., 1] ** 2))
    bottle = wls.MagneticField(
        lambda x, xp: xp.stack([-x[..., 0] * x[..., 2], -x[..., 1] * x[..., 2], 1 + x[..., 2] ** 2], axis=-1)
    )
    learned = wls.learn.ExternalPotential((32, 32)) + wls.learn.PairPotential(2.0)
    for term in learned.terms:
        term.prepare(2, Scales((0.0, 0.0), 1.0, 0.0, 1.0))  # type: ignore[attr-defined]
    return {
        "a charge in a uniform field": (wls.Lagrangian(magnetic=wls.MagneticField(1.3)), start(1, 2), None),
        "a charge in a magnetic bottle": (wls.Lagrangian(magnetic=bottle), start(1, 3), None),
        "a trap of 3 + 3 ions": (wls.Lagrangian(repulsion + wls.Charged(trap, ions)), start(6, 2), None),
        "a ball in a billiard": (wls.Lagrangian(), start(1, 2), wls.Walls(-1.0, 1.0)),
        "10 balls that repel, in a box": (
            wls.Lagrangian(wls.Pairwise(lambda r, xp: xp.exp(-r / 0.1))),
            start(10, 2),
            wls.Walls(-1.0, 1.0),
        ),
        "10 birds that align": (wls.Lagrangian(dissipation=wls.Alignment()), start(10, 2), None),
        "10 particles, learned laws": (wls.learn.compiled(wls.Lagrangian(learned)), start(10, 2), None),
    }


if __name__ == "__main__":
    main()
