"""Minimax fits of the Gaussian tail for gauss.h: Remez exchange in mpmath, then coefficients rounded one by one.

    python gauss_rational.py        prints the coefficients that stand in gauss.h, and each fit's error

M(a) = Phi(-a)/phi(a) is the Mills ratio.
  gelu:           b (1 + F) = 4 a M(a) / sqrt(2 pi)                  so that a Phi(-a)  = e^(-a^2/2) b (1 + F) / 4,
                  b = 11/8, amid its values, above the seam
  gelu gradient:  1 + Q = 2 (M(a) - a) / ((r - a) sqrt(2 pi))        so that gelu'(-a) = e^(-a^2/2) (r - a)(1 + Q) / 2
The error is measured relative to 1 + Q (1 + F).
  gelu near 0, float64: a Phi(-a) = a/2 - p E(p), p = a^2/2, E(p) = erf(a/sqrt 2)/a; the error is relative to the whole.
"""
import sys

from mpmath import cos, erf, erfc, exp, findroot, log, lu_solve, matrix, mp, mpf, pi, sqrt

mp.prec = 220
SQ = sqrt(2 * pi)
SEAM = 0.875            # gelu in float64: below, the odd part of erf; above, the Mills ratio
SEAM_PARTS = 1.1875     # the same where E is in two parts: its rounding errors allow more of the cancellation
BEYOND = 1.25           # where the fit of E ends: up to the seam its error is then small against that of rounding
FAR = mpf('1.375')      # b above the seam
D0 = mpf(25) / 32       # the quotient in float64: its numerator is then just below 2, where it rounds least, from the seam to 1.25


def mills(a):
    return erfc(a / sqrt(mpf(2))) / 2 / (exp(-a * a / 2) / SQ)


ROOT = findroot(lambda a: mills(a) - a, mpf('0.75179'))


def q_grad(a):
    if abs(a - ROOT) < mpf(10) ** -25:
        a = ROOT + mpf(10) ** -25
    return 2 * (mills(a) - a) / ((ROOT - a) * SQ) - 1


def above_seam(a):
    return 4 * a * mills(a) / SQ / FAR - 1


def erf_even(p):
    """E: a Phi(-a) = a/2 - p E(p), p = a^2/2"""
    a = sqrt(2 * p)
    return erf(a / sqrt(mpf(2))) / a if p else sqrt(2 / pi)


def erf_weight(p):
    """the error of E that costs one part in the result"""
    a = sqrt(2 * p)
    return erfc(a / sqrt(mpf(2))) / a if p else mpf(10) ** 20


def mish_tail(a):
    t = exp(-a)
    e = 1 + t + t * t / 2
    return t * ((1 - a) * (1 + t) + t / 2 + t * t + t ** 3 / 4) / e ** 2


ROOTS = {mish_tail: findroot(mish_tail, 1.19243)}


def by_root(g, c):
    """P(d) = f'(-a)/d - c, d = r - a: c d is exact in a fused operation, so only the rest rounds"""
    r = ROOTS[g]

    def p(d):
        d = d if abs(d) > mpf(10) ** -25 else mpf(10) ** -25
        return g(r - d) / d - c
    return p


#: name, f'(-a), how far beyond 0 it serves, c, degree, where the range of a ends; of doubles
NEAR = (
    ('mish', mish_tail, mpf(1) / 4, mpf(5) / 16, 25, mpf(7) / 4),
)


def near(name, g, c, end, degree, bits, beyond=0):
    r = ROOTS[g]
    hi = rounded(r, bits)
    print(f'root of {name}:', hexa(hi), hexa(rounded(r - hi, bits)))
    p = by_root(g, c)
    print('c', hexa(c))
    fit(name, p, r - end, r + beyond, degree, 0, bits, k=0, count=240, weight=lambda d: p(d) + c)


def horner(c, x):
    s = mpf(0)
    for k in reversed(c):
        s = s * x + k
    return s


def rounded(v, bits):
    if v == 0:
        return v
    m, e = mp.frexp(v)
    return mp.ldexp(mp.nint(mp.ldexp(m, bits)), e - bits)


def grid(lo, hi, count, k):
    """points crowded where the function bends: x = k(1+t)/(1-t) maps [-1, 1) to [0, inf)"""
    t0, t1 = (lo - k) / (lo + k), (hi - k) / (hi + k)
    for i in range(count + 1):
        t = (t0 + t1) / 2 - (t1 - t0) / 2 * cos(pi * i / count)
        yield k * (1 + t) / (1 - t)


def solve(f, w, xs, n, m, fixed, dens):
    """alternating-error system with some coefficients fixed: {('n', i) or ('d', j): value}; d0 = 1"""
    free = [('n', i) for i in range(n + 1)] + [('d', j) for j in range(1, m + 1)]
    free = [c for c in free if c not in fixed]
    size = len(free) + 1
    A, b = matrix(size, size), matrix(size, 1)
    for row in range(size):
        x, sign = xs[row], (-1) ** row
        rhs = f[row]
        for (kind, i), v in fixed.items():
            rhs -= (x ** i if kind == 'n' else -f[row] * x ** i) * v
        for col, (kind, i) in enumerate(free):
            A[row, col] = x ** i if kind == 'n' else -f[row] * x ** i
        A[row, size - 1] = -sign * w[row] * horner(dens, x)
        b[row] = rhs
    s = lu_solve(A, b)
    val = dict(fixed)
    val.update({c: s[i] for i, c in enumerate(free)})
    num = [val[('n', i)] for i in range(n + 1)]
    den = [mpf(1)] + [val[('d', j)] for j in range(1, m + 1)]
    return num, den, s[size - 1]


def remez(g, gx, gf, gw, n, m, fixed, dens, rounds=25):
    size = n + m + 2 - len(fixed)
    at = [round((len(gx) - 1) * i / (size - 1)) for i in range(size)]
    best = None
    for _ in range(rounds):
        xs, f, w = [gx[i] for i in at], [gf[i] for i in at], [gw[i] for i in at]
        for _ in range(6):
            num, den, e = solve(f, w, xs, n, m, fixed, dens)
            dens = den
        err = [(horner(num, x) / horner(den, x) - y) / ww for x, y, ww in zip(gx, gf, gw, strict=False)]
        top = max(abs(v) for v in err)
        if best is None or top < best[0]:
            best = (top, num, den)
        if top < abs(e) * mpf('1.02'):
            break
        peaks, i = [], 0
        while i < len(err):                     # the largest error in each run of one sign
            j, k = i, i
            while j < len(err) and (err[j] > 0) == (err[i] > 0):
                if abs(err[j]) > abs(err[k]):
                    k = j
                j += 1
            peaks.append(k)
            i = j
        while len(peaks) > size:
            peaks.pop(0 if abs(err[peaks[0]]) < abs(err[peaks[-1]]) else -1)
        if len(peaks) < size:
            break
        at = peaks
    return best


def fit(name, g, lo, hi, n, m, bits, k=1.5, count=600, round_one_by_one=True, weight=None, d0=1, given=None, trials=6000):
    if k:
        gx = list(grid(mpf(lo), mpf(hi), count, mpf(k)))
    else:
        gx = [(lo + hi) / mpf(2) - (hi - lo) / mpf(2) * cos(pi * i / count) for i in range(count + 1)]
    gf = [g(x) for x in gx]
    gw = [weight(x) if weight else 1 + y for x, y in zip(gx, gf, strict=False)]
    fixed = dict(given or {})
    top, num, den = remez(g, gx, gf, gw, n, m, fixed, [mpf(1)] + [mpf(0)] * m)
    free = top
    if round_one_by_one:
        order = [('d', j) for j in range(1, m + 1)] + ([('n', i) for i in range(n)] if k else [('n', i) for i in range(n, 0, -1)])
        for c in (c for c in order if c not in (given or {})):
            fixed[c] = rounded(num[c[1]] if c[0] == 'n' else den[c[1]], bits)
            r = remez(g, gx, gf, gw, n, m, fixed, den, rounds=6)
            top, num, den = r
    num = [rounded(v * d0, bits) for v in num]
    den = [rounded(v * d0, bits) for v in den]
    num, den = polish(num, den, gx, gf, gw, bits, [i for kind, i in given or () if kind == 'n'], trials)
    err = max(abs(horner(num, x) / horner(den, x) - y) / w for x, y, w in zip(gx, gf, gw, strict=False))
    print(
        f'/* {name} on [{lo!s:.9}, {hi!s:.9}]: degrees {n}/{m}, error 2^{float(log(err, 2)):.1f}'
        f' (before rounding 2^{float(log(free, 2)):.1f}) */'
    )
    for label, c in (('num', num), ('den', den)):
        print(label, ', '.join(hexa(v) for v in c))
    sys.stdout.flush()
    return num, den


def polish(num, den, gx, gf, gw, bits, held=(), trials=6000):
    """last bits of the coefficients, by trial (seeded): rounding them costs more than the fit does"""
    import numpy as np
    rng = np.random.default_rng(1)
    store, wide = (np.float32, np.float64) if bits == 24 else (np.float64, np.longdouble)
    x, y, w = (np.array([wide(mp.nstr(v, 30)) for v in c]) for c in (gx, gf, gw))
    c = np.array([float(v) for v in num + den], dtype=store)
    size = len(num)
    movable = [i for i in range(len(c)) if i != size and i not in held]

    def error(c):
        n, d = c[:size].astype(wide), c[size:].astype(wide)
        return np.abs((np.polyval(n[::-1], x) / np.polyval(d[::-1], x) - y) / w).max()

    best = error(c)
    for _ in range(trials):
        t = c.copy()
        for i in rng.choice(movable, size=int(rng.integers(1, min(4, len(movable)) + 1)), replace=False):
            for _ in range(int(rng.integers(1, 4))):
                t[i] = np.nextafter(t[i], store(rng.choice((-np.inf, np.inf))))
        e = error(t)
        if e <= best:
            c, best = t, e
    return [mpf(float(v)) for v in c[:size]], [mpf(float(v)) for v in c[size:]]


def hexa(v):
    return float(v).hex()


def about_roots(only):
    for name, g, beyond, c, degree, end in NEAR:
        if only in (None, name):
            near(f'near {name} f8', g, c, end, degree, 53, beyond)


def tails(only):
    if only in (None, 'gelu'):
        hi = rounded(ROOT, 53)
        print('root of M(a) = a:', hexa(hi), hexa(rounded(ROOT - hi, 53)))
        fit('erf f8', erf_even, 1e-20, BEYOND ** 2 / 2, 11, 0, 53, weight=erf_weight)
        fit('gelu f8', above_seam, SEAM, 39, 10, 10, 53, d0=D0)
        fit('gelu gradient f8', q_grad, 0, 39, 10, 10, 53)


if __name__ == '__main__':
    part = sys.argv[1] if len(sys.argv) > 1 else None       # mish or gelu: one of the parts
    about_roots(part)
    tails(part)
