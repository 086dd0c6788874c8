"""Functions that pickle cannot find by name, such as lambdas, go by value: with their code."""

from __future__ import annotations

import copy
import pickle
from types import MethodType
from typing import Any, Self


class ByValue:
    """Stands for a value where an object is pickled or copied, and is that value again in what is made of it."""

    def __init__(self, value: Any):
        self.value = value

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.value, memo)

    def __reduce__(self) -> tuple[Any, tuple[Any]]:
        try:
            pickle.dumps(self.value)
            return _itself, (self.value,)
        except Exception:  # what objects raise that cannot be pickled is not agreed upon
            import cloudpickle

        try:
            return pickle.loads, (cloudpickle.dumps(self.value),)
        except Exception as error:
            error.add_note(
                f"{type(self.value).__name__} holds something that can be sent neither by name nor by value, "
                "such as an open file, a lock or a generator: let its functions make that when they need it."
            )
            raise


def _itself(value: Any) -> Any:
    return value


class HoldsFunctions:
    """What has functions among its attributes: it pickles with lambdas, and a copy has the same functions."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: _carried(value) for name, value in self.__dict__.items()}

    def __copy__(self) -> Self:
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other


def _carried(value: Any) -> Any:
    """Functions and laws by value, alone or in a tuple; methods go with their object, which may be the holder."""
    if type(value) is tuple:
        return tuple(_carried(each) for each in value)
    return ByValue(value) if callable(value) and not isinstance(value, MethodType) else value
