"""The page of a study needs nothing else, and its files come whole or not at all."""

from __future__ import annotations

import base64
import copy
import io
import json
import re
from html.parser import HTMLParser

import matplotlib.image
import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.learn.studies.conftest import LEARNED
from wlmsim.errors import ParameterError
from wlmsim.learn.studies import pictures
from wlmsim.learn.studies.page import page
from wlmsim.learn.studies.pictures import alignment_rate
from wlmsim.learn.studies.record import record


class Resources(HTMLParser):
    """What a page would load, and the tags that are open."""

    def __init__(self, text: str):
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.loads += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def written(made, tmp_path_factory):
    return made().report(tmp_path_factory.mktemp("page") / "report.html").read_text(encoding="utf-8")


def test_the_page_loads_nothing_and_is_well_formed(written):
    found = Resources(written)
    assert found.open == [] and len(found.loads) > 5
    *pictures, to_print = found.loads
    assert all(load.startswith("data:image/png;base64,") for load in pictures)
    assert base64.b64decode(to_print.removeprefix("data:application/pdf;base64,")).startswith(b"%PDF")
    assert "<script" not in written and "@import" not in written and "url(" not in written


def test_every_picture_shows_something(written):
    for encoded in re.findall(r"png;base64,([A-Za-z0-9+/=]+)", written):
        image = matplotlib.image.imread(io.BytesIO(base64.b64decode(encoded)), format="png")
        assert image.shape[1] > 300 and np.ptp(image[..., :3]) > 0.5


def test_the_page_has_all_of_the_report(written, made):
    from html import unescape

    study, plain = made(), unescape(written)
    for sentence in (
        LEARNED,
        "What cannot be trusted",
        repr(study.chosen),
        study.citation(),
        "Predictions beside data",
    ):
        assert sentence in plain
    assert "Where the force is known" in plain and "had not seen, forecasts are off by" in plain


@pytest.fixture
def bare(monkeypatch):
    """Pages without pictures, which take seconds."""
    monkeypatch.setattr("wlmsim.learn.studies.page._drawn", lambda study, *kinds: "")
    monkeypatch.setattr("wlmsim.learn.studies.page._to_print", lambda study: "")


@pytest.mark.usefixtures("bare")
def test_names_are_escaped(made):
    study = made()
    study.entries[-1].name = study.learned = "<script>alert(1)</script>"
    study.untried = ["<b>"]
    assert "<script" not in page(study) and "<b>," not in page(study)


@pytest.mark.usefixtures("bare")
def test_a_page_is_written_whole_or_not_at_all(made, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr("wlmsim.learn.studies.page.words.course", lambda study: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        made().report(path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(ParameterError, match="suffix"):
        made().report(tmp_path / "report.pdf")


@pytest.mark.usefixtures("bare")
def test_a_study_is_saved_in_a_folder(made, tmp_path):
    study = made(w1=(0.1, float("inf"), 0.1))
    folder = study.save(tmp_path / "new" / "folder")
    written = {path.name for path in folder.iterdir()}
    assert written >= {"data.h5", "figure.pdf", "report.html", "study.json", "study.model"}
    about = json.loads((folder / "study.json").read_text(), parse_constant=pytest.fail)  # no Infinity, no NaN
    assert len(about.pop("sha256")) == 64 and set(about.pop("files")) == written - {
        "figure.pdf",
        "report.html",
        "study.json",
    }
    assert about == record(study)
    assert about["winners"]["forecast"] == "ballistic" and about["expression"] == repr(study.chosen)
    learned = next(entry for entry in about["entries"] if not entry["naive"])
    assert learned["name"] == LEARNED and learned["w1"]["forecast"] == [0.1, None, 0.1]
    assert about["seen"]["sizes"] == [30] * 6 and about["seconds"] == 12.0
    assert wls.learn.WLM.load(folder / "study.model").friction_ == pytest.approx(study.model.friction_)


def test_predictions_stand_beside_what_was_left_out(made):
    best = made()
    assert len(list(pictures.of_folds(best))) == 6
    worse = made(w1=(0.5, 0.5, 0.5))
    captions = [picture.caption for picture in pictures.of_folds(worse)]
    assert "by 'ballistic', which has not seen t = 2" in captions[0] and "'OT-Hermite'" in captions[-1]


@pytest.mark.filterwarnings("ignore:.* is nearer")  # the fit is too short
def test_of_a_gradient_flow_the_map_shows_velocities(made, tiny, spring):
    study = made(folds=[], learned="")
    study.chosen = copy.deepcopy(tiny).set_params(friction=float("inf"))
    study.model = copy.deepcopy(study.chosen).fit(spring)
    (picture,) = pictures.of_trust(study)
    assert picture.caption.startswith("Where the velocity is known: arrows where fits agree")
    assert list(pictures.of_friction(study)) == [] and list(pictures.of_pair_law(study)) == []
    assert [drawn.caption for drawn in pictures.of_future(study)] == [
        "The last that was observed.",
        "What comes next, forecast.",
    ]


def test_the_alignment_rate_is_that_of_the_force():
    """Of two particles, one with all the weight: the other takes over its velocity at the rate phi."""
    term = wls.learn.LearnableAlignment(cutoff=3.0)
    scales = wls.learn.functionals.Scales((0.0, 0.0), 2.0, 0.0, 5.0)
    term.prepare(2, scales)
    with torch.no_grad():
        for parameter in term.parameters():
            parameter.uniform_(0.5, 1.0)
    x, v = np.array([[0.0, 0.0], [1.2, 0.0]]), np.array([[1.0, 0.0], [0.0, 0.0]])
    force = term.force(x, v, np.array([1.0, 0.0]))
    np.testing.assert_allclose(force[1, 0], alignment_rate(term, np.array([1.2]))[0], rtol=1e-5)
    assert abs(force[1, 0]) > 0


@pytest.mark.filterwarnings("ignore:ballistic is nearer")  # the fit is too short
def test_data_on_a_line_have_a_page(made, tiny):
    rng = np.random.default_rng(0)
    times = np.arange(4.0)
    line = wls.SnapshotSeries(times, [rng.normal(size=(20, 1)) + t for t in times], [np.ones((20, 1))] * 4)
    study = made(folds=[], learned="")
    study.data, study.entries, study.winners = line, [], {}
    study.model = copy.deepcopy(tiny).fit(line)
    found = page(study)
    assert Resources(found).open == [] and "cannot be drawn" not in found and "Where the force is known" in found
