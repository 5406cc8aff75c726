/* Results far larger than the caches are written around them: no line is then fetched only to be overwritten, which is a third
 * of the traffic of a function of one array. Below that they stay in a cache for whoever reads them next.
 *
 * Formulas take so long that a processor does not look beyond the stage it works on, and none reads while it works: so operands
 * are fetched ahead.
 */
#ifndef FASTACT_STREAM_H
#define FASTACT_STREAM_H

#include "blocks.h"
#if defined(__AVX__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* Numbers to a stage: few enough lines for a processor to collect at once, and a compiler unrolls a cheap formula's loop over them. */
enum { LINE = 64, STAGE_F4 = 64, STAGE_F8 = 32, FEWEST_BYTES = 1 << 21, CACHED_BYTES = 1 << 25 };
enum { AHEAD = 1 << 12, NEAR_AHEAD = 1 << 11, CLAIMED = 1 << 10, NEAREST_BYTES = 40 << 10 };
enum { SPAN = 128, MAX_OPERANDS = 6 };             /* numbers that each step of a formula takes at a time; results among the operands */
typedef float stage_f4[SPAN] __attribute__((aligned(64)));
typedef double stage_f8[SPAN] __attribute__((aligned(64)));
typedef void (*kernel)(void *const *out, const void *const *args, ptrdiff_t n);
typedef void (*kernel_around)(void *const *out, const void *const *args, ptrdiff_t n, int stays);      /* n: whole spans */
typedef struct {
    int data, operands, results;                   /* the first `data` of the operands are arrays */
    ptrdiff_t size;                                /* of a number */
} call;

#if defined(__AVX__)
enum { HAS_STREAMS = 1 };
static ptrdiff_t bytes_cached = PTRDIFF_MAX;

/* whether operands and result are that much together */
static inline int streams(ptrdiff_t bytes) { return __builtin_expect(bytes > bytes_cached, 0); }
/* whether two results begin at the same place of a line */
static inline int alike(void *const *out) { return (((uintptr_t)out[0] ^ (uintptr_t)out[1]) & (LINE - 1)) == 0; }

/* Whether a cheap formula takes drive_around(): from more than the nearest cache keeps on. Two results that are
 * alike do as well without, where a vector is half a line. */
static inline int spills(ptrdiff_t bytes, int results, void *const *out)
{
#if defined(__AVX512F__)
    (void)results, (void)out;
    return bytes > NEAREST_BYTES;
#else
    return bytes > NEAREST_BYTES && (results == 1 || !alike(out) || streams(bytes));
#endif
}

/* From how many bytes on; 0: what the processor says of its largest cache, but not more than one core gets of it: on a Zen 3 with 32 MB
 * relu breaks even at half of that, sigmoid at three quarters; on a Xeon whose many cores share 480 MB both do at 32 MB, and
 * at 128 they take half the time. Never so few that drive_around() would call itself. */
static ptrdiff_t stream_beyond(ptrdiff_t bytes)
{
    static const unsigned leaves[] = {4, 0x8000001d};                           /* Intel's, AMD's */
    const ptrdiff_t before = bytes_cached;
    ptrdiff_t largest = 0;
    for (int k = 0; bytes == 0 && largest == 0 && k < 2; k++) {
        unsigned a, b, c, d;
        for (unsigned cache = 0; __get_cpuid_count(leaves[k], cache, &a, &b, &c, &d) && (a & 31); cache++) {
            const ptrdiff_t size = (ptrdiff_t)((b >> 22) + 1) * ((b >> 12 & 1023) + 1) * ((b & 4095) + 1) * ((ptrdiff_t)c + 1);
            largest = size > largest ? size : largest;
        }
    }
    if (bytes == 0)
        bytes = largest == 0 || largest > CACHED_BYTES ? CACHED_BYTES : largest;
    if (bytes < FEWEST_BYTES)
        bytes = FEWEST_BYTES;
    bytes_cached = bytes;
    return before;
}

/* n numbers, whole lines, to a line's start */
static inline __attribute__((always_inline)) void stream_f4(float *to, const float *from, ptrdiff_t n)
{
#if defined(__AVX512F__)
    for (ptrdiff_t i = 0; i < n; i += 16)
        _mm512_stream_ps(to + i, _mm512_load_ps(from + i));
#else
    for (ptrdiff_t i = 0; i < n; i += 8)
        _mm256_stream_ps(to + i, _mm256_load_ps(from + i));
#endif
}
static inline __attribute__((always_inline)) void stream_f8(double *to, const double *from, ptrdiff_t n)
{
#if defined(__AVX512F__)
    for (ptrdiff_t i = 0; i < n; i += 8)
        _mm512_stream_pd(to + i, _mm512_load_pd(from + i));
#else
    for (ptrdiff_t i = 0; i < n; i += 4)
        _mm256_stream_pd(to + i, _mm256_load_pd(from + i));
#endif
}

/* n numbers in pieces of 16 bytes, which have to be whole: for rows, of which few begin with a line. They fill lines together. */
static inline __attribute__((always_inline)) void stream_pieces_f4(float *to, const float *from, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += 4)
        _mm_stream_ps(to + i, _mm_loadu_ps(from + i));
}
static inline __attribute__((always_inline)) void stream_pieces_f8(double *to, const double *from, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += 2)
        _mm_stream_pd(to + i, _mm_loadu_pd(from + i));
}
static inline void stream_end(void) { _mm_sfence(); }

/* what a stage of operands will be read `ahead` of it; beyond the last one nothing comes of it */
static inline __attribute__((always_inline)) void fetch_ahead(const void *stage, ptrdiff_t bytes, ptrdiff_t ahead)
{
    for (ptrdiff_t i = 0; i < bytes; i += LINE)
        __builtin_prefetch((const char *)stage + ahead + i);
}

/* the lines of results that will be written CLAIMED bytes from now */
static inline __attribute__((always_inline)) void claim_ahead(void *stage, ptrdiff_t bytes)
{
    for (ptrdiff_t i = 0; i < bytes; i += LINE)
        __builtin_prefetch((char *)stage + CLAIMED + i, 1);
}

static inline void shifted(const call *c, void *const *out, const void *const *args, ptrdiff_t bytes, void **to, const void **moved)
{
    for (int k = 0; k < c->results; k++)
        to[k] = (char *)out[k] + bytes;
    for (int k = 0; k < c->operands; k++)
        moved[k] = k < c->data ? (const char *)args[k] + bytes : args[k];
}

/* `around` for whole spans that begin with a line, and the usual kernel for what lies before and after them. Results stay where
 * one lies where an operand does, and so is in the cache already, or where two begin at different places of a line. */
static __attribute__((noinline, cold)) void drive_around(
    kernel usual, kernel_around around, int data, int operands, int results, ptrdiff_t size, void *const *out, const void *const *args, ptrdiff_t n)
{
    const call c = {data, operands, results, size};
    const void *moved[MAX_OPERANDS];
    void *to[2];
    int stays = !streams(n * (data + results) * size) || (results > 1 && !alike(out));
    for (int k = 0; k < data; k++)
        for (int r = 0; r < results; r++)
            stays |= args[k] == out[r];
    const ptrdiff_t first = stays ? 0 : (ptrdiff_t)(-(uintptr_t)out[0] & (LINE - 1)) / size;
    const ptrdiff_t lines = (n - first) / SPAN * SPAN;
    /* whole vectors: some numbers are written twice, but none in place, where n is whole vectors */
    const ptrdiff_t rest = (n - first - lines + LANES - 1) / LANES * LANES;
    if (first > 0)
        usual(out, args, LANES);
    shifted(&c, out, args, first * size, to, moved);
    around(to, moved, lines, stays);
    if (!stays)
        stream_end();
    shifted(&c, out, args, (n - rest) * size, to, moved);
    usual(to, moved, rest);
}
#else
static inline int streams(ptrdiff_t bytes) { (void)bytes; return 0; }
static inline int spills(ptrdiff_t bytes, int results, void *const *out) { (void)bytes, (void)results, (void)out; return 0; }
enum { HAS_STREAMS = 0 };
static inline ptrdiff_t stream_beyond(ptrdiff_t bytes) { return bytes; }
static inline void stream_f4(float *to, const float *from, ptrdiff_t n) { memcpy(to, from, (size_t)n * sizeof *to); }
static inline void stream_f8(double *to, const double *from, ptrdiff_t n) { memcpy(to, from, (size_t)n * sizeof *to); }
static inline void stream_pieces_f4(float *to, const float *from, ptrdiff_t n) { stream_f4(to, from, n); }
static inline void stream_pieces_f8(double *to, const double *from, ptrdiff_t n) { stream_f8(to, from, n); }
static inline void stream_end(void) {}
static inline void fetch_ahead(const void *stage, ptrdiff_t bytes, ptrdiff_t ahead) { (void)stage, (void)bytes, (void)ahead; }
static inline void claim_ahead(void *stage, ptrdiff_t bytes) { (void)stage, (void)bytes; }
static inline void drive_around(
    kernel usual, kernel_around around, int data, int operands, int results, ptrdiff_t size, void *const *out, const void *const *args, ptrdiff_t n)
{
    (void)around, (void)data, (void)operands, (void)results, (void)size;
    usual(out, args, n);
}
#endif

/* a stage of n results, around the caches unless it `stays` */
#define LEAVE(suffix, real)                                                        \
    static inline __attribute__((always_inline)) void leave_##suffix(              \
        real *restrict to, const real *restrict stage, ptrdiff_t n, int stays)     \
    {                                                                              \
        if (!stays)                                                                \
            stream_##suffix(to, stage, n);                                         \
        else                                                                       \
            for (ptrdiff_t i = 0; i < n; i++)                                      \
                to[i] = stage[i];                                                  \
    }
LEAVE(f4, float)
LEAVE(f8, double)
#undef LEAVE
#endif
