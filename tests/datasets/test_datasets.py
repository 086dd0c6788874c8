"""Real data: found, checked, or refused without touching the network."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pooch
import pytest

from wlmsim import SnapshotSeries, datasets
from wlmsim.datasets import Source, sources
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
        for digest in (source.sha256, source.contents):
            assert digest == "" or (len(digest) == 64 and set(digest) <= set("0123456789abcdef"))
        assert (source.make is None) == (source.contents == "")
        assert source.sha256 or source.advice, "what cannot be downloaded needs advice"


# --- files that are made from what is published


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A file that is made from one that is downloaded; the downloads are counted."""
    calls = []

    def retrieve(address, known_hash, name, path):
        calls.append(address)
        return str(Path(path) / "raw")

    def make(download):
        download("https://example.org/raw")
        return {"x": np.arange(3.0)}

    source = Source("made.npz", "https://example.org/raw", "0" * 64, sources.digest(make(str)), make)
    monkeypatch.setitem(datasets.SOURCES, "made.npz", source)
    monkeypatch.setattr(pooch, "retrieve", retrieve)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.delenv("WLMSIM_DATA", raising=False)
    return source, calls


def test_a_file_is_made_once(made):
    _, calls = made
    path = datasets.fetch("made.npz")
    with np.load(path) as arrays:
        assert arrays["x"].tolist() == [0, 1, 2]
    assert datasets.fetch("made.npz") == path and calls == ["https://example.org/raw"]
    np.savez(path, x=np.zeros(3))
    with np.load(datasets.fetch("made.npz")) as arrays:
        assert arrays["x"].tolist() == [0, 1, 2]
    assert len(calls) == 2


def test_what_is_made_of_something_else_is_refused(made, monkeypatch):
    source, _ = made
    monkeypatch.setitem(datasets.SOURCES, "made.npz", source._replace(contents="f" * 64))
    with pytest.raises(FileFormatError, match=r"made\.npz: what https://example\.org/raw gives is not what was"):
        datasets.fetch("made.npz")


@pytest.mark.parametrize("name", [name for name, source in datasets.SOURCES.items() if source.advice])
def test_files_that_cannot_be_downloaded_say_how_to_get_them(name, monkeypatch, no_network):
    monkeypatch.delenv("WLMSIM_DATA", raising=False)
    monkeypatch.setattr(sources, "find_spec", lambda name: None)
    with pytest.raises(FileFormatError) as caught:
        datasets.fetch(name)
    source = datasets.SOURCES[name]
    assert source.address in str(caught.value) and source.advice in str(caught.value)
    assert no_network == []


def test_the_embryoid_body_is_made_of_five_files(tmp_path, monkeypatch):
    asked = []

    def download(address):
        asked.append(address.rpartition("/")[2])
        label = len(asked)
        np.savez(tmp_path / asked[-1], pcs=np.full((label, 100), label / 3))
        return tmp_path / asked[-1]

    arrays = sources._make_embryoid_body(download)
    assert asked == [f"pcs_label_{k}.npz" for k in range(5)]
    assert arrays["pcs"].shape == (15, 10) and arrays["pcs"].dtype == np.float32
    assert arrays["sample_labels"].tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4]
    assert arrays["sample_labels"].dtype == np.int8


def test_the_blood_cells_are_made_of_a_text_file(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("samples,x1,x2\n0.0,-0.640585244397484,0.19459179355072687\n2.0,1.5,2\n")
    arrays = sources._make_mouse_hematopoiesis(lambda address: path)
    assert arrays["time"].tolist() == [0, 2] and arrays["x"].dtype == np.float32
    assert arrays["x"][0].tolist() == [np.float32(-0.640585244397484), np.float32(0.19459179355072687)]


def test_the_fish_are_taken_from_an_installed_package_without_importing_it(tmp_path, monkeypatch):
    folder = tmp_path / "trajectorytools"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    np.save(folder / "data" / "test_trajectories.npy", np.ones((2, 3, 2)))
    monkeypatch.syspath_prepend(tmp_path)
    assert sources._make_fish_school(None)["positions"].shape == (2, 3, 2)


def test_a_digest_tells_names_types_shapes_and_values_apart():
    base = {"x": np.arange(4.0)}
    others = [{"y": np.arange(4.0)}, {"x": np.arange(4)}, {"x": np.arange(4.0).reshape(2, 2)}, {"x": np.zeros(4)}]
    assert len({sources.digest(arrays) for arrays in (base, *others)}) == 5
    assert sources.digest({"a": base["x"], "b": base["x"]}) == sources.digest({"b": base["x"], "a": base["x"]})


# --- loaders, on twins

LOADERS = {
    "oceans_with_v0.npz": datasets.vortex_small,
    "big_oceans_forecast.npz": datasets.vortex_big,
    "fish_school.npz": datasets.fish_school,
    "eb_pcs10.npz": datasets.embryoid_body,
    "eb_velocity_v5.npz": lambda path: datasets.embryoid_body(path, velocities=True),
    "mouse_hematopoiesis.npz": datasets.mouse_hematopoiesis,
    "sheep_drives.npz": lambda path: datasets.sheep_drives(path)[0].sheep,
}


@pytest.mark.parametrize("name", datasets.SOURCES)
def test_every_file_has_a_loader_and_a_twin(name, tmp_path):
    path = datasets.twin(name, tmp_path, seed=1)
    series = LOADERS[name](path)
    assert isinstance(series, SnapshotSeries) and series.dropped == 0 and series.metadata["source"] == str(path)
    twins = [dict(np.load(datasets.twin(name, tmp_path, seed=seed))) for seed in (1, 1, 2)]
    same = [all(np.array_equal(twins[0][k], other[k], equal_nan=True) for k in twins[0]) for other in twins[1:]]
    assert same == [True, False]
    assert series.save(tmp_path / "copy.h5") and SnapshotSeries.load(tmp_path / "copy.h5") == series


@pytest.mark.parametrize("name", [name for name in datasets.SOURCES if name != "eb_velocity_v5.npz"])
def test_twins_have_the_layout_of_the_published_files(name, tmp_path):
    if not os.environ.get("WLMSIM_DATA"):
        pytest.skip("WLMSIM_DATA is not set")
    with np.load(datasets.twin(name, tmp_path)) as twin, np.load(datasets.fetch(name)) as real:
        assert set(twin) <= set(real)
        for key in twin:
            assert twin[key].ndim == real[key].ndim and twin[key].dtype.kind == real[key].dtype.kind
            assert twin[key].shape[-1:] == real[key].shape[-1:] or key in ("time", "sample_labels")


def test_embryoid_body_with_velocities(tmp_path):
    """The published layout: pcs, pcs_delta (n, 100) and sample_labels; 5 components, standardised, as benchmarks do."""
    path = datasets.twin("eb_velocity_v5.npz", tmp_path)
    series = datasets.embryoid_body(path, velocities=True)
    with np.load(path) as arrays:
        pcs, delta, labels = arrays["pcs"], arrays["pcs_delta"], arrays["sample_labels"]
    assert pcs.shape[1] == 100 and series.dim == 5
    standard, standardisation = series.standardise()
    mean, deviation = pcs[:, :5].astype(float).mean(axis=0), pcs[:, :5].astype(float).std(axis=0)
    for k, cloud in enumerate(standard):
        np.testing.assert_array_equal(series.velocities[k], delta[labels == k, :5])
        np.testing.assert_allclose(cloud.positions, (pcs[labels == k, :5] - mean) / deviation, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(cloud.velocities, delta[labels == k, :5] / deviation, rtol=1e-12)
    for back, cloud in zip(standardisation.invert(standard), series, strict=True):
        np.testing.assert_allclose(back.positions, cloud.positions, rtol=0, atol=1e-14)
    assert datasets.embryoid_body(path, components=100).dim == 100
    with pytest.raises(ParameterError, match="`components` must be at most 100, as the file has; got 101"):
        datasets.embryoid_body(path, components=101)


def test_a_file_of_another_layout_says_what_it_has(tmp_path):
    path = datasets.twin("eb_pcs10.npz", tmp_path)
    with pytest.raises(
        FileFormatError, match=r"eb_pcs10\.npz: it has no array 'pcs_delta'; it has 'pcs', 'sample_labels'"
    ):
        datasets.embryoid_body(path, velocities=True)
    np.savez(tmp_path / "flat.npz", positions=np.zeros((3, 2)), velocities=np.zeros((3, 2)))
    with pytest.raises(FileFormatError, match=r"'positions' must have 3 axes; its shape is \(3, 2\)"):
        datasets.vortex_small(tmp_path / "flat.npz")
    with pytest.raises(FileFormatError, match="it has no array 'pos_00'"):
        datasets.sheep_drives(path)


def test_fish_are_left_out_where_they_are_unseen(tmp_path):
    path = datasets.twin("fish_school.npz", tmp_path)
    tracks, series = datasets.fish_school_tracks(path), datasets.fish_school(path)
    assert not tracks.seen.all() and series.units == {"length": "px", "time": "frame"}
    seen = tracks.seen.sum(axis=1)
    assert sum(seen) - sum(series.sizes) == series.metadata.get("without_velocity", 0) < 12
    assert series.velocities[0] is None and all(v is not None for v in series.velocities[1:])
    np.testing.assert_array_equal(series.positions[0], tracks.positions[0][tracks.seen[0]])


def test_the_dog_is_beside_the_sheep(tmp_path):
    path = datasets.twin("sheep_drives.npz", tmp_path)
    drives = datasets.sheep_drives(path)
    assert [len(drive.sheep) for drive in drives] == [30, 25]
    with np.load(path) as arrays:
        for k, drive in enumerate(drives):
            agents = arrays[f"pos_{k:02d}"]
            np.testing.assert_array_equal(drive.sheep.positions, agents[:, :14])
            np.testing.assert_array_equal(drive.sheep.velocities, arrays[f"vel_{k:02d}"][:, :14])
            np.testing.assert_array_equal(drive.dog.positions, agents[:, 14:15])
            np.testing.assert_array_equal(drive.dog.velocities, arrays[f"vel_{k:02d}"][:, 14:15])
            np.testing.assert_array_equal(drive.shepherd.positions, agents[:, 15:])
            assert drive.sheep.metadata["drive"] == k and drive.dog.times[3] == drive.sheep.times[3] == 0.3
            assert drive.tracks.n == 14 and drive.sheep.units == {"length": "m", "time": "s"}


def test_growth_stands_beside_the_shares(tmp_path):
    series = datasets.mouse_hematopoiesis(datasets.twin("mouse_hematopoiesis.npz", tmp_path))
    assert series.metadata["relative_mass"] == [1.0, 2.0, 4.0]
    assert all(w.sum() == pytest.approx(1.0) for w in series.weights)


def test_an_unknown_twin_is_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"`name` must be one of 'oceans_with_v0\.npz'"):
        datasets.twin("lakes.npz", tmp_path)


# --- the data themselves


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


@needs_data
def test_what_is_made_here_is_what_is_published():
    for source in datasets.SOURCES.values():
        if source.contents:
            with np.load(datasets.fetch(source.name)) as arrays:
                assert sources.digest(arrays) == source.contents


@needs_data
def test_fish_school():
    series = datasets.fish_school()
    assert (
        len(series) == 300 and series.dim == 2 and min(series.sizes) == 86 and series.metadata["without_velocity"] == 3
    )
    tracks = datasets.fish_school_tracks()
    assert tracks.n == 100 and 1 - tracks.seen.mean() == pytest.approx(0.058, abs=5e-4)


@needs_data
def test_sheep_drives():
    drives = datasets.sheep_drives()
    assert len(drives) == 29 and {drive.tracks.n for drive in drives} == {14}
    assert sorted(len(drive.sheep) for drive in drives)[::28] == [51, 1111]
    assert drives[0].sheep.times[-1] == 20.0


@needs_data
def test_published_sheep_velocities_look_back():
    """They are differences to the frame before, so that a forecast may start with them."""
    drives = datasets.sheep_drives()
    for published, estimated in zip(drives, datasets.sheep_drives(window=2), strict=True):
        for mine, theirs in zip(published.sheep.velocities[1:], estimated.sheep.velocities[1:], strict=True):
            np.testing.assert_allclose(mine, theirs, atol=2e-4)
        assert estimated.sheep.velocities[0] is None and published.sheep.velocities[0] is not None


@needs_data
def test_cells():
    series = datasets.embryoid_body()
    assert (
        series.sizes == (2381, 4163, 3278, 3665, 3332) and series.dim == 5 and series.times.tolist() == [0, 1, 2, 3, 4]
    )
    standard, _ = series.standardise()
    np.testing.assert_allclose(np.concatenate(standard.positions).std(axis=0), 1.0, rtol=1e-12)
    mouse = datasets.mouse_hematopoiesis()
    assert mouse.sizes == (1429, 3781, 5788) and mouse.dim == 2 and mouse.times.tolist() == [0, 1, 2]
