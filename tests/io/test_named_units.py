"""Units in the names of columns, in brackets and behind a mark, of texts, frames and arrays."""

import warnings

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import DataWarning, ParameterError

ROWS = "a,0,1,2\nb,0,2,3\na,1,2,3\nb,1,4,5\n"


def written(tmp_path, header, rows=ROWS):
    (tmp_path / "a.csv").write_text(f"{header}\n{rows}")
    return tmp_path / "a.csv"


@pytest.mark.parametrize(
    ("header", "length", "time"),
    [
        ("time [s],x [mm],y [mm]", "mm", "s"),
        ("t(h),x (um),y (µm)", "um", "h"),
        ("Time (sec),Position X [micron],Position Y [micron]", "um", "s"),
        ("frame,x [px],y [pixels]", "px", None),
        ("time [d],x,y", None, "day"),
        ("time,x [kpc],y [kpc]", None, None),
        ("time [frames],x [km],y", None, None),
        ("time_s,x_mm,y_mm", "mm", "s"),
        ("Time_Sec,X_MM,Y_mm", "mm", "s"),
        ("t_min,pos_x_um,pos_y_um", "um", "min"),
        ("timestamp_ms,x-cm,y-cm", "cm", "ms"),
        ("time hours,x pixels,y pixels", "px", "h"),
        ("t/s,x/mm,y/mm", "mm", "s"),
        ("time in min,x in km,y in km", "km", "min"),
        ("time [s],x [μm],y [µm]", "um", "s"),  # the Greek letter, and the sign
        ("time_s,x_μm,y_µm", "um", "s"),
        ("time_s,x,y", None, "s"),
        ("time,x_m,y_m", "m", None),
    ],
)
@pytest.mark.filterwarnings("ignore::wlmsim.errors.DataWarning")
def test_units_in_names_are_those_of_the_data(header, length, time, tmp_path):
    path = written(tmp_path, f"id,{header}")
    expected = {kind: unit for kind, unit in (("length", length), ("time", time)) if unit}
    for data in (wls.SnapshotSeries.load(path), wls.Tracks.load(path)):
        assert data.units == expected and data.times.tolist() == [0, 1]
    assert data.positions[0].tolist() == [[1, 2], [2, 3]]
    assert wls.SnapshotSeries.load(path, units={"length": "km", "time": "week"}).units == {
        "length": "km",
        "time": "week",
    }


def test_a_unit_behind_a_mark_is_a_guess_that_is_said(tmp_path):
    path = written(tmp_path, "id,time_s,x_mm,y_mm")
    message = "read 'time_s' as time in s, 'x_mm' as x in mm, 'y_mm' as y in mm; `positions`, `time` and `units` may"
    for load in (wls.SnapshotSeries.load, wls.Tracks.load):
        with pytest.warns(DataWarning, match=message):
            load(path)
        with warnings.catch_warnings(action="error"):
            assert load(path, time="time_s", positions=["x_mm", "y_mm"]).units == {"length": "mm", "time": "s"}
    bracketed = written(tmp_path, "id,time [s],x [mm],y [mm]")
    for load in (wls.SnapshotSeries.load, wls.Tracks.load):
        with warnings.catch_warnings(action="error"):
            assert load(bracketed).units == {"length": "mm", "time": "s"}


def test_data_frames_and_arrays_too(tmp_path):
    columns = {"time_s": np.arange(3.0), "x [mm]": np.ones(3), "y [mm]": np.arange(3.0), "id": np.zeros(3)}
    np.savez(tmp_path / "a.npz", **columns)
    with pytest.warns(DataWarning, match="read 'time_s' as time in s"):
        assert wls.SnapshotSeries.load(tmp_path / "a.npz").units == {"length": "mm", "time": "s"}
    frame = pytest.importorskip("pandas").DataFrame(columns)
    for kind in (wls.SnapshotSeries, wls.Tracks):
        with pytest.warns(DataWarning, match="the data frame: read 'time_s' as time in s"):
            assert kind.from_dataframe(frame).units == {"length": "mm", "time": "s"}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "id,time,x [mm],y [um]",
            r"`positions` must be in one unit of length; .* 'x \[mm\]' in mm, 'y \[um\]'",
        ),
        ("id,time_s,x_m,y_km", "has 'x_m' in m, 'y_km' in km: convert them to one"),
        ("id,time,x [px],y [mm]", "in px, 'y "),
        ("id,time,x_mm,x_px", "`positions` must say which .*'x_mm', 'x_px'"),
        ("id,time_s,time_h,x", "`time` must say which .*'time_s', 'time_h'"),
        ("id,time_min,time_max,x", "`time` must say which .*'time_min', 'time_max'"),  # no minutes
        ("id,x_s,y_s,time", "`positions` must say which"),  # no lengths
    ],
)
@pytest.mark.parametrize("kind", [wls.SnapshotSeries, wls.Tracks])
@pytest.mark.filterwarnings("ignore::wlmsim.errors.DataWarning")
def test_units_that_contradict_each_other(header, message, kind, tmp_path):
    with pytest.raises(ParameterError, match=message):
        kind.load(written(tmp_path, header))


@pytest.mark.filterwarnings("ignore::wlmsim.errors.DataWarning")
def test_one_unit_may_be_given_for_all(tmp_path):
    path = written(tmp_path, "id,time,x [mm],y [um]")
    for kind in (wls.SnapshotSeries, wls.Tracks):
        assert kind.load(path, units={"length": "mm"}).units == {"length": "mm"}


@pytest.mark.parametrize(
    "header", ["id,time_s,x_m,y_m,vx_m_s,vy_m_per_s", "id,time [s],x [m],y [m],vx [m/s],vy [m s-1]"]
)
@pytest.mark.filterwarnings("ignore::wlmsim.errors.DataWarning")
def test_velocities_with_units(header, tmp_path):
    rows = ROWS.replace("\n", ",3,4\n")
    for kind in (wls.SnapshotSeries, wls.Tracks):
        assert kind.load(written(tmp_path, header, rows)).velocities[0].tolist() == [[3, 4], [3, 4]]
    other = header.replace("time_s", "time_h").replace("time [s]", "time [h]")
    assert wls.Tracks.load(written(tmp_path, other, rows)).velocities[0, 0].tolist() == [3 * 3600, 4 * 3600]
    given = {} if "[" in header else {"velocities": ["vx_m_s", "vy_m_per_s"]}
    with pytest.raises(ParameterError, match=r"must be in the unit of positions over that of times, m/h; .* is in m"):
        wls.SnapshotSeries.load(written(tmp_path, other, rows), **given)


def test_velocities_in_a_unit_of_length_are_told(tmp_path):
    rows = ROWS.replace("\n", ",3,4\n")
    with pytest.warns(DataWarning, match=r"'vx' is in mm, which is no unit of velocity"):
        data = wls.SnapshotSeries.load(written(tmp_path, "id,time [s],x [mm],y [mm],vx [mm],vy [mm]", rows))
    assert data.velocities[0].tolist() == [[3, 4], [3, 4]]


def test_a_speed_in_one_word_is_a_unit(tmp_path):
    rows = ROWS.replace("\n", ",3.6,7.2\n")
    with pytest.warns(DataWarning, match="'vx_kmh' as vx in kmh"):
        tracks = wls.Tracks.load(written(tmp_path, "id,time_s,x_m,y_m,vx_kmh,vy_kmh", rows))
    np.testing.assert_allclose(tracks.velocities[0, 0], [1, 2])


@pytest.mark.parametrize("header", ["frame,id,x_m,y_m,vx_m_s,vy_m_s", "time_s,id,x,y,vx_m_s,vy_m_s"])
def test_velocities_that_are_a_guess_and_do_not_go_with_the_rest_are_left_out(header, tmp_path):
    path = written(tmp_path, header, "0,a,1,2,3,4\n1,a,2,3,3,4\n")
    for kind in (wls.SnapshotSeries, wls.Tracks):
        with pytest.warns(DataWarning, match="left out 'vx_m_s', 'vy_m_s', which may be velocities, as the positions"):
            data = kind.load(path)
        assert data.velocities is None or data.velocities[0] is None
        with pytest.warns(DataWarning, match="read '"):
            known = kind.load(path, units={"length": "m", "time": "s"})
        assert np.ravel(known.velocities[0]).tolist() == [3, 4]


@pytest.mark.parametrize("header", ["time,x [mm],x,y [mm],y2", "time,x,y_mm,lat_deg,y2", "time,x,x (left),y (left),y2"])
def test_what_is_not_alone_of_its_kind_keeps_its_name(header, tmp_path):
    with warnings.catch_warnings(action="error"):
        found = wls.SnapshotSeries.load(written(tmp_path, header, "0,1,2,3,4\n"))
    assert found.dim == 1 and found.units == {}


@pytest.mark.parametrize("header", ["id,t,lon_deg,lat_deg", "id,t,longitude [deg],latitude [°]", "id,t,lon (E),lat"])
@pytest.mark.filterwarnings("ignore::wlmsim.errors.DataWarning")
def test_degrees_and_heights(header, tmp_path):
    plain = wls.Tracks.load(written(tmp_path, "id,t,lon,lat"))
    assert np.array_equal(wls.Tracks.load(written(tmp_path, header)).positions, plain.positions)
    with pytest.warns(DataWarning, match="without 'depth'"):
        wls.Tracks.load(written(tmp_path, f"{header},depth_m", "a,0,1,2,4\na,1,2,3,5\n"))


@pytest.mark.filterwarnings("ignore::wlmsim.errors.DataWarning")
def test_kilometres_of_a_plane(tmp_path):
    """Planes are in metres, and places that were in kilometres lay a thousand times too near to their origin."""
    rows = "a,0,500,5700\na,1,501,5700\n"
    in_metres = "a,0,500e3,5700e3\na,1,501e3,5700e3\n"
    metres = wls.Tracks.load(written(tmp_path, "id,t,x,y", in_metres), crs="EPSG:32631")
    for header in ("id,t,x [km],y [km]", "id,t,x_km,y_km", "id,t,easting [km],northing [km]"):
        found = wls.Tracks.load(written(tmp_path, header, rows), crs="EPSG:32631")
        np.testing.assert_allclose(found.positions, metres.positions)
        assert found.units == {"length": "m"}


@pytest.mark.parametrize(
    ("header", "plain"),
    [
        ("id,time,time_s,x,y", "id,time,a,x,y"),
        ("id,frame,time_s,x,y", "id,frame,a,x,y"),
        ("id,time,x_px,x,y", "id,time,a,x,y"),
        ("id,time,speed (km/h),x,y", "id,time,a,x,y"),
    ],
)
def test_usual_names_go_before_those_with_a_unit(header, plain, tmp_path):
    rows = ROWS.replace(",0,", ",0,7,").replace(",1,2,3", ",1,7,2,3").replace(",1,4", ",1,7,4")
    with warnings.catch_warnings(action="error"):
        found, expected = (wls.Tracks.load(written(tmp_path, names, rows)) for names in (header, plain))
    assert found.units == {} and np.array_equal(found.positions, expected.positions)
    assert np.array_equal(found.times, expected.times)
