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
    # ---- f8
    cdef real w = expm1_poly(z)
    cdef real t = fma(s, w, s)
    # ----
    cdef real d
    cdef real c = log1p_parts(t, &d)
    # ---- f8
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
    cdef real z = fading_reduced(u, residue(fma(fall, size, -u)), &s)
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
    cdef real line = x if beta * x > 0.0 else 0.0
    cdef real low = fma(t, over, -tail) + rest if beta * x > 0.0 else 0.0
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
    cdef real back
    cdef real part = 9.094947017729282e-13 * times_lifted(alpha, &back)
    cdef real c = at_least_finite(part * s * up)      # there would be inf - inf
    cdef real below = fma(c, w, c - part) * back
    cdef real tiny = 8.6736173798840355e-19 * abs(alpha)
    cdef real slope = lowered(fma(s, w, s), up)
    y[0] = x if x >= -tiny else below
    dydx[0] = 1.0 if x >= 0.0 else slope

cdef inline void gaussian_value_and_slope(real x, real* y, real* dydx) noexcept nogil:
    # y and -2x y, each rounded by itself
    cdef real s
    cdef real held = bump_clamp(abs(x))
    cdef real p = -held * held
    cdef real z = scaled_reduced(p, residue(fma(-held, held, -p)), &s)
    # ----
    cdef real w = expm1_poly(z)
    cdef real b = -2.0 * copysign(bump_clamp(abs(x)), x) * s
    y[0] = unscale(fma(s, w, s))
    dydx[0] = unscale(fma(b, w, b))

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
    # one quotient: g = (b/2)/d = L/R, d = R^2 + a R, as in squareplus_backward; then L = g R, made right as in squareplus, and g or
    # 1 - g. Where b no longer counts beside a, L is (b/2)/(2a) and g is 0
    cdef real scale = square_scale(b)
    cdef real square = b * scale * scale
    cdef real near = square_hold(abs(x) * scale)
    cdef real v = fma(near, near, at_least_normal(square))
    cdef real root = sqrt(v)
    # ----
    cdef real units = square_scale(b)
    cdef real lift = square_lift(1.0)
    cdef real c = 0.5 * (b * units * units) * lift
    cdef real size = abs(x) * units
    cdef real held = square_hold(size)
    cdef real d = fma(held, root, v)
    cdef real g = c / (size if size > held else d)
    cdef real rest = fma(-g, fma(held, root, v - d), fma(-g, d, c))
    cdef real low = 0.0 if size > held else fma(rest, weight(d), g)
    cdef real q = g * (0.5 if size > held else root)
    cdef real missing = fma(-q, square_lower(q, held), 0.5 * c)
    cdef real more = 0.0 if size > held else missing
    y[0] = fma(fma(more, weight(root), q), 1.0 / (units * lift), at_least(x, 0.0))
    dydx[0] = abs(fma(low, 1.0 / lift, 0.0 if x <= 0.0 else -1.0))

cdef inline void dish_value_and_slope(real x, real* y, real* dydx) noexcept nogil:
    # w and its rounding error as in dish', and max(x, 0) - a/2 w; far out, where w may be 0, 1/(4a) for a/2 w: a second division
    # takes less time than to choose between two divisors, and then what to make of it
    cdef real a = dish_scaled(abs(x))
    cdef real p = dish_larger(a)
    # ----
    cdef real rest
    cdef real w = dish_inverse(a, p, &rest)
    # ----
    cdef real far = 0.25 / at_least(abs(x), 8192.0)
    cdef real left = dish_left(w, rest)
    y[0] = at_least(x, -0.0) - far_out(abs(x), far, dish_half(abs(x), w, rest))
    dydx[0] = dish_close(x, -left if x < 0.0 else 1.0 + left)
