"""Objects with laws that are lambdas are copied, pickled and sent to other processes."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import wlmsim as wls


@pytest.fixture(scope="module")
def run() -> wls.Trajectory:
    law = wls.Lagrangian(wls.External(lambda x, xp: 0.5 * (x**2).sum(-1)))
    return wls.Trajectory([0.0, 1.0], np.ones((2, 3, 2)), np.ones((2, 3, 2)), mechanics=law)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_a_trajectory_of_a_lambda(run, again):
    other = again(run)
    assert other == run and np.array_equal(other.energy(), run.energy())


def test_a_trajectory_of_a_lambda_in_another_process(run, tmp_path):
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(run))
    program = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).energy().tolist())"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.pickle")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(run.energy().tolist())


def test_what_cannot_be_pickled_is_copied_as_before():
    class Closed:
        def __reduce__(self):
            raise TypeError("no")

        def __deepcopy__(self, memo):
            return self

    trajectory = wls.Trajectory([0.0], np.ones((1, 2, 2)), mechanics=Closed())
    assert copy.deepcopy(trajectory) == trajectory
    with pytest.raises(TypeError, match="no"):
        pickle.dumps(trajectory)
