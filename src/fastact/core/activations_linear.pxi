# Straight lines, parabolas and roots: nothing here needs an exponential.
#
# A select that must let NaN through asks for what is to be replaced, not for what is to be kept: NaN compares false.
# A gradient that is 0 by choice of branch is selected, so that 0*inf is 0 there.


# ---- pieces ------------------------------------------------------------------------------------------------------

cdef inline real clip(real x, real low, real high) noexcept nogil:
    cdef real t = low if x < low else x
    return high if t > high else t

cdef inline real between(real value, real x, real low, real high) noexcept nogil:
    # value on the open interval, 0 outside, NaN where x is
    cdef real dead = 0.0 if x == x else x
    cdef real above = value if x > low else dead
    return above if x < high else dead

cdef inline real beyond(real value, real size, real limit) noexcept nogil:
    # value above the limit, 0 up to it, NaN where the size is
    cdef real dead = 0.0 if size <= limit else size
    return value if size > limit else dead


# ---- one line ----------------------------------------------------------------------------------------------------

cdef inline real identity(real x) noexcept nogil:
    return x

cdef inline real identity_backward(real dy, real x) noexcept nogil:
    return dy if x == x else x

cdef inline real identity_backward_y(real dy, real y) noexcept nogil:
    return identity_backward(dy, y)

cdef inline real step(real x, real threshold) noexcept nogil:
    cdef real high = 1.0 if x >= threshold else x
    return 0.0 if x < threshold else high

cdef inline real step_backward(real dy, real x, real threshold) noexcept nogil:
    # 0, even for an infinite dy
    cdef real dead = 0.0 if dy == dy else dy
    return dead if x == x else x

cdef inline real step_backward_y(real dy, real y, real threshold) noexcept nogil:
    return step_backward(dy, y, threshold)


# ---- rectifiers --------------------------------------------------------------------------------------------------

cdef inline real relu6(real x) noexcept nogil:
    # not relu(x) - relu(x - 6), which rounds
    return at_most(0.0 if x < 0.0 else x, 6.0)

cdef inline real relu6_backward(real dy, real x) noexcept nogil:
    return between(dy, x, 0.0, 6.0)

cdef inline real relu6_backward_y(real dy, real y) noexcept nogil:
    return between(dy, y, 0.0, 6.0)

cdef inline real relu_k(real x, real n) noexcept nogil:
    return clip(x, 0.0, n)

cdef inline real relu_k_backward(real dy, real x, real n) noexcept nogil:
    return between(dy, x, 0.0, n)

cdef inline real relu_k_backward_y(real dy, real y, real n) noexcept nogil:
    return between(dy, y, 0.0, n)

cdef inline real relu_squared(real x) noexcept nogil:
    cdef real positive = 0.0 if x < 0.0 else x
    return positive * positive

cdef inline real relu_squared_backward(real dy, real x) noexcept nogil:
    return beyond(dy * (x + x), x, 0.0)

cdef inline real relu_squared_backward_y(real dy, real y) noexcept nogil:
    # 2x = 2 sqrt(y)
    cdef real root = sqrt(y)
    return beyond(dy * (root + root), y, 0.0)

cdef inline real star_relu(real x, real scale, real bias) noexcept nogil:
    # s r^2 + b has a root: s r = p + e exactly, and p r + b is rounded only once before e r joins it
    cdef real r = at_most_finite(0.0 if x < 0.0 else x)
    cdef real p = scale * r
    cdef real t = fma(p, r, bias)
    cdef real whole = fma(fma(scale, r, -p), r, t)
    return whole if t - t == 0.0 else t     # where t is infinite, e may be NaN

cdef inline real star_relu_backward(real dy, real x, real scale, real bias) noexcept nogil:
    cdef real half = times(scale, x)
    return beyond(dy * (half + half), x, 0.0)

cdef inline real rrelu(real x, real lower, real upper) noexcept nogil:
    # the mean slope; with lower = upper = the slopes drawn, this is training
    return leaky_relu(x, 0.5 * lower + 0.5 * upper)

cdef inline real rrelu_backward(real dy, real x, real lower, real upper) noexcept nogil:
    return leaky_relu_backward(dy, x, 0.5 * lower + 0.5 * upper)

cdef inline real threshold(real x, real threshold, real value) noexcept nogil:
    return value if x <= threshold else x

cdef inline real threshold_backward(real dy, real x, real threshold, real value) noexcept nogil:
    return beyond(dy, x, threshold)

cdef inline real thresholded_relu(real x, real alpha) noexcept nogil:
    return 0.0 if x <= alpha else x

cdef inline real thresholded_relu_backward(real dy, real x, real alpha) noexcept nogil:
    return beyond(dy, x, alpha)


# ---- hard sigmoids -----------------------------------------------------------------------------------------------

cdef inline real hard_tanh(real x, real min, real max) noexcept nogil:
    return clip(x, min, max)

cdef inline real hard_tanh_backward(real dy, real x, real min, real max) noexcept nogil:
    return between(dy, x, min, max)

cdef inline real hard_tanh_backward_y(real dy, real y, real min, real max) noexcept nogil:
    return between(dy, y, min, max)

cdef inline real hard_sigmoid(real x, real slope, real offset) noexcept nogil:
    return clip(fma(slope, x, offset), 0.0, 1.0)

cdef inline real hard_sigmoid_backward(real dy, real x, real slope, real offset) noexcept nogil:
    # s x + o against 0 and s x + (o - 1) against 0: a sum near 1 would be rounded to 1 before it is there
    cdef real rest
    cdef real down = difference(offset, 1.0, &rest)
    cdef real low = fma(slope, x, offset)
    cdef real high = fma(slope, x, down) + rest
    cdef real dead = 0.0 if x == x else x
    cdef real above = dy * slope if low > 0.0 else dead
    return above if high < 0.0 else dead

cdef inline real hard_sigmoid_backward_y(real dy, real y, real slope, real offset) noexcept nogil:
    return between(dy * slope, y, 0.0, 1.0)

cdef inline real hard_swish(real x) noexcept nogil:
    # held min(held + 3, 6)/6: exactly -0 below -3 and x above 3. Between, a sum and a product round by half an ulp and a sixth by a third:
    # together at most 1.88, where the result is just below 1
    cdef real held = at_least(x, -3.0)
    return held * sixth(at_most(held + 3.0, 6.0))

cdef inline real hard_swish_backward(real dy, real x) noexcept nogil:
    # (2x + 3)/6
    cdef real inside = dy * sixth((x + x) + 3.0)
    cdef real above = dy if x >= 3.0 else inside
    return 0.0 if x <= -3.0 else above

cdef inline real sparse_sigmoid(real x) noexcept nogil:
    return clip(fma(0.5, x, 0.5), 0.0, 1.0)

cdef inline real sparse_sigmoid_backward(real dy, real x) noexcept nogil:
    return between(0.5 * dy, x, -1.0, 1.0)

cdef inline real sparse_sigmoid_backward_y(real dy, real y) noexcept nogil:
    return between(0.5 * dy, y, 0.0, 1.0)

cdef inline real sparse_plus(real x) noexcept nogil:
    # ((x + 1)/2)^2 between -1, where it is 0, and 1: the sum's rounding counts twice, at most 1.92 ulp together, where the
    # square is just below a power of two
    cdef real half = fma(0.5, at_least(x, -1.0), 0.5)
    cdef real inside = half * half
    return x if x >= 1.0 else inside

cdef inline real sparse_plus_backward(real dy, real x) noexcept nogil:
    cdef real above = dy if x >= 1.0 else dy * fma(0.5, x, 0.5)
    return 0.0 if x <= -1.0 else above


# ---- shrinking ---------------------------------------------------------------------------------------------------

cdef inline real hard_shrink(real x, real lambd) noexcept nogil:
    cdef real size = abs(x)
    return copysign(0.0 if size <= lambd else size, x)

cdef inline real hard_shrink_backward(real dy, real x, real lambd) noexcept nogil:
    return beyond(dy, abs(x), lambd)

cdef inline real hard_shrink_backward_y(real dy, real y, real lambd) noexcept nogil:
    return beyond(dy, abs(y), 0.0)

cdef inline real soft_shrink(real x, real lambd) noexcept nogil:
    cdef real size = abs(x)
    return copysign(0.0 if size <= lambd else size - lambd, x)

cdef inline real soft_shrink_backward(real dy, real x, real lambd) noexcept nogil:
    return beyond(dy, abs(x), lambd)

cdef inline real soft_shrink_backward_y(real dy, real y, real lambd) noexcept nogil:
    return beyond(dy, abs(y), 0.0)


# ---- quotients and roots -----------------------------------------------------------------------------------------

cdef inline real softsign(real x) noexcept nogil:
    cdef real size = at_most(abs(x), 1.152921504606846976e18)  # where 1 + size is size
    return signed(divide(size, 1.0 + size), x)

cdef inline real softsign_backward(real dy, real x) noexcept nogil:
    # 1/(1 + |x|)^2 = y^2 (1 + 2 rest), y = 1/(1 + |x|) as rounded, rest = (1 - y|x|) - y
    cdef real size = square_gone(abs(x))
    cdef real y = divide(1.0, 1.0 + size)
    cdef real rest = fma(-y, size, 1.0) - y
    cdef real square = y * y
    return dy * fma(square + square, rest, square)

cdef inline real softsign_backward_y(real dy, real y) noexcept nogil:
    # (1 - |y|)^2, with 1 - |y| = d + e exactly
    cdef real size = abs(y)
    cdef real d = 1.0 - size
    cdef real e = (1.0 - d) - size
    return dy * fma(d, d, (d + d) * e)

cdef inline real squareplus(real x, real b) noexcept nogil:
    # max(x, 0) + L, L = (R - a)/2 = (b/2)/(R + a), a = |x|, R = sqrt(a^2 + b). L^2 + a L = b/4, and what is missing there, over
    # R, is what all the roundings left out. R and a are scaled, and for the square a is held where b no longer counts beside it
    # and R is a, so that nothing leaves the range
    cdef real scale = square_scale(b)
    cdef real square = b * scale * scale
    cdef real size = abs(x) * scale
    cdef real near = square_hold(size)
    cdef real root = normal_root(fma(near, near, at_least_normal(square)))
    # ----
    cdef real units = square_scale(b)
    cdef real lift = square_lift(1.0)
    cdef real c = 0.5 * (b * units * units) * lift
    cdef real held = square_hold(size)
    cdef real q = c / ((size if size > root else root) + size)
    cdef real missing = fma(-q, square_lower(q, held), 0.5 * c)
    cdef real rest = 0.0 if size > held else missing
    return fma(fma(rest, weight(root), q), 1.0 / (units * lift), at_least(x, 0.0))

cdef inline real squareplus_backward(real dy, real x, real b) noexcept nogil:
    # (1 + x/R)/2: with v = R^2, q = b/(2 d), d = v + a R, below 0, and 1 - q above; rest is what the roundings of d and q left out
    cdef real scale = square_scale(b)
    cdef real square = b * scale * scale
    cdef real s = square_hold(abs(x) * scale)
    cdef real root = wide_root(fma(s, s, at_least_normal(square)))
    # ---- f8
    cdef real units = square_scale(b)
    cdef real again = b * units * units
    cdef real c = 0.5 * again
    cdef real held = square_hold(abs(x) * units)
    cdef real v = fma(held, held, at_least_normal(again))
    cdef real d = fma(held, root, v)
    cdef real q = c / d
    cdef real rest = fma(-q, fma(held, root, v - d), fma(-q, d, c))
    cdef real below = fma(rest, weight(d), q)
    return dy * (below if x <= 0.0 else 1.0 - below)

cdef inline real bent_identity(real x) noexcept nogil:
    # x + (R - 1)/2, a = |x|, R = sqrt(a^2 + 1). R's rounding error is (1 + a^2 - R^2)/(2R), and where a is held 0. Far out R is a
    cdef real size = at_most_finite(abs(x))
    cdef real held = at_most(size, 1073741824.0)
    cdef real root = wide_root(fma(held, held, 1.0))
    cdef real missing = fma(held, held, fma(-root, root, 1.0))
    cdef real rest = (size if size > root else root) - 1.0
    return fma(0.5, fma(missing, half_weight(root), rest), x)

cdef inline real bent_identity_backward(real dy, real x) noexcept nogil:
    # 1 + x/(2R)
    cdef real held = at_most(at_most_finite(abs(x)), 1073741824.0)  # as above, so that both share the root
    cdef real root = lone_root(fma(held, held, 1.0))
    # ---- f8
    cdef real again = at_most(at_most_finite(abs(x)), 1073741824.0)  # gcc makes a minimum of but one bound of a number
    cdef real share = again / root
    return dy * fma(0.5, signed(share, x), 1.0)
