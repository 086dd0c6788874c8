"""Fits that will take long say so after their first steps, and what would be faster."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.learn.training.callbacks import Record
from wlmsim.learn.training.long_fits import LongFits, faster


def told(watch, *, steps, matching_steps=0, per_step=1.0, per_matching_step=0.01, members=1):
    """Warnings of a fit whose steps take so many seconds."""
    watch.matching_steps = matching_steps
    seconds = 0.0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(1, steps + 1):
            seconds += per_matching_step if step <= matching_steps else per_step
            watch(Record("fitting", 1, members, step, steps, 1.0, 0.0, seconds))
    return [str(warning.message) for warning in caught]


def test_long_fits_are_told_once_with_what_would_be_faster():
    (words,) = told(LongFits(["this", "that"]), steps=1000)
    assert "about 16 minutes: 1 s a step, 985 steps" in words and "Faster would be this; that" in words
    (words,) = told(LongFits([]), steps=1000, per_step=10.0, members=3)
    assert "8.3 hours" in words and "3 networks" in words


def test_short_fits_are_not():
    assert not told(LongFits([]), steps=500)
    assert not told(LongFits([]), steps=14, per_step=1000.0)  # over before it can be known


def test_steps_of_rollouts_are_timed_by_themselves():
    (words,) = told(LongFits([]), steps=1000, matching_steps=200)
    assert "785 steps" in words
    (words,) = told(LongFits([]), steps=1000, matching_steps=900, per_matching_step=1.0, per_step=0.01)
    assert words.startswith("matching will take")


def test_networks_side_by_side_take_as_long_as_one():
    watch = LongFits([])
    watch.side_by_side = 3
    assert not told(watch, steps=500, members=3)
    assert told(LongFits([]), steps=500, members=3)


def test_what_is_faster_depends_on_the_model():
    whole = wls.learn.WLM(optimiser=wls.learn.AdamW(batch_size=None))
    assert any("batch_size=200" in way for way in faster(whole, 5000))
    assert not any("batch_size" in way for way in faster(whole, 100))
    assert not any("rollouts" in way for way in faster(wls.learn.WLM(rollouts=None, members=1), 5000))


def test_a_fit_is_watched_and_says_where_it_runs(monkeypatch, capsys):
    monkeypatch.setattr("wlmsim.learn.training.long_fits.LONG", 0.0)
    data = wls.systems.HarmonicOscillator(n=20, seed=0).exact(np.linspace(0, 1, 3)).snapshots(seed=0)
    with pytest.warns(RuntimeWarning, match="the fit will take about 0 minutes"):
        quick(wls.learn.ExternalPotential((4,)), steps=20, progress=True).fit(data)
    shown = capsys.readouterr().err
    assert "training on the CPU: torch finds no CUDA device" in shown or "training on the GPU" in shown
