/* Kernels in AVX-512's own operations, bit for bit what the formulas give, where plain loops cannot have an operation: scalef
 * multiplies by a power of 2, to subnormals and inf, and rounds once, which takes six operations otherwise. Four vectors take each step
 * together: else operations wait for each other, see vectors.h. Results may lie where operands lie.
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
#else
static void explicit_exp_f4(void *const *out, const void *const *args, ptrdiff_t n) { (void)out, (void)args, (void)n; }
static void explicit_exp_backward_f4(void *const *out, const void *const *args, ptrdiff_t n) { (void)out, (void)args, (void)n; }
#endif
#endif
