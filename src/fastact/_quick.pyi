from collections.abc import Callable
from typing import Any

import numpy as np

class Quick:
    __wrapped__: Callable[..., Any]
    def __new__(
        cls,
        wrapped: Callable[..., Any],
        from_x: np.ufunc,
        from_y: np.ufunc | None,
        ready: tuple[tuple[Any, ...], ...] | None,
        backward: bool,
        /,
    ) -> Quick: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

def for_arrays(kind: type, /) -> None: ...
def are_probabilities(x: Any, /) -> bool: ...
