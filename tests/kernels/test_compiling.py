"""What is said of compilation, when it takes long."""

from __future__ import annotations

import time

import numba
import pytest

import wlmsim.kernels  # noqa: F401 - which listens
from wlmsim import _progress
from wlmsim._progress import LateWord
from wlmsim.kernels.compiling import seconds_compiled


@pytest.mark.parametrize("short", [0.0, 1e3])
def test_a_compilation_that_takes_long_is_announced(short, monkeypatch, capfd):
    monkeypatch.setattr(_progress, "SHORT", short)
    monkeypatch.setattr(_progress, "PAUSE", -1.0)  # each is work of its own
    before, began = seconds_compiled(), time.monotonic()
    assert numba.njit(lambda x: sum([x * k for k in range(3)]))(2) == 6
    assert 0 < seconds_compiled() - before < time.monotonic() - began
    assert ("compiling loops for these laws" in capfd.readouterr().err) == (short == 0.0)


def test_parts_of_work_count_together_and_are_told_once(monkeypatch, capfd):
    monkeypatch.setattr(_progress, "SHORT", 0.1)
    word = LateWord("working")
    for _ in range(6):
        word.begin()
        time.sleep(0.06)
        word.end()
    assert capfd.readouterr().err == "working\n"
    word.begin()
    word.end()
    time.sleep(0.15)
    assert capfd.readouterr().err == ""


def test_nothing_is_said_where_quiet_was_asked_for(monkeypatch, capfd):
    monkeypatch.setattr(_progress, "SHORT", 0.0)
    token = _progress.QUIET.set(True)
    try:
        word = LateWord("working")
        word.begin()
        time.sleep(0.05)
        word.end()
    finally:
        _progress.QUIET.reset(token)
    assert capfd.readouterr().err == ""
