"""Quotients for x erf(softplus(x)) in composed.h: minimax fits by gauss_rational.py's exchange. Polynomials: smooth.sollya.

    python serf.py [name]        prints the coefficients that stand in composed.h, and each fit's error

With t = e^x and f' = the derivative, r its root:
  left    f(x) = x t F(t), x < 0                    right    f(x) = x (1 - e^(-x^2) F(x)), x >= 0
  falling f'(x) = t (x - r)(1 + F(-x)), -4 < x < 0  rising   f'(x) = 1 - e^(-x^2) F(x), x >= 0
wide_...: for floats, computed in double, 1 + F as one quotient, and -3 < x for -4 < x. Doubles have a polynomial for left (smooth.sollya).
"""
import sys

from gauss_rational import fit, hexa, rounded
from mpmath import erf, erfc, exp, findroot, log1p, mp, mpf, pi, sqrt

mp.prec = 400


def slope(x):
    s = log1p(exp(x))
    return erf(s) + x * 2 / sqrt(pi) * exp(-s * s) / (1 + exp(-x))


ROOT = findroot(slope, mpf('-1.19'))


def left(t):
    return erf(log1p(t)) / t if t else 2 / sqrt(pi)


def right(x):
    return erfc(x + log1p(exp(-x))) * exp(x * x)


def falling(a):
    x = -a if abs(a + ROOT) > mpf(10) ** -30 else ROOT + mpf(10) ** -30
    return slope(x) / (exp(x) * (x - ROOT)) - 1


def rising(x):
    s = x + log1p(exp(-x))
    return (erfc(s) - x * 2 / sqrt(pi) * exp(-s * s) / (1 + exp(-x))) * exp(x * x)


#: what is fitted, what is added to it for floats, the ranges for doubles and for floats, degrees for both
FITS = {
    'left': (left, 0, (None, 1), None, (4, 4)),
    'right': (right, 0, (mpf('6.2'), mpf('4.3')), (10, 10), (5, 5)),
    'falling': (falling, 1, (mpf('4.0625'), mpf('3.0625')), (11, 11), (6, 5)),
    'rising': (rising, 0, (mpf('6.5'), mpf('4.75')), (12, 12), (5, 5)),
}

if __name__ == '__main__':
    print('root', hexa(rounded(ROOT, 53)), hexa(rounded(ROOT - rounded(ROOT, 53), 53)))
    for name, (f, one, ends, d8, d4) in FITS.items():
        def whole(x, f=f, one=one):
            return one + f(x)

        def weight(x, f=f, one=one):
            return one + f(x) if one or f is left else exp(x * x)
        for kind, end, degrees, g, trials in (('wide_', ends[1], d4, whole, 0), ('', ends[0], d8, f, 6000)):
            if end and (not sys.argv[1:] or kind + name in sys.argv[1:]):
                fit(kind + name, g, 0, end, *degrees, 53, weight=weight, k=0, round_one_by_one=False, count=400, trials=trials)
