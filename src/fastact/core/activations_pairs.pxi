# Value and slope in one pass from one exponential: name_value_and_slope(x, parameters, y, dydx). Each is within its bound, but may
# differ from the function's and the gradient's bits; a formula name_value_and_grad has to give these.

cdef inline void sigmoid_value_and_slope(real x, real* y, real* dydx) noexcept nogil:
    # p = t/(1 + t) = t - t t/(1 + t), t = e^-|x|: p or 1 - p, and p - p^2, for which p has t's rounding error with it
    cdef real s
    cdef real z = scaled_reduced(-abs(x), -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    cdef real t = fma(s, w, s)
    cdef real share = less_share(t, t)
    cdef real p = t + less_share(t, fma(s, w, s - t))
    y[0] = unscale(share) if x < 0.0 else unscale_add(-share, 1.0)
    dydx[0] = unscale(fma(-p, unscale(p), p))

cdef inline void log_sigmoid_value_and_slope(real x, real* y, real* dydx) noexcept nogil:
    # as log_sigmoid; p = t/(1 + t) = t - t t/(1 + t), or 1 - p left of 0
    cdef real s
    cdef real z = scaled_reduced(-abs(x), -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    cdef real t = fma(s, w, s)
    # ----
    cdef real d
    cdef real c = log1p_parts(t, &d)
    # ----
    cdef real line = x if x < 0.0 else 0.0
    cdef real p = less_share(t, t)
    y[0] = unscale_add(fma(c, d, -t), line)
    dydx[0] = unscale_add(-p, 1.0) if x < 0.0 else unscale(p)

cdef inline void softplus_value_and_slope(real x, real beta, real* y, real* dydx) noexcept nogil:
    # as softplus; 1 - p, or p = t - t t/(1 + t) where bx < 0
    cdef real s
    cdef real size = abs(x)
    cdef real fall = -abs(beta)
    cdef real u = fall * size
    cdef real z = scaled_reduced(u, residue(fma(fall, size, -u)), &s)
    # ----
    cdef real w = expm1_poly(z)
    cdef real t = fma(s, w, s)
    cdef real dt = fma(s, w, s - t)
    # ----
    cdef real d
    cdef real c = log1p_parts(t, &d)
    # ----
    cdef real inverse = 1.0 / beta
    cdef real factor = 1.0 if abs(inverse) > 1e18 else unscale(1.0)
    cdef real over = unscale(inverse) if abs(inverse) > 1e18 else inverse
    cdef real under = fma(-inverse, beta, 1.0) * over
    cdef real rest = fma(fma(-c, d, 0.5 * dt), over, t * under)
    cdef real tail = fma(t, over, rest)
    cdef real low = fma(t, over, -tail) + rest
    cdef real line = x if beta * x > 0.0 else 0.0
    cdef real p = less_share(t, t)
    y[0] = fma(tail, factor, fma(low, factor, line))
    dydx[0] = unscale(p) if beta * x < 0.0 else unscale_add(-p, 1.0)

cdef inline void celu_value_and_slope(real x, real alpha, real* y, real* dydx) noexcept nogil:
    # one exponential for both; a part of a, as in celu, lets a(e^u - 1) be a number where e^u is none
    cdef real inverse = 1.0 / alpha
    cdef real u = x * inverse
    cdef real du = fma(-u, alpha, x) * inverse
    cdef real s, up
    cdef real z = wide_reduced(u, residue(du), &s, &up)
    # ----
    cdef real w = expm1_poly(z)
    # ---- f8
    cdef real part = 9.094947017729282e-13 * alpha
    cdef real c = part * s * up
    cdef real below = fma(c, w, c - part) * 1099511627776.0
    cdef real tiny = 8.6736173798840355e-19 * abs(alpha)
    cdef real slope = lowered(fma(s, w, s), up)
    y[0] = x if x > -tiny else below
    dydx[0] = 1.0 if x > 0.0 else slope

cdef inline void gaussian_value_and_slope(real x, real* y, real* dydx) noexcept nogil:
    # y and -2x y
    cdef real s
    cdef real held = bump_clamp(abs(x))
    cdef real p = -held * held
    cdef real z = scaled_reduced(p, residue(fma(-held, held, -p)), &s)
    # ----
    cdef real w = expm1_poly(z)
    cdef real e = fma(s, w, s)
    y[0] = unscale(e)
    dydx[0] = unscale(-2.0 * copysign(bump_clamp(abs(x)), x) * e)

cdef inline void softsign_value_and_slope(real x, real* y, real* dydx) noexcept nogil:
    # a r and r^2, r = 1/(1 + a), a = |x|, and rest what its rounding left out, by r, as in softsign_backward
    cdef real size = at_most_finite(abs(x))
    cdef real r = 1.0 / (1.0 + size)
    cdef real rest = fma(-r, size, 1.0) - r
    cdef real square = r * r
    cdef real q = size * r
    y[0] = copysign(fma(q, rest, q), x)
    dydx[0] = fma(square + square, rest, square)

cdef inline void squareplus_value_and_slope(real x, real b, real* y, real* dydx) noexcept nogil:
    # one quotient: g = (b/2)/d = L/R, d = R^2 + a R, as in squareplus_backward; then max(x, 0) + g R, and g or 1 - g.
    # k and e: what rounding left out of g, by g, and of R^2 over b. Where b no longer counts beside a, L is (b/2)/(2a) and g is 0
    cdef real scale = square_scale(b)
    cdef real size = abs(x) * scale
    cdef real held = square_hold(size)
    cdef real square = b * scale * scale
    cdef real v = fma(held, held, square)
    cdef real root = sqrt(v)
    cdef real d = at_least_normal(fma(held, root, v))
    # ----
    cdef real units = square_scale(b)
    cdef real part = b * units * units
    cdef real lift = square_lift(1.0)
    cdef real c = 0.5 * part * lift
    cdef real inverse = 1.0 / at_least_normal(c)
    cdef real g = c / (size if size > held else d)
    cdef real v_lo = fma(held, held, part - v)
    cdef real k = fma(-g, fma(held, root, v - d) + v_lo, fma(-g, d, c)) * inverse
    cdef real e = (v_lo + fma(-root, root, v)) * (0.5 * inverse)
    cdef real p = root * g
    cdef real near = fma(p, fma(g, e, k), p)
    cdef real low = 0.0 if size > held else fma(g, k, g)
    y[0] = fma(0.5 * g if size > held else near, 1.0 / (units * lift), at_least(x, 0.0))
    dydx[0] = low * (1.0 / lift) if x <= 0.0 else fma(-low, 1.0 / lift, 1.0)
