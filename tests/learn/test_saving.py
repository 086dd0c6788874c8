"""Models as files, and back."""

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import FileFormatError, NotFittedError, ParameterError
from wlmsim.learn.functionals import Scales

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


@pytest.fixture(scope="module")
def composed(drifters) -> wls.learn.WLM:
    potential = wls.learn.ExternalPotential((8,)) + wls.External(wls.laws.Harmonic((0.1, 0.2)))
    return quick(potential=potential + wls.Pairwise(wls.laws.Morse()), members=2).fit(drifters)


class TestFiles:
    def test_round_trip(self, composed, drifters, tmp_path):
        path = composed.save(tmp_path / "x.model")
        again = wls.learn.WLM.load(path)
        assert repr(again) == repr(composed)
        times = [0.5, 2.0]
        first, second = (m.forecast(drifters[0], times).positions for m in (composed, again))
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(again.times_, drifters.times)
        np.testing.assert_array_equal(again.losses_, composed.losses_)
        with pytest.raises(NotFittedError, match="not kept in files"):
            again.interpolate([1.0])
        assert again.evaluate(drifters[[3]], data=drifters[[0, 1, 2, 4]]).protocol == "interpolate"
        assert again.set_params(optimiser__steps=3, members=1).fit(drifters).best_step_ == 3

    @pytest.mark.parametrize(
        "term",
        [
            wls.learn.PairPotential(1.0, 6),
            wls.learn.MeanFieldPotential(3, (8,), (8,)),
            wls.learn.AttentionPotential(8, 2, 1, 8),
            wls.learn.LearnableStrength(wls.Pairwise(wls.laws.Morse()) + wls.GaussianQuantumPressure(0.5), 0.1),
        ],
        ids=lambda term: type(term).__name__,
    )
    def test_every_learnable_term_is_kept(self, term, drifters, tmp_path):
        model = quick(potential=wls.learn.ExternalPotential((4,)) + term, steps=2, members=2).fit(drifters)
        again = wls.learn.WLM.load(model.save(tmp_path / "x.model"))
        first, second = (m.forecast(drifters[0], [0.5]).positions for m in (model, again))
        np.testing.assert_array_equal(first, second)

    def test_plain_functions_are_refused(self, drifters, tmp_path):
        model = quick(potential=wls.learn.ExternalPotential((4,)) + wls.External(lambda x, xp: (x**2).sum(-1)), steps=2)
        with pytest.raises(ParameterError, match=r"wlmsim\.laws"):
            model.fit(drifters).save(tmp_path / "x.model")
        assert list(tmp_path.iterdir()) == []

    def test_missing_truncated_and_foreign(self, composed, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"gone\.model"):
            wls.learn.WLM.load(tmp_path / "gone.model")
        path = composed.save(tmp_path / "x.model")
        content = path.read_bytes()
        for size in (0, 10, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:size])
            with pytest.raises(FileFormatError, match=r"x\.model"):
                wls.learn.WLM.load(path)
        path.write_text("not a model")
        with pytest.raises(FileFormatError, match=r"x\.model"):
            wls.learn.WLM.load(path)
