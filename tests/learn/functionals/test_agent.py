"""Animals driven by agents whose paths are given, aligned with the mean of their neighbours, in many populations."""

import numpy as np
import pytest
import torch

import wlmsim as wls
from benchmarks.common import joined
from benchmarks.sheep import Drives
from tests.models import wlm
from wlmsim.datasets.animals import SheepDrive
from wlmsim.errors import ParameterError
from wlmsim.evaluation import score_forecast
from wlmsim.learn.functionals import Scales
from wlmsim.learn.training.trainer import MOST_POPULATIONS, Trainer

SCALES = Scales((0.3, -0.2), 1.5, 0.5, 0.4)
DOG = wls.Trajectory([0.0, 1.0, 3.0], [[[-2.0, 0.0]], [[0.0, 0.0]], [[0.0, 2.0]]])


def prepared(term):
    torch.manual_seed(0)
    term.prepare(2, SCALES)
    return term.double()


@pytest.mark.parametrize(
    ("time", "place"), [(-1.0, (-2, 0)), (0.0, (-2, 0)), (0.25, (-1.5, 0)), (2.0, (0, 1)), (3.0, (0, 2)), (9.0, (0, 2))]
)
def test_the_force_points_along_the_line_to_the_agent_where_it_is_then(time, place):
    dog = prepared(wls.learn.AgentPotential(DOG, cutoff=4.0))
    sheep = np.array([[0.5, 1.5], [place[0] + 4.1, place[1]]])  # the second is too far away
    force = dog.force(sheep, np.full(2, 0.5), time)
    away = sheep[0] - np.array(place)
    assert np.linalg.norm(force[0]) > 1e-4
    assert force[0, 0] * away[1] == pytest.approx(force[0, 1] * away[0], abs=1e-9)
    np.testing.assert_array_equal(force[1], 0)


def test_forces_of_several_agents_add():
    both = prepared(wls.learn.AgentPotential(wls.Trajectory([0.0], [[[0.0, 0.0], [1.0, 1.0]]]), cutoff=3.0))
    sheep, w = np.random.default_rng(0).standard_normal((4, 2)), np.full(4, 0.25)
    single = [prepared(wls.learn.AgentPotential(wls.Trajectory([0.0], [[p]]), cutoff=3.0)) for p in ((0, 0), (1, 1))]
    np.testing.assert_allclose(both.force(sheep, w, 0.7), sum(s.force(sheep, w, 0.7) for s in single), atol=1e-12)


def test_training_starts_from_a_hundredth_of_the_typical_force():
    neighbours, w = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0.01, 0.99])
    for size in (2.0, 200.0):
        dog = prepared(wls.learn.AgentPotential(DOG, cutoff=4.0, typical_force=size))
        r = np.linspace(0.5, 3.5, 30)
        forces = dog.force(np.stack([-2 + r, 0 * r], -1), np.full(30, 1 / 30), 0.0)
        assert 0.003 * size < np.abs(forces[:, 0]).max() < 0.03 * size
        pair = prepared(wls.learn.PairPotential(4.0, typical_force=size))
        assert 0.0005 * size < abs(pair.force(neighbours, w)[0, 0]) < 0.03 * size


@pytest.mark.parametrize("size", [0.0, -1.0, "weak"])
def test_a_typical_force_must_be_positive(size):
    with pytest.raises(ParameterError, match="typical_force"):
        wls.learn.AgentPotential(DOG, cutoff=4.0, typical_force=size)
    with pytest.raises(ParameterError, match="typical_force"):
        wls.learn.PairPotential(4.0, typical_force=size)


def test_agents_must_move_in_the_space_of_the_data():
    with pytest.raises(ParameterError, match="`agents` must be of dimension 3"):
        wls.learn.AgentPotential(DOG, cutoff=1.0).prepare(3, SCALES)
    with pytest.raises(ParameterError, match="`agents`"):
        wls.learn.AgentPotential({"times": [0.0]}, cutoff=1.0)


def flee(x, t, xp):
    """The potential of a dog that runs along the first axis."""
    return 3.0 * xp.exp(-((x[..., 0] - 2 * t + 2) ** 2 + x[..., 1] ** 2) / 2)


def chased(times: np.ndarray, seed: int = 0) -> wls.Trajectory:
    """Sheep that the dog repels by 3 exp(-r^2 / 2) (x - dog)."""
    start = wls.Population.gaussian(n=60, dim=2, velocity_width=0.1, seed=seed)
    return wls.simulate(wls.Lagrangian(wls.External(flee)), start, times, dt=0.02)


@pytest.mark.parametrize("typical_force", [None, 1.0])
def test_the_law_of_a_dog_is_recovered_and_kept_in_files(tmp_path, typical_force):
    times = np.linspace(0.0, 1.6, 9)
    dog = wls.Trajectory([0.0, 2.0], [[[-2.0, 0.0]], [[2.0, 0.0]]])
    how = {"rollouts": "multiple-shooting", "horizon": 2, "force": 0, "jerk": 0, "velocity_weight": 1.0}
    model = wlm(
        wls.learn.AgentPotential(dog, cutoff=4.0, knots=8, typical_force=typical_force),
        friction=0.0,
        steps=150,
        members=1,
        progress=False,
        **how,
    )
    model.set_params(optimiser__learning_rate=0.05).fit(chased(times).snapshots(seed=0))
    r = np.linspace(0.5, 2.0, 7)
    sheep = np.stack([0 * r, r], axis=-1)
    learned = model.lagrangian_.potential.force(sheep, np.full(7, 1 / 7), 1.0)[:, 1]
    truth = 3.0 * r * np.exp(-(r**2) / 2)
    assert np.abs(learned - truth).max() < 0.15 * truth.max()
    again = wls.learn.WLM.load(model.save(tmp_path / "dog.model"))
    start = chased(times, seed=1)[0]
    first, second = (m.forecast(start, [0.5, 1.5]).positions for m in (model, again))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("normalised", [True, False])
def test_normalised_alignment_does_not_depend_on_who_is_far_away(normalised):
    alignment = prepared(wls.learn.LearnableAlignment(2.0, 5, normalised=normalised))
    rng = np.random.default_rng(0)
    x, v = rng.uniform(0, 2, (6, 2)), rng.standard_normal((6, 2))
    alone = alignment.force(x, v, np.full(6, 1 / 6))
    two = alignment.force(np.concatenate([x, x + 50]), np.concatenate([v, v]), np.full(12, 1 / 12))
    assert np.abs(alone).max() > 1e-4
    np.testing.assert_allclose(two[:6], alone if normalised else alone / 2, rtol=1e-9, atol=1e-14)


def drive(seed: int, frames: int) -> SheepDrive:
    rng = np.random.default_rng(seed)
    times = 0.1 * np.arange(frames)
    x = rng.standard_normal((1, 4, 2)) + times[:, None, None]
    tracks = wls.Tracks(times, x, np.ones_like(x))
    dog, shepherd = (wls.Trajectory(times, x[:, [0]] - k) for k in (2, 5))
    return SheepDrive(tracks.snapshots(), dog, shepherd, tracks)


def test_drives_follow_one_another_in_time_with_their_dogs():
    drives = Drives([drive(0, 40), drive(1, 100)])
    data, path = drives.until(0.6), drives.path("dog")
    assert data.population_labels == (0, 1)
    for k in (0, 1):
        part, last = data.population(k), drives.last(k, 0.6)
        assert part.times[-1] == drives.frame(k, last).time
        assert last + 1 == {0: 24, 1: 60}[k]
        np.testing.assert_allclose(path.at(part.times[-1]).positions, drives.drives[k].dog.positions[last])
        np.testing.assert_array_equal(part[-1].positions, drives.drives[k].sheep[last].positions)
    assert drives.long_enough(20) == [1]
    start, observed = drives.pair(1, 59, 20)
    scores = [score_forecast([start[0]], observed, start[0]) for _ in range(2)]
    assert observed.times[0] - start.times[0] == pytest.approx(2.0)
    assert start.population_labels == observed.population_labels == (1,)
    assert joined(scores).mean["ballistic"] == pytest.approx(0.0, abs=1e-9)
    assert joined(scores).mean["persistence"] == pytest.approx(2 * np.sqrt(2))
    assert len(joined(scores).times) == len(joined(scores).origins) == 2


def test_of_many_populations_a_step_takes_a_few(monkeypatch):
    taken = []
    original = Trainer._rollout_loss

    def watch(self, start, *targets):
        taken.append(len(start.x))
        return original(self, start, *targets)

    monkeypatch.setattr(Trainer, "_rollout_loss", watch)
    sizes, steps = [5, 6, 7, 8, 9, 10], 20
    rng = np.random.default_rng(0)
    clouds = [np.concatenate([rng.standard_normal((n, 2)) for n in sizes]) for _ in range(2)]
    labels = [np.repeat(np.arange(6), sizes)] * 2
    data = wls.SnapshotSeries([0.0, 1.0], clouds, [np.zeros_like(c) for c in clouds], populations=labels)
    wlm(steps=steps, members=1, progress=False, batch_size=None).fit(data)
    groups = np.array(taken).reshape(steps, MOST_POPULATIONS)
    assert all(len(set(group)) == MOST_POPULATIONS for group in groups.tolist())
    assert set(taken) == set(sizes)
