# Smooth functions of other kinds: bells, logit, what is left of tanh, x by a quotient.
# What floats and doubles do differently is in activations_smooth_apart.pxi.


# ---- bells ---------------------------------------------------------------------------------------------------------------

cdef inline real bump(real held, real factor) noexcept nogil:
    # factor e^(-held^2): the rounding error of the square counts, and factor s is exact or rounds once
    cdef real s
    cdef real p = -held * held
    cdef real z = scaled_reduced(p, residue(fma(-held, held, -p)), &s)
    cdef real w = expm1_poly(z)
    cdef real b = factor * s
    return unscale(fma(b, w, b))

cdef inline real gaussian(real x) noexcept nogil:
    # e^(-x^2)
    return bump(bump_clamp(abs(x)), 1.0)

cdef inline real gaussian_backward(real dy, real x) noexcept nogil:
    # -2x e^(-x^2)
    cdef real a = bump_clamp(abs(x))
    return graded(dy, bump(a, -2.0 * signed(a, x)))

cdef inline real erf_backward(real dy, real x) noexcept nogil:
    # 2/sqrt(pi) e^(-x^2)
    return graded(dy, bump(bump_clamp(abs(x)), 1.1283791670955126))

cdef inline real erfc_backward(real dy, real x) noexcept nogil:
    # -2/sqrt(pi) e^(-x^2)
    return graded(dy, bump(bump_clamp(abs(x)), -1.1283791670955126))

cdef inline real ndtr_backward(real dy, real x) noexcept nogil:
    # e^(-x^2/2)/sqrt(2 pi)
    cdef real a = normal_clamp(abs(x))
    cdef real half = -0.5 * a
    cdef real p = half * a
    cdef real s
    cdef real z = scaled_reduced(p, residue(fma(half, a, -p)), &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    cdef real b = 0.3989422804014327 * s
    return graded(dy, unscale(fma(b, w, b)))


# ---- logit ---------------------------------------------------------------------------------------------------------------

cdef inline real logit(real x, real eps) noexcept nogil:
    # +-log(c/u), c the smaller of x and 1 - x, held at eps, and u = 1 - c with what rounding leaves out of it
    cdef real smaller = 1.0 - x if x > 0.5 else x
    cdef real least = eps if eps > 0.0 else -1.0
    cdef real c = least if smaller < least else smaller
    cdef real u = 1.0 - c
    cdef real u_lo = (1.0 - u) - c
    cdef real k
    cdef real lifted = odds_lift(c)
    cdef real power = odds_power(lifted, u, &k)
    cdef real z = fma(-power, u_lo, fma(-power, u, lifted)) / fma(power, u, lifted)
    # ----
    cdef real rest = atanh_rest(z)
    cdef real value = logit_ends(c, log_of(k, z, rest))
    return flipped(value, copysign(0.0, 0.5 - x))

cdef inline real logit_backward(real dy, real x, real eps) noexcept nogil:
    # 1/(x(1 - x)), x - x^2 rounds once; 0 where x is held
    cdef real smaller = 1.0 - x if x > 0.5 else x
    cdef real least = eps if eps > 0.0 else smaller
    cdef real product = dy * abs(logit_ends(smaller, 1.0 / abs(fma(-x, x, x))))
    return 0.0 if smaller < least else product


# ---- dish ----------------------------------------------------------------------------------------------------------------

cdef inline real dish(real x) noexcept nogil:
    # max(x, 0) - q, q = a/2 w, w = 1 - a/r = 1/(r(r + a)), a = |x|, r = sqrt(1 + a^2); far out q is 1/(4a)
    cdef real r = normal_root(fma(x, x, 1.0))
    # ----
    cdef real a = abs(x)
    cdef real v = fma(a, a, 1.0)
    cdef real d = fma(a, r, v)
    cdef real half = 0.5 * a
    cdef real q = far_out(a, 0.25, half) / far_out(a, a, d)
    cdef real rest = fma(-q, fma(a, r, v - d), fma(-q, d, half))
    return at_least(x, -0.0) - far_out(a, q, fma(rest, weight(d), q))

cdef inline real dish_backward(real dy, real x) noexcept nogil:
    # 1 + s, left -s: s = w(1 - 3w + w^2)/2, which has a root, so that w has its rounding error with it
    cdef real a = dish_scaled(abs(x))
    cdef real p = dish_larger(a)
    # ----
    cdef real rest
    cdef real w = dish_inverse(a, p, &rest)
    # ----
    cdef real s = dish_left(w, rest)
    return dy * dish_close(x, -s if x < 0.0 else 1.0 + s)
