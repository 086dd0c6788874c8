"""A digest of what a law computes: its code, and the values of everything that it reads.

Two laws of equal digest compute the same. What belongs to Python, to NumPy and the like does not change while a
program runs and counts by its name; what a user wrote counts by its code and its values, however deep they lie.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

UNCHANGING = {*sys.stdlib_module_names, "array_api_compat", "numba", "numpy", "scipy", "sympy", "torch", "wlmsim"} - {
    "__main__"
}
"""Packages whose functions and classes count by name."""
BOOKKEEPING = {"__abstractmethods__", "__annotations__", "__dict__", "__doc__", "__firstlineno__", "__module__"}
BOOKKEEPING |= {"__static_attributes__", "__weakref__", "_abc_impl"}
"""Attributes of a class that no law computes with."""
ANYTHING = {"__import__", "eval", "exec", "globals", "input", "open", "vars"}
"""Builtins by which a function may read what its code does not name."""


HEAP_TYPE, IMMUTABLE_TYPE = 1 << 9, 1 << 8
"""Flags of classes: those that Python code makes have the first and not the second; some of C have both."""


class Opaque(Exception):
    """A value that cannot be compared with what it was before."""


def fingerprint(*things: Any) -> str:
    """Return a digest of functions, objects and values, the same in every process of one version of Python.

    Parameters
    ----------
    *things
        Functions and callable objects count by their code, defaults, closures, the globals that they name and
        attributes; arrays and numbers by type and value, to the last bit; other objects by class and attributes.

    Returns
    -------
    str
        Hexadecimal.

    Raises
    ------
    Opaque
        If something among what they capture cannot be compared, such as an open file.
    """
    walk = _Walk()
    walk.value(things)
    return walk.digest.hexdigest()


class _Names(NamedTuple):
    """What code reads by name: globals, attributes and imported modules."""

    read: tuple[str, ...]
    attributes: tuple[str, ...]
    imports: tuple[str, ...]


@functools.lru_cache(maxsize=4096)
def _names(code: types.CodeType) -> _Names:
    """Names in the code of a function and of the functions in it."""
    found: dict[str, set[str]] = {"GLOBAL": set(), "ATTR": set(), "IMPORT": set()}
    for instruction in dis.get_instructions(code):
        kind = instruction.opname.removeprefix("LOAD_").removesuffix("_NAME")
        kind = {"NAME": "GLOBAL", "METHOD": "ATTR", "SUPER_ATTR": "ATTR", "IMPORT_FROM": "ATTR"}.get(kind, kind)
        if kind in found:
            found[kind].add(instruction.argval)
    inner = [_names(part) for part in code.co_consts if isinstance(part, types.CodeType)]
    return _Names(*(tuple(sorted(own.union(*parts))) for own, *parts in zip(found.values(), *inner, strict=True)))


@functools.lru_cache(maxsize=4096)
def _code(code: types.CodeType) -> bytes:
    """Digest of code, wherever it stands in a file."""
    walk = _Walk()
    walk.value((code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags))
    walk.value((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount))
    for constant in code.co_consts:
        walk.value(_code(constant) if isinstance(constant, types.CodeType) else constant)
    return walk.digest.digest()


class _Walk:
    """A digest that grows as values are visited."""

    def __init__(self) -> None:
        self.digest = hashlib.blake2b(digest_size=20)
        self._met: dict[int, int] = {}
        self._kept: list[Any] = []  # what was met stays alive, so that no other takes its id

    def value(self, value: Any) -> None:
        """Add any value."""
        kind = type(value)
        if kind in _PLAIN:
            self._add(kind.__name__, repr(value).encode())
        elif kind is bytes:
            self._add("bytes", value)
        elif kind is tuple:
            self._sequence("tuple", value)
        elif isinstance(value, np.generic):
            self._array(np.asarray(value))
        elif id(value) in self._met:  # a cycle, or the same thing again
            self._add("again", str(self._met[id(value)]).encode())
        else:
            self._met[id(value)] = len(self._met)
            self._kept.append(value)
            self._thing(value)

    def _add(self, kind: str, content: bytes = b"") -> None:
        """Add a kind of thing and its content, so that no two ways to write things down are the same."""
        self.digest.update(f"{kind} {len(content)}:".encode())
        self.digest.update(content)

    def _sequence(self, kind: str, values: Iterable[Any]) -> None:
        values = list(values)
        self._add(kind, str(len(values)).encode())
        for value in values:
            self.value(value)

    def _named(self, kind: str, values: Mapping[Any, Any]) -> None:
        self._sequence(kind, (part for item in values.items() for part in item))

    def _thing(self, value: Any) -> None:
        for kinds, visit in _VISITS:
            if isinstance(value, kinds):
                visit(self, value)
                return
        if type(value).__module__.startswith("torch") and hasattr(value, "detach"):
            self._array(value.detach().cpu().numpy())
        else:
            self._object(value)

    def _array(self, array: np.ndarray) -> None:
        self._add("array", f"{array.dtype!r} {array.shape}".encode())
        if array.dtype.hasobject:
            self._sequence("entries", array.ravel().tolist())
        else:
            self._add("entries", hashlib.blake2b(np.ascontiguousarray(array).tobytes()).digest())

    def _unordered(self, values: Iterable[Any]) -> None:
        self._sequence("set", sorted(fingerprint(value) for value in values))

    def _function(self, function: types.FunctionType) -> None:
        if _is_unchanging(function):
            self._add("function", _name(function))
            return
        names, scope = _names(function.__code__), function.__globals__
        self._add("function", _code(function.__code__))
        self._sequence("defaults", (function.__defaults__, function.__kwdefaults__))
        for cell in function.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:  # not assigned yet
                self._add("empty")
                continue
            self._read(content, names)
        for name in names.read:
            if name in scope:
                self._add("global", name.encode())
                self._read(scope[name], names)
            elif name in ANYTHING:
                raise Opaque(f"{_name(function).decode()} calls {name}()")
        for name in names.imports:
            self._read(sys.modules.get(name), names)
        self._named("attributes", vars(function))

    def _read(self, value: Any, names: _Names) -> None:
        """Add what a function reads by a name; of a module, the attributes that the function names."""
        if not isinstance(value, types.ModuleType) or _root(value.__name__) in UNCHANGING:
            self.value(value)
            return
        self._add("module", value.__name__.encode())
        for name in names.attributes:
            if name in vars(value):
                self._add("attribute", name.encode())
                self._read(vars(value)[name], names)

    def _module(self, module: types.ModuleType) -> None:
        """A module that is held by an object: it is not known what is read of it."""
        if _root(module.__name__) not in UNCHANGING:
            raise Opaque(f"the module {module.__name__} is held by an object")
        self._add("module", module.__name__.encode())

    def _builtin(self, function: types.BuiltinFunctionType) -> None:
        self._add("builtin", _name(function))
        owner = getattr(function, "__self__", None)
        self.value(None if isinstance(owner, types.ModuleType) else owner)

    def _class(self, kind: type) -> None:
        self._add("class", _name(kind))
        if not _is_unchanging(kind):
            self._sequence("bases", kind.__mro__[1:])
            self._named("body", {name: part for name, part in vars(kind).items() if name not in BOOKKEEPING})

    def _object(self, value: Any) -> None:
        """An object by its class and attributes; one without by what `pickle` would keep of it."""
        self._add("object")
        self.value(type(value))
        slots = [name for kind in type(value).__mro__ for name in _slots(kind) if hasattr(value, name)]
        own = getattr(value, "__dict__", None)
        if own is not None or slots:
            self._named("attributes", own or {})
            self._named("slots", {name: getattr(value, name) for name in slots})
            if not _keeps_more(type(value)):
                return
        try:
            reduced = value.__reduce_ex__(4)
        except Exception as error:  # whatever the class of the object raises
            raise Opaque(f"an object of type {type(value).__qualname__} has no value that can be compared") from error
        if isinstance(reduced, str):
            self.value(reduced)
            return
        function, arguments, *state = reduced
        self._sequence("reduced", (function, arguments))
        self._sequence("state", [list(part) if hasattr(part, "__next__") else part for part in state])


_PLAIN = {bool, complex, float, int, str, type(None), type(...), range, slice}

_Visit = Callable[[_Walk, Any], None]
_VISITS: tuple[tuple[Any, _Visit], ...] = (
    (np.ndarray, _Walk._array),
    (types.FunctionType, _Walk._function),
    (types.BuiltinFunctionType, _Walk._builtin),
    (types.MethodType, lambda walk, method: walk._sequence("method", (method.__func__, method.__self__))),
    (types.ModuleType, _Walk._module),
    (type, _Walk._class),
    ((staticmethod, classmethod), lambda walk, method: walk._sequence("static", (type(method), method.__func__))),
    (property, lambda walk, p: walk._sequence("property", (p.fget, p.fset, p.fdel))),
    ((types.MemberDescriptorType, types.GetSetDescriptorType), lambda walk, d: walk._add("slot", _name(d))),
    ((types.WrapperDescriptorType, types.MethodDescriptorType, np.ufunc), lambda walk, f: walk._add("of C", _name(f))),
    (functools.partial, lambda walk, p: walk._sequence("partial", (p.func, p.args, p.keywords, vars(p)))),
    (types.CodeType, lambda walk, code: walk._add("code", _code(code))),
)
"""How to visit each kind of thing; containers of a user's own class follow as objects with entries."""


def _entries(kind: str) -> _Visit:
    """A visit of a container, and of what else an object of a subclass has."""

    def visit(walk: _Walk, container: Any) -> None:
        if kind == "set":
            walk._unordered(container)
        elif kind == "mapping":
            walk._named(kind, container)
        else:
            walk._sequence(kind, container)
        if type(container).__module__ != "builtins":
            walk._sequence("of", (type(container), getattr(container, "__dict__", None)))

    return visit


_VISITS += (
    (dict, _entries("mapping")),
    ((list, tuple), _entries("list")),
    ((set, frozenset), _entries("set")),
    ((bytes, bytearray, str, int, float, complex), lambda walk, v: walk._sequence("own", (type(v), repr(v)))),
    (types.MappingProxyType, lambda walk, mapping: walk._named("mapping", mapping)),
)


def _is_unchanging(thing: Any) -> bool:
    """Whether a function or a class is one of a library, and not made by a call of something in it."""
    return _root(thing.__module__) in UNCHANGING and "<locals>" not in thing.__qualname__


def _root(module: str | None) -> str:
    return (module or "").partition(".")[0]


def _name(thing: Any) -> bytes:
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", thing.__name__)
    return f"{module}.{name}".encode()


def _keeps_more(kind: type) -> bool:
    """Whether objects of a class may have a state in C beside their attributes."""
    made_here = (
        base.__flags__ & (HEAP_TYPE | IMMUTABLE_TYPE) == HEAP_TYPE for base in kind.__mro__ if base is not object
    )
    return not all(made_here)


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in BOOKKEEPING)
