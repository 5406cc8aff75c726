# Value and slope in one pass, as in activations_pairs.pxi: what is computed in double is rounded once.

cdef extern from "vmath.h" nogil:
    double wide_exp_reduced(double x, double c, double* s) noexcept
    double wide_exp_poly(double z) noexcept


# ---- x by a sigmoid: x t/(1 + t), and the gradient ---------------------------------------------------------------------------

cdef inline void silu_value_and_slope_f4(float x, float* y, float* dydx) noexcept nogil:
    # as silu', and x by what that has of the sigmoid
    cdef float s
    cdef float a = fall_clamp_f4(x)
    cdef float z = fall_reduced_f4(a, &s)
    cdef float e = fall_poly_f4(z)
    # ----
    cdef float lo, whole
    cdef float p = fall_share_f4(s, e, &lo, &whole)
    y[0] = fall_value_f4(x, a, s, p, lo, whole)
    dydx[0] = fall_slope_f4(x, a, s, e, p, lo, whole)

cdef inline void swish_value_and_slope_f4(float x, float beta, float* y, float* dydx) noexcept nogil:
    # below -195 x t is 0 for every finite x
    cdef double s
    cdef double u = at_least_f8(<double>beta * <double>x, -195.0)
    cdef double h = at_most_f8(u, 40.0)
    cdef double z = wide_exp_reduced(h + 1.2784645427610737, 0.2784645427610738, &s)
    # ----
    cdef double t = s * wide_exp_poly(z)
    # ----
    cdef double v = 1.0 + t
    cdef double share = t / (v * v)
    cdef double held = at_most_f8(at_least_f8(<double>x, -3.4028234663852886e38), 3.4028234663852886e38) if u == -195.0 else <double>x
    y[0] = <float>(held * (share * v))
    dydx[0] = <float>(share * (v + h))

cdef inline void swish_value_and_slope_one_f4(float x, float* y, float* dydx) noexcept nogil:
    cdef double s
    cdef float held = at_least_f4(x, <float>-110.0)
    cdef double h = <double>at_most_f4(held, <float>40.0)
    cdef double z = wide_exp_reduced(h + 1.2784645427610737, 0.2784645427610738, &s)
    # ----
    cdef double t = s * wide_exp_poly(z)
    # ----
    cdef double v = 1.0 + t
    cdef double share = t / (v * v)
    y[0] = <float>(<double>held * (share * v))
    dydx[0] = <float>(share * (v + h))

cdef inline void quick_gelu_value_and_slope_f4(float x, float* y, float* dydx) noexcept nogil:
    cdef double s
    cdef float held = at_least_f4(x, <float>-66.0)
    cdef double h = 1.702 * <double>at_most_f4(held, <float>24.0)
    cdef double z = wide_exp_reduced(h + 1.2784645427610737, 0.2784645427610738, &s)
    # ----
    cdef double t = s * wide_exp_poly(z)
    # ----
    cdef double v = 1.0 + t
    cdef double share = t / (v * v)
    y[0] = <float>(<double>held * (share * v))
    dydx[0] = <float>(share * (v + h))

cdef inline void gelu_tanh_value_and_slope_f4(float x, float* y, float* dydx) noexcept nogil:
    cdef double s
    cdef double held = <double>cubic_limit_f4(x)
    cdef double square = held * held
    cdef double e = held * fma_f8(0.07135481627260025, square, 1.5957691216057308)
    cdef double h = held * fma_f8(0.21406444881780073, square, 1.5957691216057308)
    cdef double z = wide_exp_reduced(e + 1.2311548723318988, 0.29195521191476714, &s)
    # ----
    cdef double t = s * wide_exp_poly(z)
    # ----
    cdef double v = 1.0 + t
    cdef double share = t / (v * v)
    y[0] = <float>(<double>at_least_f4(x, <float>-11.0) * (share * v))
    dydx[0] = <float>(share * (v + h))


cdef inline void mish_value_and_slope_f4(float x, float* y, float* dydx) noexcept nogil:
    # x e(e + 2)/(2 + 2e + e^2), and mish'
    cdef double s
    cdef float held = at_least_f4(x, <float>-110.0)
    cdef double h = <double>at_most_f4(held, <float>20.0)
    cdef double z = wide_exp_reduced(h + 1.1924312145154952, 0.3034825352815289, &s)
    # ----
    cdef double e = s * wide_exp_poly(z)
    # ----
    cdef double two = e + 2.0
    cdef double d = fma_f8(e, two, 2.0)
    cdef double share = e / (d * d)
    cdef double o = fma_f8(e, fma_f8(e, e + 4.0, fma_f8(4.0, h, 6.0)), fma_f8(4.0, h, 4.0))
    y[0] = <float>(<double>held * (share * d * two))
    dydx[0] = <float>(share * o)

# ---- others ------------------------------------------------------------------------------------------------------------------

cdef inline void tanh_value_and_slope_f4(float x, float* y, float* dydx) noexcept nogil:
    # with t = e^-2|x|, n = 1 - t: n/(1 + t), and 4 (p - p^2), p = t/(1 + t)
    cdef float s
    cdef float z = scaled_reduced_f4(-abs_f4(x + x), <float>-0.0, &s)
    # ----
    cdef float w = expm1_poly_f4(z)
    cdef float t = fma_f4(s, w, s)
    cdef float dt = fma_f4(s, w, s - t)
    cdef float power = unscale_f4(s)
    cdef float n = fma_f4(-power, w, <float>1.0 - power)
    # ----
    cdef float plain = unscale_f4(t)
    cdef float r = <float>1.0 / (<float>1.0 + plain)
    cdef float q = n * r
    cdef float p = t + fma_f4(-t, plain * r, dt)
    y[0] = copysign_f4(fma_f4(fma_f4(-q, plain, n - q), r, q), x)
    dydx[0] = lowered_f4(fma_f4(-p, unscale_f4(p), p), <float>4.0 * unscale_f4(<float>1.0))

cdef inline void ndtr_value_and_slope_f4(float x, float* y, float* dydx) noexcept nogil:
    # by tables, from one exponential
    y[0] = ndtr_by_table_f4(x)
    dydx[0] = ndtr_slope_by_table_f4(x)

cdef inline void erfc_value_and_slope_f4(float x, float* y, float* dydx) noexcept nogil:
    # by tables, from one exponential
    y[0] = erfc_by_table_f4(x)
    dydx[0] = erfc_slope_by_table_f4(x)

cdef inline void tanh_shrink_value_and_slope_f4(float x, float* y, float* dydx) noexcept nogil:
    # as tanh_shrink; tanh, that is |x| - y or 1 - 2/(1 + e^2|x|), and what its rounding leaves out, squared
    cdef float s
    cdef float a = abs_f4(x)
    cdef float held = shrink_clamp_f4(a)
    cdef float z = exp_reduced_f4(held + held, <float>-0.0, <float>0.0, &s)
    cdef float w = expm1_poly_f4(z)
    cdef float near = shrink_near_f4(held)
    # ----
    cdef float q = <float>2.0 / fma_f4(s, w, <float>1.0 + s)
    cdef float far = (abs_f4(x) - <float>1.0) + q
    cdef float base = shrink_side_f4(abs_f4(x), abs_f4(x), <float>1.0)
    cdef float less = shrink_side_f4(abs_f4(x), near, q)
    cdef float rest = base - less
    y[0] = copysign_f4(shrink_side_f4(abs_f4(x), near, far), x)
    dydx[0] = fma_f4(rest, rest, (rest + rest) * ((base - rest) - less))

cdef inline void gelu_value_and_slope_f4(float x, float* y, float* dydx) noexcept nogil:
    # as gelu and gelu'
    y[0] = gelu_by_table_f4(x)
    dydx[0] = gelu_slope_by_table_f4(x)


# ---- doubles: as the two formulas, from one exponential ----------------------------------------------------------------------

cdef inline void laplace_value_and_slope_f8(double x, double mu, double sigma, double* y, double* dydx) noexcept nogil:
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
    cdef double w = split_poly_f8(z, rest)
    # ----
    cdef double f = tail_quotient_f8(a)
    # ----
    cdef double d = 1.0 + a
    cdef double q = tail_of_f8(scaled_f8(s) * up, z, w, f, d, (a - (d - 1.0)) + copysign_f8(lo, lo * t))
    cdef double b = 0.3989422804014327 * s
    cdef double slope = fma_f8(b, z + (w - 6.252352140219573e-17), b) / sigma * up
    y[0] = unscale_f8(q) if t < 0.0 else unscale_add_f8(-q, 1.0)
    dydx[0] = 0.0 if a >= 52.0 else slope


# ---- sinusoids: sine and cosine of one angle. Doubles have the bits of the two formulas --------------------------------------

cdef inline bint sine_value_and_slope_is_usual_f4(float x, float omega) noexcept nogil:
    return sine_is_usual_f4(x, omega)

cdef inline void sine_value_and_slope_usual_f4(float x, float omega, float* y, float* dydx) noexcept nogil:
    # all in floats, with what rounding leaves out of the angle
    cdef float less, turns
    cdef float u = omega * x
    cdef float r = near_quarter_f4(u, fma_f4(-omega, x, u), &less, &turns)
    # ----
    cdef float c = sine_less_f4(r, less)
    cdef float d = cosine_less_f4(r, less, c)
    cdef float cosine
    y[0] = sines_of_quarters_f4(r, c, d, turns, &cosine)
    dydx[0] = omega * cosine

cdef inline void sine_value_and_slope_f4(float x, float omega, float* y, float* dydx) noexcept nogil:
    cdef float value, slope
    sine_value_and_slope_usual_f4(x, omega, &value, &slope)
    cdef double sign, turn
    cdef double u = <double>omega * <double>x
    cdef double f = wide_half_turns(u, 0.0, &sign)
    cdef double g = wide_half_turns(abs_f8(u), 0.5, &turn)
    cdef float far = <float>flipped_f8(wide_sine(f), sign)
    cdef float far_slope = <float>(<double>omega * flipped_f8(wide_sine(g), turn))
    y[0] = value if sine_is_usual_f4(x, omega) else far
    dydx[0] = slope if sine_is_usual_f4(x, omega) else far_slope

cdef inline bint sine_value_and_slope_is_usual_f8(double x, double omega) noexcept nogil:
    return sine_is_usual_f8(x, omega)

cdef inline void sine_value_and_slope_usual_f8(double x, double omega, double* y, double* dydx) noexcept nogil:
    cdef double less, turns
    cdef double u = omega * x
    cdef double r = near_quarter_f8(u, fma_f8(-omega, x, u), &less, &turns)
    # ----
    cdef double c = sine_less_f8(r, less)
    cdef double d = cosine_less_f8(r, less, c)
    # ----
    cdef double cosine
    y[0] = sines_of_quarters_f8(r, c, d, turns, &cosine)
    dydx[0] = omega * cosine

cdef inline void sine_value_and_slope_f8(double x, double omega, double* y, double* dydx) noexcept nogil:
    # of usual operands the same
    cdef double less, turns, cosine
    cdef double r = quarter_f8(omega, x, 2.0, &less, &turns)
    cdef double c = sine_less_f8(r, less)
    y[0] = sines_of_quarters_f8(r, c, cosine_less_f8(r, less, c), turns, &cosine)
    dydx[0] = omega * cosine
