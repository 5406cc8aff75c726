/* What a gate's tail needs where the other factor is large: a * act(gate) may be a normal number where act(gate) is none. */
#ifndef FASTACT_GATED_H
#define FASTACT_GATED_H

#include "gauss.h"

/* v, or v 2^-96 (2^-688) where deep_divisor_parts has taken as much from e^-x; as deep(), but infinity stays infinite */
VM_INLINE float away_f4(float x, float v) { return x < -87.0f ? v * 0x1p-96f : v; }
VM_INLINE double away_f8(double x, double v) { return x < -708.0 ? v * 0x1p-688 : v; }

VM_INLINE float gate_floor_f4(float gate) { return at_least_f4(gate, -198.5f); }     /* a gate e^gate is 0 for every finite a */
VM_INLINE double gate_floor_f8(double gate) { return at_least_f8(gate, -1480.0); }

VM_INLINE float gated_end_f4(float a) { return a > 14.625f ? 37.0f : a; }             /* e^(-a^2/2), in double, is then 0 for every dy */

/* d (hi + lo), rounded once where hi is normal, and leaning to 0 by a quarter of the least difference: rounded up to a power of two, beyond
 * which ulps are twice as large, a product loses 1 ulp to the rounding, and only half of one if it is rounded down. Where a factor
 * is 0 or infinite, d hi: -0 stays, and inf - inf does not arise. */
VM_INLINE float compensated_f4(float d, float hi, float lo)
{
    float product = d * hi, value = fma_f4(d, hi, fma_f4(product, -0x1p-26f, d * lo));
    return __builtin_islessgreater(value, 0.0f) ? value : product;
}
VM_INLINE double compensated_f8(double d, double hi, double lo)
{
    double product = d * hi, value = fma_f8(d, hi, fma_f8(product, -0x1p-55, d * lo));
    return __builtin_islessgreater(value, 0.0) ? value : product;
}

/* n/(d + d_lo), with what rounding leaves out of n/d; or n/d, as in compensated() */
VM_INLINE float quotient_once_f4(float n, float d, float d_lo)
{
    float y = 1.0f / d, q = n * y, value = fma_f4(fma_f4(-q, d_lo, fma_f4(-q, d, n)), y, q);
    return __builtin_islessgreater(value, 0.0f) ? value : q;
}
VM_INLINE double quotient_once_f8(double n, double d, double d_lo)
{
    double y = 1.0 / d, q = n * y, value = fma_f8(fma_f8(-q, d_lo, fma_f8(-q, d, n)), y, q);
    return __builtin_islessgreater(value, 0.0) ? value : q;
}

/* A value scaled by 2^64 (2^512) is multiplied by the result, then by a, then by *unit: it stays scaled where it is so small
 * that it is at most 1, and that a product with a cannot overflow. Where the scaled exponential is held, it counts as 0. */
VM_INLINE float logistic_scale_f4(float gate, float *unit)
{
    float a = abs_f4(gate), in_range = a > 131.0f ? 0.0f : 0x1p-64f;
    *unit = a > 46.0f ? in_range : 1.0f;
    return a > 46.0f ? 1.0f : 0x1p-64f;
}
VM_INLINE double logistic_scale_f8(double gate, double *unit)
{
    double a = abs_f8(gate), in_range = a > 1060.0 ? 0.0 : 0x1p-512;
    *unit = a > 357.0 ? in_range : 1.0;
    return a > 357.0 ? 1.0 : 0x1p-512;
}
VM_INLINE double gauss_scale_f8(double gate, double *unit)
{
    double in_range = gate < -39.0 ? 0.0 : 0x1p-512;
    *unit = gate < -27.0 ? in_range : 1.0;
    return gate < -27.0 ? 1.0 : 0x1p-512;
}
#endif
