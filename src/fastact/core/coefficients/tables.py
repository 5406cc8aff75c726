"""The tables of gauss.h: a Phi(-a) of floats, in pieces.

    python tables.py        prints what stands there, and each piece's error in units of 2^-24

    a Phi(-a) = 2^n min(a, 1/2) Y(a) e^(k z),   -a^2 = n G + OFF + z,   0 <= a <= 14.5

G is about 2 log 2, so short that n G is exact, as is OFF, what the magic number times G lacks of a float: k and Y make up for both. Of the
G and magic numbers those are taken for which OFF is small and k all but a float. Pieces end where a + 1 is 2^e (1 + m/4), m = 0 ... 3; Y in
each is a polynomial of a - c, with c so near the middle that Y(c) is all but a float: its first coefficient then rounds next to nothing.
Coefficients are rounded from the lowest on, and the others fitted again.
"""

from functools import partial
from itertools import pairwise

from mpmath import cos, erfc, exp, expm1, frexp, ldexp, log, lu_solve, matrix, mp, mpf, nint, pi, sqrt

mp.prec = 160
DEGREE = 6
LN2 = log(mpf(2))
MAGIC = 12582912 + 127
END = mpf("14.5")


def rounded(v):
    if v == 0:
        return mpf(0)
    mantissa, exponent = frexp(v)
    return ldexp(nint(ldexp(mantissa, 24)), int(exponent) - 24)


def hexa(v):
    mantissa, exponent = float(v).hex().split("p")
    mantissa = mantissa.rstrip("0") if "." in mantissa else mantissa
    return f"{mantissa.rstrip('.')}p{exponent}f"


def nearly_minimax(f, weight, low, high, powers, nodes=24, rounds=6):
    """Coefficients of those powers: least squares, weighed again by the error (Lawson)."""
    xs = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * i + 1) / (2 * nodes)) for i in range(nodes)]
    largest = max(abs(low), abs(high))
    rows = [[(x / largest) ** k * weight(x) for k in powers] for x in xs]
    wanted = [f(x) * weight(x) for x in xs]
    shares = [mpf(1)] * nodes
    for _ in range(rounds):
        m, right = matrix(len(powers), len(powers)), matrix(len(powers), 1)
        for row, y, share in zip(rows, wanted, shares, strict=True):
            for i, a in enumerate(row):
                right[i] += share * a * y
                for j, b in enumerate(row):
                    m[i, j] += share * a * b
        c = lu_solve(m, right)
        errors = [abs(sum(a * b for a, b in zip(c, row, strict=True)) - y) for row, y in zip(rows, wanted, strict=True)]
        shares = [share * e / max(errors) + mpf(10) ** -30 for share, e in zip(shares, errors, strict=True)]
        shares = [share * nodes / sum(shares) for share in shares]
    return [a / largest**k for a, k in zip(c, powers, strict=True)]


def in_floats(f, weight, low, high, degree, first=None):
    found = [] if first is None else [first]
    while len(found) <= degree:
        powers = list(range(len(found), degree + 1))
        rest = nearly_minimax(lambda x, known=tuple(found): f(x) - sum(c * x**k for k, c in enumerate(known)), weight, low, high, powers)
        found.append(rounded(rest[0]))
    xs = [low + (high - low) * i / 60 for i in range(61)]
    return found, max(abs((sum(c * x**k for k, c in enumerate(found)) - f(x)) * weight(x)) for x in xs)


def reduction():
    """G, the magic number, OFF and k."""
    best = None
    for i in range(-40, 41):
        g = mpf(45426 + i) / 32768
        k = (1 + (2 * LN2 - g) / g) / 2
        if abs(k - rounded(k)) > mpf(2) ** -28:
            continue
        for shift in range(58, 68):
            product = (MAGIC + shift) * g
            off = product - rounded(product)
            if best is None or abs(off) < abs(best[3]):
                best = (g, shift, k, off)
    return best


def piece(a, by, k, off):
    """Y(a), from 1/2 on by 2 a; a^2/2 + log 2^n e^(k z) = k a^2 + k OFF."""
    return erfc(a / sqrt(mpf(2))) / 2 * exp(a * a * k + off * k) * (2 * a if by else 1)


def fitted(f, low, high):
    """The middle, the coefficients there and their error."""
    best = None
    for t in range(60):
        middle = rounded((low + high) / 2 + (t + 1) // 2 * (-1) ** t * (high - low) / 1024)
        here, weight = partial(shifted, f, middle), partial(inverse, f, middle)
        first = nearly_minimax(here, weight, low - middle, high - middle, range(DEGREE + 1), 20, 5)[0]
        lacks = abs(first - rounded(first)) / first
        if best is None or lacks < best[0]:
            best = (lacks, middle)
        if lacks < mpf(2) ** -31:
            break
    middle = best[1]
    return middle, *in_floats(partial(shifted, f, middle), partial(inverse, f, middle), low - middle, high - middle, DEGREE)


def shifted(f, middle, d):
    return f(middle + d)


def inverse(f, middle, d):
    return 1 / f(middle + d)


def main():
    g, shift, k, off = reduction()
    print(f"/* shift {shift}, OFF {float(off)} */")
    print(f"#define TABLE_MAGIC {MAGIC + shift}.0f\n#define TABLE_G {hexa(g)}\n#define TABLE_MAGIC_G {hexa(rounded((MAGIC + shift) * g))}")
    print(f"#define TABLE_PER {hexa(rounded(-1 / g))}")
    most = g / 2 + abs(off) + mpf(2) ** -12
    c, error = in_floats(lambda z: expm1(k * z) / z if z else k, lambda z: abs(z) / exp(k * z) + mpf(2) ** -60, -most, most, 5, rounded(k))
    print(" ".join(map(hexa, c)), float(error * 2**24))
    ends = [mpf(2) ** e * (1 + mpf(m) / 4) - 1 for e in range(4) for m in range(4)] + [END]
    table = []
    for low, high in pairwise(ends):
        middle, c, error = fitted(partial(piece, by=low >= mpf("0.5"), k=k, off=off), low, high)
        print(float(low), float(middle), float(error * 2**24))
        table.append([middle, *(a / mpf(2) ** shift for a in c)])
    table = table[4:] + table[:4]                       # the bits of 1 are 12 modulo 16
    for row in zip(*table, strict=True):
        numbers = [hexa(a) for a in row]
        print("    {" + ", ".join(numbers[:8]) + ",\n     " + ", ".join(numbers[8:]) + "},")


if __name__ == "__main__":
    main()
