"""Constants of the gradients about their roots: fall_reduced in gauss.h, and what floats compute in double.

    python roots.py        prints them

1 - h + e^-u has the root u = r, h = 1 + c with c = e^-r; for silu u = h = x, for gelu_tanh u = S(x) and h = x S'(x). Doubles take c as
rounded, and the r that belongs to it, as they take ln 2 there: whole 2^-42, and the rest.
"""

from mpmath import diff, e, factorial, findroot, log, mp, mpf, nint, pi, sqrt

mp.prec = 300
K = 2 * sqrt(2 / pi)
KC = K * mpf("0.044715")


def rounded(v: mpf, bits: int) -> mpf:
    mantissa, exponent = mp.frexp(v)
    return mp.ldexp(nint(mp.ldexp(mantissa, bits)), int(exponent) - bits)


def parts(v: mpf, count: int) -> list[str]:
    found = [nint(v * 2**42) / 2**42]
    for _ in range(1, count):
        found.append(rounded(v - sum(found), 53))
    return [float(p).hex() for p in found]


def show(name: str, r: mpf) -> None:
    c = rounded(e**-r, 53)
    print(name, "r in three parts, c:", *parts(-log(c), 3), float(c).hex(), "floats:", float(r), float(e**-r))


print("ln 2:", *parts(log(mpf(2)), 2))
show("silu", findroot(lambda r: 1 + e**-r - r, 1.278))
at = findroot(lambda x: 1 + e ** -(K * x + KC * x**3) - (K * x + 3 * KC * x**3), 0.752)
show("cubic", K * at + KC * at**3)

# mish' is 0 where 4(1 + x) + e(4x + 6) + 4e^2 + e^3 is, e = e^x: floats take r and c
show("mish", findroot(lambda r: 4 - 4 * r + (6 - 4 * r) * e**-r + 4 * e ** (-2 * r) + e ** (-3 * r), 1.19))


def gradient(x: mpf) -> mpf:
    t, h = e ** (K * x + KC * x**3), K * x + 3 * KC * x**3
    return t * (1 + t + h) / (1 + t) ** 2


def about(f, at: mpf, terms: int) -> tuple[mpf, ...]:
    """the root -at as two numbers, the slope there as two numbers, and the next terms of the series about it"""
    near, slope = rounded(at, 53), diff(f, -at)
    rest = (diff(f, -at, n) / factorial(n) for n in range(2, terms + 1))
    return near, at - near, rounded(slope, 53), slope - rounded(slope, 53), *rest


close = about(gradient, at, 2)
print("gelu_tanh', next to its root:", ", ".join(float(v).hex() for v in close))
print("S(x) = K x + KC x^3:", float(K), float(KC), float(3 * KC))


def dish_gradient(x: mpf) -> mpf:
    u = x / sqrt(1 + x * x)
    return (1 + 2 * u - u**3) / 2


at = sqrt((sqrt(mpf(5)) - 1) / 2)
close = about(dish_gradient, at, 2)
print("dish', next to its root:", ", ".join(float(v).hex() for v in close))
w0 = (3 - sqrt(mpf(5))) / 2
by_w = w0 * (3 - 2 * w0)                            # w (3w - 1 - w^2) = (w0 + e) e (3 - 2 w0 - e), w = w0 + e
print("dish' about its root, w0 and the slope in e:", *(f"{float(rounded(v, 53))!r} {float(v - rounded(v, 53))!r}" for v in (w0, by_w)))
