"""Attention over a weighted cloud: its values and both derivatives, beside plain automatic differentiation."""

import pytest

torch = pytest.importorskip("torch")

import wlmsim as wls  # noqa: E402
from wlmsim.errors import ParameterError  # noqa: E402
from wlmsim.learn.functionals import Scales  # noqa: E402
from wlmsim.learn.networks import compiled_attention  # noqa: E402
from wlmsim.learn.networks import density_attention as module  # noqa: E402
from wlmsim.learn.networks.density_attention import density_attention  # noqa: E402

SCALE = 0.7


def plainly(query, key, value, w, scale):
    """The same by a softmax over all pairs."""
    return torch.softmax(scale * query @ key.transpose(1, 2) + w.log(), -1) @ value


def cloud(n=9, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    features = [torch.randn(2, n, k, generator=generator, dtype=dtype).requires_grad_() for k in (3, 3, 4)]
    return features, torch.rand(n, generator=generator, dtype=dtype)


@pytest.fixture(params=[1, 4, 1000], ids=lambda rows: f"{rows} rows")
def blocks(request, monkeypatch):
    """Blocks of a row, of some with fewer in the last, and of all."""
    monkeypatch.setitem(module.BLOCK, "cpu", request.param * 2 * 9)


@pytest.mark.usefixtures("blocks")
class TestDensityAttention:
    def test_values(self):
        features, w = cloud()
        torch.testing.assert_close(density_attention(*features, w, SCALE), plainly(*features, w, SCALE))

    def test_both_derivatives(self):
        features, w = cloud()
        assert torch.autograd.gradcheck(lambda *parts: density_attention(*parts, w, SCALE), features)
        assert torch.autograd.gradgradcheck(lambda *parts: density_attention(*parts, w, SCALE), features)

    def test_particles_without_weight_do_not_count(self):
        features, w = cloud()
        less = torch.where(torch.arange(9) < 5, w, 0.0)
        few = [part[:, :5] for part in features]
        found = density_attention(*features, less, SCALE)
        torch.testing.assert_close(found[:, :5], plainly(*few, w[:5], SCALE))
        gradient = torch.autograd.grad((found[:, :5] ** 2).sum(), features)
        assert all(torch.isfinite(part).all() for part in gradient)
        assert not gradient[1][:, 5:].any()


@pytest.mark.parametrize(("n", "features", "values"), [(5, 3, 4), (40, 16, 16), (130, 20, 17)])
def test_compiled_in_single_precision_as_by_torch_in_double(n, features, values):
    """Rows, columns and features that fill registers and that do not; some particles do not count."""
    generator = torch.Generator().manual_seed(n)
    sizes = (features, features, values, values)  # of queries, keys, values, and what the averages matter
    q, k, v, g = (torch.randn(3, n, size, generator=generator) for size in sizes)
    a, b, c = (torch.randn(3, n, size, generator=generator) for size in sizes[:3])
    w = torch.rand(n, generator=generator) * (torch.arange(n) % 7 > 0)

    def everything(dtype):
        unknown = [part.to(dtype).requires_grad_() for part in (q, k, v, g)]
        assert compiled_attention.serves(unknown[0]) == (dtype == torch.float32)
        average = density_attention(*unknown[:3], w.to(dtype), SCALE)
        first = torch.autograd.grad(average, unknown[:3], unknown[3], create_graph=True)
        return average, *first, *torch.autograd.grad(first, unknown, [part.to(dtype) for part in (a, b, c)])

    for ours, reference in zip(everything(torch.float32), everything(torch.float64), strict=True):
        assert (ours - reference).norm() < 1e-5 * reference.norm()


def test_compiled_gives_the_same_bits_on_any_number_of_threads():
    import numba

    features, w = cloud(130, torch.float32)
    found, most = [], numba.get_num_threads()
    try:
        for threads in (1, most):
            numba.set_num_threads(threads)
            average = density_attention(*features, w, SCALE)
            first = torch.autograd.grad(average.sum(), features, create_graph=True)
            found.append([average, *first, *torch.autograd.grad(sum(part.cos().sum() for part in first), features)])
    finally:
        numba.set_num_threads(most)
    assert all(map(torch.equal, *found))


def test_large_scores_do_not_overflow():
    features, w = cloud(dtype=torch.float32)
    found = density_attention(*features, w, 1e4)
    torch.testing.assert_close(found, plainly(*features, w, 1e4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_force_and_gradient_of_a_function_of_it(dtype, monkeypatch):
    """Through the whole transformer, equal to plain automatic differentiation of the energy."""
    torch.manual_seed(0)
    potential = wls.learn.AttentionPotential(16, 4, 2, 16, time_dependent=True)
    potential.prepare(2, Scales((0.0, 0.0), 1.0, 0.0, 1.0))
    potential.to(dtype)
    x, w = torch.randn(40, 2, dtype=dtype), torch.rand(40, dtype=dtype)
    w /= w.sum()

    def step():
        moved = x.clone().requires_grad_()
        force = potential.scaled_force(moved, w, 0.3)
        objective = (force**3 + moved.sin() * force).sum()
        unknown = [moved, *potential.parameters()]
        return [force.detach(), *torch.autograd.grad(objective, unknown, allow_unused=True, materialize_grads=True)]

    found = step()
    monkeypatch.setattr("wlmsim.learn.functionals.attention.density_attention", plainly)
    for mine, plain in zip(found, step(), strict=True):
        size = max(plain.abs().max().item(), 1e-3)
        torch.testing.assert_close(mine, plain, rtol=1e-5, atol=(1e-5 if dtype == torch.float32 else 1e-12) * size)
    assert found[1].abs().max() > 1e-3


def test_memory_does_not_grow_with_the_pairs():
    """What is kept for a gradient of the force is proportional to the number of particles."""
    from wlmsim.learn.rollouts.recomputation import kept_bytes

    potential = wls.learn.AttentionPotential(16, 4, 2, 16)
    potential.prepare(2, Scales((0.0, 0.0), 1.0, 0.0, 1.0))

    def kept(n):
        x, w = torch.randn(n, 2, requires_grad=True), torch.full((n,), 1.0 / n)
        return kept_bytes(lambda: potential.scaled_force(x, w, 0.0))

    assert kept(400) < 2.2 * kept(200)


class TestTimeFeatures:
    """Sines and cosines of time are added to the tokens."""

    def make(self, **options):
        torch.manual_seed(0)
        potential = wls.learn.AttentionPotential(8, 2, 1, 8, time_dependent=True, **options)
        potential.prepare(2, Scales((0.0, 0.0), 1.0, 0.0, 1.0))
        return potential.double()

    def test_force_is_that_of_the_energy_at_its_time(self):
        potential = self.make(time_features=3)
        x, w = torch.randn(6, 2, dtype=torch.float64), torch.full((6,), 1 / 6, dtype=torch.float64)
        assert torch.autograd.gradcheck(lambda x: potential.scaled_energy(x, w, 0.7), x.requires_grad_())
        early, late, long_after = (potential.scaled_force(x, w, t) for t in (0.0, 1.0, 2 * torch.pi / 0.6 * 4))
        assert not torch.allclose(early, late, atol=1e-6)
        torch.testing.assert_close(early, long_after)  # the slowest of three has four times the period of the fastest

    def test_settings_make_it_again(self):
        potential = self.make(time_features=3)
        again = wls.learn.AttentionPotential(**potential.settings())
        again.prepare(2, potential.scales)
        again.double().load_state_dict(potential.state_dict())
        assert repr(again) == repr(potential)

    def test_need_an_energy_that_depends_on_time(self):
        with pytest.raises(ParameterError, match="`time_features` must be 0"):
            wls.learn.AttentionPotential(time_features=2)
