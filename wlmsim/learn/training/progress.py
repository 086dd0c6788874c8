"""Progress bars of a fit: steps, loss, friction, time left."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from wlmsim.learn.training.callbacks import Callback, Record


class FittingBars(Callback):
    """A bar for each training of a fit, below a line on where it runs.

    Parameters
    ----------
    about : str
        The line; an empty one is not shown.
    """

    def __init__(self, about: str = "") -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3g}  friction {task.fields[friction]:.3g}"),
            TimeRemainingColumn(),
        )
        self._bars = Progress(*columns, console=Console(stderr=True))
        self._tasks: dict[str, TaskID] = {}
        self._about = about

    def begin(self, *, resumed: bool) -> None:
        """Show what there is."""
        if self._about:
            self._bars.console.print(self._about, style="dim", highlight=False)
        self._bars.start()

    def __call__(self, record: Record) -> None:
        """Move the bar of the step's training."""
        at: dict[str, Any] = {"completed": record.step, "loss": record.loss, "friction": record.friction}
        if record.title not in self._tasks:
            self._tasks[record.title] = self._bars.add_task(record.title, total=record.steps, **at)
        self._bars.update(self._tasks[record.title], **at)

    def end(self) -> None:
        """Leave the bars as they are."""
        self._bars.stop()
