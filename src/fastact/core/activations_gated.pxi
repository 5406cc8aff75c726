# Gated units, a * act(gate), and both their gradients: d/da = act(gate), d/dgate = a * act'(gate).
#
# act(gate) is the formula of the gate's own activation, without its last rounding: where it falls below the smallest
# normal number, a may still make a normal number of it. gated.h says how.

cdef inline real glu(real a, real gate) noexcept nogil:
    # a / (1 + e^-gate), as swish, the quotient in two parts
    cdef real s
    cdef real u = product_floor(head_ceiling(gate))
    cdef real z = divisor_reduced(u, -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    cdef real unit, d_lo
    cdef real d = deep_divisor_parts(s, w, gate, &unit, &d_lo)
    # ----
    return lowered(quotient_once(away(gate, a), d, d_lo), unit)

cdef inline void glu_backward(real dy, real a, real gate, real* da, real* dgate) noexcept nogil:
    # with t = e^-|gate|: p = t/(1+t) is sigmoid(-|gate|), p - p*p the slope of both sides, as bell(). The slope in two parts, since its
    # error may count twice in a product.
    cdef real s
    cdef real z = scaled_reduced(-abs(gate), -0.0, &s)
    cdef real w = expm1_poly(z)
    cdef real t = fma(s, w, s)
    cdef real low = less_share(t, fma(s, w, s - t))
    # ----
    cdef real p = t + low
    cdef real minus = unscale(-p)
    cdef real slope = fma(p, minus, p)
    cdef real slope_lo = fma(fma(2.0, minus, 1.0), (t - p) + low, fma(p, minus, p - slope))
    cdef real unit
    cdef real c = logistic_scale(gate, &unit)
    cdef real left = dy * (p * c) * unit
    cdef real above = dy * (1.0 + minus)
    da[0] = left if gate < 0.0 else above
    dgate[0] = dy * (compensated(a, slope * c, slope_lo * c) * unit)

cdef inline real swiglu(real a, real gate) noexcept nogil:
    # a * gate / (1 + e^-gate), as glu
    cdef real s
    cdef real u = gate_floor(head_ceiling(gate))
    cdef real z = divisor_reduced(u, -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    cdef real unit, d_lo
    cdef real d = deep_divisor_parts(s, w, gate, &unit, &d_lo)
    # ----
    cdef real lo
    cdef real q = divided_parts(gate_floor(gate), d, d_lo, &lo)
    return lowered(compensated(away(gate, a), q, lo), unit)

cdef inline real reglu(real a, real gate) noexcept nogil:
    return a * relu(gate)

cdef inline void reglu_backward(real dy, real a, real gate, real* da, real* dgate) noexcept nogil:
    da[0] = dy * relu(gate)
    dgate[0] = relu_backward(dy * a, gate)

cdef inline real bilinear(real a, real gate) noexcept nogil:
    return a * gate

cdef inline void bilinear_backward(real dy, real a, real gate, real* da, real* dgate) noexcept nogil:
    da[0] = dy * gate
    dgate[0] = dy * a
