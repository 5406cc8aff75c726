"""The tables of trig.h: 1/pi without the bits that make whole turns.

    python turns.py        prints them

WIDE_HI, WIDE_LO   2^(2 k)/pi modulo 2, as the sum of two doubles, k = 0 ... 104: up to 2^256, the largest product of two floats
TURNS              2^(8 k)/pi modulo 2 without its bits below 2^-47, k = -14 ... 265; 48 bits on, these are the next ones
"""

from mpmath import floor, mp, mpf, nint, pi

mp.prec = 2800


def double(v: mpf) -> mpf:
    mantissa, exponent = mp.frexp(v)
    return mp.ldexp(nint(mp.ldexp(mantissa, 53)), int(exponent) - 53)


def pair(k: int) -> tuple[mpf, mpf]:
    rest = mp.ldexp(1, 2 * k) / pi
    rest -= 2 * floor(rest / 2 + mpf(1) / 2)
    return double(rest), double(rest - double(rest))


def limb(k: int) -> mpf:
    shifted = mp.ldexp(1, 8 * k) / pi
    rest = shifted - 2 * floor(shifted / 2)
    return mp.ldexp(floor(mp.ldexp(rest, 47)), -47)


def show(name: str, length: int, values: list[mpf]) -> None:
    print(f"static const double {name}[{length}] = {{")
    for k in range(0, len(values), 5):
        print("    " + " ".join(f"{float(v).hex()}," for v in values[k : k + 5]))
    print("};")


if __name__ == "__main__":
    pairs = [pair(k) for k in range(105)]
    show("WIDE_HI", 128, [p[0] for p in pairs])
    show("WIDE_LO", 128, [p[1] for p in pairs])
    show("TURNS", 280, [limb(k) for k in range(-14, 266)])
