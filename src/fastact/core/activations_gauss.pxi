# gelu, gelu_tanh, silu, swish, mish: x times a tail that falls to nothing, and their gradients, each with a root.
#
# e^-a arrives as s(1 + z + y), s a power of two: s*x is exact, so x*e^-a*(1 + h) = B + B*r, B = s*x,
# r = z + (y + h(1 + z + y)), rounds once where it matters; errors of r and h are damped by their size.
# s is scaled, so that no intermediate is subnormal; unscale() comes last.

cdef inline real silu(real x) noexcept nogil:
    # x / (1 + e^-x), both scaled where e^-x would overflow
    cdef real unit
    cdef real held = tail_floor(x)
    cdef real d = logistic_divisor(head_ceiling(held), x, -0.0, &unit)
    return held / d * unit

cdef inline void silu_backward_begin(real x, real* o, real* o_lo, real* t, real* t_lo) noexcept nogil:
    silu_parts(tail_clamp(abs(x)), 0.0, o, o_lo, t, t_lo)

cdef inline real silu_backward(real dy, real x, real o, real o_lo, real t, real t_lo) noexcept nogil:
    # f'(x) = 1 - f'(-x)
    return dy * one_less(x, silu_tail(o, o_lo, t, t_lo))

cdef inline real swish(real x, real beta) noexcept nogil:
    # x / (1 + e^-u), u = beta x with its rounding error, as silu
    cdef real unit
    cdef real product = beta * x
    cdef real u = product_floor(head_ceiling(product))
    cdef real d = deep_divisor(u, residue(fma(-beta, x, u)), &unit)
    return deep(u, x) / d * unit

cdef inline void swish_backward_begin(real x, real beta, real* o, real* o_lo, real* t, real* t_lo) noexcept nogil:
    # silu' at beta x and its rounding error
    cdef real u = beta * x
    cdef real du = residue(fma(beta, x, -u))
    silu_parts(tail_clamp(abs(u)), by_sign(u, -du, du), o, o_lo, t, t_lo)

cdef inline real swish_backward(real dy, real x, real beta, real o, real o_lo, real t, real t_lo) noexcept nogil:
    return dy * one_less(beta * x, silu_tail(o, o_lo, t, t_lo))

cdef inline real mish(real x) noexcept nogil:
    # t = e^-|x|, v = 1 + t: x t(v + 1)/(v^2 + 1) on the left, x(2t + 1)/(2t v + 1) on the right: x t k(1 + h) and
    # x k(1 + h), with k = 1 or 1/2 to keep h small; t(1 + h) = s(1 + r)
    cdef real a = tail_clamp(abs(x))
    cdef real z, y
    cdef real s = tail_exp_split(-a, -0.0, &z, &y)
    cdef real e = 1.0 + (z + y)
    cdef real t = unscale(s * e)
    cdef real v = 1.0 + t
    cdef real t2 = t + t
    cdef real p = v if x < 0.0 else t2
    cdef real near_p = t if x < 0.0 else t2
    cdef real near_one = 2.0 if x < 0.0 else 1.0 + t2
    cdef real k = 0.5 if t > 0.5625 else 1.0
    cdef real c = near_p if t > 0.5625 else p
    cdef real one = near_one if t > 0.5625 else 0.0
    cdef real h = fma(-t, c, one) / fma(p, v, 1.0)
    cdef real r = z + fma(h, e, y)
    cdef real b = a * s * k
    cdef real left = unscale(fma(-b, r, -b))
    cdef real right = fma(k * tail_clamp(x), h, k * x)
    return left if x < 0.0 else right

cdef inline real mish_backward(real dy, real x) noexcept nogil:
    # left, a = -x, t = e^-a: f' = t o/E^2, E = 1 + m, m = t + t^2/2, o = (1 - a)(1 + t) + t/2 + t^2 + t^3/4; as silu'.
    # right, p = 2 e^-x, m = p + p^2/2: f' = 1 - h, h = p^2 ((1/2 - x) + (1 - x)p/2 + p^2/4)/E^2,
    # where that is small: from 1/4 on
    cdef real a = tail_clamp(abs(x))
    cdef real z, y
    cdef real s = tail_exp_split(-a, -0.0, &z, &y)
    cdef real e = 1.0 + (z + y)
    cdef real t = unscale(s * e)
    cdef real t2 = t + t
    cdef real p = t if x < 0.0 else t2
    cdef real m = fma(0.5 * p, p, p)
    cdef real v = m * (2.0 + m)
    cdef real d = 1.0 - a
    cdef real c = p * p * fma(p, fma(0.25, p, 0.5 * d), 0.5 - a)
    cdef real h = (v if x < 0.0 else c) / (1.0 + v)
    cdef real r = z + fma(-h, e, y)
    cdef real b = t * fma(t, fma(0.25, t, 1.0), 0.5 + d)
    cdef real far = unscale(s * (d + fma(d, r, fma(b, r, b))))
    cdef real left = near_root(a, mish_near(-x, 0.0), far)
    cdef real right = 1.0 - h
    return dy * (left if x < 0.25 else right)

cdef inline real gelu(real x) noexcept nogil:
    # max(x, 0) - a Phi(-a), a = |x|
    return unscale_add(-gauss_tail(gauss_clamp(abs(x))), at_least(x, 0.0))

cdef inline real gelu_backward(real dy, real x) noexcept nogil:
    # left: Phi(-a) - a phi(a) = e^(-a^2/2) (r - a)(1 + Q)/2, r the root; f'(a) = 1 - f'(-a)
    cdef real a = gauss_clamp(abs(x))
    cdef real half = -0.5 * a
    cdef real p = half * a
    cdef real z, y
    cdef real s = tail_exp_split(p, fma(half, a, -p), &z, &y)
    cdef real q = gauss_slope(a, p)
    cdef real lo
    cdef real d = gauss_distance(a, &lo)
    cdef real g = unscale(0.5 * s * (d + fma(d + lo, z + fma(q, 1.0 + (z + y), y), lo)))
    cdef real right = 1.0 - g
    return dy * (g if x < 0.0 else right)

cdef inline real gelu_tanh(real x) noexcept nogil:
    # x / (1 + e^-S), S = k(x + 0.044715 x^3) with its rounding error
    cdef real unit, ds
    cdef real held = cubic_floor(x)
    cdef real sx = cubic(cubic_ceiling(held), &ds)
    cdef real d = logistic_divisor(sx, x, -ds, &unit)
    return held / d * unit

cdef inline void gelu_tanh_backward_begin(real x, real* s, real* z, real* y, real* h, real* lo, real* near) noexcept nogil:
    # s(1 + z + y) = e^-S(a), h + lo = a S'(a) - 1, and f'(-a) near its root
    cdef real a = cubic_clamp(abs(x))
    cdef real ds
    cdef real sx = cubic(a, &ds)
    s[0] = tail_exp_split(-sx, -ds, z, y)
    h[0] = cubic_slope(a, lo)
    near[0] = cubic_near(a, 0.0)

cdef inline real gelu_tanh_backward(real dy, real x, real s, real z, real y, real h, real lo, real near) noexcept nogil:
    # as silu', with t = e^-S(a) and o = 1 + t - a S'(a)
    cdef real e = 1.0 + (z + y)
    cdef real t = unscale(s * e)
    cdef real v = t * (2.0 + t)
    cdef real r = z + fma(-v / (1.0 + v), e, y)
    cdef real b = t - lo
    cdef real far = unscale(s * (fma(-h, r, fma(b, r, b)) - h))
    cdef real left = cubic_seam(cubic_clamp(abs(x)), near, far)
    cdef real right = 1.0 - left
    return dy * (left if x < 0.0 else right)
