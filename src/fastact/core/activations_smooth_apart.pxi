# The normal distribution, sinusoids, and gradients with a root: most floats are computed in double, where nothing has to be
# carried, and rounded once; doubles carry what rounding leaves out.

cdef extern from "vmath.h" nogil:
    double wide_bell_reduced(double a, double* power) noexcept
    double wide_bell_poly(double z, double power) noexcept

cdef extern from "erf.h" nogil:
    double wide_tail_num(double a) noexcept
    double wide_tail_den(double a) noexcept
    double wide_slope_num(double a) noexcept
    double wide_slope_den(double a) noexcept
    double wide_log(double k, double z) noexcept

cdef extern from "trig.h" nogil:
    double wide_half_turns(double u, double shift, double* sign) noexcept
    double usual_half_turns(double u, double shift, double* sign) noexcept
    double wide_near_half_turns(double u) noexcept
    double wide_sine(double f) noexcept


# ---- quick_gelu ----------------------------------------------------------------------------------------------------------

cdef inline float quick_gelu_f4(float x) noexcept nogil:
    # x / (1 + e^-1.702x), as silu
    cdef float s, lo, unused
    cdef float u = quick_f4(quick_ceiling_f4(quick_floor_f4(x)), &lo)
    cdef float z = split_reduced_f4(-u, -lo, <float>0.0, &s, &unused)
    # ----
    cdef float w = expm1_poly_f4(z)
    # ----
    cdef float unit
    cdef float d = logistic_divisor_f4(s, w, x, &unit)
    return lowered_f4(quick_floor_f4(x) / d, unit)

cdef inline double quick_gelu_f8(double x) noexcept nogil:
    # with what rounding leaves out of z: of a divisor that 1 still moves without being exact, else 2.03 ulp
    cdef double s, lo, rest
    cdef double u = quick_f8(quick_ceiling_f8(quick_floor_f8(x)), &lo)
    cdef double z = split_reduced_f8(-u, -lo, 0.0, &s, &rest)
    # ----
    cdef double w = z + split_poly_f8(z, rest)
    # ----
    cdef double unit
    cdef double d = logistic_divisor_f8(s, w, x, &unit)
    return lowered_f8(quick_floor_f8(x) / d, unit)

cdef inline float quick_gelu_backward_f4(float dy, float x) noexcept nogil:
    # silu' at 1.702 x
    cdef double s
    cdef double h = 1.702 * <double>at_most_f4(at_least_f4(x, <float>-66.0), <float>24.0)
    cdef double z = wide_exp_reduced(h + 1.2784645427610737, 0.2784645427610738, &s)
    # ----
    cdef double t = s * wide_exp_poly(z)
    # ----
    cdef double v = 1.0 + t
    return dy * <float>(t * (v + h) / (v * v))

cdef inline double quick_gelu_backward_f8(double dy, double x) noexcept nogil:
    # silu' at 1.702 x and its rounding error
    cdef double s, a_lo
    cdef double a = quick_f8(quick_fall_f8(abs_f8(x)), &a_lo)
    cdef double z = silu_fall_f8(a, a_lo, &s)
    # ----
    cdef double w = expm1_poly_f8(z)
    # ----
    return graded_f8(dy, fall_of_f8(x, a, a_lo, s, w))


# ---- gelu_tanh -----------------------------------------------------------------------------------------------------------

cdef inline float gelu_tanh_f4(float x) noexcept nogil:
    # x / (1 + e^-S), S = k(x + 0.044715 x^3) with its rounding error
    cdef float s, ds
    cdef float sx = cubic_f4(cubic_ceiling_f4(cubic_floor_f4(x)), &ds)
    cdef float z = divisor_reduced_f4(sx, -ds, &s)
    # ----
    cdef float w = cubic_poly_f4(z)
    # ----
    cdef float unit
    cdef float d = logistic_divisor_f4(s, w, x, &unit)
    return lowered_f4(cubic_floor_f4(x) / d, unit)

cdef inline double gelu_tanh_f8(double x) noexcept nogil:
    # with what rounding leaves out of z, as quick_gelu: else 2.005 ulp
    cdef double s, ds, rest
    cdef double sx = cubic_f8(cubic_ceiling_f8(cubic_floor_f8(x)), &ds)
    cdef double z = split_reduced_f8(-sx, -ds, 0.0, &s, &rest)
    # ----
    cdef double w = z + split_poly_f8(z, rest)
    # ----
    cdef double unit
    cdef double d = logistic_divisor_f8(s, w, x, &unit)
    return lowered_f8(cubic_floor_f8(x) / d, unit)


# ---- the normal distribution ---------------------------------------------------------------------------------------------

cdef inline float gelu_f4(float x) noexcept nogil:
    # max(x, 0) - a Phi(-a), a = |x|, by tables: vectors take it from tabled.h
    return gelu_by_table_f4(x)

cdef inline double gelu_f8(double x) noexcept nogil:
    # max(x, 0) - a Phi(-a), a = |x|
    cdef double s, rest
    cdef double z = gauss_reduced_f8(gauss_clamp_f8(abs_f8(x)), &s, &rest)
    cdef double w = gauss_poly_f8(z, rest)
    cdef double f = gauss_ratio_f8(gauss_clamp_f8(abs_f8(x)))
    return unscale_add_f8(-gauss_tail_f8(gauss_clamp_f8(abs_f8(x)), s, z, w, f), at_least_f8(x, 0.0))

cdef inline float gelu_backward_f4(float dy, float x) noexcept nogil:
    # left: Phi(-a) - a phi(a), by tables; f'(a) = 1 - f'(-a)
    return dy * gelu_slope_by_table_f4(x)

cdef inline double gelu_backward_f8(double dy, double x) noexcept nogil:
    # left: Phi(-a) - a phi(a) = e^(-a^2/2) (r - a)(1 + Q)/2, r the root; f'(a) = 1 - f'(-a)
    cdef double a = gauss_clamp_f8(abs_f8(x))
    cdef double half = -0.5 * a
    cdef double p = half * a
    cdef double s, rest
    cdef double z = tail_reduced_f8(p, fma_f8(half, a, -p), &s, &rest)
    # ----
    cdef double y = split_poly_f8(z, rest)
    # ----
    cdef double q = gauss_slope_f8(a, p)
    # ----
    cdef double lo
    cdef double d = gauss_distance_f8(a, &lo)
    cdef double g = unscale_f8(0.5 * s * raised_f8(d, lo, z, fma_f8(q, 1.0 + (z + y), y)))
    cdef double right = 1.0 - g
    return graded_f8(dy, g if x < 0.0 else right)

cdef inline float ndtr_f4(float x) noexcept nogil:
    # Phi(-a) by tables
    return ndtr_by_table_f4(x)

cdef inline double ndtr_f8(double x) noexcept nogil:
    # Phi(-a) = e^(-a^2/2) (1 + F)/(2 (a + 1))
    cdef double a = normal_clamp_f8(abs_f8(x))
    cdef double half = -0.5 * a
    cdef double p = half * a
    cdef double s, rest
    cdef double z = tail_reduced_f8(p, fma_f8(half, a, -p), &s, &rest)
    # ----
    cdef double y = split_poly_f8(z, rest)
    # ----
    cdef double f = tail_quotient_f8(a)
    # ----
    cdef double d = 1.0 + a
    cdef double q = tail_of_f8(s, z, y, f, d, a - (d - 1.0))
    return unscale_f8(q) if x < 0.0 else unscale_add_f8(-q, 1.0)

cdef inline float laplace_f4(float x, float mu, float sigma) noexcept nogil:
    # ndtr of (x - mu)/sigma
    return laplace_by_table_f4(x, mu, sigma)

cdef inline float laplace_backward_f4(float dy, float x, float mu, float sigma) noexcept nogil:
    # e^(-t^2/2)/(sigma sqrt(2 pi)), t = h + lo; beyond 20 it is 0 for each sigma
    cdef float lo
    cdef float h = standard_f4(x, mu, sigma, &lo)
    # ----
    cdef float s, up, lower
    cdef float unit = unit_f4(mu, sigma)
    cdef float width = width_f4(unit, sigma)
    cdef float half = <float>-0.5 * h
    cdef float p = half * h
    cdef float z = density_reduced_f4(p, fma_f4(-h, lo, fma_f4(half, h, -p)), unit, width, &s, &up, &lower)
    return density_times_f4(dy, density_of_f4(s, up, expm1_poly_f4(z), width, h), lower)

cdef inline double laplace_f8(double x, double mu, double sigma) noexcept nogil:
    # Phi of t + lo = (x - mu)/sigma
    cdef double lost
    cdef double distance = difference_f8(x, mu, &lost)
    cdef double t = distance / sigma
    cdef double lo = residue_f8((fma_f8(-t, sigma, distance) + lost) * over_f8(sigma))
    cdef double a = normal_clamp_f8(abs_f8(t))
    cdef double half = -0.5 * a
    cdef double p = half * a
    cdef double s, rest
    cdef double z = tail_reduced_f8(p, fma_f8(half, a, -p) - copysign_f8(a, t) * lo, &s, &rest)
    # ----
    cdef double y = split_poly_f8(z, rest)
    # ----
    cdef double f = tail_quotient_f8(a)
    # ----
    cdef double d = 1.0 + a
    cdef double q = tail_of_f8(s, z, y, f, d, (a - (d - 1.0)) + copysign_f8(lo, lo * t))
    return unscale_f8(q) if t < 0.0 else unscale_add_f8(-q, 1.0)

cdef inline double laplace_backward_f8(double dy, double x, double mu, double sigma) noexcept nogil:
    # e^(-t^2/2)/(sigma sqrt(2 pi)), t and its rounding error as above; e^p as two powers, or a tiny sigma would overflow
    cdef double lost
    cdef double distance = difference_f8(x, mu, &lost)
    cdef double t = distance / sigma
    cdef double lo = residue_f8((fma_f8(-t, sigma, distance) + lost) * over_f8(sigma))
    cdef double a = wide_clamp_f8(abs_f8(t))
    cdef double half = -0.5 * a
    cdef double p = half * a
    cdef double s, up, rest
    cdef double z = far_reduced_f8(p, fma_f8(half, a, -p) - copysign_f8(a, t) * lo, &s, &up, &rest)
    # ----
    cdef double y = split_poly_f8(z, rest)
    # ----
    cdef double b = 0.3989422804014327 * s
    cdef double slope = fma_f8(b, z + (y - 6.252352140219573e-17), b) / sigma * up
    return graded_f8(dy, 0.0 if a >= 52.0 else slope)

cdef inline float erf_f4(float x) noexcept nogil:
    # x + x P(x^2), or, from 1.1 on, 1 - P(|x|)^4, with the sign of x
    cdef float near = erf_near_f4(x)
    # ----
    cdef float far = copysign_f4(erf_far_f4(abs_f4(x)), x)
    return near if abs_f4(x) < <float>1.1 else far

cdef inline double erf_f8(double x) noexcept nogil:
    # x + x P(x^2), or, from 1 on, 1 - P(|x|)^4, with the sign of x
    cdef double near = erf_near_f8(x)
    cdef double far = erf_far_f8(abs_f8(x))
    return copysign_f8(near if abs_f8(x) < 1.0 else far, x)

cdef inline float erfc_f4(float x) noexcept nogil:
    # by tables
    return erfc_by_table_f4(x)

cdef inline double erfc_f8(double x) noexcept nogil:
    # e^(-a^2) (1 + F)/(1 + 2a)
    cdef double a = erfc_clamp_f8(abs_f8(x))
    cdef double p = -a * a
    cdef double s, rest
    cdef double z = tail_reduced_f8(p, fma_f8(-a, a, -p), &s, &rest)
    # ----
    cdef double u = expm1_poly_f8(z)
    # ----
    cdef double f = erfc_quotient_f8(a)
    # ----
    return erfc_of_f8(x, a, s, u, f)


# ---- the logarithm of the normal distribution ----------------------------------------------------------------------------

cdef inline float log_ndtr_f4(float x) noexcept nogil:
    # left, log Phi(-a) = -a^2/2 + log(n/d); right log(1 - t n/d), t = e^(-x^2/2); a logarithm is k log 2 + 2 atanh(z)
    cdef double s
    cdef double wide = x
    cdef double a = at_most_f8(abs_f8(wide), 1048576.0)
    cdef double z = wide_exp_reduced(-0.5 * at_most_f8(a * a, 300.0), 1.0, &s)
    # ---- 256
    cdef double n = wide_tail_num(a)
    cdef double d = wide_tail_den(a)
    # ---- 256
    cdef double q = s * wide_exp_poly(z) * n
    cdef double v = n if wide < 0.0 else d - q
    cdef double k
    cdef double power = ratio_power_f8(v, d, &k)
    cdef double over = fma_f8(-power, d, v)
    cdef double right = -q if k == 0.0 else over
    # ---- 256
    cdef double y = (over if wide < 0.0 else right) / fma_f8(power, d, v)
    cdef double p = -0.5 * wide * wide if wide < 0.0 else 0.0
    return <float>(p + wide_log(k, y))

cdef inline float log_ndtr_backward_f4(float dy, float x) noexcept nogil:
    # phi/Phi: left a + F(a), right t/sqrt(2 pi)/(1 - t n/d), t = e^(-x^2/2)
    cdef double s
    cdef double wide = x
    cdef double a = at_most_f8(abs_f8(wide), 1048576.0)
    cdef double z = wide_exp_reduced(-0.5 * at_most_f8(a * a, 300.0), 1.0, &s)
    # ---- 256
    cdef double t = s * wide_exp_poly(z)
    cdef double d = wide_tail_den(a)
    cdef double phi = fma_f8(-t, wide_tail_num(a), d)
    cdef double bell = 0.3989422804014327 * t * d
    # ---- 256
    cdef double n = wide_slope_num(a)
    cdef double m = wide_slope_den(a)
    # ---- 256
    cdef double quotient = (n if wide < 0.0 else bell) / (m if wide < 0.0 else phi)
    return dy * <float>(quotient - wide if wide < 0.0 else quotient)

cdef inline double log_ndtr_f8(double x) noexcept nogil:
    # left of 1/4, -(x^2/2 + log(1 + a) + log 2 - F(a)), a = -x; right log1p(-q), q = Phi(-x)
    cdef double a = normal_clamp_f8(abs_f8(x))
    cdef double half = -0.5 * a
    cdef double p = half * a
    cdef double s, rest
    cdef double z = tail_reduced_f8(p, fma_f8(half, a, -p), &s, &rest)
    # ----
    cdef double y = split_poly_f8(z, rest)
    # ----
    cdef double f = tail_quotient_f8(a)
    # ----
    cdef double d = 1.0 + a
    cdef double q = -tail_of_f8(s, z, y, f, d, a - (d - 1.0))
    # ----
    cdef double b
    cdef double c = log1p_parts_f8(q, &b)
    cdef double right = unscale_f8(fma_f8(-c, b, q))
    # ----
    cdef double g = log_tail_f8(at_most_f8(-at_most_f8(x, 0.25), 1073741824.0))
    # ----
    cdef double left = log_ndtr_left_f8(at_most_f8(x, 0.25), g)
    return left if x < 0.25 else right

cdef inline double log_ndtr_backward_f8(double dy, double x) noexcept nogil:
    # phi/Phi: left of 1/4 (a + 3/4) + F(a), a = -x; right e^(-x^2/2)/sqrt(2 pi)/(1 - q), q = Phi(-x)
    cdef double a = normal_clamp_f8(abs_f8(x))
    cdef double half = -0.5 * a
    cdef double p = half * a
    cdef double s, rest
    cdef double z = tail_reduced_f8(p, fma_f8(half, a, -p), &s, &rest)
    # ----
    cdef double y = split_poly_f8(z, rest)
    # ----
    cdef double f = tail_quotient_f8(a)
    # ----
    cdef double d = 1.0 + a
    cdef double q = tail_of_f8(s, z, y, f, d, a - (d - 1.0))
    cdef double phi = unscale_add_f8(-q, 1.0)
    cdef double phi_lo = unscale_add_f8(-q, 1.0 - phi)
    cdef double scale = 0.3989422804014327 * s
    cdef double u = z + (y - 6.252352140219573e-17)
    cdef double bell = fma_f8(scale, u, scale)
    cdef double bell_lo = fma_f8(scale, u, scale - bell)
    # ----
    cdef double held = at_most_f8(-at_most_f8(x, 0.25), 1073741824.0)
    cdef double n = slope_num_f8(held)
    cdef double m = slope_den_f8(held)
    # ----
    cdef double over = n if x < 0.25 else bell
    cdef double under = m if x < 0.25 else phi
    cdef double quotient = divided_f8(over, 0.0 if x < 0.25 else bell_lo, under, 0.0 if x < 0.25 else phi_lo)
    cdef double base = 0.75 - x
    return graded_f8(dy, base + (quotient + slope_lost_f8(base, x)) if x < 0.25 else unscale_f8(quotient))


# ---- sinusoids -----------------------------------------------------------------------------------------------------------

cdef inline bint sine_is_usual_f4(float x, float omega) noexcept nogil:
    return abs_f4(omega * x) < <float>65536.0

cdef inline float sine_usual_f4(float x, float omega) noexcept nogil:
    # sin(omega x), omega x to twice the precision
    cdef float r
    cdef float j = near_angle_f4(x, omega, &r)
    # ----
    return near_sine_f4(r, j, omega * x)

cdef inline float sine_unit_f4(float x) noexcept nogil:
    # sin(x): nothing is missing of x
    cdef float r
    cdef float j = near_whole_angle_f4(x, &r)
    # ----
    return near_sine_f4(r, j, x)

cdef inline float sine_f4(float x, float omega) noexcept nogil:
    cdef float near = sine_usual_f4(x, omega)
    cdef double sign
    cdef double f = wide_half_turns(<double>omega * <double>x, 0.0, &sign)
    # ----
    cdef float far = <float>flipped_f8(wide_sine(f), sign)
    return near if sine_is_usual_f4(x, omega) else far

cdef inline bint sine_backward_is_usual_f4(float dy, float x, float omega) noexcept nogil:
    return abs_f4(omega * x) < <float>140737488355328.0

cdef inline float sine_backward_usual_f4(float dy, float x, float omega) noexcept nogil:
    cdef double sign
    cdef double f = usual_half_turns(abs_f8(<double>omega * <double>x), 0.5, &sign)
    # ----
    return dy * <float>(<double>omega * flipped_f8(wide_sine(f), sign))

cdef inline float sine_backward_f4(float dy, float x, float omega) noexcept nogil:
    # omega cos(omega x)
    cdef double sign
    cdef double f = wide_half_turns(abs_f8(<double>omega * <double>x), 0.5, &sign)
    # ----
    return dy * <float>(<double>omega * flipped_f8(wide_sine(f), sign))

cdef inline bint sine_is_usual_f8(double x, double omega) noexcept nogil:
    return abs_f8(omega * x) < 4294967296.0

cdef inline double sine_usual_f8(double x, double omega) noexcept nogil:
    # sin(omega x), omega x to twice the precision
    cdef double less, turns
    cdef double u = omega * x
    cdef double r = near_half_f8(u, fma_f8(-omega, x, u), &less, &turns)
    # ----
    return sine_of_halves_f8(r, less, turns)

cdef inline double sine_unit_f8(double x) noexcept nogil:
    # sin(x): nothing is missing of x
    cdef double less, turns
    cdef double r = near_half_whole_f8(x, &less, &turns)
    # ----
    return sine_of_halves_f8(r, less, turns)

cdef inline double sine_f8(double x, double omega) noexcept nogil:
    cdef double less, turns, rest
    cdef double r = far_quarter_f8(omega, x, 2.0, &less, &turns)
    cdef double c = sine_less_f8(r, less)
    cdef double far = sine_of_quarters_f8(r, c, cosine_less_f8(r, less, c), turns, &rest)
    return sine_usual_f8(x, omega) if sine_is_usual_f8(x, omega) else far

cdef inline bint sine_backward_is_usual_f8(double dy, double x, double omega) noexcept nogil:
    return abs_f8(omega * x) < 4294967296.0

cdef inline double sine_backward_usual_f8(double dy, double x, double omega) noexcept nogil:
    # omega cos(omega x)
    cdef double less, turns
    cdef double u = omega * x
    cdef double r = near_quarter_f8(u, fma_f8(-omega, x, u), &less, &turns)
    # ----
    cdef double c = sine_less_f8(r, less)
    cdef double d = cosine_less_f8(r, less, c)
    # ----
    cdef double rest
    return dy * (omega * sine_of_quarters_f8(r, c, d, turns + 1.0, &rest))

cdef inline double sine_backward_f8(double dy, double x, double omega) noexcept nogil:
    cdef double less, turns, rest
    cdef double r = quarter_f8(omega, x, 2.0, &less, &turns)
    cdef double c = sine_less_f8(r, less)
    return dy * (omega * sine_of_quarters_f8(r, c, cosine_less_f8(r, less, c), turns + 1.0, &rest))

cdef inline float snake_f4(float x, float alpha) noexcept nogil:
    # x + sin^2(alpha x)/alpha: where the angle is large the sine does not matter
    cdef double u = at_most_f8(at_least_f8(<double>alpha * <double>x, -1099511627776.0), 1099511627776.0)
    cdef double y = wide_sine(wide_near_half_turns(u))
    # ---- 256
    return <float>fma_f8(y * y, 1.0 / <double>alpha, x)

cdef inline bint snake_backward_is_usual_f4(float dy, float x, float alpha) noexcept nogil:
    return abs_f4(alpha * x) < <float>140737488355328.0

cdef inline float snake_backward_usual_f4(float dy, float x, float alpha) noexcept nogil:
    cdef double sign
    cdef double f = usual_half_turns(<double>alpha * <double>x, 0.25, &sign)
    # ----
    cdef double y = wide_sine(f)
    return dy * <float>(2.0 * y * y)

cdef inline float snake_backward_f4(float dy, float x, float alpha) noexcept nogil:
    # 1 + sin(2 alpha x) = 2 sin^2(alpha x + pi/4), which has double roots
    cdef double sign
    cdef double f = wide_half_turns(<double>alpha * <double>x, 0.25, &sign)
    # ----
    cdef double y = wide_sine(f)
    return dy * <float>(2.0 * y * y)

cdef inline double snake_f8(double x, double alpha) noexcept nogil:
    # x + sin^2(alpha x)/alpha, the square and the quotient to twice the precision, for left of 0 they cancel against x;
    # where the angle is so large that the sine does not matter, its mean
    cdef double u = alpha * x
    cdef double angle_lo, odd
    cdef double r = quarter_turn_f8(u, residue_f8(fma_f8(alpha, x, -u)), &angle_lo, &odd)
    # ----
    cdef double square_lo
    cdef double square = sine_square_f8(r, angle_lo, &square_lo)
    # ----
    return snake_sum_f8(x, u, alpha, odd, square, square_lo)

cdef inline bint snake_backward_is_usual_f8(double dy, double x, double alpha) noexcept nogil:
    return abs_f8(alpha * x) < 4294967296.0

cdef inline double snake_backward_usual_f8(double dy, double x, double alpha) noexcept nogil:
    # 1 + sin(2 alpha x)
    cdef double less, turns
    cdef double u = alpha * x
    cdef double r = near_quarter_f8(2.0 * u, 2.0 * fma_f8(-alpha, x, u), &less, &turns)
    # ----
    cdef double c = sine_less_f8(r, less)
    cdef double d = cosine_less_f8(r, less, c)
    # ----
    cdef double rest
    cdef double y = one_plus_sine_f8(r, c, d, turns, &rest)
    return dy * (y + rest)

cdef inline double snake_backward_f8(double dy, double x, double alpha) noexcept nogil:
    cdef double less, turns, rest
    cdef double r = quarter_f8(alpha, x, 4.0, &less, &turns)
    cdef double c = sine_less_f8(r, less)
    cdef double y = one_plus_sine_f8(r, c, cosine_less_f8(r, less, c), turns, &rest)
    return dy * (y + rest)


# ---- serf: one exponential, e^x left of 0 and e^(-x^2) right of it ---------------------------------------------------------

cdef extern from "composed.h" nogil:
    double wide_serf_left_num(double t) noexcept
    double wide_serf_left_den(double t) noexcept
    double wide_serf_right_num(double x) noexcept
    double wide_serf_right_den(double x) noexcept
    double wide_serf_falling_num(double a) noexcept
    double wide_serf_falling_den(double a) noexcept
    double wide_serf_rising_num(double x) noexcept
    double wide_serf_rising_den(double x) noexcept
    double wide_serf_far(double t, double x) noexcept


cdef inline float serf_f4(float x) noexcept nogil:
    # left x t n/d, right x - x t n/d, which is x from 4.3 on
    cdef double s
    cdef double h = at_most_f4(at_least_f4(x, <float>-110.0), <float>4.75)
    cdef double z = wide_exp_reduced(h if h < 0.0 else -h * h, 1.0, &s)
    # ----
    cdef double t = s * wide_exp_poly(z)
    # ----
    cdef double n = wide_serf_left_num(t) if h < 0.0 else wide_serf_right_num(h)
    cdef double d = wide_serf_left_den(t) if h < 0.0 else wide_serf_right_den(h)
    # ----
    cdef double q = t * n / d
    return <float>(<double>at_least_f4(x, <float>-110.0) * (q if h < 0.0 else 1.0 - q))

cdef inline float serf_backward_f4(float dy, float x) noexcept nogil:
    # left t (x - root) n/d, far left 2/sqrt(pi) t ((1 + x) + ...), right 1 - t n/d
    cdef double s
    cdef double h = at_most_f4(at_least_f4(x, <float>-110.0), <float>4.75)
    cdef double z = wide_exp_reduced(h if h < 0.0 else -h * h, 1.0, &s)
    # ----
    cdef double t = s * wide_exp_poly(z)
    cdef double a = at_most_f8(-h, 3.0625)
    # ----
    cdef double n = wide_serf_falling_num(a) if h < 0.0 else wide_serf_rising_num(h)
    cdef double d = wide_serf_falling_den(a) if h < 0.0 else wide_serf_rising_den(h)
    cdef double q = t * n / d
    # ----
    cdef double near = (h + 1.193059968928188) * q
    cdef double far = 1.1283791670955126 * t * ((1.0 + h) + wide_serf_far(t, h))
    cdef double left = near if h > -3.0 else far
    return dy * <float>(left if h < 0.0 else 1.0 - q)

cdef inline double serf_f8(double x) noexcept nogil:
    # left x t (7/8 + F), right x - x t F
    cdef double h = serf_clamp_f8(x)
    cdef double lo
    cdef double p = serf_exponent_f8(h, &lo)
    cdef double s, rest
    cdef double z = tail_reduced_f8(p, lo, &s, &rest)
    # ----
    cdef double y = split_poly_f8(z, rest)
    cdef double e = 1.0 + (z + y)
    cdef double t = unscale_f8(s * e)
    # ----
    cdef double f = serf_left_f8(t)
    cdef double small = fma_f8(f, e, 0.875 * y)
    cdef double r = fma_f8(0.875, z, small)
    cdef double sum = 0.875 + r
    cdef double lost = ((0.875 - sum) + r) + fma_f8(0.875, z, small - r)
    cdef double left = unscale_f8(s * fma_f8(h, sum, h * lost))
    # ----
    cdef double num = serf_right_num_f8(h)
    cdef double den = serf_right_den_f8(h)
    cdef double n = fma_f8(num, h, 0.3269587102574751)
    cdef double m = fma_f8(den, h, 1.0)
    cdef double q = t * divided_f8(n, fma_f8(num, h, 0.3269587102574751 - n), m, fma_f8(den, h, 1.0 - m))
    cdef double right = x if h >= 6.2 else fma_f8(-x, q, x)
    return copysign_f8(left if h < 0.0 else right, x)

cdef inline double serf_backward_f8(double dy, double x) noexcept nogil:
    # left t (x - root)(1 + F), far left t ((1 + x) + ...)(1 + F), 1 + F = 2/sqrt(pi), right 1 - t F
    cdef double h = serf_slope_clamp_f8(x)
    cdef double lo
    cdef double p = serf_exponent_f8(h, &lo)
    cdef double s, rest
    cdef double z = tail_reduced_f8(p, lo, &s, &rest)
    # ----
    cdef double y = split_poly_f8(z, rest)
    cdef double e = 1.0 + (z + y)
    # ----
    cdef double a = at_most_f8(-h, 4.0625)
    cdef double by = a if h < 0.0 else h
    cdef double num = serf_falling_num_f8(a) if h < 0.0 else serf_rising_num_f8(h)
    cdef double den = serf_falling_den_f8(a) if h < 0.0 else serf_rising_den_f8(h)
    cdef double last = -0.43586969031643347 if h < 0.0 else 0.3269587102574751
    cdef double n = fma_f8(num, by, last)
    cdef double m = fma_f8(den, by, 1.0)
    cdef double f = divided_f8(n, fma_f8(num, by, last - n), m, fma_f8(den, by, 1.0 - m))
    # ----
    cdef double t = unscale_f8(s * e)
    cdef double more = serf_far_f8(t, h) if h < -4.0 else 0.0
    cdef double gain = 0.12837916709551256 if h < -4.0 else f
    cdef double root = -1.0 if h < -4.0 else -1.193059968928188
    cdef double root_lo = 0.0 if h < -4.0 else 3.096701676302884e-17
    cdef double d_lo
    cdef double d = difference_f8(h, root, &d_lo)
    cdef double left = unscale_f8(s * raised_f8(d, more + (d_lo - root_lo), z, fma_f8(gain, e, y)))
    return graded_f8(dy, left if h < 0.0 else fma_f8(-t, f, 1.0))


# ---- what is left of tanh -------------------------------------------------------------------------------------------------

cdef inline float tanh_shrink_f4(float x) noexcept nogil:
    # by a table
    return tanh_shrink_by_table_f4(x)

cdef inline float tanh_shrink_backward_f4(float dy, float x) noexcept nogil:
    # tanh^2, by a table
    return dy * tanh_square_by_table_f4(x)

cdef inline double tanh_shrink_f8(double x) noexcept nogil:
    # x by a quotient of x^2, or, from 1 on, (|x| - 1) + 2/(1 + e^2|x|) with the sign of x
    cdef double s
    cdef double held = shrink_clamp_f8(abs_f8(x))
    cdef double z = shrink_reduced_f8(held, &s)
    # ----
    cdef double w = shrink_poly_f8(z)
    # ----
    return signed_f8(shrink_of_f8(abs_f8(x), shrink_clamp_f8(abs_f8(x)), s, w), x)

cdef inline double tanh_shrink_backward_f8(double dy, double x) noexcept nogil:
    # tanh^2 as a quotient of x^2, or, from 1.05 on, by e^-2|x|
    cdef double s
    cdef double a = shrink_clamp_f8(abs_f8(x))
    cdef double z = exp_reduced_f8(-(a + a), -0.0, 2.0, &s)
    # ----
    cdef double w = expm1_poly_f8(z)
    # ----
    return dy * square_of_f8(shrink_clamp_f8(abs_f8(x)), s, w)
