# What floats and doubles do differently.

# ---- tanh: doubles have their reduced argument in two parts, floats their coefficients chosen by trial --------


cdef inline float tanh_f4(float x) noexcept nogil:
    cdef float s
    cdef float z = tanh_reduced_f4(x, &s)
    # ----
    cdef float w = tanh_poly_f4(z)
    # ----
    return signed_f4(tanh_of_f4(s, w), x)

cdef inline double tanh_f8(double x) noexcept nogil:
    cdef double s, tail
    cdef double z = tanh_reduced_f8(x, &s, &tail)
    # ----
    cdef double c = tanh_poly_f8(z, tail)
    # ----
    return signed_f8(tanh_of_f8(s, z, c), x)


# ---- gradients about a root: floats are computed in double, where nothing has to be carried, and rounded once; doubles
# carry what rounding leaves out ----------------------------------------------------------------------------------------------

cdef extern from "vmath.h" nogil:
    double wide_exp_reduced(double x, double c, double* s) noexcept
    double wide_exp_poly(double z) noexcept


cdef inline float silu_backward_f4(float dy, float x) noexcept nogil:
    # t (1 - a + t)/(1 + t)^2, t = e^-a, a = |x|, by tables; right of 0 it is 1 less that
    return dy * silu_slope_by_table_f4(x)

cdef inline float swish_backward_f4(float dy, float x, float beta) noexcept nogil:
    # t(1 + u + t)/(1 + t)^2, u = beta x, which is exact, t = e^u = c e^(u + r), where 1 - r + c = 0: t is exact at the root -r
    cdef double s
    cdef double h = at_most_f8(at_least_f8(<double>beta * <double>x, -110.0), 40.0)
    cdef double z = wide_exp_reduced(h + 1.2784645427610737, 0.2784645427610738, &s)
    # ----
    cdef double t = s * wide_exp_poly(z)
    # ----
    cdef double v = 1.0 + t
    return dy * <float>(t * (v + h) / (v * v))

cdef inline float swish_backward_one_f4(float dy, float x) noexcept nogil:
    # where beta is 1 x is held, and not its product
    cdef double s
    cdef double h = <double>at_most_f4(at_least_f4(x, <float>-110.0), <float>40.0)
    cdef double z = wide_exp_reduced(h + 1.2784645427610737, 0.2784645427610738, &s)
    # ----
    cdef double t = s * wide_exp_poly(z)
    # ----
    cdef double v = 1.0 + t
    return dy * <float>(t * (v + h) / (v * v))

cdef inline float gelu_tanh_backward_f4(float dy, float x) noexcept nogil:
    # as silu', with t = e^S(x) and h = x S'(x)
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
    return dy * <float>(t * (v + h) / (v * v))

cdef inline float mish_backward_f4(float dy, float x) noexcept nogil:
    # e (4(1 + x) + 4e^2 + e^3 + e(4x + 6))/(2 + 2e + e^2)^2, e = e^x = c e^(x + r), exact at the root -r
    cdef double s
    cdef double h = <double>at_most_f4(at_least_f4(x, <float>-110.0), <float>20.0)
    cdef double z = wide_exp_reduced(h + 1.1924312145154952, 0.3034825352815289, &s)
    # ----
    cdef double e = s * wide_exp_poly(z)
    # ----
    cdef double d = fma_f8(e, e + 2.0, 2.0)
    cdef double o = e * fma_f8(e, fma_f8(e, e + 4.0, fma_f8(4.0, h, 6.0)), fma_f8(4.0, h, 4.0))
    # ----
    return dy * <float>(o / (d * d))

cdef inline double silu_backward_f8(double dy, double x) noexcept nogil:
    # t (1 - a + t)/(1 + t)^2, t = e^-a, a = |x|; right of 0 it is 1 less that
    cdef double s
    cdef double z = silu_fall_f8(tail_clamp_f8(abs_f8(x)), 0.0, &s)
    # ----
    cdef double w = expm1_poly_f8(z)
    # ----
    return graded_f8(dy, fall_of_f8(x, tail_clamp_f8(abs_f8(x)), 0.0, s, w))

cdef inline double swish_backward_f8(double dy, double x, double beta) noexcept nogil:
    # silu' at beta x and its rounding error
    cdef double s
    cdef double u = beta * x
    cdef double a = tail_clamp_f8(abs_f8(u))
    cdef double a_lo = residue_f8(fma_f8(beta, x, -u)) * copysign_f8(1.0, u)
    cdef double z = silu_fall_f8(a, a_lo, &s)
    # ----
    cdef double w = expm1_poly_f8(z)
    # ----
    return graded_f8(dy, fall_of_f8(u, a, a_lo, s, w))

cdef inline double gelu_tanh_backward_f8(double dy, double x) noexcept nogil:
    # as silu', with t = e^-S(a) and h = a S'(a)
    cdef double s, ds
    cdef double held = cubic_limit_f8(abs_f8(x))
    cdef double u = cubic_f8(held, &ds)
    cdef double z = cubic_fall_f8(u, ds, &s)
    # ----
    cdef double w = expm1_poly_f8(z)
    # ----
    cdef double h_lo
    cdef double h = cubic_slope_f8(cubic_limit_f8(abs_f8(x)), u, ds, &h_lo)
    return graded_f8(dy, cubic_close_f8(x, fall_of_f8(x, h, h_lo, s, w)))

cdef inline double mish_backward_f8(double dy, double x) noexcept nogil:
    # left, a = -x, t = e^-a: f' = t o/E^2, E = 1 + m, m = t + t^2/2, o = (1 - a)(1 + t) + t/2 + t^2 + t^3/4; as silu'.
    # right, p = 2 e^-x, m = p + p^2/2: f' = 1 - h, h = p^2 ((1/2 - x) + (1 - x)p/2 + p^2/4)/E^2,
    # where that is small: from 1/4 on
    cdef double a = tail_clamp_f8(abs_f8(x))
    cdef double s, rest
    cdef double z = tail_reduced_f8(-a, -0.0, &s, &rest)
    # ----
    cdef double y = split_poly_f8(z, rest)
    # ----
    cdef double e = 1.0 + (z + y)
    cdef double t = unscale_f8(s * e)
    cdef double t2 = t + t
    cdef double p = t if x < 0.0 else t2
    cdef double m = fma_f8(0.5 * p, p, p)
    cdef double v = fma_f8(m, m, m + m)
    cdef double d = 1.0 - a
    cdef double c = p * p * fma_f8(p, fma_f8(0.25, p, 0.5 * d), 0.5 - a)
    cdef double square = 1.0 + v
    cdef double h = (v if x < 0.0 else c) / square
    cdef double b = t * fma_f8(t, fma_f8(0.25, t, 1.0), 0.5 + d)
    # what rounding leaves out of E^2 and of the quotient counts left of the root: else 2.05 ulp
    cdef double h_lo = fma_f8(-h, (1.0 - square) + v, fma_f8(-h, square, v))
    cdef double far = unscale_f8(s * raised_f8(d, b, z, fma_f8(-h, e, fma_f8(-h_lo, fma_f8(-h, e, e), y))))
    cdef double left = near_root_f8(a, mish_near_f8(-x, 0.0), far)
    cdef double right = 1.0 - h
    return graded_f8(dy, left if x < 0.25 else right)

cdef inline float mish_f4(float x) noexcept nogil:
    # x e(e + 2)/(2 + 2e + e^2), e = e^x
    cdef double s
    cdef double z = wide_exp_reduced(<double>at_most_f4(at_least_f4(x, <float>-110.0), <float>20.0), 1.0, &s)
    # ----
    cdef double e = s * wide_exp_poly(z)
    cdef double n = fma_f8(e, e, e + e)
    # ----
    return <float>(<double>at_least_f4(x, <float>-110.0) * (n / (n + 2.0)))

cdef inline double mish_f8(double x) noexcept nogil:
    # x m/(m + 2 e^-x), m = 2 + e^x: numerator and denominator with what rounding left out of them. Right of 0 both have m as it was
    # rounded, which hardly moves their quotient; else 1.95 ulp
    cdef double s, t
    cdef double held = mish_clamp_f8(x)
    cdef double z = pair_reduced_f8(held, &s, &t)
    cdef double minus
    cdef double w = pair_f8(z, &minus)
    # ----
    cdef double e = fma_f8(s, w, s)
    cdef double sum = 2.0 + e
    cdef double factor = sum if held > 0.0 else e
    cdef double two = 0.0 if held > 0.0 else held + held
    cdef double n = fma_f8(held, factor, two)
    cdef double n_lo = fma_f8(held, factor, two - n)
    cdef double m = unscale_f8(sum)
    cdef double part = fma_f8(t, minus, m)
    cdef double d = t + part
    cdef double d_lo = (part - (d - t)) + fma_f8(t, minus, m - part)
    return mish_end_f8(x, unscale_f8(divided_f8(n, n_lo, d, d_lo)))
