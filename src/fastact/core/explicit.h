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

/* k vectors, as wide_reduced_f4(), wide_poly_f4() and wide_of_f4() */
VM_INLINE void explicit_exponentials(int k, const float *x, __m512 *v)
{
    const __m512 magic = _mm512_set1_ps(12582912.0f), one = _mm512_set1_ps(1.0f);
    __m512 n[4], z[4];
    __mmask16 some[4];
#define EACH for (int i = 0; i < k; i++)
#define HORNER(c) EACH v[i] = _mm512_fmadd_ps(v[i], z[i], _mm512_set1_ps(c))
    /* below it is 0, and left out: scalef, too, takes 25 times as long where what it gives is too small */
    EACH some[i] = _mm512_cmp_ps_mask(_mm512_loadu_ps(x + 16 * i), _mm512_set1_ps(-104.0f), _CMP_NLT_UQ);
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
    EACH v[i] = _mm512_maskz_scalef_ps(some[i], v[i], n[i]);
#undef HORNER
#undef EACH
}
static void explicit_exp_f4(void *const *out, const void *const *args, ptrdiff_t n)
{
    float *to = out[0];
    const float *x = args[0];
    __m512 v[4];
    ptrdiff_t i = 0;
    for (; i + 64 <= n; i += 64) {
        explicit_exponentials(4, x + i, v);
        for (int k = 0; k < 4; k++)
            _mm512_storeu_ps(to + i + 16 * k, v[k]);
    }
    for (; i < n; i += 16) {
        explicit_exponentials(1, x + i, v);
        _mm512_storeu_ps(to + i, v[0]);
    }
}
static void explicit_exp_backward_f4(void *const *out, const void *const *args, ptrdiff_t n)
{
    float *to = out[0];
    const float *dy = args[0], *x = args[1];
    __m512 v[4];
    ptrdiff_t i = 0;
    for (; i + 64 <= n; i += 64) {
        explicit_exponentials(4, x + i, v);
        for (int k = 0; k < 4; k++)
            v[k] = _mm512_mul_ps(_mm512_loadu_ps(dy + i + 16 * k), v[k]);
        for (int k = 0; k < 4; k++)
            _mm512_storeu_ps(to + i + 16 * k, v[k]);
    }
    for (; i < n; i += 16) {
        explicit_exponentials(1, x + i, v);
        _mm512_storeu_ps(to + i, _mm512_mul_ps(_mm512_loadu_ps(dy + i), v[0]));
    }
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
