# Derivatives by parameters, times dy: name_backward_parameter(dy, x, parameters).
# What needs an exponential or a sine is in activations_parameters_apart.pxi.

cdef inline real below_zero(real value, real x) noexcept nogil:
    # the value where x < 0, else 0, and NaN passes
    cdef real dead = 0.0 if x >= 0.0 else x
    return value if x < 0.0 else dead

cdef inline real prelu_backward_weight(real dy, real x, real weight) noexcept nogil:
    # d(w*x)/dw = x below 0
    return below_zero(x * dy, x)

cdef inline real leaky_relu_backward_negative_slope(real dy, real x, real negative_slope) noexcept nogil:
    return below_zero(x * dy, x)

cdef inline real elu_backward_alpha(real dy, real x, real alpha) noexcept nogil:
    # e^x - 1 below 0
    cdef real s
    cdef real z = exp_reduced(at_least(x, -40.0), -0.0, 0.0, &s)
    # ---- f8
    cdef real w = expm1_poly(z)
    # ---- f8
    return below_zero(dy * fma(s, w, s - 1.0), x)

cdef inline real relu_k_backward_n(real dy, real x, real n) noexcept nogil:
    return beyond(dy, x, n)

cdef inline real star_relu_backward_scale(real dy, real x, real scale, real bias) noexcept nogil:
    return beyond(dy * (x * x), x, 0.0)

cdef inline real star_relu_backward_bias(real dy, real x, real scale, real bias) noexcept nogil:
    return dy if x == x else x

cdef inline real threshold_backward_value(real dy, real x, real threshold, real value) noexcept nogil:
    cdef real dead = 0.0 if x > threshold else x
    return dy if x <= threshold else dead

cdef inline real hard_tanh_backward_min(real dy, real x, real min, real max) noexcept nogil:
    cdef real dead = 0.0 if x >= min else x
    return dy if x < min else dead

cdef inline real hard_tanh_backward_max(real dy, real x, real min, real max) noexcept nogil:
    return beyond(dy, x, max)

cdef inline real hard_sigmoid_backward_slope(real dy, real x, real slope, real offset) noexcept nogil:
    # x where the slope is the middle line's: hard_sigmoid_backward says how that is decided
    cdef real middle = hard_sigmoid_backward(1.0, x, slope, offset)
    cdef real inside = dy * x
    return 0.0 if middle == 0.0 else inside

cdef inline real hard_sigmoid_backward_offset(real dy, real x, real slope, real offset) noexcept nogil:
    cdef real middle = hard_sigmoid_backward(1.0, x, slope, offset)
    cdef real inside = dy if x == x else x
    return 0.0 if middle == 0.0 else inside

cdef inline real soft_shrink_backward_lambd(real dy, real x, real lambd) noexcept nogil:
    # minus the sign of x where |x| > lambda
    return beyond(-dy * copysign(1.0, x), abs(x), lambd)

cdef inline real squareplus_backward_b(real dy, real x, real b) noexcept nogil:
    # 1/(4R), R = sqrt(x^2 + b), scaled; where b no longer counts beside x^2, 1/(4|x|)
    cdef real scale = square_scale(b)
    cdef real size = abs(x)
    cdef real s = size * scale
    cdef real held = square_hold(s)
    cdef real root = sqrt(fma(held, held, b * scale * scale))
    return dy * ((0.25 * scale if held == s else 0.25) / (root if held == s else size))
