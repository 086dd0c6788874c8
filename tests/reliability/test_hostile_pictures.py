"""Pictures of clouds as strangers have them: each is drawn, or the error names what cannot be."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wlmsim as wls
from wlmsim.errors import ParameterError

FEW, MANY = 4, 200
"""Inputs for each kind of picture, in every run and in the slow one."""
LAW = wls.Lagrangian(wls.External(wls.laws.Harmonic()) + wls.Pairwise(wls.laws.Morse()))

DRAWN: dict[str, Callable[[wls.Trajectory, Path], Any]] = {
    "snapshots": lambda run, folder: wls.visual.plot_snapshots(run.snapshots(seed=0)),
    "phase portrait": lambda run, folder: wls.visual.plot_phase_portrait(run),
    "forecast": lambda run, folder: wls.visual.plot_forecast(run, run.snapshots(seed=0)),
    "energy": lambda run, folder: wls.visual.plot_energy(run),
    "potential": lambda run, folder: wls.visual.plot_potential(LAW, data=run),
    "pair law": lambda run, folder: wls.visual.plot_pair_law(LAW, data=run),
    "page": lambda run, folder: wls.visual.export_html(run, folder / "a.html"),
}
SCENES = {
    "picture": lambda run, folder: wls.visual.snapshot(run, folder / "a.png", window_size=(64, 64)),
    "film": lambda run, folder: wls.visual.film(run, folder / "a.gif", window_size=(64, 64)),
}


@st.composite
def runs(draw: st.DrawFn) -> wls.Trajectory:
    """Few particles in 1 to 30 dimensions: scattered, in one place, on a line, far from the origin, one run away."""
    rng = np.random.default_rng(draw(st.integers(0, 10)))
    times, n = draw(st.sampled_from([1, 2, 3])), draw(st.sampled_from([1, 2, 5]))
    dim = draw(st.sampled_from([1, 2, 3, 7, 30]))
    x = rng.normal(size=(times, n, dim))
    kind = draw(st.sampled_from(["scattered", "constant", "line", "far", "run away"]))
    if kind == "constant":
        x[:] = 1.0
    elif kind == "line":
        x[:] = x[..., :1]
    elif kind == "far":
        x += 1e6
    elif kind == "run away":
        x[-1, 0] = 1e9
    x *= draw(st.sampled_from([1.0, 1e-12, 1e12, 1e-100, 1e100]))
    moving = draw(st.booleans())
    spacing = draw(st.sampled_from([1.0, 1e-9, 1e9]))
    return wls.Trajectory(spacing * np.arange(times), x, 0.1 * x if moving else None, mechanics=LAW)


def drawn(draw: Callable[[wls.Trajectory, Path], Any], run: wls.Trajectory) -> None:
    """Draw and write the picture; a `ParameterError` names its argument."""
    before = run.positions.copy()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            found = draw(run, Path(folder))
            if not isinstance(found, Path):
                np.ravel(found)[0].figure.savefig(Path(folder, "a.png"), dpi=20)
        except ParameterError as error:
            assert "`" in str(error)
        finally:
            plt.close("all")
    assert np.array_equal(run.positions, before)


def few(count: int) -> Any:
    return settings(max_examples=count, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", DRAWN)
@few(FEW)
@given(run=runs())
def test_every_cloud_is_drawn(name, run):
    drawn(DRAWN[name], run)


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWN)
@few(MANY)
@given(run=runs())
def test_very_many_clouds_are_drawn(name, run):
    drawn(DRAWN[name], run)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
@few(MANY // 4)
@given(run=runs())
def test_every_cloud_is_a_scene(name, run):
    drawn(SCENES[name], run)


@pytest.mark.parametrize("size", [1.0, 1e16, 1e300])
def test_a_forecast_in_one_place_on_a_line(size):
    run = wls.Trajectory([0.0, 1.0], np.full((2, 1, 1), size))
    drawn(DRAWN["forecast"], run)


@pytest.mark.parametrize("name", [*DRAWN, *SCENES])
@pytest.mark.parametrize("nonsense", [None, "a", np.zeros((2, 3, 2)), []])
def test_what_is_no_cloud_is_refused_by_name(name, nonsense, tmp_path):
    """Given in place of the data; these raise what is documented, and write nothing."""
    calls = {
        "snapshots": lambda: wls.visual.plot_snapshots(nonsense),
        "phase portrait": lambda: wls.visual.plot_phase_portrait(nonsense),
        "forecast": lambda: wls.visual.plot_forecast(nonsense, nonsense),
        "energy": lambda: wls.visual.plot_energy(nonsense),
        "potential": lambda: wls.visual.plot_potential(nonsense),
        "pair law": lambda: wls.visual.plot_pair_law(nonsense),
        "page": lambda: wls.visual.export_html(nonsense, tmp_path / "a.html"),
        "picture": lambda: wls.visual.snapshot(nonsense, tmp_path / "a.png"),
        "film": lambda: wls.visual.film(nonsense, tmp_path / "a.gif"),
    }
    with pytest.raises(ParameterError, match="`"):
        calls[name]()
    assert not list(tmp_path.iterdir())
