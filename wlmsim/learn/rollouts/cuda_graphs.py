"""Rollouts on a GPU as recordings (CUDA graphs): thousands of small operations are launched as one.

A rollout of a thousand particles takes a GPU less time than the host needs to ask for it, operation by operation. What
it does is the same each time that it runs between the same marginals, so that it can be recorded once, with its
gradient, and played again.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

import torch

from wlmsim._warning import warn

Tensors = tuple[torch.Tensor, ...]

RECORDED_AFTER = 2
"""Times that a rollout runs as it is: one that seldom occurs is not worth a recording."""


class Recorder:
    """Runs functions of tensors that depend on the parameters of one module, from recordings where there are some.

    Parameters
    ----------
    module : Module
        Whose parameters have a gradient.

    Notes
    -----
    Of recordings with the same `place` only one may be between its values and its gradient: they share memory.
    """

    def __init__(self, module: torch.nn.Module):
        self._module = module
        self._runs: Counter[Hashable] = Counter()
        self._recordings: dict[Hashable, Callable[..., Tensors]] = {}
        self._pools: dict[Hashable, Any] = {}
        self._recordable = True

    def forget(self) -> None:
        """Give back the memory of all recordings, and record anew from now on."""
        self._recordings.clear()
        self._pools.clear()

    def __call__(self, function: Callable[..., Tensors], place: Hashable, key: Hashable, *inputs: torch.Tensor) -> Any:
        """The function's values at such inputs; `key` says what else they depend on, beside the parameters."""
        key = (place, key, *(tensor.shape for tensor in inputs))
        if key in self._recordings:
            return self._recordings[key](*inputs, *self._learned.values())
        self._runs[key] += 1
        if not self._recordable or self._runs[key] <= RECORDED_AFTER:
            return function(*inputs)
        self._recordable = self._waits_for_nothing(function, inputs)
        if not self._recordable:
            return function(*inputs)
        try:
            recording = self._recordings[key] = self._record(function, place, inputs)
        except RuntimeError as error:  # such as too little memory
            warn(f"training goes on without CUDA graphs: {error}", RuntimeWarning)
            self._recordable = False
            _restore_random_numbers(inputs[0].device)
            return function(*inputs)
        return recording(*inputs, *self._learned.values())

    @property
    def _learned(self) -> dict[str, torch.nn.Parameter]:
        return {name: p for name, p in self._module.named_parameters() if p.requires_grad}

    def _record(self, function: Callable[..., Tensors], place: Hashable, inputs: Tensors) -> Callable[..., Tensors]:
        with_parameters, names = _WithParameters(self._module, function), [f"module.{name}" for name in self._learned]

        def run(*values: torch.Tensor) -> Tensors:
            inputs, parameters = values[: -len(names)], values[-len(names) :]
            return torch.func.functional_call(with_parameters, dict(zip(names, parameters, strict=True)), inputs)

        # each run puts its inputs where these copies are; parameters stay where they are, but no gradient that is under
        # way elsewhere knows these leaves: it would have to be waited for
        copies = [tensor.clone() for tensor in inputs]
        leaves = [parameter.detach().requires_grad_() for parameter in self._learned.values()]
        pool = self._pools.setdefault(place, torch.cuda.graph_pool_handle())
        recorded: Any = torch.cuda.make_graphed_callables(
            run, (*copies, *leaves), num_warmup_iters=1, allow_unused_input=True, pool=pool
        )
        return recorded

    def _waits_for_nothing(self, function: Callable[..., Tensors], inputs: Tensors) -> bool:
        """Whether the host never waits for the GPU, which no recording can: some laws of users read numbers from it."""
        before = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a prototype, says torch
            torch.cuda.set_sync_debug_mode("error")
        try:
            total = torch.stack([value.sum() for value in function(*inputs)]).sum()
            torch.autograd.grad(total, list(self._learned.values()), allow_unused=True)
        except RuntimeError as error:
            if "synchroniz" not in str(error):
                raise
            return False
        finally:
            torch.cuda.set_sync_debug_mode(before)
        return True


def _restore_random_numbers(device: torch.device) -> None:
    """A recording that fails leaves the generator in the midst of it; give it a state of its own again."""
    fresh = torch.Generator(device)
    fresh.manual_seed(torch.initial_seed())
    torch.cuda.default_generators[fresh.device.index or 0].graphsafe_set_state(fresh.graphsafe_get_state())


class _WithParameters(torch.nn.Module):
    """A function as a module, whose parameters can be replaced."""

    def __init__(self, module: torch.nn.Module, function: Callable[..., Tensors]):
        super().__init__()
        self.module, self.function = module, function

    def forward(self, *inputs: torch.Tensor) -> Tensors:
        return self.function(*inputs)
