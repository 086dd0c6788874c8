"""The trainings of a fit, one after the other or side by side in processes, followed by callbacks and a checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from wlmsim._warning import warn
from wlmsim.learn.group import ALONE, Group
from wlmsim.learn.training.callbacks import Callback, Record
from wlmsim.learn.training.checkpoint_file import CheckpointFile
from wlmsim.learn.training.interrupts import Interrupts
from wlmsim.learn.training.trainer import Trainer, Watcher
from wlmsim.parallel.jobs import Lost, Send, UnsendableError
from wlmsim.parallel.processes import cores
from wlmsim.parallel.spread import START_UP, spread

PROBE = 10
"""Steps whose time says how long a training takes; as many before them are not counted, being slow at first."""
FIRST = 1.0
"""Seconds after which a process first sends its trainer's state, for an early interrupt; then ever more seldom."""


@dataclass(frozen=True)
class Training:
    """One member's training, and where it stands in the fit; the fields are those of `Record`."""

    stage: str
    member: int
    members: int
    trainer: Trainer

    def record(self, step: int, loss: float, friction: float, seconds: float) -> Record:
        """What callbacks are told of a step."""
        steps = self.trainer.steps
        return Record(self.stage, self.member, self.members, step, steps, loss, friction, seconds)

    @property
    def title(self) -> str:
        """Name of the training, also in a checkpoint."""
        return self.record(0, math.nan, math.nan, 0.0).title

    @property
    def ended(self) -> bool:
        """Whether no step is left to be taken."""
        progress = self.trainer.progress
        return progress.stopped or progress.step >= self.trainer.steps


class Ensemble:
    """Runs trainings; a context in which callbacks have begun, and after which they have ended.

    Parameters
    ----------
    callbacks : sequence of callables
        Each is told of every step by a `Record`.
    checkpoint : CheckpointFile, optional
        Keeps the state of every training.
    group : Group
        The processes that share the trainings, of which the first has the callbacks and the checkpoint.
    """

    def __init__(
        self, callbacks: Sequence[Callable[[Record], Any]], checkpoint: CheckpointFile | None, group: Group = ALONE
    ):
        self._group = group
        self._callbacks, self._checkpoint = callbacks, checkpoint
        self._began = time.monotonic()
        self._open = ExitStack()
        self._interrupts = Interrupts()

    def __enter__(self) -> Ensemble:
        with self._open as opened:
            if self._checkpoint is not None or not self._group.first:
                opened.enter_context(self._interrupts)
            for callback in self._callbacks:
                if isinstance(callback, Callback):
                    callback.begin(resumed=self._checkpoint is not None and self._checkpoint.resumed)
                    opened.callback(callback.end)
            self._open = opened.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def run(self, training: Training) -> None:
        """Train in this process, from where the checkpoint stands."""
        self._restore(training)
        self._train(training)

    def run_all(self, trainings: Sequence[Training], processes: int | None, client: Any = None) -> None:
        """Train one after the other, or in several processes, which changes no bit of the result.

        Parameters
        ----------
        trainings : sequence of Training
            The members.
        processes : int, optional
            How many at the same time. Default: as many as there are cores, if that saves time.
        client : Client, Cluster or str, optional
            Where the workers of a cluster train them.

        Raises
        ------
        ParameterError
            If `processes` or a cluster are asked for and a member cannot be sent to another one.
        """
        for training in trainings:
            self._restore(training)
        left = [training for training in trainings if not training.ended]
        count = min(cores() if processes is None else processes, len(left))
        if left and client is not None:
            self._train_side_by_side(left, count, client)
        elif count > 1 and (processes is not None or self._saved(left, count) > START_UP):
            try:
                self._train_side_by_side(left, count)
            except UnsendableError:
                if processes is not None:
                    raise
        for training in trainings:
            self._train(training)

    def _saved(self, trainings: Sequence[Training], count: int) -> float:
        """Seconds that processes would save, by the time of the first steps of the first member."""
        first = trainings[0]
        watchers, started = self._watchers(first), first.trainer.progress.step
        first.trainer.advance(started + PROBE, watchers)
        began = time.monotonic()
        first.trainer.advance(started + 2 * PROBE, watchers)
        seconds = (time.monotonic() - began) / PROBE
        steps = max(training.trainer.steps - training.trainer.progress.step for training in trainings)
        return seconds * steps * (len(trainings) - math.ceil(len(trainings) / count))

    def _train(self, training: Training) -> None:
        training.trainer.run(self._watchers(training))
        if self._checkpoint is not None:
            self._checkpoint.keep(training.title, training.trainer, now=True)

    def _train_side_by_side(self, trainings: Sequence[Training], processes: int, client: Any = None) -> None:
        """Train every member to its end in processes, which send what callbacks and checkpoint are to know."""

        def receive(index: int, report: Any) -> None:
            training = trainings[index]
            if isinstance(report, dict):
                assert self._checkpoint is not None
                self._checkpoint.put(training.title, report)
            else:
                self._tell(training, *report)
            if self._interrupts.asked and self._checkpoint is not None:
                if not self._checkpoint.path.exists():
                    self._checkpoint.put(training.title, training.trainer.state())
                self._interrupt()

        interval = math.inf if self._checkpoint is None else self._checkpoint.interval
        items = [(training.trainer, interval) for training in trainings]
        states = spread(_train_alone, items, processes, client, receive)
        for training, state in zip(trainings, states, strict=True):
            if isinstance(state, Lost):
                warn(f"{training.title}: {state.reason}; it is trained here", RuntimeWarning)
            else:
                training.trainer.restore(state)

    def _watchers(self, training: Training) -> list[Watcher]:
        checkpoint = self._checkpoint
        watchers: list[Watcher] = [lambda trainer: self._tell(training, *_report(trainer))]
        if checkpoint is not None:

            def keep(trainer: Trainer) -> None:
                asked = self._interrupts.asked
                checkpoint.keep(training.title, trainer, now=asked)
                if asked:
                    self._interrupt()

            watchers.insert(0, keep)
        return watchers

    def _interrupt(self) -> None:
        """End the fit, whose state is kept."""
        assert self._checkpoint is not None
        raise KeyboardInterrupt(
            f"the state of the fit is in {self._checkpoint.path}: the same fit with the same checkpoint goes on from it"
        )

    def _tell(self, training: Training, step: int, loss: float, friction: float) -> None:
        record = training.record(step, loss, friction, time.monotonic() - self._began)
        for callback in self._callbacks:
            callback(record)

    def _restore(self, training: Training) -> None:
        """Go on from the checkpoint, which the first process of a group has."""

        def restore() -> dict[str, Any] | None:
            if self._checkpoint is not None:
                self._checkpoint.restore(training.title, training.trainer)
            return training.trainer.state() if self._group.size > 1 else None

        state = self._group.of_first(restore)
        if state is not None and not self._group.first:
            training.trainer.restore(state)


def _report(trainer: Trainer) -> tuple[int, float, float]:
    """Step, loss and friction."""
    progress = trainer.progress
    return progress.step, progress.losses[-1], progress.frictions[-1]


def _train_alone(item: tuple[Trainer, float], send: Send) -> dict[str, Any]:
    """In a process of its own: the state of a trainer at the last of its steps."""
    trainer, interval = item
    began = written = time.monotonic()

    def watch(trainer: Trainer) -> None:
        nonlocal written
        now = time.monotonic()
        if now - written >= (min(interval, FIRST + written - began) if interval < math.inf else interval):
            send(trainer.state())
            written = now
        send(_report(trainer))

    trainer.advance(trainer.steps, [watch])
    return trainer.state()
