"""Ctrl-C during a fit."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

from tests.models import quick


@pytest.fixture(autouse=True)
def interruptible():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def interrupting(*steps):
    def interrupt(record):
        if (record.member, record.step) in steps:
            os.kill(os.getpid(), signal.SIGINT)

    return interrupt


def test_an_interrupt_leaves_a_checkpoint_from_which_the_fit_goes_on(drifters, tmp_path):
    path = tmp_path / "fit.checkpoint"
    for at in ((1, 4), (2, 7)):
        with pytest.raises(KeyboardInterrupt, match=r"the state of the fit is in .*fit\.checkpoint: the same fit"):
            quick(checkpoint=path, members=2).fit(drifters, callbacks=[interrupting(at)])
        assert path.exists()
    seen = []
    resumed = quick(checkpoint=path, members=2).fit(drifters, callbacks=[seen.append])
    assert (seen[0].member, seen[0].step) == (2, 9)
    np.testing.assert_array_equal(resumed.losses_, quick(members=2).fit(drifters).losses_)


def test_without_a_checkpoint_an_interrupt_ends_the_fit_at_once(drifters):
    seen = []
    with pytest.raises(KeyboardInterrupt) as raised:
        quick().fit(drifters, callbacks=[seen.append, interrupting((1, 4))])
    assert len(seen) == 4 and not str(raised.value)


def test_a_second_interrupt_does_not_wait_for_the_step(drifters, tmp_path):
    with pytest.raises(KeyboardInterrupt) as raised:
        quick(checkpoint=tmp_path / "c").fit(drifters, callbacks=[interrupting((1, 4)), interrupting((1, 4))])
    assert not str(raised.value)


@pytest.mark.slow
def test_an_interrupt_while_processes_train_leaves_a_checkpoint(drifters, tmp_path):
    path = tmp_path / "fit.checkpoint"
    with pytest.raises(KeyboardInterrupt, match="the state of the fit is in"):
        quick(checkpoint=path, members=2, processes=2).fit(drifters, callbacks=[interrupting((2, 20))])


def test_a_fit_in_another_thread_leaves_signals_alone(drifters, tmp_path):
    models = []
    thread = threading.Thread(target=lambda: models.append(quick(checkpoint=tmp_path / "c").fit(drifters)))
    thread.start(), thread.join()
    assert models[0].fitted
