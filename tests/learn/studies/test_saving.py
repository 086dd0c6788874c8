"""A study that was saved predicts, scores and reports as before."""

import copy
import dataclasses
import json
import os
import pickle
import shutil
import warnings

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import DataWarning, FileFormatError, ParameterError
from wlmsim.learn.studies.fold_fits import predictor
from wlmsim.learn.studies.folder import digest, digest_of
from wlmsim.learn.studies.folds import GOALS, folds_of
from wlmsim.learn.studies.record import record
from wlmsim.learn.studies.trust import fits_of_folds


@pytest.fixture(scope="module")
def found():
    spring = wls.systems.HarmonicOscillator(n=50, velocity_width=1.0, seed=0)
    data = spring.exact(np.linspace(0, 3, 7)).snapshots(seed=0)
    fast = {"optimiser": wls.learn.AdamW(steps=30), "progress": False}
    models = {
        "spring": wls.learn.WLM(wls.learn.SeriesPotential(order=2, waves=0), friction=0.0, **fast),
        "network": wls.learn.WLM(wls.learn.ExternalPotential((8,)), rollouts=None, **fast),
    }
    return wls.learn.study(data, budget="8 s", candidates=models, progress=False)


@pytest.fixture(scope="module")
def folder(found, tmp_path_factory):
    return found.save(tmp_path_factory.mktemp("saved") / "spring")


@pytest.fixture
def without_pictures(monkeypatch):
    """Save without the pictures, which take seconds."""
    monkeypatch.setattr("wlmsim.learn.studies.saving.as_pdf", lambda study: b"")
    monkeypatch.setattr("wlmsim.learn.studies.saving.write_page", lambda *of: None)


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_it_predicts_and_reports_as_before(found, folder, tmp_path):
    again = wls.learn.Study.load(folder)
    assert str(again) == str(found) and record(again) == record(found)
    for before, after in (
        (found.forecast([3.25, 3.5]), again.forecast([3.25, 3.5])),
        (found.interpolate([1.25]), again.interpolate([1.25])),
    ):
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one.positions, other.positions)
    held = wls.systems.HarmonicOscillator(n=50, velocity_width=1.0, seed=0).exact([3.5]).snapshots(seed=0)
    assert again.score(held).mean == found.score(held).mean
    page = again.report(tmp_path / "report.html").read_text()
    assert "cannot be drawn" not in page and page.count("<img") == (folder / "report.html").read_text().count("<img")
    assert record(wls.learn.Study.load(again.save(tmp_path / "twice"))) == record(found)


def test_fits_to_folds_estimate_velocities_after_loading_too(spring, tiny, made, tmp_path, without_pictures):
    data = spring.without_velocities()
    model = copy.deepcopy(tiny).set_params(members=1, initial_velocities="transport")
    folds = folds_of(data, GOALS)
    whole, *fits = (copy.deepcopy(model).fit(each) for each in (data, *(fold.fitted for fold in folds)))
    entries = [dataclasses.replace(e, fits=fits) if e.fits else e for e in made().entries]
    study = dataclasses.replace(made(), data=data, entries=entries, chosen=model, model=whole, folds=folds)
    again = wls.learn.Study.load(study.save(tmp_path / "study"))
    for fold, before, after in zip(folds, fits, fits_of_folds(again), strict=True):
        known, held = fold.parts[0]
        one, other = (predictor(fit, fold.goal)(known, held.times)[-1].positions for fit in (before, after))
        np.testing.assert_array_equal(one, other)


def test_what_needs_no_mechanics_predicts_after_loading_too(found, tmp_path):
    """Where it had won: the model alone does not know that."""
    winners = {**found.winners, "forecast": "persistence"}
    again = wls.learn.Study.load(dataclasses.replace(found, winners=winners).save(tmp_path))
    (cloud,) = again.forecast([3.25])
    np.testing.assert_array_equal(cloud.positions, again.data[-1].positions)


def test_the_expression_stays_as_short_as_it_was(found, tmp_path):
    usual = wls.learn.WLM(optimiser=wls.learn.AdamW(steps=2), members=1, progress=False)
    fitted = copy.deepcopy(usual).fit(found.data)
    again = wls.learn.Study.load(dataclasses.replace(found, chosen=usual, model=fitted).save(tmp_path))
    assert repr(again.chosen) == repr(usual)


def test_files_of_another_study_and_none_are_refused(copied):
    def refuse(error, match):
        with pytest.raises(error, match=match):
            wls.learn.Study.load(copied)

    model = copied / "study.model"
    shutil.copy(model, copied / "fold-1.model")
    refuse(FileFormatError, r"fold-1.model: it is not the file that was written with .*study.json")
    record_of = copied / "study.json"
    text = record_of.read_text()
    for wrong in ("[]", "{", "{}", text.replace('"seconds": ', '"seconds": 1'), text[: len(text) // 2]):
        record_of.write_text(wrong)
        refuse(FileFormatError, "study.json: it ")
    record_of.write_text(json.dumps({key: value for key, value in json.loads(text).items() if key != "sha256"}))
    refuse(FileFormatError, r"WLM.load\('.*study.model'\) reads its model alone")
    record_of.unlink()
    refuse(FileNotFoundError, "No such file")


def rewritten(copied, **changes):
    """Change the record as an author of bad faith would, with its digest."""
    path = copied / "study.json"
    told = json.loads(path.read_text())
    told = {**{name: value for name, value in told.items() if name != "sha256"}, **changes}
    path.write_text(json.dumps({**told, "sha256": digest_of(told)}))


@pytest.mark.parametrize(
    "changes",
    [
        {"winners": 5},
        {"winners": {"forecast": "magic"}},
        {"winners": {"forecast": "network, matched longer"}},
        {"goals": ["win"], "winners": {}},
        {"names": "abc"},
        {"untried": None},
        {"seconds": "soon"},
        {"late": 1},
        {"compiling": 10**400},
        {"entries": [{"name": "persistence", "model": None, "w1": {"forecast": [1.0]}, "seconds": 0}], "winners": {}},
        {"seen": {"sizes": [1], "growing": False, "notes": [3]}},
    ],
    ids=str,
)
def test_records_of_wrong_types_are_refused_when_they_are_read(copied, changes):
    """Also where the digest is right: not in the middle of a forecast."""
    rewritten(copied, **changes)
    with pytest.raises(FileFormatError, match=r"study.json: it does not describe a study"):
        wls.learn.Study.load(copied)


def test_files_that_the_record_does_not_vouch_for_are_refused(copied):
    files = json.loads((copied / "study.json").read_text())["files"]
    for wrong in ({}, {"study.model": files["study.model"]}, {**files, "../study.json": "0"}, {**files, "..": "0"}):
        rewritten(copied, files=wrong)
        with pytest.raises(FileFormatError, match=str(copied)):
            wls.learn.Study.load(copied)


def test_a_model_of_other_data_is_refused_whatever_the_record_says(copied):
    other = wls.systems.HarmonicOscillator(n=9, dim=3, seed=0).exact([0.0, 1.0]).snapshots()
    quick = wls.learn.WLM(optimiser=wls.learn.AdamW(steps=1), members=1, progress=False)
    files = json.loads((copied / "study.json").read_text())["files"]
    for name in ("fold-1.model", "study.model"):
        path = quick.fit(other).save(copied / name)
        files[name] = digest(path)
        rewritten(copied, files=files)
        with pytest.raises(FileFormatError, match=rf"{name}: it was fitted to other data"):
            wls.learn.Study.load(copied)


def test_what_is_no_file_is_refused(copied, tmp_path):
    with pytest.raises(FileFormatError, match="it is a file, not the folder of a study"):
        wls.learn.Study.load(copied / "study.model")
    record_of = copied / "study.json"
    record_of.write_text("[" * 200_000)
    with pytest.raises(FileFormatError, match=r"study.json"):
        wls.learn.Study.load(copied)
    with record_of.open("wb") as stream:
        stream.truncate(10**9)
    with pytest.raises(FileFormatError, match="too large"):
        wls.learn.Study.load(copied)
    record_of.unlink()
    os.mkfifo(record_of)
    with pytest.raises(FileFormatError, match="pipe"):
        wls.learn.Study.load(copied)


@pytest.mark.usefixtures("without_pictures")
def test_a_study_takes_the_place_of_another_and_of_nothing_else(found, copied, tmp_path):
    (copied / "fold-notes.model").write_text("mine")
    naive = [entry for entry in found.entries if entry.model is None]
    winners = {"forecast": "persistence", "interpolate": "OT-linear"}
    alone = dataclasses.replace(found, entries=naive, learned="", winners=winners)
    assert (copied / "fold-1.model").exists()
    again = wls.learn.Study.load(alone.save(copied))
    assert not (copied / "fold-1.model").exists() and (copied / "fold-notes.model").exists()
    assert record(wls.learn.Study.load(again.save(copied))) == record(again)
    mine = found.data.save(tmp_path / "data.h5")
    with pytest.raises(FileExistsError, match=r"no study.json beside it.*data.h5"):
        found.save(tmp_path)
    assert wls.SnapshotSeries.load(mine) == found.data
    with pytest.raises(NotADirectoryError, match=r"not a folder"):
        found.save(mine)


@pytest.mark.usefixtures("without_pictures")
def test_a_study_that_was_not_saved_to_its_end_is_saved_again(found, tmp_path, monkeypatch):
    def stop(study):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("wlmsim.learn.studies.saving.as_pdf", stop)
        with pytest.raises(KeyboardInterrupt):
            found.save(tmp_path / "study")
    with pytest.raises(FileFormatError, match=r"study\.json: the study was not saved to its end; study\.save\('"):
        wls.learn.Study.load(tmp_path / "study")
    found.save(tmp_path / "study")
    assert str(wls.learn.Study.load(tmp_path / "study")) == str(found)


def test_copies_and_pickles_are_saved_like_the_study(found, folder, tmp_path):
    again = wls.learn.Study.load(folder)
    for k, one in enumerate(
        (copy.deepcopy(again), pickle.loads(pickle.dumps(again)), pickle.loads(pickle.dumps(found)))
    ):
        assert record(wls.learn.Study.load(one.save(tmp_path / f"é {k}"))) == record(found)


def test_scores_leave_out_what_the_study_has_seen(found):
    both = wls.systems.HarmonicOscillator(n=50, velocity_width=1.0, seed=0).exact([2.5, 3.0, 3.5]).snapshots(seed=0)
    with pytest.warns(DataWarning, match="left out 2 of 3 marginals"):
        scores = found.score(both)
    assert scores.times.tolist() == [3.5] and scores.mean == found.score(both[[2]]).mean


def test_scores_of_other_places_units_and_dimensions_are_refused(found):
    spring = wls.systems.HarmonicOscillator(n=50, velocity_width=1.0, seed=0).exact([3.5]).snapshots(seed=0)
    there = wls.SnapshotSeries(spring.times, spring.positions, units={"length": "m"}, metadata={"projection": "utm"})
    here = dataclasses.replace(found, data=wls.SnapshotSeries(found.data.times, found.data.positions))
    here.data.metadata["projection"], here.data.units["length"] = "+proj=aeqd", "m"
    with pytest.raises(ParameterError, match=r"`held_out` must have positions in the projection '\+proj=aeqd'"):
        here.score(there)
    there.units["length"] = "km"
    with pytest.raises(ParameterError, match="km"):
        here.score(there)
    flat = wls.systems.HarmonicOscillator(n=5, dim=3, seed=0).exact([3.5]).snapshots()
    with pytest.raises(ParameterError, match="`held_out` must be of 2 dimensions"):
        found.score(flat)


def test_a_start_with_velocities_in_the_unit_before_is_told(found):
    paced = dataclasses.replace(found, velocity_factor=60.0, winners={"forecast": "persistence"})
    last = found.data[-1]
    raw = wls.Population(last.positions, last.velocities / 60, time=last.time)
    with pytest.warns(DataWarning, match="multiplied by 60"):
        paced.forecast([3.25], raw)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paced.forecast([3.25], last)


def test_tracks_go_on_by_steady_transport(found):
    """For which what came before their last time is known."""
    times = np.linspace(0, 3, 7)
    path = wls.systems.HarmonicOscillator(n=50, velocity_width=1.0, seed=0).exact(times)
    tracks = wls.Tracks(times, path.positions, velocities=path.velocities)
    steady = dataclasses.replace(found, winners={"forecast": "steady transport"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ahead = steady.forecast([3.25], tracks)
    assert ahead.ids == tracks.ids and not np.array_equal(ahead.positions[0], path.positions[-1])
