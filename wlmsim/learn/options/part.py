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

    def __post_init__(self) -> None:
        """Check every option, when it is given."""
        validate(type(self).__name__, self.constraints, self.__getattribute__)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the options by name, as scikit-learn asks for them."""
        return {option.name: getattr(self, option.name) for option in dataclasses.fields(self)}

    def replace(self, **options: Any) -> Self:
        """Return the same part with other options; `ParameterError` for one that it does not have."""
        known = self.get_params()
        for name in options:
            if name not in known:
                meant = check.meant(name, known)
                raise ParameterError(f"{type(self).__name__} has no option `{name}`{meant}; it has {', '.join(known)}")
        return dataclasses.replace(self, **options)

    def __repr__(self) -> str:
        changed = [
            f"{option.name}={getattr(self, option.name)!r}"
            for option in dataclasses.fields(self)
            if getattr(self, option.name) != option.default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"
