"""Progress bar of a fit: steps, loss, friction, time left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from wlmsim.learn.training import Trainer, Watcher


@contextmanager
def fitting_bar(title: str, steps: int, *, show: bool) -> Iterator[Watcher]:
    """Show a bar for as long as the context lasts; yields the watcher that moves it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3g}  friction {task.fields[friction]:.3g}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not show) as bars:
        task = bars.add_task(title, total=steps, loss=float("nan"), friction=float("nan"))

        def watch(trainer: Trainer) -> None:
            progress = trainer.progress
            bars.update(task, completed=progress.step, loss=progress.losses[-1], friction=progress.frictions[-1])

        yield watch
