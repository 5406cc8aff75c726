/* What is done to a number, and to a row once. Included by row.h for each type. */

#if IS_DOUBLE
typedef uint64_t word_f8;
#else
typedef uint32_t word_f4;
#endif

/* a NaN is in one of the two, wherever it was */
VM_INLINE REAL NAME(greater)(REAL x, REAL m) { return x > m ? x : m; }
VM_INLINE REAL NAME(lesser)(REAL x, REAL m) { return x > m ? m : x; }

/* Whether M may be 0: no exponential nor sum is out of range, and what is taken for 0 is far below what counts.
 * Then the exponentials do not need the maximum, and may be computed before it is known. */
VM_INLINE int NAME(near)(REAL top) { return (top >= LOWEST_NEAR) & (top < TOO_HIGH); }

/* n pairs: the greater to p, the lesser to q */
VM_INLINE void NAME(meet)(REAL *p, REAL *q, ptrdiff_t n)
{
    EIGHT_AT_ONCE
    for (ptrdiff_t j = 0; j < n; j++) {
        const REAL v = q[j], least = NAME(lesser)(v, p[j]);
        p[j] = NAME(greater)(v, p[j]);
        q[j] = least;
    }
}

VM_INLINE int NAME(tops_near)(const REAL *top, ptrdiff_t n)
{
    int near = 1;
    for (ptrdiff_t j = 0; j < n; j++)
        near &= NAME(near)(top[j]);
    return near;
}

/* Exponentials are scaled by 2^UP: so much that what is lost at the other end is below the results' last place. In a sum without
 * the maximum anything may be all there is, and its sum with a million of its like may count. */
#define UP(op) (IS_LOG(op) ? (IS_DOUBLE ? 128 : 64) : (IS_DOUBLE ? 64 : 32))
VM_INLINE double NAME(down)(int op) { return from_bits_f8((uint64_t)(1023 - UP(op)) << 52); }

/* M as c + power ln 2, what is left of the maximum, and the exponent that stands for 0. M is 0 if `may_be_0` and possible. */
VM_INLINE void NAME(scales)(int op, int may_be_0, ptrdiff_t n, const REAL *top, REAL *part, REAL *power, REAL *c, REAL *low, REAL *shift)
{
    const REAL big = IS_DOUBLE ? 2048 : 256, up = UP(op), depth_of_0 = up + (IS_DOUBLE ? 1023 : 127);
    EIGHT_AT_ONCE
    for (ptrdiff_t j = 0; j < n; j++) {
        int small = NAME(abs)(top[j]) < big;
        part[j] = small ? top[j] : 0;
        c[j] = small || (IS_LOG(op) && top[j] < 0 && top[j] - top[j] != 0) ? 0 : top[j];      /* a sum of nothing is 0, not NaN */
        power[j] = may_be_0 && NAME(near)(top[j]) ? 0 : NAME(exponent)(part[j]);
        low[j] = (power[j] - depth_of_0) * (REAL)0.6931471805599453;
        shift[j] = up - power[j];
    }
}

VM_INLINE REAL NAME(exponential)(REAL x, REAL c, REAL low, REAL shift)
{
    REAL z = x - c, w, s = NAME(exp_parts)(z < low ? low : z, (REAL)-0.0, shift, &w);
    return NAME(fma)(s, w, s);
}

/* The exponential of a row's maximum, as the others' are, where there is another like it; otherwise 0 */
VM_INLINE REAL NAME(unit_of)(int again, REAL top, REAL c, REAL low, REAL shift) { return again ? NAME(exponential)(top, c, low, shift) : 0; }

VM_INLINE double NAME(log_of_sum)(double m, double part, double n, double k, double s, double s_lo, double unit, double *lo)
{
    return IS_DOUBLE ? log_sum_f8(m, part, n, k, s, s_lo, unit, lo) : near_log_sum_f8(m, part, n, k, s, unit, lo);
}

/* For n rows: what the row is multiplied by, or what is subtracted from it, as a + b; of logsumexp the result, in top. */
VM_INLINE void NAME(factors)(int op, ptrdiff_t n, REAL *top, const REAL *part, REAL *power, const REAL *gradient, const REAL *unit,
                             const double *hi, const double *lo, REAL *a, REAL *b)
{
    const double unscale = NAME(down)(op), least = IS_DOUBLE ? 0x1p-958 : 0x1p-94;
    double value[SIDE], rest[SIDE];
    if (op == SOFTMAX)
        EIGHT_AT_ONCE
        for (ptrdiff_t j = 0; j < n; j++)
            if (IS_DOUBLE)
                value[j] = inverse_f8(hi[j], lo[j], &rest[j]);
            else
                value[j] = near_inverse_f8(hi[j]), rest[j] = 0.0;
    else if (op == LOGSUMEXP_BACKWARD)
        EIGHT_AT_ONCE
        for (ptrdiff_t j = 0; j < n; j++) {
            double r, d = without_exponent_f8((double)gradient[j], least, &r);
            if (IS_DOUBLE)
                value[j] = quotient_f8(d / unscale, hi[j], lo[j], &rest[j]);
            else
                value[j] = d / unscale * near_inverse_f8(hi[j]), rest[j] = 0.0;
            r = IS_DOUBLE || r < 0x1p127 ? r : 0x1p127;
            power[j] = (REAL)(r * unscale + (hi[j] - hi[j]));      /* finite, or NaN for a row with a NaN */
        }
    else
        EIGHT_AT_ONCE
        for (ptrdiff_t j = 0; j < n; j++)
            value[j] = NAME(log_of_sum)((double)top[j], (double)part[j], (double)power[j], 1.0, hi[j] * unscale, lo[j] * unscale,
                                        (double)unit[j] * unscale, &rest[j]);
    if (op == LOG_SOFTMAX)
        EIGHT_AT_ONCE
        for (ptrdiff_t j = 0; j < n; j++)
            value[j] += (double)(top[j] - top[j]);                 /* NaN where the maximum is infinite */
    EIGHT_AT_ONCE
    for (ptrdiff_t j = 0; j < n; j++) {
        a[j] = (REAL)value[j];
        b[j] = (REAL)((value[j] - (double)a[j]) + rest[j]);
        top[j] = (REAL)(value[j] + rest[j]);
    }
}

VM_INLINE REAL NAME(gradient_of)(REAL e, REAL a, REAL b, REAL power)
{
    REAL t = NAME(fma)(e, a, e * b) * power;
    return e == 0 ? power * 0 : t;
}

/* Whether no dy - a of a finite dy overflows: then nothing needs to be selected where y is 0 */
VM_INLINE int NAME(all_small)(ptrdiff_t n, const REAL *a)
{
    const REAL limit = IS_DOUBLE ? (REAL)0x1p970 : (REAL)0x1p103;       /* half the last place of the largest number */
    int small = 1;
    for (ptrdiff_t j = 0; j < n; j++)
        small &= NAME(abs)(a[j]) < limit;
    return small;
}

VM_INLINE REAL NAME(result)(int op, REAL v, REAL a, REAL b, REAL power)
{
    return op == SOFTMAX ? NAME(fma)(v, a, v * b) : op == LOG_SOFTMAX ? (v - a) - b : NAME(gradient_of)(v, a, b, power);
}

/* ---- rows with numbers far below the maximum ----
 *
 * Products and sums that are subnormal, and products with such factors, take Intel's processors 150 cycles: where softmax's
 * results are subnormal, ten times as long as usual. There they are computed 2^LIFT times as large. What is below EDGE, the
 * least normal number so lifted, is rounded as a subnormal is: by adding EDGE. The sum's bits, less EDGE's, are the result's.
 * Numbers are looked through for such from when a few results were tiny until many rows had none: sharp rows come together. */

#define LIFT (IS_DOUBLE ? (REAL)0x1p256 : (REAL)0x1p96)
#define EDGE (IS_DOUBLE ? (REAL)0x1p-766 : (REAL)0x1p-30)
#define TINY (IS_DOUBLE ? (REAL)0x1p-967 : (REAL)0x1p-100)         /* the correction of less is subnormal */

/* result() of softmax, with a and b lifted */
VM_INLINE REAL NAME(lifted_result)(REAL v, REAL a, REAL b)
{
    const REAL edge = EDGE, c = NAME(copysign)(edge, b), p = v * b, low = NAME(fma)(v, b, c) - c, q = NAME(abs)(p) < edge ? low : p;
    const REAL t = NAME(fma)(v, a, q), r = NAME(fma)(v, a, q + edge);
    const NAME(word) other = t == t ? NAME(bits)(t) - NAME(bits)(edge / 2) : NAME(bits)(t);
    return NAME(from_bits)(t < edge ? NAME(bits)(r) - NAME(bits)(edge) : other);
}

#if HAS_PLACES
static int NAME(sharp_left);                       /* so many pieces of rows are looked through; any thread's number is as good */
VM_INLINE int NAME(sharp)(void) { return __builtin_expect(__atomic_load_n(&NAME(sharp_left), __ATOMIC_RELAXED) != 0, 0); }
VM_INLINE void NAME(note)(int found)
{
    const int left = __atomic_load_n(&NAME(sharp_left), __ATOMIC_RELAXED), next = found ? 64 : left > 0 ? left - 1 : 0;
    if (next != left)
        __atomic_store_n(&NAME(sharp_left), next, __ATOMIC_RELAXED);
}

#if IS_DOUBLE
#define Y(operation) _mm256_##operation##_pd
typedef __m256d half_vector_f8;
#else
#define Y(operation) _mm256_##operation##_ps
typedef __m256 half_vector_f4;
#endif
enum { NAME(HALF_PLACES) = 32 / sizeof(REAL), NAME(BLOCK_SHARP) = 4 * NAME(HALF_PLACES) };

/* whether some of k times HALF_PLACES numbers are below `limit`, of each number one if `each`, and not 0 */
VM_INLINE int NAME(some_below)(int k, int each, const REAL *v, const REAL *limit)
{
    NAME(half_vector) x[4], l[4], some;
    for (int i = 0; i < k; i++) {
        x[i] = Y(loadu)(v + i * NAME(HALF_PLACES));
        l[i] = each ? Y(loadu)(limit + i * NAME(HALF_PLACES)) : Y(set1)(*limit);
    }
    if (!each && k == 4 && Y(movemask)(Y(cmp)(Y(min)(Y(min)(x[0], x[1]), Y(min)(x[2], x[3])), *l, _CMP_LT_OQ)) == 0)
        return 0;
    some = Y(and)(Y(cmp)(x[0], l[0], _CMP_LT_OQ), Y(cmp)(x[0], Y(setzero)(), _CMP_GT_OQ));
    for (int i = 1; i < k; i++)
        some = Y(or)(some, Y(and)(Y(cmp)(x[i], l[i], _CMP_LT_OQ), Y(cmp)(x[i], Y(setzero)(), _CMP_GT_OQ)));
    return Y(movemask)(some) != 0;
}
#undef Y

/* Exponentials below it may lead to subnormals; NaN where the results are. If b is tiny by chance, that counts up to a point. */
VM_INLINE REAL NAME(limit_of)(REAL a, REAL b)
{
    const REAL size = NAME(abs)(b), least = a * (IS_DOUBLE ? (REAL)0x1p-100 : (REAL)0x1p-48);
    return (IS_DOUBLE ? (REAL)0x1p-1021 : (REAL)0x1p-125) / (size < least ? least : size);
}

/* Results of n numbers, whole blocks */
VM_INLINE int NAME(careful_blocks)(const REAL *v, REAL *y, ptrdiff_t n, REAL a, REAL b)
{
    const REAL up = a * LIFT, up_lo = b * LIFT, limit = NAME(limit_of)(a, b);
    int found = 0;
    for (ptrdiff_t i = 0; i < n; i += NAME(BLOCK_SHARP))
        if (NAME(some_below)(4, 0, v + i, &limit)) {
            found = 1;
            INDEPENDENT NOT_UNROLLED
            for (ptrdiff_t j = i; j < i + NAME(BLOCK_SHARP); j++)
                y[j] = NAME(lifted_result)(v[j], up, up_lo);
        } else {
            INDEPENDENT NOT_UNROLLED
            for (ptrdiff_t j = i; j < i + NAME(BLOCK_SHARP); j++)
                y[j] = NAME(fma)(v[j], a, v[j] * b);
        }
    return found;
}
/* and of any */
static __attribute__((noinline)) void NAME(careful_row)(const REAL *v, REAL *y, ptrdiff_t n, REAL a, REAL b)
{
    const ptrdiff_t many = NAME(BLOCK_SHARP), whole = n - n % many;
    REAL last[NAME(BLOCK_SHARP)];
    for (ptrdiff_t j = 0; j < many; j++)
        last[j] = whole + j < n ? v[whole + j] : 0;
    int found = NAME(careful_blocks)(v, y, whole, a, b);
    if (whole < n) {
        found |= NAME(careful_blocks)(last, last, many, a, b);
        memcpy(y + whole, last, (n - whole) * sizeof(REAL));
    }
    NAME(note)(found);
}
/* the same of lines, of a row each, a multiple of 8 */
static __attribute__((noinline)) void NAME(careful_lines)(const REAL *v, ptrdiff_t step, REAL *y, ptrdiff_t step_y, ptrdiff_t depth,
                                                          ptrdiff_t w, const REAL *a, const REAL *b)
{
    REAL limit[SIDE];
    int found = 0;
    EIGHT_AT_ONCE
    for (ptrdiff_t j = 0; j < w; j++)
        limit[j] = NAME(limit_of)(a[j], b[j]);
    for (ptrdiff_t k = 0; k < depth; k++, v += step, y += step_y)
        for (ptrdiff_t i = 0; i < w; i += 8)
            if (NAME(some_below)(8 / NAME(HALF_PLACES), 1, v + i, limit + i)) {
                found = 1;
                EIGHT_AT_ONCE
                for (ptrdiff_t j = i; j < i + 8; j++)
                    y[j] = NAME(lifted_result)(v[j], a[j] * LIFT, b[j] * LIFT);
            } else {
                EIGHT_AT_ONCE
                for (ptrdiff_t j = i; j < i + 8; j++)
                    y[j] = NAME(fma)(v[j], a[j], v[j] * b[j]);
            }
    NAME(note)(found);
}

/* ---- and their gradients ---- */

#define SLOPE_LIFT (IS_DOUBLE ? LIFT : (REAL)0x1p64)               /* exponentials are scaled, and a is not */
#define SLOPE_EDGE (IS_DOUBLE ? EDGE : (REAL)0x1p-62)
/* gradient_of() of moderate powers, a and b lifted; where its first product is subnormal, too */
VM_INLINE REAL NAME(lifted_slope)(REAL v, REAL a, REAL b, REAL power)
{
    const REAL edge = SLOPE_EDGE, size = NAME(abs)(a), rest = NAME(flipped)(b, NAME(copysign)((REAL)0.0, a));
    const REAL c = NAME(copysign)(edge, rest);
    const REAL p = v * rest, low = NAME(fma)(v, rest, c) - c, q = NAME(abs)(p) < edge ? low : p;
    const REAL t = NAME(fma)(v, size, q), r = NAME(fma)(v, size, q + edge) - edge, z = (t < edge ? r : t) * power, sum = z + edge;
    const NAME(word) value = z < edge ? NAME(bits)(sum) - NAME(bits)(edge) : NAME(bits)(z) - NAME(bits)(edge / 2);
    return v == 0 ? 0 : NAME(from_bits)(value | NAME(bits)(NAME(copysign)((REAL)0.0, a)));
}

/* lines, a multiple of 8 of rows; or, if not `each`, of numbers of one row */
static __attribute__((noinline)) void NAME(careful_slopes)(const REAL *v, ptrdiff_t step, REAL *y, ptrdiff_t step_y,
                                                           ptrdiff_t depth, ptrdiff_t w, int each,
                                                           const REAL *a, const REAL *b, const REAL *power)
{
    int found = 0;
    for (ptrdiff_t i = 0; i < w; i += 8) {
        REAL limit[8], A[8], B[8], P[8];
        int moderate = 1;
        EIGHT_AT_ONCE
        for (ptrdiff_t j = 0; j < 8; j++) {
            const ptrdiff_t row = each ? i + j : 0;
            A[j] = a[row], B[j] = b[row], P[j] = power[row];
            const REAL size = NAME(abs)(A[j]), m = NAME(limit_of)(size, B[j]);
            const REAL l = (IS_DOUBLE ? (REAL)0x1p-1021 : (REAL)0x1p-125) / P[j] / size;
            limit[j] = m > l ? m : l;
            moderate &= (P[j] > (REAL)0x1p-70) & (P[j] < (REAL)0x1p28) & (A[j] == A[j]);
        }
        for (ptrdiff_t k = 0; k < depth; k++) {
            const REAL *from = v + k * step + i;
            REAL *to = y + k * step_y + i;
            if (moderate && NAME(some_below)(8 / NAME(HALF_PLACES), 1, from, limit)) {
                found = 1;
                EIGHT_AT_ONCE
                for (ptrdiff_t j = 0; j < 8; j++)
                    to[j] = NAME(lifted_slope)(from[j], A[j] * SLOPE_LIFT, B[j] * SLOPE_LIFT, P[j]);
            } else {
                EIGHT_AT_ONCE
                for (ptrdiff_t j = 0; j < 8; j++)
                    to[j] = NAME(gradient_of)(from[j], A[j], B[j], P[j]);
            }
        }
    }
    NAME(note)(found);
}
/* n numbers of a row */
static __attribute__((noinline)) void NAME(careful_slope_row)(const REAL *v, REAL *y, ptrdiff_t n, REAL a, REAL b, REAL power)
{
    const ptrdiff_t whole = n - n % 8;
    REAL last[8];
    for (ptrdiff_t j = 0; j < 8; j++)
        last[j] = whole + j < n ? v[whole + j] : 0;
    NAME(careful_slopes)(v, 8, y, 8, whole / 8, 8, 0, &a, &b, &power);
    if (whole < n) {
        NAME(careful_slopes)(last, 8, last, 8, 1, 8, 0, &a, &b, &power);
        memcpy(y + whole, last, (n - whole) * sizeof(REAL));
    }
}

/* some number below n, for every place another one */
VM_INLINE ptrdiff_t NAME(pick)(uintptr_t place, ptrdiff_t n)
{
    return (ptrdiff_t)(((uint64_t)((uint32_t)(place >> 5) * 0x9E3779B1u) * (uint64_t)n) >> 32);
}
/* whether some of eight results are tiny */
VM_INLINE void NAME(look)(const REAL *y)
{
    const REAL tiny = TINY;
    if (__builtin_expect(NAME(some_below)(8 / NAME(HALF_PLACES), 0, y, &tiny), 0))
        NAME(note)(1);
}
#else
VM_INLINE int NAME(sharp)(void) { return 0; }
VM_INLINE void NAME(careful_row)(const REAL *v, REAL *y, ptrdiff_t n, REAL a, REAL b) {}
VM_INLINE void NAME(careful_lines)(const REAL *v, ptrdiff_t step, REAL *y, ptrdiff_t step_y, ptrdiff_t depth,
                                   ptrdiff_t w, const REAL *a, const REAL *b) {}
VM_INLINE void NAME(careful_slopes)(const REAL *v, ptrdiff_t step, REAL *y, ptrdiff_t step_y, ptrdiff_t depth,
                                    ptrdiff_t w, int each, const REAL *a, const REAL *b, const REAL *power) {}
VM_INLINE void NAME(careful_slope_row)(const REAL *v, REAL *y, ptrdiff_t n, REAL a, REAL b, REAL power) {}
VM_INLINE ptrdiff_t NAME(pick)(uintptr_t place, ptrdiff_t n) { return 0; }
VM_INLINE void NAME(look)(const REAL *y) {}
#endif

/* sums of products, rounded */
VM_INLINE void NAME(round_sums)(ptrdiff_t n, const double *sum, const double *sum_lo, REAL *a)
{
    for (ptrdiff_t j = 0; j < n; j++)
        a[j] = (REAL)(sum[j] + (IS_DOUBLE ? sum_lo[j] : 0.0));
}

VM_INLINE REAL NAME(log_softmax_gradient)(REAL dy, REAL y, REAL a)
{
    const REAL up = IS_DOUBLE ? 64 : 32, down = IS_DOUBLE ? (REAL)-0x1p-64 : (REAL)-0x1p-32;    /* of a negated fma gcc loses a zero's sign */
    const REAL least = (IS_DOUBLE ? -1087 : -159) * (REAL)0.6931471805599453;
    REAL w, power = NAME(exp_parts)(NAME(at_most)(NAME(at_least)(y, least), up), (REAL)-0.0, up, &w);
    return NAME(fma)(NAME(fma)(power, w, power) * down, a, dy);
}

/* Where y is 0 and the sum finite, so is dy; all_small says whether dy - a is. 0, not -0, in both cases. */
VM_INLINE REAL NAME(gradient)(int op, int select, REAL dy, REAL y, REAL a)
{
    REAL w = op == SOFTMAX ? NAME(fma)(y, dy - a, 0) : NAME(log_softmax_gradient)(dy, y, a);
    return select && y == 0 ? 0 : w;
}

#if HAS_PLACES && !IS_DOUBLE                       /* doubles' sums take as long as their products */
/* gradient() of softmax, both y and the product lifted, for |y| up to 1 and moderate d */
VM_INLINE float lifted_product_f4(float y, float d)
{
    const float edge = EDGE, whole = 0x1p23f;
    const uint32_t sign = bits_f4(-0.0f), size = bits_f4(y) & ~sign;
    const float tiny = (from_bits_f4(size | bits_f4(whole)) - whole) * 0x1p-53f;                 /* of a subnormal y */
    const float v = copysign_f4(size < bits_f4(0x1p-126f) ? tiny : from_bits_f4(size + bits_f4(edge / 2)), y);
    const float z = fma_f4(v, d, 0), r = fma_f4(v, d, copysign_f4(edge, z));
    const uint32_t below = ((bits_f4(r) & ~sign) - bits_f4(edge)) | (bits_f4(z) & sign);
    return from_bits_f4(abs_f4(z) < edge ? below : bits_f4(z) - bits_f4(edge / 2));
}

/* gradients of n numbers, whole blocks */
VM_INLINE int careful_products_f4(const float *dy, const float *y, float *out, ptrdiff_t n, float a)
{
    const float tiny = TINY;
    int found = 0;
    for (ptrdiff_t i = 0; i < n; i += BLOCK_SHARP_f4) {
        int lifts = some_below_f4(4, 0, y + i, &tiny);
        found |= lifts;
        if (lifts)
            NOT_UNROLLED
            for (ptrdiff_t j = i; j < i + BLOCK_SHARP_f4; j++)
                lifts &= (abs_f4(y[j]) <= 1) & (abs_f4(dy[j] - a) < 0x1p30f);
        if (lifts)
            INDEPENDENT NOT_UNROLLED
            for (ptrdiff_t j = i; j < i + BLOCK_SHARP_f4; j++)
                out[j] = lifted_product_f4(y[j], dy[j] - a);
        else
            INDEPENDENT NOT_UNROLLED
            for (ptrdiff_t j = i; j < i + BLOCK_SHARP_f4; j++)
                out[j] = gradient_f4(SOFTMAX, 1, dy[j], y[j], a);
    }
    return found;
}
/* and of any */
static __attribute__((noinline)) void careful_gradient_f4(const float *dy, const float *y, float *out, ptrdiff_t n, float a)
{
    const ptrdiff_t many = BLOCK_SHARP_f4, whole = n - n % many;
    float last[BLOCK_SHARP_f4], last_dy[BLOCK_SHARP_f4];
    for (ptrdiff_t j = 0; j < many; j++) {
        last[j] = whole + j < n ? y[whole + j] : 0;
        last_dy[j] = whole + j < n ? dy[whole + j] : 0;
    }
    int found = careful_products_f4(dy, y, out, whole, a);
    if (whole < n) {
        found |= careful_products_f4(last_dy, last, last, many, a);
        memcpy(out + whole, last, (n - whole) * sizeof(float));
    }
    note_f4(found);
}
#endif

/* ---- sums ----
 *
 * In a stretch of 256 numbers, which are eight segments of 32, neighbouring segments are added in pairs, and the pairs
 * from left to right, in the row's own type. All else is done in double: these 32 sums are added by halves to eight, the
 * stretches from left to right, and in the end the eight lanes, by halves. Double is not enough for rows of doubles:
 * those sums keep their rounding errors in a second double. The products of a gradient are
 * added from left to right in 16 lanes, in double. A float's is exact there, a double's keeps its error, too.
 */

/* a + b, the rounding error to *lo along with b's */
VM_INLINE double NAME(add_sums)(double a, double b, double *lo, const double *b_lo)
{
    double s = a + b;
    if (IS_DOUBLE)
        *lo = (*lo + *b_lo) + sum_error_f8(a, b, s);
    return s;
}

/* four times eight sums, `step` apart, to those of eight lanes */
VM_INLINE void NAME(add_lanes)(const REAL *e, ptrdiff_t step, double *hi, double *lo)
{
#if IS_DOUBLE
    EIGHT_AT_ONCE
    for (ptrdiff_t j = 0; j < 8; j++) {
        double a = e[j] + e[2 * step + j], b = e[step + j] + e[3 * step + j], v = a + b, s = hi[j] + v;
        lo[j] += (sum_error_f8(e[j], e[2 * step + j], a) + sum_error_f8(e[step + j], e[3 * step + j], b)) + (sum_error_f8(a, b, v) + sum_error_f8(hi[j], v, s));
        hi[j] = s;
    }
#else
    for (ptrdiff_t j = 0; j < 8; j += DOUBLES)
        *(unaligned_doubles *)(hi + j) += (widened(e + j) + widened(e + 2 * step + j)) + (widened(e + step + j) + widened(e + 3 * step + j));
#endif
}

#if IS_DOUBLE
VM_INLINE doubles NAME(plus_numbers)(int op, int select, int first, doubles d, doubles v, doubles sum, doubles *lo)
{
    if (select)
        d = (doubles)((integers)d & (v != 0));
    doubles p = d;
    if (op == SOFTMAX)
        p = d * v;
    const doubles s = sum + p, t = s - sum;
    doubles error = first ? p - s : (sum - (s - t)) + (p - t);
    if (op == SOFTMAX)
        error += product_error(d, v, p);
    *lo += error;
    return s;
}
VM_INLINE doubles NAME(plus_product)(int op, int select, int first, const REAL *dy, const REAL *y, doubles sum, doubles *lo)
{
    doubles d = *(const unaligned_doubles *)dy, v = d;
    if (op == SOFTMAX)
        v = *(const unaligned_doubles *)y;
    return NAME(plus_numbers)(op, select, first, d, v, sum, lo);
}
#else
VM_INLINE doubles NAME(plus_numbers)(int op, int select, int first, doubles d, doubles v, doubles sum, doubles *lo)
{
    if (op != SOFTMAX)
        return sum + d;
    return add_product(select ? (doubles)((integers)d & (v != 0)) : d, v, sum);
}
VM_INLINE doubles NAME(plus_product)(int op, int select, int first, const REAL *dy, const REAL *y, doubles sum, doubles *lo)
{
    doubles d = widened(dy), v = d;
    if (op == SOFTMAX)
        v = widened(y);
    return NAME(plus_numbers)(op, select, first, d, v, sum, lo);
}
#endif

/* Products dy y, or dy alone, of n lanes, a multiple of eight, to their sums; `segments` of them, `step` apart. Where y is 0, dy
 * counts as 0 if `select`, be it infinite or NaN. The `first` are added to 0. */
VM_INLINE void NAME(add_products)(int op, int select, int first, const REAL *dy, ptrdiff_t step_dy, const REAL *y, ptrdiff_t step_y, ptrdiff_t segments, ptrdiff_t n,
                                  double *hi, double *lo)
{
    for (ptrdiff_t j = 0; j < n; j += DOUBLES) {
        doubles sum = {0}, lost = {0};
        if (!first)
            sum = *(const unaligned_doubles *)(hi + j);
        if (!first && IS_DOUBLE)
            lost = *(const unaligned_doubles *)(lo + j);
        for (ptrdiff_t k = 0; k < segments; k++)
            sum = NAME(plus_product)(op, select, first && k == 0, dy + k * step_dy + j, y + k * step_y + j, sum, &lost);
        *(unaligned_doubles *)(hi + j) = sum;
        if (IS_DOUBLE)
            *(unaligned_doubles *)(lo + j) = lost;
    }
}

/* n lanes, and n others, to n */
VM_INLINE void NAME(fold)(double *hi, double *lo, ptrdiff_t others, ptrdiff_t n)
{
    EIGHT_AT_ONCE
    for (ptrdiff_t j = 0; j < n; j++)
        hi[j] = NAME(add_sums)(hi[j], hi[j + others], lo + j, lo + j + others);
}

/* eight lanes, `stride` apart, to one */
VM_INLINE void NAME(fold_across)(double *hi, double *lo, ptrdiff_t stride, ptrdiff_t w)
{
    static const signed char order[7][2] = {{0, 4}, {1, 5}, {2, 6}, {3, 7}, {0, 1}, {2, 3}, {0, 2}};
    for (int k = 0; k < 7; k++)
        NAME(fold)(hi + order[k][0] * stride, lo + order[k][0] * stride, (order[k][1] - order[k][0]) * stride, w);
}

enum { NAME(STRIP) = IS_DOUBLE ? SIDE : 256 };     /* rows across memory taken together */
enum { NAME(BROAD) = IS_DOUBLE ? 480 : 256 };      /* the same of gradients: doubles of longer pieces come faster */

#if HAS_PLACES
/* a vector of numbers, one at each place, and which of the places are meant */
#if defined(__AVX512F__) && IS_DOUBLE
enum { NAME(PLACES) = 8 };
typedef __m512d NAME(vector);
typedef __mmask8 NAME(places);
#define V(operation) _mm512_##operation##_pd
#define V_IS(a, b, how) _mm512_cmp_pd_mask(a, b, how)
#define V_SHIFTED(j) _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(j), 52))
#elif defined(__AVX512F__)
enum { NAME(PLACES) = 16 };
typedef __m512 NAME(vector);
typedef __mmask16 NAME(places);
#define V(operation) _mm512_##operation##_ps
#define V_IS(a, b, how) _mm512_cmp_ps_mask(a, b, how)
#define V_SHIFTED(j) _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(j), 23))
#else
/* AVX2, with the names of AVX-512: places are all ones or zeros, of which a vector's first bits of each count */
enum { NAME(PLACES) = 32 / sizeof(REAL) };
typedef __m256i NAME(places);
#define V(operation) NAME(v_##operation)
#if IS_DOUBLE
typedef __m256d NAME(vector);
#define V_OF(operation) _mm256_##operation##_pd
#define V_IS(a, b, how) _mm256_castpd_si256(_mm256_cmp_pd(a, b, how))
#define V_SHIFTED(j) _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(j), 52))
#define V_FROM(places) _mm256_castsi256_pd(places)
#else
typedef __m256 NAME(vector);
#define V_OF(operation) _mm256_##operation##_ps
#define V_IS(a, b, how) _mm256_castps_si256(_mm256_cmp_ps(a, b, how))
#define V_SHIFTED(j) _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(j), 23))
#define V_FROM(places) _mm256_castsi256_ps(places)
#endif
VM_INLINE NAME(vector) V(setzero)(void) { return V_OF(setzero)(); }
VM_INLINE NAME(vector) V(set1)(REAL a) { return V_OF(set1)(a); }
VM_INLINE NAME(vector) V(add)(NAME(vector) a, NAME(vector) b) { return V_OF(add)(a, b); }
VM_INLINE NAME(vector) V(sub)(NAME(vector) a, NAME(vector) b) { return V_OF(sub)(a, b); }
VM_INLINE NAME(vector) V(mul)(NAME(vector) a, NAME(vector) b) { return V_OF(mul)(a, b); }
VM_INLINE NAME(vector) V(max)(NAME(vector) a, NAME(vector) b) { return V_OF(max)(a, b); }
VM_INLINE NAME(vector) V(min)(NAME(vector) a, NAME(vector) b) { return V_OF(min)(a, b); }
VM_INLINE NAME(vector) V(fmadd)(NAME(vector) a, NAME(vector) b, NAME(vector) c) { return V_OF(fmadd)(a, b, c); }
VM_INLINE NAME(vector) V(loadu)(const void *p) { return V_OF(loadu)((const REAL *)p); }
VM_INLINE void V(storeu)(void *p, NAME(vector) v) { V_OF(storeu)((REAL *)p, v); }
VM_INLINE NAME(vector) V(mask_mov)(NAME(vector) other, NAME(places) m, NAME(vector) v) { return V_OF(blendv)(other, v, V_FROM(m)); }
VM_INLINE NAME(vector) V(maskz_mov)(NAME(places) m, NAME(vector) v) { return V_OF(and)(V_FROM(m), v); }
VM_INLINE NAME(vector) V(maskz_fmadd)(NAME(places) m, NAME(vector) a, NAME(vector) b, NAME(vector) c) { return V(maskz_mov)(m, V(fmadd)(a, b, c)); }
VM_INLINE NAME(vector) V(mask_add)(NAME(vector) other, NAME(places) m, NAME(vector) a, NAME(vector) b) { return V(mask_mov)(other, m, V(add)(a, b)); }
VM_INLINE NAME(vector) V(mask_mul)(NAME(vector) other, NAME(places) m, NAME(vector) a, NAME(vector) b) { return V(mask_mov)(other, m, V(mul)(a, b)); }
VM_INLINE NAME(vector) V(maskz_loadu)(NAME(places) m, const void *p) { return V_OF(maskload)((const REAL *)p, m); }
VM_INLINE NAME(vector) V(mask_loadu)(NAME(vector) other, NAME(places) m, const void *p) { return V(mask_mov)(other, m, V(maskz_loadu)(m, p)); }
VM_INLINE void V(mask_storeu)(void *p, NAME(places) m, NAME(vector) v) { V_OF(maskstore)((REAL *)p, m, v); }
#undef V_OF
#undef V_FROM
#endif

/* the first n of a vector's places, of all if there are more */
VM_INLINE NAME(places) NAME(first_places)(ptrdiff_t n)
{
#if defined(__AVX512F__)
    return (NAME(places))(n >= NAME(PLACES) ? -1 : n <= 0 ? 0 : (1 << n) - 1);
#elif IS_DOUBLE
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
#else
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < 8 ? (int)n : 8), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
#endif
}
#endif

/* ---- lines ---- */

/* `count` lines of n numbers that lie together, `pad` for what is masked; next: 1, or 0 where a line is masked as a whole.
 * The lines may be the same. */
#if defined(__AVX512BW__)
ONE_COPY void NAME(let_through)(const char *x, ptrdiff_t sx, const char *mask, ptrdiff_t sm, ptrdiff_t next, ptrdiff_t count,
                                ptrdiff_t n, REAL pad, REAL *to, ptrdiff_t step)
{
    const NAME(vector) pads = V(set1)(pad);
    for (; n == 8 && next != 0 && count > 0; count--, x += sx, mask += sm, to += step) {       /* eight rows across memory */
        const __m128i bytes = _mm_loadl_epi64((const __m128i *)mask);
        const __mmask8 open = (__mmask8)_mm_test_epi8_mask(bytes, bytes);
#if IS_DOUBLE
        _mm512_storeu_pd(to, _mm512_mask_loadu_pd(pads, open, (const double *)x));
#else
        _mm256_storeu_ps(to, _mm256_mask_loadu_ps(_mm512_castps512_ps256(pads), open, (const float *)x));
#endif
    }
    for (ptrdiff_t k = 0; n > 0 && k < count; k++, x += sx, mask += sm, to += step) {              /* of no numbers there is no mask */
        __m512i bytes = _mm512_set1_epi8(*mask);
        for (ptrdiff_t i = 0; i < n; i += 64) {
            const ptrdiff_t rest = n - i;
            if (next != 0)
                bytes = rest >= 64 ? _mm512_loadu_si512(mask + i) : _mm512_maskz_loadu_epi8(((uint64_t)1 << rest) - 1, mask + i);
            const uint64_t open = _mm512_test_epi8_mask(bytes, bytes);
            const REAL *v = (const REAL *)x + i;
            if (rest >= 64)
                for (int j = 0; j < 64; j += NAME(PLACES))
                    V(storeu)(to + i + j, V(mask_loadu)(pads, (NAME(places))(open >> j), v + j));
            else
                for (int j = 0; j < rest; j += NAME(PLACES)) {
                    const NAME(places) there = NAME(first_places)(rest - j);
                    const NAME(vector) w = V(mask_loadu)(pads, there & (NAME(places))(open >> j), v + j);
                    if (rest - j >= NAME(PLACES))                  /* what a mask stores is not had before it is in the cache */
                        V(storeu)(to + i + j, w);
                    else
                        V(mask_storeu)(to + i + j, there, w);
                }
        }
    }
}
#else
/* The last numbers of a line may be taken twice, so that no loop has an end of another kind. */
ONE_COPY void NAME(let_through)(const char *x, ptrdiff_t sx, const char *mask, ptrdiff_t sm, ptrdiff_t next, ptrdiff_t count,
                                ptrdiff_t n, REAL pad, REAL *to, ptrdiff_t step)
{
#define EACH_PIECE(width)                                                          \
    for (ptrdiff_t i = 0, at; i < n; i += width) {                                 \
        at = i + width <= n ? i : n - width;                                       \
        const REAL *v = (const REAL *)x + at;                                      \
        const char *m = open + at * next;                                          \
        REAL *y = to + at;                                                         \
        EIGHT_AT_ONCE                                                              \
        for (ptrdiff_t j = 0; j < width; j++) {                                    \
            const REAL number = v[j];                                              \
            y[j] = m[j] ? number : pad;                                            \
        }                                                                          \
    }
    static const char uniform[2][WIDTH] = {{0}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};
    for (ptrdiff_t k = 0; k < count; k++, x += sx, mask += sm, to += step) {
        const char *open = next == 0 ? uniform[*mask != 0] : mask;
        if (n >= WIDTH)
            EACH_PIECE(WIDTH)
        else if (n >= 8)
            EACH_PIECE(8)
        else
            NOT_UNROLLED
            for (ptrdiff_t i = 0; i < n; i++)
                to[i] = open[i * next] ? ((const REAL *)x)[i] : pad;
    }
#undef EACH_PIECE
}
#endif

/* whether let_through() takes these lines as they are */
VM_INLINE int NAME(lets_through)(const lines *a) { return a->ready && a->mask != NULL && (a->mask_next == 1 || a->mask_next == 0); }

/* n numbers of line k, from number i on; `pad` for what is masked. A block at a time, which stays in the cache. */
ONE_COPY const REAL *NAME(gather)(const lines *a, ptrdiff_t k, ptrdiff_t i, ptrdiff_t n, REAL pad, REAL *to)
{
    const char *p = a->p + k * a->line + i * a->next, *mask = a->mask == NULL ? NULL : a->mask + k * a->mask_line + i * a->mask_next;
    const int together = is_wide(a->storage) && a->next == sizeof(REAL);
    if (NAME(lets_through)(a)) {
        NAME(let_through)(p, 0, mask, 0, a->mask_next, 1, n, pad, to, 0);
        return to;
    }
    for (ptrdiff_t j = 0; j < n; j += BLOCK) {
        const ptrdiff_t some = n - j < BLOCK ? n - j : BLOCK;
        REAL *block = to + j;
        if (together)
            memmove(block, p + j * a->next, some * sizeof(REAL));              /* they may be the same */
        else
            load_block(a->storage, block, p + j * a->next, a->next, some);
        const char *m = mask == NULL ? NULL : mask + j * a->mask_next;
        char open[BLOCK];
        if (mask != NULL && a->mask_next != 1) {
            for (ptrdiff_t l = 0; l < some; l++)
                open[l] = m[l * a->mask_next];
            m = open;
        }
        if (mask != NULL)
            NAME(let_through)((const char *)block, 0, m, 0, 1, 1, some, pad, block, 0);
    }
    return to;
}

/* the same, where they are or else in `to` */
VM_INLINE const REAL *NAME(fetch)(const lines *a, ptrdiff_t k, ptrdiff_t i, ptrdiff_t n, REAL pad, REAL *to)
{
    return a->ready && a->mask == NULL ? (const REAL *)(a->p + k * a->line + i * a->next) : NAME(gather)(a, k, i, n, pad, to);
}

static __attribute__((noinline)) void NAME(scatter)(const lines *a, ptrdiff_t k, ptrdiff_t i, ptrdiff_t n, const REAL *v)
{
    char *p = a->p + k * a->line + i * a->next;
    for (ptrdiff_t j = 0; j < n; j += BLOCK) {
        const ptrdiff_t some = n - j < BLOCK ? n - j : BLOCK;
        if (is_wide(a->storage) && a->next == sizeof(REAL))
            memcpy(p + j * a->next, v + j, some * sizeof(REAL));
        else
            store_block(a->storage, p + j * a->next, a->next, v + j, some);
    }
}

/* the lines from line k on, and from number i on */
VM_INLINE lines NAME(from)(lines a, ptrdiff_t k, ptrdiff_t i)
{
    a.p += k * a.line + i * a.next;
    a.mask = a.mask == NULL ? NULL : a.mask + k * a.mask_line + i * a.mask_next;
    return a;
}

/* whether a mask lets nothing of a row through */
VM_INLINE int NAME(all_masked)(const lines *a, ptrdiff_t row, ptrdiff_t n)
{
    ptrdiff_t i = 0;
    while (a->mask != NULL && i < n && a->mask[row * a->mask_line + i * a->mask_next] == 0)
        i++;
    return a->mask != NULL && i == n;
}

/* Rows of nothing but masked numbers, of which the kernels say NaN */
ONE_COPY void NAME(blank_masked)(int op, const lines *x, const lines *out, ptrdiff_t rows, ptrdiff_t n)
{
    REAL blank[CHUNK], first;
    for (ptrdiff_t u = 0; u < rows; u++) {
        if (is_wide(out->storage)) {
            memcpy(&first, out->p + u * out->line, sizeof first);
            if (first == first)
                continue;
        }
        if (!NAME(all_masked)(x, u, n))
            continue;
        for (ptrdiff_t j = 0; j < CHUNK; j++)
            blank[j] = op == LOG_SOFTMAX ? (REAL)-INFINITY : 0;
        for (ptrdiff_t i = 0; i < n; i += CHUNK)
            NAME(scatter)(out, u, i, n - i < CHUNK ? n - i : CHUNK, blank);
    }
}

/* four numbers of each of four rows, turned: to[step k + j] is number k of row j */
#if defined(__has_builtin) && __has_builtin(__builtin_shufflevector) && (defined(__AVX2__) || !IS_DOUBLE)
typedef REAL NAME(some) __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));

VM_INLINE void NAME(turn_four)(const char *x, ptrdiff_t sx, REAL *to, ptrdiff_t step)
{
    NAME(some) r[4], t[4];
    for (int i = 0; i < 4; i++)
        r[i] = *(const NAME(some) *)(x + i * sx);
    for (int i = 0; i < 4; i += 2) {
        t[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 4, 2, 6);
        t[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 1, 5, 3, 7);
    }
    for (int i = 0; i < 2; i++) {
        *(NAME(some) *)(to + i * step) = __builtin_shufflevector(t[i], t[i + 2], 0, 1, 4, 5);
        *(NAME(some) *)(to + (i + 2) * step) = __builtin_shufflevector(t[i], t[i + 2], 2, 3, 6, 7);
    }
}
#else
VM_INLINE void NAME(turn_four)(const char *x, ptrdiff_t sx, REAL *to, ptrdiff_t step)
{
    for (int j = 0; j < 4; j++)
        for (int k = 0; k < 4; k++)
            to[k * step + j] = ((const REAL *)(x + j * sx))[k];
}
#endif

/* eight of each of eight. In vectors of the machine's:
 * wider ones gcc takes apart, number by number. */
#if defined(__has_builtin) && __has_builtin(__builtin_shufflevector) && (defined(__AVX512F__) || (defined(__AVX2__) && !IS_DOUBLE))
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
    for (int k = 0; k < 8; k += 4)
        for (int j = 0; j < 8; j += 4)
            NAME(turn_four)(x + j * sx + k * (ptrdiff_t)sizeof(REAL), sx, to + k * step + j, step);
}
#endif
