# The formulas: each activation forward and backward, once for both dtypes and every instruction set.
#
# `real` is float or double; a literal has the type of its formula. fma, abs, exp_scaled and so on are vmath.h's.
# Both arms of `a if c else b` are values that are already computed, so it is a select; there are no branches.
# backward(dy, x) is dy * f'(x); backward_y(dy, y) is the same from y = f(x), so x may have been overwritten.
# -0.0 stands for "no rounding error to carry": adding it is no operation.


# ---- pieces ------------------------------------------------------------------------------------------------------

cdef inline real bell(real s, real w) noexcept nogil:
    # t/(1+t)^2 for t = s(1+w), scaled; p = t/(1+t) = t - t*t/(1+t) and then p - p*p, with t to twice the precision
    cdef real t = fma(s, w, s)
    cdef real low = fma(s, w, s - t)
    cdef real p = t + less_share(t, low)
    return fma(-p, unscale(p), p)

# ---- rectifiers --------------------------------------------------------------------------------------------------

cdef inline real relu(real x) noexcept nogil:
    # max(x, 0), and NaN passes
    return 0.0 if x < 0.0 else x

cdef inline real relu_backward(real dy, real x) noexcept nogil:
    # dy where x > 0: a select, so that 0*inf is 0
    cdef real dead = 0.0 if x <= 0.0 else x
    return dy if x > 0.0 else dead

cdef inline real relu_backward_y(real dy, real y) noexcept nogil:
    return relu_backward(dy, y)

cdef inline real leaky_relu(real x, real negative_slope) noexcept nogil:
    # x, or a*x below 0; max(x, a*x) would be wrong for a > 1
    cdef real leak = times(negative_slope, x)
    return leak if x < 0.0 else x

cdef inline real leaky_relu_backward(real dy, real x, real negative_slope) noexcept nogil:
    # dy, or a*dy from 0 down
    cdef real leak = times(negative_slope, dy)
    cdef real dead = leak if x <= 0.0 else x
    return dy if x > 0.0 else dead

cdef inline real leaky_relu_backward_y(real dy, real y, real negative_slope) noexcept nogil:
    # y has the sign of x if a > 0
    return leaky_relu_backward(dy, y, negative_slope)

cdef inline real prelu(real x, real weight) noexcept nogil:
    return leaky_relu(x, weight)

cdef inline real prelu_backward(real dy, real x, real weight) noexcept nogil:
    return leaky_relu_backward(dy, x, weight)


# ---- exponential units -------------------------------------------------------------------------------------------

cdef inline real exp(real x) noexcept nogil:
    cdef real s, up
    cdef real z = wide_reduced(x, -0.0, &s, &up)
    # ---- f8
    cdef real q = wide_poly(z)
    return wide_of(z, q, s, up)

cdef inline real exp_backward(real dy, real x) noexcept nogil:
    cdef real s, up
    cdef real z = wide_reduced(x, -0.0, &s, &up)
    # ---- f8
    cdef real q = wide_poly(z)
    return graded(dy, wide_of(z, q, s, up))

cdef inline real exp_backward_y(real dy, real y) noexcept nogil:
    return dy * y

cdef inline real elu(real x, real alpha) noexcept nogil:
    # x, or a*(e^x - 1) below 0: e^x = s(1+w), and a joins the exact s and s-1, so that only the sum is rounded
    cdef real s
    cdef real z = exp_reduced(at_least(x, -40.0), -0.0, 0.0, &s)
    # ---- f8
    cdef real w = expm1_poly(z)
    # ---- f8
    cdef real below = fma(alpha * s, w, alpha * (s - 1.0))
    return x if x >= 0.0 else below

cdef inline real elu_backward(real dy, real x, real alpha) noexcept nogil:
    # 1, or a*e^x from 0 down; scaled, because it may be subnormal, but not where a alone is as large as the scale
    cdef real power
    cdef real z = fading_reduced(x, -0.0, &power)
    # ---- 256
    cdef real w = expm1_poly(z)
    # ---- 256
    cdef real factor = 1.0 if abs(alpha) > 1e18 else unscale(1.0)
    cdef real s = (unscale(alpha) if abs(alpha) > 1e18 else alpha) * power
    cdef real below = fma(s, w, s) * factor
    cdef real slope = 1.0 if x > 0.0 else below
    return graded(dy, slope)

cdef inline void elu_value_and_grad(real x, real alpha, real* y, real* dydx) noexcept nogil:
    # one exponential for both: from -40 down, where elu holds x, its power of two is less than half an ulp of 1
    cdef real power
    cdef real z = fading_reduced(x, -0.0, &power)
    # ----
    cdef real w = expm1_poly(z)
    # ---- f8
    cdef real factor = 1.0 if abs(alpha) > 1e18 else unscale(1.0)
    cdef real s = (unscale(alpha) if abs(alpha) > 1e18 else alpha) * power
    cdef real n = alpha * unscale(power)
    cdef real below = fma(n, w, n - alpha)
    cdef real slope = fma(s, w, s) * factor
    y[0] = x if x >= 0.0 else below
    dydx[0] = 1.0 if x > 0.0 else slope

cdef inline real elu_backward_y(real dy, real y, real alpha) noexcept nogil:
    # a*e^x = y + a
    cdef real below = y + alpha
    cdef real slope = 1.0 if y > 0.0 else below
    return dy * slope

cdef inline real celu(real x, real alpha) noexcept nogil:
    # x, or a*(e^(x/a) - 1) below 0; u + du is x/a to twice the precision, and where |x/a| is tiny the value is x
    cdef real inverse = 1.0 / alpha
    cdef real u = x * inverse
    cdef real du = fma(-u, alpha, x) * inverse
    cdef real s, rest
    cdef real z = expm1_times_reduced(u, residue(du), times_most(alpha), &s, &rest)
    # ---- 256
    cdef real w = expm1_poly(z)
    # ---- 256
    cdef real back
    cdef real c = times_lifted(alpha, &back)
    cdef real below = expm1_times_of(c, s, rest, w) * back
    cdef real tiny = 8.6736173798840355e-19 * abs(alpha)
    return x if x >= -tiny else below

cdef inline real celu_backward(real dy, real x, real alpha) noexcept nogil:
    # 1, or e^(x/a) below 0
    cdef real inverse = 1.0 / alpha
    cdef real u = x * inverse
    cdef real du = fma(-u, alpha, x) * inverse
    cdef real s, up
    cdef real z = wide_reduced(u, residue(du), &s, &up)
    # ---- 256
    cdef real q = wide_poly(z)
    # ---- 256
    cdef real below = wide_of(z, q, s, up)
    cdef real slope = 1.0 if x >= 0.0 else below
    return graded(dy, slope)

cdef inline real celu_backward_y(real dy, real y, real alpha) noexcept nogil:
    # e^(x/a) = (y + a)/a, by a's inverse, which is the same for all numbers
    cdef real inverse = 1.0 / alpha
    cdef real below = (y + alpha) * inverse
    cdef real slope = 1.0 if y > 0.0 else below
    return dy * slope

cdef inline real selu(real x) noexcept nogil:
    # l*x, or l*a*(e^x - 1) below 0, as elu
    cdef real s
    cdef real z = exp_reduced(at_least(x, -40.0), -0.0, 0.0, &s)
    # ---- f8
    cdef real w = expm1_poly(z)
    # ---- f8
    cdef real below = fma(1.7580993408473768 * s, w, 1.7580993408473768 * (s - 1.0))
    cdef real above = 1.0507009873554805 * x
    return above if x >= 0.0 else below

cdef inline real selu_backward(real dy, real x) noexcept nogil:
    # l, or l*a*e^x from 0 down
    cdef real power
    cdef real z = scaled_reduced(x, -0.0, &power)
    # ---- 256
    cdef real w = expm1_poly(z)
    # ---- 256
    cdef real s = 1.7580993408473768 * power
    cdef real below = unscale(fma(s, w, s))
    cdef real slope = 1.0507009873554805 if x > 0.0 else below
    return graded(dy, slope)

cdef inline void selu_value_and_grad(real x, real* y, real* dydx) noexcept nogil:
    # as elu
    cdef real power
    cdef real z = scaled_reduced(x, -0.0, &power)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    cdef real n = unscale(power)
    cdef real s = 1.7580993408473768 * power
    cdef real below = fma(1.7580993408473768 * n, w, 1.7580993408473768 * (n - 1.0))
    cdef real above = 1.0507009873554805 * x
    cdef real slope = unscale(fma(s, w, s))
    y[0] = above if x >= 0.0 else below
    dydx[0] = 1.0507009873554805 if x > 0.0 else slope

cdef inline real selu_backward_y(real dy, real y) noexcept nogil:
    # l*a*e^x = y + l*a, where l*a is two floats and two doubles, or the sum would cancel to nothing
    cdef real below = ((y + 1.7580993175506591796875) + 2.3296717444054593e-08) + 2.361981243051158e-16
    below += -7.339346714277538e-33
    cdef real slope = 1.0507009873554805 if y > 0.0 else below
    return dy * slope


# ---- sigmoid family ----------------------------------------------------------------------------------------------

cdef inline real sigmoid(real x) noexcept nogil:
    # 1/(1 + e^-x)
    cdef real s
    cdef real z = logistic_reduced(x, -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    return logistic_of(s, w)

cdef inline real sigmoid_backward(real dy, real x) noexcept nogil:
    # with t = e^-|x|:  t/(1+t)^2
    cdef real s
    cdef real z = scaled_reduced(-abs(x), -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    return lowered(dy, unscale(bell(s, w)))

cdef inline real sigmoid_backward_y(real dy, real y) noexcept nogil:
    # y(1-y) = y - y*y, rounded once
    return dy * fma(-y, y, y)

cdef inline real tanh_backward(real dy, real x) noexcept nogil:
    # 1/cosh^2: with t = e^-2|x|:  4t/(1+t)^2
    cdef real s
    cdef real z = scaled_reduced(-abs(x + x), -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    return lowered(dy, lowered(4.0 * unscale(1.0), bell(s, w)))

cdef inline real tanh_backward_y(real dy, real y) noexcept nogil:
    # 1 - y*y, rounded once
    return dy * fma(-y, y, 1.0)

cdef inline real softplus(real x, real beta) noexcept nogil:
    # log(1 + e^bx)/b = max(bx, 0)/b + log1p(t)/b,  t = e^-|bx|,  log1p(t) = t - c*d
    # bx = u + du, or the tail would lose bits; 1/b = over + under; t's own rounding error counts 1/(1+t), say 1/2
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
    # the scale stays off where 1/b alone is as large
    cdef real inverse = 1.0 / beta
    cdef real factor = 1.0 if abs(inverse) > 1e18 else unscale(1.0)
    cdef real over = unscale(inverse) if abs(inverse) > 1e18 else inverse
    cdef real under = fma(-inverse, beta, 1.0) * over
    cdef real rest = fma(fma(-c, d, 0.5 * dt), over, t * under)
    cdef real tail = fma(t, over, rest)
    cdef real line = x if beta * x > 0.0 else 0.0
    cdef real low = fma(t, over, -tail) + rest if beta * x > 0.0 else 0.0
    return fma(tail, factor, fma(low, factor, line))

cdef inline real softplus_backward(real dy, real x, real beta) noexcept nogil:
    # sigmoid(bx)
    cdef real u = beta * x
    cdef real s
    cdef real z = logistic_reduced(u, residue(fma(-beta, x, u)), &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    return graded(dy, logistic_of(s, w))

cdef inline real softplus_backward_y(real dy, real y, real beta) noexcept nogil:
    # sigmoid(bx) = 1 - e^-by
    cdef real s
    cdef real u = -beta * y
    cdef real du = fma(-beta, y, -u)
    cdef real z = exp_reduced(at_least(u, -40.0), residue(du), 0.0, &s)
    cdef real w = expm1_poly(z)
    return dy * fma(-s, w, 1.0 - s)

cdef inline real log_sigmoid(real x) noexcept nogil:
    # log(1/(1 + e^-x)) = min(x, 0) - log1p(t), t = e^-|x|;  log1p(t) = t - c*d
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
    return unscale_add(fma(c, d, -t), line)

cdef inline real log_sigmoid_backward(real dy, real x) noexcept nogil:
    # sigmoid(-x)
    cdef real s
    cdef real z = logistic_reduced(-x, -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    return graded(dy, logistic_of(s, w))

cdef inline real log_sigmoid_backward_y(real dy, real y) noexcept nogil:
    # sigmoid(-x) = 1 - e^y
    cdef real s
    cdef real z = exp_reduced(at_least(y, -40.0), -0.0, 0.0, &s)
    # ---- f8
    cdef real w = expm1_poly(z)
    return dy * fma(-s, w, 1.0 - s)
