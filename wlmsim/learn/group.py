"""The processes that share a fit: who this one is, and what they tell each other, by `torch.distributed`."""

from __future__ import annotations

import os
import pickle
import secrets
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed

from wlmsim import _validation as check
from wlmsim._warning import warn

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Group:
    """Processes of one fit, each of which calls the same in the same order.

    Parameters
    ----------
    rank : int
        Which of them this is; the first, 0, alone speaks and writes.
    size : int
        How many there are; one needs to tell nobody anything.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> Group:
        """Those of the default process group; this one alone where there is none, with a word if that looks wrong."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return cls(torch.distributed.get_rank(), torch.distributed.get_world_size())
        if _launched() > 1:
            warn(
                f"torchrun started {_launched()} processes, and each fits by itself: they share a fit within "
                "`with wls.learn.process_group():`",
                RuntimeWarning,
            )
        return cls()

    @property
    def first(self) -> bool:
        """Whether this is the one that speaks and writes."""
        return self.rank == 0

    @contextmanager
    def one_voice(self) -> Iterator[None]:
        """Let the first process alone print and warn."""
        if self.first:
            yield
            return
        with (
            open(os.devnull, "w") as nowhere,
            redirect_stdout(nowhere),
            redirect_stderr(nowhere),
            warnings.catch_warnings(action="ignore"),
        ):
            yield

    def owns(self, number: int) -> bool:
        """Whether the item of a number is this one's."""
        return number % self.size == self.rank

    def rows(self, count: int) -> slice:
        """Its rows of so many, one after the other; the others have as many, but for one."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def add(self, *tensors: torch.Tensor) -> None:
        """Replace tensors of the same shapes everywhere by their sums over the processes."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().reshape(-1).to(tensors[0]) for tensor in tensors])
        torch.distributed.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.reshape(tensor.shape))

    def sums(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """Sums of arrays over the processes."""
        if self.size == 1:
            return list(arrays)
        tensors = [torch.as_tensor(array, dtype=torch.float64).to(_device()) for array in arrays]
        self.add(*tensors)
        return [tensor.cpu().numpy() for tensor in tensors]

    def joined(self, own: torch.Tensor, count: int) -> torch.Tensor:
        """The rows of all, of which each has its own, without gradient."""
        whole = own.new_zeros(count, *own.shape[1:])
        whole[self.rows(count)] = own.detach()
        self.add(whole)
        return whole

    def of_first(self, work: Callable[[], Kind]) -> Kind:
        """What the first process gets by doing something; an error that it meets meets all."""
        if self.size == 1:
            return work()
        told: list[Any] = [None, None]
        if self.first:
            try:
                told = [work(), None]
            except BaseException as error:
                torch.distributed.broadcast_object_list([None, _sendable(error)], src=0)
                raise
        torch.distributed.broadcast_object_list(told, src=0)
        found, met = told
        if met is not None:
            raise met
        return found

    def anywhere(self, here: bool) -> bool:
        """Whether something is so in any of the processes."""
        if self.size == 1:
            return here
        count = torch.tensor(float(here), device=_device())
        self.add(count)
        return bool(count)


ALONE = Group()


@contextmanager
def process_group(*, timeout: float = 1800.0) -> Iterator[Group]:
    """Join the processes that torchrun started, which then share each fit; without torchrun, stay alone.

    All processes call the same in the same order. A fit in a group takes the steps that it takes in one process, to
    rounding: each process has a share of every step, and their gradients are added. Only the first one, of rank 0,
    shows progress, calls callbacks and writes the checkpoint; all have the fitted model in the end. A process group of
    your own, by `torch.distributed.init_process_group`, does as well; this one can also be joined anew in the same
    run, by processes that torchrun starts again after one was killed (``--max-restarts``).

    Parameters
    ----------
    timeout : float
        Seconds that a process waits for another one before it fails. Default 1800.

    Yields
    ------
    Group
        With ``rank``, ``size`` and ``first``, whether this is the process that should print and save.

    Examples
    --------
    >>> import wlmsim as wls
    >>> with wls.learn.process_group() as group:  # the same script runs with torchrun and without
    ...     print(group.first)
    True
    """
    if _launched() == 1 or torch.distributed.is_initialized():
        yield Group.current()
        return
    most = timedelta(seconds=check.positive("timeout", timeout))
    store, rank, size = next(torch.distributed.rendezvous("env://", timeout=most))
    store = torch.distributed.PrefixStore(_agreed(store, rank, size, timeout), store)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    torch.distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=most)
    try:
        yield Group.current()
    finally:
        torch.distributed.destroy_process_group()


def _agreed(store: Any, rank: int, size: int, timeout: float) -> str:
    """A name that the first process gives to those that run now: torchrun's store still has what dead ones wrote."""
    own = secrets.token_hex(8)
    if rank > 0:
        store.set(f"wlmsim/hello/{rank}", own)
        name: str = store.get(f"wlmsim/name/{own}").decode()
        store.set(f"wlmsim/heard/{name}/{rank}", "yes")
        return name
    end = time.monotonic() + timeout
    waiting = set(range(1, size))
    while waiting:
        for other in list(waiting):
            if store.check([f"wlmsim/heard/{own}/{other}"]):
                waiting.remove(other)
            elif store.check([f"wlmsim/hello/{other}"]):
                store.set(f"wlmsim/name/{store.get(f'wlmsim/hello/{other}').decode()}", own)
        if time.monotonic() > end:
            raise TimeoutError(f"{len(waiting)} of {size} processes did not join within {timeout:g} s")
        time.sleep(0.02)
    return own


def _sendable(error: BaseException) -> BaseException:
    """The error, or one with its message where it cannot be sent."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def device_of_this_process() -> torch.device:
    """The GPU of this process: each of those on a machine has its own."""
    index = int(os.environ.get("LOCAL_RANK", torch.distributed.get_rank())) % torch.cuda.device_count()
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def _device() -> str:
    """Where a tensor must be to be sent."""
    return "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"


def _launched() -> int:
    """How many processes torchrun started this one with."""
    if not torch.distributed.is_available() or not torch.distributed.is_torchelastic_launched():
        return 1
    return int(os.environ.get("WORLD_SIZE", "1"))
