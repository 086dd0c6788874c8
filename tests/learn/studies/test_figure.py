"""The figure of a study has a panel for all that it found, is as wide as a page, and is written whole."""

from __future__ import annotations

import re

import pytest

from tests.learn.studies.conftest import LEARNED
from wlmsim.errors import ParameterError, SimulationError


@pytest.fixture(scope="module")
def page(made):
    return made().figure()


def titles(page):
    return [ax.get_title(loc="left") for ax in page.axes if ax.get_title(loc="left")]


def test_panels_show_data_force_laws_predictions_and_scores(page):
    shown = titles(page)
    assert shown[0] == "Data"
    assert [title for title in shown if title.startswith("Learned potential")] == [
        "Learned potential along x [km]",
        "Learned potential along y [km]",
    ]
    assert any(title.startswith("Learned force") for title in shown)
    assert any(title.startswith("Forecasts of t = ") and LEARNED in title for title in shown)
    scored = next(ax for ax in page.axes if ax.get_title(loc="left").startswith("Forecasts by all ways"))
    assert {"ballistic", "persistence", LEARNED} <= {label.get_text() for label in scored.get_yticklabels()}
    letters = [text.get_text() for ax in page.axes for text in ax.texts if text.get_weight() == "bold"]
    assert letters == list("abcdefgh"[: len(shown)])


def test_a_law_has_its_band_and_the_data_below(page):
    cut = next(ax for ax in page.axes if ax.get_title(loc="left").startswith("Learned potential"))
    entries = [text.get_text() for text in cut.get_legend().get_texts()]
    assert entries[0] == "fitted to all" and re.fullmatch(r"\d+ networks", entries[1]) and entries[2] == "data"


def test_it_is_as_wide_as_two_columns_and_its_letters_are_of_seven_points(page):
    width, height = page.get_size_inches()
    assert width == pytest.approx(7.2) and height <= 9.7
    assert {ax.xaxis.label.get_size() for ax in page.axes} == {7.0}


@pytest.mark.parametrize(("suffix", "start"), [(".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_files_are_vectors_with_text(made, page, tmp_path, monkeypatch, suffix, start):
    monkeypatch.setattr("wlmsim.learn.studies.figure.figure", lambda study: page)
    path = made().figure(tmp_path / f"found{suffix}")
    content = path.read_bytes()
    assert content.startswith(start) and list(tmp_path.iterdir()) == [path]
    if suffix == ".svg":
        assert b"Learned potential along x [km]" in content and b"A study of 6 marginals" in content
    with pytest.raises(ParameterError, match="suffix"):
        made().figure(tmp_path / "found.doc")


def test_what_cannot_be_drawn_says_so(made, monkeypatch):
    def fail(*_, **__):
        raise SimulationError("the force is infinite")

    monkeypatch.setattr("wlmsim.learn.studies.pictures.draw_trust", fail)
    texts = [text.get_text() for ax in made().figure().axes for text in ax.texts]
    assert any("cannot be drawn: the force is infinite" in text.replace("\n", " ") for text in texts)
