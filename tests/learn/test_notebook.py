"""What notebooks show: small, well-formed, and true; and formulas without stray marks."""

from __future__ import annotations

import html.parser
import re

import numpy as np
import pytest

import wlmsim as wls
from tests.models import wlm
from wlmsim.evaluation import Scores

VOID = {"path", "br", "hr"}


class Reader(html.parser.HTMLParser):
    """Follows opening and closing tags, and keeps the text."""

    def __init__(self):
        super().__init__()
        self.open, self.words, self.drawings = [], [], 0

    def handle_starttag(self, tag, attrs):
        self.drawings += tag == "svg"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag in VOID or self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(thing):
    reader = Reader()
    page = thing._repr_html_()
    reader.feed(page)
    assert reader.open == [] and len(page) < 15_000
    return " ".join(reader.words), reader.drawings


def spring(n=20, dim=2):
    return wls.systems.HarmonicOscillator(n=n, dim=dim, seed=10)


def test_population():
    cloud = wls.Population([[0.0, 1.0], [2.0, 1.0]], [[3.0, 4.0], [0.0, 0.0]], time=1.5)
    words, drawings = read(cloud)
    assert drawings == 1
    for said in ("2 in 2-D", "1.5", "(1, 1)", "(1, 0)", "2.5", "uniform"):
        assert said in words
    assert "velocities unknown" in read(wls.Population(np.ones((1, 7)), weights=[2.0]))[0]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_trajectories_and_snapshots_are_drawn_within_their_frame(dim):
    path = spring(dim=dim).exact(np.linspace(0, 4, 9))
    path.units = {"length": "µm", "time": "h"}
    for thing in (path, path.snapshots(0.5, seed=0)):
        words, drawings = read(thing)
        assert drawings == 1 and "9: 0 to 4, every 0.5" in words and "length in µm, time in h" in words
        places = np.array(re.findall(r"M(\d+) (\d+)h0", thing._repr_html_()), dtype=int)
        assert len(places) == 5 * len(thing[0]) and places.min() >= 0 and places.max() <= 150


def test_large_clouds_are_thinned():
    assert len(wls.Population(np.random.default_rng(0).normal(size=(100_000, 2)))._repr_html_()) < 15_000


def test_snapshots_say_what_is_missing():
    data = spring().exact([0.0, 1.0, 3.0]).snapshots(seed=0).without_velocities(except_at=[0])
    words, _ = read(data)
    assert "known at 1 of 3 times" in words and "unevenly spaced" in words


def test_metadata_is_escaped():
    path = spring().exact([0.0, 1.0])
    path.metadata["<script>"] = "<b>"
    assert "<script>" not in path._repr_html_() and "<script> = <b>" in read(path)[0]


def test_lagrangian_shows_its_formula_and_every_parameter():
    law = wls.Lagrangian(
        wls.External(wls.laws.Harmonic(2.0)) + wls.Pairwise(wls.laws.Morse(1.5, 0.5), cutoff=3.0),
        dissipation=wls.Friction(0.25),
        mass=3.0,
    )
    words, _ = read(law)
    for said in ("stiffness=2.0", "Morse(c=1.5, l=0.5), cutoff=3", "Friction(0.25)", "mass 3", f"\\({law.latex}\\)"):
        assert said in " ".join(words.split())
    assert law.latex.startswith(r"\mathcal{L} = e^{0.25 t} \left(") and law._repr_latex_() == f"${law.latex}$"


def test_the_formula_has_brackets_only_where_they_are_needed():
    spring = wls.External(wls.laws.Harmonic())
    assert "left(" not in wls.Lagrangian(spring).latex
    assert r"- \left( -\tfrac{T}{2}" in wls.Lagrangian(wls.GaussianEntropy()).latex
    assert r"- \left( \int" in wls.Lagrangian(spring + spring).latex


@pytest.mark.parametrize(
    "system",
    [wls.systems.Boids(n=5, seed=0), wls.systems.OrnsteinUhlenbeck(n=5, seed=0), wls.systems.DoubleSlit(n=5, seed=0)],
    ids=lambda system: type(system).__name__,
)
def test_systems(system):
    words, drawings = read(system)
    assert type(system).__name__ in words and "n=5" in words and drawings == 0  # nothing is drawn for being shown
    assert len(system.population) == 5 and read(system)[1] == 1


def test_models_before_and_after_a_fit():
    model = wlm(steps=8, members=1, validation="last", progress=False)
    words, drawings = read(model)
    assert "not fitted" in words and "optimiser = AdamW(steps=8)" in words and drawings == 0
    model.fit(spring().exact(np.linspace(0, 2, 5)).snapshots(seed=0))
    words, drawings = read(model)
    assert drawings == 1
    for said in (f"{model.friction_:.4g}", "5 marginals, t = 0 to 2", f"{model.best_step_} steps", "psi_", "W1"):
        assert said in words
    assert "learning_rate" not in words  # a default


def test_scores_mark_the_least_of_each_row():
    w1 = {"WLM": np.array([0.1, 0.4]), "persistence": np.array([0.3, 0.2]), "ballistic": np.array([np.nan, np.nan])}
    scores = Scores(np.array([1.0, 2.0]), np.zeros(2), w1, length_unit="km")
    words, _ = read(scores)
    assert "W1 [km], forecast from t = 0" in words
    assert re.findall(r"<b>(.*?)</b>", scores._repr_html_()) == ["0.1000", "0.2000", "0.2500", "0.2500"]


def test_a_drawing_leaves_out_runaways_and_counts_them():
    x = np.random.default_rng(0).normal(size=(100, 2))
    x[:2] += 1e4
    page = wls.Population(x)._repr_html_()
    assert "2 of 100 outside" in page
    dots = np.array(re.findall(r"M(-?\d+) (-?\d+)h0", page), dtype=float)
    assert len(dots) == 98 and np.ptp(dots, axis=0).min() > 70
