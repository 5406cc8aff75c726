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

/* ---- bit casts, fma, sign ------------------------------------------------------------------------------ */

VM_INLINE uint32_t bits_f4(float x) { uint32_t u; memcpy(&u, &x, sizeof u); return u; }
VM_INLINE uint64_t bits_f8(double x) { uint64_t u; memcpy(&u, &x, sizeof u); return u; }
VM_INLINE float from_bits_f4(uint32_t u) { float x; memcpy(&x, &u, sizeof x); return x; }
VM_INLINE double from_bits_f8(uint64_t u) { double x; memcpy(&x, &u, sizeof x); return x; }

#if defined(__FMA__) || !(defined(__x86_64__) || defined(__i386__))
VM_INLINE float fma_f4(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
/* Without the instruction, float fma is exact in double up to one rounding: a*b is exact, a*b + c is rounded to odd
 * (Boldo & Melquiond 2008), and the last rounding, to float, is then correct. Vectorises on plain SSE2. */
VM_INLINE float fma_f4(float a, float b, float c)
{
    double p = (double)a * (double)b, q = (double)c;
    double s = p + q;
    double t = s - p;
    double e = (p - (s - t)) + (q - t);           /* a*b + c = s + e, exactly; NaN when s is not finite */
    uint64_t u = bits_f8(s);
    uint64_t inexact = (uint64_t)((e > 0.0) | (e < 0.0));
    uint64_t towards_zero = (uint64_t)((e > 0.0) ^ (s > 0.0));
    u += (inexact & ~u & 1u) * (1u - 2u * towards_zero);
    return (float)from_bits_f8(u);
}
#endif
VM_INLINE double fma_f8(double a, double b, double c) { return __builtin_fma(a, b, c); }

VM_INLINE float abs_f4(float x) { return __builtin_fabsf(x); }
VM_INLINE double abs_f8(double x) { return __builtin_fabs(x); }
VM_INLINE float copysign_f4(float x, float s) { return __builtin_copysignf(x, s); }
VM_INLINE double copysign_f8(double x, double s) { return __builtin_copysign(x, s); }

/* lower bound and upper bound of x; NaN stays NaN */
VM_INLINE float at_least_f4(float x, float lo) { return x < lo ? lo : x; }
VM_INLINE double at_least_f8(double x, double lo) { return x < lo ? lo : x; }
VM_INLINE float at_most_f4(float x, float hi) { return x > hi ? hi : x; }
VM_INLINE double at_most_f8(double x, double hi) { return x > hi ? hi : x; }

/* ---- the exponential ----------------------------------------------------------------------------------- */
/* e^(x + dx) = 2^n (1 + w),  n = rint(x/ln 2), |z| <= ln2/2, w = expm1(z).
 * The magic number 1.5*2^23 (1.5*2^52) puts n, biased, in the low bits of j, so that shifting j's bits gives 2^n.
 * z is exact before dx and the low part of ln 2 come in: with fma the full-precision ln 2 may be used.
 */
#define LN2_HI_F4 0x1.62e430p-1f
#define LN2_LO_F4 -0x1.05c610p-29f
#define LN2_HI_F8 0x1.62e42fefa39efp-1
#define LN2_LO_F8 0x1.abc9e3b39803fp-56

/* expm1(z) on |z| <= ln2/2 as z + z^2 q(z): coefficients/exp.sollya */
VM_INLINE float expm1_poly_f4(float z)
{
    float q = 1.3910769484937191009521484375e-3f;
    q = fma_f4(q, z, 8.363098837435245513916015625e-3f);
    q = fma_f4(q, z, 4.1666708886623382568359375e-2f);
    q = fma_f4(q, z, 0.16666577756404876708984375f);
    q = fma_f4(q, z, 0.5f);
    return fma_f4(z * z, q, z);
}
VM_INLINE double expm1_poly_f8(double z)
{
    double q = 2.50683658406702214632668486566425368426e-8;
    q = fma_f8(q, z, 2.7620175266748975662797174930596089126e-7);
    q = fma_f8(q, z, 2.7557355136371992825679473615441139600e-6);
    q = fma_f8(q, z, 2.4801521047431802419929239289508871024e-5);
    q = fma_f8(q, z, 1.98412697847687348332371137793472826160e-4);
    q = fma_f8(q, z, 1.38888889174536853468588937232652824605e-3);
    q = fma_f8(q, z, 8.3333333333563061606774624578974908217787742614746e-3);
    q = fma_f8(q, z, 4.1666666666623254633479188410193310119211673736572e-2);
    q = fma_f8(q, z, 0.1666666666666664353702032030923874117434024810791);
    q = fma_f8(q, z, 0.5);
    return fma_f8(z * z, q, z);
}

/* exp_parts: returns s = 2^(n+shift) and w; shift (a compile-time constant) keeps s normal where e^x is subnormal:
 * the caller multiplies by 2^-shift last, which rounds once. */
VM_INLINE float exp_parts_f4(float x, float dx, float shift, float *w)
{
    const float magic = 12582912.0f + 127.0f + shift;
    float j = fma_f4(x, 0x1.715476p+0f, magic);
    float n = j - magic;
    float z = fma_f4(n, -LN2_HI_F4, x);
    z = fma_f4(n, -LN2_LO_F4, z + dx);
    *w = expm1_poly_f4(z);
    return from_bits_f4(bits_f4(j) << 23);
}
VM_INLINE double exp_parts_f8(double x, double dx, double shift, double *w)
{
    const double magic = 6755399441055744.0 + 1023.0 + shift;
    double j = fma_f8(x, 0x1.71547652b82fep+0, magic);
    double n = j - magic;
    double z = fma_f8(n, -LN2_HI_F8, x);
    z = fma_f8(n, -LN2_LO_F8, z + dx);
    *w = expm1_poly_f8(z);
    return from_bits_f8(bits_f8(j) << 52);
}

/* The scaled exponential, for e^x that may be subnormal: e^(x + dx) * 2^shift = s(1 + w), every number normal.
 * Finish the formula on the scaled value; unscale() is its last operation and the only one that rounds into the
 * subnormals. x <= 64 ln 2 (512 ln 2); below -131 (-1060) x is held, where anything reasonable unscales to 0.
 * dx is the rounding error of a computed x; -0.0 where there is none (adding -0.0 is no operation, adding 0.0 is). */
VM_INLINE float exp_scaled_f4(float x, float dx, float *w)
{
    float lo = x < -131.0f ? -0.0f : dx;          /* x may be -inf, and its dx then NaN */
    return exp_parts_f4(at_least_f4(x, -131.0f), lo, 64.0f, w);
}
VM_INLINE double exp_scaled_f8(double x, double dx, double *w)
{
    double lo = x < -1060.0 ? -0.0 : dx;
    return exp_parts_f8(at_least_f8(x, -1060.0), lo, 512.0, w);
}
VM_INLINE float unscale_f4(float y) { return y * 0x1p-64f; }
VM_INLINE double unscale_f8(double y) { return y * 0x1p-512; }
/* unscale(y) + c with one rounding */
VM_INLINE float unscale_add_f4(float y, float c) { return fma_f4(y, 0x1p-64f, c); }
VM_INLINE double unscale_add_f8(double y, double c) { return fma_f8(y, 0x1p-512, c); }

/* e^(x + dx) over the whole line, to 0 and to inf. The shift is +64 for x < 0 and -64 for x >= 0. From the top on, j is
 * held, so z and with it w grow instead, and s(1+w) overflows as it should. */
VM_INLINE float exp_wide_f4(float x, float dx)
{
    const float below = 12582912.0f + 127.0f + 64.0f, above = 12582912.0f + 127.0f - 64.0f;
    const int32_t top = 0x4B400000 + 254;
    float magic = x < 0.0f ? below : above;
    float back = x < 0.0f ? 0x1p-64f : 0x1p64f;
    float residue = abs_f4(x) < 256.0f ? dx : -0.0f;      /* x may be infinite, and its dx then NaN */
    float a = at_least_f4(x, -105.0f), w;
    int32_t bits = (int32_t)bits_f4(fma_f4(a, 0x1.715476p+0f, magic));
    uint32_t j = (uint32_t)(bits < top ? bits : top);
    float n = from_bits_f4(j) - magic;
    float z = fma_f4(n, -LN2_HI_F4, a);
    w = expm1_poly_f4(fma_f4(n, -LN2_LO_F4, z + residue));
    float s = from_bits_f4(j << 23);
    return fma_f4(s, w, s) * back;
}
VM_INLINE double exp_wide_f8(double x, double dx)
{
    const double below = 6755399441055744.0 + 1023.0 + 512.0, above = 6755399441055744.0 + 1023.0 - 512.0;
    const int64_t top = 0x4338000000000000 + 2046;
    double magic = x < 0.0 ? below : above;
    double back = x < 0.0 ? 0x1p-512 : 0x1p512;
    double residue = abs_f8(x) < 2048.0 ? dx : -0.0;
    double a = at_least_f8(x, -746.0), w;
    int64_t bits = (int64_t)bits_f8(fma_f8(a, 0x1.71547652b82fep+0, magic));
    uint64_t j = (uint64_t)(bits < top ? bits : top);
    double n = from_bits_f8(j) - magic;
    double z = fma_f8(n, -LN2_HI_F8, a);
    w = expm1_poly_f8(fma_f8(n, -LN2_LO_F8, z + residue));
    double s = from_bits_f8(j << 52);
    return fma_f8(s, w, s) * back;
}

/* c(e^(x + dx) - 1) over the whole line: s(1 + w) - 1 = (s - 1) + s w, with c folded in before anything is rounded.
 * s is 2^-24 of itself, which lets c(e^x - 1) be a number where e^x is none; |c x| is to be well above 2^-100. */
VM_INLINE float expm1_times_f4(float c, float x, float dx)
{
    float residue = abs_f4(x) < 256.0f ? dx : -0.0f, w;
    float low = at_least_f4(x, -20.0f);
    float s = exp_parts_f4(at_most_f4(low, 105.0f), residue, -24.0f, &w);
    return fma_f4(c * s, w, c * (s - 0x1p-24f)) * 0x1p24f;
}
VM_INLINE double expm1_times_f8(double c, double x, double dx)
{
    double residue = abs_f8(x) < 2048.0 ? dx : -0.0, w;
    double low = at_least_f8(x, -40.0);
    double s = exp_parts_f8(at_most_f8(low, 726.0), residue, -24.0, &w);
    return fma_f8(c * s, w, c * (s - 0x1p-24)) * 0x1p24;
}

/* ---- log(1 + t) on [0, 1] ------------------------------------------------------------------------------ */
/* log(1+t) - t, given and returned scaled (times 2^64, 2^512). With s = t/(2+t):
 *   log(1+t) = 2 atanh(s) = 2s + s^3 R(s^2) = t - s(t - s^2 R(s^2)):  coefficients/log1p.sollya */
VM_INLINE float log1p_rest_f4(float scaled_t)
{
    float t = scaled_t * 0x1p-64f;
    float s = t / (2.0f + t);
    float z = s * s;
    float q = 0.2349071204662322998046875f;
    q = fma_f4(q, z, 0.2164058387279510498046875f);
    q = fma_f4(q, z, 0.285977900028228759765625f);
    q = fma_f4(q, z, 0.3999954164028167724609375f);
    q = fma_f4(q, z, 0.666666686534881591796875f);
    return -s * fma_f4(z * -0x1p64f, q, scaled_t);
}
VM_INLINE double log1p_rest_f8(double scaled_t)
{
    double t = scaled_t * 0x1p-512;
    double s = t / (2.0 + t);
    double z = s * s;
    double q = 0.14936201579664873384523309853350;
    q = fma_f8(q, z, 7.896837697303221761714789415967744e-2);
    q = fma_f8(q, z, 0.10744106231893675584831981950629);
    q = fma_f8(q, z, 0.11748404781017376957215239426877);
    q = fma_f8(q, z, 0.13333968434394435909062692798893);
    q = fma_f8(q, z, 0.15384609420111824975373395565260);
    q = fma_f8(q, z, 0.181818176795020380875911314433325);
    q = fma_f8(q, z, 0.22222222243422370957517240686389);
    q = fma_f8(q, z, 0.2857142857109436495655074850219535);
    q = fma_f8(q, z, 0.400000000000021171953079601735);
    q = fma_f8(q, z, 0.66666666666666662965923251249478);
    return -s * fma_f8(z * -0x1p512, q, scaled_t);
}
#endif
