/* The Gaussian tail and the exponential about a root: what activations_gauss.pxi is made of.
 *
 * Numbers: coefficients/gauss_rational.py (erf, Mills ratio) and coefficients/gauss.sollya (all else).
 */
#ifndef FASTACT_GAUSS_H
#define FASTACT_GAUSS_H

#include "vmath.h"

/* ---- where a tail ends: beyond these every formula below is +-0 in the tail -------------------------------- */
VM_INLINE float tail_clamp_f4(float a) { return at_most_f4(a, 110.0f); }           /* a e^-a */
VM_INLINE double tail_clamp_f8(double a) { return at_most_f8(a, 755.0); }
VM_INLINE float gauss_clamp_f4(float a) { return at_most_f4(a, 14.625f); }         /* a e^(-a^2/2) */
VM_INLINE double gauss_clamp_f8(double a) { return at_most_f8(a, 39.0); }
VM_INLINE float cubic_clamp_f4(float a) { return at_most_f4(a, 11.0f); }           /* a e^-S(a), gelu_tanh */
VM_INLINE double cubic_clamp_f8(double a) { return at_most_f8(a, 22.0); }
VM_INLINE float tail_floor_f4(float x) { return at_least_f4(x, -110.0f); }
VM_INLINE double tail_floor_f8(double x) { return at_least_f8(x, -755.0); }
VM_INLINE float cubic_floor_f4(float x) { return at_least_f4(x, -11.0f); }
VM_INLINE double cubic_floor_f8(double x) { return at_least_f8(x, -22.0); }
VM_INLINE float head_ceiling_f4(float x) { return at_most_f4(x, 80.0f); }          /* 1 + e^-x is 1 */
VM_INLINE double head_ceiling_f8(double x) { return at_most_f8(x, 700.0); }
VM_INLINE float cubic_ceiling_f4(float x) { return at_most_f4(x, 9.0f); }
VM_INLINE double cubic_ceiling_f8(double x) { return at_most_f8(x, 20.0); }

/* e^(x + dx) 2^64 (2^512) = s(1 + w), for x already held; unscale() comes last. */
VM_INLINE float tail_exp_f4(float x, float dx, float *w) { return exp_parts_f4(x, dx, 64.0f, w); }
VM_INLINE double tail_exp_f8(double x, double dx, double *w) { return exp_parts_f8(x, dx, 512.0, w); }

/* (1 + e^-(x + dx)) unit, with unit = 1 for x >= 0 and 2^-64 (2^-512) below, where e^-x alone would overflow */
VM_INLINE float logistic_divisor_f4(float x, float dx, float *unit)
{
    float shift = x < 0.0f ? -64.0f : 0.0f, w;
    float one = x < 0.0f ? 0x1p-64f : 1.0f;
    float s = exp_parts_f4(-x, -dx, shift, &w);
    *unit = one;
    return fma_f4(s, w, one) + s;
}
VM_INLINE double logistic_divisor_f8(double x, double dx, double *unit)
{
    double shift = x < 0.0 ? -512.0 : 0.0, w;
    double one = x < 0.0 ? 0x1p-512 : 1.0;
    double s = exp_parts_f8(-x, -dx, shift, &w);
    *unit = one;
    return fma_f8(s, w, one) + s;
}

/* e^-(a + da) = s(1 + w) s s2, three factors: a product with a huge x may be normal where e^-a alone is far below
 * the range. |a| <= 200 (1460). */
VM_INLINE float exp_factors_f4(float a, float da, float *w, float *s2)
{
    const float magic = 12582912.0f;
    float j = fma_f4(a, -0x1.715476p+0f, magic);
    float n = j - magic;
    float z = fma_f4(n, -LN2_HI_F4, -a);
    float third = fma_f4(n, 0x1.555556p-2f, magic + 127.0f);
    float rest = fma_f4(third - (magic + 127.0f), -2.0f, n) + (magic + 127.0f);
    *w = expm1_poly_f4(fma_f4(n, -LN2_LO_F4, z - da));
    *s2 = from_bits_f4(bits_f4(rest) << 23);
    return from_bits_f4(bits_f4(third) << 23);
}
VM_INLINE double exp_factors_f8(double a, double da, double *w, double *s2)
{
    const double magic = 6755399441055744.0;
    double j = fma_f8(a, -0x1.71547652b82fep+0, magic);
    double n = j - magic;
    double z = fma_f8(n, -LN2_HI_F8, -a);
    double third = fma_f8(n, 0x1.5555555555555p-2, magic + 1023.0);
    double rest = fma_f8(third - (magic + 1023.0), -2.0, n) + (magic + 1023.0);
    *w = expm1_poly_f8(fma_f8(n, -LN2_LO_F8, z - da));
    *s2 = from_bits_f8(bits_f8(rest) << 52);
    return from_bits_f8(bits_f8(third) << 52);
}
/* the range of swish's exponent, and its half range for x, so that x(1 + w) does not overflow */
VM_INLINE float wide_clamp_f4(float u) { return at_most_f4(at_least_f4(u, -200.0f), 200.0f); }
VM_INLINE double wide_clamp_f8(double u) { return at_most_f8(at_least_f8(u, -1460.0), 1460.0); }
VM_INLINE float finite_clamp_f4(float x) { return at_most_f4(at_least_f4(x, -0x1.fffffep+127f), 0x1.fffffep+127f); }
VM_INLINE double finite_clamp_f8(double x) { return at_most_f8(at_least_f8(x, -0x1.fffffffffffffp+1023), 0x1.fffffffffffffp+1023); }

/* ---- the exponential about a root r of a gradient ----------------------------------------------------------- */
/* r - (a + da) = d + *lo: the rounding error of r_hi - a comes exactly from (larger - d) - smaller */
VM_INLINE float silu_distance_f4(float a, float da, float *lo)
{
    float d = 0x1.474974p+0f - a;
    float larger = a < 0.75f ? 0x1.474974p+0f : -a, smaller = a < 0.75f ? -a : 0x1.474974p+0f;
    *lo = (((larger - d) + smaller) + -0x1.bdf6fap-27f) - da;
    return d;
}
VM_INLINE double silu_distance_f8(double a, double da, double *lo)
{
    double d = 0x1.474973c84120bp+0 - a;
    double larger = a < 0.75 ? 0x1.474973c84120bp+0 : -a, smaller = a < 0.75 ? -a : 0x1.474973c84120bp+0;
    *lo = (((larger - d) + smaller) + 0x1.f8d74bc9ac154p-54) - da;
    return d;
}
VM_INLINE float mish_distance_f4(float a, float da, float *lo)
{
    float d = 0x1.31432cp+0f - a;
    float larger = a < 0.75f ? 0x1.31432cp+0f : -a, smaller = a < 0.75f ? -a : 0x1.31432cp+0f;
    *lo = (((larger - d) + smaller) + 0x1.a25b08p-29f) - da;
    return d;
}
VM_INLINE double mish_distance_f8(double a, double da, double *lo)
{
    double d = 0x1.31432c0d12d84p+0 - a;
    double larger = a < 0.75 ? 0x1.31432c0d12d84p+0 : -a, smaller = a < 0.75 ? -a : 0x1.31432c0d12d84p+0;
    *lo = (((larger - d) + smaller) + 0x1.bf319154da21p-55) - da;
    return d;
}
VM_INLINE float cubic_distance_f4(float a, float da, float *lo)
{
    float d = 0x1.3b2d02p+0f - a;
    float larger = a < 0.75f ? 0x1.3b2d02p+0f : -a, smaller = a < 0.75f ? -a : 0x1.3b2d02p+0f;
    *lo = (((larger - d) + smaller) + -0x1.58e0cp-21f) - da;
    return d;
}
VM_INLINE double cubic_distance_f8(double a, double da, double *lo)
{
    double d = 0x1.3b2cf738fa00ap+0 - a;
    double larger = a < 0.75 ? 0x1.3b2cf738fa00ap+0 : -a, smaller = a < 0.75 ? -a : 0x1.3b2cf738fa00ap+0;
    *lo = (((larger - d) + smaller) + -0x1.8216aac2632a2p-49) - da;
    return d;
}
/* e^-a 2^64 (2^512) = s(1 + w) from d + lo = r - a, and gap = e^-a - e^-r, to full relative accuracy at the root too:
 * e^-a = e^-r e^(d + lo) = 2^n (C + v), C = 4e^-r, v = C expm1(z), z = d + lo - (n + 2) ln2. */
VM_INLINE float silu_exp_f4(float d, float lo, float *w, float *gap)
{
    const float magic = 12582912.0f + 125.0f + 64.0f;
    float j = fma_f4(d, 0x1.715476p+0f, magic);
    float n = j - magic;
    float z = fma_f4(n, -LN2_HI_F4, d);
    z = z + fma_f4(n, -LN2_LO_F4, lo);
    float s = from_bits_f4(bits_f4(j) << 23);
    float t = s * 0x1p-64f;
    float q = 0x1.982d9p-10f;
    q = fma_f4(q, z, 0x1.31c124p-7f);
    q = fma_f4(q, z, 0x1.7c305p-5f);
    q = fma_f4(q, z, 0x1.7c30c6p-3f);
    q = fma_f4(q, z, 0x1.1d25dp-1f);
    float v = fma_f4(0x1.1d25dp+0f, z, q * (z * z));
    *w = v + 0x1.d25cf2p-4f;
    *gap = fma_f4(t, v, fma_f4(t, 0x1.1d25dp+0f, -0x1.1d25dp-2f));
    return s;
}
VM_INLINE double silu_exp_f8(double d, double lo, double *w, double *gap)
{
    const double magic = 6755399441055744.0 + 1021.0 + 512.0;
    double j = fma_f8(d, 0x1.71547652b82fep+0, magic);
    double n = j - magic;
    double z = fma_f8(n, -LN2_HI_F8, d);
    z = z + fma_f8(n, -LN2_LO_F8, lo);
    double s = from_bits_f8(bits_f8(j) << 52);
    double t = s * 0x1p-512;
    double q = 0x1.df3dd9c525abfp-26;
    q = fma_f8(q, z, 0x1.4a69ab666632fp-22);
    q = fma_f8(q, z, 0x1.9bfb801f42c86p-19);
    q = fma_f8(q, z, 0x1.cf7a01d4578afp-16);
    q = fma_f8(q, z, 0x1.cf7a67f9fa9c3p-13);
    q = fma_f8(q, z, 0x1.958b1b4a58fccp-10);
    q = fma_f8(q, z, 0x1.3028546789779p-7);
    q = fma_f8(q, z, 0x1.7c32698157917p-5);
    q = fma_f8(q, z, 0x1.7c3269815b557p-3);
    q = fma_f8(q, z, 0x1.1d25cf2104834p-1);
    double v = fma_f8(0x1.1d25cf210482ep+0, z, q * (z * z));
    *w = v + 0x1.d25cf210482ep-4;
    *gap = fma_f8(t, v, fma_f8(t, 0x1.1d25cf210482ep+0, -0x1.1d25cf210482ep-2));
    return s;
}
VM_INLINE float mish_exp_f4(float d, float lo, float *w, float *gap)
{
    const float magic = 12582912.0f + 125.0f + 64.0f;
    float j = fma_f4(d, 0x1.715476p+0f, magic);
    float n = j - magic;
    float z = fma_f4(n, -LN2_HI_F4, d);
    z = z + fma_f4(n, -LN2_LO_F4, lo);
    float s = from_bits_f4(bits_f4(j) << 23);
    float t = s * 0x1p-64f;
    float q = 0x1.b7cc8cp-10f;
    q = fma_f4(q, z, 0x1.4cbac6p-7f);
    q = fma_f4(q, z, 0x1.9e5ecp-5f);
    q = fma_f4(q, z, 0x1.9e5a3cp-3f);
    q = fma_f4(q, z, 0x1.36c41ep-1f);
    float v = fma_f4(0x1.36c42p+0f, z, q * (z * z));
    *w = v + 0x1.b62102p-3f;
    *gap = fma_f4(t, v, fma_f4(t, 0x1.36c42p+0f, -0x1.36c42p-2f));
    return s;
}
VM_INLINE double mish_exp_f8(double d, double lo, double *w, double *gap)
{
    const double magic = 6755399441055744.0 + 1021.0 + 512.0;
    double j = fma_f8(d, 0x1.71547652b82fep+0, magic);
    double n = j - magic;
    double z = fma_f8(n, -LN2_HI_F8, d);
    z = z + fma_f8(n, -LN2_LO_F8, lo);
    double s = from_bits_f8(bits_f8(j) << 52);
    double t = s * 0x1p-512;
    double q = 0x1.07d0749e5191dp-25;
    q = fma_f8(q, z, 0x1.681722c37a768p-22);
    q = fma_f8(q, z, 0x1.c0fb7215c013ep-19);
    q = fma_f8(q, z, 0x1.f91dd8dab8234p-16);
    q = fma_f8(q, z, 0x1.f91e479e9b143p-13);
    q = fma_f8(q, z, 0x1.b9fa7d827d90dp-10);
    q = fma_f8(q, z, 0x1.4b7bde1083065p-7);
    q = fma_f8(q, z, 0x1.9e5ad5950167ap-5);
    q = fma_f8(q, z, 0x1.9e5ad59505579p-3);
    q = fma_f8(q, z, 0x1.36c4202fc3ed2p-1);
    double v = fma_f8(0x1.36c4202fc3eccp+0, z, q * (z * z));
    *w = v + 0x1.b621017e1f663p-3;
    *gap = fma_f8(t, v, fma_f8(t, 0x1.36c4202fc3eccp+0, -0x1.36c4202fc3eccp-2));
    return s;
}
VM_INLINE float cubic_exp_f4(float d, float lo, float *w, float *gap)
{
    const float magic = 12582912.0f + 125.0f + 64.0f;
    float j = fma_f4(d, 0x1.715476p+0f, magic);
    float n = j - magic;
    float z = fma_f4(n, -LN2_HI_F4, d);
    z = z + fma_f4(n, -LN2_LO_F4, lo);
    float s = from_bits_f4(bits_f4(j) << 23);
    float t = s * 0x1p-64f;
    float q = 0x1.a60366p-10f;
    q = fma_f4(q, z, 0x1.3fe718p-7f);
    q = fma_f4(q, z, 0x1.8ea2bcp-5f);
    q = fma_f4(q, z, 0x1.8e9d9ep-3f);
    q = fma_f4(q, z, 0x1.2af64cp-1f);
    float v = fma_f4(0x1.2af64ep+0f, z, q * (z * z));
    *w = v + 0x1.57b274p-3f;
    *gap = fma_f4(t, v, fma_f4(t, 0x1.2af64ep+0f, -0x1.2af64ep-2f));
    return s;
}
VM_INLINE double cubic_exp_f8(double d, double lo, double *w, double *gap)
{
    const double magic = 6755399441055744.0 + 1021.0 + 512.0;
    double j = fma_f8(d, 0x1.71547652b82fep+0, magic);
    double n = j - magic;
    double z = fma_f8(n, -LN2_HI_F8, d);
    z = z + fma_f8(n, -LN2_LO_F8, lo);
    double s = from_bits_f8(bits_f8(j) << 52);
    double t = s * 0x1p-512;
    double q = 0x1.f4af39523ce53p-26;
    q = fma_f8(q, z, 0x1.5a6b38ad30041p-22);
    q = fma_f8(q, z, 0x1.aff237d93f34fp-19);
    q = fma_f8(q, z, 0x1.e5ee33afe0c53p-16);
    q = fma_f8(q, z, 0x1.e5ee9dd23f0d9p-13);
    q = fma_f8(q, z, 0x1.a930cae97b32p-10);
    q = fma_f8(q, z, 0x1.3ee4981e5736ep-7);
    q = fma_f8(q, z, 0x1.8e9dbe25b1ea7p-5);
    q = fma_f8(q, z, 0x1.8e9dbe25b5c58p-3);
    q = fma_f8(q, z, 0x1.2af64e9c485f4p-1);
    double v = fma_f8(0x1.2af64e9c485eep+0, z, q * (z * z));
    *w = v + 0x1.57b274e242f6fp-3;
    *gap = fma_f8(t, v, fma_f8(t, 0x1.2af64e9c485eep+0, -0x1.2af64e9c485eep-2));
    return s;
}

/* gelu_tanh's exponent S(x) = k x (1 + 0.044715 x^2), k = 2 sqrt(2/pi), with its rounding error in *lo: the tail
 * e^-S multiplies that error by S. The leading part of k is short, so that k - v is exact. */
VM_INLINE float cubic_f4(float x, float *lo)
{
    float p = x * x, dp = fma_f4(x, x, -p);
    float v = fma_f4(0x1.2444f2p-4f, p, 0x1.98846p+0f);
    float dv = fma_f4(0x1.2444f2p-4f, p, 0x1.98846p+0f - v);
    dv = dv + fma_f4(0x1.2444f2p-4f, dp, fma_f4(0x1.49b16ap-29f, p, -0x1.985794p-21f));
    float s = x * v;
    *lo = fma_f4(x, dv, fma_f4(x, v, -s));
    return s;
}
VM_INLINE double cubic_f8(double x, double *lo)
{
    double p = x * x, dp = fma_f8(x, x, -p);
    double v = fma_f8(0x1.2444f2a4d8b4bp-4, p, 0x1.9884533d4366p+0);
    double dv = fma_f8(0x1.2444f2a4d8b4bp-4, p, 0x1.9884533d4366p+0 - v);
    dv = dv + fma_f8(0x1.2444f2a4d8b4bp-4, dp, fma_f8(-0x1.6c843a29d1c7p-61, p, -0x1.ee5e069875fe9p-49));
    double s = x * v;
    *lo = fma_f8(x, dv, fma_f8(x, v, -s));
    return s;
}
/* -2k(r - a) + c */
VM_INLINE float cubic_linear_f4(float a, float c) { return fma_f4(-0x1.988454p+1f, (0x1.8142ap-1f - a) + -0x1.85a06cp-27f, c); }
/* -2k(r - a) + c */
VM_INLINE double cubic_linear_f8(double a, double c) { return fma_f8(-0x1.9884533d43651p+1, (0x1.81429f9e97e4dp-1 - a) + -0x1.4f523ed77dbdcp-55, c); }

/* mish: (r+1) + (r+3/2) t + t^2 + t^3/4 vanishes at t = e^r; divided by t - e^r it is this */
VM_INLINE float mish_slope_f4(float t) { return fma_f4(fma_f4(0.25f, t, 0x1.136c42p+0f), t, 0x1.44a5b4p-1f); }
VM_INLINE double mish_slope_f8(double t) { return fma_f8(fma_f8(0.25, t, 0x1.136c4202fc3edp+0), t, 0x1.44a5b49f64236p-1); }

/* ---- the Gaussian tail: a Phi(-a), p = -a^2/2 ---------------------------------------------------------------- */
/* a < 0.875: a/2 + p E(p), E = erf(a/sqrt 2)/a; half is -a/2 */
VM_INLINE float gauss_near_f4(float half, float p)
{
    float e = 0x1.97937cp-9f;
    e = fma_f4(e, p, 0x1.33adb6p-6f);
    e = fma_f4(e, p, 0x1.46aaaap-4f);
    e = fma_f4(e, p, 0x1.10579ap-2f);
    e = fma_f4(e, p, 0x1.988452p-1f);
    return fma_f4(p, e, -half);
}
VM_INLINE double gauss_near_f8(double half, double p)
{
    double e = 0x1.93456551c86cbp-24;
    e = fma_f8(e, p, 0x1.32d444dcdc84ap-20);
    e = fma_f8(e, p, 0x1.61bee5778616fp-17);
    e = fma_f8(e, p, 0x1.6585e1209c9d1p-14);
    e = fma_f8(e, p, 0x1.3ce8dd3125aa2p-11);
    e = fma_f8(e, p, 0x1.e42b0c4f21c6fp-9);
    e = fma_f8(e, p, 0x1.37403f68f49a8p-6);
    e = fma_f8(e, p, 0x1.46d04297614dp-4);
    e = fma_f8(e, p, 0x1.1058377e2ce36p-2);
    e = fma_f8(e, p, 0x1.9884533d4365p-1);
    return fma_f8(p, e, -half);
}
VM_INLINE float gauss_seam_f4(float a, float near, float far) { return a < 0.875f ? near : far; }
VM_INLINE double gauss_seam_f8(double a, double near, double far) { return a < 0.875 ? near : far; }
/* a >= 0.875: a Phi(-a) = e^p (1 + Q)/4. The part Q that carries rounding errors stays below 0.6. */
VM_INLINE float gauss_far_f4(float a, float p)
{
    float num = fma_f4(0x1.52b93p-3f, p, fma_f4(-0x1.cf2df2p-2f, a, -0x1.174658p+0f));
    num = fma_f4(num, p, fma_f4(0x1.843a3p-2f, a, -0x1.ff8152p-1f));
    float den = fma_f4(0x1.1c493p-2f, p, fma_f4(-0x1.8492a8p-1f, a, -0x1.1ac824p+1f));
    den = fma_f4(den, p, fma_f4(0x1.9d7b0ap+0f, a, 0x1p+0f));
    return num / den;
}
VM_INLINE double gauss_far_f8(double a, double p)
{
    double num = fma_f8(-0x1.0a8aa62afb265p-13, p, fma_f8(0x1.879c5b233c10dp-10, a, 0x1.2231d492097fp-6));
    num = fma_f8(num, p, fma_f8(-0x1.139c1ac2d512dp-4, a, -0x1.6b526be98272bp-2));
    num = fma_f8(num, p, fma_f8(0x1.5398fea97ec7cp-1, a, 0x1.b8c5676f18b25p+0));
    num = fma_f8(num, p, fma_f8(-0x1.6b0a6bb43b5e7p+0, a, -0x1.05b26a522c0d1p+0));
    num = fma_f8(num, p, fma_f8(-0x1.bb265773ea76ap-2, a, -0x1.fffffffc47813p-1));
    double den = fma_f8(-0x1.bf64089e62a87p-13, p, fma_f8(0x1.48a8eb1fe9eaep-9, a, 0x1.ebc6021cb34cfp-6));
    den = fma_f8(den, p, fma_f8(-0x1.dc5dde0f67945p-4, a, -0x1.4547cf4fc7eacp-1));
    den = fma_f8(den, p, fma_f8(0x1.4397757cfe11dp+0, a, 0x1.d73eb58ff688fp+1));
    den = fma_f8(den, p, fma_f8(-0x1.ed12dedda313ep+1, a, -0x1.611ad1c7a824p+2));
    den = fma_f8(den, p, fma_f8(0x1.3764cae4a3b37p+1, a, 0x1p+0));
    return num / den;
}
/* gelu'(-a) = Phi(-a) - a phi(a) = e^p (r - a)(1 + Q)/2 */
VM_INLINE float gauss_slope_f4(float a, float p)
{
    float num = fma_f4(-0x1.5ba5aep-6f, p, fma_f4(0x1.d8af8ap-5f, a, 0x1.30844p-4f));
    num = fma_f4(num, p, fma_f4(0x1.bd8fap-4f, a, 0x1.521468p-2f));
    float den = fma_f4(0x1.ae0526p-4f, p, fma_f4(-0x1.c3cebcp-2f, a, -0x1.969c58p+0f));
    den = fma_f4(den, p, fma_f4(0x1.664c12p+0f, a, 0x1p+0f));
    return num / den;
}
VM_INLINE double gauss_slope_f8(double a, double p)
{
    double num = fma_f8(0x1.b7db79a3e8f5ep-17, p, fma_f8(-0x1.6b2e278f41b1dp-13, a, -0x1.1d5fe43378892p-9));
    num = fma_f8(num, p, fma_f8(0x1.11a2175a77d5ep-7, a, 0x1.56c2f25d8dc2ep-5));
    num = fma_f8(num, p, fma_f8(-0x1.1274f0e2257ep-4, a, -0x1.cbc52a471d3a1p-4));
    num = fma_f8(num, p, fma_f8(-0x1.8db8624cadc3ap-6, a, -0x1.71aad1e5bb4bcp-2));
    num = fma_f8(num, p, fma_f8(0x1.9434594657bd7p-2, a, 0x1.5214697307b1fp-2));
    double den = fma_f8(-0x1.100891ec8d123p-14, p, fma_f8(0x1.f3aedb72f0774p-11, a, 0x1.bbd8a8697f33ap-7));
    den = fma_f8(den, p, fma_f8(-0x1.f03f197905a95p-5, a, -0x1.7f9891dcd8222p-2));
    den = fma_f8(den, p, fma_f8(0x1.a9de2b88e8adap-1, a, 0x1.564163c28c5b2p+1));
    den = fma_f8(den, p, fma_f8(-0x1.87c20f3fe0341p+1, a, -0x1.30ad708c08038p+2));
    den = fma_f8(den, p, fma_f8(0x1.2202cbeb0cf15p+1, a, 0x1p+0));
    return num / den;
}
/* r - a, r = 0.75179... */
VM_INLINE float gauss_distance_f4(float a) { return (0x1.80ead2p-1f - a) + -0x1.a03fd4p-27f; }
VM_INLINE double gauss_distance_f8(double a) { return (0x1.80ead197f00b4p-1 - a) + -0x1.13e74c58cada8p-56; }
#endif
