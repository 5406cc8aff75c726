"""What floats take for t = e^-a about the root of 1 - a + t, in gauss.h: constants, and r by gauss_rational.py's exchange.

    python falls.py        prints them

c is the float of 22 bits next to e^-root, so that 1 + c is one, too; -ln c = high + low, of which high is a float, in two
parts, whole 2^-17 and the rest, for n ln 2, in whole 2^-17 and the rest, to be taken away. With e^low in it, c(e^z - 1) is z/4
+ z r(z) + k. n is rounded about 2, not about -ln c/ln 2, which saves an operation and moves z. The last bits of r are chosen by
trial: by_trial.c.
"""

from gauss_rational import fit, hexa, rounded
from mpmath import e, exp, expm1, findroot, floor, log, mp, mpf, nint

mp.prec = 220
ROOT = findroot(lambda r: 1 + e**-r - r, mpf("1.278"))
C = nint(ROOT * 2**23) / 2**23 - 1
HIGH = rounded(-log(C), 24)
LOW = -log(C) - HIGH
CENTRE = 2 + log(C) / log(mpf(2))


def grid(v: mpf) -> mpf:
    return floor(v * 2**17) / 2**17


R0 = rounded(exp(LOW) * C - mpf(1) / 4, 24)


def rest(z: mpf) -> mpf:
    """(r(z) - r(0))/z"""
    if abs(z) < mpf(10) ** -3:
        return exp(LOW) * C * (mpf(1) / 2 + z / 6 + z * z / 24 + z**3 / 120 + z**4 / 720)
    return ((exp(LOW) * C * expm1(z) / z - mpf(1) / 4) - R0) / z


if __name__ == "__main__":
    print("root:", ROOT, "c:", hexa(C), "-ln c:", hexa(HIGH), hexa(rounded(LOW, 24)))
    print("in parts:", hexa(grid(HIGH)), hexa(HIGH - grid(HIGH)))
    print("ln 2:", hexa(grid(log(mpf(2)))), hexa(rounded(log(mpf(2)) - grid(log(mpf(2))), 24)))
    print("k:", hexa(rounded(C * expm1(LOW), 24)), "r(0):", hexa(R0))
    start, end = (-(mpf(1) / 2 + CENTRE) * log(mpf(2)) - mpf(2) ** -17, (mpf(1) / 2 - CENTRE) * log(mpf(2)) + mpf(2) ** -17)
    fit("r", rest, start, end, 4, 0, 24, k=0, count=300, weight=lambda z: C * exp(z) / max(z * z, mpf(1) / 900))
