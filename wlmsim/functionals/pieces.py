"""Forces as pieces of compiled code, from which one loop over many steps is put together.

As in `wlmsim.functionals.binding`, the texts of the pieces, of the laws in them and of the loop make up a module that
Numba can keep on disk.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
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

    whole: ClassVar[tuple[str, ...]]
    """Names of the method and of what it calls; a class that has one of its own has none of the pieces of its base."""

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
        if not vars(cls).keys().isdisjoint(cls.whole) and "pieces" not in vars(cls):
            cls.pieces = InPieces.pieces  # type: ignore[method-assign]


def joined(parts: Iterable[tuple[Piece, ...] | None]) -> tuple[Piece, ...] | None:
    """The pieces of a sum; `None` if a part of it has none."""
    pieces: tuple[Piece, ...] = ()
    for part in parts:
        if part is None:
            return None
        pieces += part
    return pieces


def shared(pieces: tuple[Piece, ...] | None, shares: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
    """Pieces of a force of which each particle feels a share, an array of shape (n,)."""
    if not pieces:
        return pieces
    from wlmsim.kernels.pieces import of_shares, set_aside

    kept = np.empty((len(shares), dim))
    return (Piece(set_aside, (), (kept,), 0), *pieces, Piece(of_shares, (), (kept, shares), 0))


FUNCTIONS = {"field": "x, t", "further": "x, v", "magnetic": "x, t"}
"""Functions of some mechanics that `wlmsim.kernels.steps` knows, and what their pieces take beside p and out."""


def loop_over(
    loop: Callable[..., Any], parts: Mapping[str, Callable[..., Any]], **functions: tuple[Piece, ...]
) -> Callable[..., Any]:
    """A loop over what pieces give: it takes what the loop takes, but for functions, and p the tuples of `p_of`.

    Parameters
    ----------
    loop : callable
        Of `wlmsim.kernels.steps`.
    parts : mapping
        What it calls by other names, of the same module.
    **functions : tuple of Piece
        Pieces of each of `FUNCTIONS`.
    """
    names = tuple((name, part.__name__) for name, part in parts.items())
    of_each = tuple(tuple((piece.loop, piece.functions) for piece in functions[name]) for name in FUNCTIONS)
    return _loop_over(loop, names, of_each)


def p_of(**functions: tuple[Piece, ...]) -> tuple[tuple[Any, ...], ...]:
    """What the pieces of each of `FUNCTIONS` take."""
    return tuple(tuple(piece.arguments for piece in functions[name]) for name in FUNCTIONS)


@lru_cache(maxsize=256)
def _loop_over(
    loop: Callable[..., Any],
    names: tuple[tuple[str, str], ...],
    of_each: tuple[tuple[tuple[Callable[..., Any], tuple[Printed, ...]], ...], ...],
) -> Any:
    parts, number = [HEAD], 0
    for place, ((function, takes), pieces) in enumerate(zip(FUNCTIONS.items(), of_each, strict=True)):
        calls = ["out[:] = 0.0"]
        for of_function, (piece, laws) in enumerate(pieces):
            text = "\n".join([*(law.text for law in laws), text_of(piece.__module__)])
            parts.append(_numbered(text, number))
            calls.append(f"{piece.__name__}_{number}({takes}, p[{place}][{of_function}], out)")
            number += 1
        body = "\n    ".join(calls)
        parts.append(
            f'@njit(error_model="numpy", forceinline=True, cache=CACHE)\ndef {function}({takes}, p, out):\n    {body}\n'
        )
    known_as = [f"{name} = {part}" for name, part in names]
    return getattr(modules.kept("\n".join([*parts, text_of(loop.__module__), *known_as])), loop.__name__)


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
