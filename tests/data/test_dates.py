"""Dates, durations, masks and units: none becomes a number, or a place, without a word."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wlmsim as wls
from wlmsim import io
from wlmsim.data.dates import SECONDS, counted, from_text, unit_of_time
from wlmsim.data.units import Speed, unit_of_length, unit_of_speed
from wlmsim.errors import DataWarning, ParameterError

CLOUDS = [np.zeros((2, 2))] * 3
DATES = np.array(["2020-03-01T00:00", "2020-03-01T12:00", "2020-03-03T00:00"], "M8[m]")
DAYS = [0.0, 0.5, 2.0]
UTC = datetime.UTC
PLUS_TWO = datetime.timezone(datetime.timedelta(hours=2))


def as_python(dates, zone=None):
    return [d.replace(tzinfo=UTC).astimezone(zone) if zone else d for d in dates.astype("M8[us]").tolist()]


KINDS = {
    "M8[m]": DATES,
    "M8[ns]": DATES.astype("M8[ns]"),
    "m8[ns]": (DATES - DATES[0]).astype("m8[ns]"),
    "m8[h]": (DATES - DATES[0]).astype("m8[h]"),
    "datetime": as_python(DATES),
    "datetime in a zone": as_python(DATES, PLUS_TWO),
    "timedelta": (DATES - DATES[0]).astype("m8[us]").tolist(),
    "list of M8": list(DATES.astype("M8[ns]")),
    "masked, nothing hidden": np.ma.array(DATES, mask=[False] * 3),
}


def doors(times, **about):
    """What each constructor makes of some times."""
    yield wls.SnapshotSeries(times, CLOUDS, **about)
    yield wls.Trajectory(times, np.stack(CLOUDS), **about)
    yield wls.Tracks(times, np.stack(CLOUDS), **about)
    yield io.series_from_columns({"time": times, "positions": np.stack(CLOUDS)}, "a table", **about)


@pytest.mark.parametrize("kind", KINDS)
def test_every_door_counts_dates_in_a_stated_unit(kind):
    dates = not kind.startswith(("m8", "timedelta"))
    for made in doors(KINDS[kind]):
        assert made.times.tolist() == DAYS and made.units == {"time": "day"}
        assert made.metadata.get("first_date") == ("2020-03-01T00:00:00" if dates else None)
    for made in doors(KINDS[kind], units={"time": "hours", "length": "km"}):
        assert made.times.tolist() == [0.0, 12.0, 48.0] and made.units == {"time": "hours", "length": "km"}
    with pytest.raises(ParameterError, match=r"are dates, which can be counted in ns.*got units=\{'time': 'frame'\}"):
        list(doors(KINDS[kind], units={"time": "frame"}))


def test_pandas_dates_in_any_zone():
    pandas = pytest.importorskip("pandas")
    stamps = pandas.Series(pandas.to_datetime(DATES))
    for given_times in (stamps, stamps.dt.tz_localize("UTC"), stamps.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")):
        for times in (given_times, pandas.DatetimeIndex(given_times), given_times.to_numpy(), given_times.tolist()):
            for made in doors(times):
                assert made.times.tolist() == DAYS and made.metadata["first_date"] == "2020-03-01T00:00:00"
        frame = pandas.DataFrame({"time": given_times, "x": [1.0, 2.0, 3.0]})
        assert wls.SnapshotSeries.from_dataframe(frame).times.tolist() == DAYS
    late = stamps.dt.tz_localize("Europe/Paris")
    assert wls.SnapshotSeries(late, CLOUDS).metadata["first_date"] == "2020-02-29T23:00:00"
    assert wls.SnapshotSeries(pandas.to_timedelta([0, 12, 48], "h"), CLOUDS).times.tolist() == DAYS


def test_dates_and_zones_that_do_not_go_together_are_refused():
    with pytest.raises(ParameterError, match="with and without a time zone"):
        wls.SnapshotSeries([as_python(DATES)[0], *as_python(DATES, UTC)[1:]], CLOUDS)
    with pytest.raises(ParameterError, match="must be finite"):
        wls.SnapshotSeries(np.array(["2020-03-01", "NaT", "2020-03-02"], "M8[ns]"), CLOUDS)
    with pytest.raises(ParameterError, match="strictly increasing"):
        wls.SnapshotSeries(DATES[::-1], CLOUDS)


@pytest.mark.parametrize("times", [[[0.0], [1.0, 2.0]], {"a": 1}, "soon", [None, None, None], [object()] * 3, 1j])
def test_what_is_neither_number_nor_date_is_refused(times):
    for make in (wls.SnapshotSeries, wls.Trajectory, wls.Tracks):
        with pytest.raises(ParameterError, match="`times` must be"):
            make(times, np.zeros((3, 2, 2)))


@pytest.mark.parametrize("date", [DATES[0], DATES[0].astype("M8[ns]"), np.timedelta64(1, "D"), np.timedelta64(1, "ns")])
def test_what_takes_numbers_refuses_dates(date):
    for call in (
        lambda: wls.Population([[0.0]], time=date),
        lambda: wls.Population(np.array([[date]])),
        lambda: wls.SnapshotSeries([0.0, 1.0, 2.0], CLOUDS).at(date),
        lambda: wls.simulate(wls.Lagrangian(), wls.Population([[0.0]], [[0.0]]), [date]),
    ):
        with pytest.raises(ParameterError, match="number"):
            call()


def test_dates_count_from_the_first_date_of_the_metadata():
    past = wls.SnapshotSeries(DATES, CLOUDS)
    future = wls.SnapshotSeries(DATES + np.timedelta64(5, "D"), CLOUDS, metadata=past.metadata)
    assert future.times.tolist() == [5.0, 5.5, 7.0] and future.metadata == past.metadata


def test_dates_are_kept_by_files(tmp_path):
    series = wls.SnapshotSeries(DATES, CLOUDS, units={"time": "h"})
    series.save(tmp_path / "a.h5")
    back = wls.SnapshotSeries.load(tmp_path / "a.h5")
    assert back == series and back.units == series.units and back.metadata == series.metadata


@given(
    ticks=st.lists(st.integers(0, 10**9), min_size=1, max_size=8),
    tick=st.sampled_from(["W", "D", "h", "m", "s", "ms", "us", "ns"]),
    unit=st.sampled_from(list(SECONDS)),
)
def test_durations_in_any_unit(ticks, tick, unit):
    durations = np.array(ticks, f"m8[{tick}]")
    numbers, units, _ = counted("times", durations, {"time": unit}, None)
    seconds = {"W": 604800.0, "D": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[tick]
    assert np.allclose(numbers * SECONDS[unit], np.array(ticks) * seconds, rtol=1e-14, atol=0) and units["time"] == unit


def test_text_of_iso_8601():
    words = ["2015-09-10 07:00:00.000", "2015-09-10T07:05:00", "2015-09-10 08:00"]
    assert np.array_equal(from_text(np.array(words)), np.array([w.replace(" ", "T") for w in words], "M8[ms]"))
    assert from_text(np.array(["2015-09-10 07:00:00+02:00"]))[0] == np.datetime64("2015-09-10T05:00")
    assert from_text(np.array(["2015-09-10T07:00:00Z"]))[0] == np.datetime64("2015-09-10T07:00")
    assert from_text(np.array(["10/09/2015"])) is None
    with pytest.raises(ParameterError, match="time_values"):  # the first of October, or the tenth of September
        io.series_from_columns({"time": ["10/09/2015"], "x": [0.0]}, "a table")


@pytest.mark.parametrize(
    ("text", "unit"),
    [("seconds", "s"), ("S", "s"), ("Days", "day"), ("d", "day"), ("hr", "h"), ("minutes", "min"), ("frame", None)],
)
def test_units_of_time_by_any_spelling(text, unit):
    assert unit_of_time(text) == unit


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("m/s", Speed("m", "s")),
        ("m s-1", Speed("m", "s")),
        ("m s**-1", Speed("m", "s")),
        ("m.s-1", Speed("m", "s")),
        ("m s^-1", Speed("m", "s")),
        ("meters/second", Speed("m", "s")),
        ("cm s-1", Speed("cm", "s")),
        ("km per hour", Speed("km", "h")),
        ("km d-1", Speed("km", "day")),
        ("degrees/day", Speed("degree", "day")),
        ("kmh", Speed("km", "h")),
        ("mps", Speed("m", "s")),
        ("knots", None),
        ("m", None),
        ("", None),
    ],
)
def test_units_of_speed_by_any_spelling(text, unit):
    assert unit_of_speed(text) == unit


def test_units_of_length_by_any_spelling():
    assert [unit_of_length(n) for n in ("metres", "Meter", "km", "degrees_east", "degree_north", "px")] == [
        *["m", "m", "km", "degree", "degree"],
        None,
    ]


# --- masks


def masked(values):
    return np.ma.masked_equal(values, -9999.0)


def test_what_is_masked_is_missing_in_every_door():
    x = masked([[[1.0, 2.0], [-9999.0, 3.0]]] * 2)
    tracks = wls.Tracks([0.0, 1.0], x)
    assert tracks.seen.tolist() == [[True, False]] * 2 and tracks.snapshots().positions[0].tolist() == [[1.0, 2.0]]
    velocities = wls.Tracks([0.0, 1.0], np.ones((2, 2, 2)), x).snapshots()
    assert velocities.metadata["without_velocity"] == 2
    for clouds in (x, list(x), [list(x[0]), x[1]]):
        with pytest.warns(DataWarning, match="dropped 2 rows"):
            series = wls.SnapshotSeries([0.0, 1.0], clouds)
        assert series.sizes == (1, 1)
    with pytest.warns(DataWarning, match="dropped 2 rows"):
        wls.SnapshotSeries([0.0, 1.0], np.ones((2, 2, 2)), list(x))
    with pytest.warns(DataWarning, match="dropped 1 rows"):
        wls.SnapshotSeries([0.0], [np.ones((2, 2))], weights=[masked([1.0, -9999.0])])
    with pytest.warns(DataWarning, match="dropped 1 rows"):
        labelled = wls.SnapshotSeries([0.0], [np.ones((2, 2))], populations=[masked([7, -9999])])
    assert labelled.labels[0].tolist() == [7]
    for call in (
        lambda: wls.Population(x[0]),
        lambda: wls.Population(np.ones((2, 2)), x[0]),
        lambda: wls.Population(np.ones((2, 2)), weights=masked([1.0, -9999.0])),
        lambda: wls.Trajectory([0.0, 1.0], x),
        lambda: wls.SnapshotSeries(masked([0.0, -9999.0]), [np.ones((2, 2))] * 2),
    ):
        with pytest.raises(ParameterError, match="must be finite; got NaN"):
            call()


def test_masked_integers_too():
    assert wls.Tracks([0, 1], masked(np.array([[[1], [-9999]]] * 2))).seen.tolist() == [[True, False]] * 2


def test_masked_and_missing_entries_of_tables():
    pandas = pytest.importorskip("pandas")
    with pytest.warns(DataWarning, match="dropped 1 rows"):
        series = io.series_from_columns({"time": [0, 0, 1], "x": masked([1.0, -9999.0, 2.0])}, "a table")
    assert [x.tolist() for x in series.positions] == [[[1.0]], [[2.0]]]
    frame = pandas.DataFrame({"time": [0, 0, 1], "x": pandas.array([1, None, 2], "Int64")})
    with pytest.warns(DataWarning, match="dropped 1 rows"):
        assert wls.SnapshotSeries.from_dataframe(frame).sizes == (1, 1)


# --- labels


@pytest.mark.parametrize(
    ("labels", "wanted", "names"),
    [
        ([3, 7, 3], [3, 7, 3], None),
        (["3", "7", "3"], [3, 7, 3], None),
        ([3.0, 7.0, 3.0], [3, 7, 3], None),
        ([2**53, 2**53 + 1, 2**53], [2**53, 2**53 + 1, 2**53], None),
        ([str(2**62), str(2**62 + 1), "5"], [2**62, 2**62 + 1, 5], None),
        (np.array([2**63, 1, 2**63], np.uint64), [1, 0, 1], ["1", str(2**63)]),
        (["010", "10", "010"], [0, 1, 0], ["010", "10"]),
        (["b", "a", "b"], [1, 0, 1], ["a", "b"]),
        ([0.5, 1.0, 0.5], [0, 1, 0], ["0.5", "1.0"]),
        ([True, False, True], [1, 0, 1], None),
    ],
)
def test_labels_are_neither_renumbered_nor_merged(labels, wanted, names):
    series = io.series_from_columns({"time": [0, 0, 0], "x": [1.0, 2.0, 3.0], "population": labels}, "a table")
    assert series.labels[0].tolist() == wanted and series.metadata.get("population_names") == names


@pytest.mark.parametrize("missing", [np.nan, None, ""])
def test_rows_without_a_label_are_dropped(missing):
    columns = {"time": [0, 0, 0], "x": [1.0, 2.0, 3.0], "population": np.array([5.0, missing, 8.0], dtype=object)}
    with pytest.warns(DataWarning, match="dropped 1 rows"):
        series = io.series_from_columns(columns, "a table")
    assert series.labels[0].tolist() == [5, 8] and "population_names" not in series.metadata


# --- drifters


def buoys(times, lon, lat=None, about=None, **more):
    xarray = pytest.importorskip("xarray")
    n = len(np.ravel(lon))
    about = about or {}
    data = {
        "rowsize": ("traj", [n], {"sample_dimension": "obs"}),
        "time": ("obs", times, about.get("time", {})),
        "lon": ("obs", np.asarray(lon, float), about.get("lon", {})),
        "lat": ("obs", np.zeros(n) if lat is None else np.asarray(lat, float), about.get("lat", {})),
    }
    data |= {name: ("obs", np.full(n, value), {"units": unit}) for name, (value, unit) in more.items()}
    return xarray.Dataset(data)


SPEED = 0.1 * np.pi / 180 * 6371008.8 / 86400
"""Of a tenth of a degree a day along the equator [m / s]."""


@pytest.mark.parametrize("unit", ["seconds", "s", "minutes", "hours", "days", "d"])
def test_velocities_are_in_the_unit_of_the_times(unit):
    per_day = 86400 / SECONDS[unit_of_time(unit)]
    for speed, name in ((SPEED, "m/s"), (100 * SPEED, "cm s-1"), (3.6 * SPEED, "km/h")):
        dataset = buoys(
            np.arange(3.0) * per_day, [10, 10.1, 10.2], about={"time": {"units": unit}}, ve=(speed, name), vn=(0, name)
        )
        tracks = io.load_drifters(dataset)
        assert tracks.units == {"length": "km", "time": unit_of_time(unit)} and tracks.times[-1] == 2 * per_day
        moved = (tracks.positions[-1, 0, 0] - tracks.positions[0, 0, 0]) / (tracks.times[-1] - tracks.times[0])
        assert tracks.velocities[0, 0, 0] == pytest.approx(moved, rel=2e-3)


def test_velocities_need_a_unit_of_time_that_is_known():
    dataset = buoys(np.arange(3.0), [10, 10.1, 10.2], ve=(1.0, "m/s"), vn=(0.0, "m/s"))
    with pytest.raises(ParameterError, match="set the attribute units of the time"):
        io.load_drifters(dataset)
    tracks = io.load_drifters(dataset, velocities=False)
    assert tracks.units == {"length": "km"} and tracks.times.tolist() == [0, 1, 2]
    dataset["time"].attrs["units"] = "days"
    assert io.load_drifters(dataset).units["time"] == "day"


@pytest.mark.parametrize("times", [DATES, (DATES - DATES[0]).astype("m8[s]"), np.array(as_python(DATES, PLUS_TWO))])
def test_dates_and_durations_of_drifters_are_days(times):
    times = times if times.dtype.kind == "O" else times.astype(times.dtype.str.split("[")[0] + "[ns]")
    tracks = io.load_drifters(buoys(times, [10, 10.1, 10.2], ve=(SPEED, "m/s"), vn=(0.0, "m/s")))
    assert tracks.times.tolist() == DAYS and tracks.units["time"] == "day"
    assert tracks.velocities[0, 0, 0] == pytest.approx(0.1 * np.pi / 180 * 6371.0088, rel=1e-3)


def test_numbers_since_a_date_are_dates():
    about = {"time": {"units": "hours since 2020-03-01 00:00:00"}}
    tracks = io.load_drifters(buoys([6.0, 12.0, 30.0], [10, 10.1, 10.2], about=about))
    assert tracks.times.tolist() == [0, 0.25, 1.0] and tracks.metadata["first_date"].startswith("2020-03-01T06:00")


def test_zones_of_times_common_to_all_drifters():
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("xarray")
    when = pandas.date_range("2020-03-01", periods=4, freq="6h")
    rows = [(i, t, -90 + 0.1 * i + 0.05 * k, 25.0) for i in range(3) for k, t in enumerate(when)]
    frame = pandas.DataFrame(rows, columns=["id", "time", "lon", "lat"])
    plain = io.load_drifters(frame.set_index(["id", "time"]).to_xarray())
    zoned = frame.assign(time=frame.time.dt.tz_localize("UTC"))
    for order in (["id", "time"], ["time", "id"]):
        for table in (frame, zoned):
            tracks = io.load_drifters(table.set_index(order).to_xarray())
            assert tracks.times.tolist() == [0, 0.25, 0.5, 0.75] and tracks.n == 3
            np.testing.assert_array_equal(tracks.positions, plain.positions)
            assert tracks.metadata["first_date"] == "2020-03-01T00:00:00"


@pytest.mark.parametrize("named", ["role", "dimension"])
def test_observations_before_drifters(named):
    xarray = pytest.importorskip("xarray")
    times = np.array(["2020-03-01", "2020-03-02"], "M8[ns]")
    name = "particle" if named == "dimension" else "a"
    lon = xarray.DataArray([[1.0, 2.0, 3.0], [1.5, 2.5, 3.5]], dims=("b", name))
    dataset = xarray.Dataset({"lon": lon, "lat": 0 * lon, "time": (("b", name), np.repeat(times[:, None], 3, 1))})
    if named == "role":
        dataset[name] = (name, [7, 8, 9], {"cf_role": "trajectory_id"})
    assert io.load_drifters(dataset).positions.shape == (2, 3, 2)


def test_lengths_are_not_taken_for_degrees():
    metres = [500_000.0, 501_000.0, 502_000.0]
    named = {"lon": {"units": "m"}, "lat": {"units": "m"}, "time": {"units": "s"}}
    tracks = io.load_drifters(
        buoys([0.0, 1e3, 2e3], metres, metres, about=named, ve=(1.0, "m/s"), vn=(1.0, "m/s")), origin=(500_000, 0)
    )
    assert tracks.positions[:, 0, 0].tolist() == [0.0, 1.0, 2.0] and tracks.positions[0, 0, 1] == 500.0
    assert tracks.velocities[0, 0, 0] == pytest.approx(1e-3)
    with pytest.raises(ParameterError, match="'lon' has 502000: position_unit='m'"):
        io.load_drifters(buoys([0.0, 1.0, 2.0], metres, metres))
    assert io.load_drifters(buoys([0.0, 1.0, 2.0], metres, metres), position_unit="m").units["length"] == "km"
    dataset = buoys([0.0, 1.0, 2.0], [1.0, 2.0, 3.0]).rename(lon="X", lat="Y")
    with pytest.raises(ParameterError, match="`position_unit` must say what the positions"):
        io.load_drifters(dataset, positions=["X", "Y"])
    for unit in ("degree", "m"):
        assert io.load_drifters(dataset, positions=["X", "Y"], position_unit=unit).n == 1
    with pytest.raises(ParameterError, match="`position_unit` must be one of degree"):
        io.load_drifters(dataset, positions=["X", "Y"], position_unit="mile")


def test_units_of_variables_are_kept_and_must_go_together():
    xarray = pytest.importorskip("xarray")

    def variables(place, speed, time):
        return xarray.Dataset(
            {
                "time": ("row", [0.0, 1.0, 2.0], {"units": time}),
                "x": ("row", np.arange(3.0), {"units": place}),
                "vx": ("row", np.ones(3), {"units": speed}),
            }
        )

    series = wls.SnapshotSeries.from_xarray(variables("metres", "m s-1", "seconds"))
    assert series.units == {"length": "m", "time": "s"} and series.velocities[0] is not None
    for wrong in (("degrees_east", "m/s", "s"), ("m", "m/s", "days"), ("km", "m/s", "s")):
        with pytest.raises(ParameterError, match="must be in the unit of positions over that of times"):
            wls.SnapshotSeries.from_xarray(variables(*wrong))
    frame = {"time": [0.0], "location-long": [15.7], "location-lat": [-22.3]}
    degrees = io.series_from_columns(frame, "a table", positions=["location-long", "location-lat"])
    assert degrees.units == {"length": "degree"}


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        (["2021-03-01", "2021-03-02 00:00:00.5", ""], [0, 86400.5, np.nan]),
        (["2021-03-01T00:00Z", "2021-03-01T02:00+01:00"], [0, 3600]),
        (["20210301", "2021-03-01T00:00:00.000000001"], [0, 0]),
    ],
)
def test_words_as_dates(words, seconds):
    times = counted("times", from_text(np.array(words)), {"time": "s"}, {"first_date": "2021-03-01"})[0]
    np.testing.assert_allclose(times, seconds, atol=1e-6)


@pytest.mark.parametrize("words", [["3", "4"], ["2021"], ["2021-13-01"], ["2021-03-01", "soon"]])
def test_words_that_are_no_dates(words):
    assert from_text(np.array(words)) is None


class TestCalendars:
    """Dates of cftime, as models of climate have them."""

    def test_other_calendars_are_counted_since_the_first(self):
        cftime = pytest.importorskip("cftime")
        short = [cftime.DatetimeNoLeap(2004, 2, 28), cftime.DatetimeNoLeap(2004, 3, 1, 12)]
        assert counted("times", short, None, None)[0].tolist() == [0.0, 1.5]
        months = [cftime.Datetime360Day(2001, 2, 30), None, cftime.Datetime360Day(2001, 3, 1)]
        np.testing.assert_array_equal(counted("times", months, {"time": "h"}, None)[0], [0.0, np.nan, 24.0])
        with pytest.raises(ParameterError, match=r"dates of several calendars .* got 360_day, noleap"):
            wls.SnapshotSeries([short[0], months[2]], CLOUDS[:2])

    def test_those_of_the_usual_calendar_keep_their_date(self):
        cftime = pytest.importorskip("cftime")
        dates = [cftime.DatetimeGregorian(2004, 2, 28), cftime.DatetimeGregorian(2004, 3, 1)]
        series = wls.SnapshotSeries(dates, CLOUDS[:2])
        assert series.times.tolist() == [0.0, 2.0] and series.metadata["first_date"] == "2004-02-28T00:00:00"
        since, _, _ = counted("times", dates, None, {"first_date": "2004-02-01"})
        assert since.tolist() == [27.0, 29.0]
        julian = [cftime.DatetimeGregorian(1500, 2, 28), cftime.DatetimeGregorian(1500, 3, 1)]
        assert counted("times", julian, None, None)[0].tolist() == [0.0, 2.0]  # 1500 was a leap year then

    def test_drifters_of_a_model_without_leap_years(self):
        pytest.importorskip("cftime")
        xr = pytest.importorskip("xarray")
        times = xr.date_range("2004-02-27", periods=4, calendar="noleap", use_cftime=True)
        degrees = {"lon": "degrees_east", "lat": "degrees_north"}
        columns = {
            n: (("trajectory", "obs"), np.linspace(0, 1, 8).reshape(2, 4), {"units": u}) for n, u in degrees.items()
        }
        tracks = wls.io.load_drifters(xr.Dataset(columns, coords={"time": ("obs", times)}))
        assert tracks.times.tolist() == [0.0, 1.0, 2.0, 3.0]
