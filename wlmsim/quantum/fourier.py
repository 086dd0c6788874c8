"""The discrete Fourier transform of one array, over and over: by FFTW where pyfftw is installed, else by SciPy."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from typing import Protocol

import numpy as np

SMALL = 2**19
"""Points up to which one thread serves: more are little faster, and on a busy machine wait for each other."""

PLANNING = 3.0
"""Seconds at most that FFTW measures plans for one shape."""

KEPT = 4
"""Shapes whose plans are kept."""


class Transform(Protocol):
    """An array and its Fourier transform in place."""

    array: np.ndarray

    def forward(self) -> None:
        """Replace the array by its transform, a sum without prefactor."""
        ...

    def backward(self) -> None:
        """Replace the array by the inverse transform times the number of points."""
        ...


_local = threading.local()


def transform(shape: tuple[int, ...]) -> Transform:
    """Return a complex128 array of the given shape that can be transformed, for use until the next call.

    Plans are kept for the last `KEPT` shapes, and each thread of the program has its own.
    """
    import numba

    kept: dict[object, Transform] = _local.__dict__.setdefault("kept", {})
    threads = 1 if np.prod(shape) <= SMALL else numba.get_num_threads()
    wave = kept.pop((shape, threads), None)
    if wave is None:
        wave = (SciPy if find_spec("pyfftw") is None else FFTW)(shape, threads)
    kept[shape, threads] = wave
    if len(kept) > KEPT:
        del kept[next(iter(kept))]
    return wave


class FFTW:
    """Transforms planned by measurement, which takes a moment once for each shape in a process, `PLANNING` at most."""

    def __init__(self, shape: tuple[int, ...], threads: int):
        import pyfftw

        self.array = pyfftw.zeros_aligned(shape, dtype=np.complex128)
        plans = [
            pyfftw.FFTW(
                self.array,
                self.array,
                axes=tuple(range(len(shape))),
                direction=direction,
                flags=("FFTW_MEASURE",),
                planning_timelimit=PLANNING,
                threads=threads,
                normalise_idft=False,
            )
            for direction in ("FFTW_FORWARD", "FFTW_BACKWARD")
        ]
        self.forward, self.backward = (plan.execute for plan in plans)


class SciPy:
    """Transforms by `scipy.fft`."""

    def __init__(self, shape: tuple[int, ...], threads: int):
        self.array = np.zeros(shape, dtype=np.complex128)
        self._threads = threads

    def forward(self) -> None:
        """Replace the array by its transform."""
        from scipy.fft import fftn

        self.array[...] = fftn(self.array, overwrite_x=True, workers=self._threads)

    def backward(self) -> None:
        """Replace the array by the inverse transform times the number of points."""
        from scipy.fft import ifftn

        self.array[...] = ifftn(self.array, overwrite_x=True, workers=self._threads, norm="forward")
