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
#else
static void explicit_exp_f4(void *const *out, const void *const *args, ptrdiff_t n) { (void)out, (void)args, (void)n; }
static void explicit_exp_backward_f4(void *const *out, const void *const *args, ptrdiff_t n) { (void)out, (void)args, (void)n; }
#endif
#endif
