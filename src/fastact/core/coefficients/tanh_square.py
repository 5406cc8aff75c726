"""x - tanh(x) and tanh(x)^2 of doubles near 0, in erf.h: quotients by gauss_rational.py's exchange.

    python tanh_square.py        prints the coefficients, the lowest first, and each fit's error

  shrink   x - tanh(x) = x^3 (1/3 + x^2 N/D), |x| < 1
  square   tanh(x)^2   = x^2 N/D, N(0) = 1, |x| < 1.05
"""
from gauss_rational import fit
from mpmath import mp, mpf, sqrt, tanh

mp.prec = 220


def whole(z):
    x = sqrt(max(z, mpf(10) ** -20))
    return (x - tanh(x)) / x ** 3


def shrink(z):
    return (whole(z) - mpf(1) / 3) / max(z, mpf(10) ** -20)


def square(z):
    x = sqrt(max(z, mpf(10) ** -20))
    return (tanh(x) / x) ** 2


if __name__ == '__main__':
    fit('shrink', shrink, 0, mpf(1), 2, 3, 53, k=0, weight=lambda z: whole(z) / max(z, mpf(1) / 100), d0=mpf(4) / 3, round_one_by_one=False)
    fit('square', square, 0, mpf('1.1025'), 4, 4, 53, k=0, weight=square, given={('n', 0): mpf(1)}, round_one_by_one=False)
