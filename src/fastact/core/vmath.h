/* Scalar, branch-free primitives: the arithmetic that the formulas in activations.pxi are made of.
 *
 * Every function exists for float (_f4) and double (_f8). Each is straight-line code that a compiler turns into
 * full-width vectors when it stands in a plain loop. Rounding is explicit: contraction is off, every fused
 * multiply-add is written as fma(), so each ISA gives the same bits.
 */
#ifndef FASTACT_VMATH_H
#define FASTACT_VMATH_H

#include <stdint.h>
#include <string.h>

#define VM_INLINE static inline __attribute__((always_inline, unused))
#if defined(__clang__)
#define ONE_COPY static __attribute__((noinline, unused))
#else
#define ONE_COPY static __attribute__((noinline, noclone, unused))  /* gcc would make one for each caller's constants */
#endif

#if defined(__AVX512F__)
#define HAS_AVX512 1
#else
#define HAS_AVX512 0
#endif

/* ---- bit casts, fma, sign ------------------------------------------------------------------------------ */

VM_INLINE uint32_t bits_f4(float x) { uint32_t u; memcpy(&u, &x, sizeof u); return u; }
VM_INLINE uint64_t bits_f8(double x) { uint64_t u; memcpy(&u, &x, sizeof u); return u; }
VM_INLINE float from_bits_f4(uint32_t u) { float x; memcpy(&x, &u, sizeof x); return x; }
VM_INLINE double from_bits_f8(uint64_t u) { double x; memcpy(&x, &u, sizeof x); return x; }

#if defined(__FMA__) || !(defined(__x86_64__) || defined(__i386__))
#define HAS_FMA 1
VM_INLINE float fma_f4(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
#define HAS_FMA 0
/* Without the instruction, float fma is exact in double up to one rounding: a*b is exact, a*b + c is rounded to odd
 * (Boldo & Melquiond 2008), and the last rounding, to float, is then correct. To odd: if s was rounded away from zero
 * go one back, then set the last bit. Vectorises on plain SSE2. */
VM_INLINE float fma_f4(float a, float b, float c)
{
    double p = (double)a * (double)b, q = (double)c;
    double s = p + q;
    double t = s - p;
    double e = (p - (s - t)) + (q - t);           /* a*b + c = s + e, exactly; NaN when s is not finite */
    uint64_t u = bits_f8(s), k = bits_f8(e) & 0x7FFFFFFFFFFFFFFFu;
    uint64_t inexact = (-k & ~(0x7FF0000000000000u - k)) >> 63;   /* 0 < |e| < inf, as 0 or 1; a comparison would be a branch, */
    uint64_t away = ((bits_f8(e) ^ u) >> 63) & inexact;           /* which gcc multiplies out and then cannot vectorise */
    return (float)from_bits_f8((u - away) | inexact);
}
#endif
VM_INLINE double fma_f8(double a, double b, double c) { return __builtin_fma(a, b, c); }

VM_INLINE float abs_f4(float x) { return __builtin_fabsf(x); }
VM_INLINE double abs_f8(double x) { return __builtin_fabs(x); }
VM_INLINE float copysign_f4(float x, float s) { return __builtin_copysignf(x, s); }
VM_INLINE double copysign_f8(double x, double s) { return __builtin_copysign(x, s); }
VM_INLINE float flipped_f4(float x, float sign) { return from_bits_f4(bits_f4(x) ^ bits_f4(sign)); }
VM_INLINE double flipped_f8(double x, double sign) { return from_bits_f8(bits_f8(x) ^ bits_f8(sign)); }
/* copysign of what has no sign yet: an operation less */
VM_INLINE float signed_f4(float size, float s) { return from_bits_f4(bits_f4(size) ^ (bits_f4(s) & 0x80000000u)); }
VM_INLINE double signed_f8(double size, double s) { return from_bits_f8(bits_f8(size) ^ (bits_f8(s) & 0x8000000000000000u)); }

/* A number whose value the compiler does not see. gcc makes one instruction of "x < lo ? lo : x" (vmaxps) where lo is
 * unknown but the same in the whole loop, and a comparison and a blend where it is a literal. */
extern uint32_t fastact_nothing;                   /* 0; not const, or it would be seen through */
__attribute__((used, visibility("hidden"))) uint32_t fastact_nothing;
VM_INLINE float unseen_f4(float c) { return from_bits_f4(bits_f4(c) ^ fastact_nothing); }
VM_INLINE double unseen_f8(double c) { return from_bits_f8(bits_f8(c) ^ fastact_nothing); }

/* lower bound and upper bound of x; NaN stays NaN */
VM_INLINE float at_least_f4(float x, float lo) { float b = unseen_f4(lo); return x < b ? b : x; }
VM_INLINE double at_least_f8(double x, double lo) { double b = unseen_f8(lo); return x < b ? b : x; }
VM_INLINE float at_most_f4(float x, float hi) { float b = unseen_f4(hi); return x > b ? b : x; }
VM_INLINE double at_most_f8(double x, double hi) { double b = unseen_f8(hi); return x > b ? b : x; }

/* a*v, where 0*inf is 0: a dead slope stays dead. By a mask: of a choice that is the same in a whole loop a compiler makes two loops */
VM_INLINE float times_f4(float a, float v)
{
    uint32_t u = bits_f4(a) << 1, some = (u | -u) >> 31;
    return from_bits_f4(bits_f4(a * v) & -some);
}
VM_INLINE double times_f8(double a, double v)
{
    uint64_t u = bits_f8(a) << 1, some = (u | -u) >> 63;
    return from_bits_f8(bits_f8(a * v) & -some);
}

VM_INLINE float at_most_finite_f4(float x) { return at_most_f4(x, 0x1.fffffep+127f); }
VM_INLINE double at_most_finite_f8(double x) { return at_most_f8(x, 0x1.fffffffffffffp+1023); }
VM_INLINE float at_least_finite_f4(float x) { return at_least_f4(x, -0x1.fffffep+127f); }
VM_INLINE double at_least_finite_f8(double x) { return at_least_f8(x, -0x1.fffffffffffffp+1023); }
VM_INLINE float square_gone_f4(float x) { return at_most_f4(x, 0x1p82f); }            /* 1/x^2 is 0 */
VM_INLINE double square_gone_f8(double x) { return at_most_f8(x, 0x1p546); }
VM_INLINE float at_least_normal_f4(float x) { return at_least_f4(x, 0x1p-126f); }
VM_INLINE double at_least_normal_f8(double x) { return at_least_f8(x, 0x1p-1022); }

/* IEEE rounds the square root correctly everywhere; without math-errno it is one instruction */
VM_INLINE float sqrt_f4(float x) { return __builtin_sqrtf(x); }
VM_INLINE double sqrt_f8(double x) { return __builtin_sqrt(x); }

/* Quotients and roots, rounded correctly, without the divider, which takes as long as sixteen to fifty multiplications of whole
 * vectors: bit for bit what the instructions give.
 *
 * a/b for 2^-1021 < |b| < 2^1021 and a/b as far from the ends, or exact (b = 1). An integer subtraction gives 1.41 to 1.46 times 1/b, a
 * polynomial 27 bits of 1/b, Halley's step 1/b as rounded unless 1/b is within 2^-81 of halfway between two numbers, and Markstein's
 * step the quotient: it goes wrong at most where b is within 2^-26 of a power of 2 above and 1/b not as rounded, and all those are.
 *
 * sqrt(x) for 2^-100 < x < 2^126 (2^-960, 2^1020), and powers of 4: seed and polynomial give 16 (26) bits of sqrt(x) and 1/sqrt(x), a
 * step twice that, and the last one rounds. Floats are tried by mantissa and parity of the exponent; of doubles all whose root is so
 * close to halfway between two numbers that it could matter, for which the polynomial's last coefficient is chosen. */
#if defined(__AVX512F__)
VM_INLINE double divide_f8(double a, double b)
{
    double seed = from_bits_f8(0x7FE6A09E667F3BCDu - bits_f8(b)), z = b * seed;
    double p = fma_f8(fma_f8(-0x1.e357c4835cb54p-3, z, 0x1.5ac0c2151faeap+0), z, -0x1.7520fd583034fp+1);
    double y = seed * fma_f8(p, z, 0x1.64e2655f39c27p+1);
    double e = fma_f8(-b, y, 1.0);
    y = fma_f8(y, fma_f8(e, e, e), y);
    double q = a * y;
    return fma_f8(fma_f8(-b, q, a), y, q);
}
#else
VM_INLINE double divide_f8(double a, double b) { return a / b; }
#endif
VM_INLINE float divide_f4(float a, float b) { return a / b; }
/* sqrt(x) */
VM_INLINE float multiplied_root_f4(float x)
{
    uint32_t s = bits_f4(x) >> 1;
    float y = from_bits_f4(0x5F600000u - s), half = from_bits_f4(0x5EE00000u - s), t = x * y, z = t * y;
    float p = fma_f4(fma_f4(0x1.dfe9c2p-4f, z, -0x1.3ea878p-1f), z, 0x1.7c8686p+0f);
    float g = t * p, h = half * p;
    float e = fma_f4(-g, h, 0.5f);
    g = fma_f4(g, e, g);
    h = fma_f4(h, e, h);
    return fma_f4(fma_f4(-g, g, x), h, g);
}
VM_INLINE double multiplied_root_f8(double x)
{
    uint64_t s = bits_f8(x) >> 1;
    double y = from_bits_f8(0x5FEC000000000000u - s), half = from_bits_f8(0x5FDC000000000000u - s), t = x * y, z = t * y;
    double p = fma_f8(fma_f8(0x1.13ffadb3118ffp-5, z, -0x1.1ac3fa32234c5p-2), z, 0x1.d8f816bbebc2ap-1);
    p = fma_f8(fma_f8(p, z, -0x1.a265c42eb9731p+0), z, 0x1.f372e02b6b55cp+0);
    double g = t * p, h = half * p;
    double e = fma_f8(-g, h, 0.5);
    g = fma_f8(g, e, g);
    h = fma_f8(h, e, h);
    return fma_f8(fma_f8(-g, g, x), h, g);
}

/* The usual way and the other one, and how many of a turn's numbers take it: then the divider has something to do, but not all.
 * BESIDE: where a quotient keeps it busy, too. wide_root: where of AVX-512's vectors only doubles gain from multiplications;
 * lone_root: where little else is to do, too. */
#if defined(__AVX512F__)
VM_INLINE float normal_root_f4(float x) { return multiplied_root_f4(x); }
VM_INLINE double normal_root_f8(double x) { return multiplied_root_f8(x); }
VM_INLINE float normal_root_else_f4(float x) { return sqrt_f4(x); }
VM_INLINE double normal_root_else_f8(double x) { return sqrt_f8(x); }
VM_INLINE double wide_root_f8(double x) { return multiplied_root_f8(x); }
VM_INLINE double wide_root_else_f8(double x) { return sqrt_f8(x); }
#else
VM_INLINE float normal_root_f4(float x) { return sqrt_f4(x); }
VM_INLINE double normal_root_f8(double x) { return sqrt_f8(x); }
VM_INLINE float normal_root_else_f4(float x) { return multiplied_root_f4(x); }
VM_INLINE double normal_root_else_f8(double x) { return multiplied_root_f8(x); }
VM_INLINE double wide_root_f8(double x) { return sqrt_f8(x); }
VM_INLINE double wide_root_else_f8(double x) { return multiplied_root_f8(x); }
#endif
VM_INLINE float wide_root_f4(float x) { return sqrt_f4(x); }
VM_INLINE float wide_root_else_f4(float x) { return multiplied_root_f4(x); }
VM_INLINE float lone_root_f4(float x) { return wide_root_f4(x); }
VM_INLINE double lone_root_f8(double x) { return wide_root_f8(x); }
VM_INLINE float lone_root_else_f4(float x) { return wide_root_else_f4(x); }
VM_INLINE double lone_root_else_f8(double x) { return wide_root_else_f8(x); }
#if defined(__AVX512F__) && !defined(__clang__)
enum { LONE_ROOT_ELSE_F4 = 16, LONE_ROOT_BESIDE_F4 = 16, LONE_ROOT_ELSE_F8 = 48, LONE_ROOT_BESIDE_F8 = 0 };
enum { TURN_F4 = 128, NORMAL_ROOT_ELSE_F4 = 64, NORMAL_ROOT_BESIDE_F4 = 64, WIDE_ROOT_ELSE_F4 = 16, WIDE_ROOT_BESIDE_F4 = 16 };
enum { TURN_F8 = 128, NORMAL_ROOT_ELSE_F8 = 0, NORMAL_ROOT_BESIDE_F8 = 0, WIDE_ROOT_ELSE_F8 = 48, WIDE_ROOT_BESIDE_F8 = 0 };
#elif defined(__AVX2__) && !defined(__clang__)
enum { LONE_ROOT_ELSE_F4 = 0, LONE_ROOT_BESIDE_F4 = 0, LONE_ROOT_ELSE_F8 = 4, LONE_ROOT_BESIDE_F8 = 12 };
enum { TURN_F4 = 128, NORMAL_ROOT_ELSE_F4 = 0, NORMAL_ROOT_BESIDE_F4 = 0, WIDE_ROOT_ELSE_F4 = 0, WIDE_ROOT_BESIDE_F4 = 0 };
enum { TURN_F8 = 16, NORMAL_ROOT_ELSE_F8 = 4, NORMAL_ROOT_BESIDE_F8 = 8, WIDE_ROOT_ELSE_F8 = 4, WIDE_ROOT_BESIDE_F8 = 8 };
#else
enum { LONE_ROOT_ELSE_F4 = 0, LONE_ROOT_BESIDE_F4 = 0, LONE_ROOT_ELSE_F8 = 0, LONE_ROOT_BESIDE_F8 = 0 };
enum { TURN_F4 = 128, NORMAL_ROOT_ELSE_F4 = 0, NORMAL_ROOT_BESIDE_F4 = 0, WIDE_ROOT_ELSE_F4 = 0, WIDE_ROOT_BESIDE_F4 = 0 };
enum { TURN_F8 = 128, NORMAL_ROOT_ELSE_F8 = 0, NORMAL_ROOT_BESIDE_F8 = 0, WIDE_ROOT_ELSE_F8 = 0, WIDE_ROOT_BESIDE_F8 = 0 };
#endif

/* x/6 rounded once, without a division: 1/6 is the sum of two numbers */
VM_INLINE float sixth_f4(float x) { return fma_f4(x, 0x1.555556p-3f, x * -0x1.555556p-28f); }
VM_INLINE double sixth_f8(double x) { return fma_f8(x, 0x1.5555555555555p-3, x * 0x1.5555555555555p-57); }

/* A power of two near 2^-16/sqrt(b) (2^-32/sqrt(b)), for b >= 0, from half of b's exponent. With it x^2 + b is in range
 * for every x that square_hold() leaves alone; the others are so large beside sqrt(b) that b/x^2 is 0. Without b no square
 * may vanish, which takes a larger power. */
VM_INLINE float square_scale_f4(float b) { float s = from_bits_f4((174u - (bits_f4(b) >> 24)) << 23); return b == 0.0f ? 0x1p98f : s; }
VM_INLINE double square_scale_f8(double b) { double s = from_bits_f8((1502u - (bits_f8(b) >> 53)) << 52); return b == 0.0 ? 0x1p600 : s; }
VM_INLINE float square_lift_f4(float x) { return x * 0x1p48f; }         /* c below 1/x stays normal down to the smallest results */
VM_INLINE double square_lift_f8(double x) { return x * 0x1p96; }
/* lifted/2^48 + held. Without the instruction in two steps: the product is exact but where it is subnormal, and held so large that all
 * of it is lost */
#if HAS_FMA
VM_INLINE float square_lower_f4(float lifted, float held) { return fma_f4(lifted, 0x1p-48f, held); }
VM_INLINE double square_lower_f8(double lifted, double held) { return fma_f8(lifted, 0x1p-96, held); }
#else
VM_INLINE float square_lower_f4(float lifted, float held) { return lifted * 0x1p-48f + held; }
VM_INLINE double square_lower_f8(double lifted, double held) { return lifted * 0x1p-96 + held; }
#endif
VM_INLINE float square_hold_f4(float x) { return at_most_f4(x, 0x1p62f); }
VM_INLINE double square_hold_f8(double x) { return at_most_f8(x, 0x1p510); }

/* 1/x and up to an eighth more, for normal x below 2^127: one subtraction of integers. That is enough to weigh what rounding left out,
 * and next to nothing where a square root and a division keep their one unit busy. Of powers of 2 it is exact but for the last bit. */
VM_INLINE float weight_f4(float x) { return from_bits_f4(0x7EFFFFFFu - bits_f4(x)); }
VM_INLINE double weight_f8(double x) { return from_bits_f8(0x7FDFFFFFFFFFFFFFu - bits_f8(x)); }
VM_INLINE float half_weight_f4(float x) { return from_bits_f4(0x7E7FFFFFu - bits_f4(x)); }                  /* of 1/(2x) */
VM_INLINE double half_weight_f8(double x) { return from_bits_f8(0x7FCFFFFFFFFFFFFFu - bits_f8(x)); }

/* a rounding error of a computed x, kept small where x is beyond its bounds and the error may be anything, NaN too */
VM_INLINE float residue_f4(float dx)
{
    float lo = unseen_f4(-0x1p-15f), hi = unseen_f4(0x1p-15f);
    float d = dx > lo ? dx : lo;
    return d < hi ? d : hi;
}
VM_INLINE double residue_f8(double dx)
{
    double lo = unseen_f8(-0x1p-42), hi = unseen_f8(0x1p-42);
    double d = dx > lo ? dx : lo;
    return d < hi ? d : hi;
}



/* c - x = d + *lo, exactly (Knuth) */
VM_INLINE float difference_f4(float c, float x, float *lo)
{
    float d = c - x, t = d - c;
    *lo = (c - (d - t)) - (x + t);
    return d;
}
VM_INLINE double difference_f8(double c, double x, double *lo)
{
    double d = c - x, t = d - c;
    *lo = (c - (d - t)) - (x + t);
    return d;
}

/* a + b = s + error, exactly (Knuth) */
VM_INLINE double sum_error_f8(double a, double b, double s)
{
    double t = s - a;
    return (a - (s - t)) + (b - t);
}

/* ---- the exponential ----------------------------------------------------------------------------------- */
/* e^(x + dx) = 2^n (1 + w),  n = rint(x/ln 2), |z| <= ln2/2, w = expm1(z).
 * The magic number 1.5*2^23 (1.5*2^52) puts n, biased, in the low bits of j, so that shifting j's bits gives 2^n.
 * z is exact before dx and the low part of ln 2 come in: with fma the full-precision ln 2 may be used.
 */
#define LN2_HI_F4 0x1.62e430p-1f
#define LN2_LO_F4 -0x1.05c610p-29f
#define LN2_HI_F8 0x1.62e42fefa39efp-1
#define LN2_LO_F8 0x1.abc9e3b39803fp-56

/* q's coefficients by power of z; the last, 1/2, is exact */
#define EXPM1_Q4_F4 1.3910769484937191009521484375e-3f
#define EXPM1_Q3_F4 8.363098837435245513916015625e-3f
#define EXPM1_Q2_F4 4.1666708886623382568359375e-2f
#define EXPM1_Q1_F4 0.16666577756404876708984375f
#define EXPM1_Q10_F8 2.08997021832286702907428744700659567490319545868e-9
#define EXPM1_Q9_F8 2.510182889882441630630763318172277154260996212542e-8
#define EXPM1_Q8_F8 2.75573145639414635518229211574858794620013213716e-7
#define EXPM1_Q7_F8 2.75572645540589318408617770794766244080165051855e-6
#define EXPM1_Q6_F8 2.480158728808565398479650532248541594526614062488e-5
#define EXPM1_Q5_F8 1.984126986657778980629313059225182769296225160360e-4
#define EXPM1_Q4_F8 1.3888888888896606770007036146807877230457961559e-3
#define EXPM1_Q3_F8 8.333333333328883651969221091349027119576930999755e-3
#define EXPM1_Q2_F8 4.16666666666666574148081281236954964697360992431e-2
#define EXPM1_Q1_F8 0.16666666666666668517038374375260900706052780151

/* expm1(z) on |z| <= ln2/2 as z + z^2 q(z), coefficients/exp.sollya; two chains wait less than one */
VM_INLINE float expm1_rest_f4(float z, float z2)
{
    float q = fma_f4(EXPM1_Q4_F4, z2, fma_f4(EXPM1_Q3_F4, z, EXPM1_Q2_F4));
    return fma_f4(q, z2, fma_f4(EXPM1_Q1_F4, z, 0.5f));
}
VM_INLINE double expm1_rest_f8(double z, double z2)
{
    double q = fma_f8(EXPM1_Q10_F8, z2, fma_f8(EXPM1_Q9_F8, z, EXPM1_Q8_F8));
    q = fma_f8(q, z2, fma_f8(EXPM1_Q7_F8, z, EXPM1_Q6_F8));
    q = fma_f8(q, z2, fma_f8(EXPM1_Q5_F8, z, EXPM1_Q4_F8));
    q = fma_f8(q, z2, fma_f8(EXPM1_Q3_F8, z, EXPM1_Q2_F8));
    return fma_f8(q, z2, fma_f8(EXPM1_Q1_F8, z, 0.5));
}

VM_INLINE float expm1_poly_f4(float z) { float z2 = z * z; return fma_f4(expm1_rest_f4(z, z2), z2, z); }
VM_INLINE double expm1_poly_f8(double z) { double z2 = z * z; return fma_f8(expm1_rest_f8(z, z2), z2, z); }
/* exp_reduced: returns z, and s = 2^(n+shift); shift (a compile-time constant) keeps s normal where e^x is subnormal: the
 * caller multiplies by 2^-shift last, which rounds once. */
VM_INLINE float exp_reduced_f4(float x, float dx, float shift, float *s)
{
    const float magic = 12582912.0f + 127.0f + shift;
    float j = fma_f4(x, 0x1.715476p+0f, magic);
    float n = j - magic;
    float z = fma_f4(n, -LN2_HI_F4, x);
    *s = from_bits_f4(bits_f4(j) << 23);
    return fma_f4(n, -LN2_LO_F4, z + dx);
}
VM_INLINE float exp_parts_f4(float x, float dx, float shift, float *w)
{
    float s, z = exp_reduced_f4(x, dx, shift, &s);
    *w = expm1_poly_f4(z);
    return s;
}
VM_INLINE double exp_reduced_f8(double x, double dx, double shift, double *s)
{
    const double magic = 6755399441055744.0 + 1023.0 + shift;
    double j = fma_f8(x, 0x1.71547652b82fep+0, magic);
    double n = j - magic;
    double z = fma_f8(n, -LN2_HI_F8, x);
    *s = from_bits_f8(bits_f8(j) << 52);
    return fma_f8(n, -LN2_LO_F8, z + dx);
}
VM_INLINE double exp_parts_f8(double x, double dx, double shift, double *w)
{
    double s, z = exp_reduced_f8(x, dx, shift, &s);
    *w = expm1_poly_f8(z);
    return s;
}

/* The scaled exponential, for e^x that may be subnormal: e^(x + dx) * 2^shift = s(1 + w), every number normal.
 * Finish the formula on the scaled value; unscale() is its last operation and the only one that rounds into the
 * subnormals. x <= 64 ln 2 (512 ln 2); below -130 (-1060) x is held, where anything reasonable unscales to 0, and at such a
 * number that fma(s, w, s) is exact and s w normal, whatever dx: what rounding leaves out is then 0, by no subnormal number.
 * dx is the rounding error of a computed x, as residue() leaves it; -0.0 where there is none (adding -0.0 is no
 * operation, adding 0.0 is). */
VM_INLINE float scaled_reduced_f4(float x, float dx, float *s) { return exp_reduced_f4(at_least_f4(x, -130.0428466796875f), dx, 64.0f, s); }
VM_INLINE double scaled_reduced_f8(double x, double dx, double *s) { return exp_reduced_f8(at_least_f8(x, -1060.1728515625), dx, 512.0, s); }
/* The same, but 0 where x is held: for what is multiplied by a large number before it is unscaled. */
VM_INLINE float fading_reduced_f4(float x, float dx, float *s) { return exp_reduced_f4(at_least_f4(x, -132.375f), dx, 64.0f, s); }
VM_INLINE double fading_reduced_f8(double x, double dx, double *s) { return exp_reduced_f8(at_least_f8(x, -1064.0), dx, 512.0, s); }
VM_INLINE double scaled_f8(double y) { return y * 0x1p512; }
/* A product that may be subnormal: some CPUs take some twenty cycles for it (Zen 3), and no more than for any other where it is
 * a fused one. Never negate it: gcc turns -fma(a, b, -0.0) into fma(-a, b, 0.0), which has another sign where it is 0. */
#if defined(__FMA__)
VM_INLINE float lowered_f4(float a, float b) { return fma_f4(a, b, -0.0f); }
VM_INLINE double lowered_f8(double a, double b) { return fma_f8(a, b, -0.0); }
#else
VM_INLINE float lowered_f4(float a, float b) { return a * b; }
VM_INLINE double lowered_f8(double a, double b) { return a * b; }
#endif
/* Intel's processors take 150 cycles for each product or sum that is subnormal. Where such are usual, the least normal number is added
 * to the product, which rounds it as a subnormal is rounded, and taken away from the bits. */
#define LEAST_NORMAL_F4 0x00800000u
/* dy by a slope that may be subnormal: of floats the product alone takes no longer, and less where it is not */
VM_INLINE float graded_f4(float dy, float slope) { return dy * slope; }
VM_INLINE double graded_f8(double dy, double slope) { return lowered_f8(dy, slope); }
VM_INLINE float unscale_f4(float y) { return lowered_f4(y, 0x1p-64f); }
VM_INLINE double unscale_f8(double y) { return lowered_f8(y, 0x1p-512); }
/* unscale(y) + c with one rounding */
VM_INLINE float unscale_add_f4(float y, float c) { return fma_f4(y, 0x1p-64f, c); }
VM_INLINE double unscale_add_f8(double y, double c) { return fma_f8(y, 0x1p-512, c); }

/* e^(x + dx) over the whole line, to 0 and to inf: 2^n is the product of two powers, so that neither it nor 2^n (1 + w)
 * leaves the normal range before the last multiplication, which rounds into the subnormals or overflows. x counts to some way beyond
 * inf, since celu's value and slope take 2^-40 of it first. */
VM_INLINE float wide_reduced_f4(float x, float dx, float *s, float *up)
{
    const float magic = 12582912.0f + 254.0f;
    float a = at_most_f4(at_least_f4(x, -116.0f), 102.0f);
    float j = fma_f4(a, 0x1.715476p+0f, magic);
    float n = j - magic;
    float z = fma_f4(n, -LN2_HI_F4, a);
    uint32_t k = bits_f4(j), h = k >> 1;
    *s = from_bits_f4(h << 23);
    *up = from_bits_f4((k - h) << 23);
    return fma_f4(n, -LN2_LO_F4, z + dx);
}
VM_INLINE float wide_poly_f4(float z)
{
    float q = EXPM1_Q4_F4;
    q = fma_f4(q, z, EXPM1_Q3_F4);
    q = fma_f4(q, z, EXPM1_Q2_F4);
    q = fma_f4(q, z, EXPM1_Q1_F4);
    q = fma_f4(q, z, 0.5f);
    return fma_f4(q, z, 1.0f);
}
VM_INLINE float wide_of_f4(float z, float q, float s, float up) { return lowered_f4(fma_f4(q, z * s, s), up); }
VM_INLINE double wide_reduced_f8(double x, double dx, double *s, double *up)
{
    const double magic = 6755399441055744.0 + 2046.0;
    double a = at_most_f8(at_least_f8(x, -765.0), 723.0);
    double j = fma_f8(a, 0x1.71547652b82fep+0, magic);
    double n = j - magic;
    double z = fma_f8(n, -LN2_HI_F8, a);
    uint64_t k = bits_f8(j), h = k >> 1;
    *s = from_bits_f8(h << 52);
    *up = from_bits_f8((k - h) << 52);
    return fma_f8(n, -LN2_LO_F8, z + dx);
}
VM_INLINE double wide_poly_f8(double z) { return expm1_poly_f8(z); }
VM_INLINE double wide_of_f8(double z, double w, double s, double up) { (void)z; return lowered_f8(fma_f8(s, w, s), up); }

/* low - t t/(1 + t), t and the quotient scaled: else it would be subnormal where t is */
VM_INLINE float less_share_f4(float t, float low) { float plain = unscale_f4(t); return fma_f4(-plain, t / (1.0f + plain), low); }
VM_INLINE double less_share_f8(double t, double low) { double plain = unscale_f8(t); return fma_f8(-plain, t / (1.0 + plain), low); }

/* 1/(1 + e^-(x + dx)), given -dx: 1 and e^-x both carry 2^-30 (2^-512), so that e^-x is in range wherever the result is
 * not 0; the division, of doubles the product after it, rounds into the subnormals. s + 1 leaves its rounding error to the sum with s w. */
VM_INLINE float logistic_reduced_f4(float x, float minus_dx, float *s)
{
    const float magic = 12582912.0f + 127.0f - 40.0f;
    float a = at_most_f4(at_least_f4(x, -115.0f), 18.0f);
    float j = fma_f4(a, -0x1.715476p+0f, magic);
    float n = j - magic;
    float z = fma_f4(n, -LN2_HI_F4, -a);
    *s = from_bits_f4(bits_f4(j) << 23);
    return fma_f4(n, -LN2_LO_F4, z + minus_dx);
}
VM_INLINE float logistic_of_f4(float s, float w)
{
    const float one = 0x1p-40f;
    float sum = s + one;
    return one / (sum + fma_f4(s, w, (s - sum) + one));
}
VM_INLINE double logistic_reduced_f8(double x, double minus_dx, double *s)
{
    const double magic = 6755399441055744.0 + 1023.0 - 512.0;
    double a = at_most_f8(at_least_f8(x, -765.0), 40.0);
    double j = fma_f8(a, -0x1.71547652b82fep+0, magic);
    double n = j - magic;
    double z = fma_f8(n, -LN2_HI_F8, -a);
    *s = from_bits_f8(bits_f8(j) << 52);
    return fma_f8(n, -LN2_LO_F8, z + minus_dx);
}
VM_INLINE double logistic_of_f8(double s, double w)
{
    const double one = 0x1p-512;
    double sum = s + one;
    return lowered_f8(1.0 / (sum + fma_f8(s, w, (s - sum) + one)), one);
}

/* tanh |x| = (1 - t)/(1 + t), t = e^-2|x| = 2^n (1 + w). All in units of x: z is half the usual one, and so is w.
 * The last bits of float's coefficients are chosen by trial: coefficients/tanh.py */
VM_INLINE float tanh_reduced_f4(float x, float *s)
{
    const float magic = 12582912.0f + 126.0f;
    float a = at_most_f4(abs_f4(x), 20.0f);
    float j = fma_f4(a, -2 * 0x1.715476p+0f, magic);
    float n = j - magic;
    float z = fma_f4(n, -0.5f * LN2_HI_F4, -a);
    *s = from_bits_f4(bits_f4(j) << 23);
    return fma_f4(n, -0.5f * LN2_LO_F4, z);
}
VM_INLINE float tanh_poly_f4(float z)
{
    float q = 0x1.6ca99ap-5f;
    q = fma_f4(q, z, 0x1.120b60p-3f);
    q = fma_f4(q, z, 0x1.55557cp-2f);
    q = fma_f4(q, z, 0x1.5554dcp-1f);
    q = fma_f4(q, z, 1.0f);
    return fma_f4(z * z, q, z);
}
VM_INLINE float tanh_of_f4(float s, float w)
{
    float twice = s + s;
    return fma_f4(-twice, w, 0.5f - s) / fma_f4(twice, w, 0.5f + s);
}
/* z in two parts: by the second, which is small beside 1/t, only the first power's term need know */
VM_INLINE double tanh_reduced_f8(double x, double *s, double *tail)
{
    const double magic = 6755399441055744.0 + 1022.0;
    double a = at_most_f8(abs_f8(x), 30.0);
    double j = fma_f8(a, -2 * 0x1.71547652b82fep+0, magic);
    double n = j - magic;
    *s = from_bits_f8(bits_f8(j) << 52);
    *tail = n * (-0.5 * LN2_LO_F8);
    return fma_f8(n, -0.5 * LN2_HI_F8, -a);
}
VM_INLINE double tanh_rest_f8(double z, double z2)
{
    double q = fma_f8(2048 * EXPM1_Q10_F8, z2, fma_f8(1024 * EXPM1_Q9_F8, z, 512 * EXPM1_Q8_F8));
    q = fma_f8(q, z2, fma_f8(256 * EXPM1_Q7_F8, z, 128 * EXPM1_Q6_F8));
    q = fma_f8(q, z2, fma_f8(64 * EXPM1_Q5_F8, z, 32 * EXPM1_Q4_F8));
    q = fma_f8(q, z2, fma_f8(16 * EXPM1_Q3_F8, z, 8 * EXPM1_Q2_F8));
    return fma_f8(q, z2, fma_f8(4 * EXPM1_Q1_F8, z, 1.0));
}
/* all of (e^(2z) - 1)/2 but z */
VM_INLINE double tanh_poly_f8(double z, double tail) { double z2 = z * z; return fma_f8(z2, tanh_rest_f8(z, z2), tail); }
/* (1/2 - s - 2 s w)/(1/2 + s + 2 s w), w = z + c. What roundings leave out of the divisor, that of z + c among them, would be up to 1.3 ulp
 * of the result. It is had exactly, 2 s being a power of 2; dividend and divisor add up to 1, and the dividend makes up for it. 1.25: about
 * 1/divisor. */
VM_INLINE double tanh_of_f8(double s, double z, double c)
{
    double twice = s + s, divisor = fma_f8(twice, c, fma_f8(twice, z, 0.5 + s));
    double more = divisor - 0.5, dividend = 0.5 - more;
    double lost = fma_f8(twice, c, fma_f8(twice, z, s - more));
    return fma_f8(-lost, fma_f8(dividend, 1.25, 1.0), dividend) / divisor;
}

/* c(e^(x + dx) - 1) over the whole line: s(1 + w) - 1 = (s - 1) + s w, with c folded in before anything is rounded, and
 * the rounding error of z carried along. All is 2^-40 of itself inside, which lets c(e^x - 1) be a number where e^x is
 * none, |c| > 1e-5. A tiny c counts 2^64 (2^512) times, or its parts would be subnormal; what takes both back is *back. */
VM_INLINE float times_lifted_f4(float c, float *back)
{
    int tiny = abs_f4(c) < 0x1p-60f;
    *back = tiny ? 0x1p-24f : 0x1p40f;
    return tiny ? c * 0x1p64f : c;
}
VM_INLINE double times_lifted_f8(double c, double *back)
{
    int tiny = abs_f8(c) < 0x1p-500;
    *back = tiny ? 0x1p-472 : 0x1p40;
    return tiny ? c * 0x1p512 : c;
}
/* as far as x counts, so that 2^-40 c e^x is a number */
VM_INLINE float times_most_f4(float c)
{
    float exponent = from_bits_f4((bits_f4(abs_f4(c)) >> 23) | 0x4B000000u) - 0x1p23f;
    return at_most_f4((292.0f - exponent) * 0.6931471f, 102.0f);
}
VM_INLINE double times_most_f8(double c)
{
    double exponent = from_bits_f8((bits_f8(abs_f8(c)) >> 52) | 0x4330000000000000u) - 0x1p52;
    return at_most_f8((2084.0 - exponent) * 0.6931471805599453, 723.0);
}
VM_INLINE float expm1_times_reduced_f4(float x, float dx, float most, float *s, float *rest)
{
    const float magic = 12582912.0f + 127.0f - 40.0f;
    float low = at_least_f4(x, -20.0f);
    float a = at_most_f4(low, most);
    float j = fma_f4(a, 0x1.715476p+0f, magic);
    float n = j - magic;
    float head = fma_f4(n, -LN2_HI_F4, a), tail = fma_f4(n, -LN2_LO_F4, dx);
    float z = head + tail;
    *rest = (head - z) + tail;
    *s = from_bits_f4(bits_f4(j) << 23);
    return z;
}
VM_INLINE float expm1_times_of_f4(float c, float power, float rest, float w)
{
    float s = c * power;
    return fma_f4(s, w, fma_f4(s, rest, s - c * 0x1p-40f));
}
VM_INLINE double expm1_times_reduced_f8(double x, double dx, double most, double *s, double *rest)
{
    const double magic = 6755399441055744.0 + 1023.0 - 40.0;
    double low = at_least_f8(x, -40.0);
    double a = at_most_f8(low, most);
    double j = fma_f8(a, 0x1.71547652b82fep+0, magic);
    double n = j - magic;
    double head = fma_f8(n, -LN2_HI_F8, a), tail = fma_f8(n, -LN2_LO_F8, dx);
    double z = head + tail;
    *rest = (head - z) + tail;
    *s = from_bits_f8(bits_f8(j) << 52);
    return z;
}
VM_INLINE double expm1_times_of_f8(double c, double power, double rest, double w)
{
    double s = c * power;
    return fma_f8(s, w, fma_f8(s, rest, s - c * 0x1p-40));
}

/* ---- e^x for floats, in double ------------------------------------------------------------------------- */
/* c e^x to 2^-29, as s times a polynomial that is exactly 1 where z is 0: coefficients/exp.sollya */
VM_INLINE double wide_exp_reduced(double x, double c, double *s)
{
    const double magic = 6755399441055744.0;
    double j = fma_f8(x, 0x1.71547652b82fep+0, magic);
    double n = j - magic;
    *s = from_bits_f8((bits_f8(j) << 52) + bits_f8(c));
    return fma_f8(n, -LN2_HI_F8, x);
}
VM_INLINE double wide_exp_poly(double z)
{
    double p = 0x1.6ae72f3d2b358p-10;
    p = fma_f8(p, z, 0x1.126781c294f3bp-7);
    p = fma_f8(p, z, 0x1.5558224265bf1p-5);
    p = fma_f8(p, z, 0x1.55541960d7dd7p-3);
    p = fma_f8(p, z, 0x1.fffffc1d1c391p-2);
    p = fma_f8(p, z, 0x1.0000008a25fa9p+0);
    return fma_f8(p, z, 1.0);
}

/* e^(-a^2/2), a up to 37: of -a^2 all is doubled, and the powers of 2 are in the coefficients */
VM_INLINE double wide_bell_reduced(double a, double *power)
{
    const double magic = 6755399441055744.0;
    double square = a * a;
    double j = fma_f8(square, -0.5 * 0x1.71547652b82fep+0, magic);
    *power = j;
    return fma_f8(j - magic, -2 * LN2_HI_F8, -square);
}
VM_INLINE double wide_bell_poly(double z, double power)
{
    double p = 0x1p-6 * 0x1.6ae72f3d2b358p-10;
    p = fma_f8(p, z, 0x1p-5 * 0x1.126781c294f3bp-7);
    p = fma_f8(p, z, 0x1p-4 * 0x1.5558224265bf1p-5);
    p = fma_f8(p, z, 0x1p-3 * 0x1.55541960d7dd7p-3);
    p = fma_f8(p, z, 0x1p-2 * 0x1.fffffc1d1c391p-2);
    p = fma_f8(p, z, 0x1p-1 * 0x1.0000008a25fa9p+0);
    return from_bits_f8(bits_f8(fma_f8(p, z, 1.0)) + (bits_f8(power) << 52));
}

/* ---- log(1 + t) on [0, 1] ------------------------------------------------------------------------------ */
/* Returns a and sets b: log(1+t) = t - a b. t comes scaled (times 2^64, 2^512), and a b is scaled like it.
 * coefficients/log1p.sollya */
/* float: (t - log(1+t))/t^2 as a polynomial in t - 1/2 (in t its terms would cancel); a division would cost more */
VM_INLINE float log1p_parts_f4(float scaled_t, float *b)
{
    float t = unscale_f4(scaled_t);
    float u = t - 0.5f;
    float q = 3.318474628031253814697265625e-3f;
    q = fma_f4(q, u, -6.93069584667682647705078125e-3f);
    q = fma_f4(q, u, 1.0177704505622386932373046875e-2f);
    q = fma_f4(q, u, -1.665698550641536712646484375e-2f);
    q = fma_f4(q, u, 2.890499867498874664306640625e-2f);
    q = fma_f4(q, u, -5.10890595614910125732421875e-2f);
    q = fma_f4(q, u, 9.3231856822967529296875e-2f);
    q = fma_f4(q, u, -0.17922489345073699951171875f);
    q = fma_f4(q, u, 0.378139555454254150390625f);
    *b = q;
    return scaled_t * at_least_f4(t, 0x1p-40f);         /* what is below counts as little, but not as a subnormal, which takes long */
}
/* double: with s = t/(2+t), log(1+t) = 2 atanh(s) = 2s + s^3 r(s^2) = t - s(t - s^2 r(s^2)) */
VM_INLINE double log1p_parts_f8(double scaled_t, double *b)
{
    double t = unscale_f8(scaled_t);
    double s = t / (2.0 + t);
    double z = s * s;
    double r = 0.14936201579664873384523309853350;
    r = fma_f8(r, z, 7.896837697303221761714789415967744e-2);
    r = fma_f8(r, z, 0.10744106231893675584831981950629);
    r = fma_f8(r, z, 0.11748404781017376957215239426877);
    r = fma_f8(r, z, 0.13333968434394435909062692798893);
    r = fma_f8(r, z, 0.15384609420111824975373395565260);
    r = fma_f8(r, z, 0.181818176795020380875911314433325);
    r = fma_f8(r, z, 0.22222222243422370957517240686389);
    r = fma_f8(r, z, 0.2857142857109436495655074850219535);
    r = fma_f8(r, z, 0.400000000000021171953079601735);
    r = fma_f8(r, z, 0.66666666666666662965923251249478);
    double missing = fma_f8(-s, t, fma_f8(-2.0, s, t));                     /* t - s(2+t): what s's rounding left out */
    *b = fma_f8(missing, 0x1p512, fma_f8(z * -0x1p512, r, scaled_t));
    return s;
}
#endif
