# Gated units of which floats and doubles have formulas of their own, as activations_apart.pxi.

cdef inline void swiglu_backward_f4(float dy, float a, float gate, float* da, float* dgate) noexcept nogil:
    # silu and silu' share t = e^gate, as silu_backward_f4; doubles hold every product of three floats
    cdef double s
    cdef float low = at_least_f4(gate, <float>-250.0)
    cdef double h = <double>at_most_f4(low, <float>40.0)
    cdef double z = wide_exp_reduced(h + 1.2784645427610737, 0.2784645427610738, &s)
    cdef double t = s * wide_exp_poly(z)
    cdef double v = 1.0 + t
    cdef double q = 1.0 / v
    cdef double share = t * q
    da[0] = <float>(<double>dy * (<double>low * share))
    dgate[0] = <float>(<double>dy * <double>a * (share * ((v + h) * q)))

cdef inline void swiglu_backward_f8(double dy, double a, double gate, double* da, double* dgate) noexcept nogil:
    # silu' in two parts, as silu_backward_f8
    cdef double s, lo
    cdef double h = tail_clamp_f8(abs_f8(gate))
    cdef double w = expm1_poly_f8(silu_fall_f8(h, 0.0, &s))
    cdef double slope = fall_parts_f8(gate, h, 0.0, s, w, &lo)
    da[0] = swiglu(dy, gate)
    dgate[0] = dy * compensated_f8(a, slope, lo)

cdef inline float geglu_f4(float a, float gate) noexcept nogil:
    return geglu_by_table_f4(a, gate)

cdef inline double geglu_f8(double a, double gate) noexcept nogil:
    # a * gelu(gate), gelu in two parts
    cdef double s, rest
    cdef double z = gauss_reduced_f8(gauss_clamp_f8(abs_f8(gate)), &s, &rest)
    cdef double w = gauss_poly_f8(z, rest)
    # ----
    cdef double f = gauss_ratio_f8(gauss_clamp_f8(abs_f8(gate)))
    cdef double lo
    cdef double tail = gauss_tail_parts_f8(gauss_clamp_f8(abs_f8(gate)), s, z, w, f, &lo)
    # ----
    cdef double unit
    cdef double c = gauss_scale_f8(gate, &unit)
    cdef double line = at_least_f8(gate, 0.0)
    cdef double value = fma_f8(-tail, c, line)
    return lowered_f8(compensated_f8(a, value, fma_f8(-tail, c, line - value) - lo * c), unit)

cdef inline void geglu_backward_f4(float dy, float a, float gate, float* da, float* dgate) noexcept nogil:
    # with b = |gate| and Phi(-b) = e n/d: gelu is max(gate, 0) - b Phi(-b), gelu' left of 0 Phi(-b) - b phi(b). The factor of b d is
    # 1/sqrt(2 pi), but for what takes the root of n - b d/sqrt(2 pi) to where gelu' has it, since n/d is off by 0.1 parts in 2^24:
    # coefficients/normal.py
    cdef double power
    cdef double b = <double>gated_end_f4(abs_f4(gate))
    cdef double z = wide_bell_reduced(b, &power)
    cdef double e = wide_bell_poly(z, power)
    cdef double n = wide_tail_num(b)
    cdef double d = wide_tail_den(b)
    cdef double slope = fma_f8(b * -0.3989422782014112, d, n)
    cdef double value = b * n
    cdef double share = e / d
    cdef double side = copysign_f8(1.0, <double>gate)
    cdef double line = <double>at_least_f4(gate, <float>0.0)
    da[0] = <float>(<double>dy * (line - value * share))
    dgate[0] = <float>(<double>dy * <double>a * fma_f8(-side, slope * share, fma_f8(0.5, side, 0.5)))

cdef inline void geglu_backward_f8(double dy, double a, double gate, double* da, double* dgate) noexcept nogil:
    # gelu' in two parts, as gelu_backward
    cdef double b = gauss_clamp_f8(abs_f8(gate))
    cdef double half = -0.5 * b
    cdef double p = half * b
    cdef double s, rest, unit
    cdef double z = tail_reduced_f8(p, fma_f8(half, b, -p), &s, &rest)
    cdef double y = split_poly_f8(z, rest)
    cdef double d_lo
    cdef double d = gauss_distance_f8(b, &d_lo)
    cdef double lost
    cdef double product = raised_parts_f8(d, d_lo, z, fma_f8(gauss_slope_f8(b, p), 1.0 + (z + y), y), &lost)
    cdef double c = 0.5 * s * gauss_scale_f8(gate, &unit)
    cdef double left = product * c
    cdef double left_lo = lost * c
    cdef double right = 1.0 - left
    cdef double right_lo = ((1.0 - right) - left) - left_lo
    da[0] = geglu_f8(dy, gate)
    dgate[0] = dy * (compensated_f8(a, left if gate < 0.0 else right, left_lo if gate < 0.0 else right_lo) * unit)
