"""Packages whose names are imported when they are used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import lazy_loader


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Its names, and where they come from, stand in ``__init__.pyi`` beside its ``__init__.py``, where type checkers and
    editors read them too.
    """
    load, names, public = lazy_loader.attach_stub(package, file)

    def __getattr__(name: str) -> Any:
        if name not in public:
            # with the object, from which Python finds names that are spelt alike
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package])
        return load(name)

    return __getattr__, names, public
