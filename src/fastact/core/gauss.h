/* The Gaussian tail, and the gradients about their roots: what activations_gauss.pxi is made of.
 *
 * Numbers: coefficients/gauss_rational.py (fits, roots), coefficients/gauss.sollya (gelu_tanh's k and kc), and exp.sollya.
 */
#ifndef FASTACT_GAUSS_H
#define FASTACT_GAUSS_H

#include "vmath.h"

/* ---- where a tail ends: beyond these every formula below is +-0 in the tail -------------------------------- */
VM_INLINE double tail_clamp_f8(double a) { return at_most_f8(a, 772.0); }
VM_INLINE double gauss_clamp_f8(double a) { return at_most_f8(a, 39.0); }          /* a e^(-a^2/2) */
VM_INLINE float tail_floor_f4(float x) { return at_least_f4(x, -122.0f); }
VM_INLINE double tail_floor_f8(double x) { return at_least_f8(x, -772.0); }
VM_INLINE float cubic_floor_f4(float x) { return at_least_f4(x, -11.5f); }
VM_INLINE double cubic_floor_f8(double x) { return at_least_f8(x, -22.0); }
VM_INLINE float product_floor_f4(float u) { return at_least_f4(u, -195.0f); }      /* x e^u is 0 for every finite x */
VM_INLINE double product_floor_f8(double u) { return at_least_f8(u, -1480.0); }
VM_INLINE float head_ceiling_f4(float x) { return at_most_f4(x, 80.0f); }          /* 1 + e^-x is 1 */
VM_INLINE double head_ceiling_f8(double x) { return at_most_f8(x, 700.0); }
VM_INLINE float cubic_limit_f4(float x) { return at_most_f4(at_least_f4(x, -11.0f), 6.5f); }   /* gelu_tanh' is 0 and 1 */
VM_INLINE double cubic_limit_f8(double a) { return at_most_f8(a, 22.0); }
VM_INLINE float cubic_ceiling_f4(float x) { return at_most_f4(x, 9.0f); }
VM_INLINE double cubic_ceiling_f8(double x) { return at_most_f8(x, 20.0); }


/* e^(x + dx) 2^shift = s(1 + z + y), y = expm1(z) - z small: a sum that ends in z rounds once.
 * y also has what rounding left out of z. */
VM_INLINE float split_reduced_f4(float x, float dx, float shift, float *s, float *rest)
{
    const float magic = 12582912.0f + 127.0f + shift;
    float j = fma_f4(x, 0x1.715476p+0f, magic);
    float n = j - magic;
    float head = fma_f4(n, -LN2_HI_F4, x), tail = fma_f4(n, -LN2_LO_F4, dx);
    float z = head + tail;
    *s = from_bits_f4(bits_f4(j) << 23);
    *rest = (head - z) + tail;
    return z;
}
VM_INLINE double split_reduced_f8(double x, double dx, double shift, double *s, double *rest)
{
    const double magic = 6755399441055744.0 + 1023.0 + shift;
    double j = fma_f8(x, 0x1.71547652b82fep+0, magic);
    double n = j - magic;
    double head = fma_f8(n, -LN2_HI_F8, x), tail = fma_f8(n, -LN2_LO_F8, dx);
    double z = head + tail;
    *s = from_bits_f8(bits_f8(j) << 52);
    *rest = (head - z) + tail;
    return z;
}
VM_INLINE double split_poly_f8(double z, double rest)
{
    double z2 = z * z;
    return fma_f8(z2, expm1_rest_f8(z, z2), rest);
}

/* (d + d_lo)(1 + z + y), about to be scaled, as product + *lo; raised: their sum, of floats without what rounding z + y and the
 * product leaves out */
VM_INLINE double raised_parts_f8(double d, double d_lo, double z, double y, double *lo)
{
    double r = z + y, product = fma_f8(d, r, d);
    *lo = fma_f8(d, r, d - product) + fma_f8(d, (z - r) + y, fma_f8(d_lo, r, d_lo));
    return product;
}
VM_INLINE float raised_f4(float d, float d_lo, float z, float y)
{
    float r = z + y;
    return d + fma_f4(d, r, fma_f4(d_lo, r, d_lo));
}
VM_INLINE double raised_f8(double d, double d_lo, double z, double y)
{
    double lo, product = raised_parts_f8(d, d_lo, z, y, &lo);
    return product + lo;
}

VM_INLINE double tail_reduced_f8(double x, double dx, double *s, double *rest) { return split_reduced_f8(x, dx, 512.0, s, rest); }

/* (1 + e^-(x + dx)) unit: s w is exact, s being a power of two, so that only the last addition rounds. Where e^-x may
 * overflow, s leaves the exponent's bits, and comes back when `less` is taken from them.
 *
 * logistic_divisor: unit is 2^-64 (2^-512) where side, and with it x, is negative.
 * deep_divisor_parts: only where x is so low that 1 is nothing, for a numerator that may be anything, of which deep(x, .) then takes
 * 2^-96 (2^-688) away: a large one still leaves something. *lo: what rounding leaves out of it. */
VM_INLINE float logistic_parts_f4(float s, float w, float one, float *lo)
{
    float sum = s + one, part = fma_f4(s, w, (s - sum) + one), d = sum + part;
    *lo = part - (d - sum);
    return d;
}
VM_INLINE float logistic_sum_f4(float s, float w, float one) { float lo; return logistic_parts_f4(s, w, one, &lo); }
VM_INLINE float divisor_reduced_f4(float x, float minus_dx, float *s)
{
    const float magic = 12582912.0f + 127.0f;
    float j = fma_f4(x, -0x1.715476p+0f, magic);
    float n = j - magic;
    *s = from_bits_f4(bits_f4(j) << 23);
    return fma_f4(n, -LN2_LO_F4, fma_f4(n, -LN2_HI_F4, -x) + minus_dx);
}
VM_INLINE float logistic_divisor_f4(float s, float w, float side, float *unit)
{
    uint32_t less = (uint32_t)((int32_t)bits_f4(side) >> 31) & ((uint32_t)64 << 23);
    *unit = from_bits_f4(0x3F800000u - less);
    return logistic_sum_f4(from_bits_f4(bits_f4(s) - less), w, *unit);
}
VM_INLINE float deep_divisor_parts_f4(float s, float w, float x, float *unit, float *lo)
{
    uint32_t less = x < -87.0f ? (uint32_t)160 << 23 : 0;
    *unit = x < -87.0f ? 0x1p-64f : 1.0f;
    return logistic_parts_f4(from_bits_f4(bits_f4(s) - less), w, *unit, lo);
}
/* y = v/d with what rounding left out of it and, as lo, out of d, by a rough reciprocal; y itself where v is 0, subnormal or not finite */
VM_INLINE float refined_f4(float y, float v, float d, float lo)
{
    float rough = from_bits_f4(0x7EF311C3u - bits_f4(d)), more = fma_f4(fma_f4(-y, lo, fma_f4(-y, d, v)), rough, y);
    return (bits_f4(v) & 0x7FFFFFFFu) - 0x00800000u < 0x7E000000u ? more : y;
}
VM_INLINE float deep_f4(float x, float v)
{
    float finite = at_most_f4(at_least_f4(v, -0x1.fffffep127f), 0x1.fffffep127f);
    return x < -87.0f ? finite * 0x1p-96f : v;
}
VM_INLINE double logistic_parts_f8(double s, double w, double one, double *lo)
{
    double sum = s + one, part = fma_f8(s, w, (s - sum) + one), d = sum + part;
    *lo = part - (d - sum);
    return d;
}
VM_INLINE double logistic_sum_f8(double s, double w, double one) { double lo; return logistic_parts_f8(s, w, one, &lo); }
VM_INLINE double divisor_reduced_f8(double x, double minus_dx, double *s)
{
    const double magic = 6755399441055744.0 + 1023.0;
    double j = fma_f8(x, -0x1.71547652b82fep+0, magic);
    double n = j - magic;
    *s = from_bits_f8(bits_f8(j) << 52);
    return fma_f8(n, -LN2_LO_F8, fma_f8(n, -LN2_HI_F8, -x) + minus_dx);
}
VM_INLINE double logistic_divisor_f8(double s, double w, double side, double *unit)
{
    uint64_t less = (uint64_t)((int64_t)bits_f8(side) >> 63) & ((uint64_t)512 << 52);
    *unit = from_bits_f8(0x3FF0000000000000u - less);
    return logistic_sum_f8(from_bits_f8(bits_f8(s) - less), w, *unit);
}
VM_INLINE double deep_divisor_parts_f8(double s, double w, double x, double *unit, double *lo)
{
    uint64_t less = x < -708.0 ? (uint64_t)1200 << 52 : 0;
    *unit = x < -708.0 ? 0x1p-512 : 1.0;
    return logistic_parts_f8(from_bits_f8(bits_f8(s) - less), w, *unit, lo);
}
VM_INLINE double refined_f8(double y, double v, double d, double lo)
{
    double rough = from_bits_f8(0x7FDE623822FC16E6u - bits_f8(d)), more = fma_f8(fma_f8(-y, lo, fma_f8(-y, d, v)), rough, y);
    return (bits_f8(v) & 0x7FFFFFFFFFFFFFFFu) - 0x0010000000000000u < 0x7FC0000000000000u ? more : y;
}
VM_INLINE double deep_f8(double x, double v)
{
    double finite = at_most_f8(at_least_f8(v, -0x1.fffffffffffffp1023), 0x1.fffffffffffffp1023);
    return x < -708.0 ? finite * 0x1p-688 : v;
}

/* e^z - 1 and e^-z - 1: coefficients/exp.sollya; z is added last */
VM_INLINE double pair_f8(double z, double *minus)
{
    double z2 = z * z;
    double even = fma_f8(fma_f8(fma_f8(fma_f8(fma_f8(0x1.1f593817ed54ep-29, z2, 0x1.27e4e95c33df4p-22), z2, 0x1.a01a01a1cdba3p-16), z2, 0x1.6c16c16c16d9dp-10), z2, 0x1.5555555555555p-5), z2, 0.5) * z2;
    double odd = fma_f8(fma_f8(fma_f8(fma_f8(0x1.af3f3a194a1ebp-26, z2, 0x1.71de0a283bc5cp-19), z2, 0x1.a01a01a9070c6p-13), z2, 0x1.1111111110706p-7), z2, 0x1.5555555555556p-3) * (z * z2);
    *minus = (even - odd) - z;
    return z + (even + odd);
}
/* (n + n_lo)/(d + d_lo) by a reciprocal, and then what is left of n after it; *lo: what rounding leaves out of it */
VM_INLINE double divided_rest_f8(double n, double n_lo, double d, double d_lo, double *lo)
{
    double y = 1.0 / d, q = n * y;
    double rest = fma_f8(-q, d, n) + fma_f8(-q, d_lo, n_lo), value = fma_f8(rest, y, q);
    *lo = fma_f8(rest, y, q - value);
    return value;
}
VM_INLINE double divided_f8(double n, double n_lo, double d, double d_lo) { double lo; return divided_rest_f8(n, n_lo, d, d_lo, &lo); }
/* n/(d + d_lo) and *lo */
VM_INLINE float divided_parts_f4(float n, float d, float d_lo, float *lo)
{
    float y = 1.0f / d, q = n * y;
    *lo = fma_f4(-q, d_lo, fma_f4(-q, d, n)) * y;
    return q;
}
VM_INLINE double divided_parts_f8(double n, double d, double d_lo, double *lo)
{
    double y = 1.0 / d, q = n * y;
    *lo = fma_f8(-q, d_lo, fma_f8(-q, d, n)) * y;
    return q;
}
/* ---- gradients with a root: t u/(1 + t)^2, u = 1 - h + t, left of 0, and right of it 1 less that ------------------- */
/* t = e^-(a + a_lo), a not below 0. For silu h and a are |x|, for gelu_tanh |x| S'(|x|) and S(|x|). u has the root: there t is c, so with
 * r = -ln c it is c e^(r - a) whose e^(r - a) - 1 is computed, and 1 - h + c cancels before anything is rounded. n ln 2 and r are taken in
 * parts, of which the first are so short that neither they nor their sum with a are rounded (coefficients/roots.py). t = s e^z, s
 * scaled. */
VM_INLINE double fall_reduced_f8(double a, double a_lo, double r, double r_mid, double r_lo, double c, double *s)
{
    const double magic = 6755399441055744.0 + 1023.0 + 512.0;
    double j = fma_f8(r - a, 0x1.71547652b82fep+0, magic), n = j - magic;
    double head = (fma_f8(n, -0x1.62e42fefa3800p-1, r) - a) + r_mid;
    *s = from_bits_f8((bits_f8(j) << 52) + (bits_f8(c) - 0x3FF0000000000000u));
    return head + fma_f8(n, -0x1.ef35793c76730p-45, r_lo - a_lo);
}
/* *lo: what rounding leaves out of it */
VM_INLINE double fall_parts_f8(double x, double h, double h_lo, double s, double w, double *lo)
{
    double t = fma_f8(s, w, s), t_lo = fma_f8(s, w, s - t), plain = unscale_f8(t);
    double v = 1.0 - h, u = unscale_add_f8(t, v), u_lo = unscale_add_f8(t_lo, unscale_add_f8(t, v - u) - h_lo);
    double twice = plain + plain, d = fma_f8(plain, plain, 1.0 + twice), d_lo = fma_f8(plain, plain, (1.0 - d) + twice), g_lo;
    double p = t * u, p_lo = fma_f8(t, u_lo, fma_f8(t_lo, u, fma_f8(t, u, -p)));
    double g = divided_rest_f8(p, p_lo, d, d_lo, &g_lo), left = unscale_f8(g), right = unscale_add_f8(-g, 1.0);
    double rest = unscale_f8(g_lo);
    *lo = x < 0.0 ? rest : unscale_add_f8(-g, 1.0 - right) - rest;
    return x < 0.0 ? left : right;
}
VM_INLINE double fall_of_f8(double x, double h, double h_lo, double s, double w) { double lo; return fall_parts_f8(x, h, h_lo, s, w, &lo); }
VM_INLINE double silu_fall_f8(double a, double a_lo, double *s) { return fall_reduced_f8(a, a_lo, 0x1.474973c841400p+0, -0x1.f488378aa7aa5p-44, -0x1.85c7eb0bb1580p-107, 0x1.1d25cf210482ep-2, s); }
VM_INLINE double cubic_fall_f8(double a, double a_lo, double *s) { return fall_reduced_f8(a, a_lo, 0x1.3b2cf738fa000p+0, -0.0, -0x1.194ce65f8cf77p-51, 0x1.2af64e9c485eep-2, s); }
/* floats of silu in one pass: t = s(c + e), e = c(e^z - 1) = z/4 + z r(z), c and e 2^-40 and s 2^40 times what they are, and
 * u = ((1 + c) - a) + (s(c + e) - c), of which the first is exact about the root, and the second c(e^z - 1). c is chosen so that it and
 * 1 + c are floats, 1 + c the one next to the root; what -ln c has beyond a float is in e (coefficients/falls.py, by_trial.c).
 * p = t/(1 + t), of which rounding leaves p_lo out: p - p^2 = t/(1 + t)^2 then has no more error at 0 than far out. */
#define FALL_ONE_F4 0x1p-40f
#define FALL_C_F4 0x1.1d25dp-2f
VM_INLINE float fall_clamp_f4(float x) { return abs_f4(at_most_f4(at_least_f4(x, -115.5f), 40.0f)); }
VM_INLINE float fall_reduced_f4(float a, float *s)
{
    const float magic = 12582912.0f + 127.0f + 40.0f;
    float j = fma_f4(a, -0x1.715476p+0f, magic + 2.0f), n = j - magic;
    *s = from_bits_f4(bits_f4(j) << 23);
    return (fma_f4(n, -0x1.62e4p-1f, 0x1.4749p+0f) - a) + fma_f4(n, -0x1.7f7d1cp-20f, 0x1.dp-18f);
}
VM_INLINE float fall_poly_f4(float z)
{
    float r = FALL_ONE_F4 * 0x1.6db4fap-12f;
    r = fma_f4(r, z, FALL_ONE_F4 * 0x1.2fe5fp-9f);
    r = fma_f4(r, z, FALL_ONE_F4 * 0x1.7c4aaap-7f);
    r = fma_f4(r, z, FALL_ONE_F4 * 0x1.7c32dp-5f);
    r = fma_f4(r, z, FALL_ONE_F4 * 0x1.1d25c2p-3f);
    r = fma_f4(r, z, FALL_ONE_F4 * 0x1.d25ceep-6f);
    return fma_f4(r, z, fma_f4(FALL_ONE_F4 * 0.25f, z, FALL_ONE_F4 * -0x1.1d1338p-26f));
}
/* p/s, what rounding leaves out of it, and p, held where it is nothing beside 1, for to underflow takes long */
VM_INLINE float fall_share_f4(float power, float e, float *lo, float *whole)
{
    const float c = FALL_ONE_F4 * FALL_C_F4;
    float s = at_least_f4(power, 1.0f), t = c + e, plain = s * t, share = plain / (1.0f + plain), p = fma_f4(-t, share, t);
    *whole = s * p;
    *lo = fma_f4(-t, *whole, (c - p) + e);              /* of which p has less error than the quotient */
    return p;
}
VM_INLINE float fall_slope_f4(float x, float a, float s, float e, float p, float lo, float whole)
{
    const float c = FALL_ONE_F4 * FALL_C_F4;
    float far = (1.0f + FALL_C_F4) - a, near = fma_f4(s, e, fma_f4(s, c, -FALL_C_F4));
    float less = fma_f4(-whole, near, fma_f4(-whole, far, near)), rest = lo * (far * fma_f4(-2.0f, whole, 1.0f));
    float left = s * fma_f4(p, far, fma_f4(p, less, rest));
    return x < 0.0f ? left : 1.0f - left;
}
/* x p left of 0, x(1 - p) right of it, with what p lacks, lo (1 - p), unless p is held; held is |x| */
VM_INLINE float fall_value_f4(float x, float held, float s, float p, float lo, float whole)
{
    float right = 1.0f - whole, less = s < 1.0f ? 0.0f : lo * right, scaled = held * s;
    return fma_f4(x < 0.0f ? -scaled : x, x < 0.0f ? p : right, -(scaled * less));
}
/* e^x = s e^z and 2 e^-x = t e^-z, t scaled; below e^-120 s is held */
VM_INLINE double pair_reduced_f8(double x, double *s, double *t)
{
    const double magic = 6755399441055744.0 + 1023.0;
    double j = fma_f8(x, 0x1.71547652b82fep+0, magic), n = j - magic;
    *s = from_bits_f8(bits_f8(at_least_f8(j, magic - 120.0)) << 52);
    *t = from_bits_f8(((uint64_t)1535 << 52) - (bits_f8(j) << 52));
    return fma_f8(n, -LN2_LO_F8, fma_f8(n, -LN2_HI_F8, x));
}
VM_INLINE double mish_clamp_f8(double x) { return at_most_f8(at_least_f8(x, -772.0), 40.0); }
VM_INLINE double mish_end_f8(double x, double value) { return x > 40.0 ? x : value; }
/* gelu_tanh' so close to its root that x S'(x), to twice the precision, is not enough: two terms of the series about it */
VM_INLINE double cubic_close_f8(double x, double value)
{
    double d = (x + 0x1.81429f9e97e4dp-1) + -0x1.4f523ed77dbdcp-55;
    double close = fma_f8(0x1.b8bacd2c96b91p-2, d, d * fma_f8(0x1.8cd1a2b2fff33p-2, d, 0x1.7625a206be83dp-56));
    return abs_f8(d) < 0x1p-28 ? close : value;
}

/* ---- the gradients about their roots: f'(-a) = c d + d P(d), d = r - (a + da) -------------------------------- */
/* The rounding error of d is carried: (larger - d) + smaller is exact. Two interleaved chains wait less than one. */
VM_INLINE double mish_near_f8(double a, double da)
{
    const double r = 0x1.31432c0d12d84p+0;
    double d = r - a;
    double larger = a < 0.625 ? r : -a, smaller = a < 0.625 ? -a : r;
    double lo = ((larger - d) + smaller) + (0x1.bf319154da21p-55 - da);
    double d2 = d * d;
    double e = 0x1.d097ffb9c331fp-31;
    e = fma_f8(e, d2, 0x1.a3e98ee60a788p-29);
    e = fma_f8(e, d2, 0x1.017cfed0a3d23p-33);
    e = fma_f8(e, d2, -0x1.8b38262d4bcbep-28);
    e = fma_f8(e, d2, -0x1.2c38242cdbd89p-23);
    e = fma_f8(e, d2, 0x1.1f7d593bcbae7p-20);
    e = fma_f8(e, d2, 0x1.fa38494290ff6p-21);
    e = fma_f8(e, d2, -0x1.d453bc3621356p-15);
    e = fma_f8(e, d2, 0x1.0a79550ab6d65p-12);
    e = fma_f8(e, d2, 0x1.1e5e1849ac5c1p-10);
    e = fma_f8(e, d2, -0x1.03369d4ac8eb2p-6);
    e = fma_f8(e, d2, 0x1.574f121a868d9p-5);
    e = fma_f8(e, d2, -0x1.7529a5ed7fa26p-5);
    double o = -0x1.9642b2f445c2ep-34;
    o = fma_f8(o, d2, -0x1.742855a6783cep-29);
    o = fma_f8(o, d2, -0x1.9cb539d1db54p-32);
    o = fma_f8(o, d2, 0x1.61569e04c0a49p-27);
    o = fma_f8(o, d2, -0x1.138a3eb70de8dp-24);
    o = fma_f8(o, d2, 0x1.d6cc3bee8c21dp-26);
    o = fma_f8(o, d2, 0x1.866b541535f8dp-19);
    o = fma_f8(o, d2, -0x1.223bf710040eep-16);
    o = fma_f8(o, d2, -0x1.5fff9bfe416d6p-15);
    o = fma_f8(o, d2, 0x1.0379917f1a723p-10);
    o = fma_f8(o, d2, -0x1.b87ddfb503e89p-9);
    o = fma_f8(o, d2, -0x1.4c222fe64d601p-6);
    o = fma_f8(o, d2, 0x1.a34a251d8ad7bp-3);
    e = fma_f8(o, d, e);
    double slope = 0.3125 + e, slope_lo = (0.3125 - slope) + e;
    double sum = d + lo;
    return fma_f8(sum, slope, fma_f8(sum, slope_lo, slope * ((d - sum) + lo)));
}
VM_INLINE double near_root_f8(double a, double near, double far) { return a < 1.75 ? near : far; }

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
/* expm1(z) for 1 + e^-S: the last bits of float's coefficients are chosen by trial, coefficients/by_trial.c */
VM_INLINE float cubic_poly_f4(float z)
{
    float z2 = z * z;
    float q = fma_f4(0x1.6ca954p-10f, z2, fma_f4(0x1.120ac2p-7f, z, 0x1.55550ap-5f));
    return fma_f4(fma_f4(q, z2, fma_f4(0x1.5554dep-3f, z, 0.5f)), z2, z);
}
/* x S'(x) = 3 S(x) - 2 k x, with its rounding error in *lo */
VM_INLINE double cubic_slope_f8(double x, double s, double ds, double *lo)
{
    double m = 0x1.9884533d4366p+1 * x, m_lo = fma_f8(-0x1.ee5e069875fe9p-48, x, fma_f8(0x1.9884533d4366p+1, x, -m));
    double thrice = 3.0 * s, h = thrice - m;
    *lo = (fma_f8(3.0, ds, fma_f8(3.0, s, -thrice)) - m_lo) + ((thrice - h) - m);
    return h;
}

/* ---- the Gaussian tail: a Phi(-a), scaled; a is held where it ends ------------------------------------------- */
/* p = -a^2/2: near 0 a/2 + p E(p), E = erf(a/sqrt 2)/a. The difference cancels, the more the larger a: gelu, which rounds E, takes
 * it below 0.875, the parts, which carry what rounding leaves out, below 1.1875, where their error meets the quotient's. */
VM_INLINE double gauss_near_f8(double p, double *lo)
{
    double e = 0x1.19a98ec72ab22p-31;
    e = fma_f8(e, p, 0x1.478987891e331p-27);
    e = fma_f8(e, p, 0x1.eadc274e7078cp-24);
    e = fma_f8(e, p, 0x1.38186ac9a530ep-20);
    e = fma_f8(e, p, 0x1.621a9b499777p-17);
    e = fma_f8(e, p, 0x1.6589b3ddb428ap-14);
    e = fma_f8(e, p, 0x1.3ce8f6b5a7a62p-11);
    e = fma_f8(e, p, 0x1.e42b0d1fe4e94p-9);
    e = fma_f8(e, p, 0x1.37403f6adf00ap-6);
    e = fma_f8(e, p, 0x1.46d0429765caep-4);
    e = fma_f8(e, p, 0x1.1058377e2ce72p-2);
    double slope = fma_f8(e, p, 0x1.9884533d4365p-1);
    *lo = fma_f8(e, p, 0x1.9884533d4365p-1 - slope);
    return slope;
}
/* a >= 0.875: a Phi(-a) = e^p b (1 + F)/4. b = 11/8, amid the values of 4 a M(a)/sqrt(2 pi): F, which alone carries the rounding errors
 * of a quotient, is -0.18 at 1.1875 and at most 0.161, for large a, where they are largest. s b is exact. Both polynomials have the factor
 * 25/32: num is then just below 2, where it rounds least, from 1.1875 to 1.25, where its errors count most. */
VM_INLINE double gauss_far_f8(double a, double p)
{
    double num = fma_f8(-0x1.c0f47041079a6p-16, p, fma_f8(0x1.49cf0fce0b3f1p-12, a, 0x1.e0d0fccf9c712p-9));
    num = fma_f8(num, p, fma_f8(-0x1.b8c8794fb50eap-7, a, -0x1.0f46bc9c2af98p-4));
    num = fma_f8(num, p, fma_f8(0x1.b878e963f567ap-4, a, 0x1.8cfcf6d404e28p-3));
    num = fma_f8(num, p, fma_f8(0x1.ebf8291cca1c6p-7, a, 0x1.30800fab4f748p-1));
    num = fma_f8(num, p, fma_f8(-0x1.874985c3cb37ap-1, a, -0x1.8ffffffde2cf4p-1));
    double den = fma_f8(-0x1.5d8626bbbd13ap-13, p, fma_f8(0x1.00c3f7b0eebf8p-9, a, 0x1.8032b1a66c141p-6));
    den = fma_f8(den, p, fma_f8(-0x1.7429557c08ebdp-4, a, -0x1.fc4033eca85fp-2));
    den = fma_f8(den, p, fma_f8(0x1.f99ca7934cfbep-1, a, 0x1.7028fdd8789bp+1));
    den = fma_f8(den, p, fma_f8(-0x1.8136be1d27678p+1, a, -0x1.13dcf3e3fb5c2p+2));
    den = fma_f8(den, p, fma_f8(0x1.e68d7d053fc86p+0, a, 0x1.9p-1));
    return num / den;
}
VM_INLINE double gauss_reduced_f8(double a, double *s, double *rest)
{
    double half = -0.5 * a, p = half * a;
    return split_reduced_f8(p, fma_f8(half, a, -p), 510.0, s, rest);
}
VM_INLINE double gauss_poly_f8(double z, double rest) { return split_poly_f8(z, rest); }
VM_INLINE double gauss_ratio_f8(double a) { return gauss_far_f8(a, (-0.5 * a) * a); }
VM_INLINE double gauss_tail_f8(double a, double s, double z, double y, double f)
{
    double half = -0.5 * a, p = half * a, lo, b = 1.375 * s;
    double far = fma_f8(b, z + (f + fma_f8(f, z + y, y)), b);
    return a < 0.875 ? fma_f8(p, gauss_near_f8(p, &lo), -half) * 0x1p512 : far;
}
/* the result and *lo, with what rounding leaves out of p, E and the last sums, for a product that rounds once more; 2 E(p) - E(0), to the
 * first power of p, is the derivative of p E(p) */
VM_INLINE double gauss_tail_parts_f8(double a, double s, double z, double y, double f, double *lo)
{
    double half = -0.5 * a, p = half * a, e_lo, e = gauss_near_f8(p, &e_lo);
    double product = p * e, near = product - half;
    double near_lo = ((-half - near) + product) + (fma_f8(p, e, -product) + fma_f8(p, e_lo, fma_f8(half, a, -p) * fma_f8(2.0, e, -0x1.9884533d4365p-1)));
    double part = f + fma_f8(f, z + y, y), r = z + part, b = 1.375 * s, far = fma_f8(b, r, b);
    double far_lo = fma_f8(b, (z - r) + part, fma_f8(b, r, b - far));
    *lo = a < 1.1875 ? near_lo * 0x1p512 : far_lo;
    return a < 1.1875 ? near * 0x1p512 : far;
}
/* gelu'(-a) = Phi(-a) - a phi(a) = e^p (r - a)(1 + Q)/2 */
VM_INLINE double gauss_slope_f8(double a, double p)
{
    double num = fma_f8(0x1.b7db79a3e8f63p-17, p, fma_f8(-0x1.6b2e278f41b15p-13, a, -0x1.1d5fe43378898p-9));
    num = fma_f8(num, p, fma_f8(0x1.11a2175a77d5bp-7, a, 0x1.56c2f25d8dc3p-5));
    num = fma_f8(num, p, fma_f8(-0x1.1274f0e2257ep-4, a, -0x1.cbc52a471d39cp-4));
    num = fma_f8(num, p, fma_f8(-0x1.8db8624cadc41p-6, a, -0x1.71aad1e5bb4bdp-2));
    num = fma_f8(num, p, fma_f8(0x1.9434594657bd5p-2, a, 0x1.5214697307b1fp-2));
    double den = fma_f8(-0x1.100891ec8d123p-14, p, fma_f8(0x1.f3aedb72f0774p-11, a, 0x1.bbd8a8697f339p-7));
    den = fma_f8(den, p, fma_f8(-0x1.f03f197905a94p-5, a, -0x1.7f9891dcd8223p-2));
    den = fma_f8(den, p, fma_f8(0x1.a9de2b88e8addp-1, a, 0x1.564163c28c5b4p+1));
    den = fma_f8(den, p, fma_f8(-0x1.87c20f3fe0339p+1, a, -0x1.30ad708c0803ap+2));
    den = fma_f8(den, p, fma_f8(0x1.2202cbeb0cf14p+1, a, 0x1p+0));
    return num / den;
}
/* r - a, r = 0.75179..., and its rounding error */
VM_INLINE double gauss_distance_f8(double a, double *lo)
{
    double d = difference_f8(0x1.80ead197f00b4p-1, a, lo);
    *lo = *lo + -0x1.13e74c58cada8p-56;
    return d;
}
#endif
