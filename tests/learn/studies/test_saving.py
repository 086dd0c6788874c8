"""A study that was saved predicts, scores and reports as before."""

import copy
import dataclasses
import json
import shutil

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import FileFormatError
from wlmsim.learn.studies.record import record


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
    refuse(FileFormatError, r"WLM.load\('study.model'\) reads its model alone")
    record_of.unlink()
    refuse(FileNotFoundError, "No such file")
