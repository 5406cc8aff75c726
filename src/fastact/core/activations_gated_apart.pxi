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
    cdef double s, t, rest
    cdef double h = root_clamp_f8(gate)
    cdef double z = silu_reduced_f8(h, -0.0, &s, &t, &rest)
    cdef double minus
    cdef double w = silu_pair_f8(z, rest, &minus)
    cdef double o_lo, g, g_lo, lo
    cdef double o = sides_f8(h, -0.0, s, t, w, minus, &o_lo, &g, &g_lo)
    cdef double slope = share_parts_f8(o, o_lo, g, g_lo, &lo)
    da[0] = swiglu(dy, gate)
    dgate[0] = dy * compensated_f8(a, slope, lo)
