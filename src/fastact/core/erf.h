/* The normal distribution, and what else is smooth: what activations_smooth.pxi is made of.
 *
 * Numbers: coefficients/normal.py (quotients), coefficients/smooth.sollya (polynomials), coefficients/floats.py (floats'),
 * coefficients/tanh_square.py (doubles' tanh_shrink), coefficients/roots.py (dish').
 * wide_...: for floats, which are computed in double, where nothing has to be carried, and rounded once.
 */
#ifndef FASTACT_ERF_H
#define FASTACT_ERF_H

#include "gauss.h"


/* ---- e^-(x^2) and its like: beyond these they are 0 ---------------------------------------------------------- */
VM_INLINE float bump_clamp_f4(float a) { return at_most_f4(a, 11.4f); }            /* a e^-(a^2) */
VM_INLINE double bump_clamp_f8(double a) { return at_most_f8(a, 27.9); }
VM_INLINE float normal_clamp_f4(float a) { return at_most_f4(a, 16.0f); }          /* e^-(a^2/2) */
VM_INLINE double normal_clamp_f8(double a) { return at_most_f8(a, 39.5); }
VM_INLINE double erfc_clamp_f8(double a) { return at_most_f8(a, 27.625); }             /* far below the least number */
VM_INLINE double wide_clamp_f8(double a) { return at_most_f8(a, 52.0); }           /* e^-(a^2/2) as two powers, see wide_reduced */

/* ---- Phi(-a) ------------------------------------------------------------------------------------------------- */
/* Phi(-a) = e^p (1 + F)/(2 (a + 1)) */
VM_INLINE double tail_quotient_f8(double a)
{
    double a2 = a * a;
    double num = fma_f8(-0x1.b49965915762cp-21, a2, fma_f8(-0x1.2e11fc003660bp-16, a, -0x1.95751243b9a66p-13));
    num = fma_f8(num, a2, fma_f8(-0x1.4af9637673364p-10, a, -0x1.56e3bbbfaf78cp-8));
    num = fma_f8(num, a2, fma_f8(-0x1.9a9727ec2c09fp-7, a, -0x1.d86953bcee4b3p-8));
    num = fma_f8(num, a2, fma_f8(0x1.c630a47c102a8p-5, a, 0x1.71663d7b62504p-3));
    num = fma_f8(num, a2, fma_f8(0x1.9deeb30af25f7p-3, a, 0x1.a8a107df29fadp-56));
    double den = fma_f8(0x1.0e04ba2885935p-18, a2, fma_f8(0x1.b841da8fe8666p-14, a, 0x1.63380f455ee8ep-10));
    den = fma_f8(den, a2, fma_f8(0x1.6de18d194bd97p-7, a, 0x1.072a7001f088fp-4));
    den = fma_f8(den, a2, fma_f8(0x1.11e9d0b798e3ap-2, a, 0x1.9f3881683987p-1));
    den = fma_f8(den, a2, fma_f8(0x1.c2674a0cd32f6p+0, a, 0x1.4d4a2f4bef0dap+1));
    den = fma_f8(den, a2, fma_f8(0x1.2ee13ae244b7cp+1, a, 0x1p+0));
    return num / den;
}
/* of e^p = s(1 + z + y), scaled; d + d_lo = 1 + a */
VM_INLINE double tail_of_f8(double s, double z, double y, double f, double d, double d_lo)
{
    double half = 0.5 * s, rest = fma_f8(f, 1.0 + (z + y), y), r = z + rest;
    double n = fma_f8(half, r, half);
    return divided_f8(n, fma_f8(half, r, half - n) + half * ((z - r) + rest), d, d_lo);
}
/* erfc(a) = e^(-a^2) 9/8 (1 + F)/(1 + 2a) */
VM_INLINE double erfc_quotient_f8(double a)
{
    double a2 = a * a;
    double num = fma_f8(0x1.937dd12426331p-22, a2, fma_f8(0x1.2468ad8a2fbfbp-14, a, 0x1.319899fdee949p-10));
    num = fma_f8(num, a2, fma_f8(0x1.42f4e1fa1c212p-7, a, 0x1.b0838536b0ee5p-5));
    num = fma_f8(num, a2, fma_f8(0x1.8be9d69bc1645p-3, a, 0x1.f8240d308ea2ep-2));
    num = fma_f8(num, a2, fma_f8(0x1.b25f8c55d4293p-1, a, 0x1.ca3045577b2ddp-1));
    num = fma_f8(num, a2, fma_f8(0x1.9d2ff354355fcp-2, a, -0x1.c71c71c71c71bp-4));
    double den = fma_f8(0x1.065da652c07c7p-13, a2, fma_f8(0x1.305d279304553p-9, a, 0x1.5cd7adfc4b70fp-6));
    den = fma_f8(den, a2, fma_f8(0x1.fdf3b7cf36d1dp-4, a, 0x1.0420f378b0435p-1));
    den = fma_f8(den, a2, fma_f8(0x1.7fdfe6af02129p+0, a, 0x1.9c6332dfb1602p+1));
    den = fma_f8(den, a2, fma_f8(0x1.3cef94da69a96p+2, a, 0x1.4c42b13cd91d1p+2));
    den = fma_f8(den, a2, fma_f8(0x1.abb43a309d0edp+1, a, 0x1.0000000000000p+0));
    return num / den;
}
/* of e^(-a^2) = s(1 + u), scaled; with what rounding leaves out of the second quotient */
VM_INLINE double erfc_of_f8(double x, double a, double s, double u, double f)
{
    double d = fma_f8(2.0, a, 1.0), more = 1.125 * s, r = u + fma_f8(f, u, f), n = fma_f8(more, r, more);
    double v = divided_f8(n, fma_f8(more, r, more - n), d, fma_f8(2.0, a, 1.0 - d));
    return x < 0.0 ? unscale_add_f8(-v, 2.0) : unscale_f8(v);
}
/* e^(x + dx) as s e^z up, down to x = -1400 */
VM_INLINE double far_reduced_f8(double x, double dx, double *s, double *up, double *rest)
{
    const double magic = 6755399441055744.0 + 2046.0;
    double j = fma_f8(x, 0x1.71547652b82fep+0, magic);
    double n = j - magic;
    double head = fma_f8(n, -LN2_HI_F8, x), tail = fma_f8(n, -LN2_LO_F8, dx);
    double z = head + tail;
    uint64_t k = bits_f8(j), h = k >> 1;
    *s = from_bits_f8(h << 52);
    *up = from_bits_f8((k - h) << 52);
    *rest = (head - z) + tail;
    return z;
}
/* Phi(-a) = e^p n/d */
VM_INLINE double wide_tail_num(double a)
{
    double num = 0x1.102fbe873301fp-8;
    num = fma_f8(num, a, 0x1.4ee5fe210b35ep-5);
    num = fma_f8(num, a, 0x1.78c4d64e5ee6ep-3);
    num = fma_f8(num, a, 0x1.c1d3859522592p-2);
    num = fma_f8(num, a, 0x1.0000001b0ebeep-1);
    return num;
}
VM_INLINE double wide_tail_den(double a)
{
    double den = 0x1.5521abfc80702p-7;
    den = fma_f8(den, a, 0x1.a3c209f007c06p-4);
    den = fma_f8(den, a, 0x1.e2b8ff5ea2ef7p-2);
    den = fma_f8(den, a, 0x1.349ed227e6471p+0);
    den = fma_f8(den, a, 0x1.ad2bf3e601e42p+0);
    den = fma_f8(den, a, 0x1p+0);
    return den;
}
/* floats: erf(x) = x + x P(x^2), |x| < 1.1, and 1 - P(|x|)^4, which is 1 at 4 (coefficients/floats.py) */
VM_INLINE float erf_near_f4(float x)
{
    float z = x * x;
    float p = 0x1.2d8004p-14f;
    p = fma_f4(p, z, -0x1.99412p-11f);
    p = fma_f4(p, z, 0x1.527c58p-8f);
    p = fma_f4(p, z, -0x1.b7c53cp-6f);
    p = fma_f4(p, z, 0x1.ce29ep-4f);
    p = fma_f4(p, z, -0x1.81272cp-2f);
    p = fma_f4(p, z, 0x1.06eba8p-3f);
    return fma_f4(x, p, x);
}
VM_INLINE float erf_far_f4(float a)
{
    float h = at_most_f4(a, 4.0f);
    float p = -0x1.70404p-13f;
    p = fma_f4(p, h, 0x1.a0c94cp-9f);
    p = fma_f4(p, h, -0x1.66bcbep-6f);
    p = fma_f4(p, h, 0x1.0ab276p-4f);
    p = fma_f4(p, h, -0x1.8e11acp-5f);
    p = fma_f4(p, h, -0x1.0c479ep-4f);
    p = fma_f4(p, h, -0x1.3aed72p-2f);
    p = fma_f4(p, h, 0x1.0153ecp+0f);
    float square = p * p;
    return fma_f4(-square, square, 1.0f);
}
/* doubles: x + x P(x^2), |x| < 1, and 1 - P(|x| - 3/2)^4, which is 1 at 5.9375 (coefficients/erf.py); two chains wait less than one */
VM_INLINE double erf_near_f8(double x)
{
    double z = x * x;
    double p = -0x1.ad27c6f99ccafp-31;
    p = fma_f8(p, z, 0x1.d7a10f320ce7fp-27);
    p = fma_f8(p, z, -0x1.5c1bc84642045p-23);
    p = fma_f8(p, z, 0x1.b9836fc757834p-20);
    p = fma_f8(p, z, -0x1.f4cab27afdbabp-17);
    p = fma_f8(p, z, 0x1.f9a2c1d2477b9p-14);
    p = fma_f8(p, z, -0x1.c02db09242ed2p-11);
    p = fma_f8(p, z, 0x1.565bccfba1d80p-8);
    p = fma_f8(p, z, -0x1.b82ce3121094dp-6);
    p = fma_f8(p, z, 0x1.ce2f21a0413a6p-4);
    p = fma_f8(p, z, -0x1.812746b0379cap-2);
    p = fma_f8(p, z, 0x1.06eba8214db68p-3);
    return fma_f8(x, p, x);
}
VM_INLINE double erf_far_f8(double a)
{
    double h = at_most_f8(a, 5.9375) - 1.5, h2 = h * h;
    double even = -0x1.ba8a728510706p-46;
    even = fma_f8(even, h2, -0x1.597a2df3c2bd1p-37);
    even = fma_f8(even, h2, -0x1.b0398f4295f58p-35);
    even = fma_f8(even, h2, 0x1.4af58734b2ca4p-29);
    even = fma_f8(even, h2, -0x1.6d2ad537a5ea5p-24);
    even = fma_f8(even, h2, 0x1.751c017c85b2bp-19);
    even = fma_f8(even, h2, -0x1.37d33e0bfe6d1p-14);
    even = fma_f8(even, h2, 0x1.47671940ccd08p-10);
    even = fma_f8(even, h2, -0x1.9976857bc5ddbp-7);
    even = fma_f8(even, h2, 0x1.1bf9c0fed9eebp-4);
    double odd = 0x1.b51cd9b0f9da8p-41;
    odd = fma_f8(odd, h2, 0x1.ee60234cd8cebp-35);
    odd = fma_f8(odd, h2, -0x1.15f7a339a1864p-30);
    odd = fma_f8(odd, h2, 0x1.8eeccfd90dccap-26);
    odd = fma_f8(odd, h2, -0x1.1585183c80683p-21);
    odd = fma_f8(odd, h2, 0x1.184a5d9df74c1p-17);
    odd = fma_f8(odd, h2, -0x1.c054a45587a93p-16);
    odd = fma_f8(odd, h2, -0x1.a4b7eb86a0cdcp-10);
    odd = fma_f8(odd, h2, 0x1.0df534be4b331p-5);
    odd = fma_f8(odd, h2, -0x1.816b095d576bep-2);
    double p = fma_f8(fma_f8(even, h, odd), h, 0x1.b75f7f049192cp-2), square = p * p;
    return fma_f8(-square, square, 1.0);
}

/* ---- floats of laplace ---- */
/* (x - mu)/sigma = h + *lo, all times a power of two near 1/sigma that keeps mu in range. Where that leaves nothing of sigma,
 * the smallest difference of x and mu is out of range. */
VM_INLINE float unit_f4(float mu, float sigma)
{
    uint32_t power = 0x7F000000u - (bits_f4(sigma) & 0x7F800000u), most = 0xBD800000u - (bits_f4(mu) & 0x7F800000u);
    uint32_t normal = power < 0x00800000u ? 0x00800000u : power;
    return from_bits_f4(normal < most ? normal : most);
}
/* 1/sigma, or the largest power of 2 where that is none: for what is small, and the same for all numbers */
VM_INLINE double over_f8(double sigma) { return 1.0 / copysign_f8(at_least_normal_f8(abs_f8(sigma)), sigma); }
VM_INLINE float width_f4(float unit, float sigma) { return copysign_f4(at_least_f4(abs_f4(sigma * unit), 0x1p-120f), sigma); }
/* x unit - c, unit being a power of 2, as d + *lo (Knuth) */
VM_INLINE float scaled_difference_f4(float x, float unit, float c, float *lo)
{
    float d = fma_f4(x, unit, -c), t = fma_f4(-x, unit, d);
    *lo = fma_f4(x, unit, t - d) - (c + t);
    return d;
}
/* 1/sigma, over unit, and what rounding leaves out of it */
VM_INLINE float over_f4(float unit, float sigma, float *lo)
{
    float width = width_f4(unit, sigma), over = 1.0f / width;
    *lo = fma_f4(-over, width, 1.0f) * over;
    return over;
}
VM_INLINE float standard_f4(float x, float mu, float sigma, float *lo)
{
    float unit = unit_f4(mu, sigma), over_lo, over = over_f4(unit, sigma, &over_lo);
    float d_lo, d = scaled_difference_f4(x, unit, mu * unit, &d_lo);
    float h = d * over;
    *lo = fma_f4(d_lo, over, fma_f4(d, over_lo, fma_f4(d, over, -h)));
    return h;
}
/* e^(x + dx) unit/(width sqrt(2 pi)): e^x unit is s up(1 + w), two powers, since it may be out of range; times 2^48, which *lower takes
 * away, where all that and with it the result may be subnormal */
VM_INLINE float density_reduced_f4(float x, float dx, float unit, float width, float *s, float *up, float *lower)
{
    const float magic = 12582912.0f + 254.0f;
    float j = fma_f4(x, 0x1.715476p+0f, magic);
    float n = j - magic;
    float power = (float)(int32_t)(bits_f4(unit) >> 23) - 127.0f;
    float both = j + power;
    float limit = abs_f4(width) < 0.5f ? 0.0f : magic - 68.0f;
    uint32_t k = both > magic - 152.0f ? bits_f4(both) : 0, h = k >> 1;                 /* 0: to underflow takes long */
    uint32_t more = both < limit ? (uint32_t)48 << 23 : 0;
    *lower = from_bits_f4(0x3F800000u - more);
    *s = from_bits_f4(h << 23);
    *up = from_bits_f4(((k - h) << 23) + more);
    return fma_f4(n, -LN2_HI_F4, x) + fma_f4(n, -LN2_LO_F4, dx);
}
VM_INLINE float density_of_f4(float s, float up, float w, float width, float h)
{
    float over = 1.0f / width, over_lo = fma_f4(-over, width, 1.0f);                    /* of one part */
    float c = 0x1.988454p-2f * over, c_lo = fma_f4(0x1.988454p-2f, over, -c) / c + (over_lo + -0x1.e821f4p-26f);
    float b = s * c;
    float slope = lowered_f4(fma_f4(b, w + c_lo, b), up);
    return abs_f4(h) > 20.0f ? 0.0f : slope;
}
/* dy slope, of which *lower has still to be taken away: where it is subnormal by a sum */
VM_INLINE float density_times_f4(float dy, float slope, float lower)
{
    float product = dy * slope, part = dy * lower;
    int small = abs_f4(product) < 0x1p-78f && lower < 1.0f;
    float sum = fma_f4(part, slope, small ? copysign_f4(0x1p-126f, product) : -0.0f);
    return from_bits_f4(bits_f4(sum) - (small ? LEAST_NORMAL_F4 : 0));
}
/* ---- log Phi and phi/Phi -------------------------------------------------------------------------------------- */
/* log Phi(-a) = p - log(2 (a + 1)) + F, a > -3/8 */
VM_INLINE double log_tail_f8(double a)
{
    double a2 = a * a;
    double num = fma_f8(-0x1.4257bd508becdp-18, a2, fma_f8(-0x1.7ca1c411013e4p-14, a, -0x1.c754dcf7591c8p-11));
    num = fma_f8(num, a2, fma_f8(-0x1.520f59c01e74cp-8, a, -0x1.452027a7a4f56p-6));
    num = fma_f8(num, a2, fma_f8(-0x1.74cfd5183d35dp-5, a, -0x1.fed2f91732b8bp-6));
    num = fma_f8(num, a2, fma_f8(0x1.4dabb01495df2p-3, a, 0x1.32f51a6a3bf43p-1));
    num = fma_f8(num, a2, fma_f8(0x1.d89179b6213fp-1, a, 0x1.6113235b50627p-1));
    num = fma_f8(num, a2, fma_f8(0x1.9deeb30af26c3p-3, a, 0x1.7775ad8c7b18fp-58));
    double den = fma_f8(0x1.64e73fe6acc4ap-16, a2, fma_f8(0x1.041e0142e3b1bp-11, a, 0x1.82d110d5cdd62p-8));
    den = fma_f8(den, a2, fma_f8(0x1.768df4b406a0cp-5, a, 0x1.022ae7c473048p-2));
    den = fma_f8(den, a2, fma_f8(0x1.0730181a9dc2ep+0, a, 0x1.922cf87328b78p+1));
    den = fma_f8(den, a2, fma_f8(0x1.cadb065579bd1p+2, a, 0x1.7f4b076d8027cp+3));
    den = fma_f8(den, a2, fma_f8(0x1.c32366b123e38p+3, a, 0x1.5e6d4ef821c7bp+3));
    den = fma_f8(den, a2, fma_f8(0x1.3f27b6062fa2ap+2, a, 0x1p+0));
    return num / den;
}
/* phi(a)/Phi(-a) = (a + 3/4) + n/d, a > -3/8; of base = 3/4 - x: what rounding left out */
VM_INLINE double slope_lost_f8(double base, double x) { double lost = (0.75 - base) - x; return base < 0x1p53 ? lost : 0.0; }
VM_INLINE double slope_num_f8(double a)
{
    double a2 = a * a;
    double num = fma_f8(-0x1.9942382b4a387p-22, a2, fma_f8(-0x1.78c4ca2dace2p-17, a, -0x1.52d90d8e12609p-13));
    num = fma_f8(num, a2, fma_f8(-0x1.82204b3d9d3f5p-10, a, -0x1.31378537ed3bcp-7));
    num = fma_f8(num, a2, fma_f8(-0x1.5a07fb65154b4p-5, a, -0x1.1927cacc2963fp-3));
    num = fma_f8(num, a2, fma_f8(-0x1.3c11bb4a157b8p-2, a, -0x1.bdb095b3423d3p-2));
    num = fma_f8(num, a2, fma_f8(-0x1.219e23df811bdp-2, a, 0x1.884533d436504p-5));
    return num;
}
VM_INLINE double slope_den_f8(double a)
{
    double a2 = a * a;
    double den = fma_f8(0x1.10d6d01cdc461p-21, a2, fma_f8(0x1.068c24ca4f6edp-16, a, 0x1.ef8e1834b5d71p-13));
    den = fma_f8(den, a2, fma_f8(0x1.2a893b0956497p-9, a, 0x1.f919b53252ae4p-7));
    den = fma_f8(den, a2, fma_f8(0x1.38514d82e26d3p-4, a, 0x1.1d897a9a48dafp-2));
    den = fma_f8(den, a2, fma_f8(0x1.7d9cac7c68fcfp-1, a, 0x1.664d180e719dap+0));
    den = fma_f8(den, a2, fma_f8(0x1.aea34a77e71a5p+0, a, 0x1p+0));
    return den;
}
VM_INLINE double wide_slope_num(double a)
{
    double num = 0x1.7474ae7a4ce45p-9;
    num = fma_f8(num, a, 0x1.0c5ee60b4035p-5);
    num = fma_f8(num, a, 0x1.6abe5269c95dap-3);
    num = fma_f8(num, a, 0x1.0c3cfefc9feacp-1);
    num = fma_f8(num, a, 0x1.9884534791602p-1);
    return num;
}
VM_INLINE double wide_slope_den(double a)
{
    double den = 0x1.74721089531dfp-9;
    den = fma_f8(den, a, 0x1.0c6aac2543ad8p-5);
    den = fma_f8(den, a, 0x1.760f6a38d685ap-3);
    den = fma_f8(den, a, 0x1.2f03a79ccb033p-1);
    den = fma_f8(den, a, 0x1.1caef3d23eb66p+0);
    den = fma_f8(den, a, 0x1p+0);
    return den;
}

/* ---- log(n/d) = k ln 2 + 2 atanh(z), z = (n - 2^k d)/(n + 2^k d), |z| < 0.21 ------------------------------------ */
/* 2^k and k, from the exponents and the leading bits; *k less `lift` (a compile-time constant), where n comes times 2^lift */
VM_INLINE float lifted_power_f4(float n, float d, float lift, float *k)
{
    uint32_t difference = bits_f4(n) - bits_f4(d) + (127u << 23) + (1u << 22);
    *k = (float)(int32_t)(difference >> 23) - (127.0f + lift);
    return from_bits_f4(difference & 0xFF800000u);
}
VM_INLINE double lifted_power_f8(double n, double d, double lift, double *k)
{
    uint64_t difference = bits_f8(n) - bits_f8(d) + ((uint64_t)1023 << 52) + ((uint64_t)1 << 51);
    *k = from_bits_f8((difference >> 52) | 0x4330000000000000u) - (0x1p52 + 1023.0 + lift);
    return from_bits_f8(difference & 0xFFF0000000000000u);
}
VM_INLINE double ratio_power_f8(double n, double d, double *k) { return lifted_power_f8(n, d, 0.0, k); }
/* 2 atanh(z) = 2z + z^3 P(z^2) */
VM_INLINE float atanh_rest_f4(float z)
{
    float z2 = z * z;
    float p = 0x1.e413d4p-3f;
    p = fma_f4(p, z2, 0x1.244dep-2f);
    p = fma_f4(p, z2, 0x1.99997ap-2f);
    p = fma_f4(p, z2, 0x1.555556p-1f);
    return z * z2 * p;
}
VM_INLINE double atanh_rest_f8(double z)
{
    double z2 = z * z, z4 = z2 * z2;
    double p = 0x1.db9aaba3ecfb2p-4;
    p = fma_f8(p, z4, fma_f8(0x1.e255a5c4596fbp-4, z2, 0x1.10ee8fc620cabp-3));
    p = fma_f8(p, z4, fma_f8(0x1.3b15bbb526f06p-3, z2, 0x1.745d08d017592p-3));
    p = fma_f8(p, z4, fma_f8(0x1.c71c71fd3ddb9p-3, z2, 0x1.249249245e6p-2));
    p = fma_f8(p, z4, fma_f8(0x1.9999999999c57p-2, z2, 0x1.5555555555555p-1));
    return z * z2 * p;
}
VM_INLINE double wide_log(double k, double z)
{
    double z2 = z * z;
    double p = 0x1.f2d75c8438dc4p-3;
    p = fma_f8(p, z2, 0x1.23b5b93093517p-2);
    p = fma_f8(p, z2, 0x1.999d1c77b7fe2p-2);
    p = fma_f8(p, z2, 0x1.555552d6d29d8p-1);
    p = fma_f8(p, z2, 0x1.0000000024382p+1);
    return fma_f8(k, LN2_HI_F8, z * p);
}
/* k ln 2 + 2z + rest */
VM_INLINE float log_of_f4(float k, float z, float rest) { return fma_f4(k, LN2_HI_F4, fma_f4(2.0f, z, fma_f4(k, LN2_LO_F4, rest))); }
VM_INLINE double log_of_f8(double k, double z, double rest) { return fma_f8(k, LN2_HI_F8, fma_f8(2.0, z, fma_f8(k, LN2_LO_F8, rest))); }
/* c/u, c times 2^32 (2^64), which is normal where c is not, and the power of it */
VM_INLINE float odds_lift_f4(float c) { return c * 0x1p32f; }
VM_INLINE double odds_lift_f8(double c) { return c * 0x1p64; }
VM_INLINE float odds_power_f4(float lifted, float u, float *k) { return lifted_power_f4(lifted, u, 32.0f, k); }
VM_INLINE double odds_power_f8(double lifted, double u, double *k) { return lifted_power_f8(lifted, u, 64.0, k); }

/* log Phi(x) = -(x^2/2 + log(1 - x) + log 2 - F), x <= 1/4: the large terms first, and what rounding leaves out of their sum */
VM_INLINE double log_ndtr_left_f8(double x, double f)
{
    double held = at_least_f8(x, -0x1p500), d = 1.0 - held, k;
    double power = ratio_power_f8(d, 1.0, &k);
    double z = ((1.0 - power) - held) / fma_f8(power, 1.0, d);
    double square = held * held, dp = 0.5 * fma_f8(held, held, -square);
    double c = LN2_HI_F8 - f, c_lo = (LN2_HI_F8 - c) - f;
    double near = fma_f8(2.0, z, c), far = fma_f8(k, LN2_HI_F8, near), half = 0.5 * held * held;
    double lost = fma_f8(2.0, z, c - near) + fma_f8(k, LN2_HI_F8, near - far) + sum_error_f8(half, far, half + far);
    double rest = atanh_rest_f8(z) + (fma_f8(k, LN2_LO_F8, LN2_LO_F8) + (c_lo + dp));
    return -((0.5 * x * x + far) + (rest + lost));
}
/* -inf for 0, NaN below */
VM_INLINE float logit_ends_f4(float c, float value)
{
    float v = c == 0.0f ? -__builtin_inff() : value;
    return c < 0.0f ? __builtin_nanf("") : v;
}
VM_INLINE double logit_ends_f8(double c, double value)
{
    double v = c == 0.0 ? -__builtin_inf() : value;
    return c < 0.0 ? __builtin_nan("") : v;
}

/* ---- x - tanh(x) near 0, and tanh(x)^2 of doubles ---------------------------------------------------------------- */
/* floats, in one pass with the gradient: x - tanh(x) = x^3 P(x^2), |x| < 1 (coefficients/floats.py), with the rounding error of x^3 */
VM_INLINE float shrink_near_f4(float x)
{
    float z = x * x, cube = x * z, cube_lo = fma_f4(x, fma_f4(x, x, -z), fma_f4(x, z, -cube));
    float p = -0x1.2b862cp-13f;
    p = fma_f4(p, z, 0x1.e43db6p-11f);
    p = fma_f4(p, z, -0x1.a4580ap-9f);
    p = fma_f4(p, z, 0x1.1d040cp-7f);
    p = fma_f4(p, z, -0x1.65a7fap-6f);
    p = fma_f4(p, z, 0x1.ba117p-5f);
    p = fma_f4(p, z, -0x1.1110f4p-3f);
    p = fma_f4(p, z, 0x1.555556p-2f);
    return fma_f4(cube, p, cube_lo * p);
}
/* e^2a = s(1/2 + w), all in units of a */
VM_INLINE double shrink_reduced_f8(double a, double *s)
{
    const double magic = 6755399441055744.0 + 1024.0;
    double j = fma_f8(a, 2 * 0x1.71547652b82fep+0, magic), n = j - magic;
    *s = from_bits_f8(bits_f8(j) << 52);
    return fma_f8(n, -0.5 * LN2_LO_F8, fma_f8(n, -0.5 * LN2_HI_F8, a));
}
VM_INLINE double shrink_poly_f8(double z) { double z2 = z * z; return fma_f8(tanh_rest_f8(z, z2), z2, z); }
VM_INLINE float shrink_clamp_f4(float a) { return at_most_f4(a, 20.0f); }          /* tanh is 1 */
VM_INLINE double shrink_clamp_f8(double a) { return at_most_f8(a, 40.0); }
VM_INLINE float shrink_side_f4(float a, float near, float far) { return a < 1.0f ? near : far; }
/* doubles: quotients of x^2 near 0 (coefficients/tanh_square.py), of e^2a beyond, and only the one that counts is divided.
 * x^3 (1/3 + x^2 N/D), with what rounding leaves out of x^3 and 1/3, or (a - 1) + 2/(1 + e^2a), e^2a = s(1/2 + w) */
VM_INLINE double shrink_of_f8(double a, double held, double s, double w)
{
    int near = a < 1.0;
    double z = held * held, cube = held * z, cube_lo = fma_f8(held, fma_f8(held, held, -z), fma_f8(held, z, -cube));
    double n = fma_f8(fma_f8(-0x1.d9e4952f4729dp-14, z, -0x1.5a683ecb85678p-7), z, -0x1.6c16c16c16c0fp-3);
    double d = fma_f8(fma_f8(fma_f8(0x1.637df49efbb14p-12, z, 0x1.0bc6aff2065e1p-5), z, 0x1.3ce97c702ad4fp-1), z, 0x1.5555555555555p+0);
    double e = fma_f8(s, w, fma_f8(0.5, s, 1.0));
    double q = (near ? n : 2.0) / (near ? d : e);
    double p = fma_f8(z, q, 0x1.5555555555555p-2);
    double p_lo = fma_f8(z, q, 0x1.5555555555555p-2 - p) + 0x1.5555555555555p-56;       /* else 2.015 ulp next to 3/4 */
    double small = fma_f8(cube, p, fma_f8(cube, p_lo, cube_lo * p)), large = (a - 1.0) + q;
    return near ? small : large;
}
/* x^2 N/D, N with what rounding leaves out of x^2 and most of what it leaves out of D, or 1 - 4t/(1 + t)^2, 4t = s(1 + w) = 4 e^-2a.
 * 0.65 is x^2 N/D by x^2 where the former is just below 1/2: there errors are most ulp, 2.02 if it is 0.75 */
VM_INLINE double square_of_f8(double a, double s, double w)
{
    int near = a < 1.05;
    double z = a * a, z_lo = fma_f8(a, a, -z);
    double m = fma_f8(fma_f8(0x1.4be5109f38816p-25, z, 0x1.9ba5a400f6489p-12), z, 0x1.26ae3a6e309fbp-6);
    double d = fma_f8(fma_f8(0x1.9ee0c0081df87p-12, z, 0x1.245f3b4344e8ap-6), z, 0x1.f5f22333533efp-3);
    d = fma_f8(d, z, 0x1.d08cc4983705bp-1);
    double den = fma_f8(d, z, 1.0), lost = fma_f8(d, z, 1.0 - den);
    double n = z + fma_f8(z, fma_f8(-0.65, lost, z * fma_f8(m, z, 0x1.ecddbd0b86c27p-3)), z_lo);
    double t = fma_f8(s, w, s), e = fma_f8(fma_f8(0.0625, t, 0.5), t, 1.0);
    double q = (near ? n : t) / (near ? den : e);
    return near ? q : 1.0 - q;
}

/* ---- x times the sigmoid of 1.702 x: where it ends, and its rounding error ---------------------------------------- */
VM_INLINE float quick_floor_f4(float x) { return at_least_f4(x, -71.0f); }
VM_INLINE double quick_floor_f8(double x) { return at_least_f8(x, -454.0); }
VM_INLINE float quick_ceiling_f4(float x) { return at_most_f4(x, 45.0f); }
VM_INLINE double quick_fall_f8(double a) { return at_most_f8(a, 454.0); }
VM_INLINE double quick_ceiling_f8(double x) { return at_most_f8(x, 400.0); }

/* 1.702 x, and what rounding leaves out of it */
VM_INLINE float quick_f4(float x, float *lo)
{
    float u = 0x1.b3b646p+0f * x;
    *lo = fma_f4(-0x1.78d4fep-26f, x, fma_f4(0x1.b3b646p+0f, x, -u));
    return u;
}
VM_INLINE double quick_f8(double x, double *lo)
{
    double u = 0x1.b3b645a1cac08p+0 * x;
    *lo = fma_f8(0x1.89374bc6a7efap-55, x, fma_f8(0x1.b3b645a1cac08p+0, x, -u));
    return u;
}

/* ---- x/2 (1 + x/sqrt(1 + x^2)): beyond these 1 + x^2 is x^2 -------------------------------------------------------- */
VM_INLINE float far_out_f4(float a, float far, float near) { return a > 0x1p13f ? far : near; }
VM_INLINE double far_out_f8(double a, double far, double near) { return a > 0x1p28 ? far : near; }
/* a times 2^-12 (2^-28), and with it d = 1 + a p, p = a + r, times the square of that, in range wherever dish' is not 0; beyond that a
 * is held */
#define DISH_ONE_F4 0x1p-24f
#define DISH_ONE_F8 0x1p-56
VM_INLINE float dish_scaled_f4(float a) { return at_most_f4(a * 0x1p-12f, 0x1p63f); }
VM_INLINE double dish_scaled_f8(double a) { return at_most_f8(a * 0x1p-28, 0x1p511); }
VM_INLINE float dish_larger_f4(float a) { return a + sqrt_f4(fma_f4(a, a, DISH_ONE_F4)); }
VM_INLINE double dish_larger_f8(double a) { return a + sqrt_f8(fma_f8(a, a, DISH_ONE_F8)); }
/* w = 1/d, and 2^-24 (2^-56) of its relative rounding error: p is the larger root of p^2 - 2ap - 1, where p - 2a is exact, so that two
 * operations tell what rounding left out of p, whatever r was; a/r is 1 - w */
VM_INLINE float dish_inverse_f4(float a, float p, float *rest)
{
    const float one = DISH_ONE_F4;
    float d = fma_f4(a, p, one), w = one / d;
    float p_lo = fma_f4(-p, fma_f4(0.5f, p, -a), 0.5f * one);               /* times r */
    float d_lo = fma_f4(1.0f - w, p_lo, fma_f4(a, p, one - d));
    *rest = fma_f4(-w, d_lo, fma_f4(-w, d, one));
    return w;
}
VM_INLINE double dish_inverse_f8(double a, double p, double *rest)
{
    const double one = DISH_ONE_F8;
    double d = fma_f8(a, p, one), w = one / d;
    double p_lo = fma_f8(-p, fma_f8(0.5, p, -a), 0.5 * one);
    double d_lo = fma_f8(1.0 - w, p_lo, fma_f8(a, p, one - d));
    *rest = fma_f8(-w, d_lo, fma_f8(-w, d, one));
    return w;
}
/* w(1 - 3w + w^2)/2 = w(u^2 - w)/2, u = 1 - w: from w = 1/2 on u is exact, and else what rounding left out of it is carried with
 * that of w, by which the derivative is (3u^2 - 2)/2 */
VM_INLINE float dish_left_f4(float w, float rest)
{
    float u = 1.0f - w, u_lo = (1.0f - u) - w;
    float slope = fma_f4(w, fma_f4(1.5f / DISH_ONE_F4, w, -3.0f / DISH_ONE_F4), 0.5f / DISH_ONE_F4);
    return fma_f4(0.5f * w, fma_f4(u, u, -w), w * fma_f4(rest, slope, u * u_lo));
}
VM_INLINE double dish_left_f8(double w, double rest)
{
    double u = 1.0 - w, u_lo = (1.0 - u) - w;
    double slope = fma_f8(w, fma_f8(1.5 / DISH_ONE_F8, w, -3.0 / DISH_ONE_F8), 0.5 / DISH_ONE_F8);
    return fma_f8(0.5 * w, fma_f8(u, u, -w), w * fma_f8(rest, slope, u * u_lo));
}
/* a/2 w */
VM_INLINE float dish_half_f4(float a, float w, float rest) { float h = a * (0.5f * w); return fma_f4(h * (1.0f / DISH_ONE_F4), rest, h); }
VM_INLINE double dish_half_f8(double a, double w, double rest) { double h = a * (0.5 * w); return fma_f8(h * (1.0 / DISH_ONE_F8), rest, h); }
/* dish' so close to its root that w to twice the precision is not enough, which no float is: two terms of the series about it
 * (roots.py) */
VM_INLINE float dish_close_f4(float x, float value) { (void)x; return value; }
VM_INLINE double dish_close_f8(double x, double value)
{
    double d = (x + 0x1.92826ef258d1bp-1) + 0x1.8d20e15f6d9eap-57;
    double close = fma_f8(0x1.a8f0ca985721dp-3, d, d * fma_f8(0x1.7af2c00ba4294p-2, d, -0x1.b6c3fe6c91ap-58));
    return abs_f8(d) < 0x1p-28 ? close : value;
}
#endif
