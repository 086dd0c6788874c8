"""Tracks of every kind of file, in a plane and back, and out again."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest

import wlmsim as wls
from wlmsim import io
from wlmsim.errors import DataWarning, FileFormatError, ParameterError

MOVEBANK = """event-id,visible,timestamp,location-long,location-lat,individual-local-identifier
1,true,2021-03-01 06:00:00.000,5.10,52.10,Ada
2,true,2021-03-01 06:10:00.000,5.11,52.10,Ada
3,true,2021-03-01 06:20:00.000,5.12,52.11,Ada
4,false,2021-03-01 06:30:00.000,9.12,52.11,Ada
5,true,2021-03-01 08:30:00.000,5.13,52.12,Ada
6,true,2021-03-01 06:05:00.000,5.20,52.20,Bo
7,true,2021-03-01 06:15:00.000,5.20,52.21,Bo
8,true,2021-03-01 06:25:00.000,,52.21,Bo
"""
TRACKMATE = """LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,POSITION_Z,POSITION_T,FRAME
Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame
Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame
,,,(quality),(micron),(micron),(micron),(sec),
ID10,10,0,5.1,1.5,2.5,0.0,0.0,0
ID11,11,1,5.1,4.5,2.5,0.0,0.0,0
ID12,12,0,5.1,1.75,2.5,0.0,30.0,1
ID13,13,None,5.1,9.5,9.5,0.0,30.0,1
"""
SESSION = """<?xml version="1.0" encoding="UTF-8"?>
<TrackMate version="7.11.1"><Model spatialunits="micron" timeunits="sec">
<AllSpots nspots="5">
<SpotsInFrame frame="0"><Spot ID="1" POSITION_X="1.0" POSITION_Y="2.0" POSITION_Z="0.0" POSITION_T="0.0" FRAME="0"/>
</SpotsInFrame>
<SpotsInFrame frame="1"><Spot ID="2" POSITION_X="1.5" POSITION_Y="2.0" POSITION_Z="0.0" POSITION_T="10.0" FRAME="1"/>
</SpotsInFrame>
<SpotsInFrame frame="2"><Spot ID="3" POSITION_X="2.0" POSITION_Y="3.0" POSITION_Z="0.0" POSITION_T="20.0" FRAME="2"/>
<Spot ID="4" POSITION_X="2.0" POSITION_Y="1.0" POSITION_Z="0.0" POSITION_T="20.0" FRAME="2"/>
<Spot ID="5" POSITION_X="9.0" POSITION_Y="9.0" POSITION_Z="0.0" POSITION_T="20.0" FRAME="2"/></SpotsInFrame>
</AllSpots>
<AllTracks><Track name="Track_7" TRACK_ID="7"><Edge SPOT_SOURCE_ID="1" SPOT_TARGET_ID="2"/>
<Edge SPOT_SOURCE_ID="2" SPOT_TARGET_ID="3"/><Edge SPOT_SOURCE_ID="2" SPOT_TARGET_ID="4"/></Track></AllTracks>
<FilteredTracks><TrackID TRACK_ID="7"/></FilteredTracks>
</Model></TrackMate>
"""
EXPORTED = """<?xml version="1.0" encoding="UTF-8"?>
<Tracks nTracks="2" spaceUnits="micron" frameInterval="2.5" timeUnits="sec">
<particle nSpots="2"><detection t="0" x="1.0" y="2.0" z="0.0"/><detection t="1" x="1.5" y="2.0" z="0.0"/></particle>
<particle nSpots="1"><detection t="1" x="4.0" y="2.0" z="0.0"/></particle>
</Tracks>
"""


def load(tmp_path: Path, text: str, name: str = "a.csv", **options: Any) -> wls.Tracks:
    (tmp_path / name).write_text(text)
    return wls.Tracks.load(tmp_path / name, **options)


@pytest.fixture
def foxes(tmp_path: Path) -> wls.Tracks:
    with pytest.warns(DataWarning):
        return load(tmp_path, MOVEBANK, units={"time": "min"})


# --- kinds of files


def test_movebank(tmp_path):
    with pytest.warns(DataWarning) as said:
        foxes = load(tmp_path, MOVEBANK, units={"time": "min"})
    messages = [str(one.message) for one in said]
    assert "left out 2 of 8 rows" in messages[0] and "every='10 min' interpolates to common times" in messages[1]
    assert foxes.ids == ("Ada", "Bo") and foxes.times.tolist() == [360, 365, 370, 375, 380, 510]
    assert foxes.units == {"time": "min", "length": "m"} and foxes.metadata["first_date"] == "2021-03-01"
    assert foxes.dates[1] == np.datetime64("2021-03-01T06:05")
    np.testing.assert_allclose(foxes.lonlat[0, 0], [5.10, 52.10], atol=1e-9)
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(5.10, 52.10, 5.12, 52.11)
    assert np.linalg.norm(foxes.positions[4, 0] - foxes.positions[0, 0]) == pytest.approx(metres, rel=1e-4)


def test_snapshots_say_who_reads_individuals(tmp_path):
    (tmp_path / "a.csv").write_text(MOVEBANK)
    with pytest.raises(ParameterError, match=r"wls\.Tracks\.load finds longitudes and latitudes"):
        wls.SnapshotSeries.load(tmp_path / "a.csv", time="timestamp")


def test_common_times_of_individuals_that_are_seen_in_turn(tmp_path, foxes):
    together = foxes.resample(every="5 min", max_gap="20 min")
    assert together.times.tolist() == list(range(360, 515, 5))
    assert together.seen[:, 0].tolist() == [True] * 5 + [False] * 25 + [True]
    assert together.seen[:, 1].tolist() == [False, True, True, True] + [False] * 27
    middle = (foxes.positions[0, 0] + foxes.positions[2, 0]) / 2
    np.testing.assert_allclose(together.positions[1, 0], middle)
    with pytest.warns(DataWarning, match="left out"):
        at_once = load(tmp_path, MOVEBANK, units={"time": "min"}, every="5 min", max_gap="20 min")
    assert at_once == together and at_once.metadata["resampled"] == together.metadata["resampled"]
    assert together.snapshots().lonlat[1].shape == (2, 2)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("id,t,x,y\n1,0,0.5,1\n1,1,1.5,2\n2,1,3,4\n", {}),
        ("track_id;frame;X;Y\n1;0;0.5;1\n1;1;1.5;2\n2;1;3;4\n", {}),
        ("who,when,a,b\n1,0,0.5,1\n1,1,1.5,2\n2,1,3,4\n", {"id": "who", "time": "when", "positions": ["a", "b"]}),
        ("film,n,t,x,y,z\nA,1,0,0.5,1,7\nA,1,1,1.5,2,7\nB,1,1,3,4,7\n", {"id": ["film", "n"]}),
    ],
)
def test_plain_tables(text, options, tmp_path):
    tracks = load(tmp_path, text, **options)
    assert tracks.n == 2 and tracks.times.tolist() == [0, 1] and tracks.dim == 2
    assert tracks.seen.tolist() == [[True, False], [True, True]]
    assert tracks.positions[1].tolist() == [[1.5, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("rows", "options", "hours"),
    [
        (["2021-07-01T12:00:00+02:00", "2021-07-01T13:00:00+02:00"], {}, [10, 11]),
        (["2021-07-01 12:00", "2021-07-01 13:00"], {"timezone": "Europe/Amsterdam"}, [10, 11]),
        (["2021-03-28 01:30", "2021-03-28 03:30"], {"timezone": "Europe/Amsterdam"}, [0.5, 1.5]),  # the clock leaps
        (["01.07.2021 12:00", "01.07.2021 13:00"], {"date_format": "%d.%m.%Y %H:%M"}, [12, 13]),
    ],
)
def test_dates_and_zones(rows, options, hours, tmp_path):
    text = "id,time,x\n" + "".join(f"a,{row},{k}\n" for k, row in enumerate(rows))
    tracks = load(tmp_path, text, units={"time": "h"}, **options)
    assert tracks.times.tolist() == hours


def test_a_date_and_a_time_of_the_day(tmp_path):
    tracks = load(tmp_path, "id,date,time,x\na,2021-07-01,12:00,0\na,2021-07-02,06:00,1\n", units={"time": "h"})
    assert tracks.times.tolist() == [12, 30]


def test_utm_by_its_zone(tmp_path):
    text = "id,time,utm-easting,utm-northing,utm-zone\na,0,500000,5700000,31U\na,1,501000,5700000,31U\n"
    tracks = load(tmp_path, text)
    assert tracks.metadata["projection"] == "EPSG:32631" and tracks.units["length"] == "m"
    np.testing.assert_allclose(tracks.positions[1, 0], [501000, 5700000])
    np.testing.assert_allclose(tracks.lonlat[0, 0, 0], 3.0, atol=1e-9)  # the meridian of the zone
    kilometres = load(
        tmp_path, text.replace(",utm-zone", "").replace(",31U", ""), crs="EPSG:32631", units={"length": "km"}
    )
    np.testing.assert_allclose(kilometres.positions[1, 0], [501, 5700])
    np.testing.assert_allclose(kilometres.lonlat, tracks.lonlat)
    unknown = load(tmp_path, "id,time,x,y\na,0,1,2\na,1,2,3\n")
    with pytest.raises(ParameterError, match="`lonlat` is not known"):
        _ = unknown.lonlat


def test_a_third_coordinate_is_taken_in_metres_or_left_out_with_a_word(tmp_path):
    text = "id,time,lon,lat,Depth\na,0,5.0,52.0,100\na,1,5.1,52.0,200\na,2,5.2,52.2,300\n"
    with pytest.warns(DataWarning, match=r"without 'Depth'; positions=\['lon', 'lat', 'Depth'\] takes it too"):
        assert load(tmp_path, text).dim == 2
    deep = load(tmp_path, text, positions=["lon", "lat", "Depth"], units={"length": "km"})
    np.testing.assert_allclose(deep.positions[:, 0, 2], [0.1, 0.2, 0.3])
    np.testing.assert_allclose(deep.lonlat[:, 0], [[5.0, 52.0], [5.1, 52.0], [5.2, 52.2]])
    for name in ("Depth [cm]", "Depth_cm"):
        cm = load(tmp_path, text.replace("Depth", name), positions=["lon", "lat", name])
        np.testing.assert_allclose(cm.positions[:, 0, 2], [1.0, 2.0, 3.0])
    utm = load(
        tmp_path, text.replace("lon,lat", "x,y"), positions=["x", "y", "Depth"], crs="EPSG:32631", units=deep.units
    )
    np.testing.assert_allclose(utm.positions[:, 0, 2], [0.1, 0.2, 0.3])
    for name in ("a.csv", "a.h5"):  # as it is in the file, in kilometres
        np.testing.assert_allclose(wls.Tracks.load(deep.save(tmp_path / name)).positions, deep.positions)
    with warnings.catch_warnings(action="error"):  # all at one depth, and heights of what is filmed
        load(tmp_path, text.replace("200", "100").replace("300", "100"))
        load(tmp_path, text.replace("lon,lat,Depth", "x,y,height"))


@pytest.mark.parametrize(("unit", "metres"), [("m", 1.0), ("cm", 0.01), ("", 1.0)])
def test_a_third_coordinate_of_drifters(unit, metres):
    xarray = pytest.importorskip("xarray")
    about, where = {"units": unit} if unit else {}, ("traj", "obs")
    depths = np.array([[1.0, 2.0, np.nan]])
    drifters = xarray.Dataset(
        {
            "time": ("obs", np.arange(3.0), {"units": "s"}),
            "lon": (where, [[5.0, 5.1, 5.2]]),
            "lat": (where, [[52.0, 52.0, 52.1]]),
            "z": (where, depths, about),
            "ve": (where, np.ones((1, 3)), {"units": "m/s"}),
            "vn": (where, np.ones((1, 3)), {"units": "m/s"}),
        }
    )
    with pytest.warns(DataWarning, match="without 'z'"):
        assert io.load_drifters(drifters).dim == 2
    with pytest.warns(DataWarning, match="left out the velocities 've' and 'vn', as none goes with 'z'"):
        deep = io.load_drifters(drifters, positions=["lon", "lat", "z"])
    assert deep.velocities is None and len(deep) == 2  # the depth of the last is not known
    np.testing.assert_allclose(deep.positions[:, 0, 2], depths[0, :2] * metres / 1000)
    with pytest.raises(ParameterError, match="got 'depth'"):
        io.load_drifters(drifters, positions=["lon", "lat", "depth"])
    drifters["z"].attrs["units"] = "dbar"
    with pytest.raises(ParameterError, match="'z' is in 'dbar'"):
        io.load_drifters(drifters, positions=["lon", "lat", "z"], velocities=False)


def test_a_third_coordinate_in_a_plane_of_drifters():
    xarray = pytest.importorskip("xarray")
    where = ("traj", "obs")
    columns = {name: (where, [[0.0, 1000.0]], {"units": "m"}) for name in ("x", "y", "z")}
    drifters = xarray.Dataset({"time": ("obs", [0.0, 1.0], {"units": "s"}), **columns})
    tracks = io.load_drifters(drifters, positions=["x", "y", "z"], origin=(0.0, 0.0))
    np.testing.assert_allclose(tracks.positions[:, 0], [[0, 0, 0], [1, 1, 1]])


ERDDAP = """ID,time,latitude,longitude,ve,vn
,UTC,degrees_north,degrees_east,cm/s,cm/s
1,2021-03-01T00:00:00Z,52.0,5.0,10.0,0.0
1,2021-03-01T06:00:00Z,52.0,5.1,20.0,0.0
"""


def test_eastward_velocities_of_tables_are_taken_in_their_unit(tmp_path):
    with pytest.warns(DataWarning, match="taken for units"):
        tracks = load(tmp_path, ERDDAP, units={"length": "km", "time": "h"})
    np.testing.assert_allclose(tracks.velocities[:, 0, 0], [0.36, 0.72], rtol=1e-5)
    with pytest.warns(DataWarning):
        named = load(tmp_path, ERDDAP, units=tracks.units, velocities=["ve", "vn"])
    assert np.array_equal(named.velocities, tracks.velocities)
    with pytest.warns(DataWarning):
        assert load(tmp_path, ERDDAP, velocities=False).velocities is None
    without = "".join(line for line in ERDDAP.splitlines(keepends=True) if "UTC" not in line)
    with pytest.warns(DataWarning, match=r"'ve' and 'vn' may be velocities.*velocities=\['ve', 'vn'\] takes them"):
        assert load(tmp_path, without).velocities is None
    plain = load(tmp_path, without, velocities=["ve", "vn"], units={"length": "km"})
    np.testing.assert_allclose(plain.velocities[:, 0, 0], [10.0, 20.0], rtol=1e-5)  # in the unit of the data
    bracketed = without.replace("ve,vn", "ve (m/s),vn (m/s)")
    with warnings.catch_warnings(action="error"):
        tracks = load(tmp_path, bracketed, units={"time": "s"})
    np.testing.assert_allclose(tracks.velocities[:, 0, 0], [10.0, 20.0], rtol=1e-5)


def test_velocities_of_a_plane_are_taken_in_their_unit(tmp_path):
    tracks = load(tmp_path, "id,time,x [km],y [km],vx [m/s],vy [m/s]\na,0,0,0,1,0\na,1,1,0,1,0\n", units={"time": "h"})
    assert tracks.units == {"length": "km", "time": "h"}
    np.testing.assert_allclose(tracks.velocities[:, 0], [[3.6, 0.0], [3.6, 0.0]])


def test_planes_on_request(tmp_path):
    text = "id,time,lon,lat\na,0,5.0,52.0\na,1,5.1,52.0\n"
    assert load(tmp_path, text, projection="utm").metadata["projection"] == "EPSG:32631"
    laea = load(tmp_path, text, projection="+proj=laea +lat_0=52 +lon_0=5")
    np.testing.assert_allclose(laea.positions[0, 0], 0, atol=1e-6)
    with pytest.raises(ParameterError, match="`projection` must be a system that PROJ knows"):
        load(tmp_path, text, projection="mercator of mine")
    with pytest.raises(ParameterError, match="`projection` must be a plane"):
        load(tmp_path, text, projection="EPSG:4326")
    with pytest.warns(DataWarning, match="distances are wrong by more than a twentieth"):
        load(tmp_path, text.replace("5.1,52.0", "150,-40"))


def test_trackmate_tables(tmp_path):
    with pytest.warns(DataWarning, match="left out 1 of 4 rows"):
        cells = load(tmp_path, TRACKMATE)
    assert cells.ids == ("0", "1") and cells.units == {"length": "um", "time": "s"} and cells.dim == 2
    assert cells.positions[1, 0].tolist() == [1.75, 2.5] and cells.times.tolist() == [0, 30]


def test_trackmate_sessions_and_divisions(tmp_path):
    cells = load(tmp_path, SESSION, "a.xml")
    assert cells.ids == ("7", "7.1", "7.2") and cells.units == {"length": "um", "time": "s"}
    assert cells.seen.T.tolist() == [[True, True, False], [False, False, True], [False, False, True]]
    exported = load(tmp_path, EXPORTED, "b.xml")
    assert exported.n == 2 and exported.times.tolist() == [0, 2.5] and exported.units["length"] == "um"
    assert wls.SnapshotSeries.load(tmp_path / "b.xml").sizes == (1, 2)
    for text in ("<a/>", "<a>", '<Tracks nTracks="0"/>'):
        with pytest.raises(FileFormatError, match=r"XML|no tracks"):
            load(tmp_path, text, "c.xml")


def test_poses_of_movement(tmp_path):
    xarray = pytest.importorskip("xarray")
    values = np.arange(48.0).reshape(3, 2, 4, 2)  # time, space, keypoints, individuals
    values[1, :, 0, 0] = np.nan
    names = {"time": [0.0, 0.1, 0.2], "space": ["x", "y"], "keypoints": list("abcd"), "individuals": ["m1", "m2"]}
    dataset = xarray.Dataset(
        {"position": (tuple(names), values)}, names, {"fps": 10.0, "time_unit": "seconds", "ds_type": "poses"}
    )
    mice = wls.Tracks.from_xarray(dataset, keypoint="a")
    assert mice.ids == ("m1", "m2") and mice.units == {"time": "s", "length": "px"}
    assert mice.seen.tolist() == [[True, True], [False, True], [True, True]]
    assert mice.positions[0, 1].tolist() == values[0, :, 0, 1].tolist()
    middle = wls.Tracks.from_xarray(dataset)
    assert middle.seen.all() and middle.positions[0, 0].tolist() == values[0, :, :, 0].mean(axis=1).tolist()
    with pytest.raises(ParameterError, match="`keypoint` must be one of a, b, c, d"):
        wls.Tracks.from_xarray(dataset, keypoint="nose")


@pytest.mark.parametrize("kind", ["parcels", "opendrift", "clouddrift"])
def test_stores_of_drifters(kind, tmp_path):
    xarray = pytest.importorskip("xarray")
    times = np.datetime64("2020-03-01", "ns") + np.arange(4) * np.timedelta64(1, "h")
    lon = np.array([[4.0], [4.5]]) + 0.01 * np.arange(4)
    degrees = {"lon": {"units": "degrees_east"}, "lat": {"units": "degrees_north"}}
    if kind == "clouddrift":
        data = {"rowsize": ("traj", [4, 4]), "id": ("traj", [7, 9]), "time": ("obs", np.tile(times, 2))}
        data |= {"lon": ("obs", lon.ravel()), "lat": ("obs", 50 + 0 * lon.ravel())}
        dataset = xarray.Dataset(data)
    else:
        shape = ("trajectory", "obs") if kind == "parcels" else ("trajectory", "time")
        clock = (shape, np.tile(times, (2, 1))) if kind == "parcels" else ("time", times)
        names = ("trajectory", [7, 9], {"cf_role": "trajectory_id"})
        data = {"lon": (shape, lon, degrees["lon"]), "lat": (shape, 50 + 0 * lon, degrees["lat"])}
        dataset = xarray.Dataset(data, {"trajectory": names, "time": clock})
        dataset.attrs = {"feature_type": "trajectory"} if kind == "parcels" else {"featureType": "trajectory"}
    if kind == "parcels":
        pytest.importorskip("zarr")
        path = tmp_path / "a.zarr"
        dataset.to_zarr(path)
    else:
        path = tmp_path / "a.nc"
        dataset.to_netcdf(path, engine="h5netcdf")
    tracks = wls.Tracks.load(path, units={"time": "h", "length": "m"})
    assert tracks.ids == ("7", "9") and tracks.times.tolist() == [0, 1, 2, 3] and tracks.seen.all()
    np.testing.assert_allclose(tracks.lonlat[:, 0, 0], lon[0], atol=1e-9)
    assert io.holds_individuals(path) and wls.SnapshotSeries.load(path).sizes == (2,) * 4


# --- a colleague's file, slightly off


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        ("a,b,c\n1,2,3\n2,3,4\n", {}, ParameterError, r"`positions` must say which of the columns .*'a', 'b', 'c'"),
        ("who,t,x\n1,2,3\n2,3,4\n", {}, ParameterError, r"`id` must say which of the columns .*'who', 't', 'x'"),
        ("id,when,x\n1,2,3\n2,3,4\n", {}, ParameterError, "`time` must say which of the columns"),
        ("id,t,x\n1,2,3\n2,3,4\n", {"id": "ids"}, ParameterError, "got 'ids' .did you mean 'id'"),
        ("id,time,x\n1,03/01/2021 5:00,3\n", {}, ParameterError, r"has '03/01/2021 5:00': date_format="),
        ("id,time,x\n1,soon,3\n", {"date_format": "%Y"}, ParameterError, "`date_format` must be how the dates"),
        ("id,time,x\n1,2021-03-01,3\n", {"timezone": "Mars"}, ParameterError, "`timezone` must be a zone"),
        ("id,time,lon,lat\n1,0,5,520\n", {}, ParameterError, r"latitudes of a.csv reach 520: crs='EPSG"),
        ("id,time,x,y\n1,0,5,5\n", {"projection": "utm"}, ParameterError, "`projection` needs positions that are"),
        ("id,t,x\n1,,3\n2,,4\n", {}, FileFormatError, "none of its 2 rows has a name, a time and a position"),
        ("id,t,x\n1,0,3\n1,0,4\n1,1,3\n1,1,4\n", {}, FileFormatError, "has two observations at one time"),
        (
            "id,t,x\n1,0,3\n1,5,4\n",
            {"every": "1 h"},
            ParameterError,
            "`every` must be a number, as the unit of the times",
        ),
        ("id,t,x\n1,0,3\n1,5,4\n", {"every": 1, "times": [1]}, ParameterError, "`every` cannot go with `times`"),
        ("id,t,x\n1,0,3\n1,5,4\n", {"every": 1, "method": "cubic"}, ParameterError, "`method` must be one of"),
    ],
)
def test_tables_that_are_off(text, options, error, message, tmp_path):
    with pytest.raises(error, match=message):
        load(tmp_path, text, **options)


def test_sightings_twice_at_a_time(tmp_path):
    rows = [f"a,{k},{k / 2}\n" for k in range(40)]
    text = "id,t,x\n" + "".join([*rows, rows[3]])
    assert load(tmp_path, text).times.tolist() == list(range(40))  # the same twice is no contradiction
    with pytest.warns(DataWarning, match="of 1 sightings that are elsewhere .* the first is kept"):
        tracks = load(tmp_path, text + "a,5,99\n")
    assert tracks.positions[5, 0, 0] == 2.5


def test_tables_that_are_too_large_for_all_times(tmp_path, monkeypatch):
    monkeypatch.setattr(io.sightings, "MOST_BYTES", 100)
    with pytest.raises(ParameterError, match=r"`every` is needed: .* every=2\.0 or longer"):
        load(tmp_path, "id,t,x\n" + "".join(f"{k % 5},{2 * k // 5},{k}\n" for k in range(50)))


# --- out, and back


@pytest.mark.parametrize("suffix", [".h5", ".csv", ".tsv", ".parquet", ".nc"])
@pytest.mark.parametrize("velocities", [False, True])
def test_out_and_back(suffix, velocities, foxes, tmp_path):
    tracks = foxes.resample(every="5 min").with_velocities(2) if velocities else foxes
    path = io.export(tracks, tmp_path / f"b{suffix}")
    back = wls.Tracks.load(path, **({} if suffix in (".h5", ".parquet", ".nc") else {"units": {"time": "min"}}))
    assert back.ids == tracks.ids and back.units == tracks.units
    there = tracks.seen.any(axis=1)  # tables have no rows for times at which nobody is seen
    assert (back.seen[back.seen.any(axis=1)] == tracks.seen[there]).all()
    np.testing.assert_allclose(back.dates[back.seen.any(axis=1)].astype(int), tracks.dates[there].astype(int), atol=1)
    lonlat = back.lonlat[back.seen.any(axis=1)]
    np.testing.assert_allclose(lonlat, tracks.lonlat[there], atol=1e-8)
    if suffix == ".h5":
        assert back == tracks and back.metadata == tracks.metadata
    if velocities and suffix not in (".csv", ".tsv"):  # whose plane is a new one
        np.testing.assert_allclose(back.velocities[back.seen.any(axis=1)], tracks.velocities[there])


def test_trajectories_keep_names_dates_and_places(foxes, tmp_path):
    clouds = foxes.resample(every="5 min").with_velocities(2)
    path = wls.Trajectory(
        [380.0, 390.0],
        np.tile(clouds.positions[2], (2, 1, 1)),
        ids=clouds.ids,
        metadata=clouds.metadata,
        units=clouds.units,
    )
    frame = path.to_dataframe()
    assert (
        list(frame) == ["id", "time", "date", "x", "y", "lon", "lat"] and frame.id.tolist() == ["Ada"] * 2 + ["Bo"] * 2
    )
    assert frame.date[0] == np.datetime64("2021-03-01T06:20")
    back = wls.Trajectory.load(path.save(tmp_path / "a.h5"))
    assert back.ids == path.ids and back == path and back[[0]].ids == path.ids
    assert wls.Tracks.load(tmp_path / "a.h5").ids == path.ids
    dataset = path.to_xarray()
    assert dataset.attrs["featureType"] == "trajectory" and dataset.rowsize.values.tolist() == [2, 2]
    assert dataset.crs.attrs["grid_mapping_name"] == "azimuthal_equidistant"
    again = wls.Tracks.from_xarray(dataset)
    assert again.ids == path.ids and again.metadata["projection"] == path.metadata["projection"]
    np.testing.assert_array_equal(again.positions, path.positions)


def test_files_of_another_kind(foxes, tmp_path):
    foxes.save(tmp_path / "tracks.h5")
    foxes.snapshots().save(tmp_path / "clouds.h5")
    with pytest.raises(FileFormatError, match=r"it holds tracks, not a trajectory: read it with Tracks\.load"):
        wls.Trajectory.load(tmp_path / "tracks.h5")
    with pytest.raises(FileFormatError, match="snapshots, which do not say who is who"):
        wls.Tracks.load(tmp_path / "clouds.h5")
    assert wls.SnapshotSeries.load(tmp_path / "tracks.h5") == foxes.snapshots()
    assert io.kind(tmp_path / "tracks.h5") == "tracks"
    assert io.describe(tmp_path / "tracks.h5")["individuals"] == 2
    assert io.holds_individuals(tmp_path / "tracks.h5") and not io.holds_individuals(tmp_path / "clouds.h5")
    assert io.load_tracks(io.save_tracks(foxes, tmp_path / "again.h5")) == foxes


def test_data_frames_of_others(foxes):
    pandas = pytest.importorskip("pandas")
    when = pandas.date_range("2021-03-01", periods=3, freq="h", tz="UTC")
    rows = [(name, t, k, 2 * k) for name, (k, t) in itertools.product(["a", "b"], enumerate(when))]
    frame = pandas.DataFrame(rows, columns=["bird", "t", "x", "y"])
    tracks = wls.Tracks.from_dataframe(frame, id="bird", units={"time": "h"})
    assert tracks.ids == ("a", "b") and tracks.times.tolist() == [0, 1, 2] and tracks.seen.all()
    again = io.tracks_from_dataframe(io.paths_to_dataframe(foxes))
    assert again == foxes and again.metadata["projection"] == foxes.metadata["projection"]
    assert io.tracks_from_columns({"id": [1, 1], "t": [0, 1], "x": [2, 3]}, "arrays").positions.ravel().tolist() == [
        2,
        3,
    ]
    assert io.read_tracks is not None and io.paths_to_xarray(foxes).sizes["traj"] == 2


def test_snapshots_leave_with_dates_and_places_too(foxes, tmp_path):
    series = foxes.resample(every="5 min").snapshots()
    frame = series.to_dataframe()
    assert list(frame) == ["time", "x", "y", "date", "lon", "lat"] and frame.date[0] == np.datetime64(
        "2021-03-01T06:00"
    )
    assert wls.SnapshotSeries.from_dataframe(frame) == series
    path = io.export(series, tmp_path / "a.csv")
    assert path.read_text().splitlines()[1].endswith(f"2021-03-01T06:00,{frame.lon[0]},{frame.lat[0]}")
    np.testing.assert_allclose(wls.SnapshotSeries.load(path).positions[0], series.positions[0])


def test_weights_and_populations_are_not_lost_on_the_way(tmp_path):
    path = wls.Trajectory([0.0, 1.0], np.arange(6.0).reshape(2, 3, 1), weights=[1, 2, 5], ids=["a", "b", "c"])
    for suffix in (".csv", ".nc"):
        file = io.export(path, tmp_path / f"a{suffix}")
        assert not io.holds_individuals(file)  # tracks have no weights
        np.testing.assert_allclose(wls.SnapshotSeries.load(file).weights[1], [1 / 8, 2 / 8, 5 / 8])
    (tmp_path / "b.csv").write_text("id,time,x,y,population\n1,0,1,2,0\n1,1,1,2,0\n2,0,1,2,1\n2,1,1,2,1\n")
    assert not io.holds_individuals(tmp_path / "b.csv")


MIXED = (
    "2021-03-01 12:00",
    "2021-03-01T12:00Z",
    "2021-03-01T15:00+01",
    "2021-03-01 16:00:00 +0100",
    "2021-03-01 17 UTC",
)


def dates_of(tmp_path, dates, **options) -> list[str]:
    rows = "".join(f"a,{date},{k},0\n" for k, date in enumerate(dates))
    return load(tmp_path, f"id,time,x,y\n{rows}", **options).dates.astype("M8[m]").astype(str).tolist()


def test_zones_are_decided_row_by_row(tmp_path):
    hours = [f"2021-03-01T{hour}:00" for hour in (11, 12, 14, 15, 17)]
    assert dates_of(tmp_path, MIXED, timezone="Europe/Amsterdam") == hours
    assert dates_of(tmp_path, MIXED[1:], timezone="Europe/Amsterdam") == hours[1:] == dates_of(tmp_path, MIXED[1:])
    with pytest.raises(ParameterError, match=r"with and without a time zone .* timezone='UTC' of Tracks.load"):
        dates_of(tmp_path, MIXED)
    formatted = {"date_format": "%d.%m.%Y %H:%M %z", "timezone": "Asia/Tokyo"}
    assert dates_of(tmp_path, ["01.03.2021 12:00 +0100"], **formatted) == hours[:1]
    for zone in ("Europe", "../x", "Mars"):
        with pytest.raises(ParameterError, match="`timezone` must be a zone such as"):
            dates_of(tmp_path, MIXED, timezone=zone)


def test_columns_of_dates_with_a_zone_keep_it():
    pandas = pytest.importorskip("pandas")
    dates = pandas.to_datetime(["2021-03-01 12:00", "2021-03-01 13:00"])
    frame = pandas.DataFrame({"id": "a", "time": dates.tz_localize("Europe/Amsterdam"), "x": [0.0, 1.0], "y": 0.0})
    hours = np.array(["2021-03-01T11:00", "2021-03-01T12:00"], dtype="M8[us]")
    assert (wls.Tracks.from_dataframe(frame, timezone="Asia/Tokyo").dates == hours).all()
    mixed = frame.assign(time=[frame["time"].iloc[0], dates[1]])
    assert (wls.Tracks.from_dataframe(mixed, timezone="Europe/Amsterdam").dates == hours).all()


def test_velocities_turn_from_one_plane_to_another():
    from wlmsim.data.projection import Projection

    pandas = pytest.importorskip("pandas")
    degrees = np.stack(np.meshgrid(np.linspace(4, 8, 5), np.linspace(50, 54, 5)), axis=-1).reshape(-1, 2)
    utm, mercator = Projection("EPSG:32631"), Projection("EPSG:3857")
    (x, y), north = utm.place(degrees).T, np.tile([0.0, 1.0], (len(degrees), 1))
    vx, vy = utm.pace(degrees, north).T
    frame = pandas.DataFrame({"id": range(len(degrees)), "time": 0.0, "x": x, "y": y, "vx": vx, "vy": vy})
    moved = wls.Tracks.from_dataframe(frame, crs="EPSG:32631", projection="EPSG:3857")
    np.testing.assert_allclose(moved.velocities[0], mercator.pace(degrees, north), atol=1e-9)
    xarray = pytest.importorskip("xarray")
    about = {"ve": {"units": "m/s"}, "vn": {"units": "m/s"}, "time": {"units": "s"}, "x": {}, "y": {}}
    columns = {"x": x, "y": y, "ve": north[:, 0], "vn": north[:, 1], "time": np.zeros(len(x))}
    drifters = xarray.Dataset(
        {"rowsize": ("traj", np.ones(len(x), dtype=int)), **{n: ("obs", v, about[n]) for n, v in columns.items()}}
    )
    read = io.load_drifters(drifters, positions=("x", "y"), crs="EPSG:32631", units={"length": "m"})
    np.testing.assert_allclose(read.velocities[0], np.stack([vx, vy], axis=1), atol=1e-9)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".nc", ".h5", ".hdf5", ""])
def test_saved_by_the_format_that_the_suffix_names(tmp_path, suffix):
    foxes = load(tmp_path, MOVEBANK).resample("10 min", max_gap="3 h")
    path = foxes.save(tmp_path / f"foxes{suffix}")
    again = wls.Tracks.load(path)
    assert again.ids == foxes.ids and again.seen.tolist() == foxes.seen.tolist()
    np.testing.assert_allclose(again.dates.astype(float), foxes.dates.astype(float))
    whole = foxes.trajectory()
    assert whole.snapshots(seed=0).save(tmp_path / f"clouds{suffix}").exists()
    assert wls.io.read(whole.save(tmp_path / f"whole{suffix}")).n == 1


@pytest.mark.parametrize("suffix", [".xyz", ".zarr", ".xml", ".txt", ".csv.gz", ".npy", ".xlsx"])
def test_formats_that_are_not_written(tmp_path, suffix):
    foxes = load(tmp_path, MOVEBANK).resample("10 min", max_gap="3 h")
    for data in (foxes, foxes.snapshots(), foxes.trajectory()):
        with pytest.raises(ParameterError, match=rf"ends in .h5, .csv.*wlmsim does not write {suffix} files"):
            data.save(tmp_path / f"a{suffix}")
    assert not (tmp_path / f"a{suffix}").exists()


def test_what_a_format_forgets_is_said(tmp_path):
    foxes = load(tmp_path, MOVEBANK)
    with pytest.warns(DataWarning, match="npz files do not say who is who"):
        foxes.save(tmp_path / "a.npz")
    assert wls.SnapshotSeries.load(tmp_path / "a.npz") == foxes.snapshots()


def test_a_part_of_the_times_of_xml(tmp_path):
    (tmp_path / "a.xml").write_text(SESSION)
    assert wls.SnapshotSeries.load(tmp_path / "a.xml", start=5.0).times.tolist() == [10.0, 20.0]
    with pytest.raises(ParameterError, match=r"`dims` is not for tracks of a.xml, which take id, time, "):
        wls.SnapshotSeries.load(tmp_path / "a.xml", dims=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 1}, r"`every` is not for snapshots of a.csv, .*\(Tracks.load takes it\)"),
        ({"units": "km"}, "`units` must be a mapping; got 'km'"),
        ({"positions": 3}, "`positions` must be a name, or several names; got 3"),
        ({"time_values": 3}, "`time_values` must be a mapping; got 3"),
    ],
)
def test_wrong_arguments_are_no_damage(tmp_path, arguments, message):
    (tmp_path / "a.csv").write_text(MOVEBANK)
    with pytest.raises(ParameterError, match=message):
        wls.SnapshotSeries.load(tmp_path / "a.csv", **arguments)
    with pytest.raises(ParameterError, match=r"`dims` is not for tracks of a.csv"):
        wls.Tracks.load(tmp_path / "a.csv", dims=2)


def test_a_file_is_parsed_once(tmp_path, monkeypatch):
    from wlmsim.io import text

    parsed = []
    monkeypatch.setattr(text, "_warn_if_cut", parsed.append)
    (tmp_path / "a.csv").write_text(MOVEBANK)
    assert isinstance(io.read(tmp_path / "a.csv"), wls.Tracks) and len(parsed) == 1


def test_read_as_snapshots_where_arguments_are_for_snapshots(tmp_path):
    (tmp_path / "a.csv").write_text("id,time,x,y,kind\na,0,0,0,u\nb,0,1,0,w\na,1,2,0,u\nb,1,3,0,w\n")
    assert isinstance(io.read(tmp_path / "a.csv"), wls.Tracks)
    with pytest.warns(DataWarning, match="who is who, which is forgotten, as `populations` is for snapshots"):
        clouds = io.read(tmp_path / "a.csv", populations="kind", dims=1)
    assert clouds.population_labels == (0, 1) and clouds.dim == 1
    with pytest.raises(ParameterError, match="`dims` cannot go with `every`"):
        io.read(tmp_path / "a.csv", dims=1, every=0.5)


def test_foreign_hdf5_is_resampled(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["who"], file["when"] = np.repeat([0, 1], 3), np.tile([0.0, 1.0, 2.0], 2)
        file["east"], file["north"] = np.arange(6.0), np.zeros(6)
    names = {"id": "who", "time": "when", "positions": ["east", "north"]}
    assert io.read(tmp_path / "a.h5", **names, every=0.5).times.tolist() == [0, 0.5, 1, 1.5, 2]


def test_errors_of_the_system_say_what_went_wrong():
    from wlmsim.io.refusal import naming

    with pytest.raises(FileFormatError, match=r"\(Input/output error\)"), naming("a.csv"):
        raise OSError(5, "Input/output error")
    with pytest.raises(FileFormatError, match=r"\(IndexError\)"), naming("a.csv"):
        raise IndexError


WALK = wls.Tracks(
    np.arange(12.0),
    np.random.default_rng(0).normal(size=(12, 3, 2)).cumsum(axis=0) * 300.0,
    metadata={"first_date": "2021-03-01", "projection": "+proj=aeqd +lat_0=52 +lon_0=5 +datum=WGS84"},
    units={"time": "h", "length": "m"},
).with_velocities()


@pytest.mark.parametrize("part", ["all of it", "the end", "one"])
@pytest.mark.parametrize("plane", ["+proj=aeqd +lat_0=52.1 +lon_0=5.02 +datum=WGS84", "EPSG:32631"])
@pytest.mark.parametrize("units", [{"time": "h", "length": "m"}, {"time": "min", "length": "km"}], ids=str)
def test_text_tells_the_unit_of_time_and_the_plane_by_what_stands_beside(tmp_path, part, plane, units):
    """Times beside dates, x and y beside lon and lat: nothing need be said for the same tracks again."""
    about = {"first_date": "2021-03-01", "projection": plane}
    scale = {"m": 1.0, "km": 1e-3}[units["length"]]
    place = np.array([5e5, 5.8e6]) if plane.startswith("EPSG") else 1e3
    walk = wls.Tracks(WALK.times, scale * (WALK.positions + place), WALK.velocities, metadata=about, units=units)
    walk = {"all of it": walk, "the end": walk[5:], "one": walk.select([1])}[part]
    again = wls.Tracks.load(walk.save(tmp_path / "a.csv"))
    assert again.units == units and again.metadata["projection"] == plane
    np.testing.assert_allclose(again.times, walk.times, rtol=1e-12)
    np.testing.assert_allclose(again.positions, walk.positions, rtol=1e-12)
    np.testing.assert_allclose(again.velocities, walk.velocities, rtol=1e-12)


def test_velocities_along_axes_that_are_not_known_are_left_out_with_a_word(tmp_path):
    about = {"first_date": "2021-03-01", "projection": "EPSG:3035"}
    walk = wls.Tracks(WALK.times, WALK.positions + 4e6, WALK.velocities, metadata=about, units={"length": "m"})
    walk.save(tmp_path / "a.csv")
    with pytest.warns(DataWarning, match="left out the velocities vx and vy, .*crs='EPSG:...' say which"):
        assert wls.Tracks.load(tmp_path / "a.csv").velocities is None
    again = wls.Tracks.load(tmp_path / "a.csv", positions=["x", "y"], crs="EPSG:3035")
    np.testing.assert_allclose(again.velocities, walk.velocities, rtol=1e-12)
