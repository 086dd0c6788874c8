"""Runs that last: energy stays, and so does the memory of a process that does much."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick

S = wls.systems

SYSTEMS: dict[str, tuple[Callable[[], wls.systems.System], float, float, float]] = {
    "oscillator": (
        lambda: S.HarmonicOscillator(n=8, frequency=[1.0, 1.6], velocity_width=0.5, seed=0),
        0.01,
        5e-5,
        5e-7,
    ),
    "double well": (lambda: S.DoubleWell(n=8, seed=0), 0.01, 3e-4, 2e-5),
    "Kepler": (lambda: S.Kepler(n=8, seed=0), 0.005, 5e-6, 5e-7),
    "two bodies": (lambda: S.TwoBody(seed=0), 0.005, 2e-5, 1e-6),
    "Morse swarm": (lambda: S.MorseSwarm(n=8, seed=0), 0.01, 3e-6, 1e-7),
    "plasma": (lambda: S.CoulombPlasma(n=8, softening=0.1, seed=0), 0.005, 4e-6, 5e-7),
    "Plummer sphere": (lambda: S.PlummerSphere(n=8, softening=0.2, seed=0), 0.005, 3e-4, 3e-5),
    "Lennard-Jones fluid": (lambda: S.LennardJonesFluid(n=12, seed=0), 0.002, 1e-2, 1e-3),
}
"""Conservative systems that run in a compiled loop: dt, and bounds on the error of the energy and on its drift."""

UNCOMPILED: dict[str, tuple[Callable[[], wls.systems.System], float, float]] = {
    "magnetic field": (lambda: S.ChargedParticles(n=8, seed=0), 0.01, 1e-11),
    "Penning trap": (lambda: S.ChargedParticles(n=8, trap=0.2, electric=[0.1, 0.0, 0.0], seed=0), 0.01, 5e-6),
    "point vortices": (lambda: S.PointVortices(n=8, core=0.3, seed=0), 0.01, 1e-11),
}


def errors(system: wls.systems.System, steps: int, dt: float) -> tuple[float, float]:
    """Largest error of the energy, and how far its mean moved from the first to the last quarter, by its size."""
    energy = system.simulate(np.linspace(0.0, steps * dt, 201), dt=dt).energy()
    size = abs(energy[0])
    return float(np.abs(energy - energy[0]).max() / size), float(abs(energy[150:].mean() - energy[:51].mean()) / size)


@pytest.mark.parametrize("steps", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SYSTEMS)
def test_energy_stays(name, steps):
    make, dt, bound, drift = SYSTEMS[name]
    error, moved = errors(make(), steps, dt)
    assert error < bound and moved < drift


@pytest.mark.parametrize("steps", [500, pytest.param(20_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", UNCOMPILED)
def test_energy_stays_one_step_after_the_other(name, steps):
    make, dt, bound = UNCOMPILED[name]
    assert errors(make(), steps, dt)[0] < bound


def resident() -> float:
    """Memory of this process [MB]."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs /proc")
    gc.collect()
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::wlmsim.errors.AccuracyWarning")
def test_a_hundred_fits_and_plots_leave_nothing(tmp_path):
    """The first ten fill caches; each that follows adds less than a quarter of a megabyte, and a figure has more."""
    import matplotlib.pyplot as plt

    series = S.HarmonicOscillator(n=8, velocity_width=0.5, seed=0).exact(np.linspace(0, 1, 4)).snapshots(seed=0)

    def work() -> None:
        model = quick(steps=1).fit(series)
        flight = model.forecast(series[-1:], [1.2])
        flight.save(tmp_path / "flight.h5")
        wls.Trajectory.load(tmp_path / "flight.h5")
        wls.visual.plot_snapshots(series)
        plt.close("all")

    for _ in range(10):
        work()
    before = resident()
    for _ in range(90):
        work()
    assert resident() - before < 20.0
    assert not plt.get_fignums()
