"""BibTeX of what was used: whole entries, each once, for every loss, term and data set."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import wlmsim as wls
from tests.models import wlm
from wlmsim import datasets
from wlmsim._about import version
from wlmsim.citing import ENTRIES, PAPER, SOFTWARE
from wlmsim.datasets import sources
from wlmsim.errors import ParameterError
from wlmsim.learn import references

REQUIRED = {
    "article": {"author", "title", "journal", "volume", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "misc": {"author", "title", "note"},
}


def parsed(bibtex: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Kind and fields of each entry by its key; fails where a brace is left open or text stands outside."""
    entries: dict[str, tuple[str, dict[str, str]]] = {}
    while bibtex := bibtex.strip():
        head = re.match(r"@(\w+)\{([a-z]+(?:\d{4})?),\s*", bibtex)
        assert head, bibtex[:80]
        kind, key = head.groups()
        fields, rest = {}, bibtex[head.end() :]
        while not rest.startswith("}"):
            name = re.match(r"([a-z]+) = ", rest)
            assert name, rest[:80]
            value, rest = _braced(rest[name.end() :])
            fields[name[1]] = value
            rest = rest.removeprefix(",").lstrip()
        assert key not in entries
        entries[key], bibtex = (kind, fields), rest[1:]
    return entries


def _braced(text: str) -> tuple[str, str]:
    depth = 0
    for k, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return text[1:k], text[k + 1 :]
    raise AssertionError(f"a brace is left open: {text[:80]}")


@pytest.mark.parametrize("key", ENTRIES)
def test_every_entry_is_bibtex_with_the_fields_of_its_kind(key):
    entry = ENTRIES[key]
    assert entry.key == key
    ((name, (kind, fields)),) = parsed(entry.bibtex()).items()
    assert (name, kind, fields) == (key, entry.kind, entry.fields)
    assert fields.keys() >= REQUIRED[kind]
    assert entry.bibtex().isascii() and all(fields.values())
    assert key.endswith(fields.get("year", ""))


def test_every_entry_is_cited_by_something_and_every_key_has_an_entry():
    tables = [*references.LOSSES.values(), *references.TERMS.values()]
    tables += [references.FOURIER_FEATURES, references.GROWTH, references.NOISE, references.WEAK_FORM]
    tables += [references.MATCHING, references.FLOW_MATCHING, references.BRIDGE_MATCHING]
    tables += [references.OPTIMISER, *(source.cites for source in datasets.SOURCES.values()), (PAPER,)]
    assert {key for table in tables for key in table} == set(ENTRIES)


def test_software_and_paper_are_those_of_the_citation_file():
    found = parsed(wls.citation())
    assert list(found) == [SOFTWARE, PAPER]
    page = (Path(__file__).parents[1] / "CITATION.cff").read_text()
    assert f"version: {version()}\n" in page and found[SOFTWARE][1]["note"].endswith(f"version {version()}")
    assert f'title: "{found[SOFTWARE][1]["title"]}"' in page
    for name in found[PAPER][1]["author"].split(" and "):
        family, given = name.split(", ")
        assert f"family-names: {family}\n        given-names: {given}\n" in page
    assert f'title: "{found[PAPER][1]["title"].replace("{", "").replace("}", "")}"' in page
    assert found[PAPER][1]["eprint"] in page


def test_importing_and_calling_it_loads_nothing_heavy():
    code = "import sys, wlmsim; wlmsim.citation('moon2019'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "wlmsim.citing" in loaded and not {"torch", "scipy", "h5py", "numba", "matplotlib"} & set(loaded)


def cited(*used: object) -> list[str]:
    found = list(parsed(wls.citation(*used)))
    assert found[:2] == [SOFTWARE, PAPER]
    return found[2:]


@pytest.mark.parametrize("loss", references.LOSSES)
def test_every_loss(loss):
    model = wls.learn.WLM(loss=getattr(wls.learn, loss)())
    assert cited(model) == [*references.LOSSES[loss], *references.OPTIMISER]
    assert model.citation() == wls.citation(model)


def test_the_losses_are_those_that_a_model_takes():
    assert [kind.__name__ for kind in wls.learn.WLM.parts["loss"].classes] == list(references.LOSSES)


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"reach": 1.0}, references.GROWTH),
        ({"reach": "learn"}, references.GROWTH),
        ({"noise": 0.1, "friction": math.inf}, references.NOISE),
        ({"noise": "auto", "friction": math.inf}, references.NOISE),
        ({"potential": wls.learn.AttentionPotential(8, 2, 1, 8)}, ("lee2019",)),
        ({"potential": wls.learn.ExternalPotential((4,), fourier_features=4)}, ("tancik2020",)),
        ({"potential": wls.learn.SeriesPotential(), "friction": math.inf}, references.WEAK_FORM),
        ({"potential": wls.learn.SeriesPotential()}, ()),
        ({"dissipation": wls.learn.LearnableAlignment(1.0) + wls.learn.LearnableAlignment(2.0)}, ("cucker2007",)),
        ({"dissipation": wls.SelfPropulsion(1.0, 1.0)}, ("dorsogna2006",)),
    ],
    ids=str,
)
def test_what_the_parts_use(options, keys):
    assert cited(wlm(**options)) == [*references.LOSSES["Exact"], *keys, *references.OPTIMISER]


def spring() -> wls.SnapshotSeries:
    return wls.systems.HarmonicOscillator(n=6, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)


# --- data sets


def found(name: str, tmp_path, monkeypatch, load):
    """A data set read from a twin, as though that were the published file."""
    path = datasets.twin(name, tmp_path)
    for module in ("sources", "animals"):
        monkeypatch.setattr(f"wlmsim.datasets.{module}.fetch", lambda name: path)
    return load()


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("oceans_with_v0.npz", datasets.vortex_small),
        ("big_oceans_forecast.npz", datasets.vortex_big),
        ("fish_school.npz", datasets.fish_school),
        ("eb_pcs10.npz", datasets.embryoid_body),
        ("eb_velocity_v5.npz", lambda: datasets.embryoid_body(velocities=True)),
        ("mouse_hematopoiesis.npz", datasets.mouse_hematopoiesis),
        ("sheep_drives.npz", lambda: datasets.sheep_drives()[0].sheep),
    ],
)
def test_every_data_set_is_cited_however_it_is_changed_and_kept(name, load, tmp_path, monkeypatch):
    series, keys = found(name, tmp_path, monkeypatch, load), list(sources.SOURCES[name].cites)
    assert keys and series.metadata["cites"] == keys
    others = [key for key in keys if key != PAPER]
    past, future = series.split(at=series.times[1])
    changed = [series, past, future, *series.hold_out([1]), series.standardise()[0], series[:2]]
    changed.append(series.without_velocities())
    changed.append(wls.SnapshotSeries.load(series.save(tmp_path / "kept.h5")))
    for one in changed:
        assert cited(one) == others


def test_the_data_of_a_model_are_cited_from_its_file_too(tmp_path, monkeypatch):
    series = found("mouse_hematopoiesis.npz", tmp_path, monkeypatch, datasets.mouse_hematopoiesis)
    quick = {"steps": 1, "members": 1, "progress": False, "friction": math.inf}
    model = wlm(wls.learn.ExternalPotential((4,)), **quick).fit(series)
    assert cited(model)[-1] == "weinreb2020"
    again = wls.learn.WLM.load(model.save(tmp_path / "x.model"))
    assert again.cites_ == ["weinreb2020"] and again.citation() == model.citation()
    assert "weinreb2020" not in cited(model.set_params(optimiser__steps=2).fit(spring()))


def test_data_of_ones_own_are_not_taken_for_the_published_ones(tmp_path):
    series = datasets.embryoid_body(datasets.twin("eb_pcs10.npz", tmp_path))
    assert "cites" not in series.metadata and cited(series) == []
    assert cited(series, "moon2019", "tong2020", "moon2019") == ["moon2019", "tong2020"]


@pytest.mark.parametrize("given", ["moon2019", ["moon2019"], ["moon2019", "of a later version", 3], None, 3])
def test_metadata_may_say_what_to_cite_in_any_way(given):
    series = wls.SnapshotSeries([0.0, 1.0], [[[0.0]], [[1.0]]], metadata={"cites": given})
    assert cited(series) == (["moon2019"] if given and given != 3 else [])


def test_what_cannot_be_cited_is_refused():
    with pytest.raises(ParameterError, match=r"`used` must be .*; got 'mon2019' \(did you mean 'moon2019'\?\)"):
        wls.citation("mon2019")
    with pytest.raises(ParameterError, match="`used` must be models, data, or keys of entries; got 3"):
        wls.citation(3)
