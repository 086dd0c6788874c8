"""Schroedinger's equation in time: the split-step Fourier method."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.by_value import HoldsFunctions
from wlmsim.errors import SimulationError
from wlmsim.functionals.laws import Law
from wlmsim.functionals.tracing import comparable, takes_time
from wlmsim.quantum.fourier import transform
from wlmsim.quantum.grid import Grid
from wlmsim.quantum.wave_function import WaveFunction, potential_on, three_axes, three_factors

FAINT = 1e-11
"""Density near the edge of an open grid, as a share of its maximum, at which the grid grows."""

LARGEST = 2**26
"""Points that an open grid may grow to."""


class SplitStep(HoldsFunctions):
    """Strang splitting of i hbar dpsi/dt = -(hbar^2 / 2) lap psi + V psi, with exact kinetic steps by FFT.

    A step is half of the potential's phase, the whole kinetic phase in Fourier space, half of the potential's phase
    again. Second order in the step, without potential exact; unitary and reversible, so the norm is conserved to
    rounding and the energy error stays bounded. Spectrally accurate in the spacing. FFTs by FFTW where pyfftw is
    installed, else by SciPy.

    Parameters
    ----------
    potential : callable, optional
        V as a function of ``(x, xp)`` or ``(x, t, xp)``, x of shape (..., d); see `wlmsim.laws`. What it reads is
        looked at in every call of `evolve`. Default: none.
    step : float, optional
        Largest time step, positive [time]. Default: the whole interval asked for in one step, which without
        potential has no error.
    open : bool
        Whether space goes on beyond the grid: the box grows by half when the wave comes near its edge. Otherwise the
        box is periodic. Default True.

    References
    ----------
    M. D. Feit, J. A. Fleck, A. Steiger, J. Comput. Phys. 47, 412 (1982).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> line = wls.quantum.Grid.covering([-8.0], [8.0], spacing=0.1)
    >>> well = wls.laws.Harmonic(1.0)
    >>> swinging = wls.quantum.WaveFunction.of(lambda x, xp: xp.exp(-0.5 * (x[..., 0] - 1.0) ** 2), line)
    >>> later = wls.quantum.SplitStep(well, step=0.01).evolve(swinging, time=np.pi)
    >>> later.mean.round(4), round(later.norm, 12)
    (array([-1.]), 1.0)
    """

    def __init__(self, potential: Law | None = None, *, step: float | None = None, open: bool = True):
        self.potential = potential
        if potential is not None:
            takes_time(potential)
        comparable("potential", potential)
        self.step = None if step is None else check.positive("step", step)
        self.open = check.instance("open", open, bool)
        self._engine: _Engine | None = None

    def evolve(self, wave: WaveFunction, time: float) -> WaveFunction:
        """Return the wave at another time, later or earlier.

        Raises
        ------
        SimulationError
            If an open grid would have to grow too large.
        """
        check.instance("wave", wave, WaveFunction)
        time = check.real("time", time)
        if self.open:
            wave = grown(wave)
        law = comparable("potential", self.potential)
        while wave.time != time:
            remaining = time - wave.time
            step = math.inf if self.step is None else self.step
            # between looks at the edge nothing on the grid travels as far as the edge region is wide
            reach = _safe_interval(wave) if self.open else math.inf
            steps = max(1, math.ceil(abs(remaining) / min(step, reach) - 1e-9))
            batch = min(steps, max(1, int(reach * steps / abs(remaining) + 1e-9))) if reach < math.inf else steps
            later = time if batch == steps else wave.time + remaining * batch / steps
            if self._engine is None or not self._engine.serves(wave, law):
                self._engine = _Engine(wave.grid, wave.hbar, self.potential, law)
            values = self._engine.run(wave.values, wave.time, remaining / steps, batch)
            wave = WaveFunction(values, wave.grid, hbar=wave.hbar, time=later)
            if self.open:
                wave = grown(wave)
        return wave

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_engine": None}  # plans of FFTs stay in their process

    def __repr__(self) -> str:
        from wlmsim.functionals.tracing import name_of

        parts = [] if self.potential is None else [name_of(self.potential)]
        parts += [] if self.step is None else [f"step={self.step:g}"]
        parts += [] if self.open else ["open=False"]
        return f"SplitStep({', '.join(parts)})"


class _Engine:
    """Steps on one grid: the phases, kept while the time step stays."""

    def __init__(self, grid: Grid, hbar: float, potential: Law | None, law: str):
        self.grid, self.hbar, self._law = grid, hbar, law
        timed = potential is not None and takes_time(potential)
        self._driven = potential if timed else None
        self._static = None if potential is None or timed else potential_on(grid, potential, 0.0)
        self._dt = math.nan
        self._kinetic: list[np.ndarray] = []
        self._half = self._whole = np.empty(0, np.complex128)

    def serves(self, wave: WaveFunction, law: str) -> bool:
        """Whether the phases are those of a wave's grid and of a potential of this digest."""
        return self.grid == wave.grid and self.hbar == wave.hbar and self._law == law

    def run(self, values: np.ndarray, time: float, dt: float, steps: int) -> np.ndarray:
        """Return the values after a number of equal steps."""
        from wlmsim.kernels.split_step import multiply, multiply_axes

        self._prepare(dt)
        wave = transform(self.grid.shape)
        wave.array[...] = values
        flat = wave.array.reshape(-1)
        for step in range(steps):
            if self._driven is not None:
                middle = potential_on(self.grid, self._driven, time + (step + 0.5) * dt)
                self._half = self._phase(middle, dt / 2)
            if self._driven is not None or (self._static is not None and step == 0):
                multiply(flat, self._half)
            wave.forward()
            multiply_axes(three_axes(wave.array), *self._kinetic)
            wave.backward()
            if self._driven is not None or (self._static is not None and step == steps - 1):
                multiply(flat, self._half)
            elif self._static is not None:
                multiply(flat, self._whole)  # the halves of two steps
        return wave.array.copy()

    def _prepare(self, dt: float) -> None:
        dt = float(f"{dt:.12g}")  # steps that differ by rounding share their phases
        if dt == self._dt:
            return
        self._dt = dt
        phases = [np.exp(-0.5j * self.hbar * dt * k**2) / k.size for k in self.grid.wavenumbers]
        self._kinetic = three_factors(phases)
        if self._static is not None:
            self._half = self._phase(self._static, dt / 2)
            self._whole = self._half**2

    def _phase(self, potential: np.ndarray, dt: float) -> np.ndarray:
        return np.exp((-1j * dt / self.hbar) * potential.reshape(-1))


def _safe_interval(wave: WaveFunction) -> float:
    """Time in which the fastest wave on the grid crosses an eighth of the box."""
    grid = wave.grid
    return float(((grid.high - grid.low) / 8 / (np.pi * wave.hbar / grid.spacing)).min())


def grown(wave: WaveFunction) -> WaveFunction:
    """The wave on a grid half as large again, with zeros, along each axis where it has reached the outer eighth."""
    from scipy.fft import next_fast_len

    grid, density = wave.grid, wave.density
    faint = FAINT * density.max()
    paddings = []
    for axis, n in enumerate(grid.shape):
        below = bool(np.take(density, range(n // 8), axis).max() > faint)
        above = bool(np.take(density, range(n - n // 8, n), axis).max() > faint)
        more = next_fast_len(n + n // 2) - n if below or above else 0
        before = more // 2 if below and above else more * below
        paddings.append((before, more - before))
    larger = tuple(n + before + after for n, (before, after) in zip(grid.shape, paddings, strict=True))
    if larger == grid.shape:
        return wave
    if np.prod(larger) > LARGEST:
        raise SimulationError(
            f"the wave at t = {_times.text(wave.time)} has spread over more than a grid of {grid.shape} points holds; "
            "simulate a shorter time, or start on a coarser grid"
        )
    before, after = np.transpose(paddings)
    wider = Grid(grid.low - before * grid.spacing, grid.high + after * grid.spacing, larger)
    return grown(WaveFunction(np.pad(wave.values, paddings), wider, hbar=wave.hbar, time=wave.time))
