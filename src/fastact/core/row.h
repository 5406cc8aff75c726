/* What a row needs once: the logarithm of its sum, and sums that keep their rounding error. All in double. */
#ifndef FASTACT_ROW_H
#define FASTACT_ROW_H

#include <math.h>
#include <stdlib.h>
#include "stream.h"
#include "vmath.h"

/* log(1 + v + v_lo) = result + *lo, for 0 <= v < 2^63: relative error about 2^-60 */
VM_INLINE double log1p_of_sum_f8(double v, double v_lo, double *lo)
{
    double u = 1.0 + v, u_lo = sum_error_f8(1.0, v, u) + v_lo;
    /* u = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt 2 */
    uint64_t i = bits_f8(u), n = (i - 0x3fe6a09e667f3bcd) >> 52;
    double e = from_bits_f8(n | 0x4330000000000000) - 0x1p52;
    double f = from_bits_f8(i - (n << 52)) - 1.0;
    /* log(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2)): coefficients/log.sollya */
    double s = f / (2.0 + f), z = s * s;
    double r = 0.1328808939168174274580991323091438971459865570068359375;
    r = fma_f8(r, z, 0.132465497831415091045670351377339102327823638916015625);
    r = fma_f8(r, z, 0.153872201638400596390710006744484417140483856201171875);
    r = fma_f8(r, z, 0.181817736148256636763420601710095070302486419677734375);
    r = fma_f8(r, z, 0.222222226566334557507076397087075747549533843994140625);
    r = fma_f8(r, z, 0.285714285691683611556612731874338351190090179443359375);
    r = fma_f8(r, z, 0.400000000000053257398491268759244121611118316650390625);
    r = fma_f8(r, z, 0.66666666666666662965923251249478198587894439697265625);
    double h = 0.5 * f * f, h_lo = fma_f8(0.5 * f, f, -h);
    double small = fma_f8(s, fma_f8(r, z, h), u_lo / u);
    /* e ln 2 with 42 bits is exact */
    double a = e * 0x1.62e42fefa38p-1, b = a + f, c = b - h;
    small += e * 0x1.ef35793c7673p-45 - h_lo;
    small += sum_error_f8(a, f, b) + sum_error_f8(b, -h, c);
    double y = c + small;
    *lo = small - (y - c);
    return y + (u - u);                            /* NaN stays NaN */
}

/* n = rint(x/ln 2), the same n as in exp_parts */
VM_INLINE float exponent_f4(float x) { return fma_f4(x, 0x1.715476p+0f, 12582912.0f) - 12582912.0f; }
VM_INLINE double exponent_f8(double x) { return fma_f8(x, 0x1.71547652b82fep+0, 6755399441055744.0) - 6755399441055744.0; }

/* d/(s + s_lo) = result + *lo; 0 for an empty sum */
VM_INLINE double quotient_f8(double d, double s, double s_lo, double *lo)
{
    double q = s == 0.0 ? 0.0 : d / s;
    double rest = (fma_f8(-q, s, d) - q * s_lo) / s;
    *lo = __builtin_fabs(rest) < __builtin_inf() ? rest : 0.0;
    return q;
}

/* 1/(s + s_lo), likewise */
VM_INLINE double inverse_f8(double s, double s_lo, double *lo)
{
    double q = s == 0.0 ? 0.0 : 1.0 / s, rest = (fma_f8(-q, s, 1.0) - q * s_lo) * q;
    *lo = __builtin_fabs(rest) < __builtin_inf() ? rest : 0.0;
    return q;
}

/* m + log(k + sum e^(x-m)) = result + *lo, where m occurs k times and the sum over the other x is given as
 * s + s_lo = sum e^(x-M), with m - M = part - n ln 2 (part and n both 0 where M is m). Where `unit` is not 0, it is e^(m-M)
 * as rounded as its like in the sum, so that equal numbers count as 1. */
VM_INLINE double log_sum_f8(double m, double part, double n, double k, double s, double s_lo, double unit, double *lo)
{
    double z = fma_f8(n, -LN2_HI_F8, part), w, q_lo, q = inverse_f8(unit, 0.0, &q_lo);
    double power = exp_parts_f8(-z, n * LN2_LO_F8, 0.0, &w);
    double e = 1.0 + w, e_lo = w - (e - 1.0);      /* e^(M-m) */
    e = unit > 0.0 ? q : e;
    e_lo = unit > 0.0 ? q_lo : e_lo;
    power = unit > 0.0 ? 1.0 : power;
    double p = s * e, p_lo = fma_f8(s, e, -p) + (s * e_lo + s_lo * e);
    double v = fma_f8(p, power, k - 1.0), v_lo = sum_error_f8(k - 1.0, p * power, v) + p_lo * power;
    double l_lo, l = log1p_of_sum_f8(v, v_lo, &l_lo);
    double y = m + l, y_lo = sum_error_f8(m, l, y) + l_lo;
    *lo = __builtin_fabs(m) < __builtin_inf() ? y_lo : 0.0;
    return y;
}

/* The same for rows of floats, to about 2^-36: there double alone is enough, and a float's quotient and one step of Newton's */
VM_INLINE double near_inverse_f8(double s)
{
    double q = (double)(1.0f / (float)s);
    return fma_f8(q, fma_f8(-s, q, 1.0), q);
}
VM_INLINE double near_log_sum_f8(double m, double part, double n, double k, double s, double unit, double *lo)
{
    const double magic = 6755399441055744.0 + 1023.0;
    double x = fma_f8(n, LN2_HI_F8, -part);
    double j = fma_f8(x, 0x1.71547652b82fep+0, magic), z = fma_f8(j - magic, -LN2_HI_F8, x), z2 = z * z;
    double q = fma_f8(EXPM1_Q7_F8, z, EXPM1_Q6_F8);
    q = fma_f8(q, z2, fma_f8(EXPM1_Q5_F8, z, EXPM1_Q4_F8));
    q = fma_f8(q, z2, fma_f8(EXPM1_Q3_F8, z, EXPM1_Q2_F8));
    q = fma_f8(q, z2, fma_f8(EXPM1_Q1_F8, z, 0.5));
    double power = from_bits_f8(bits_f8(j) << 52), e = fma_f8(fma_f8(q, z2, z), power, power), inverse = near_inverse_f8(unit);
    double v = fma_f8(s, unit > 0.0 ? inverse : e, k - 1.0);
    /* log(1 + v) as in log1p_of_sum_f8; next to 1 without the rounding of 1 + v */
    double u = 1.0 + v;
    uint64_t i = bits_f8(u), o = (i - 0x3fe6a09e667f3bcd) >> 52;
    double f = from_bits_f8(i - (o << 52)) - 1.0, exponent = from_bits_f8(o | 0x4330000000000000) - 0x1p52;
    f = exponent == 0.0 ? v : f;
    double t = f * near_inverse_f8(2.0 + f), t2 = t * t;
    double r = 0.193631433093742699735884116307715885341167449951171875;
    r = fma_f8(r, t2, 0.22191372035877143797932831148500554263591766357421875);
    r = fma_f8(r, t2, 0.285717550649055851419433338378439657390117645263671875);
    r = fma_f8(r, t2, 0.39999998794230007259642434291890822350978851318359375);
    r = fma_f8(r, t2, 0.66666666667377938448879604038666002452373504638671875);
    double l = fma_f8(exponent, LN2_HI_F8, fma_f8(t * t2, r, t + t)) + (u - u), y = m + l;
    *lo = __builtin_fabs(m) < __builtin_inf() ? sum_error_f8(m, l, y) : 0.0;
    return y;
}

/* d = result * *power, with 1 <= |result| < 2 unless *power would then be below `least` */
VM_INLINE double without_exponent_f8(double d, double least, double *power)
{
    double p = from_bits_f8(bits_f8(d) & 0x7ff0000000000000);
    p = p < least ? least : p > 0x1p1023 ? 0x1p1023 : p;
    *power = p;
    return d / p;
}

/* ---- rows ---- */
enum { WIDTH = 32, STRETCH = 256 };                /* numbers of a segment; numbers that are added in the row's own type */
enum { ROWS = 16, NEAR = 16384 };                  /* rows along memory taken together: so many, of so many bytes in all */
enum { FAR = 1 << 23 };                            /* bytes from which on the next rows are fetched ahead: with 4 MiB it takes longer, */
enum { AS_NEAR, AT_ONCE, IN_PIECES };              /* with 8 it gains; not at all, row by row, or along with the work on a row */
enum { LOWEST_NEAR = -4, TOO_HIGH = 24 };         /* where a row's maximum is near 0: see near() in rows.h */
enum { NEXT = 1 << 21, MOST = 1 << 23 };           /* bytes of a copy of a strip where there is a choice (with fewer, its pieces of memory */
                                                   /* are so short that they come slower), and what two may take at most */
enum { SIDE = 264 };                               /* rows across memory taken together; not a power of 2, which push each other out */
enum { CHUNK = STRETCH };                          /* numbers that are fetched, or computed before any is added */
enum { ALL, ALL_BUT_TINY, ALL_UNSEEN, OTHERS };    /* exponentials: all; all that count in softmax, */
                                                   /* and the maximum of each place; all but the maximum */
enum { SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, LOGSUMEXP_BACKWARD };
#define IS_LOG(op) ((op) == LOG_SOFTMAX || (op) == LOGSUMEXP)

/* Numbers in lines: rows, or the first number of each row, the second of each row, ... */
typedef struct {
    char *p;
    ptrdiff_t line, next;                          /* bytes from line to line, and from number to number */
    const char *mask;                              /* NULL, or as many bytes */
    ptrdiff_t mask_line, mask_next;
    int storage, ready;                            /* ready: numbers of a line lie together, aligned, in the type they are computed in */
    int ahead;                                     /* across memory: the next line is fetched before it is worked on */
} lines;

static lines make_lines(int storage, const char *p, ptrdiff_t line, ptrdiff_t next)
{
    ptrdiff_t size = stored_size(storage);
    lines a = {(char *)p, line, next, NULL, 0, 0, storage, 0, 0};
    a.ready = is_wide(storage) && next == size && ((uintptr_t)p | (uintptr_t)line) % (uintptr_t)size == 0;
    return a;
}

/* whether numbers of 16 bits lie together in a line, aligned */
VM_INLINE int is_packed(const lines *a) { return !is_wide(a->storage) && a->next == 2 && ((uintptr_t)a->p | (uintptr_t)a->line) % 2 == 0; }

/* Whether to take rows across memory: where neighbours belong to different rows, or rows are as short as `brief` */
VM_INLINE int take_across(ptrdiff_t n_outer, ptrdiff_t n, ptrdiff_t row, ptrdiff_t number, ptrdiff_t brief)
{
    return n_outer >= 8 && ((n <= brief && n_outer >= 16) || (row > 0 ? row : -row) < (number > 0 ? number : -number));
}

/* no iteration of the loop needs another's results: said for loops that may overwrite their operand */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#define NOT_UNROLLED
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#define NOT_UNROLLED _Pragma("GCC unroll 1")       /* as a loop of eight would be before it is made vectors */
#endif
#define EIGHT_AT_ONCE INDEPENDENT NOT_UNROLLED

#define EACH_ROW for (ptrdiff_t first = 0; first < w; first += WIDE) INDEPENDENT LOOP for (ptrdiff_t j = first; j < first + WIDE; j++)

/* Vectors of doubles, of floats in memory. Written out, because gcc loads a whole vector of floats and takes it apart. */
#if defined(__AVX512F__)
#include <immintrin.h>
enum { DOUBLES = 8, HAS_VECTORS = 1 };             /* those of vectors.h */
#define HAS_PLACES 1                               /* those of brief.h, and rows.h has a way of its own for subnormal results */
typedef __m512d doubles;
VM_INLINE doubles widened(const float *x) { return _mm512_cvtps_pd(_mm256_loadu_ps(x)); }
VM_INLINE doubles add_product(doubles d, doubles y, doubles sum) { return _mm512_fmadd_pd(d, y, sum); }
VM_INLINE doubles product_error(doubles d, doubles y, doubles p) { return _mm512_fmsub_pd(d, y, p); }
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
enum { DOUBLES = 4, HAS_VECTORS = 0 };
#define HAS_PLACES 1
typedef __m256d doubles;
VM_INLINE doubles widened(const float *x) { return _mm256_cvtps_pd(_mm_loadu_ps(x)); }
VM_INLINE doubles add_product(doubles d, doubles y, doubles sum) { return _mm256_fmadd_pd(d, y, sum); }
VM_INLINE doubles product_error(doubles d, doubles y, doubles p) { return _mm256_fmsub_pd(d, y, p); }
#else
enum { DOUBLES = 2, HAS_VECTORS = 0 };
#define HAS_PLACES 0
typedef double doubles __attribute__((vector_size(16)));
VM_INLINE doubles widened(const float *x) { return (doubles){(double)x[0], (double)x[1]}; }
VM_INLINE doubles add_product(doubles d, doubles y, doubles sum) { return sum + d * y; }        /* the product is exact */
VM_INLINE doubles product_error(doubles d, doubles y, doubles p) { return (doubles){fma_f8(d[0], y[0], -p[0]), fma_f8(d[1], y[1], -p[1])}; }
#endif
typedef double unaligned_doubles __attribute__((vector_size(8 * DOUBLES), aligned(8), may_alias));
typedef int64_t integers __attribute__((vector_size(8 * DOUBLES)));

#define REAL float
#define IS_DOUBLE 0
#define NAME(name) name##_f4
#include "rows.h"
#if HAS_PLACES
#include "places.h"
#endif
#if defined(__AVX512F__)
#include "vectors.h"
#endif
#define WIDE 32
#define TILE(name) NAME(name##_32)
#define LOOP
#include "across.h"
#undef WIDE
#undef TILE
#undef LOOP
#define WIDE 8
#define TILE(name) NAME(name##_8)
#define LOOP NOT_UNROLLED
#include "across.h"
#undef WIDE
#undef TILE
#undef LOOP
#include "straight.h"
#if HAS_PLACES
#include "brief.h"
#endif
#include "anyrows.h"
#undef V
#undef V_IS
#undef V_SHIFTED
#undef LIFT
#undef EDGE
#undef SLOPE_LIFT
#undef SLOPE_EDGE
#undef TINY
#undef REAL
#undef IS_DOUBLE
#undef NAME

#define REAL double
#define IS_DOUBLE 1
#define NAME(name) name##_f8
#include "rows.h"
#if HAS_PLACES
#include "places.h"
#endif
#if defined(__AVX512F__)
#include "vectors.h"
#endif
#define WIDE 32
#define TILE(name) NAME(name##_32)
#define LOOP
#include "across.h"
#undef WIDE
#undef TILE
#undef LOOP
#define WIDE 8
#define TILE(name) NAME(name##_8)
#define LOOP NOT_UNROLLED
#include "across.h"
#undef WIDE
#undef TILE
#undef LOOP
#include "straight.h"
#if HAS_PLACES
#include "brief.h"
#endif
#include "anyrows.h"
#undef V
#undef V_IS
#undef V_SHIFTED
#undef LIFT
#undef EDGE
#undef SLOPE_LIFT
#undef SLOPE_EDGE
#undef TINY
#undef REAL
#undef IS_DOUBLE
#undef NAME
#endif
