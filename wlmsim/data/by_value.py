"""Objects that pickle cannot take, because they hold functions without a name, as bytes that it can."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ByValue:
    """An object as the bytes of cloudpickle."""

    data: bytes

    def value(self) -> Any:
        """The object again."""
        return pickle.loads(self.data)


def by_value(held: Any) -> Any:
    """The object itself if pickle takes it, or nothing does; else its bytes, with the code of its functions."""
    try:
        pickle.dumps(held)
        return held
    except Exception:  # what objects raise that cannot be pickled is not agreed upon
        import cloudpickle

        try:
            return ByValue(cloudpickle.dumps(held))
        except Exception:
            return held
