# Cross-entropy of a logit and a target between 0 and 1: target * softplus(-x) + (1 - target) * softplus(x).
#
# With u, how far the target is from the side that x is on, it is u|x| + log1p(e^-|x|), in which nothing cancels; the
# gradient sigmoid(x) - target is u - sigmoid(-|x|), with x's sign.

cdef inline real target_distance(real x, real target) noexcept nogil:
    cdef real other = 1.0 - target
    return target if x < 0.0 else other

cdef inline real log_loss_of(real x, real u, real t) noexcept nogil:
    # t = e^-|x|, scaled; infinity does not matter where u is 0
    cdef real d
    cdef real c = log1p_parts(t, &d)
    cdef real rest = unscale(fma(-c, d, t))
    cdef real loss = fma(u, abs(x), rest)
    return rest if u == 0.0 else loss

cdef inline real sigmoid_cross_entropy(real logits, real targets) noexcept nogil:
    cdef real s
    cdef real z = scaled_reduced(-abs(logits), -0.0, &s)
    # ----
    cdef real w = expm1_poly(z)
    # ----
    return log_loss_of(logits, target_distance(logits, targets), fma(s, w, s))

cdef inline void sigmoid_cross_entropy_hessian(real x, real target, real dy, real* loss, real* gradient, real* hessian) noexcept nogil:
    # p = sigmoid(-|x|) = t/(1 + t) and the slope p - p*p, as bell()
    cdef real s
    cdef real z = scaled_reduced(-abs(x), -0.0, &s)
    cdef real w = expm1_poly(z)
    cdef real t = fma(s, w, s)
    cdef real p = t + less_share(t, fma(s, w, s - t))
    cdef real u = target_distance(x, target)
    cdef real right = unscale_add(-p, u)
    loss[0] = log_loss_of(x, u, t)
    gradient[0] = dy * (-right if x < 0.0 else right)
    hessian[0] = dy * unscale(fma(-p, unscale(p), p))

cdef inline void sigmoid_cross_entropy_gradient(real x, real target, real dy, real* loss, real* gradient) noexcept nogil:
    cdef real hessian
    sigmoid_cross_entropy_hessian(x, target, dy, loss, gradient, &hessian)
