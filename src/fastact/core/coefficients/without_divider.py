"""The polynomials of divide() and multiplied_root() in vmath.h, which do without a processor's divider.

    python without_divider.py

Both begin with a guess y by a subtraction of integers. 1/b = y P(z), z = b y, where 1 - z P(z) is the polynomial that is least between
the ends of z and 1 at 0, Chebyshev's. 1/sqrt(x) = y Q(z), z = x y^2, where Q meets 1/sqrt(z) at Chebyshev's points. What they are for,
and that the last steps then round correctly, is in without_divider.c.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np

mp.mp.dps = 50


def reciprocal(degree: int) -> list[str]:
    """P, from its constant on; the guess is 1.41 to 1.46 times 1/b, and the polynomial touches its bound at the lower end."""
    low, high = mp.sqrt(2), ((1 + mp.sqrt(2)) / 2) ** 2
    n = degree + 1
    low = high - 2 * (high - low) / (1 + mp.cos(mp.pi / (2 * n)))
    bound = mp.chebyt(n, (high + low) / (low - high))
    series = mp.taylor(lambda z: 1 - mp.chebyt(n, (2 * z - high - low) / (high - low)) / bound, mp.mpf(0), n)
    return [float(c).hex() for c in series[1:]]


def root(degree: int) -> list[str]:
    """Q, from its constant on; the guesses of floats and doubles are the same."""
    x = np.linspace(1, 4, 200_001)[:-1]
    y = (np.uint64(0x5FEC000000000000) - (x.view(np.uint64) >> np.uint64(1))).view(np.float64)
    z = x * y * y
    low, high = mp.mpf(z.min()) * (1 - mp.mpf(10) ** -6), mp.mpf(z.max()) * (1 + mp.mpf(10) ** -6)
    n = degree + 1
    points = [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    powers = mp.matrix([[p**j for j in range(n)] for p in points])
    return [float(c).hex() for c in mp.lu_solve(powers, mp.matrix([1 / mp.sqrt(p) for p in points]))]


if __name__ == "__main__":
    print("divide_f8", *reciprocal(3))
    print("multiplied_root_f4", *root(2))
    print("multiplied_root_f8", *root(4), "(of which the first is less by 2^-46, see without_divider.c)")
