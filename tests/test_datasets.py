"""Real data: found, checked, or refused without touching the network."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pooch
import pytest

from wlmsim import datasets
from wlmsim.datasets import Source
from wlmsim.errors import FileFormatError, ParameterError


@pytest.fixture
def no_network(monkeypatch):
    """Whatever would be downloaded fails as it does without a network; the requests are listed."""
    requests = []

    def retrieve(address, known_hash, name, path):
        requests.append((address, known_hash, name))
        raise OSError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    return requests


@pytest.fixture
def published(tmp_path, monkeypatch) -> Path:
    """A small stand-in for a published file, in a folder named by WLMSIM_DATA."""
    path = tmp_path / "oceans_with_v0.npz"
    rng = np.random.default_rng(0)
    np.savez(path, positions=rng.normal(size=(3, 5, 2)), velocities=rng.normal(size=(3, 5, 2)))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(datasets.SOURCES, path.name, Source(path.name, "https://example.org/oceans", digest))
    monkeypatch.setenv("WLMSIM_DATA", str(tmp_path))
    return path


def test_the_folder_is_looked_at_first(published, no_network):
    assert datasets.fetch(published.name) == published
    series = datasets.vortex_small()
    with np.load(published) as arrays:
        for k, cloud in enumerate(series):
            np.testing.assert_array_equal(cloud.positions, arrays["positions"][k])
            np.testing.assert_array_equal(cloud.velocities, arrays["velocities"][k])
    np.testing.assert_allclose(series.times, [0.0, 0.9, 1.8])
    assert series.metadata["source"] == "https://example.org/oceans"
    assert no_network == []


def test_another_file_of_that_name_is_refused(published, no_network):
    published.write_bytes(b"something else")
    with pytest.raises(FileFormatError, match=r"oceans_with_v0\.npz: its SHA-256 is not that of the published file"):
        datasets.fetch(published.name)
    assert no_network == []


def test_a_missing_file_is_looked_for_at_its_address_and_its_absence_is_said(tmp_path, monkeypatch, no_network):
    monkeypatch.setenv("WLMSIM_DATA", str(tmp_path))
    with pytest.raises(FileFormatError, match=r"big_oceans_forecast\.npz: not in WLMSIM_DATA") as caught:
        datasets.vortex_big()
    source = datasets.SOURCES["big_oceans_forecast.npz"]
    assert str(tmp_path) in str(caught.value) and source.address in str(caught.value)
    assert "no route to host" in str(caught.value.__cause__)
    assert no_network == [(source.address, f"sha256:{source.sha256}", source.name)]


def test_no_folder_is_said(monkeypatch, no_network):
    monkeypatch.delenv("WLMSIM_DATA", raising=False)
    with pytest.raises(FileFormatError, match=r"WLMSIM_DATA \(not set\)"):
        datasets.fetch("oceans_with_v0.npz")


def test_a_download_is_used(published, monkeypatch):
    monkeypatch.delenv("WLMSIM_DATA")
    monkeypatch.setattr(pooch, "retrieve", lambda *arguments: str(published))
    assert datasets.fetch(published.name) == published


def test_an_unknown_file_is_refused():
    with pytest.raises(ParameterError, match=r"`name` must be one of 'oceans_with_v0\.npz'.*got 'lakes\.npz'"):
        datasets.fetch("lakes.npz")


def test_sources_are_pinned():
    for name, source in datasets.SOURCES.items():
        assert source.name == name and source.address.startswith("https://")
        assert len(source.sha256) == 64 and set(source.sha256) <= set("0123456789abcdef")


needs_data = pytest.mark.skipif(not os.environ.get("WLMSIM_DATA"), reason="WLMSIM_DATA is not set")


@needs_data
@pytest.mark.parametrize(
    ("load", "count", "n", "interval"), [(datasets.vortex_small, 9, 111, 0.9), (datasets.vortex_big, 11, 400, 1.0)]
)
def test_vortices(load, count, n, interval):
    series = load()
    assert series.sizes == (n,) * count and series.dim == 2 and series.dropped == 0
    np.testing.assert_allclose(series.times, interval * np.arange(count))
    assert all(v is not None for v in series.velocities)


@needs_data
@pytest.mark.parametrize("load", [datasets.vortex_small, datasets.vortex_big])
def test_velocities_are_in_the_units_of_positions_and_times(load):
    """The mean displacement over an interval is the mean velocity times the interval, to a fifth."""
    series = load()
    moved = np.concatenate([b - a for a, b in zip(series.positions, series.positions[1:], strict=False)])
    speeds = np.concatenate([0.5 * (a + b) for a, b in zip(series.velocities, series.velocities[1:], strict=False)])
    slope = (moved * speeds).sum() / (speeds**2).sum() / np.diff(series.times)[0]
    assert slope == pytest.approx(1.0, abs=0.2)
