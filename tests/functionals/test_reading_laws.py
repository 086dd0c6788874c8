"""A law is read whenever it is evaluated: nothing computes with what it captured before."""

# ruff: noqa: B023 - laws that read the variable of a loop are what is tested

from __future__ import annotations

import dataclasses
import functools
import subprocess
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import wlmsim as wls
from wlmsim.errors import ParameterError
from wlmsim.functionals.fingerprints import Opaque, fingerprint

X, W = np.array([[1.0, 0.0], [0.0, 2.0]]), np.full(2, 0.5)
SQUARES = 0.5 * (X**2).sum(-1) @ W

scale = 1.0
settings = types.ModuleType("settings_of_a_user")
values = np.ones(2)


class Well:
    k = 1.0

    def __call__(self, x, xp):
        return 0.5 * self.k * (x**2).sum(-1)

    def method(self, x, xp):
        return self(x, xp)


@dataclasses.dataclass
class Scaled:
    unit: float = 1.0

    def __call__(self, x, xp):
        return 0.5 * scale * self.unit * (x**2).sum(-1)


def of_a_global(x, xp):
    return 0.5 * scale * (x**2).sum(-1)


def of_a_module(x, xp):
    return 0.5 * settings.k * (x**2).sum(-1)


def of_an_array(x, xp):
    return 0.5 * (values * x**2).sum(-1)


def of_another(x, xp):
    return of_a_global(x, xp)


def of_its_own(x, xp):
    return 0.5 * of_its_own.k * (x**2).sum(-1)


def closure():
    k = 1.0

    def set_to(value):
        nonlocal k
        k = value

    def law(x, xp):
        def inner(y):
            return k * y

        return 0.5 * inner(x**2).sum(-1)

    return law, set_to


def by_default(k=1.0):
    def law(x, xp, k=k):
        return 0.5 * k * (x**2).sum(-1)

    return law, lambda value: setattr(law, "__defaults__", (value,))


def by_partial():
    held = {"k": 1.0}
    return functools.partial(lambda x, xp, held=None: 0.5 * held["k"] * (x**2).sum(-1), held=held), (
        lambda value: held.update(k=value)
    )


def by_method():
    well = Well()
    return well.method, lambda value: setattr(well, "k", value)


def by_object():
    well = Well()
    return well, lambda value: setattr(well, "k", value)


def by_list():
    ks = [1.0]
    return lambda x, xp: sum(0.5 * k * (x**2).sum(-1) for k in ks), lambda value: ks.__setitem__(0, value)


def by_lock():
    """What cannot be compared is traced each time."""
    held = types.SimpleNamespace(k=1.0, lock=threading.Lock())
    return lambda x, xp: 0.5 * held.k * (x**2).sum(-1), lambda value: setattr(held, "k", value)


def by_globals():
    return lambda x, xp: 0.5 * globals()["scale"] * (x**2).sum(-1), lambda value: globals().update(scale=value)


WAYS = {
    "global": lambda: (of_a_global, lambda k: globals().update(scale=k)),
    "global of another function": lambda: (of_another, lambda k: globals().update(scale=k)),
    "global of a dataclass": lambda: (Scaled(), lambda k: globals().update(scale=k)),
    "attribute of a module": lambda: (of_a_module, lambda k: setattr(settings, "k", k)),
    "array": lambda: (of_an_array, lambda k: values.fill(k)),
    "attribute of the function": lambda: (of_its_own, lambda k: setattr(of_its_own, "k", k)),
    "closure": closure,
    "default": by_default,
    "partial": by_partial,
    "bound method": by_method,
    "object": by_object,
    "list": by_list,
    "beside a lock": by_lock,
    "globals()": by_globals,
    "class": lambda: (Well(), lambda k: setattr(Well, "k", k)),
}


def described(law):
    """How a law enters mechanics, each with its energy or another number that is k times that of k = 1."""
    external = wls.External(law)
    mean = wls.MeanField([law], lambda m, xp: m[0])
    stream = wls.StreamFlow(law)
    return {
        "energy": lambda: external.energy(X, W) / SQUARES,
        "force": lambda: -external.force(X, W)[1, 1] / 2,
        "expression": lambda: external.expression(X, W, 0.0, np) / SQUARES,
        "mean field": lambda: -mean.force(X, W)[1, 1] / 2,
        "flow": lambda: stream.velocity(X, W)[1, 0] / 2,
        "slope": lambda: np.sqrt(wls.SlopePotential(external).force(X, W)[1, 1] / 2),
    }


@pytest.mark.parametrize("way", WAYS)
def test_a_law_that_changes_is_seen_everywhere(way):
    law, change = WAYS[way]()
    change(1.0)
    before = described(law)
    for k in (1.0, 4.0, 9.0):
        change(k)
        # in functionals that were made before, and in new ones
        for found in (before, described(law)):
            assert {name: float(value()) for name, value in found.items()} == pytest.approx(dict.fromkeys(found, k))
    change(1.0)


@pytest.mark.parametrize("way", WAYS)
def test_energy_and_force_change_together(way):
    """Whichever of the two is evaluated first, and whether the functional was made before or after."""
    law, change = WAYS[way]()
    change(2.0)
    functional = wls.External(law)
    functional.force(X, W)
    change(3.0)
    energy = functional.energy(X, W)
    change(5.0)
    functional.energy(X, W)
    assert (energy, functional.force(X, W)[0, 0]) == pytest.approx((3 * SQUARES, -5.0))
    change(1.0)


def test_pair_laws_and_their_shift_change_too():
    for k in (1.0, 3.0):
        whole, near = wls.Pairwise(lambda r, xp: k * r**2), wls.Pairwise(lambda r, xp: k * r**2, cutoff=3.0)
        assert whole.force(X, W)[0, 0] == pytest.approx(-k)
        assert near.force(X, W)[0, 0] == pytest.approx(-k + 6 * k / np.sqrt(5) * 0.5)
    k = 2.0
    assert whole.force(X, W)[0, 0] == pytest.approx(-2.0)
    assert near.energy(X, W) == pytest.approx(2.0 * near_energy())


def near_energy():
    return wls.Pairwise(lambda r, xp: r**2, cutoff=3.0).energy(X, W)


def test_a_scan_in_a_loop_simulates_every_value():
    """As notebooks scan parameters: the closed form of the oscillator at each stiffness."""
    at_one = wls.Population([[1.0]]).at_rest()
    for k in (1.0, 4.0, 9.0):
        well = wls.External(lambda x, xp: 0.5 * k * (x**2).sum(-1))
        path = wls.simulate(wls.Lagrangian(well), at_one, [1.0], dt=1e-3)
        assert path.positions[0, 0, 0] == pytest.approx(np.cos(np.sqrt(k)), abs=1e-5)


def test_gradients_see_the_present_law():
    k, x = 1.0, torch.tensor(X, requires_grad=True)
    well = wls.Lagrangian(wls.External(lambda x, xp: 0.5 * k * (x**2).sum(-1)))
    for k in (1.0, 3.0):
        v = torch.zeros_like(x)
        path = wls.learn.differentiable_simulate(well, wls.Population(X), [0.1], dt=0.01, positions=x, velocities=v)
        (slope,) = torch.autograd.grad(path.positions[-1].sum(), x)
        np.testing.assert_allclose(slope, np.cos(np.sqrt(k) * 0.1), rtol=1e-4)


@pytest.mark.parametrize("timed", [False, True])
def test_waves_start_again_when_their_potential_changes(timed):
    line = wls.quantum.Grid.covering([-8.0], [8.0], spacing=0.2)
    packet = wls.quantum.WaveFunction.of(lambda x, xp: xp.exp(-0.5 * (x[..., 0] - 1.0) ** 2), line)

    def well(k):
        return (lambda x, t, xp: 0.5 * k * (x**2).sum(-1)) if timed else (lambda x, xp: 0.5 * k * (x**2).sum(-1))

    held = Well()
    potential = (lambda x, t, xp: held(x, xp)) if timed else held
    solver = wls.quantum.SplitStep(potential, step=0.05)
    pilot = wls.quantum.PilotWave(packet, potential, step=0.05)
    solver.evolve(packet, 1.0)
    pilot.wave(1.0)
    held.k = 4.0
    for time in (1.0, 1.5):
        expected = wls.quantum.SplitStep(well(4.0), step=0.05).evolve(packet, time).values
        np.testing.assert_allclose(solver.evolve(packet, time).values, expected, atol=1e-12)
    np.testing.assert_allclose(pilot.wave(1.5).mean, wls.quantum.PilotWave(packet, well(4.0), step=0.05).wave(1.5).mean)


def test_a_wave_refuses_what_cannot_be_compared():
    lock = threading.Lock()
    with pytest.raises(ParameterError, match=r"`potential` must compute with what can be compared.*lock"):
        wls.quantum.SplitStep(lambda x, xp: 0.0 * x[..., 0] * bool(lock))


# --- the digest


@given(st.one_of(st.floats(), st.integers(), st.text(), st.binary(), st.none(), st.booleans(), st.complex_numbers()))
def test_equal_captures_have_equal_digests(value):
    first, second = (lambda x, xp, v=value: v), (lambda x, xp, v=value: v)
    assert fingerprint(first) == fingerprint(second)


@given(
    st.lists(
        st.one_of(st.floats(allow_nan=False), st.integers(), st.text(max_size=3), st.tuples(st.integers())),
        min_size=2,
        max_size=6,
        unique_by=lambda value: (type(value), repr(value)),
    )
)
def test_different_captures_have_different_digests(captured):
    digests = {fingerprint(lambda x, xp, value=value: value) for value in captured}
    digests |= {fingerprint(lambda x, xp, value=value: value) for value in ([v] for v in captured)}
    assert len(digests) == 2 * len(captured)


@given(st.integers(0, 30), st.floats(-1e6, 1e6))
def test_a_single_entry_of_a_large_array_counts(place, change):
    array = np.zeros(2000)
    before = fingerprint(lambda x, xp: array)
    array[place] = change
    assert (fingerprint(lambda x, xp: array) == before) == (change == 0 and not np.signbit(change))


def test_code_counts_and_its_place_in_a_file_does_not():
    laws = [eval(f"{lines}lambda x, xp: {body}") for lines in ("", "\\\n") for body in ("x", "-x", "2.0 * x")]
    digests = [fingerprint(law) for law in laws]
    assert digests[:3] == digests[3:]
    assert len(set(digests)) == 3


def test_digests_are_the_same_in_another_process():
    script = (
        "import numpy as np\nfrom wlmsim.functionals.fingerprints import fingerprint\n"
        "class A:\n    def __init__(self): self.k, self.s = np.arange(3), {'b', 'a', 'c'}\n"
        "    def __call__(self, x, xp): return self.k * np.pi * len(self.s)\n"
        "print(fingerprint(A(), lambda r, xp: xp.exp(-r), {1.5: 'x'}))\n"
    )
    root = Path(wls.__file__).parents[1]
    runs = [subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True) for _ in range(2)]
    found = {run.stdout.strip() for run in runs}
    assert len(found) == 1
    assert len(found.pop()) == 40


def test_cycles_end_and_open_files_are_opaque(tmp_path):
    loop = []
    loop.append(loop)
    assert fingerprint(loop) == fingerprint(loop)
    with open(tmp_path / "file", "w") as file, pytest.raises(Opaque, match="TextIOWrapper"):
        fingerprint(lambda x, xp: file)


def test_tensors_count_by_value():
    tensor = torch.ones(2)
    before = fingerprint(lambda x, xp: tensor)
    tensor[0] = 2.0
    assert fingerprint(lambda x, xp: tensor) != before


def test_laws_that_differ_in_a_constant_share_what_is_compiled():
    from wlmsim.functionals.tracing import compile_external, compile_radial

    first, second = (compile_external(lambda x, xp, k=k: k * (x**2).sum(-1), 2) for k in (1.5, 2.5))
    assert first.value == second.value
    assert first.gradient == second.gradient
    assert first.parameters.tolist() != second.parameters.tolist()
    first, second = (compile_radial(lambda r, xp, k=k: xp.exp(-k * r)) for k in (1.5, 2.5))
    assert first.value == second.value
