"""One marginal chooses the number of steps."""

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick, trainer_of
from wlmsim.errors import SimulationError
from wlmsim.learn.functionals import Scales
from wlmsim.learn.mechanics import scales_of
from wlmsim.learn.training.fitting import Fit

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


class TestValidation:
    def test_left_out_of_the_loss_and_chooses_the_steps(self, drifters):
        model = quick(validation="last", steps=100, patience=20).fit(drifters)
        checked = dict(model.validation_)
        assert model.best_step_ == min(checked, key=checked.__getitem__)
        assert len(model.losses_) == model.best_step_  # the refit runs for as many steps
        nonsense = [*drifters.positions[:-1], 100 + drifters.positions[-1]]
        moved = wls.SnapshotSeries(drifters.times, nonsense, drifters.velocities)
        without = quick(validation="last", refit=False, steps=20)
        trainers = []
        for series in (drifters, moved):
            fitted, held = Fit(without, series)._hold_out(without.part("stopping"))
            trainers.append(trainer_of(without, fitted, 20, scales_of(drifters), held=held))
        for trainer in trainers:
            trainer.run()
        assert trainers[0].progress.losses == trainers[1].progress.losses
        assert trainers[0].progress.scores != trainers[1].progress.scores

    def test_members_train_as_long_as_the_first_found_best(self, drifters):
        model = quick(validation="last", members=2).fit(drifters[:5])
        assert len(model.losses_) == model.best_step_
        kept = quick(validation="last", members=2, refit=False).fit(drifters[:5])
        assert np.isfinite(kept.losses_).all()
        assert len(kept.losses_) == 30

    def test_predictions_that_all_blow_up_are_reported(self, drifters, monkeypatch):
        monkeypatch.setattr("wlmsim.learn.training.trainer.Trainer._validation_w1", lambda *arguments: float("inf"))
        with pytest.raises(SimulationError, match="every prediction of the validation marginal blew up"):
            quick(validation="last").fit(drifters)

    def test_stops_early(self, drifters):
        nonsense = [*drifters.positions[:-1], drifters.positions[0]]
        misleading = wls.SnapshotSeries(drifters.times, nonsense, drifters.velocities)
        model = quick(validation="last", refit=False, steps=400, patience=80, learning_rate=1e-2).fit(misleading)
        assert len(model.losses_) == model.best_step_ + 80 < 400

    def test_negative_index_counts_from_the_end(self, drifters):
        last, same = (quick(validation=v, steps=10).fit(drifters) for v in ("last", -1))
        assert last.validation_ == same.validation_
