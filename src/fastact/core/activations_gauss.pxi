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
