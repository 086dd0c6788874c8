"""How the forces of networks are computed: in which precision, compiled or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from wlmsim.learn.functionals import AttentionPotential, ExternalPotential, LearnableFunctional, MeanFieldPotential
from wlmsim.learn.functionals.base import force_of_energy

PRECISIONS = ("float32", "tf32", "bfloat16")
"""Single precision; the same with products of matrices in TF32 on a GPU that has it; networks in bfloat16."""
TYPED_OUT = (ExternalPotential, MeanFieldPotential)
"""Networks whose force is typed out. They can be compiled, for compiled code is differentiated once and not twice."""
BACKEND = "inductor"
"""Of torch.compile."""


class ForceEvaluator:
    """Computes forces of learned terms for a training.

    Parameters
    ----------
    precision : {"float32", "tf32", "bfloat16"}
        Of the networks. Positions, velocities, losses and what is learned stay in single precision. Default "float32".
    compile : bool
        Whether the terms among `TYPED_OUT` are compiled by torch. Default False.
    """

    def __init__(self, precision: str = "float32", compile: bool = False):
        self.precision, self.compile = precision, compile
        self._compiled: dict[int, Callable[..., torch.Tensor]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return ForceEvaluator, (self.precision, self.compile)  # compiled code stays in its process

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Within this context products of matrices have the precision."""
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high" if self.precision == "tf32" else before)
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)

    def force(self, term: LearnableFunctional, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Force of a term in scaled coordinates, shape (n, d)."""
        half = self.precision == "bfloat16"
        if self.compile and isinstance(term, TYPED_OUT):
            # one compilation for all numbers of particles and, as a tensor, all times
            time = t if isinstance(t, torch.Tensor) else torch.full((), t, dtype=x.dtype, device=x.device)
            return self._in_precision(self._code(term), x, w, time)
        if half and isinstance(term, TYPED_OUT):
            return self._in_precision(term.scaled_force, x, w, t)
        if half and isinstance(term, AttentionPotential):
            # its derivative knows the precision of each product that it is of
            return force_of_energy(lambda y: self._in_precision(term.scaled_energy, y, w, t), x, w)
        return term.scaled_force(x, w, t)

    def _code(self, term: LearnableFunctional) -> Callable[..., torch.Tensor]:
        """The compiled force of a term."""
        if id(term) not in self._compiled:
            self._compiled[id(term)] = torch.compile(term.scaled_force, backend=BACKEND, dynamic=True)
        return self._compiled[id(term)]

    def _in_precision(self, function: Callable[..., torch.Tensor], x: torch.Tensor, *others: Any) -> torch.Tensor:
        if self.precision != "bfloat16":
            return function(x, *others)
        with torch.autocast(x.device.type, torch.bfloat16):
            return function(x, *others).to(x.dtype)
