# Value and slope in one pass from one exponential: name_value_and_slope(x, parameters, y, dydx). Each is within its bound, but may
# differ from the function's and the gradient's bits; a formula name_value_and_grad has to give these.

cdef inline void sigmoid_value_and_slope(real x, real* y, real* dydx) noexcept nogil:
    # p = t/(1 + t), t = e^-|x|: p or 1 - p, and p - p^2
    cdef real s
    cdef real z = scaled_reduced(-abs(x), -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    cdef real t = fma(s, w, s)
    cdef real p = share_of(t, fma(s, w, s - t))
    cdef real small = unscale(p)
    cdef real large = unscale_add(-p, 1.0)
    y[0] = small if x < 0.0 else large
    dydx[0] = unscale(fma(-p, small, p))

cdef inline void log_sigmoid_value_and_slope(real x, real* y, real* dydx) noexcept nogil:
    # as log_sigmoid; p = t/(1 + t), or 1 - p left of 0
    cdef real s
    cdef real z = scaled_reduced(-abs(x), -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    cdef real t = fma(s, w, s)
    cdef real dt = fma(s, w, s - t)
    # ----
    cdef real d
    cdef real c = log1p_parts(t, &d)
    # ----
    cdef real line = x if x < 0.0 else 0.0
    cdef real p = share_of(t, dt)
    y[0] = unscale_add(fma(c, d, -t), line)
    dydx[0] = unscale_add(-p, 1.0) if x < 0.0 else unscale(p)

cdef inline void softplus_value_and_slope(real x, real beta, real* y, real* dydx) noexcept nogil:
    # as softplus; 1 - p, or p = t/(1 + t) where bx < 0
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
    cdef real p = share_of(t, dt)
    y[0] = fma(tail, factor, fma(low, factor, line))
    dydx[0] = unscale(p) if beta * x < 0.0 else unscale_add(-p, 1.0)
