"""Matching by AdamW: known mechanics is learned without a rollout, of every order and with every kind of term."""

import itertools
import math

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import ParameterError
from wlmsim.learn import ExternalPotential, LearnableAlignment, LearnableSelfPropulsion, Matching, PairPotential
from wlmsim.learn.matching.objective import _some
from wlmsim.learn.mechanics import Cloud


@pytest.fixture(scope="module")
def swinging():
    spring = wls.systems.HarmonicOscillator(n=80, velocity_width=1.0, seed=0)
    return spring.exact(np.linspace(0, 3, 7)).snapshots(seed=0)


def force_error(model, x):
    w = np.full(len(x), 1 / len(x))
    return np.abs(model.mechanics_.potential.force(x, w, 1.0) + x).mean() / np.abs(x).mean()


def test_a_spring_is_learned_without_a_rollout(swinging):
    model = quick(ExternalPotential(time_dependent=False), rollouts=None, steps=400).fit(swinging)
    assert len(model.losses_) == 400
    assert force_error(model, swinging[2].positions) < 0.1


def test_the_steps_of_matching_come_before_those_of_rollouts(swinging):
    model = quick(matching=Matching(steps=30, rounds=2), steps=7).fit(swinging)
    assert len(model.losses_) == 37
    assert model.best_step_ == 7


def test_later_rounds_correct_what_cubics_miss(swinging):
    """Cubic paths between marginals far apart have not quite the accelerations of the motion; those of rounds do."""
    coarse = swinging[::2]
    errors = []
    for rounds in (1, 4):
        model = quick(ExternalPotential(time_dependent=False), rollouts=None, steps=500, rounds=rounds).fit(coarse)
        errors.append(force_error(model, swinging[2].positions))
    assert errors[1] < errors[0]


def test_flows_are_matched_to_velocities():
    x = np.random.default_rng(0).standard_normal((200, 2))
    data = wls.SnapshotSeries(np.arange(4) / 4, [x * math.exp(-t / 4) for t in range(4)])
    model = quick(ExternalPotential(time_dependent=False), friction=math.inf, rollouts=None, steps=400).fit(data)
    assert force_error(model, data[1].positions) < 0.15


@pytest.mark.parametrize(
    "terms",
    [
        {"potential": ExternalPotential() + PairPotential(1.0, knots=4)},
        {"dissipation": LearnableAlignment(1.0, knots=4)},
        {"dissipation": LearnableSelfPropulsion()},
        {"potential": ExternalPotential() + wls.External(lambda x, xp: 0.1 * (x**2).sum(-1))},
        {"friction": math.inf, "noise": 0.1},
        {"friction": math.inf, "loss": "exact", "reach": 1.0},
        {"speed": 1.0},
        {"initial_velocities": "learn"},
        {"initial_velocities": "zero"},
        {"local_acceleration": 0.3},
    ],
)
def test_every_kind_of_mechanics_can_be_matched(swinging, terms):
    model = quick(rollouts=None, steps=40, **terms).fit(swinging[:4])
    assert np.isfinite(model.losses_).all()
    assert model.losses_[-10:].mean() < 1.5 * model.losses_[:10].mean()


def test_populations_missing_velocities_and_rows_without_weight(swinging):
    known = swinging[:4]
    weights = [np.r_[0.0, np.ones(79)] for _ in range(4)]
    partly = wls.SnapshotSeries(
        known.times, known.positions, [known.velocities[0], None, *known.velocities[2:]], weights
    )
    several = wls.SnapshotSeries.of_several({1: partly, 4: known[1:]})
    model = quick(rollouts=None, steps=10).fit(several)
    assert np.isfinite(model.losses_).all()


def test_a_killed_fit_resumes_in_the_midst_of_a_round(swinging, tmp_path):
    options = {"matching": Matching(steps=30, rounds=3), "steps": 5, "seed": 3}
    whole = quick(**options).fit(swinging[:4])

    class Killed(Exception):
        pass

    def kill(record):
        if record.step == 17:
            raise Killed

    path = tmp_path / "fit.checkpoint"
    model = quick(**options, checkpoint=wls.learn.Checkpoint(path=path, every=1e-9))
    with pytest.raises(Killed):
        model.fit(swinging[:4], callbacks=[kill])
    again = model.fit(swinging[:4])
    np.testing.assert_array_equal(again.losses_, whole.losses_)


def test_a_seed_fixes_every_bit(swinging):
    first, second = (quick(rollouts=None, steps=20, seed=5).fit(swinging[:3]).losses_ for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_options_are_checked():
    with pytest.raises(ParameterError, match="rounds"):
        Matching(rounds=0)
    with pytest.raises(ParameterError, match="rate"):
        Matching(rate=2.0)


def test_the_steps_that_early_stopping_chooses_are_those_of_rollouts(swinging):
    chosen = quick(matching=Matching(steps=40), steps=20, stopping="early").fit(swinging)
    assert chosen.best_step_ <= 20 and len(chosen.losses_) == 40 + chosen.best_step_
    assert all(0 <= step <= 20 for step, _ in chosen.validation_)


def test_many_intervals_take_turns():
    """A round lays paths in as many as it has time for, and each round in others."""
    x = np.random.default_rng(0).standard_normal((5, 2))
    clouds = [Cloud(torch.as_tensor(x), torch.as_tensor(x), torch.full((5,), 0.2), float(t)) for t in range(200)]
    rng, pairs = np.random.default_rng(0), list(itertools.pairwise(clouds))
    first, second = ([before.time for before, _ in _some(pairs, rng)] for _ in range(2))
    assert len(first) == 64 and first == sorted(set(first)) and first != second
    assert _some(pairs[:60], rng) == pairs[:60]
