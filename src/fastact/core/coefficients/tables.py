"""The tables of tables.h: what is left of falling functions of floats without their exponential, in pieces, or all of a function.

    python tables.py                  prints what stands there, and each piece's error in units of 2^-24
    python tables.py --trials NAME    prints for each piece where c may be, as a part of its width, and the largest error in ulp of two
                                      million floats, least first: what trials() has of each table

    f(a) = 2^n Y(a) e^(k z),   w = n G + OFF + z,   w = -a or -a^2,   or f(a) = Y(a)

f falls as e^w or e^(w/2). G is about log 2 or twice that, so short that n G is exact, as is OFF, what the magic number times G lacks of a
float: k and Y make up for both. Of the G and magic numbers those are taken for which OFF is small and k all but a float. Pieces end where
S a + START is 2^e or 2^e 3/2; Y in each is a polynomial of a - c. c is where roundings come to least, and so that Y(c) is all but a
float: its first coefficient then rounds next to nothing. In a piece with a root c is the float next to that, and its line
stands apart, in the last row: c1 + d (...) would round where it counts most. Coefficients are rounded from the lowest on, and the others
fitted again.
"""

import math
import sys
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from multiprocessing import Pool

import numpy as np
from mpmath import cos, erfc, exp, expm1, findroot, frexp, ldexp, log, lu_solve, matrix, mp, mpf, nint, pi, sqrt, tanh
from scipy.special import erfc as erfc_of

mp.prec = 160
LN2 = log(mpf(2))
HALF = mpf("0.5")
MAGIC = 12582912 + 127


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


def of_power(k, z):
    return abs(z) / exp(k * z) + mpf(2) ** -60


@dataclass(frozen=True)
class Power:
    """2^n e^(k z) for w = n G + OFF + z, which is e^(w/fold) but for what k lacks of 1/fold and for OFF."""

    name: str
    what: str
    fold: int
    g: mpf
    shift: int
    k: mpf
    off: mpf

    @classmethod
    def found(cls, name, what, fold, bits, shifts):
        best = None
        for i in range(-40, 41):
            g = (nint(fold * LN2 * 2**bits) + i) / mpf(2) ** bits
            k = LN2 / g
            if abs(k - rounded(k)) > mpf(2) ** -28:
                continue
            for shift in shifts:
                product = (MAGIC + shift) * g
                off = product - rounded(product)
                if best is None or abs(off) < abs(best.off):
                    best = cls(name, what, fold, g, shift, k, off)
        return best

    def left(self, w):
        """e^(w/fold) over 2^n e^(k z)."""
        return exp(w * (mpf(1) / self.fold - self.k) + self.off * self.k)

    def slope(self):
        """(e^(k z) - 1)/z, and its error."""
        most, k = self.g / 2 + abs(self.off) + mpf(2) ** -12, self.k
        return in_floats(lambda z: expm1(k * z) / z if z else k, partial(of_power, k), -most, most, 5, rounded(k))

    def text(self):
        name, magic = self.name, MAGIC + self.shift
        c, error = self.slope()
        return [
            f"\n/* {self.what}; shift {self.shift}, OFF {float(self.off)}, {float(error * 2**24):.3f} */",
            f"#define {name}_MAGIC {magic}.0f",
            f"#define {name}_PER {hexa(rounded(1 / self.g))}",
            f"#define {name}_G {hexa(self.g)}",
            f"#define {name}_MAGIC_G {hexa(rounded(magic * self.g))}",
            f"static const float {name}_E[6] UNUSED = {{{', '.join(map(hexa, c))}}};",
        ]


def fitted(f, low, high, degree, root, part):
    """c, the coefficients there, a line's slope and their error."""
    if root is not None and low < root < high:
        return lined(f, low, high, degree, rounded(root), f(rounded(root)))[:4]
    if part is not None:
        return about(f, low, high, degree, part)[:4]
    tried = [about(f, low, high, degree, mpf(half) / 2) for half in range(3)]
    if root is not None:
        tried.append(lined(f, low, high, degree if high < 4 * low else 3, nint(root * 16) / 16, None))
    return min(tried, key=lambda t: t[3] * 2**24 + t[4])[:4]


def lined(f, low, high, degree, c, first):
    """With the line apart, on which roundings of the others count little."""
    here, weight = partial(shifted, f, c), partial(inverse, f, c)
    found = nearly_minimax(here, weight, low - c, high - c, range(degree + 1))
    line = rounded((f((low + high) / 2) - f(c)) / ((low + high) / 2 - c) if first is None else found[1])
    rest, error = in_floats(partial(less_line, here, line), weight, low - c, high - c, degree, first and rounded(first))
    return c, rest, line, error, roundings(rest, line, low - c, high - c)


def less_line(f, line, d):
    return f(d) - line * d


def about(f, low, high, degree, part):
    """With c about there: c, coefficients, their error, and what roundings come to, in units of 2^-24."""
    best, step = None, (high - low) / 1024 * (-1 if part > mpf("0.5") else 1)
    for t in range(30):
        middle = rounded(low + part * (high - low) + t * step)
        here, weight = partial(shifted, f, middle), partial(inverse, f, middle)
        first = nearly_minimax(here, weight, low - middle, high - middle, range(degree + 1), 16, 4)[0]
        lacks = abs(first - rounded(first)) / abs(first)
        if best is None or lacks < best[0]:
            best = (lacks, middle)
        if lacks < mpf(2) ** -29:
            break
    middle = best[1]
    c, error = in_floats(partial(shifted, f, middle), partial(inverse, f, middle), low - middle, high - middle, degree)
    return middle, c, mpf(0), error, roundings(c, mpf(0), low - middle, high - middle)


def roundings(c, line, low, high):
    """What half an ulp of each sum comes to, in units of 2^-24."""
    most = mpf(0)
    for n in range(61):
        d, y, sums = low + (high - low) * n / 60, mpf(0), []
        for a in reversed(c):
            y = y * d + a
            sums.append(y)
        whole = y + line * d
        lost = sum(half_ulp(v) * abs(d) ** k for k, v in enumerate(reversed(sums[1:]))) + (half_ulp(whole) if line else 0)
        if abs(d) > (high - low) / 100:
            most = max(most, lost / abs(whole) * 2**24)
    return most


def half_ulp(v):
    return mpf(2) ** (int(frexp(v)[1]) - 25) if v else mpf(0)


def shifted(f, middle, d):
    return f(middle + d)


def inverse(f, middle, d):
    return 1 / f(middle + d)


@dataclass(frozen=True)
class Table:
    name: str
    power: Power | None
    y: object            # f over 2^n e^(k z), and over a power of a or of `least`, the lesser of both
    start: mpf
    scale: mpf
    end: mpf
    degree: int
    root: mpf | None = None
    parts: dict[float, mpf] = field(default_factory=dict)      # where c is by trial: the largest error of all floats was less
    least: mpf = HALF
    times: int = 0                                              # which power of that it is

    @property
    def rows(self):
        return self.degree + (2 if self.root is None else 3)

    @property
    def unit(self):
        return mpf(2) ** self.power.shift if self.power else mpf(1)

    def pieces(self):
        ends = [(self.start * mpf(2) ** (m // 2) * (1 + mpf(m % 2) / 2) - self.start) / self.scale for m in range(8)] + [self.end]
        return list(pairwise(ends))

    def text(self):
        table, errors = [], []
        for low, high in self.pieces():
            y, part = partial(self.y, low >= self.least), self.parts.get(float(low))
            middle, c, line, error = fitted(y, low, high, self.degree, self.root, part)
            errors.append(float(error * 2**24))
            row = [*c, *[mpf(0)] * (self.degree + 1 - len(c)), line][: self.rows - 1]
            table.append([middle, *(a / self.unit for a in row)])
        turn = int(nint(log(self.start, 2))) * 2 - 2                # the bits of 1 are 6 modulo 8
        table = [table[(k - turn) % 8] for k in range(8)]
        found = " ".join(f"{float(low):g}: {e:.3f}" for (low, _), e in zip(self.pieces(), errors, strict=True))
        lines = [
            f"\n/* {self.y.__doc__.strip('.')}; {found} */",
            *(f"#define {self.name}_{part.upper()} {decimal(getattr(self, part))}" for part in ("start", "scale", "end")),
            f"enum {{ {self.name}_DEGREE = {self.degree}, {self.name}_ROWS = {self.rows} }};",
            f"static const float {self.name}_TABLE_F4[{self.name}_ROWS][8] __attribute__((aligned(32), unused)) = {{",
        ]
        lines += ["    {" + ", ".join(map(hexa, row)) + "}," for row in zip(*table, strict=True)]
        return [*lines[:-1], lines[-1][:-1] + "};"]


BELL = Power.found("BELL", "w = -a^2, e^(w/2)", 2, 15, range(58, 68))
SQUARE = Power.found("SQUARE", "w = -a^2, e^w", 1, 15, range(50, 72))
FALL = Power.found("FALL", "w = -a, e^w", 1, 15, range(44, 72))


def gelu(by, a):
    """a Phi(-a) over min(a, 1/2)."""
    return normal(by, a) * (2 * a if by else 1)


def gelu_slope(by, a):
    """Phi(-a) - a phi(a)."""
    return normal(by, a) - a / sqrt(2 * pi) * BELL.left(-a * a)


def normal(by, a):
    """Phi(-a)."""
    return erfc(a / sqrt(mpf(2))) / 2 * exp(a * a / 2) * BELL.left(-a * a)


def error(by, a):
    """erfc(a)."""
    return erfc(a) * exp(a * a) * SQUARE.left(-a * a)


def silu_slope(by, a):
    """t (1 - a + t)/(1 + t)^2, t = e^-a."""
    t = exp(-a)
    return (1 - a + t) / (1 + t) ** 2 * FALL.left(-a)


def shrink(by, a):
    """a - tanh(a) over min(a, 1/4)^3."""
    return (a - tanh(a)) / (mpf("0.25") if by else a) ** 3 if a > mpf(10) ** -9 else mpf(1) / 3


def tanh_square(by, a):
    """tanh(a)^2 over min(a, 1/4)^2."""
    return (tanh(a) / (mpf("0.25") if by else a)) ** 2 if a else mpf(1)


def bell(c, power, u):
    """c e^(-u/fold), u = a^2."""
    return c * power.left(-u)


def decimal(v):
    return f"{float(v)}f"


GELU_ROOT = findroot(lambda a: gelu_slope(False, a), mpf("0.7518"))
SILU_ROOT = findroot(lambda a: 1 - a + exp(-a), mpf("1.2785"))


def trials(text):
    """Where a piece begins: c as a part of its width."""
    return {float(low): mpf(part) for low, part in (pair.split(":") for pair in text.split())}


#: So much below 4 that 2 + 4 a is 3 for no a below 1/4, when it is rounded: what is less than `least` is not in the next piece.
BELOW_4 = mpf(4) - mpf(2) ** -21

TABLES = [
    Table("GELU", BELL, gelu, mpf(1), mpf(1), mpf("14.5"), 7, None, trials("1:0.875"), times=1),
    Table("GELU_SLOPE", BELL, gelu_slope, mpf(1), mpf(1), mpf("14.75"), 7, GELU_ROOT, trials("5:0.75")),
    Table("NORMAL", BELL, normal, mpf(1), mpf(1), mpf("14.5"), 8, None, trials("0.5:0.625 1:0.875 2:0 3:0.625 5:0.625 7:0.875 11:0.25")),
    Table("ERROR", SQUARE, error, mpf(1), mpf(1), mpf("10.25"), 8, None, trials("0.5:0.875 1:0.625 2:0.875 3:0 5:0.75 7:0.125")),
    Table("SILU_SLOPE", FALL, silu_slope, mpf(2), mpf("1.125"), mpf(109), 8, SILU_ROOT),
    Table("SHRINK", None, shrink, mpf(2), BELOW_4, mpf("9.5"), 7, least=mpf("0.25"), times=3),
    Table("TANH_SQUARE", None, tanh_square, mpf(2), BELOW_4, mpf("9.5"), 8, least=mpf("0.25"), times=2),
]

#: What a bell lacks of its power, polynomials of a^2.
BELLS = [("NORMAL_BELL", BELL, 1 / sqrt(2 * pi), mpf("14.5")), ("ERROR_BELL", SQUARE, 2 / sqrt(pi), mpf("10.25"))]


def added(a, b, c):
    """a b + c in floats, rounded once but for what a double leaves out."""
    return (a.astype(np.float64) * b + c).astype(np.float32)


def horner(c, x):
    y = np.full_like(x, float(c[-1]))
    for a in reversed(c[:-1]):
        y = added(y, x, np.float32(float(a)))
    return y


def shrunk(a):
    """a - tanh(a), of which below 1/2 too few bits would be left: there (a cosh(a) - sinh(a))/cosh(a) by its series."""
    low = np.minimum(a, 0.5)
    near = sum(2 * n * low ** (2 * n + 1) / math.factorial(2 * n + 1) for n in range(1, 9)) / np.cosh(low)
    return np.where(a < 0.5, near, a - np.tanh(a))


#: The functions themselves, of doubles.
EXACT = {
    "GELU": lambda a: a * erfc_of(a / np.sqrt(2)) / 2,
    "GELU_SLOPE": lambda a: erfc_of(a / np.sqrt(2)) / 2 - a * np.exp(-a * a / 2) / np.sqrt(2 * np.pi),
    "NORMAL": lambda a: erfc_of(a / np.sqrt(2)) / 2,
    "ERROR": erfc_of,
    "SILU_SLOPE": lambda a: np.exp(-a) * (1 - a + np.exp(-a)) / (1 + np.exp(-a)) ** 2,
    "SHRINK": shrunk,
    "TANH_SQUARE": lambda a: np.tanh(a) ** 2,
}


def power_of(power, a):
    """e^(k z) - 1 and n, as tables.h has them."""
    magic, square = MAGIC + power.shift, power is not FALL
    j = added(a * a if square else a, np.float32(-float(rounded(1 / power.g))), np.float32(float(magic)))
    left = added(j, np.float32(float(power.g)), np.float32(-float(rounded(magic * power.g))))
    z = added(-a, a, -left) if square else -left - a
    return horner(power.slope()[0], z) * z, j.astype(np.int64) - int(magic) + power.shift


def trial(table, low, high, part):
    """The largest error, in ulp, of a piece whose c is there: the formulas of tables.h in floats, where results are normal."""
    c, found, *_ = about(partial(table.y, low >= table.least), low, high, table.degree, mpf(part))
    a = np.random.default_rng(5).uniform(float(low), float(high), 2_000_000).astype(np.float32)
    exact = EXACT[table.name](a.astype(np.float64))
    a, exact = a[exact >= 2.0**-126], exact[exact >= 2.0**-126]
    y = horner([v / table.unit for v in found], a - np.float32(float(c)))
    v = y.astype(np.float64)
    if table.power:
        w, n = power_of(table.power, a)
        v = np.ldexp(added(y, w, y).astype(np.float64), n)
    v *= np.minimum(a, np.float32(float(table.least))).astype(np.float64) ** table.times
    return float((abs(v.astype(np.float32) - exact) / np.ldexp(1.0, np.frexp(exact)[1] - 24)).max())


def print_trials(name):
    table = next(t for t in TABLES if t.name == name)
    parts = [n / 8 for n in range(9)]
    with Pool() as pool:
        for low, high in table.pieces():
            if table.root is not None and low < table.root < high:
                continue                                            # there c is the float next to the root
            errors = pool.starmap(trial, [(table, low, high, part) for part in parts])
            print(f"{float(low):g}:", ", ".join(f"{part} {e:.3f}" for e, part in sorted(zip(errors, parts, strict=True))))


def main():
    for power in (BELL, SQUARE, FALL):
        print("\n".join(power.text()))
    for name, power, c, end in BELLS:
        f = partial(bell, c, power)
        found, error = in_floats(f, partial(inverse, f, mpf(0)), mpf(0), end * end, 3)
        numbers = ", ".join(hexa(a / mpf(2) ** power.shift) for a in found)
        print(f"\n/* what a bell lacks of its power, of a^2; {float(error * 2**24):.3f} */")
        print(f"static const float {name}[4] UNUSED = {{{numbers}}};")
    with Pool() as pool:
        for lines in pool.imap(Table.text, TABLES):
            print("\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--trials"]:
        print_trials(sys.argv[2])
    else:
        main()
