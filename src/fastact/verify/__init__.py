"""Verification: every kernel against references that share no code with it.

The way through it: `cases` says what there is to verify and `inputs` on which operands. `program` makes an expression of
the registry into steps, which NumPy runs on whole arrays; `enclosure` proves, for a row of neighbouring operands at a
time, how far the result of that can be from the truth; `mpfr` and `fastact._proof` decide what is left in doubt. `sweep`
puts these together for one function, `over_axis` has the functions over an axis, `command` runs it all and `report`
writes it down. `golden` holds fingerprints of results.

A type is known by its name: `types` has all that is asked of one.

Needs mpmath, gmpy2 and SciPy: ``pip install mpmath gmpy2 scipy``.
"""
