"""The file from which a killed fit resumes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from wlmsim.errors import FileFormatError
from wlmsim.io.atomic import claimed
from wlmsim.io.paths import local
from wlmsim.learn import files
from wlmsim.learn.training.trainer import Trainer

KIND = "wlmsim-checkpoint"


@contextmanager
def opened(path: str | Path, fingerprint: Mapping[str, str], interval: float) -> Iterator[CheckpointFile]:
    """A checkpoint file that no other fit uses meanwhile.

    Raises
    ------
    FileFormatError
        If another fit does, and as `CheckpointFile`.
    """
    target = Path(os.path.realpath(local(path)))
    with ExitStack() as claims:
        try:
            claims.enter_context(claimed(target, path, "fit-"))
        except BlockingIOError:
            raise FileFormatError(f"{path}: another fit that is running keeps its checkpoint there") from None
        yield CheckpointFile(path, fingerprint, interval)


class CheckpointFile:
    """A file from which a killed fit resumes: the states of its stages so far.

    Parameters
    ----------
    path : path
        The file; removed when the fit is complete. One that exists is read.
    fingerprint : mapping of str to str
        Digests of the data and the settings, by their names.
    interval : float
        Least seconds between two writes.

    Attributes
    ----------
    resumed : bool
        Whether there was such a file.

    Raises
    ------
    FileFormatError
        If the file is unreadable, belongs to a fit with another fingerprint, or was written by another version.
    """

    def __init__(self, path: str | Path, fingerprint: Mapping[str, str], interval: float):
        self.path = local(path)
        self.fingerprint = dict(fingerprint)
        self.interval = interval
        self._stages: dict[str, Any] = {}
        self._written = time.monotonic()
        self.resumed = self.path.exists()
        if self.resumed:
            content = files.read(self.path, KIND)
            if differ := _differing(content["fingerprint"], self.fingerprint):
                raise FileFormatError(
                    f"{path}: this checkpoint belongs to a fit with other data or settings, or with a law of other "
                    f"code or captured values (other are: {', '.join(differ)}); remove it to start afresh"
                )
            self._stages = content["stages"]

    def restore(self, stage: str, trainer: Trainer) -> None:
        """Bring a trainer to where its stage was, if it had begun."""
        if stage not in self._stages:
            return
        state, own = self._stages[stage], trainer.state()
        differ = {*(state.keys() ^ own.keys()), *(state.get("progress", {}).keys() ^ own["progress"].keys())}
        try:
            if differ:
                raise ValueError(f"not the same in both: {', '.join(sorted(differ))}")
            trainer.restore(state)
        except (RuntimeError, ValueError) as error:
            about = str(error).split("\n")[0]
            raise FileFormatError(
                f"{self.path}: this checkpoint was written by another version of wlmsim ({about}); "
                "finish the fit with that version, or remove the file to start afresh"
            ) from error

    def keep(self, stage: str, trainer: Trainer, *, now: bool = False) -> None:
        """Write the trainer's state if the last write is long enough ago or `now`."""
        if now or time.monotonic() - self._written >= self.interval:
            self.put(stage, trainer.state())

    def put(self, stage: str, state: dict[str, Any]) -> None:
        """Write a trainer's state, atomically."""
        self._stages[stage] = state
        files.write(self.path, KIND, {"fingerprint": self.fingerprint, "stages": self._stages})
        self._written = time.monotonic()

    def remove(self) -> None:
        """Remove the file, once the fit is complete."""
        self.path.unlink(missing_ok=True)


def _differing(kept: Any, own: Mapping[str, str]) -> list[str]:
    """Names of what is not the same in two fits, in the order in which the parameters stand."""
    if not isinstance(kept, Mapping):  # of a version that kept one digest of all
        return ["any of all"]
    return [name for name in {**own, **kept} if kept.get(name) != own.get(name)]
