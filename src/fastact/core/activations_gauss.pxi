# gelu, gelu_tanh, silu, swish, mish: x times a tail that falls to nothing, and their gradients, each with a root.
#
# e^-a arrives as s(1 + z + y), s a power of two: s*x is exact, so x*e^-a*(1 + h) = B + B*r, B = s*x,
# r = z + (y + h(1 + z + y)), rounds once where it matters; errors of r and h are damped by their size.
# s is scaled, so that no intermediate is subnormal; unscale() comes last.

cdef inline real silu(real x) noexcept nogil:
    # x / (1 + e^-x), both scaled where e^-x would overflow
    cdef real s
    cdef real z = divisor_reduced(head_ceiling(tail_floor(x)), -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    cdef real unit
    cdef real d = logistic_divisor(s, w, x, &unit)
    return lowered(tail_floor(x) / d, unit)

cdef inline real swish(real x, real beta) noexcept nogil:
    # x / (1 + e^-u), u = beta x with its rounding error, as silu; but where beta is 1, whose bits are silu's, with what is left of the
    # division, in which the divisor's rounding error joins: else up to 2.1 ulp
    cdef real s
    cdef real u = product_floor(head_ceiling(beta * x))
    cdef real z = divisor_reduced(u, residue(fma(-beta, x, u)), &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    cdef real unit, lo
    cdef real d = deep_divisor_parts(s, w, u, &unit, &lo)
    cdef real v = deep(u, x)
    cdef real y = v / d
    cdef real more = refined(y, v, d, lo)
    return lowered(y if beta == 1.0 else more, unit)

cdef inline real gelu_backward(real dy, real x) noexcept nogil:
    # left: Phi(-a) - a phi(a) = e^(-a^2/2) (r - a)(1 + Q)/2, r the root; f'(a) = 1 - f'(-a)
    cdef real a = gauss_clamp(abs(x))
    cdef real half = -0.5 * a
    cdef real p = half * a
    cdef real s, rest
    cdef real z = tail_reduced(p, fma(half, a, -p), &s, &rest)
    # ---- f8
    cdef real y = split_poly(z, rest)
    # ----
    cdef real q = gauss_slope(a, p)
    # ---- f8
    cdef real lo
    cdef real d = gauss_distance(a, &lo)
    cdef real g = unscale(0.5 * s * raised(d, lo, z, fma(q, 1.0 + (z + y), y)))
    cdef real right = 1.0 - g
    return graded(dy, g if x < 0.0 else right)

cdef inline real gelu_tanh(real x) noexcept nogil:
    # x / (1 + e^-S), S = k(x + 0.044715 x^3) with its rounding error
    cdef real s, ds
    cdef real sx = cubic(cubic_ceiling(cubic_floor(x)), &ds)
    cdef real z = divisor_reduced(sx, -ds, &s)
    # ----
    cdef real w = cubic_poly(z)
    # ----
    cdef real unit
    cdef real d = logistic_divisor(s, w, x, &unit)
    return lowered(cubic_floor(x) / d, unit)
