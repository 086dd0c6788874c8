"""What can follow a fit: records of every step, written as JSON lines or for TensorBoard, or taken by any callable."""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from wlmsim.io.atomic import atomic
from wlmsim.io.optional import package


@dataclasses.dataclass(frozen=True)
class Record:
    """One training step, as a callback of `WLM.fit` is told of it.

    Attributes
    ----------
    stage : str
        "choosing the steps" on a validation marginal, or "fitting".
    member, members : int
        Which network is trained, from 1 on, and of how many.
    step, steps : int
        The step, from 1 on, and most steps of this stage. After a divergence a training goes back: steps come again.
    loss : float
        Loss of the step [dimensionless].
    friction : float
        Friction rate after it [1 / time].
    seconds : float
        Wall time since the fit began or was resumed [s].
    """

    stage: str
    member: int
    members: int
    step: int
    steps: int
    loss: float
    friction: float
    seconds: float

    @property
    def title(self) -> str:
        """Name of the training that the step belongs to."""
        if self.stage == "fitting" and self.members > 1:
            return f"member {self.member} of {self.members}"
        return self.stage


class Callback(ABC):
    """A callback of `WLM.fit` that is also told when a fit begins and ends; a callable of a `Record` serves as well.

    Callbacks are called in the process of the fit, in the order of the steps of each member, however many processes
    train. An error that one raises ends the fit.
    """

    def begin(self, *, resumed: bool) -> None:  # noqa: B027 - nothing to do is a fine default
        """Called before the first step; `resumed` says whether the fit goes on from a checkpoint."""

    @abstractmethod
    def __call__(self, record: Record) -> None:
        """Called after every step."""

    def end(self) -> None:  # noqa: B027
        """Called after the last step, also if an error ended the fit."""


class JSONLines(Callback):
    """Write every step of a fit as a line of JSON, with the fields of `Record`.

    A new fit starts the file anew. One that resumes, or goes back after a divergence, replaces the lines of the steps
    that it takes again, so that each step of each member is there once.

    Parameters
    ----------
    path : path
        The file.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> data = wls.systems.HarmonicOscillator(n=30, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)
    >>> log = wls.learn.JSONLines("fit.jsonl")
    >>> model = wls.learn.WLM(optimiser=wls.learn.AdamW(steps=3), members=1, progress=False)
    >>> _ = model.fit(data, callbacks=[log])
    >>> len(open("fit.jsonl").readlines())
    3
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._last: dict[str, int] = {}

    def begin(self, *, resumed: bool) -> None:
        """Remove the file of an earlier fit."""
        self._last = {}
        if not resumed:
            self.path.unlink(missing_ok=True)

    def __call__(self, record: Record) -> None:
        """Append a line; forget those of a training that has gone back."""
        if record.step != self._last.get(record.title, -1) + 1:
            self._forget(record)
        with self.path.open("a") as stream:
            stream.write(json.dumps(dataclasses.asdict(record)) + "\n")
        self._last[record.title] = record.step

    def _forget(self, again: Record) -> None:
        """Remove the lines of a training from a step on, and one that was cut off."""
        if not self.path.exists():
            return
        kept = []
        for line in self.path.read_text().splitlines():
            try:
                old = Record(**json.loads(line))
            except (json.JSONDecodeError, TypeError):
                continue
            if old.title != again.title or old.step < again.step:
                kept.append(line + "\n")
        with atomic(self.path) as temporary:
            temporary.write_text("".join(kept))

    def __repr__(self) -> str:
        return f"JSONLines({str(self.path)!r})"


class TensorBoard(Callback):
    """Write the loss and the friction of every step for TensorBoard, each member as a run of its own.

    Parameters
    ----------
    folder : path
        Where to write; show it by ``tensorboard --logdir FOLDER``.

    Raises
    ------
    MissingPackageError
        If TensorBoard is not installed: ``pip install 'wlmsim[tensorboard]'``.
    """

    def __init__(self, folder: str | Path):
        package("tensorboard", "tensorboard")
        self.folder = Path(folder)
        self._writers: dict[str, Any] = {}
        self._last: dict[str, int] = {}

    def __call__(self, record: Record) -> None:
        """Write both numbers."""
        writer = self._writer(record)
        writer.add_scalar("loss", record.loss, record.step)
        writer.add_scalar("friction", record.friction, record.step)
        self._last[record.title] = record.step

    def _writer(self, record: Record) -> Any:
        """The run of a training; a new one where it has gone back, which hides the steps that it takes again."""
        from torch.utils.tensorboard import SummaryWriter

        if record.step != self._last.get(record.title, -1) + 1:
            if record.title in self._writers:
                self._writers[record.title].close()
            folder = self.folder / record.title.replace(" ", "-")
            self._writers[record.title] = SummaryWriter(str(folder), purge_step=record.step)
        return self._writers[record.title]

    def end(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers, self._last = {}, {}

    def __repr__(self) -> str:
        return f"TensorBoard({str(self.folder)!r})"
