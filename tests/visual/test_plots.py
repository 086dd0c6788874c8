"""Plots of laws: what is drawn are the numbers of the law; errors say what to give."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import ParameterError


@pytest.fixture
def ax():
    import matplotlib.pyplot as plt

    yield plt.subplots()[1]
    plt.close("all")


def well(x, xp):
    return 0.5 * x[..., 0] ** 2 + 2.0 * (x[..., 1:] ** 2).sum(-1)


def gas(dim=2, n=200, times=1):
    rng = np.random.default_rng(1)
    about = {"units": {"length": "km", "time": "d"}}
    return wls.SnapshotSeries(np.arange(float(times)), [rng.normal(size=(n, dim)) for _ in range(times)], **about)


def prepared(functional, dim=2, seed=0):
    """A learnable functional with random parameters, as after a fit, in other units than those it works in."""
    import torch

    from wlmsim.learn.functionals import Scales

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        functional.prepare(dim, Scales((0.5,) * dim, 2.0, 0.0, 3.0))
    return functional


# First variation


@pytest.mark.parametrize(
    "functional",
    [
        wls.External(well),
        wls.Pairwise(wls.laws.Morse()),
        wls.Entropy(0.3, bandwidth=0.5),
        wls.MeanField([lambda x, xp: x[..., 0], lambda x, xp: x[..., 0] ** 2], lambda m, xp: m[1] - m[0] ** 2),
        wls.learn.ExternalPotential(hidden=8),
        wls.learn.PairPotential(cutoff=3.0),
        wls.learn.AttentionPotential(width=8, heads=2, layers=1, feed_forward=8),
        wls.learn.LearnableStrength(wls.Pairwise(wls.laws.Plummer(1.0, 0.5)), strength=2.0)
        + wls.External(wls.laws.Harmonic(2.0)),
    ],
    ids=lambda functional: "-".join(type(term).__name__ for term in functional.terms),
)
def test_the_slope_of_the_first_variation_is_the_force(functional):
    """The force on a particle among the others is minus the slope where it stands, of a particle without weight."""
    import array_api_compat.torch as xp
    import torch

    for term in functional.terms:
        if hasattr(term, "prepare"):
            prepared(term).double()
    cloud = gas(n=12)[0]
    tiny = 1e-7
    x = np.append(cloud.positions, [[0.3, -0.4]], axis=0)
    w = np.append(cloud.weights * (1 - tiny), tiny)
    tensor = torch.tensor(x, requires_grad=True)
    energy = functional.expression(tensor, torch.tensor(w), 0.0, xp)
    force = -torch.autograd.grad(energy, tensor)[0][-1].numpy() / tiny
    h = 1e-4
    places = x[-1] + h * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    right, left, up, down = wls.first_variation(functional, places, cloud)
    np.testing.assert_allclose([left - right, down - up], 2 * h * force, rtol=2e-4, atol=1e-9)


def test_the_first_variation_of_an_external_potential_is_the_potential_at_its_time():
    moving = wls.External(lambda x, t, xp: xp.cos(t) * (x**2).sum(-1))
    points = np.random.default_rng(0).normal(size=(1000, 3))
    cloud = wls.Population([[1.0, 2.0, 3.0]], time=1.0)
    np.testing.assert_allclose(wls.first_variation(moving, points, cloud), np.cos(1.0) * (points**2).sum(1), rtol=1e-12)
    at_two = wls.first_variation(moving, points, cloud, time=2.0)
    np.testing.assert_allclose(at_two, np.cos(2.0) * (points**2).sum(1), rtol=1e-12)


def test_the_first_variation_refuses_points_of_another_dimension_and_singular_ones():
    cloud = gas(n=3)[0]
    with pytest.raises(ParameterError, match="`points` must be of 2 dimensions"):
        wls.first_variation(wls.External(well), np.ones((2, 3)), cloud)
    with pytest.raises(ParameterError, match="`dU/drho` must be finite"):
        wls.first_variation(wls.External(wls.laws.Kepler()), [[0.0, 0.0]], cloud)


def test_degrees_are_those_of_the_energy():
    """U[a rho] = a^degree U[rho], for the functionals that say so."""
    cloud = gas(n=9)[0]
    for functional, degree in [
        (wls.External(well), 1),
        (wls.Pairwise(wls.laws.Morse()), 2),
        (wls.Gravity(), 2),
        (prepared(wls.learn.ExternalPotential(hidden=8)), 1),
        (prepared(wls.learn.PairPotential(cutoff=3.0)), 2),
        (prepared(wls.learn.LearnableStrength(wls.Gravity())), 2),
        (wls.learn.Average([prepared(wls.learn.ExternalPotential(hidden=8))]), 1),
    ]:
        assert functional.degree == degree
        once, twice = (functional.expression(cloud.positions, k * cloud.weights, 0.0, np) for k in (1.0, 2.0))
        assert float(twice) == pytest.approx(2**degree * float(once), rel=1e-5)
    assert wls.GaussianEntropy().degree is None


# The potential


def test_plot_potential_in_the_plane(ax):
    data = gas(times=3)
    assert wls.visual.plot_potential(wls.External(well), data, ax=ax) is ax
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("x [km]", "y [km]", "")
    assert [other.get_ylabel() for other in ax.figure.axes[1:]] == ["potential [km² / d²]"]
    _, lines, dots = ax.collections
    np.testing.assert_array_equal(np.sort(dots.get_offsets(), 0), np.sort(np.concatenate(data.positions), 0))
    # each line is where the well has one value, but for the constant that is free and the grid
    for level, path in list(zip(lines.levels, lines.get_paths(), strict=True))[:3]:
        values = well(path.vertices, np)
        assert np.ptp(values) < 0.02 and values.mean() == pytest.approx(level, abs=0.02)


def test_plot_potential_fades_where_there_are_no_data(ax):
    two = wls.Population(np.random.default_rng(0).normal(size=(100, 2)) * 0.1 + np.repeat([[-3.0], [3.0]], 50, axis=0))
    wls.visual.plot_potential(prepared(wls.learn.ExternalPotential(hidden=8), seed=0), two, ax=ax)
    fade = ax.images[0].get_array()[..., 3]
    assert fade[60, 60] > 0.5 and fade[:, :60].min() == fade[:, 60:].min() == 0.0
    known = wls.visual.plot_potential(wls.External(well), two, ax=ax.figure.add_subplot())
    assert known.images[0].get_array()[..., 3].max() == 0.0  # the sun stood in white


@pytest.mark.parametrize("time", [None, 1.5])
def test_plot_potential_says_when(ax, time):
    moving = wls.External(lambda x, t, xp: t * (x**2).sum(-1))
    wls.visual.plot_potential(moving, gas(times=2), time=time, ax=ax)
    assert ax.get_title() == f"t = {0.5 if time is None else time:g} d"


def test_plot_potential_on_a_line_is_the_law_and_its_members(ax):
    data = gas(dim=3, times=2)
    wls.visual.plot_potential(wls.External(well), data, axes=[1], ax=ax)
    whole, near = (line.get_xydata() for line in ax.lines)
    y = whole[:, 0]
    exact = 2.0 * y**2
    np.testing.assert_allclose(whole[:, 1] - whole[:, 1].min(), exact - exact.min(), atol=1e-9)
    assert np.isnan(near[0, 1]) and np.nanmin(near[:, 1]) == 0.0  # there are no data at the very edge
    assert ax.get_xlabel() == "y [km]"

    several = wls.learn.Average([prepared(wls.learn.ExternalPotential(hidden=8), 3, seed) for seed in range(4)])
    other = ax.figure.add_subplot()
    wls.visual.plot_potential(several, data, axes=[1], ax=other)
    x, mean = other.lines[0].get_data()
    places = np.tile(np.concatenate(data.positions).mean(0), (len(x), 1))
    places[:, 1] = x
    near = ~np.isnan(other.lines[1].get_ydata())
    curves = np.array([wls.first_variation(f, places, data[0], time=0.5) for f in several.functionals])
    curves -= curves[:, near].mean(1, keepdims=True)
    np.testing.assert_allclose(mean - mean.min(), curves.mean(0) - curves.mean(0).min(), atol=1e-5)
    band = other.collections[0].get_paths()[0].vertices
    assert np.ptp(band[:, 1]) == pytest.approx(np.ptp(curves), abs=1e-5)
    assert [text.get_text() for text in other.get_legend().get_texts()] == ["learned", "range of 4 networks", "data"]


def test_a_learned_potential_fades_where_networks_differ(ax):
    data = gas(n=1500)
    one, other = (prepared(wls.learn.ExternalPotential(hidden=8), seed=seed) for seed in range(2))
    for values in other.parameters():
        values.data += 0.5  # another function, not only another start
    fades = []
    for networks in ([one, one], [one, other]):
        own = wls.visual.plot_potential(wls.learn.Average(networks), data, ax=ax.figure.add_subplot())
        fades.append(own.images[0].get_array()[..., 3])
    assert (fades[1] >= fades[0]).all() and fades[1].mean() > fades[0].mean() + 0.05


def test_plot_potential_of_the_field_of_a_population(ax):
    """Two bodies: the field is lowest near them, and interactions are not an external potential."""
    pair = wls.Population([[-1.0, 0.0], [1.0, 0.0], [0.0, 0.7], [0.0, -0.7]], weights=[0.5, 0.5, 0, 0])
    law = wls.Pairwise(wls.laws.Plummer(1.0, 0.3))
    with pytest.raises(ParameterError, match=r"must have an external potential to be drawn, or `field_of`"):
        wls.visual.plot_potential(law, pair, ax=ax)
    wls.visual.plot_potential(law, pair, field_of=pair, ax=ax)
    lowest = ax.collections[1].get_paths()[0].vertices
    assert (np.abs(np.abs(lowest[:, 0]) - 1.0) < 0.5).all() and {-1.0, 1.0} == set(np.sign(lowest[:, 0]))


def test_plot_potential_takes_models_flows_and_systems(ax):
    data = wls.systems.HarmonicOscillator(n=30, seed=0).exact(np.linspace(0, 2, 4)).snapshots(seed=0)
    model = wlm(steps=2, members=1, progress=False).fit(data)
    wls.visual.plot_potential(model, ax=ax)
    own = wls.visual.plot_potential(wls.systems.OrnsteinUhlenbeck(n=20, seed=0))
    assert own.figure is not ax.figure
    flow = wls.GradientFlow(wls.External(well))
    assert wls.visual.plot_potential(flow, gas()).figure.axes[1].get_ylabel() == "potential [km² / d]"


@pytest.mark.parametrize(
    ("mechanics", "given", "message"),
    [
        (wls.Lagrangian(), {}, "`mechanics` must be with a potential energy"),
        ("law", {}, "`mechanics` must be a fitted WLM, a Lagrangian, a GradientFlow, a System or a Functional"),
        (wls.External(well), {"data": None}, "`data` must be given to say which part of space to draw"),
        (wls.External(well), {"axes": (0, 1, 2)}, "`axes` must be at most 2 different integers"),
        (wls.External(well), {"data": 3}, "`data` must be a SnapshotSeries or Trajectory or Population"),
    ],
    ids=["free", "word", "nodata", "axes", "data"],
)
def test_plot_potential_refuses(mechanics, given, message):
    with pytest.raises(ParameterError, match=message):
        wls.visual.plot_potential(mechanics, **{"data": gas(dim=3), **given})


def test_an_unfitted_model_says_so():
    with pytest.raises(wls.errors.NotFittedError, match="call fit first"):
        wls.visual.plot_potential(wls.learn.WLM(), gas())


# The pair law


def test_plot_pair_law_is_the_law_but_for_a_constant(ax):
    law = wls.Pairwise(wls.laws.Morse(c=1.5, l=0.5))
    assert wls.visual.plot_pair_law(law, reach=4.0, ax=ax) is ax
    r, drawn = ax.lines[0].get_data()
    exact = law.law(r, np)
    np.testing.assert_allclose(drawn, exact - np.median(exact), atol=1e-12)
    assert r[-1] == 4.0 and ax.get_xlim() == (0.0, 4.0)


def test_plot_pair_force(ax):
    law = wls.Pairwise(wls.laws.Plummer(2.0, 0.5))
    wls.visual.plot_pair_law(law, truth=law, force=True, data=gas(), reach=3.0, ax=ax)
    r, drawn = ax.lines[0].get_data()
    np.testing.assert_allclose(drawn, -2.0 * r / (r**2 + 0.25) ** 1.5, rtol=1e-12)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), drawn)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance [km]", "pair force [km / d²]")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["law", "truth", "pairs in data"]


def test_plot_pair_law_shows_the_spread_of_members_and_seeds(ax):
    fits = [
        wls.learn.Average([prepared(wls.learn.PairPotential(cutoff=2.0), seed=10 * k + m) for m in range(2)])
        for k in range(3)
    ]
    wls.visual.plot_pair_law(fits, force=True, ax=ax)
    band = ax.collections[0].get_paths()[0].vertices
    r, mean = ax.lines[0].get_data()
    assert r[-1] == 2.0  # the cutoff
    places = np.zeros((len(r) + 1, 2))
    places[1:, 0] = r
    weights = np.append(1.0, np.zeros(len(r)))
    curves = np.array([f.force(places, weights)[1:, 0] for fit in fits for f in fit.functionals])
    np.testing.assert_allclose(mean, curves.mean(0), atol=1e-6)
    assert band[:, 1].min() == pytest.approx(curves.min(), abs=1e-6)
    assert band[:, 1].max() == pytest.approx(curves.max(), abs=1e-6)
    solid = ax.lines[0].get_ydata()
    assert not np.isnan(solid).any()  # no data are known, of which it could know nothing
    assert "range of 6 fits" in [text.get_text() for text in ax.get_legend().get_texts()]

    by_name = ax.figure.add_subplot()
    wls.visual.plot_pair_law({"one": fits[0], "rest": fits[1:]}, ax=by_name)
    assert [text.get_text() for text in by_name.get_legend().get_texts()] == ["one", "rest"]


def test_plot_pair_law_refuses_what_it_cannot_draw():
    with pytest.raises(ParameterError, match="must have a pair potential to be drawn"):
        wls.visual.plot_pair_law(wls.External(well), reach=1.0)
    with pytest.raises(ParameterError, match="`reach` or `data` must be given, since the law has no cutoff"):
        wls.visual.plot_pair_law(wls.Pairwise(wls.laws.Morse()))


# Courses


def test_plot_energy_draws_the_energies(ax):
    damped = wls.Lagrangian(wls.External(wls.laws.Harmonic(4.0)), dissipation=wls.Friction(0.3))
    flight = wls.simulate(damped, gas(n=5)[0].at_rest(), np.linspace(0, 3, 10), dt=0.01)
    flight.units = {"length": "mm", "time": "s"}
    assert wls.visual.plot_energy(flight, ax) is ax
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_array_equal(drawn["total"], flight.energy())
    np.testing.assert_allclose(drawn["kinetic"] + drawn["potential"], drawn["total"])
    lost = (flight.energy()[-1] - flight.energy()[0]) / flight.energy()[0]
    assert ax.get_title() == f"relative change of the total energy: {lost:.1e}" and lost < -0.5
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time [s]", "energy [mm² / s²]")


def test_plot_energy_of_a_flow_and_without_mechanics(ax):
    drift = wls.systems.OrnsteinUhlenbeck(n=20, seed=0).simulate([0.0, 1.0], dt=0.1)
    assert [line.get_label() for line in wls.visual.plot_energy(drift, ax).lines] == ["total"]
    with pytest.raises(ParameterError, match="does not know its mechanics"):
        wls.visual.plot_energy(wls.Trajectory([0.0], np.zeros((1, 2, 2)), np.zeros((1, 2, 2))))


@pytest.fixture(scope="module")
def fitted():
    data = wls.systems.HarmonicOscillator(n=30, seed=10).exact(np.linspace(0, 2, 5)).snapshots(seed=0)
    data.units = {"length": "mm", "time": "s"}
    return wlm(steps=20, members=2, validation="last", progress=False).fit(data)


def test_plot_training(fitted, ax):
    assert wls.visual.plot_training(fitted, ax) is ax
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), fitted.losses_)
    right = ax.figure.axes[-1]
    np.testing.assert_array_equal(np.column_stack(right.lines[0].get_data()), fitted.validation_)
    assert (ax.get_yscale(), right.get_ylabel()) == ("log", "W1 on the validation marginal [mm]")


def test_plot_friction(fitted, ax):
    wls.visual.plot_friction(fitted, 0.5, ax)
    along, result, truth = ax.lines
    np.testing.assert_array_equal(along.get_ydata(), fitted.frictions_)
    assert (result.get_ydata()[0], truth.get_ydata()[0]) == (fitted.friction_, 0.5)
    assert ax.get_ylabel() == "friction rate [1 / s]"


def test_plots_of_a_training_need_one():
    for plot in (wls.visual.plot_training, wls.visual.plot_friction):
        with pytest.raises(wls.errors.NotFittedError, match="call fit first"):
            plot(wls.learn.WLM())


def test_a_learned_pair_law_is_faint_where_there_are_no_pairs(ax):
    fit = prepared(wls.learn.PairPotential(cutoff=3.0))
    ring = wls.Population(2.0 * np.c_[np.cos(np.arange(3) * 2.1), np.sin(np.arange(3) * 2.1)])
    wls.visual.plot_pair_law(fit, data=ring, reach=5.0, ax=ax)
    faint, solid = ax.lines[:2]
    known = ~np.isnan(solid.get_ydata())
    assert faint.get_alpha() < 1 and not np.isnan(faint.get_ydata()).any()
    assert known.any() and (np.abs(solid.get_xdata()[known] - 3.5) < 0.3).all()
    law = ax.figure.add_subplot()
    wls.visual.plot_pair_law(wls.Pairwise(wls.laws.Morse()), data=ring, reach=5.0, ax=law)
    assert not np.isnan(law.lines[0].get_ydata()).any()  # what is known is known everywhere


# Clouds


def test_plots_count_what_ran_away(ax):
    x = np.random.default_rng(0).normal(size=(200, 2))
    x[:3] += 500.0
    series = wls.SnapshotSeries([0.0, 1.0], [x, x[3:]])
    wls.visual.plot_snapshots(series, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["3 of 397 outside"]
    assert len(ax.collections[0].get_offsets()) == 394 and np.abs(ax.get_xlim()).max() < 20
    panel = wls.visual.plot_forecast(series[[0]], series[[1]])[0]
    assert [text.get_text() for text in panel.texts] == ["3 of 200 outside"]


def test_one_time_is_no_colour(ax):
    wls.visual.plot_snapshots(gas(times=1), ax=ax)
    assert ax.figure.axes == [ax] and ax.collections[0].get_array() is None
    line = ax.figure.add_subplot()
    wls.visual.plot_snapshots(gas(dim=1, times=3), ax=line)
    assert line.figure.axes == [ax, line]  # the axis says the time


def test_plot_phase_portrait(ax):
    spring = wls.systems.HarmonicOscillator(n=7, dim=2, seed=0).exact(np.linspace(0, 3, 5))
    spring.units = {"length": "mm", "time": "s"}
    assert wls.visual.plot_phase_portrait(spring, 1, ax=ax, paths=3) is ax
    shown = np.asarray(ax.collections[0].get_offsets())
    given = np.column_stack([spring.positions[..., 1].ravel(), spring.velocities[..., 1].ravel()])
    np.testing.assert_array_equal(np.sort(shown, 0), np.sort(given, 0))
    assert len(ax.lines) == 3
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("y [mm]", "velocity along y [mm / s]")


def test_plot_phase_portrait_leaves_out_what_it_does_not_know(ax):
    data = wls.systems.HarmonicOscillator(n=7, seed=0).exact([0.0, 1.0, 2.0]).snapshots(seed=0)
    some = data.without_velocities(except_at=[1])
    wls.visual.plot_phase_portrait(some, ax=ax)
    assert len(ax.collections[0].get_offsets()) == 7
    with pytest.raises(ParameterError, match="`series` must have velocities at some time"):
        wls.visual.plot_phase_portrait(data.without_velocities(), ax=ax)
    with pytest.raises(ParameterError, match="`axes` must be"):
        wls.visual.plot_phase_portrait(data, 2, ax=ax)


def test_plot_forecast_lays_prediction_over_truth(ax):
    truth, forecast = gas(n=20, times=5), gas(n=30, times=9)
    axes = wls.visual.plot_forecast(forecast, truth, panels=3)
    assert [panel.get_title() for panel in axes] == ["t = 0 d", "t = 4 d", "t = 8 d, observed at 4"]
    observed, predicted = axes[1].collections
    np.testing.assert_array_equal(np.sort(observed.get_offsets(), 0), np.sort(truth.positions[4], 0))
    np.testing.assert_array_equal(np.sort(predicted.get_offsets(), 0), np.sort(forecast.positions[4], 0))
    assert wls.visual.plot_forecast(forecast, truth, axes=[1], ax=[ax])[0] is ax
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("y [km]", "density")
    with pytest.raises(ParameterError, match="`truth` must be of 2 dimensions"):
        wls.visual.plot_forecast(forecast, gas(dim=3))


# Charges and types


def test_pair_laws_are_told_apart_by_charge_and_type(ax):
    swarm = wls.Population.gaussian(6, 2, seed=0)
    ions = wls.Charged(wls.Pairwise(lambda r, xp: 1.0 / r), [1.0, -1.0] * 3)
    wls.visual.plot_pair_law(ions, reach=2.0, force=True, data=swarm, ax=ax)
    lines = {line.get_label(): line.get_ydata() for line in ax.lines[:2]}
    assert list(lines) == ["charge 1 and charge -1", "two of charge 1, or two of charge -1"]
    r = ax.lines[0].get_xdata()
    np.testing.assert_allclose(list(lines.values()), [-1 / r**2, 1 / r**2])
    kinds = ["cat", "cat", "mouse"] * 2
    chase = wls.Between(wls.Pairwise(lambda r, xp: r), kinds, "cat", "mouse")
    apart = wls.Between(wls.Pairwise(wls.laws.Morse()), kinds, "mouse", "mouse")
    ax.clear()
    wls.visual.plot_pair_law(chase + apart, chase + apart, reach=2.0, ax=ax)
    named = [label for line in ax.lines if not (label := line.get_label()).startswith("_")]
    assert named == ["cat and mouse", "two of mouse", "truth: cat and mouse", "truth: two of mouse"]
    with pytest.raises(ParameterError, match="at most 3 kinds of particles apart to be drawn; there are 6"):
        wls.visual.plot_pair_law(wls.Charged(wls.Gravity(method="direct"), np.arange(6.0)), reach=1.0)


def test_a_potential_is_that_of_a_charge(ax):
    swarm, field = wls.Population.gaussian(6, 2, seed=0), wls.External(wls.laws.UniformField((1.0, 0.0)))
    ions = wls.Lagrangian(wls.Charged(field + wls.Pairwise(wls.laws.Morse()), [1.0, -2.0] * 3))
    for like, slope in ((0, -1.0), (1, 2.0)):
        ax.clear()
        wls.visual.plot_potential(ions, swarm, axes=[0], like=like, ax=ax)
        x, y = ax.lines[0].get_data()
        np.testing.assert_allclose(np.diff(y) / np.diff(x), slope)
        assert ax.get_ylabel() == f"potential of charge {(1, -2)[like]}"
    wls.visual.plot_potential(ions, swarm, field_of=swarm, like=1)
    with pytest.raises(ParameterError, match="`like` must be below 6"):
        wls.visual.plot_potential(ions, swarm, like=6)
    with pytest.raises(ParameterError, match="`field_of` must be of 6 particles"):
        wls.visual.plot_potential(ions, swarm, field_of=wls.Population.gaussian(5, 2, seed=0))


def test_a_steep_wall_leaves_its_well_to_be_seen(ax):
    """Of a Lennard-Jones law, 1e25 at the nearest distance drawn, the well takes a good part of the picture."""
    law = wls.Pairwise(wls.laws.LennardJones(4.0), cutoff=2.5)
    for force in (False, True):
        ax.clear()
        wls.visual.plot_pair_law(law, force=force, ax=ax)
        (low, high), line = ax.get_ylim(), ax.lines[0].get_ydata()
        assert (line[-1] - line.min()) / (high - low) > 0.15 and low < line.min()


def test_the_histogram_stays_below_the_law(ax):
    swarm = wls.systems.MorseSwarm(n=100, seed=0)
    wls.visual.plot_pair_law(swarm, force=True, reach=3.0, data=swarm.population, ax=ax)
    low, high = ax.get_ylim()
    assert (ax.lines[0].get_ydata().min() - low) / (high - low) > 0.16


def test_names_lie_beside_narrow_panels():
    tall = wls.SnapshotSeries([0.0, 1.0], [np.random.default_rng(0).normal(size=(50, 2)) * (1, 6) for _ in range(2)])
    axes = wls.visual.plot_forecast(tall, tall)
    assert [text.get_text() for text in axes[0].figure.legends[0].get_texts()] == ["observed", "predicted"]
    assert axes[0].figure.get_size_inches()[0] < 4.0 and axes[0].get_legend() is None
