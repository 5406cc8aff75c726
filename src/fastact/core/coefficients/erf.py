"""Polynomials of erf for doubles, in erf.h: weighted least squares at Chebyshev's nodes, the coefficients rounded one by one.

    python erf.py        prints the coefficients, the highest first, and each fit's error

  near  erf(x) = x + x P(x^2), |x| < 1
  far   erf(x) = 1 - P(x - 3/2)^4, up to 5.94: from 5.93 it rounds to 1
"""
from mpmath import cos, erf, erfc, log, lu_solve, matrix, mp, mpf, pi

mp.prec = 400


def fit(name, f, weight, basis, start, end, top, count=160):
    """f as a polynomial in basis, of degree top; errors count times weight"""
    nodes = [(start + end) / 2 + (end - start) / 2 * cos(pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    rows = [[weight(x) * basis(x) ** k for k in range(top + 1)] for x in nodes]
    right = [weight(x) * f(x) for x in nodes]
    normal = matrix(top + 1, top + 1)
    for i in range(top + 1):
        for j in range(top + 1):
            normal[i, j] = sum(r[i] * r[j] for r in rows)
    given = [sum(r[i] * v for r, v in zip(rows, right, strict=True)) for i in range(top + 1)]
    c = [mpf(0)] * (top + 1)
    for k in range(top, -1, -1):                        # what rounding the higher ones left is made good by the lower ones
        rest = [given[i] - sum(normal[i, j] * c[j] for j in range(k + 1, top + 1)) for i in range(k + 1)]
        c[k] = mpf(float(lu_solve(normal[: k + 1, : k + 1], matrix(rest))[k]))
    error = max(abs(sum(a * b for a, b in zip(c, r, strict=True)) - v) for r, v in zip(rows, right, strict=True))
    print(f'{name}: error 2^{float(log(error, 2)):.1f}')
    for v in reversed(c):
        print('   ', float(v).hex())


def root(a):
    return erfc(a) ** (mpf(1) / 4)


if __name__ == '__main__':
    edge = mpf(2) ** -20
    fit('near', lambda x: erf(x) / x - 1, lambda x: x / erf(x), lambda x: x * x, edge, 1 + edge, 11)
    fit('far', root, lambda a: 4 * root(a) ** 3, lambda a: a - mpf('1.5'), 1 - edge, mpf('5.9375'), 20)
