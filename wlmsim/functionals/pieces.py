"""Forces as pieces of compiled code, from which one loop over many steps is put together.

As in `wlmsim.functionals.binding`, the texts of the pieces, of the laws in them and of the loop make up a module that
Numba can keep on disk.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from wlmsim.functionals import modules
from wlmsim.functionals.binding import text_of
from wlmsim.functionals.printing import HEAD, Printed


class Piece(NamedTuple):
    """A piece of a force: a loop of `wlmsim.kernels.pieces`, the functions of the law that it takes, and its own p.

    `operations` says what it costs, in pairs of particles.
    """

    loop: Callable[..., Any]
    functions: tuple[Printed, ...]
    arguments: tuple[Any, ...]
    operations: int


class InPieces:
    """What gives a force or a velocity by a method, and may give it as compiled code too, for loops over many steps."""

    whole: ClassVar[str]
    """Name of the method; a class that has one of its own has none of the pieces of its base."""

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """Pieces of what the method gives, by the laws as they are now.

        Parameters
        ----------
        weights : ndarray, shape (n,)
            Weights of the particles.
        dim : int
            Dimensions of space.

        Returns
        -------
        tuple of Piece or None
            `None` if there is no such code, or a law may change from one step to the next.
        """
        return None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.whole in vars(cls) and "pieces" not in vars(cls):
            cls.pieces = InPieces.pieces  # type: ignore[method-assign]


def joined(parts: Iterable[tuple[Piece, ...] | None]) -> tuple[Piece, ...] | None:
    """The pieces of a sum; `None` if a part of it has none."""
    pieces: tuple[Piece, ...] = ()
    for part in parts:
        if part is None:
            return None
        pieces += part
    return pieces


def with_force(loop: Callable[..., Any], pieces: tuple[Piece, ...]) -> Callable[..., Any]:
    """A loop over a force of several pieces: it takes what the loop takes, but for the force, p the tuple of theirs."""
    return _with_force(loop, tuple((piece.loop, piece.functions) for piece in pieces))


@lru_cache(maxsize=256)
def _with_force(loop: Callable[..., Any], pieces: tuple[tuple[Callable[..., Any], tuple[Printed, ...]], ...]) -> Any:
    parts, calls = [HEAD], ["out[:] = 0.0"]
    for number, (piece, functions) in enumerate(pieces):
        text = "\n".join([*(function.text for function in functions), text_of(piece.__module__)])
        parts.append(_numbered(text, number))
        calls.append(f"{piece.__name__}_{number}(x, t, p[{number}], out)")
    body = "\n    ".join(calls)
    parts.append(f'@njit(error_model="numpy", cache=CACHE)\ndef field(x, t, p, out):\n    {body}\n')
    return getattr(modules.kept("\n".join([*parts, text_of(loop.__module__)])), loop.__name__)


def _numbered(text: str, number: int) -> str:
    """Text whose functions have a number in their names, so that it may stand beside others of its kind."""
    tree = ast.parse(text)
    own = {part.name for part in tree.body if isinstance(part, ast.FunctionDef)}
    for part in ast.walk(tree):
        if isinstance(part, ast.FunctionDef) and part.name in own:
            part.name = f"{part.name}_{number}"
        elif isinstance(part, ast.Name) and part.id in own:
            part.id = f"{part.id}_{number}"
    return ast.unparse(tree)
