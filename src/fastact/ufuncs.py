"""The raw ufuncs, by name: every formula as a `numpy.ufunc`, parameters as operands.

>>> import fastact as fa
>>> fa.ufuncs.elu.nin
2
"""

from __future__ import annotations

import fastact as _fastact

globals().update(_fastact._ufuncs)
__all__ = list(_fastact._ufuncs)
