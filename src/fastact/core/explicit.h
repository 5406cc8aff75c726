/* Kernels in AVX-512's own operations, bit for bit what the formulas give, where plain loops cannot have an operation: scalef
 * multiplies by a power of 2, to subnormals and inf, and rounds once, which takes six operations otherwise; rsqrt14 gives 14 bits of a
 * root. Four vectors take each step together: else operations wait for each other, see vectors.h. Results may lie where operands lie.
 *
 * A kernel here is named like its ufunc. n is a multiple of LANES.
 */
#ifndef FASTACT_EXPLICIT_H
#define FASTACT_EXPLICIT_H

#include "vmath.h"
#include <stddef.h>

#if HAS_AVX512
#include <immintrin.h>

enum { NEITHER, NOTHING, SUBNORMAL };
/* k vectors, as wide_reduced_f4(), wide_poly_f4() and wide_of_f4(), by dy if there is one. `far`: what may be among the results.
 * Scalef takes 25 times as long where what it gives is too small, and is left out, or subnormal: there the least normal number is
 * added, and taken away from the bits. */
VM_INLINE void explicit_steps(int k, int far, const float *dy, const float *x, __m512 *v)
{
    const __m512 magic = _mm512_set1_ps(12582912.0f), one = _mm512_set1_ps(1.0f);
    __m512 n[4], z[4];
/* where there are some: a - b of the bits; and where results are not 0 */
#define LESS(v, where, a, b) \
    _mm512_castsi512_ps(_mm512_mask_sub_epi32(_mm512_castps_si512(v), where, _mm512_castps_si512(a), _mm512_castps_si512(b)))
#define RAISED(x) _mm512_cmp_ps_mask(_mm512_loadu_ps(x), _mm512_set1_ps(-104.0f), _CMP_NLT_UQ)
#define EACH for (int i = 0; i < k; i++)
#define HORNER(c) EACH v[i] = _mm512_fmadd_ps(v[i], z[i], _mm512_set1_ps(c))
    EACH z[i] = _mm512_min_ps(_mm512_set1_ps(102.0f), _mm512_loadu_ps(x + 16 * i));
    EACH n[i] = _mm512_fmadd_ps(z[i], _mm512_set1_ps(0x1.715476p+0f), magic);
    EACH n[i] = _mm512_sub_ps(n[i], magic);
    EACH z[i] = _mm512_fmadd_ps(n[i], _mm512_set1_ps(-LN2_HI_F4), z[i]);
    EACH z[i] = _mm512_fmadd_ps(n[i], _mm512_set1_ps(-LN2_LO_F4), z[i]);
    EACH v[i] = _mm512_set1_ps(EXPM1_Q4_F4);
    HORNER(EXPM1_Q3_F4);
    HORNER(EXPM1_Q2_F4);
    HORNER(EXPM1_Q1_F4);
    HORNER(0.5f);
    HORNER(1.0f);
    EACH v[i] = _mm512_fmadd_ps(v[i], z[i], one);
    if (far == SUBNORMAL)
        EACH {
            const __m512 lifted = _mm512_maskz_scalef_ps(RAISED(x + 16 * i), v[i], _mm512_add_ps(n[i], _mm512_set1_ps(126.0f)));
            const __mmask16 low = _mm512_cmp_ps_mask(lifted, one, _CMP_LT_OQ);
            const __m512 sum = _mm512_add_ps(lifted, one);
            v[i] = _mm512_maskz_scalef_ps(~low, v[i], n[i]);
            if (dy == NULL)
                v[i] = LESS(v[i], low, sum, one);
            else {                                 /* the product as well, of a result 2^126 times as large */
                const __m512 d = _mm512_loadu_ps(dy + 16 * i), e = _mm512_sub_ps(sum, one), z = _mm512_mul_ps(d, e);
                const __m512 sign = _mm512_and_ps(z, _mm512_set1_ps(-0.0f)), r = _mm512_fmadd_ps(d, e, _mm512_or_ps(sign, one));
                const __mmask16 tiny = _mm512_mask_cmp_ps_mask(low, _mm512_abs_ps(z), one, _CMP_LT_OQ);
                v[i] = _mm512_mask_mul_ps(v[i], ~low, d, v[i]);
                v[i] = _mm512_mask_mul_ps(v[i], low & ~tiny, z, _mm512_set1_ps(0x1p-126f));
                v[i] = LESS(v[i], tiny, _mm512_abs_ps(r), one);
                v[i] = _mm512_mask_or_ps(v[i], tiny, v[i], sign);
            }
        }
    else {
        if (far == NOTHING)
            EACH v[i] = _mm512_maskz_scalef_ps(RAISED(x + 16 * i), v[i], n[i]);
        else
            EACH v[i] = _mm512_scalef_ps(v[i], n[i]);
        for (int i = 0; dy != NULL && i < k; i++)
            v[i] = _mm512_mul_ps(_mm512_loadu_ps(dy + 16 * i), v[i]);
    }
#undef LESS
#undef RAISED
#undef HORNER
#undef EACH
}
/* of k vectors, by dy if there is one */
VM_INLINE void explicit_store(int k, int far, const float *dy, const float *x, float *to)
{
    __m512 v[4];
    explicit_steps(k, far, dy, x, v);
    for (int i = 0; i < k; i++)
        _mm512_storeu_ps(to + 16 * i, v[i]);
}
/* Whether there are far ones. As integers negative numbers are larger than others. */
VM_INLINE int explicit_is_far(int k, const float *x)
{
    __m512i largest = _mm512_loadu_si512(x);
    for (int i = 1; i < k; i++)
        largest = _mm512_max_epu32(largest, _mm512_loadu_si512(x + 16 * i));
    return _mm512_cmpgt_epu32_mask(largest, _mm512_castps_si512(_mm512_set1_ps(-87.33f))) != 0;
}
/* whether some results are subnormal */
VM_INLINE int explicit_is_subnormal(int k, const float *x)
{
    __mmask16 some = 0;
    for (int i = 0; i < k; i++)
        some |= _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(_mm512_loadu_ps(x + 16 * i), _mm512_set1_ps(-87.33f), _CMP_LT_OQ),
                                        _mm512_loadu_ps(x + 16 * i), _mm512_set1_ps(-104.0f), _CMP_NLT_UQ);
    return some != 0;
}
/* From number i on, as long as four vectors have far ones, or have none: where it ended. In functions of their own, since beside a
 * call constants would be loaded anew each time. */
VM_INLINE ptrdiff_t explicit_while(int far, const float *dy, const float *x, float *to, ptrdiff_t i, ptrdiff_t n)
{
    for (; i + 64 <= n && explicit_is_far(4, x + i) == far; i += 64)
        if (far && explicit_is_subnormal(4, x + i))
            explicit_store(4, SUBNORMAL, dy == NULL ? NULL : dy + i, x + i, to + i);
        else
            explicit_store(4, far ? NOTHING : NEITHER, dy == NULL ? NULL : dy + i, x + i, to + i);
    return i;
}
#define WHILE(name, far, dy)                                                       \
    static __attribute__((noinline)) ptrdiff_t name(const float *by, const float *x, float *to, ptrdiff_t i, ptrdiff_t n) \
    {                                                                              \
        return explicit_while(far, dy, x, to, i, n);                               \
    }
WHILE(explicit_near, 0, NULL)
WHILE(explicit_far, 1, NULL)
WHILE(explicit_near_by, 0, by)
WHILE(explicit_far_by, 1, by)
#undef WHILE
VM_INLINE void explicit_loops(const float *dy, const float *x, float *to, ptrdiff_t n)
{
    ptrdiff_t i = 0;
    while (i + 64 <= n) {
        i = dy == NULL ? explicit_near(NULL, x, to, i, n) : explicit_near_by(dy, x, to, i, n);
        i = dy == NULL ? explicit_far(NULL, x, to, i, n) : explicit_far_by(dy, x, to, i, n);
    }
    for (; i < n; i += 16)
        if (explicit_is_far(1, x + i))
            explicit_store(1, SUBNORMAL, dy == NULL ? NULL : dy + i, x + i, to + i);
        else
            explicit_store(1, NEITHER, dy == NULL ? NULL : dy + i, x + i, to + i);
}
static void explicit_exp_f4(void *const *out, const void *const *args, ptrdiff_t n) { explicit_loops(NULL, args[0], out[0], n); }
static void explicit_exp_backward_f4(void *const *out, const void *const *args, ptrdiff_t n)
{
    explicit_loops(args[0], args[1], out[0], n);
}
/* sqrt(x), rounded correctly, for 2^-100 < x < 2^126. The steps take g and 2 h to within 1.1 units in the last place of sqrt(x) and
 * 1/sqrt(x), whichever numbers within 2^-14 of it rsqrt14 gives. From all such pairs the last step gives the right root, but for ten
 * mantissas, for which all seeds were tried: coefficients/root_seeds.c. */
VM_INLINE __m512 explicit_root(__m512 x)
{
    const __m512 half = _mm512_set1_ps(0.5f);
    __m512 y = _mm512_rsqrt14_ps(x), g = _mm512_mul_ps(x, y), h = _mm512_mul_ps(y, half), e = _mm512_fnmadd_ps(g, h, half);
    g = _mm512_fmadd_ps(g, e, g);
    h = _mm512_fmadd_ps(h, e, h);
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(g, g, x), h, g);
}
VM_INLINE __m512 explicit_weight(__m512 x)
{
    return _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_set1_epi32(0x7EFFFFFF), _mm512_castps_si512(x)));
}

#define EACH for (int i = 0; i < k; i++)
/* k vectors, as the formula; of four, one takes its root from the divider, which has time for it */
VM_INLINE void explicit_squareplus(int k, float *to, const float *from, float scale, float least, float c, float back)
{
    __m512 x[4], size[4], held[4], root[4], q[4];
    EACH x[i] = _mm512_loadu_ps(from + 16 * i);
    EACH size[i] = _mm512_mul_ps(_mm512_abs_ps(x[i]), _mm512_set1_ps(scale));
    EACH held[i] = _mm512_min_ps(_mm512_set1_ps(0x1p62f), size[i]);
    EACH root[i] = _mm512_fmadd_ps(held[i], held[i], _mm512_set1_ps(least));
    EACH root[i] = k > 1 && i == 0 ? _mm512_sqrt_ps(root[i]) : explicit_root(root[i]);
    EACH q[i] = _mm512_div_ps(_mm512_set1_ps(c), _mm512_add_ps(_mm512_max_ps(size[i], root[i]), size[i]));
    EACH {
        __m512 lower = _mm512_fmadd_ps(q[i], _mm512_set1_ps(0x1p-48f), held[i]);
        __mmask16 near = _mm512_cmp_ps_mask(size[i], held[i], _CMP_NGT_UQ);
        __m512 rest = _mm512_maskz_fnmadd_ps(near, q[i], lower, _mm512_set1_ps(0.5f * c));
        __m512 more = _mm512_fmadd_ps(rest, explicit_weight(root[i]), q[i]);
        _mm512_storeu_ps(to + 16 * i, _mm512_fmadd_ps(more, _mm512_set1_ps(back), _mm512_max_ps(_mm512_setzero_ps(), x[i])));
    }
}
static void explicit_squareplus_f4(void *const *out, const void *const *args, ptrdiff_t n)
{
    float *to = out[0];
    const float *x = args[0], b = *(const float *)args[1], scale = square_scale_f4(b), square = b * scale * scale;
    const float least = at_least_normal_f4(square), lift = square_lift_f4(1.0f), c = 0.5f * square * lift, back = 1.0f / (scale * lift);
    ptrdiff_t i = 0;
    for (; i + 64 <= n; i += 64)
        explicit_squareplus(4, to + i, x + i, scale, least, c, back);
    for (; i < n; i += 16)
        explicit_squareplus(1, to + i, x + i, scale, least, c, back);
}
VM_INLINE void explicit_dishes(int k, float *to, const float *from)
{
    const __m512 half = _mm512_set1_ps(0.5f), one = _mm512_set1_ps(1.0f);
    __m512 x[4], a[4], v[4], r[4], d[4], q[4];
    __mmask16 near[4];
    EACH x[i] = _mm512_loadu_ps(from + 16 * i);
    EACH a[i] = _mm512_abs_ps(x[i]);
    EACH v[i] = _mm512_fmadd_ps(x[i], x[i], one);
    EACH r[i] = k > 1 && i == 0 ? _mm512_sqrt_ps(v[i]) : explicit_root(v[i]);
    EACH d[i] = _mm512_fmadd_ps(a[i], r[i], v[i]);
    EACH near[i] = _mm512_cmp_ps_mask(a[i], _mm512_set1_ps(0x1p13f), _CMP_NGT_UQ);
    EACH q[i] = _mm512_div_ps(_mm512_mask_mul_ps(_mm512_set1_ps(0.25f), near[i], half, a[i]), _mm512_mask_mov_ps(a[i], near[i], d[i]));
    EACH {
        __m512 rest = _mm512_fnmadd_ps(q[i], d[i], _mm512_mul_ps(half, a[i]));
        rest = _mm512_fnmadd_ps(q[i], _mm512_fmadd_ps(a[i], r[i], _mm512_sub_ps(v[i], d[i])), rest);
        __m512 right = _mm512_mask3_fmadd_ps(rest, explicit_weight(d[i]), q[i], near[i]);
        _mm512_storeu_ps(to + 16 * i, _mm512_sub_ps(_mm512_max_ps(_mm512_set1_ps(-0.0f), x[i]), right));
    }
}
#undef EACH
static void explicit_dish_f4(void *const *out, const void *const *args, ptrdiff_t n)
{
    float *to = out[0];
    const float *x = args[0];
    ptrdiff_t i = 0;
    for (; i + 64 <= n; i += 64)
        explicit_dishes(4, to + i, x + i);
    for (; i < n; i += 16)
        explicit_dishes(1, to + i, x + i);
}
#else
static void explicit_exp_f4(void *const *out, const void *const *args, ptrdiff_t n) { (void)out, (void)args, (void)n; }
static void explicit_exp_backward_f4(void *const *out, const void *const *args, ptrdiff_t n) { (void)out, (void)args, (void)n; }
static void explicit_squareplus_f4(void *const *out, const void *const *args, ptrdiff_t n) { (void)out, (void)args, (void)n; }
static void explicit_dish_f4(void *const *out, const void *const *args, ptrdiff_t n) { (void)out, (void)args, (void)n; }
#endif
#endif
