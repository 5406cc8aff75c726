/* What is done to a number, and to a row once. Included by row.h for each type. */

VM_INLINE REAL NAME(greater)(REAL x, REAL m) { return x > m ? x : m; }

/* M as c + power ln 2, what is left of the maximum, and the exponent that stands for 0 */
VM_INLINE void NAME(scales)(ptrdiff_t n, const REAL *top, REAL *part, REAL *power, REAL *c, REAL *low, REAL *shift)
{
    const REAL big = IS_DOUBLE ? 2048 : 256, up = IS_DOUBLE ? 64 : 32, depth_of_0 = IS_DOUBLE ? 1087 : 159;
    for (ptrdiff_t j = 0; j < n; j++) {
        int small = NAME(abs)(top[j]) < big;
        part[j] = small ? top[j] : 0;
        c[j] = small ? 0 : top[j];
        power[j] = NAME(exponent)(part[j]);
        low[j] = (power[j] - depth_of_0) * (REAL)0.6931471805599453;
        shift[j] = up - power[j];
    }
}

VM_INLINE REAL NAME(exponential)(REAL x, REAL c, REAL low, REAL shift)
{
    REAL z = x - c, w, s = NAME(exp_parts)(z < low ? low : z, (REAL)-0.0, shift, &w);
    return NAME(fma)(s, w, s);
}

/* For n rows: what the row is multiplied by, or what is subtracted from it, as a + b; of logsumexp the result, in top. */
VM_INLINE void NAME(factors)(int op, ptrdiff_t n, REAL *top, const REAL *part, REAL *power, const REAL *gradient, const double *count,
                             const double *hi, const double *lo, REAL *a, REAL *b)
{
    const double unscale = IS_DOUBLE ? 0x1p-64 : 0x1p-32, least = IS_DOUBLE ? 0x1p-958 : 0x1p-94;
    double value[WIDTH], rest[WIDTH];
    if (op == SOFTMAX)
        for (ptrdiff_t j = 0; j < n; j++)
            value[j] = quotient_f8(1.0, hi[j], lo[j], &rest[j]);
    else if (op == LOGSUMEXP_BACKWARD)
        for (ptrdiff_t j = 0; j < n; j++) {
            double r, d = without_exponent_f8((double)gradient[j], least, &r);
            value[j] = quotient_f8(d / unscale, hi[j], lo[j], &rest[j]);
            power[j] = (REAL)(r * unscale);
        }
    else
        for (ptrdiff_t j = 0; j < n; j++)
            value[j] = log_sum_f8((double)top[j], (double)part[j], (double)power[j], count[j] > 1.0 ? count[j] : 1.0,
                                  hi[j] * unscale, lo[j] * unscale, &rest[j]);
    if (op == LOG_SOFTMAX)
        for (ptrdiff_t j = 0; j < n; j++)
            value[j] += (double)(top[j] - top[j]);                 /* NaN where the maximum is infinite */
    for (ptrdiff_t j = 0; j < n; j++) {
        a[j] = (REAL)value[j];
        b[j] = (REAL)((value[j] - (double)a[j]) + rest[j]);
        top[j] = (REAL)(value[j] + rest[j]);
    }
}

VM_INLINE REAL NAME(gradient_of)(REAL e, REAL a, REAL b, REAL power)
{
    REAL t = NAME(fma)(e, a, e * b) * power;
    return e == 0 ? 0 : t;
}

/* n sums as a + b */
VM_INLINE void NAME(split)(ptrdiff_t n, const double *sum, const double *sum_lo, REAL *a, REAL *b)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        double rest = __builtin_fabs(sum_lo[j]) < (double)INFINITY ? sum_lo[j] : 0.0;
        REAL high = (REAL)(sum[j] + rest), low = (REAL)((sum[j] - (double)high) + rest);
        a[j] = high;
        b[j] = NAME(abs)(low) < (REAL)INFINITY ? low : 0;
    }
}

VM_INLINE REAL NAME(softmax_gradient)(REAL dy, REAL y, REAL a, REAL b)
{
    REAL w = y * ((dy - a) - b);
    return y == 0 ? 0 : w;
}

VM_INLINE REAL NAME(log_softmax_gradient)(REAL dy, REAL y, REAL a)
{
    const REAL up = IS_DOUBLE ? 64 : 32, down = IS_DOUBLE ? (REAL)0x1p-64 : (REAL)0x1p-32;
    const REAL least = (IS_DOUBLE ? -1087 : -159) * (REAL)0.6931471805599453;
    REAL w, power = NAME(exp_parts)(NAME(at_most)(NAME(at_least)(y, least), up), (REAL)-0.0, up, &w);
    return NAME(fma)(-NAME(fma)(power, w, power) * down, a, dy);
}

/* eight numbers of each of eight rows, turned: to[8 k + j] is number k of row j, with `step` for 8 */
#if defined(__has_builtin) && __has_builtin(__builtin_shufflevector)
typedef REAL NAME(eight) __attribute__((vector_size(8 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));

VM_INLINE void NAME(turn_eight)(const char *x, ptrdiff_t sx, REAL *to, ptrdiff_t step)
{
    NAME(eight) r[8], t[8];
    for (int j = 0; j < 8; j++)
        r[j] = *(const NAME(eight) *)(x + j * sx);
    for (int j = 0; j < 8; j += 2) {
        t[j] = __builtin_shufflevector(r[j], r[j + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        t[j + 1] = __builtin_shufflevector(r[j], r[j + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int i = 0; i < 4; i++) {
        int j = i < 2 ? i : i + 2;
        r[j] = __builtin_shufflevector(t[j], t[j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        r[j + 2] = __builtin_shufflevector(t[j], t[j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
    for (int j = 0; j < 4; j++) {
        *(NAME(eight) *)(to + j * step) = __builtin_shufflevector(r[j], r[j + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(NAME(eight) *)(to + (j + 4) * step) = __builtin_shufflevector(r[j], r[j + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}
#else
VM_INLINE void NAME(turn_eight)(const char *x, ptrdiff_t sx, REAL *to, ptrdiff_t step)
{
    for (int j = 0; j < 8; j++)
        for (int k = 0; k < 8; k++)
            to[k * step + j] = ((const REAL *)(x + j * sx))[k];
}
#endif
