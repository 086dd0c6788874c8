"""Work in several processes, which report while they are at it.

Processes start afresh and need no ``if __name__ == "__main__":`` in the caller's script; they stay for a while, so that
the next work finds them started. Functions and classes of the caller's script and lambdas are sent by value.
"""

from __future__ import annotations

import os
import pickle
import queue
import secrets
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from threading import Thread
from typing import Any

from wlmsim.errors import ParameterError

Send = Callable[[Any], None]
"""Sends a report to the process that asked for the work."""


class UnsendableError(ParameterError):
    """What was to be worked on cannot be sent to another process."""


IDLE_SECONDS = 60.0
"""How long a process waits for further work before it ends."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def cores() -> int:
    """Number of processor cores that this process may use."""
    import loky

    return loky.cpu_count()


def in_processes(
    work: Callable[[Any, Send], Any],
    items: Sequence[Any],
    processes: int,
    receive: Callable[[int, Any], None] = lambda index, report: None,
) -> list[Any]:
    """Do `work` on every item, in several processes with one thread each.

    Parameters
    ----------
    work : callable
        A function of an item and of `send`, whose results and reports can be pickled.
    items : sequence
        What to work on.
    processes : int
        Most processes at a time.
    receive : callable, optional
        Called in this process with the index of an item and each of its reports, in the order in which it sent them.

    Returns
    -------
    list
        The results in the order of the items.

    Raises
    ------
    ParameterError
        If an item cannot be sent to another process. Errors of the work, and of `receive`, end all processes.
    """
    import loky

    payloads = [_packed(work, item) for item in items]
    key, messages = secrets.token_bytes(32), queue.SimpleQueue[tuple[int, bool, Any]]()
    executor = loky.get_reusable_executor(max_workers=min(processes, len(items)), timeout=IDLE_SECONDS, env=ONE_THREAD)
    listener = Listener(authkey=key)
    Thread(target=_listen, args=(listener, messages), daemon=True).start()
    try:
        futures = [executor.submit(_work, *job, listener.address, key) for job in enumerate(payloads)]
        return _gathered(futures, messages, receive)
    except BaseException:
        _end(executor)
        raise
    finally:
        with suppress(OSError):
            Client(listener.address, authkey=key).close()  # wakes the listener, which sees that this is the end
        listener.close()


def _packed(work: Callable[[Any, Send], Any], item: Any) -> bytes:
    import cloudpickle

    try:
        return cloudpickle.dumps((work, item))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UnsendableError(
            f"`processes` must be 1 for models that cannot be sent to another process ({error})"
        ) from error


def _gathered(
    futures: Sequence[Future[None]],
    messages: queue.SimpleQueue[tuple[int, bool, Any]],
    receive: Callable[[int, Any], None],
) -> list[Any]:
    """Pass reports on until every result is there."""
    results: dict[int, Any] = {}
    while len(results) < len(futures):
        try:
            index, last, message = messages.get(timeout=0.2)
        except queue.Empty:
            for future in futures:
                if future.done():
                    future.result()  # raises what ended the work, or the process
            continue
        if last:
            results[index] = message
        else:
            receive(index, message)
    return [results[index] for index in range(len(futures))]


def _end(executor: Executor) -> None:
    executor.shutdown(wait=True, kill_workers=True)  # type: ignore[call-arg]


def _listen(listener: Listener, messages: queue.SimpleQueue[Any]) -> None:
    """Accept workers, each read by a thread of its own, until one connects that does not greet."""
    with suppress(OSError, EOFError):
        while True:
            connection = listener.accept()
            connection.recv_bytes()
            Thread(target=_read, args=(connection, messages), daemon=True).start()


def _read(connection: Connection, messages: queue.SimpleQueue[Any]) -> None:
    with suppress(OSError, EOFError):
        while True:
            messages.put(pickle.loads(connection.recv_bytes()))


def _work(index: int, payload: bytes, address: Any, key: bytes) -> None:
    """In a process of its own: do the work; its reports and its result go back through one connection."""
    import cloudpickle

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal interrupts all: the process that waits ends this one
    with Client(address, authkey=key) as connection:

        def send(message: Any, *, last: bool = False) -> None:
            try:
                connection.send_bytes(cloudpickle.dumps((index, last, message)))
            except OSError:  # nobody waits for it any more
                os._exit(1)

        connection.send_bytes(b"here")
        work, item = pickle.loads(payload)
        send(work(item, send), last=True)
