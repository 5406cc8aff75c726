/* Kernels that look numbers up in tables of sixteen, which vectors do in registers: gather instructions take longer than a quotient.
 * Bit for bit what the formulas give. Results may lie where operands lie.
 *
 * A kernel here is named like its ufunc. n is a multiple of LANES.
 */
#ifndef FASTACT_TABLED_H
#define FASTACT_TABLED_H

#include "gauss.h"
#include <stddef.h>

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>
enum { HAS_TABLED = 1 };

#if defined(__AVX512F__)
enum { TABLE_LANES = 16 };
typedef __m512 floats;
typedef __m512i places;
typedef struct { __m512 all; } table;
#define AS(name) _mm512_##name
#define AS_BITS _mm512_castps_si512
#define AS_FLOATS _mm512_castsi512_ps
VM_INLINE table table_of(const float *row) { return (table){_mm512_load_ps(row)}; }
VM_INLINE places places_of(floats v) { return _mm512_srli_epi32(AS_BITS(v), TABLE_SHIFT); }
VM_INLINE floats looked_up(table t, places i) { return _mm512_permutexvar_ps(i, t.all); }
/* at_most(|x|, hi) but for NaN, of which there is hi left */
VM_INLINE floats held(floats x, float hi) { return _mm512_range_ps(x, _mm512_set1_ps(hi), 2 | 2 << 2); }
#else
enum { TABLE_LANES = 8 };
typedef __m256 floats;
#define AS(name) _mm256_##name
#define AS_BITS _mm256_castps_si256
#define AS_FLOATS _mm256_castsi256_ps
/* pieces below 3 and from 3 on: an index has the place in either half. What one half has more is added to the other: a blend takes
 * three operations. The sum is the number itself, for every number of the tables. */
typedef struct { __m256 far, more; } table;
typedef struct { __m256i piece; __m256 near; } places;
VM_INLINE table table_of(const float *row)
{
    __m256 even = _mm256_load_ps(row), odd = _mm256_load_ps(row + 8);
    __m256 near = _mm256_blend_ps(even, odd, 0xf0), far = _mm256_blend_ps(odd, even, 0xf0);
    return (table){far, _mm256_sub_ps(near, far)};
}
VM_INLINE places places_of(floats v)
{
    __m256 near = _mm256_and_ps(_mm256_cmp_ps(v, _mm256_set1_ps(4.0f), _CMP_LT_OQ), _mm256_set1_ps(1.0f));
    return (places){_mm256_srli_epi32(AS_BITS(v), TABLE_SHIFT), near};
}
VM_INLINE floats looked_up(table t, places i)
{
    return _mm256_fmadd_ps(_mm256_permutevar8x32_ps(t.more, i.piece), i.near, _mm256_permutevar8x32_ps(t.far, i.piece));
}
VM_INLINE floats held(floats x, float hi)
{
    return _mm256_min_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), x), _mm256_set1_ps(hi));
}
#endif
#define ALL AS(set1_ps)
#define FMA AS(fmadd_ps)

/* as gelu_by_table_f4(); a NaN comes by way of the last sum */
VM_INLINE floats gelu_floats(floats x, const table *t)
{
    floats a = held(x, 14.5f);
    places i = places_of(AS(add_ps)(a, ALL(1.0f)));
    floats d = AS(sub_ps)(a, looked_up(t[0], i));
    floats y = looked_up(t[TABLE_ROWS - 1], i);
    for (int k = TABLE_ROWS - 2; k > 0; k--)
        y = FMA(y, d, looked_up(t[k], i));
    floats j = FMA(AS(mul_ps)(a, a), ALL(TABLE_PER), ALL(TABLE_MAGIC));
    floats z = AS(fnmsub_ps)(a, a, FMA(j, ALL(TABLE_G), ALL(-TABLE_MAGIC_G)));
    floats q = FMA(ALL(TABLE_E6), z, ALL(TABLE_E5));
    q = FMA(q, z, ALL(TABLE_E4));
    q = FMA(q, z, ALL(TABLE_E3));
    q = FMA(q, z, ALL(TABLE_E2));
    q = FMA(q, z, ALL(TABLE_E1));
    floats s = AS(mul_ps)(AS(min_ps)(a, ALL(0.5f)), AS_FLOATS(AS(slli_epi32)(AS_BITS(j), 23)));
    return AS(fnmadd_ps)(s, FMA(y, AS(mul_ps)(q, z), y), AS(max_ps)(ALL(0.0f), x));
}
static void tabled_gelu_f4(void *const *out, const void *const *args, ptrdiff_t n)
{
    float *to = out[0];
    const float *x = args[0];
    table t[TABLE_ROWS];
    for (int k = 0; k < TABLE_ROWS; k++)
        t[k] = table_of(GELU_TABLE_F4[k]);
    for (ptrdiff_t i = 0; i < n; i += TABLE_LANES)
        AS(storeu_ps)(to + i, gelu_floats(AS(loadu_ps)(x + i), t));
}
#undef AS
#undef AS_BITS
#undef AS_FLOATS
#undef ALL
#undef FMA
#else
enum { HAS_TABLED = 0 };
static inline void tabled_gelu_f4(void *const *out, const void *const *args, ptrdiff_t n) { (void)out, (void)args, (void)n; }
#endif
#endif
