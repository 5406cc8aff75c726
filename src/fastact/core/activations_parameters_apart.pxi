# Derivatives by parameters that need an exponential or a sine. Doubles carry what rounding leaves out; floats are computed in
# double, where nothing has to be carried, and rounded once.

cdef extern from "erf.h" nogil:
    double wide_log(double k, double z) noexcept

cdef inline double share_and_rest_f8(double t, double t_lo, double* rest) noexcept nogil:
    # t/(1 + t) + rest, t + t_lo in [0, 1], all but 1 scaled
    cdef double plain = unscale_f8(t)
    cdef double d = 1.0 + plain
    cdef double d_lo = (1.0 - d) + plain + unscale_f8(t_lo)
    cdef double inverse = 1.0 / d
    cdef double p = t * inverse
    rest[0] = (fma_f8(-p, d, t) + fma_f8(-p, d_lo, t_lo)) * inverse
    return p

cdef inline double celu_backward_alpha_f8(double dy, double x, double alpha) noexcept nogil:
    # with u = x/a and what rounding leaves out of it: e^u (1 - u) - 1, about 0 -u^2 (1/2 + u/3 + u^2/8 + ... + u^n/(n! (n + 2)))
    cdef double u = x / alpha
    cdef double du = residue_f8(fma_f8(-u, alpha, x) / alpha)
    cdef double held = at_most_f8(at_least_f8(u, -60.0), 709.0)
    cdef double s
    cdef double z = exp_reduced_f8(held, -0.0, 0.0, &s)
    # ----
    cdef double w = expm1_poly_f8(z)
    # ----
    cdef double e = fma_f8(s, w, s)
    cdef double e_lo = fma_f8(s, w, s - e)
    cdef double v = 1.0 - held
    cdef double product = e * v
    cdef double product_lo = fma_f8(e, v, -product)
    cdef double d = product - 1.0
    cdef double rest = (product - (d + 1.0)) + (product_lo + fma_f8(e_lo, v, e * (((1.0 - v) - held) - held * du)))
    cdef double far = d + rest if d - d == 0.0 else d
    # ----
    cdef double square = u * u
    cdef double p = 1.0 / 6402373705728000.0 / 20.0
    p = fma_f8(p, u, 1.0 / 355687428096000.0 / 19.0)
    p = fma_f8(p, u, 1.0 / 20922789888000.0 / 18.0)
    p = fma_f8(p, u, 1.0 / 1307674368000.0 / 17.0)
    p = fma_f8(p, u, 1.0 / 87178291200.0 / 16.0)
    p = fma_f8(p, u, 1.0 / 6227020800.0 / 15.0)
    p = fma_f8(p, u, 1.0 / 479001600.0 / 14.0)
    p = fma_f8(p, u, 1.0 / 39916800.0 / 13.0)
    p = fma_f8(p, u, 1.0 / 3628800.0 / 12.0)
    p = fma_f8(p, u, 1.0 / 362880.0 / 11.0)
    p = fma_f8(p, u, 1.0 / 40320.0 / 10.0)
    p = fma_f8(p, u, 1.0 / 5040.0 / 9.0)
    p = fma_f8(p, u, 1.0 / 720.0 / 8.0)
    p = fma_f8(p, u, 1.0 / 120.0 / 7.0)
    p = fma_f8(p, u, 1.0 / 24.0 / 6.0)
    p = fma_f8(p, u, 1.0 / 6.0 / 5.0)
    p = fma_f8(p, u, 0.125)
    cdef double q = fma_f8(p, u, 1.0 / 3.0)
    p = fma_f8(q, u, 0.5)
    cdef double minus = -p                              # not the minus of a sum: compilers differ in the sign of its zeros
    # what rounding leaves out of p, else 2.05 ulp near u = -1, what du does to the series, and what 1/3 lacks, half an ulp each
    cdef double p_lo = fma_f8(u, 1.850371707708594e-17, fma_f8(q, u, 0.5 - p))
    cdef double moved = square * fma_f8(du, fma_f8(0.25, u, 1.0 / 3.0), p_lo)
    cdef double near = fma_f8(square, minus, fma_f8(fma_f8(u + u, du, fma_f8(u, u, -square)), minus, -moved))
    return below_zero(dy * (near if abs_f8(u) < 1.0 else far), x)

cdef inline float celu_backward_alpha_f4(float dy, float x, float alpha) noexcept nogil:
    # (e^u - 1) - u e^u, about 0 -u^2 (1/2 + u/3 + u^2/8)
    cdef double u = <double>x / <double>alpha
    cdef double held = at_most_f8(at_least_f8(u, -60.0), 709.0)
    cdef double s
    cdef double z = exp_reduced_f8(held, -0.0, 0.0, &s)
    # ----
    cdef double w = expm1_poly_f8(z)
    # ----
    cdef double far = fma_f8(-held, fma_f8(s, w, s), fma_f8(s, w, s - 1.0))
    cdef double near = -(held * held) * fma_f8(held, fma_f8(0.125, held, 0.3333333333333333), 0.5)
    return below_zero(dy * <float>(near if abs_f8(held) < 0.0009765625 else far), x)

cdef inline double swish_backward_beta_f8(double dy, double x, double beta) noexcept nogil:
    # x^2 (p - p^2), p = t/(1 + t), t = e^-|bx|; the second factor x takes the scale away where it is large
    cdef double size = abs_f8(x)
    cdef double fall = -abs_f8(beta)
    cdef double u = fall if fall == 0.0 else fall * size
    cdef double s
    cdef double z = scaled_reduced_f8(u, residue_f8(fma_f8(fall, size, -u)), &s)
    # ----
    cdef double w = expm1_poly_f8(z)
    # ----
    cdef double t = fma_f8(s, w, s)
    cdef double p_lo
    cdef double p = share_and_rest_f8(t, fma_f8(s, w, s - t), &p_lo)
    cdef double q = unscale_f8(p)
    cdef double square = p * q
    cdef double b = p - square
    cdef double b_lo = ((p - b) - square) + fma_f8(-q - q, p_lo, p_lo - fma_f8(p, q, -square))
    # ----
    cdef double last = unscale_f8(size) if size > 1e75 else size
    cdef double factor = 1.0 if size > 1e75 else unscale_f8(1.0)
    cdef double once = b * size
    cdef double once_lo = fma_f8(b, size, -once) + b_lo * size
    cdef double twice = once * last
    cdef double value = fma_f8(once, last, once_lo * last) if twice - twice == 0.0 else twice
    return dy * (0.0 if u < -1060.0 else value * factor)

cdef inline float swish_backward_beta_f4(float dy, float x, float beta) noexcept nogil:
    # x^2 t/(1 + t)^2, t = e^-|bx|
    cdef double size = abs_f4(x)
    cdef double fall = -abs_f4(beta)
    cdef double s
    cdef double z = wide_exp_reduced(at_least_f8(fall if fall == 0.0 else fall * size, -700.0), 1.0, &s)
    # ----
    cdef double t = s * wide_exp_poly(z)
    # ----
    cdef double share = <double>at_most_finite_f4(abs_f4(x)) / (1.0 + t)
    return dy * <float>(share * share * t)

cdef inline double softplus_backward_beta_f8(double dy, double x, double beta) noexcept nogil:
    # -(|u| p + log1p(t))/b^2, u = bx, t = e^-|u|, p = t/(1 + t), log1p(t) = t - c d
    cdef double size = abs_f8(x)
    cdef double fall = -abs_f8(beta)
    cdef double u = fall * size
    cdef double du = residue_f8(fma_f8(fall, size, -u))
    cdef double s
    cdef double z = scaled_reduced_f8(u, du, &s)
    # ----
    cdef double w = expm1_poly_f8(z)
    cdef double t = fma_f8(s, w, s)
    cdef double t_lo = fma_f8(s, w, s - t)
    # ----
    cdef double p_lo
    cdef double p = share_and_rest_f8(t, t_lo, &p_lo)
    cdef double d
    cdef double c = log1p_parts_f8(t, &d)
    # ----
    cdef double a = at_most_f8(-u, 1100.0)
    cdef double first = a * p
    cdef double lo = fma_f8(-du, p, fma_f8(a, p_lo, fma_f8(a, p, -first))) + fma_f8(-t_lo, unscale_f8(p), t_lo)
    cdef double both = sum_f8(first, t, &lo)
    cdef double less = c * d
    lo = lo - fma_f8(c, d, -less)
    cdef double h = sum_f8(both, -less, &lo)
    # the scale stays off where 1/b alone is as large
    cdef double inverse = 1.0 / beta
    cdef double factor = 1.0 if abs_f8(inverse) > 1e18 else unscale_f8(1.0)
    cdef double over = unscale_f8(inverse) if abs_f8(inverse) > 1e18 else inverse
    cdef double once = h * over
    cdef double missing = fma_f8(-inverse, beta, 1.0)
    cdef double once_lo = fma_f8(h, over, -once) + fma_f8(missing + missing, once, lo * over)
    cdef double twice = once * inverse
    cdef double value = fma_f8(once, inverse, once_lo * inverse) if twice - twice == 0.0 else twice
    return -dy * (0.0 if u < -1060.0 else value * factor)

cdef inline float softplus_backward_beta_f4(float dy, float x, float beta) noexcept nogil:
    # -(a p + log(1 + t))/b^2, a = |bx|, t = e^-a, p = t/(1 + t); the logarithm as 2 atanh(z) or log(2) + 2 atanh(z), |z| < 0.18
    cdef double a = at_most_f8(abs_f8(<double>beta * <double>x), 700.0)
    cdef double s
    cdef double z = wide_exp_reduced(-a, 1.0, &s)
    # ----
    cdef double t = s * wide_exp_poly(z)
    # ----
    cdef double k = 1.0 if t > 0.41421356 else 0.0
    cdef double v = 1.0 + t
    cdef double d = v + (1.0 + k)
    cdef double over = 1.0 / (v * d)
    cdef double y = (t - k) * (over * v)
    # ----
    cdef double inverse = 1.0 / <double>beta
    cdef double h = fma_f8(a, t * (over * d), wide_log(k, y))
    return -dy * <float>(h * (inverse * inverse))

cdef inline double laplace_backward_mu_f8(double dy, double x, double mu, double sigma) noexcept nogil:
    return laplace_backward_f8(-dy, x, mu, sigma)       # not the minus of its product, of which gcc loses the sign of a zero

cdef inline float laplace_backward_mu_f4(float dy, float x, float mu, float sigma) noexcept nogil:
    return laplace_backward_f4(-dy, x, mu, sigma)

cdef inline double laplace_backward_sigma_f8(double dy, double x, double mu, double sigma) noexcept nogil:
    # -t e^(-t^2/2)/(sigma sqrt(2 pi)), as laplace_backward_f8, t joining before the second power
    cdef double lost
    cdef double distance = difference_f8(x, mu, &lost)
    cdef double t = distance / sigma
    cdef double lo = residue_f8((fma_f8(-t, sigma, distance) + lost) / sigma)
    cdef double a = wide_clamp_f8(abs_f8(t))
    cdef double half = -0.5 * a
    cdef double p = half * a
    cdef double s, up, rest
    cdef double z = far_reduced_f8(p, fma_f8(half, a, -p) - copysign_f8(a, t) * lo, &s, &up, &rest)
    # ----
    cdef double y = split_poly_f8(z, rest)
    # ----
    cdef double b = 0.3989422804014327 * s
    cdef double r = z + (y - 6.252352140219573e-17)
    cdef double n = fma_f8(b, r, b)
    cdef double side = -copysign_f8(a, t)
    cdef double product = side * n
    cdef double product_lo = fma_f8(side, n, -product) + fma_f8(side, fma_f8(b, r, b - n), -lo * n)
    cdef double q = product / sigma
    cdef double whole = q + (fma_f8(-q, sigma, product) + product_lo) / sigma
    cdef double value = (whole if q - q == 0.0 else q) * up
    return dy * (0.0 if a >= 52.0 else value)

cdef inline float laplace_backward_sigma_f4(float dy, float x, float mu, float sigma) noexcept nogil:
    # -t e^(-t^2/2)/(sigma sqrt(2 pi)), as laplace_backward_f4
    cdef double j
    cdef double over = 1.0 / <double>sigma
    cdef double t = (<double>x - <double>mu) * over
    cdef double a = at_most_f8(abs_f8(t), 24.0)
    cdef double z = wide_bell_reduced(a, &j)
    # ----
    return <float>(<double>dy * (wide_bell_poly(z, j) * copysign_f8(a, t) * (-0.3989422804014327 * over)))

cdef inline bint sine_backward_omega_is_usual_f4(float dy, float x, float omega) noexcept nogil:
    return sine_backward_is_usual_f4(dy, omega, x)

cdef inline float sine_backward_omega_usual_f4(float dy, float x, float omega) noexcept nogil:
    # x cos(omega x)
    cdef double sign
    cdef double f = usual_half_turns(abs_f8(<double>omega * <double>x), 0.5, &sign)
    # ----
    return dy * <float>(<double>x * flipped_f8(wide_sine(f), sign))

cdef inline float sine_backward_omega_f4(float dy, float x, float omega) noexcept nogil:
    return sine_backward_f4(dy, omega, x)

cdef inline bint sine_backward_omega_is_usual_f8(double dy, double x, double omega) noexcept nogil:
    return sine_backward_is_usual_f8(dy, omega, x)

cdef inline double sine_backward_omega_usual_f8(double dy, double x, double omega) noexcept nogil:
    cdef double less, turns
    cdef double u = omega * x
    cdef double r = near_quarter_f8(u, fma_f8(-omega, x, u), &less, &turns)
    # ----
    cdef double c = sine_less_f8(r, less)
    cdef double d = cosine_less_f8(r, less, c)
    # ----
    cdef double rest
    return dy * (x * sine_of_quarters_f8(r, c, d, turns + 1.0, &rest))

cdef inline double sine_backward_omega_f8(double dy, double x, double omega) noexcept nogil:
    return sine_backward_f8(dy, omega, x)

cdef inline bint snake_backward_alpha_is_usual_f8(double dy, double x, double alpha) noexcept nogil:
    return abs_f8(alpha * x) < 4294967296.0

cdef inline double snake_backward_alpha_usual_f8(double dy, double x, double alpha) noexcept nogil:
    # 2 y (x c - y/2a)/a, y = sin(ax), c = cos(ax), all with what rounding leaves out; x^2 where ax is tiny
    cdef double less, turns
    cdef double u = alpha * x
    cdef double r = near_quarter_f8(u, fma_f8(-alpha, x, u), &less, &turns)
    # ----
    cdef double p = sine_less_f8(r, less)
    cdef double q = cosine_less_f8(r, less, p)
    # ----
    cdef double y_lo, c_lo
    cdef double y = sine_of_quarters_f8(r, p, q, turns, &y_lo)
    cdef double c = sine_of_quarters_f8(r, p, q, turns + 1.0, &c_lo)
    # ----
    return dy * snake_slope_alpha_f8(x, alpha, y, y_lo, c, c_lo)

cdef inline double snake_backward_alpha_f8(double dy, double x, double alpha) noexcept nogil:
    cdef double less, turns, y_lo, c_lo
    cdef double r = quarter_f8(alpha, x, 2.0, &less, &turns)
    cdef double p = sine_less_f8(r, less)
    cdef double q = cosine_less_f8(r, less, p)
    cdef double y = sine_of_quarters_f8(r, p, q, turns, &y_lo)
    cdef double c = sine_of_quarters_f8(r, p, q, turns + 1.0, &c_lo)
    return dy * snake_slope_alpha_f8(x, alpha, y, y_lo, c, c_lo)

cdef inline bint snake_backward_alpha_is_usual_f4(float dy, float x, float alpha) noexcept nogil:
    return abs_f4(alpha * x) < <float>140737488355328.0

cdef inline float snake_backward_alpha_usual_f4(float dy, float x, float alpha) noexcept nogil:
    # 2 y (x c - y/2a)/a, y = sin(ax), c = cos(ax)
    cdef double sign, turn
    cdef double u = <double>alpha * <double>x
    cdef double f = usual_half_turns(u, 0.0, &sign)
    cdef double g = usual_half_turns(abs_f8(u), 0.5, &turn)
    # ----
    cdef double y = wide_sine(f)
    cdef double c = flipped_f8(flipped_f8(wide_sine(g), turn), sign)        # y has not its sign, which would come in twice
    # ----
    cdef double inverse = 1.0 / <double>alpha
    return dy * <float>(y * inverse * fma_f8(2.0 * <double>x, c, -y * inverse))

cdef inline float snake_backward_alpha_f4(float dy, float x, float alpha) noexcept nogil:
    cdef double sign, turn
    cdef double u = <double>alpha * <double>x
    cdef double f = wide_half_turns(u, 0.0, &sign)
    cdef double g = wide_half_turns(abs_f8(u), 0.5, &turn)
    # ----
    cdef double y = wide_sine(f)
    cdef double c = flipped_f8(flipped_f8(wide_sine(g), turn), sign)
    # ----
    cdef double inverse = 1.0 / <double>alpha
    return dy * <float>(y * inverse * fma_f8(2.0 * <double>x, c, -y * inverse))
