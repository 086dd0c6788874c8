"""How many threads a compiled loop is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba

# About 50 microseconds of work for one thread; waking another takes a tenth of that on an idle machine, and on a
# busy one as long as the system lets other programs run first, which is milliseconds.
SMALL = 10_000


@contextmanager
def threads_for(operations: int) -> Iterator[int]:
    """Run loops over fewer than `SMALL` particles or pairs on one thread, larger ones on as many as are set.

    Gives the number of threads.
    """
    threads = numba.get_num_threads()
    used = 1 if operations < SMALL else threads
    if used == threads:
        yield used
        return
    numba.set_num_threads(used)
    try:
        yield used
    finally:
        numba.set_num_threads(threads)
