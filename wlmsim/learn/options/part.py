"""Parts of an estimator: options that belong together, as small immutable objects."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.learn.options.constraints import Constraint, validate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """Options that belong together; a subclass declares them as fields, and what each may be in `constraints`."""

    constraints: ClassVar[dict[str, Constraint]] = {}

    def __new__(cls, *values: Any, **options: Any) -> Self:
        """Refuse options that there are not, before Python does with less to say."""
        known = [option.name for option in dataclasses.fields(cls)]
        if values:
            names = ", ".join(known)
            raise UnknownParameterError(f"{cls.__name__} takes its options by name, {names}; got {values[0]!r}")
        for name in options:
            if name not in known:
                raise unknown_option(cls, name, known)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        """Check every option, when it is given."""
        validate(type(self).__name__, self.constraints, self.__getattribute__)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the options by name, as scikit-learn asks for them."""
        return {option.name: getattr(self, option.name) for option in dataclasses.fields(self)}

    def replace(self, **options: Any) -> Self:
        """Return the same part with other options; `ParameterError` for one that it does not have."""
        for name in options:
            if name not in self.get_params():
                raise unknown_option(type(self), name, list(self.get_params()))
        return dataclasses.replace(self, **options)

    def __repr__(self) -> str:
        changed = [
            f"{option.name}={getattr(self, option.name)!r}"
            for option in dataclasses.fields(self)
            if getattr(self, option.name) != option.default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


class UnknownParameterError(ParameterError, TypeError):
    """A name that no parameter has; a `TypeError` too, as Python's own for an unexpected keyword."""


def unknown_option(kind: type, name: str, known: list[str]) -> UnknownParameterError:
    """The error for an option that a part does not have: which there are, and which is meant."""
    meant = check.meant(name, known)
    return UnknownParameterError(f"{kind.__name__} has no option `{name}`{meant}; it has {', '.join(known)}")
