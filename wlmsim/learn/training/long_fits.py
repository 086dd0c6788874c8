"""A word, as soon as it can be known, on fits that will take long, and on what would be faster."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from wlmsim._warning import warn
from wlmsim.learn.training.callbacks import Callback, Record

LONG = 600.0
"""Seconds beyond which a fit is long."""
FIRST, TIMED = 5, 10
"""Steps that are slow at first, and those after them whose time is measured."""
MANY = 2000
"""Rows of a step beyond which random batches are faster."""


class LongFits(Callback):
    """Warns once of a fit that will take more than ten minutes, by the time of its first steps.

    Parameters
    ----------
    faster : sequence of str
        What would be faster.

    Attributes
    ----------
    matching_steps : int
        Steps of matching, which come first; those of rollouts take another time.
    side_by_side : int
        How many networks are trained at the same time.
    """

    def __init__(self, faster: Sequence[str]):
        self.matching_steps, self.side_by_side, self._faster = 0, 1, faster
        self._title: str | None = None
        self._since = 0.0
        self._told = False

    def __call__(self, record: Record) -> None:
        """Measure the first steps of the first network, of matching and of rollouts."""
        self._title = self._title or record.title
        if self._told or record.title != self._title:
            return
        matching = record.step <= self.matching_steps
        done = record.step - (0 if matching else self.matching_steps)
        if done == FIRST:
            self._since = record.seconds
        if done != FIRST + TIMED:
            return
        seconds = (record.seconds - self._since) / TIMED
        steps = (self.matching_steps if matching else record.steps) - record.step
        rounds = math.ceil(record.members / self.side_by_side)
        if (left := seconds * (steps * rounds + (rounds - 1) * record.step)) > LONG:
            self._told = True
            others = f", {record.members} networks" if record.members > 1 else ""
            what = "matching" if matching and record.steps > self.matching_steps else "the fit"
            warn(
                f"{what} will take about {_text(left)}: {seconds:.2g} s a step, {steps} steps{others}. "
                f"Faster would be {'; '.join(self._faster) or 'fewer steps'}",
                RuntimeWarning,
            )


def faster(model: Any, rows: int) -> list[str]:
    """What would make a fit of a model to marginals of so many rows faster, as a user would type it."""
    ways = []
    batch = model.part("optimiser").batch_size
    if rows > MANY and (batch is None or batch > MANY):
        ways.append("random batches, optimiser=AdamW(batch_size=200)")
    if model.part("rollouts") is not None:
        ways.append("no simulations, matching='paths', rollouts=None")
    if model.members > 1:
        ways.append("one network, members=1")
    return [*ways, "fewer steps, optimiser=AdamW(steps=...)"]


def _text(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds > 5400 else f"{seconds / 60:.0f} minutes"
