"""Work in several processes of this machine, which report while they are at it.

Processes start afresh and need no ``if __name__ == "__main__":`` in the caller's script; they stay for a while, so that
the next work finds them started. Functions and classes of the caller's script and lambdas are sent by value.
"""

from __future__ import annotations

import importlib
import os
import pickle
import queue
import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from threading import Thread
from typing import Any

from wlmsim.parallel.jobs import Lost, Receive, Work, packed

IDLE_SECONDS = 60.0
"""How long a process waits for further work before it ends."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
Message = tuple[int, str, Any]
"""The number of a job, "begun", "report" or "result", and what it is."""
LOOK_SECONDS = 1.0
"""How often a process looks whether the one that started it is still there."""
TRIES = 3
"""How often a job is begun whose process dies, the first time beside others and then alone."""


def cores() -> int:
    """Number of processor cores that this process may use."""
    import loky

    return loky.cpu_count()


def in_processes(
    work: Work, items: Sequence[Any], processes: int, receive: Receive = lambda index, report: None
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
        Called in this process with the index of an item and each of its reports, in the order in which it sent them;
        a job that is begun again sends them again.

    Returns
    -------
    list
        The results in the order of the items; `Lost` for one that ended its process whenever it was tried. The others
        are not affected.

    Raises
    ------
    ParameterError
        If an item cannot be sent to another process. Errors of the work, and of `receive`, end all processes.
    """
    payloads, results = packed(work, items, "`processes` must be 1"), dict[int, Any]()
    left = list(range(len(items)))
    while left:
        for index in _round(left, payloads, processes, receive, results):  # one of these ended its process
            alone = range(TRIES - 1)
            if all(_round([index], payloads, 1, receive, results) for _ in alone):
                results[index] = Lost(f"its process died {TRIES} times")
        left = [index for index in left if index not in results]
    return [results[index] for index in range(len(items))]


def started(processes: int, *modules: str) -> Callable[[], bool]:
    """Begin to start processes for later work, and to import modules there; the result tells whether all are ready."""
    executor = _executor(processes)
    begun = [executor.submit(_import, modules) for _ in range(processes)]
    return lambda: all(one.done() for one in begun)


def _import(modules: Sequence[str]) -> None:
    """In a process of its own: import what work will need, which takes so long that no process does it twice."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in modules:
        importlib.import_module(module)


def _round(
    indices: Sequence[int], payloads: Sequence[bytes], processes: int, receive: Receive, results: dict[int, Any]
) -> list[int]:
    """Begin jobs and fill in results until all are there or a process dies; the jobs that were at work then."""
    key, messages = secrets.token_bytes(32), queue.SimpleQueue[Message]()
    count = min(processes, len(indices))
    executor = _executor(count)
    listener = Listener(_address(), authkey=key)
    Thread(target=_listen, args=(listener, messages), daemon=True).start()
    begun: set[int] = set()
    try:
        futures = {index: executor.submit(_work, index, payloads[index], listener.address, key) for index in indices}
        _gather(futures, messages, receive, begun, results)
        return []
    except BrokenProcessPool:
        _end(executor)
        with suppress(queue.Empty):  # what the dead said may still be on its way
            while True:
                _hear(messages, LOOK_SECONDS, receive, begun, results)
        at_work = [index for index in indices if index in begun and index not in results]
        if not at_work:  # no process as much as began
            raise
        return at_work
    except BaseException:
        _end(executor)
        raise
    finally:
        with suppress(OSError):
            Client(listener.address, authkey=key).close()  # wakes the listener, which sees that this is the end
        listener.close()


def _executor(count: int) -> Executor:
    """So many processes that wait for work, others after a fork: those that are there end with the other process."""
    import loky

    return loky.get_reusable_executor(
        max_workers=count, timeout=IDLE_SECONDS, env=ONE_THREAD, initializer=_end_with, initargs=(os.getpid(),)
    )


def _address() -> str | None:
    """Where to listen: on Linux at a name that ends with this process, elsewhere at a file, which a kill leaves."""
    return f"\0wlmsim-{secrets.token_hex(16)}" if sys.platform == "linux" else None


def _gather(
    futures: dict[int, Future[None]],
    messages: queue.SimpleQueue[Message],
    receive: Receive,
    begun: set[int],
    results: dict[int, Any],
) -> None:
    """Pass reports on until every result is there."""
    while not results.keys() >= futures.keys():
        try:
            _hear(messages, 0.2, receive, begun, results)
        except queue.Empty:
            for future in futures.values():
                if future.done():
                    future.result()  # raises what ended the work, or the process


def _hear(
    messages: queue.SimpleQueue[Message], wait: float, receive: Receive, begun: set[int], results: dict[int, Any]
) -> None:
    """Take the next message; `queue.Empty` if none comes while one waits."""
    index, kind, content = messages.get(timeout=wait)
    if kind == "begun":
        begun.add(index)
    elif kind == "result":
        results[index] = content
    else:
        receive(index, content)


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

        def send(content: Any, kind: str = "report") -> None:
            try:
                connection.send_bytes(cloudpickle.dumps((index, kind, content)))
            except OSError:  # nobody waits for it any more
                os._exit(1)

        connection.send_bytes(b"here")
        send(None, "begun")
        work, item = pickle.loads(payload)
        send(work(item, send), "result")


def _end_with(parent: int) -> None:
    """End this process when the one that started it has ended, even where a signal left it no time to say so."""
    if os.name != "posix":  # a launcher may stand between
        parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
