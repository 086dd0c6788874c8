"""Jobs where they are wanted: on a cluster if there is a client, else in this process or in several."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from wlmsim.parallel.cluster import on_cluster
from wlmsim.parallel.jobs import Receive, Send, UnsendableError, Work
from wlmsim.parallel.processes import cores, in_processes

START_UP = 6.0
"""Seconds that processes must save to be worth their start: each imports torch and numba."""


def spread(
    work: Work,
    items: Sequence[Any],
    processes: int,
    client: Any = None,
    receive: Receive = lambda index, report: None,
) -> list[Any]:
    """Do `work` on every item by `in_processes`, or by `on_cluster` where a client is given."""
    if client is not None:
        return on_cluster(work, items, client, receive)
    return in_processes(work, items, processes, receive)


def wherever(
    run: Callable[[Any], Any],
    jobs: Sequence[Any],
    processes: int | None,
    client: Any,
    advance: Callable[[], None],
    alone: Callable[[Any], Any] | None = None,
) -> list[Any]:
    """Do jobs one after the other, in several processes with one thread each, or on a cluster; in their order.

    Parameters
    ----------
    run : callable
        Does one job and gives its result.
    jobs : sequence
        What to do.
    processes : int or None
        How many. None: as many as there are cores, if the time of the first job says that it saves any.
    client : Client, Cluster, str or None
        Where the workers of a cluster do them all.
    advance : callable
        Called when a job is done.
    alone : callable, optional
        Does one job in a process of its own. Default: `run`.

    Returns
    -------
    list
        The results; `Lost` for a job whose workers died.

    Raises
    ------
    UnsendableError
        If a job cannot be sent to another process, though processes or a cluster are asked for.
    """
    done: list[Any] = []
    while len(done) < len(jobs) and client is None and processes in (None, 1):
        began = time.monotonic()
        done.append(run(jobs[len(done)]))
        advance()
        left, each = len(jobs) - len(done), time.monotonic() - began
        if processes is None and left > 1 and left * each * (1 - 1 / min(cores(), left)) > START_UP:
            break
    rest = jobs[len(done) :]
    if not rest:
        return done
    count = min(cores() if processes is None else processes, len(rest))
    there = run if alone is None else alone

    def work(job: Any, send: Send) -> Any:
        result = there(job)
        send(None)
        return result

    try:
        return [*done, *spread(work, rest, count, client, lambda index, report: advance())]
    except UnsendableError:
        if processes is not None or client is not None:
            raise
    for job in rest:
        done.append(run(job))
        advance()
    return done
