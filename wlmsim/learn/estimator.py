"""scikit-learn's habits, without scikit-learn."""

from __future__ import annotations

import inspect
from typing import Any, Self

from wlmsim import _validation as check
from wlmsim.errors import ParameterError


class Estimator:
    """What can be fitted: its constructor only keeps its arguments, and what is fitted ends in ``_``.

    scikit-learn's `clone` and `check_is_fitted` work with it. What is fitted are snapshots and not a matrix of
    features, so that its pipelines and searches over a grid do not.
    """

    fitted: bool

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **parameters: Any) -> Self:
        """Set constructor's arguments by name; `ParameterError` for an unknown one."""
        known = self.get_params()
        for name, value in parameters.items():
            if name not in known:
                kind, meant = type(self).__name__, check.meant(name, known)
                raise ParameterError(f"`{name}` is not a parameter of {kind}{meant}; known are {', '.join(known)}")
            setattr(self, name, value)
        return self

    def changed_params(self) -> dict[str, Any]:
        """Return the constructor's arguments that are not the defaults."""
        defaults = inspect.signature(type(self)).parameters
        return {name: value for name, value in self.get_params().items() if value != defaults[name].default}

    def __sklearn_is_fitted__(self) -> bool:
        return self.fitted

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        # no two-dimensional array of features
        about = InputTags(two_d_array=False, one_d_array=False)
        return Tags(estimator_type=None, target_tags=TargetTags(required=False), input_tags=about, no_validation=True)
