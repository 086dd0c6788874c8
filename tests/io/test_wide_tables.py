"""Tables with a row for each time and columns for each individual; and times in other languages."""

import re
import warnings

import numpy as np
import pytest

import wlmsim as wls
from wlmsim import io
from wlmsim.errors import DataWarning, ParameterError

ROWS = "0,1,2,3,1\n1,2,3,,\n2,3,4,5,6\n"


def written(tmp_path, header, rows=ROWS):
    (tmp_path / "a.csv").write_text(f"{header}\n{rows}")
    return tmp_path / "a.csv"


@pytest.mark.parametrize(
    ("header", "ids"),
    [
        ("time,x1,y1,x2,y2", ("1", "2")),
        ("frame,x 1,y 1,x 2,y 2", ("1", "2")),
        ("t,X_01,Y_01,X_02,Y_02", ("01", "02")),
        ("time,cow1_x,cow1_y,cow2_x,cow2_y", ("cow1", "cow2")),
        ("time,x_cow1,y_cow1,x_cow2,y_cow2", ("cow1", "cow2")),
        ("time,fish.1.x,fish.1.y,fish.2.x,fish.2.y", ("fish.1", "fish.2")),
        ("time,ID1_pos_x,ID1_pos_y,ID2_pos_x,ID2_pos_y", ("ID1", "ID2")),
        ("time,1_x,1_y,3_x,3_y", ("1", "3")),
        ("time,x1 [mm],y1 [mm],x2 [mm],y2 [mm]", ("1", "2")),
        ("time,cow1_x_mm,cow1_y_mm,cow2_x_mm,cow2_y_mm", ("cow1", "cow2")),
    ],
)
def test_columns_of_individuals_are_read_with_a_word(header, ids, tmp_path):
    path = written(tmp_path, header)
    with pytest.warns(
        DataWarning, match=f"a row for each time with columns for each of 2 .*{ids[0]}, {ids[1]}"
    ) as told:
        tracks = wls.Tracks.load(path)
    assert len(told) == 1 and told[0].filename == __file__
    assert tracks.ids == ids and tracks.times.tolist() == [0, 1, 2]
    assert tracks.units == ({"length": "mm"} if "mm" in header else {})
    np.testing.assert_array_equal(tracks.positions, [[[1, 2], [3, 1]], [[2, 3], [np.nan] * 2], [[3, 4], [5, 6]]])
    with pytest.warns(DataWarning, match="a row for each time"):
        assert isinstance(io.read(path), wls.Tracks) and io.holds_individuals(path)
    frame = pytest.importorskip("pandas").read_csv(path)
    with pytest.warns(DataWarning, match="the data frame: read as a row for each time"):
        np.testing.assert_array_equal(wls.Tracks.from_dataframe(frame).positions, tracks.positions)


def test_dates_places_and_velocities_of_individuals(tmp_path):
    rows = "2021-03-01 00:00,5,52,5.1,52\n2021-03-01 06:00,5,52.1,5.2,52\n"
    with pytest.warns(DataWarning, match="columns for each of 2 individuals, bird1, bird2"):
        tracks = wls.Tracks.load(
            written(tmp_path, "timestamp,bird1_lon,bird1_lat,bird2_lon,bird2_lat", rows), units={"time": "h"}
        )
    np.testing.assert_allclose(tracks.lonlat[1], [[5, 52.1], [5.2, 52]])
    assert tracks.times.tolist() == [0, 6] and str(tracks.dates[1]).startswith("2021-03-01T06:00:00")
    apart = rows.replace(" 0", ",0").replace("-01,06:00", "-02,00:00")
    with pytest.warns(DataWarning, match="columns for each"):
        days = wls.Tracks.load(written(tmp_path, "date,time,bird1_lon,bird1_lat,bird2_lon,bird2_lat", apart))
    assert days.times.tolist() == [0, 1]
    moving = "time_s,x1_m,y1_m,vx1_m_s,vy1_m_s,x2_m,y2_m,vx2_m_s,vy2_m_s"
    with pytest.warns(DataWarning, match="columns for each"):
        tracks = wls.Tracks.load(written(tmp_path, moving, "0,1,2,3,4,5,1,7,8\n1,1,2,3,4,5,1,7,8\n"))
    assert tracks.velocities[0].tolist() == [[3, 4], [7, 8]] and tracks.units == {"time": "s", "length": "m"}


def test_columns_beside(tmp_path):
    with pytest.warns(DataWarning, match="left out are 'ProbId1', 'ProbId2'; times are the numbers of rows, from 0"):
        tracks = wls.Tracks.load(written(tmp_path, "X1,Y1,ProbId1,X2,Y2,ProbId2", "1,2,1,3,1,1\n2,3,1,4,5,1\n"))
    assert tracks.times.tolist() == [0, 1] and tracks.n == 2  # as of idTracker
    with pytest.raises(ParameterError, match=r"`time` must say which .*'epoch', .* time='\.\.\.' says it"):
        wls.Tracks.load(written(tmp_path, "epoch,x1,y1,x2,y2"))
    with pytest.warns(DataWarning, match="a row for each time"):
        assert wls.Tracks.load(tmp_path / "a.csv", time="epoch").n == 2
    rows = "12.01.2021,1,2,3,1\n13.01.2021,2,3,4,5\n"
    with pytest.warns(DataWarning, match="a row for each time"):
        named = wls.Tracks.load(written(tmp_path, "day,x1,y1,x2,y2", rows), time="day", date_format="%d.%m.%Y")
    assert named.times.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("header", "ids"),
    [
        ("time,bella_x,bella_y,luna_x,luna_y", ("bella", "luna")),
        ("time,head_x,head_y,tail_x,tail_y", ("head", "tail")),
        ("t,x point1,y point1,x point2,y point2", ("point1", "point2")),
        ("seconds,a_x [mm],a_y [mm],b_x [mm],b_y [mm]", ("a", "b")),
        ("time_s,a_x_mm,a_y_mm,b_x_mm,b_y_mm", ("a", "b")),
        ("a_x,a_y,b_x,b_y", ("a", "b")),
    ],
)
def test_what_may_be_something_else_says_what_makes_it_long(header, ids, tmp_path):
    pandas = pytest.importorskip("pandas")
    path = written(tmp_path, header, ROWS if header.count(",") == 4 else re.sub(r"(?m)^\d,", "", ROWS))
    with pytest.raises(ParameterError, match=r"in a table with a row for each time, but may be parts of") as error:
        wls.Tracks.load(path)
    lines = re.search(r"If they are individuals, of frame = pandas\.read_csv\(\.\.\.\): (.*)", str(error.value))[1]
    names = {"frame": pandas.read_csv(path), "pandas": pandas, "wls": wls}
    with pytest.warns(DataWarning, match="left out 1 of 6 rows"):
        exec(lines, names)
    assert names["tracks"].ids == ids and names["tracks"].positions[2].tolist() == [[3, 4], [5, 6]]
    assert io.holds_individuals(path)  # so that the command line says so too
    with pytest.raises(ParameterError, match=r"wls\.Tracks\.load reads tables that have columns for each individual"):
        wls.SnapshotSeries.load(path)


def test_corners_of_boxes_are_no_individuals(tmp_path):
    corners = "".join(f"{k},{k},{k},{k + 5},{k + 3}\n" for k in range(5))
    with pytest.raises(ParameterError, match=r"may be corners of boxes\. If they are individuals"):
        wls.Tracks.load(written(tmp_path, "frame,x1,y1,x2,y2", corners))
    assert not io.holds_individuals(tmp_path / "a.csv")
    with pytest.raises(ParameterError, match="`id` must say which"), pytest.warns(DataWarning):
        wls.Tracks.load(written(tmp_path, "frame,x1,y1,x2,y2", ROWS.replace("\n1,", "\n0,")))  # several in a frame


@pytest.mark.parametrize(
    "header",
    [
        "time,x1,y1,x2,z2",
        "time,x1,y1,x2,x3",
        "time,x1,y1,x_2,y_2",
        "time,x_min,y_min,x_max,y_max",
        "time,x_mm,y_mm,x_px,y_px",
        "id,head_x,head_y,tail_x,tail_y",
        "track_id,x1,y1,x2,y2",
    ],
)
@pytest.mark.filterwarnings("ignore::wlmsim.errors.DataWarning")
def test_what_is_no_table_of_individuals_is_read_as_before(header, tmp_path):
    path = written(tmp_path, header)
    with pytest.raises(ParameterError, match=r"`(positions|id|time)` must say which") as error:
        wls.Tracks.load(path)
    assert "individuals, in a table" not in str(error.value) and not io.holds_individuals(path)


def test_snapshots_take_numbers_for_dimensions_as_before(tmp_path):
    with pytest.warns(DataWarning, match=r"the positions are 'x1' to 'x2', without 'y1'.*wls\.Tracks\.load reads"):
        found = wls.SnapshotSeries.load(written(tmp_path, "time,x1,y1,x2,y2", ROWS.replace(",,", ",4,4")))
    assert found.dim == 2 and found.positions[0].tolist() == [[1, 3]]


# --- names of times


@pytest.mark.parametrize("name", ["Zeit", "temps", "Tiempo", "tempo", "czas", "Zeitstempel", "время", "时间"])
def test_times_in_other_languages_are_a_guess_that_is_said(name, tmp_path):
    path = written(tmp_path, f"{name},x,y", "0,1,2\n1,2,3\n")
    with pytest.warns(DataWarning, match=f"times are those of '{name}'; `time` may name another column"):
        assert wls.SnapshotSeries.load(path).times.tolist() == [0, 1]
    with pytest.warns(DataWarning, match=f"times are those of '{name}'"):
        assert wls.Tracks.load(written(tmp_path, f"id,{name},x,y", "a,0,1,2\na,1,2,3\n")).times.tolist() == [0, 1]
    with warnings.catch_warnings(action="error"):
        wls.SnapshotSeries.load(written(tmp_path, f"{name},x,y", "0,1,2\n1,2,3\n"), time=name)
        usual = wls.SnapshotSeries.load(written(tmp_path, f"{name},frame,x,y", "0,5,1,2\n1,6,2,3\n"))
    assert usual.times.tolist() == [5, 6]


@pytest.mark.parametrize(("name", "unit"), [("seconds", "s"), ("Hours", "h"), ("Zeit [min]", "min"), ("zeit_s", "s")])
def test_times_that_are_called_by_their_unit(name, unit, tmp_path):
    with pytest.warns(DataWarning, match=f"(times are those of|as zeit) ?.*in {unit}"):
        found = wls.SnapshotSeries.load(written(tmp_path, f"{name},x,y", "0,1,2\n1,2,3\n"))
    assert found.units == {"time": unit}


@pytest.mark.parametrize("names", ["hours,minutes", "year,days", "Zeit,temps", "Datum,kind", "tid,kind"])
def test_times_that_may_be_others_are_asked_for(names, tmp_path):
    path = written(tmp_path, f"{names},id,x,y", "0,1,a,1,2\n1,2,a,2,3\n")
    for kind in (wls.SnapshotSeries, wls.Tracks):
        with pytest.raises(ParameterError, match=r"`time` must say which .*'id', 'x', 'y'.*time='\.\.\.'"):
            kind.load(path)


def test_temperatures_are_no_times(tmp_path):
    path = written(tmp_path, "temps,x,y", "20.5,1,2\n20.1,2,3\n20.7,3,4\n20.2,4,5\n")
    with pytest.raises(ParameterError, match="`time` must say which"):
        wls.SnapshotSeries.load(path)


def test_a_usual_name_with_a_unit_goes_before_a_unit_alone(tmp_path):
    with pytest.warns(DataWarning, match="read 'time_s' as time in s"):
        found = wls.SnapshotSeries.load(written(tmp_path, "seconds,time_s,x,y", "5,0,1,2\n6,1,2,3\n"))
    assert found.times.tolist() == [0, 1]


def test_poses_say_what_reads_them(tmp_path):
    path = written(tmp_path, "scorer,DLC,DLC,DLC,DLC\nbodyparts,snout,snout,tail,tail\ncoords,x,y,x,y", ROWS)
    with pytest.raises(wls.errors.FileFormatError, match=r"repeats a name .* movement reads poses of DeepLabCut"):
        wls.Tracks.load(path)


def test_frames_with_levels_and_with_columns_of_one_name():
    pandas = pytest.importorskip("pandas")
    rows = {"t": np.repeat(np.arange(3), 2), "id": list("ab") * 3, "x": np.arange(6.0), "y": np.ones(6)}
    long = pandas.DataFrame(rows)
    pivoted = long.pivot(index="t", columns="id")
    with pytest.raises(ParameterError, match=r"one level of columns, and has 2: .* frame\.stack\('id'\)\.reset_index"):
        wls.Tracks.from_dataframe(pivoted)
    with warnings.catch_warnings(action="ignore"):  # of pandas, on how it will stack
        stacked = pivoted.stack("id").reset_index()
    assert np.array_equal(wls.Tracks.from_dataframe(stacked).positions, wls.Tracks.from_dataframe(long).positions)
    for kind in (wls.SnapshotSeries, wls.Tracks):
        with pytest.raises(ParameterError, match="must have one column called 'x', and has 2"):
            kind.from_dataframe(pandas.concat([long, long[["x"]]], axis=1))
