"""Few bodies: a step of leapfrog under softened gravity in space, 2 to 1000 bodies, in microseconds.

Ours by `Gravity`, and by the same law typed as a user would for `Pairwise`; one step after the other, as large
populations go; and rebound's leapfrog with its direct sum. A run is one call of `simulate`, or of rebound's `steps`.
The last rows are a pendulum and a planet about a fixed sun, which rebound moves with the sun, its second body.
"""

from __future__ import annotations

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

    def ours(lagrangian: wls.Lagrangian, cloud: wls.Population, steps: int) -> common.Work:
        return lambda: wls.simulate(lagrangian, cloud, [steps * DT], dt=DT)

    def stepped(lagrangian: wls.Lagrangian, cloud: wls.Population, steps: int) -> common.Work:
        def work() -> None:
            few, run.FEW = run.FEW, steps + 1
            try:
                wls.simulate(lagrangian, cloud, [steps * DT], dt=DT)
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

    for n, steps in STEPS.items():
        cloud = start(n)
        few = {"step by step": stepped(gravity, cloud, max(20, steps // 10))}
        peers = common.available({"rebound": lambda cloud=cloud, steps=steps: rebound_steps(cloud, steps)})
        measure(
            f"{n} bodies", steps, {"Gravity": ours(gravity, cloud, steps), "typed": ours(typed, cloud, steps), **peers}
        )
        by_step = common.timed(few, parsed.repeats)["step by step"]
        microseconds[f"{n} bodies"]["step by step"] = 1e6 * by_step / max(20, steps // 10)
    sun = wls.Lagrangian(wls.External(lambda x, xp: -1.0 / xp.sqrt((x**2).sum(-1))))
    planet = wls.Population([[1.0, 0.0, 0.0]], [[0.0, 1.1, 0.0]])
    pendulum = wls.Lagrangian(wls.External(lambda x, xp: -xp.cos(x).sum(-1)), dissipation=wls.Friction(0.1))
    swing = wls.Population([[1.0]], [[0.0]])
    two = wls.Population([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.1, 0.0]], [1.0, 1e-12])
    peers = common.available({"rebound": lambda: rebound_steps(two, STEPS[2])})
    measure("planet", STEPS[2], {"typed": ours(sun, planet, STEPS[2]), **peers})
    measure("pendulum", STEPS[2], {"typed": ours(pendulum, swing, STEPS[2])})

    columns = ("Gravity", "typed", "rebound", "step by step")
    table = Table(title=f"few_bodies: microseconds a step, median of {parsed.repeats} runs, {parsed.threads} thread(s)")
    table.add_column("")
    for column in (*columns, "typed / rebound"):
        table.add_column(column, justify="right")
    ratios = {row: of["typed"] / of["rebound"] for row, of in microseconds.items() if "rebound" in of}
    for row, of in microseconds.items():
        figures = [f"{of[name]:.3g}" if name in of else "" for name in columns]
        table.add_row(row, *figures, f"{ratios[row]:.2f}" if row in ratios else "")
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


if __name__ == "__main__":
    main()
