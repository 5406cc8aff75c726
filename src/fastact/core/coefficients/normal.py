"""Quotients for the normal distribution in erf.h: minimax fits by gauss_rational.py's exchange.

    python normal.py [name]        prints the coefficients that stand in erf.h, and each fit's error

With p = -a^2/2, a >= 0:
  tail       Phi(-a)           = e^p (1 + F)/(2 (a + 1))
  log_tail   log Phi(-a)       = p - log(2 (a + 1)) + F
  slope      phi(a)/Phi(-a)    = (a + 3/4) + F
  erfc       erfc(a)           = e^(-a^2) 9/8 (1 + F)/(1 + 2a)     |F| is half of what it is with 1
Doubles keep 1 (a) apart, so that only F has the rounding errors of a quotient. Floats are computed in double, where
coefficients need no care (wide_...), and
  wide_tail  Phi(-a)           = e^p F
  wide_slope phi(a)/Phi(-a)    = a + F
With wide_tail, Phi(-a) - a phi(a) = e^p (n - c a d)/d, c = 1/sqrt(2 pi), but for what takes the root to where gelu' has it.
"""
import sys

from gauss_rational import ROOT, SQ, fit, hexa, horner, mills
from mpmath import erfc, exp, log, mp, mpf

mp.prec = 500
FAR = mpf(2) ** 30
BELOW = -mpf(3) / 8         # where the gradient and the logarithm go over to e^p


def wide_tail(a):
    return mills(a) / SQ


def tail(a):
    return wide_tail(a) * 2 * (a + 1) - 1


def log_tail(a):
    return log(wide_tail(a) * 2 * (a + 1))


def slope(a):
    return 1 / mills(a) - a


def slope_rest(a):
    return slope(a) - mpf(3) / 4


def erfc_rest(a):
    return erfc(a) * exp(a * a) * (1 + 2 * a) * 8 / 9 - 1


#: what is fitted, the error's weight (None: relative to F), the range, degrees, and the trials to round well (0: not needed)
FITS = {
    'tail': (tail, lambda a: 1 + tail(a), (0, 39), (10, 10), 6000),
    'log_tail': (log_tail, lambda a: a * a / 2 + log(2 * (a + 1)) - log_tail(a), (BELOW, FAR), (12, 12), 6000),
    'slope': (slope_rest, lambda a: a + slope(a), (BELOW, FAR), (10, 10), 6000),
    'erfc': (erfc_rest, lambda a: 1 + erfc_rest(a), (0, mpf('27.5')), (10, 10), 6000),
    'wide_tail': (wide_tail, None, (0, 15), (4, 5), 0),
    'wide_slope': (slope, lambda a: a + slope(a), (0, mpf(2) ** 20), (4, 5), 0),
}

if __name__ == '__main__':
    for name in sys.argv[1:] or FITS:
        f, weight, (start, end), (n, m), trials = FITS[name]
        num, den = fit(name, f, start, end, n, m, 53, count=1000, weight=weight or f, round_one_by_one=False, trials=trials)
        if name == 'wide_tail':
            print('c', hexa(horner(num, ROOT) / (ROOT * horner(den, ROOT))))
