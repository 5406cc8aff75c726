/* Vectors of floats that look numbers up in tables of eight, in registers, for the kernels of tabled.h: what they do is named alike in each
 * instruction set. AS(name) is the operation that AVX calls so.
 */
#ifndef FASTACT_LOOKUP_H
#define FASTACT_LOOKUP_H

#include "vmath.h"

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__)) || (defined(__aarch64__) && defined(__ARM_NEON))
enum { HAS_TABLED = 1 };

#if defined(__AVX512F__)
#include <immintrin.h>
enum { TABLE_LANES = 16 };
typedef __m512 floats;
typedef __m512i places;
typedef __m512 row_of_8;
#define AS(name) _mm512_##name
#define AS_BITS _mm512_castps_si512
#define AS_FLOATS _mm512_castsi512_ps
VM_INLINE row_of_8 row_of(const float *row) { return _mm512_broadcast_f32x8(_mm256_load_ps(row)); }
/* the last piece beyond the eighth, too: an index of sixteen, which need not be held */
VM_INLINE row_of_8 long_row_of(const float *row)
{
    return AS_FLOATS(_mm512_inserti64x4(_mm512_set1_epi32(((const int32_t *)row)[7]), _mm256_castps_si256(_mm256_load_ps(row)), 0));
}
VM_INLINE floats held_in_row(floats a, float last) { (void)last; return a; }
VM_INLINE places place_of(floats at) { return _mm512_srli_epi32(AS_BITS(at), 22); }
VM_INLINE floats looked_up(row_of_8 row, places i) { return _mm512_permutexvar_ps(i, row); }
VM_INLINE floats size_of(floats x) { return _mm512_abs_ps(x); }
/* at_most(|x|, hi) but for NaN, of which there is hi left */
VM_INLINE floats held(floats x, float hi) { return _mm512_range_ps(x, _mm512_set1_ps(hi), 2 | 2 << 2); }
/* one where x is positive, and where it is negative */
VM_INLINE floats to_the_right(floats x, float one)
{
    return _mm512_mask_blend_ps(_mm512_movepi32_mask(AS_BITS(x)), _mm512_set1_ps(one), _mm512_setzero_ps());
}
VM_INLINE floats to_the_left(floats x, float one) { return _mm512_maskz_mov_ps(_mm512_movepi32_mask(AS_BITS(x)), _mm512_set1_ps(one)); }
/* a with its sign turned where x is negative, and where it is not */
VM_INLINE floats flipped(floats a, floats x)
{
    return AS_FLOATS(_mm512_ternarylogic_epi32(AS_BITS(a), AS_BITS(x), _mm512_set1_epi32(INT32_MIN), 0x78));
}
VM_INLINE floats flipped_to_the_right(floats a, floats x)
{
    return AS_FLOATS(_mm512_ternarylogic_epi32(AS_BITS(a), AS_BITS(x), _mm512_set1_epi32(INT32_MIN), 0xd2));
}
typedef __mmask16 truth;
VM_INLINE truth below(floats a, float limit) { return _mm512_cmp_ps_mask(a, _mm512_set1_ps(limit), _CMP_LT_OQ); }
VM_INLINE truth not_below(floats a, float limit) { return _mm512_cmp_ps_mask(a, _mm512_set1_ps(limit), _CMP_GE_OQ); }
VM_INLINE truth is_number_but_0(floats a) { return _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_NEQ_OQ); }
/* where it is so, and 0 elsewhere */
VM_INLINE floats only(truth t, floats a) { return _mm512_maskz_mov_ps(t, a); }
VM_INLINE floats chosen(truth t, floats a, floats b) { return _mm512_mask_mov_ps(b, t, a); }
#elif defined(__aarch64__)
#include <arm_neon.h>
enum { TABLE_LANES = 4 };
typedef float32x4_t floats;
typedef uint8x16_t places;
typedef uint8x16x2_t row_of_8;
#define AS(name) neon_##name
#define AS_BITS vreinterpretq_u32_f32
#define AS_FLOATS vreinterpretq_f32_u32
VM_INLINE floats neon_set1_ps(float v) { return vdupq_n_f32(v); }
VM_INLINE floats neon_loadu_ps(const float *x) { return vld1q_f32(x); }
VM_INLINE void neon_storeu_ps(float *to, floats v) { vst1q_f32(to, v); }
VM_INLINE floats neon_add_ps(floats a, floats b) { return vaddq_f32(a, b); }
VM_INLINE floats neon_sub_ps(floats a, floats b) { return vsubq_f32(a, b); }
VM_INLINE floats neon_mul_ps(floats a, floats b) { return vmulq_f32(a, b); }
VM_INLINE floats neon_fmadd_ps(floats a, floats b, floats c) { return vfmaq_f32(c, a, b); }
VM_INLINE floats neon_fmsub_ps(floats a, floats b, floats c) { return vfmaq_f32(vnegq_f32(c), a, b); }
VM_INLINE floats neon_fnmadd_ps(floats a, floats b, floats c) { return vfmsq_f32(c, a, b); }
VM_INLINE floats neon_fnmsub_ps(floats a, floats b, floats c) { return vfmsq_f32(vnegq_f32(c), a, b); }
/* of a NaN and of two zeros the second operand, as on other processors */
VM_INLINE floats neon_min_ps(floats a, floats b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
VM_INLINE floats neon_max_ps(floats a, floats b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
#define neon_slli_epi32 vshlq_n_u32
#define neon_add_epi32 vaddq_u32
#define neon_sub_epi32 vsubq_u32
VM_INLINE row_of_8 row_of(const float *row) { return vld1q_u8_x2((const uint8_t *)row); }
VM_INLINE row_of_8 long_row_of(const float *row) { return row_of(row); }
VM_INLINE floats held_in_row(floats a, float last) { return vminq_f32(a, vdupq_n_f32(last)); }
/* bytes 4 p to 4 p + 3 for a place p */
VM_INLINE places place_of(floats at)
{
    uint32x4_t place = vandq_u32(vshrq_n_u32(AS_BITS(at), 22), vdupq_n_u32(7));
    return vreinterpretq_u8_u32(vmlaq_u32(vdupq_n_u32(0x03020100), place, vdupq_n_u32(0x04040404)));
}
VM_INLINE floats looked_up(row_of_8 row, places i) { return vreinterpretq_f32_u8(vqtbl2q_u8(row, i)); }
VM_INLINE floats size_of(floats x) { return vabsq_f32(x); }
VM_INLINE floats held(floats x, float hi) { return vminq_f32(vabsq_f32(x), vdupq_n_f32(hi)); }
VM_INLINE floats flipped(floats a, floats x) { return AS_FLOATS(veorq_u32(AS_BITS(a), vandq_u32(AS_BITS(x), vdupq_n_u32(0x80000000u)))); }
VM_INLINE uint32x4_t negative(floats x) { return vreinterpretq_u32_s32(vshrq_n_s32(vreinterpretq_s32_f32(x), 31)); }
VM_INLINE floats to_the_right(floats x, float one) { return AS_FLOATS(vbicq_u32(AS_BITS(vdupq_n_f32(one)), negative(x))); }
VM_INLINE floats to_the_left(floats x, float one) { return AS_FLOATS(vandq_u32(AS_BITS(vdupq_n_f32(one)), negative(x))); }
VM_INLINE floats flipped_to_the_right(floats a, floats x)
{
    return AS_FLOATS(veorq_u32(AS_BITS(a), vbicq_u32(vdupq_n_u32(0x80000000u), AS_BITS(x))));
}
typedef uint32x4_t truth;
VM_INLINE truth below(floats a, float limit) { return vcltq_f32(a, vdupq_n_f32(limit)); }
VM_INLINE truth not_below(floats a, float limit) { return vcgeq_f32(a, vdupq_n_f32(limit)); }
VM_INLINE truth is_number_but_0(floats a) { return vorrq_u32(vcltq_f32(a, vdupq_n_f32(0.0f)), vcgtq_f32(a, vdupq_n_f32(0.0f))); }
VM_INLINE floats only(truth t, floats a) { return AS_FLOATS(vandq_u32(t, AS_BITS(a))); }
VM_INLINE floats chosen(truth t, floats a, floats b) { return vbslq_f32(t, a, b); }
#else
#include <immintrin.h>
/* Two vectors that take each operation together: one alone waits for most of its own, and a Zen 3 looks no further for another. */
enum { TABLE_LANES = 16 };
typedef struct { __m256 a, b; } floats;
typedef struct { __m256i a, b; } places;
typedef floats truth;
typedef __m256 row_of_8;
#define AS(name) two_##name
#define OF_ONE(to, from, name, does) VM_INLINE to name(from x) { return (to){does(x.a), does(x.b)}; }
#define OF_TWO(name) VM_INLINE floats two_##name(floats x, floats y) { return (floats){_mm256_##name(x.a, y.a), _mm256_##name(x.b, y.b)}; }
#define OF_THREE(name)                                                                                           \
    VM_INLINE floats two_##name(floats x, floats y, floats z)                                                    \
    {                                                                                                            \
        return (floats){_mm256_##name(x.a, y.a, z.a), _mm256_##name(x.b, y.b, z.b)};                             \
    }
#define SHIFTED(name) VM_INLINE places two_##name(places x, int by) { return (places){_mm256_##name(x.a, by), _mm256_##name(x.b, by)}; }
#define SUMMED(name) VM_INLINE places two_##name(places x, places y) { return (places){_mm256_##name(x.a, y.a), _mm256_##name(x.b, y.b)}; }
#define COMPARED(name, how)                                                                                      \
    VM_INLINE truth name(floats a, float limit)                                                                  \
    {                                                                                                            \
        const __m256 all = _mm256_set1_ps(limit);                                                                \
        return (truth){_mm256_cmp_ps(a.a, all, how), _mm256_cmp_ps(a.b, all, how)};                              \
    }
OF_ONE(places, floats, AS_BITS, _mm256_castps_si256)
OF_ONE(floats, places, AS_FLOATS, _mm256_castsi256_ps)
OF_TWO(add_ps) OF_TWO(sub_ps) OF_TWO(mul_ps) OF_TWO(min_ps) OF_TWO(max_ps) OF_TWO(and_ps) OF_TWO(andnot_ps) OF_TWO(xor_ps)
OF_THREE(fmadd_ps) OF_THREE(fmsub_ps) OF_THREE(fnmadd_ps) OF_THREE(fnmsub_ps)
SHIFTED(slli_epi32) SHIFTED(srli_epi32) SHIFTED(srai_epi32)
SUMMED(add_epi32) SUMMED(sub_epi32)
COMPARED(below, _CMP_LT_OQ) COMPARED(not_below, _CMP_GE_OQ) COMPARED(other_than, _CMP_NEQ_OQ)
VM_INLINE floats two_set1_ps(float v) { return (floats){_mm256_set1_ps(v), _mm256_set1_ps(v)}; }
VM_INLINE floats two_loadu_ps(const float *x) { return (floats){_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8)}; }
VM_INLINE void two_storeu_ps(float *to, floats v) { _mm256_storeu_ps(to, v.a), _mm256_storeu_ps(to + 8, v.b); }
VM_INLINE row_of_8 row_of(const float *row) { return _mm256_load_ps(row); }
VM_INLINE row_of_8 long_row_of(const float *row) { return row_of(row); }
VM_INLINE floats held_in_row(floats a, float last) { return two_min_ps(a, two_set1_ps(last)); }
VM_INLINE places place_of(floats at) { return two_srli_epi32(AS_BITS(at), 22); }
VM_INLINE floats looked_up(row_of_8 row, places i)
{
    return (floats){_mm256_permutevar8x32_ps(row, i.a), _mm256_permutevar8x32_ps(row, i.b)};
}
VM_INLINE floats size_of(floats x) { return two_andnot_ps(two_set1_ps(-0.0f), x); }
VM_INLINE floats held(floats x, float hi) { return two_min_ps(size_of(x), two_set1_ps(hi)); }
VM_INLINE floats negative(floats x) { return AS_FLOATS(two_srai_epi32(AS_BITS(x), 31)); }
VM_INLINE floats to_the_right(floats x, float one) { return two_andnot_ps(negative(x), two_set1_ps(one)); }
VM_INLINE floats to_the_left(floats x, float one) { return two_and_ps(negative(x), two_set1_ps(one)); }
VM_INLINE floats flipped(floats a, floats x) { return two_xor_ps(a, two_and_ps(x, two_set1_ps(-0.0f))); }
VM_INLINE floats flipped_to_the_right(floats a, floats x) { return two_xor_ps(a, two_andnot_ps(x, two_set1_ps(-0.0f))); }
VM_INLINE truth is_number_but_0(floats a) { return other_than(a, 0.0f); }
VM_INLINE floats only(truth t, floats a) { return two_and_ps(t, a); }
VM_INLINE floats chosen(truth t, floats x, floats y) { return (floats){_mm256_blendv_ps(y.a, x.a, t.a), _mm256_blendv_ps(y.b, x.b, t.b)}; }
#undef OF_ONE
#undef OF_TWO
#undef OF_THREE
#undef SHIFTED
#undef SUMMED
#undef COMPARED
#endif
#else
enum { HAS_TABLED = 0 };
#endif
#endif
