/* float16 and bfloat16 <-> float32, a block at a time. Rounding to nearest even, NaN kept, subnormals exact. */
#ifndef FASTACT_HALF_H
#define FASTACT_HALF_H

#include <stddef.h>
#include <stdint.h>
#include "vmath.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

VM_INLINE float half_to_float(uint16_t h)
{
    /* Multiplying by 2^112 rebiases the exponent and normalises subnormals in one exact step;
     * inf and NaN land on 2^16 and above and get their exponent set afterwards. */
    uint32_t magnitude = (uint32_t)(h & 0x7fffu) << 13;
    uint32_t u = bits_f4(from_bits_f4(magnitude) * 0x1p112f);
    u |= u >= 0x47800000u ? 0x7f800000u : 0u;
    return from_bits_f4(u | (uint32_t)(h & 0x8000u) << 16);
}

VM_INLINE uint16_t float_to_half(float x)
{
    uint32_t u = bits_f4(x), sign = (u >> 16) & 0x8000u, a = u & 0x7fffffffu;
    /* normal: round to nearest even on the 13 dropped bits, rebias; overflow runs into 0x7c00 by itself */
    uint32_t normal = (a - 0x38000000u + 0xfffu + ((a >> 13) & 1u)) >> 13;
    /* subnormal: adding 0.5 lines the last place of float up with 2^-24 */
    uint32_t subnormal = bits_f4(from_bits_f4(a < 0x38800000u ? a : 0u) + 0.5f) - 0x3f000000u;
    uint32_t r = a < 0x38800000u ? subnormal : normal;
    r = a >= 0x47800000u ? 0x7c00u : r;
    r = a > 0x7f800000u ? 0x7e00u | ((a >> 13) & 0x3ffu) : r;
    return (uint16_t)(r | sign);
}

static inline void half_to_float_block(float *restrict out, const uint16_t *restrict x, ptrdiff_t n)
{
    ptrdiff_t i = 0;
#if defined(__AVX512F__)
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(out + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(x + i))));
#endif
#if defined(__F16C__)
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
#endif
    for (; i < n; i++)
        out[i] = half_to_float(x[i]);
}

static inline void float_to_half_block(uint16_t *restrict out, const float *restrict x, ptrdiff_t n)
{
    ptrdiff_t i = 0;
#if defined(__AVX512F__)
    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((__m256i *)(out + i), _mm512_cvtps_ph(_mm512_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
#endif
#if defined(__F16C__)
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
#endif
    for (; i < n; i++)
        out[i] = float_to_half(x[i]);
}

/* bfloat16 is the upper half of a float */
VM_INLINE uint16_t float_to_bfloat(float x)
{
    uint32_t u = bits_f4(x), even = (u >> 16) & 1u;
    return (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? u >> 16 | 0x40u : (u + 0x7fffu + even) >> 16);
}

static inline void widen_block(int bfloat, float *restrict out, const uint16_t *restrict x, ptrdiff_t n)
{
    if (bfloat)
        for (ptrdiff_t i = 0; i < n; i++)
            out[i] = from_bits_f4((uint32_t)x[i] << 16);
    else
        half_to_float_block(out, x, n);
}

static inline void narrow_block(int bfloat, uint16_t *restrict out, const float *restrict x, ptrdiff_t n)
{
    if (bfloat)
        for (ptrdiff_t i = 0; i < n; i++)
            out[i] = float_to_bfloat(x[i]);
    else
        float_to_half_block(out, x, n);
}
#endif
