"""Fits for functions that are computed in float throughout, in erf.h: minimax by gauss_rational.py's exchange.

    python floats.py [name]        prints the coefficients that stand in erf.h, and each fit's error

  erf_near    erf(x)          = x + x P(x^2), |x| < 1.1
  erf_far     erf(x)          = 1 - P(x)^4, up to 3.93: from there it rounds to 1
  shrink      x - tanh(x)     = x^3 P(x^2), |x| < 1
"""
import sys

from gauss_rational import fit
from mpmath import erf, erfc, mp, mpf, pi, sqrt, tanh

mp.prec = 220


def erf_near(z):
    return erf(sqrt(z)) / sqrt(z) - 1 if z else 2 / sqrt(pi) - 1


def erf_far(a):
    return erfc(a) ** (mpf(1) / 4)


def shrink(z):
    x = sqrt(max(z, mpf(10) ** -16))
    return (x - tanh(x)) / x ** 3


#: what is fitted, the error's weight, the range, degrees
FITS = {
    'erf_near': (erf_near, lambda z: 1 + erf_near(z), (0, mpf('1.21')), (6, 0)),
    'erf_far': (erf_far, lambda a: 1 / (4 * erf_far(a) ** 3), (mpf('1.1'), mpf('3.93')), (7, 0)),
    'shrink': (shrink, shrink, (0, mpf('1')), (7, 0)),
}

if __name__ == '__main__':
    for name in sys.argv[1:] or FITS:
        f, weight, (start, end), (n, m) = FITS[name]
        fit(name, f, start, end, n, m, 24, k=1.5 if m else 0, count=300, weight=weight)
