"""Packages whose names are imported when they are used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from types import ModuleType
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
            message = f"module {package!r} has no attribute {name!r}{_elsewhere(package, name, public)}"
            raise AttributeError(message, name=name, obj=sys.modules[package])
        return load(name)

    return __getattr__, names, public


def _elsewhere(package: str, name: str, public: list[str]) -> str:
    """Where somebody who looks for a name here finds it: in a package that is here, or as a method of classes."""
    # Python and notebooks look for names with underscores, and an import for modules before it imports them
    if name.startswith("_") or find_spec(f"{package}.{name}"):
        return ""
    here = {}
    for known in public:
        with suppress(
            ImportError
        ):  # of a package that is not installed: a name that is missing stays an AttributeError
            here[known] = getattr(sys.modules[package], known)
    places = [
        known for known, one in here.items() if isinstance(one, ModuleType) and name in getattr(one, "__all__", ())
    ]
    places += [known for known, one in here.items() if isinstance(one, type) and hasattr(one, name)]
    return f"; there is {', '.join(f'{package}.{place}.{name}' for place in places)}" if places else ""
