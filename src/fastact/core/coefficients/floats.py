"""Fits for functions that are computed in float throughout, in erf.h: minimax by gauss_rational.py's exchange.

    python floats.py [name]        prints the coefficients that stand in erf.h, and each fit's error

  erf_near    erf(x)          = x + x P(x^2), |x| < 1.1
  erf_far     erf(x)          = 1 - P(x)^4, up to 3.93: from there it rounds to 1
  shrink      x - tanh(x)     = x^3 P(x^2), |x| < 1
  binary      Phi(-a)         = 2^(-t^2/2) (1 + F(t))/(2 (1 + t)), F a quotient, t = sqrt(log2 e) a, 0 <= a < 14.25
  power       2^(z/2)         = 1 + z P(z), |z| <= 1
  square      tanh(x)^2       = x^2 + x^4 P(x^2), |x| < 1.05
"""
import sys

from gauss_rational import SQ, fit, hexa, mills, rounded
from mpmath import erf, erfc, expm1, log, mp, mpf, pi, sqrt, tanh

mp.prec = 220


def erf_near(z):
    return erf(sqrt(z)) / sqrt(z) - 1 if z else 2 / sqrt(pi) - 1


def erf_far(a):
    return erfc(a) ** (mpf(1) / 4)


def shrink(z):
    x = sqrt(max(z, mpf(10) ** -16))
    return (x - tanh(x)) / x ** 3


def square(z):
    x = sqrt(max(z, mpf(10) ** -16))
    return ((tanh(x) / x) ** 2 - 1) / (x * x)


BINARY = 1 / sqrt(log(mpf(2)))


def binary(t):
    return mills(t / BINARY) / SQ * 2 * (1 + t) - 1


def power(z):
    return expm1(z / 2 * log(mpf(2))) / z if z else log(mpf(2)) / 2


#: what is fitted, the error's weight, the range, degrees
FITS = {
    'erf_near': (erf_near, lambda z: 1 + erf_near(z), (0, mpf('1.21')), (6, 0)),
    'erf_far': (erf_far, lambda a: 1 / (4 * erf_far(a) ** 3), (mpf('1.1'), mpf('3.93')), (7, 0)),
    'shrink': (shrink, shrink, (0, mpf('1')), (7, 0)),
    'binary': (binary, lambda t: 1 + binary(t), (0, mpf('14.25') * BINARY), (5, 5)),
    'power': (power, lambda z: mpf(2) ** (z / 2) / max(abs(z), mpf(1) / 100), (mpf(-1), mpf(1)), (5, 0)),
    'square': (square, lambda z: (1 + z * square(z)) / max(z, mpf(1) / 100), (0, mpf('1.1025')), (7, 0)),
}

if __name__ == '__main__':
    for name in sys.argv[1:] or FITS:
        f, weight, (start, end), (n, m) = FITS[name]
        fit(name, f, start, end, n, m, 24, k=1.5 if m else 0, count=300, weight=weight)
    high = rounded(BINARY, 24)
    print('sqrt(log2 e) in two parts:', hexa(high), hexa(rounded(BINARY - high, 24)))
