"""scikit-learn's habits, without scikit-learn: named parameters, some of which are parts with options of their own."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, TypeVar

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.learn.options.part import Part, UnknownParameterError

Init = TypeVar("Init", bound=Callable[..., None])


@dataclass(frozen=True)
class Choice:
    """What a parameter that is a part may be: an object of a class, a shorthand for one, or None.

    Parameters
    ----------
    kind : type
        Class of the part.
    words : mapping of str to type
        Shorthands, each for a class with its default options.
    shorthand : callable, optional
        Makes a part of what else may be given.
    optional : bool
        Whether the part may be missing, as None. Default False.
    """

    kind: type[Part]
    words: Mapping[str, type[Part]] = field(default_factory=dict)
    shorthand: Callable[[Any], Part] | None = None
    shorthand_kinds: tuple[type, ...] = ()
    optional: bool = False

    def part(self, name: str, value: Any) -> Part | None:
        """The part that a value stands for; `ParameterError` if it stands for none."""
        if isinstance(value, self.kind) or (value is None and self.optional):
            return value
        if isinstance(value, str) and value in self.words:
            return self.words[value]()
        if self.shorthand is not None and isinstance(value, self.shorthand_kinds):
            return self.shorthand(value)
        raise ParameterError(f"{check.fail(name, self.expected, value)}{self._hint(value)}")

    def _hint(self, value: Any) -> str:
        """How what was given instead becomes a part."""
        if isinstance(value, str):
            return check.meant(value, self.words)
        if isinstance(value, type) and issubclass(value, Part):
            return f"; construct it, {value.__name__}()"
        if isinstance(value, dict):
            options = ", ".join(f"{option}={given!r}" for option, given in value.items())
            return f"; options go to the part, such as {self.classes[0].__name__}({options})"
        return ""

    @property
    def expected(self) -> str:
        """What is expected, in words."""
        known = [kind.__name__ + "()" for kind in self.classes]
        made = [f"a {kind.__name__}" for kind in self.shorthand_kinds]
        return " or ".join([*map(repr, self.words), *made, *known, *(["None"] if self.optional else [])])

    @property
    def classes(self) -> list[type[Part]]:
        """The classes that the part may be of."""
        return list(self.words.values()) or [self.kind]


class Estimator:
    """What can be fitted: its constructor only keeps its arguments, and what is fitted ends in ``_``.

    A parameter may be a part, an object with options; those are named too, by the parameter and the option with two
    underscores between them, as in ``loss__reach``. scikit-learn's `clone`, `check_is_fitted`, `ParameterGrid` and
    `GridSearchCV` work with it; pipelines do not, since what is fitted are snapshots and not a matrix of features.
    """

    parts: ClassVar[dict[str, Choice]] = {}
    """The parameters that are parts."""
    moved: ClassVar[dict[str, str]] = {}
    """Names that parameters had once, and where they are now."""
    fitted: bool

    def part(self, name: str) -> Any:
        """The part that a parameter stands for, of which a shorthand may be kept."""
        return self.parts[name].part(name, getattr(self, name))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments by name and, if `deep`, the options of its parts as ``part__option``."""
        parameters = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        for name in self.parts if deep else ():
            part = self._usable_part(name)
            options = {} if part is None else part.get_params()
            parameters |= {f"{name}__{option}": value for option, value in options.items()}
        return parameters

    @classmethod
    def nested_names(cls) -> list[str]:
        """All names of parameters: of the constructor and, as ``part.option``, of every part that it may take."""
        names = list(inspect.signature(cls).parameters)
        for name, choice in cls.parts.items():
            options = dict.fromkeys(option for kind in choice.classes for option in inspect.signature(kind).parameters)
            names += [f"{name}.{option}" for option in options]
        return names

    def set_params(self, **parameters: Any) -> Self:
        """Set arguments of the constructor, or options of parts as ``part__option``; `ParameterError` if unknown."""
        plain: dict[str, Any] = {}
        nested: dict[str, dict[str, Any]] = {}
        known = self.get_params(deep=False)
        for name, value in parameters.items():
            owner, separator, option = name.partition("__")
            if separator and owner in self.parts:
                nested.setdefault(owner, {})[option] = value
            elif name in known:
                plain[name] = value
            else:
                raise unknown_parameter(type(self), name)
        for owner, options in nested.items():
            plain[owner] = self._with_options(owner, plain.get(owner, known[owner]), options, given=owner in plain)
        for name, value in plain.items():  # once all are known to be usable
            setattr(self, name, value)
        return self

    def _with_options(self, owner: str, value: Any, options: Mapping[str, Any], *, given: bool) -> Part:
        """A part with other options; one that was missing is made, since it is wanted now, unless it is given so."""
        part = self.parts[owner].part(owner, value)
        if part is not None:
            return part.replace(**options)
        if given:
            raise check.fail(owner, f"a part, where its options {', '.join(options)} are given too", value)
        kind = self.parts[owner].kind
        needed = {option.name for option in dataclasses.fields(kind) if option.default is dataclasses.MISSING}
        if missing := sorted(needed - set(options)):
            raise ParameterError(f"`{owner}` is None, and a {kind.__name__} needs `{owner}__{missing[0]}` too")
        return kind(**options)

    def changed_params(self) -> dict[str, Any]:
        """Return the constructor's arguments that are not the defaults."""
        defaults = inspect.signature(type(self)).parameters
        changed = {}
        for name, value in self.get_params(deep=False).items():
            default = defaults[name].default
            part = self._usable_part(name) if name in self.parts else None
            same = value == default if part is None else part == self.parts[name].part(name, default)
            if not same:
                changed[name] = value
        return changed

    def _usable_part(self, name: str) -> Part | None:
        """The part, or None where a value stands for none; a constructor keeps any, which `fit` then refuses."""
        try:
            return self.part(name)
        except ParameterError:
            return None

    def __sklearn_is_fitted__(self) -> bool:
        return self.fitted

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        # no two-dimensional array of features
        about = InputTags(two_d_array=False, one_d_array=False)
        return Tags(estimator_type=None, target_tags=TargetTags(required=False), input_tags=about, no_validation=True)


def explain_unknown(init: Init) -> Init:
    """Let a constructor's error for an unknown argument say which is meant, or where one has moved."""
    known = [name for name in inspect.signature(init).parameters if name != "self"]

    @functools.wraps(init)
    def checked(self: Any, *values: Any, **parameters: Any) -> None:
        for name in parameters:
            if name not in known:
                raise unknown_parameter(type(self), name)
        init(self, *values, **parameters)

    return checked  # type: ignore[return-value]


def unknown_parameter(estimator: type[Estimator], name: str) -> UnknownParameterError:
    """The error for a name that no parameter has: where it has moved, or which is meant."""
    kind = estimator.__name__
    if name in estimator.moved:
        return UnknownParameterError(f"{kind} has no parameter `{name}` any more: {estimator.moved[name]}")
    owner, _, option = name.partition("__")
    for part in estimator.parts[owner].classes if owner in estimator.parts else ():
        if option in inspect.signature(part).parameters:
            how = f"{kind}({owner}={part.__name__}({option}=...)), or set_params({name}=...)"
            return UnknownParameterError(f"`{name}` is an option of `{owner}`: {how}")
    known = list(inspect.signature(estimator).parameters)
    nested = [full.replace(".", "__") for full in estimator.nested_names()]
    close = check.meant(name, known) or check.meant(name, nested)
    return UnknownParameterError(f"`{name}` is not a parameter of {kind}{close}; known are {', '.join(known)}")
