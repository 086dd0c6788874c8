"""Transport between clouds whose particles multiply and die, and what learns by it."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import ParameterError
from wlmsim.learn.prediction.bridge import bridge
from wlmsim.learn.prediction.growth import Growth, choose_growth
from wlmsim.transport import ground_cost, optimal_plan, wasserstein1
from wlmsim.transport.large import approximate_unbalanced_plan
from wlmsim.transport.unbalanced import transported_masses, unbalanced_plan

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 2))
Y = np.concatenate([0.5 * RNG.standard_normal((50, 2)) + 2, RNG.standard_normal((30, 2)) - 3])
A, B = RNG.uniform(0.5, 1.5, 60), RNG.uniform(0.5, 1.5, 80)
A, B = A / A.sum(), B / B.sum()
COST = ground_cost(X, Y, 2)


@pytest.mark.parametrize("reach", [0.3, 1.0, 3.0, math.inf])
def test_both_ends_have_their_weights(reach):
    plan = unbalanced_plan(COST, A, B, reach=reach)
    np.testing.assert_allclose(np.bincount(plan.source, plan.masses(0.0), 60), A, atol=1e-12)
    np.testing.assert_allclose(np.bincount(plan.target, plan.masses(1.0), 80), B, atol=1e-12)
    for s in (0.3, 0.7):
        assert plan.masses(s).sum() == pytest.approx(1)


@pytest.mark.parametrize("reach", [0.7, 2.0])
def test_carried_masses_are_those_of_another_solver(reach):
    """Of the problem without entropy, by majorisation and minimisation."""
    import ot

    other = ot.unbalanced.mm_unbalanced(A, B, COST, reg_m=2 * reach**2, div="kl", numItermax=5000)
    for ours, theirs in zip(transported_masses(COST, A, B, reach=reach), (other.sum(1), other.sum(0)), strict=True):
        assert np.abs(ours - theirs / theirs.sum()).sum() < 0.03


def test_without_growth_the_plan_is_optimal():
    plan, exact = unbalanced_plan(COST, A, B), optimal_plan(COST, A, B)
    assert isinstance(plan, wls.transport.UnbalancedPlan) and isinstance(exact, wls.transport.Plan)
    np.testing.assert_array_equal(plan.carried, exact.mass)
    np.testing.assert_allclose(plan.masses(0.4), exact.mass, rtol=1e-12)
    far = unbalanced_plan(COST, A, B, reach=300.0)
    assert far.carried @ COST[far.source, far.target] == pytest.approx(
        exact.mass @ COST[exact.source, exact.target], rel=0.01
    )


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_masses_do_not_depend_on_the_unit_of_length(unit):
    ours = transported_masses(COST * unit**2, A, B, reach=unit)
    for a, b in zip(ours, transported_masses(COST, A, B, reach=1.0), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize(
    ("growth", "message"),
    [
        (
            np.zeros(3),
            r"`growth` must be an array of shape \(60,\), a logarithm for each row; got an array of shape \(3,\)",
        ),
        (np.full(60, np.nan), "`growth` must be finite; got NaN or infinity in 60 of 60 rows"),
        (1.0, "`growth` must be an array of shape"),
    ],
)
def test_growth_that_cannot_be_known(growth, message):
    with pytest.raises(ParameterError, match=message):
        unbalanced_plan(COST, A, B, growth=growth)
    with pytest.raises(ParameterError, match=message):
        wls.transport.unbalanced_transport_plan(X, Y, A, B, growth=growth)


def test_far_outliers_are_finite():
    x = np.concatenate([X, [[1e3, 0.0]]])
    a = np.full(61, 1 / 61)
    plan = unbalanced_plan(ground_cost(x, Y, 2), a, B, reach=0.5)
    np.testing.assert_allclose(np.bincount(plan.source, plan.masses(0.0), 61), a, atol=1e-12)
    assert np.isfinite(plan.masses(0.5)).all()


def test_errors_name_the_argument():
    for reach in (0.0, -1.0, math.nan):
        with pytest.raises(ParameterError, match="`reach` must be"):
            unbalanced_plan(COST, A, B, reach=reach)


# --- two types of which one multiplies, and both drift


def types(time: float, n: int = 120, seed: int = 0) -> wls.Population:
    """One type at -3, one at 3; from time 0 to 2 both move up by 1, and the right one doubles each 2 log 2."""
    rng = np.random.default_rng((seed, int(10 * time)))
    right = np.exp(time / 2) / (1 + np.exp(time / 2))
    count = round(n * right)
    x = np.concatenate([np.full(n - count, -3.0), np.full(count, 3.0)])
    return wls.Population(np.stack([x, np.full(n, 0.5 * time)], 1) + 0.1 * rng.standard_normal((n, 2)), time=time)


DATA = wls.SnapshotSeries.from_populations([types(t) for t in (0.0, 1.0, 2.0, 3.0)])
STILL = wls.GradientFlow(wls.External(lambda x, xp: 0 * x[..., 0]))


def test_growth_is_not_mistaken_for_motion():
    before, middle, after = DATA[0], DATA[1], DATA[2]
    conserved, growing = (bridge(STILL, before, after, 1.0, dt=1.0, reach=reach) for reach in (math.inf, 1.0))
    assert wasserstein1(conserved, middle) > 0.3  # some are thought to be halfway from the one type to the other
    assert wasserstein1(growing, middle) < 0.15
    assert growing.weights[growing.positions[:, 0] > 0].sum() == pytest.approx(0.622, abs=0.02)


def test_the_reach_is_chosen_from_the_marginals():
    spread = float(np.sqrt(np.concatenate(DATA.positions).var(0).mean()))
    assert choose_growth([DATA], spread).reach <= 1.4 * spread
    leaving = wls.SnapshotSeries([0.0, 1.0, 2.0], [np.concatenate([X, X + shift]) for shift in (0.0, 2.0, 4.0)])
    assert choose_growth([leaving], 1.0) == Growth(math.inf)  # half of them move, the others stay
    assert choose_growth([DATA[:2]], spread) == Growth(math.inf)  # nothing to choose by


def blooming(time: float, n: int = 300) -> wls.Population:
    """Two types that stay in their places, of which the left one is abundant at time 2 only."""
    rng = np.random.default_rng(int(10 * time))
    left = 1 / (1 + np.exp(0.5 * (time - 2) ** 2 - 1))
    x = np.where(np.arange(n) < round(left * n), -3.0, 3.0)
    return wls.Population(np.stack([x, np.zeros(n)], 1) + 0.3 * rng.standard_normal((n, 2)), time=time)


def test_growth_that_changes_is_told_from_the_marginals():
    data = wls.SnapshotSeries.from_populations([blooming(t) for t in (0.0, 1.0, 2.0, 3.0, 4.0)])
    fitted, held = data.hold_out([2])
    spread = float(np.sqrt(np.concatenate(fitted.positions).var(0).mean()))
    assert choose_growth([fitted], spread).changing
    assert not choose_growth([fitted[:3]], spread).changing  # nothing to choose by
    settings = {"friction": math.inf, "rollouts": "multiple-shooting", "steps": 5, "members": 1, "progress": False}
    constant, changing = (
        wlm(wls.learn.ExternalPotential((8,), time_dependent=False), reach=reach, **settings).fit(fitted)
        for reach in (0.7 * spread, "learn")
    )
    scores = [model.evaluate(held, two_sided=True).mean["WLM"] for model in (constant, changing)]
    assert changing.growth_changes_ and not constant.growth_changes_
    assert scores[1] < 0.7 * scores[0]


@pytest.mark.parametrize("reach", ["learn", 1.0])
def test_a_fit_with_growth(reach, tmp_path):
    """The learned drift is up and not to the right, where a fit that conserves mass takes growth for motion."""
    model = wlm(
        wls.learn.ExternalPotential((16,), time_dependent=False),
        friction=math.inf,
        rollouts="multiple-shooting",
        reach=reach,
        steps=60,
        members=1,
        progress=False,
    )
    fitted, held = DATA.hold_out([1])
    model.fit(fitted)
    assert math.isfinite(model.reach_)
    scores = model.evaluate(held, two_sided=True)
    assert scores.mean["WLM"] < 0.5 * scores.mean["OT-linear"]
    drift = model.mechanics_.velocity(DATA[0].positions, DATA[0].weights)
    conserving = wls.learn.WLM(**model.get_params(deep=False)).set_params(loss="exact").fit(fitted)
    mistaken = conserving.mechanics_.velocity(DATA[0].positions, DATA[0].weights)
    assert abs(drift[:, 0].mean()) < 0.5 * abs(mistaken[:, 0].mean())
    loaded = wls.learn.WLM.load(model.save(tmp_path / "growth.model"))
    assert (loaded.reach_, loaded.growth_changes_) == (model.reach_, model.growth_changes_)
    predicted = loaded.interpolate([1.0], fitted, two_sided=True)[0]
    np.testing.assert_allclose(predicted.positions, model.interpolate([1.0], two_sided=True)[0].positions)


def test_automatic_noise(tmp_path):
    """By a third of the spread in the interval between marginals, 4."""
    lattice = 0.5 * np.stack(np.meshgrid(np.arange(8.0), np.arange(6.0)), -1).reshape(-1, 2)
    data = wls.SnapshotSeries([0.0, 4.0], [lattice, lattice + 1.0])
    model = wlm(friction=math.inf, noise="auto", steps=3, members=1, progress=False).fit(data)
    spread = np.sqrt(np.concatenate(data.positions).var(0).mean())
    assert model.noise_ == pytest.approx(spread / 3 / math.sqrt(4.0))
    predicted = model.interpolate([2.0], two_sided=True)[0]
    assert len(predicted.positions) == 2 * (48 + 48)
    loaded = wls.learn.WLM.load(model.save(tmp_path / "noise.model"))
    assert loaded.noise_ == model.noise_
    again = loaded.interpolate([2.0], data, two_sided=True)[0]
    np.testing.assert_allclose(again.positions, predicted.positions)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"reach": "far"}, "`Exact.reach` must be 'learn' or a number > 0"),
        ({"reach": 0.0}, "`Exact.reach` must be 'learn' or a number > 0; got 0.0"),
        ({"reach": 1.0, "loss": "sliced"}, "Sliced has no option `reach`"),
        ({"friction": math.inf, "noise": "some"}, "`noise` must be 'auto' or a finite number >= 0"),
        ({"noise": "auto"}, "`noise` must be 0 unless friction is infinite"),
    ],
    ids=["a word", "zero", "another loss", "a word for noise", "noise with inertia"],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(ParameterError, match=message):
        wlm(**parameters).fit(DATA)


# --- growth that is known beforehand


@pytest.mark.parametrize("reach", [0.5, 2.0, math.inf])
def test_growth_that_all_share_changes_nothing(reach):
    plan, other = unbalanced_plan(COST, A, B, reach=reach), unbalanced_plan(COST, A, B, reach=reach, growth=np.ones(60))
    for mine, theirs in zip(plan, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("reach", [0.5, 2.0, math.inf])
def test_with_known_growth_both_ends_have_their_weights_too(reach):
    plan = unbalanced_plan(COST, A, B, reach=reach, growth=RNG.normal(size=60))
    np.testing.assert_allclose(np.bincount(plan.source, plan.masses(0.0), 60), A, atol=1e-12)
    np.testing.assert_allclose(np.bincount(plan.target, plan.masses(1.0), 80), B, atol=1e-12)


@pytest.mark.parametrize("reach", [0.5, 2.0, 9.0, math.inf])
def test_growth_that_is_known_exactly_costs_nothing(reach):
    """Two kinds that stay apart: nobody crosses, whatever the reach, and each grows as is known."""
    x = np.array([[0.0], [3.0]])
    plan = unbalanced_plan(ground_cost(x, x, 2), [0.5, 0.5], [2 / 3, 1 / 3], reach=reach, growth=np.log([2, 1]))
    crossing = plan.source != plan.target
    assert plan.carried[crossing].sum() < (1e-12 if reach == math.inf else 1e-3)
    stay = np.argsort(plan.source[~crossing])
    np.testing.assert_allclose(plan.before[~crossing][stay], [0.5, 0.5], atol=1e-3)
    np.testing.assert_allclose(plan.after[~crossing][stay], [2 / 3, 1 / 3], atol=1e-3)
    blind = unbalanced_plan(ground_cost(x, x, 2), [0.5, 0.5], [2 / 3, 1 / 3], reach=reach)
    assert (blind.carried[blind.source != blind.target].sum() > 0.1) == (reach > 2)


@pytest.mark.parametrize("reach", [1.0, math.inf])
def test_large_clouds_grow_as_is_known_too(reach):
    x = np.concatenate([0.1 * RNG.normal(size=(100, 2)), 0.1 * RNG.normal(size=(100, 2)) + [3, 0]])
    up = x[:, 0] > 1.5
    target = np.where(up, 3.0, 1.0) / 400
    plan = approximate_unbalanced_plan(x, x, np.full(200, 1 / 200), target, reach=reach, growth=np.log(3) * up)
    np.testing.assert_allclose(np.bincount(plan.source, plan.before, 200), 1 / 200, rtol=0.2)
    assert plan.carried[up[plan.source] != up[plan.target]].sum() < 0.01
    assert plan.after[up[plan.source]].sum() == pytest.approx(0.75, abs=0.02)


def test_bridges_and_couplings_know_of_growth():
    before = wls.Population([[0.0], [3.0]], growth=[math.log(2), 0.0])
    after = wls.Population([[0.0], [3.0]], weights=[2 / 3, 1 / 3], time=1.0)
    for noise in (0.0, 0.1):
        half = bridge(wls.learn.prediction.growth._Still(), before, after, 0.5, dt=1.0, noise=noise)
        assert np.minimum(abs(half.positions), abs(half.positions - 3)).max() < 0.5  # nobody is on the way
        share = half.weights[half.positions[:, 0] < 1.5].sum()
        assert share == pytest.approx(math.sqrt(2) / (1 + math.sqrt(2)), abs=0.15 if noise else 1e-6)
