"""What a study is doing, and the time that is left."""

from __future__ import annotations

import threading
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from wlmsim.learn.studies.clock import Clock


class StudyBar:
    """A bar of the time spent of the budget, which moves by itself; call it with what is being done.

    Parameters
    ----------
    clock : Clock
        The budget.
    shown : bool
        Whether there is one.
    """

    def __init__(self, clock: Clock, *, shown: bool = True):
        self._clock, self._shown = clock, shown
        columns = (BarColumn(bar_width=24), TextColumn("{task.fields[left]}  {task.description}"))
        self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bars.add_task("", total=clock.seconds, left="")
        self._over = threading.Event()

    def __enter__(self) -> StudyBar:
        if self._shown:
            self._bars.start()
            threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __call__(self, text: str) -> None:
        """Say what is being done."""
        self._bars.update(self._task, description=text)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        if self._shown:
            self._bars.stop()

    def _tick(self) -> None:
        while not self._over.wait(0.5):
            left = f"{self._clock.left:.0f} s left"
            self._bars.update(self._task, completed=min(self._clock.spent, self._clock.seconds), left=left)
