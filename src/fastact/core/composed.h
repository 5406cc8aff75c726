/* x erf(softplus(x)) and its gradient: what their formulas in activations_smooth_apart.pxi are made of.
 *
 * Numbers: coefficients/serf.py (quotients; there is what they mean), coefficients/smooth.sollya (polynomials).
 */
#ifndef FASTACT_COMPOSED_H
#define FASTACT_COMPOSED_H

#include "gauss.h"

VM_INLINE double wide_serf_left_num(double t)
{
    double p = 0x1.598e19e6676cdp-10;
    p = fma_f8(p, t, 0x1.5ddfd31bcfeecp-4);
    p = fma_f8(p, t, 0x1.25c78a67edbeap-1);
    p = fma_f8(p, t, 0x1.7ab00e1640da3p+0);
    p = fma_f8(p, t, 0x1.20dd7503bbcc4p+0);
    return p;
}
VM_INLINE double wide_serf_left_den(double t)
{
    double p = 0x1.922af16a09deep-4;
    p = fma_f8(p, t, 0x1.10bb7e7c10b77p-1);
    p = fma_f8(p, t, 0x1.69fabcfd64365p+0);
    p = fma_f8(p, t, 0x1.cf9a6e3559389p+0);
    p = fma_f8(p, t, 0x1p+0);
    return p;
}
/* erf(log(1 + t))/t - 7/8 */
VM_INLINE double serf_left_f8(double t)
{
    double u = t - 0.5, u2 = u * u;
    double p = 0x1.1a3b83c048dcep-17;
    p = fma_f8(p, u2, fma_f8(-0x1.26c88a981191p-16, u, 0x1.93206aae3276ap-16));
    p = fma_f8(p, u2, fma_f8(-0x1.6d336ab334f1dp-15, u, 0x1.536c47e99dcc5p-14));
    p = fma_f8(p, u2, fma_f8(-0x1.192d4a5a46ec4p-13, u, 0x1.af0333e146fep-13));
    p = fma_f8(p, u2, fma_f8(-0x1.2b1b399686854p-12, u, 0x1.53cdc63599c3cp-12));
    p = fma_f8(p, u2, fma_f8(-0x1.8dd06e7aeeac9p-13, u, -0x1.b5983a1fb21b6p-12));
    p = fma_f8(p, u2, fma_f8(0x1.1223e1baf873p-9, u, -0x1.7f5a32c6fa0eep-8));
    p = fma_f8(p, u2, fma_f8(0x1.ac055f9459e9dp-7, u, -0x1.9394216dbec8fp-6));
    p = fma_f8(p, u2, fma_f8(0x1.38d3ab138a9efp-5, u, -0x1.530740d262236p-5));
    p = fma_f8(p, u2, fma_f8(0x1.7ed988296d26ap-11, u, 0x1.2a763f1f16d01p-3));
    p = fma_f8(p, u2, fma_f8(-0x1.d51d2d763cafcp-2, u, -0x1.fa7e6712f4de6p-8));
    return p;
}
VM_INLINE double wide_serf_right_num(double x)
{
    double p = -0x1.1977a2d1ae0cfp-12;
    p = fma_f8(p, x, 0x1.057da76057054p-7);
    p = fma_f8(p, x, 0x1.0e2bc9acb8908p-7);
    p = fma_f8(p, x, 0x1.9d3e626286e36p-4);
    p = fma_f8(p, x, 0x1.002d830f3714bp-4);
    p = fma_f8(p, x, 0x1.4ece43a050175p-2);
    return p;
}
VM_INLINE double wide_serf_right_den(double x)
{
    double p = 0x1.4c18d645a7732p-7;
    p = fma_f8(p, x, 0x1.982126e7fee2fp-6);
    p = fma_f8(p, x, 0x1.9f77c526b92adp-4);
    p = fma_f8(p, x, 0x1.18f1a927e90e8p-1);
    p = fma_f8(p, x, 0x1.4230d8a445283p+0);
    p = fma_f8(p, x, 0x1p+0);
    return p;
}
/* doubles, of these quotients all but the constants, which the formulas add with what that rounds off */
VM_INLINE double serf_right_num_f8(double x)
{
    double p = 0x1.78f99ddd227aep-25;
    p = fma_f8(p, x, -0x1.2e392ea8856fcp-22);
    p = fma_f8(p, x, 0x1.182a144980b8bp-16);
    p = fma_f8(p, x, -0x1.3cf19462f09fbp-14);
    p = fma_f8(p, x, 0x1.fb7ef04af690ap-11);
    p = fma_f8(p, x, -0x1.63e6e0691035dp-15);
    p = fma_f8(p, x, 0x1.2410c96d986afp-6);
    p = fma_f8(p, x, 0x1.77f928d84cfb6p-7);
    p = fma_f8(p, x, 0x1.0a0b94aa3e452p-3);
    p = fma_f8(p, x, 0x1.e969a7ca6d028p-5);
    return p;
}
VM_INLINE double serf_right_den_f8(double x)
{
    double p = 0x1.143feda1389f2p-19;
    p = fma_f8(p, x, -0x1.a12fe6157a92bp-18);
    p = fma_f8(p, x, 0x1.1f561f90ffbafp-13);
    p = fma_f8(p, x, 0x1.2c51a6fd04e28p-11);
    p = fma_f8(p, x, 0x1.8bf6dd36f0716p-9);
    p = fma_f8(p, x, 0x1.4773a738cde34p-6);
    p = fma_f8(p, x, 0x1.22ff3dbb7ad84p-4);
    p = fma_f8(p, x, 0x1.a54634a8e61e6p-3);
    p = fma_f8(p, x, 0x1.41b34db119dd9p-1);
    p = fma_f8(p, x, 0x1.3fff7abfb0cd6p+0);
    return p;
}
VM_INLINE double wide_serf_falling_num(double a)
{
    double p = 0x1.c19b01e7a00ddp-13;
    p = fma_f8(p, a, 0x1.06eee5bc51fefp-6);
    p = fma_f8(p, a, 0x1.311c30cda866bp-4);
    p = fma_f8(p, a, 0x1.65c561c8836e1p-3);
    p = fma_f8(p, a, 0x1.6c3ec05cfe3cp-2);
    p = fma_f8(p, a, 0x1.3f6a77983c5f2p-1);
    p = fma_f8(p, a, 0x1.20d5b02541342p-1);
    return p;
}
VM_INLINE double wide_serf_falling_den(double a)
{
    double p = 0x1.19c668fceb0c6p-6;
    p = fma_f8(p, a, 0x1.8d1aa12022beep-5);
    p = fma_f8(p, a, 0x1.2151c24b875dcp-3);
    p = fma_f8(p, a, 0x1.9babeb48d7398p-2);
    p = fma_f8(p, a, 0x1.37f3d058997f8p-2);
    p = fma_f8(p, a, 0x1p+0);
    return p;
}
VM_INLINE double serf_falling_num_f8(double a)
{
    double p = 0x1.6f7a9e91b4c52p-25;
    p = fma_f8(p, a, 0x1.94c3e48700f54p-22);
    p = fma_f8(p, a, 0x1.3c95175bb418fp-17);
    p = fma_f8(p, a, 0x1.342cc6d53da52p-16);
    p = fma_f8(p, a, 0x1.20e355da76fc7p-11);
    p = fma_f8(p, a, 0x1.ec0e1c5cce3d7p-11);
    p = fma_f8(p, a, 0x1.7add1e3083d76p-7);
    p = fma_f8(p, a, 0x1.83d29b6044471p-7);
    p = fma_f8(p, a, 0x1.565c0b3add065p-4);
    p = fma_f8(p, a, 0x1.029d4edcdc024p-6);
    p = fma_f8(p, a, 0x1.4d46ae547470fp-3);
    return p;
}
VM_INLINE double serf_falling_den_f8(double a)
{
    double p = 0x1.460270d8056aap-22;
    p = fma_f8(p, a, 0x1.00fe1d0fcca17p-18);
    p = fma_f8(p, a, 0x1.40b9b88d89522p-15);
    p = fma_f8(p, a, 0x1.8192ee24ddbc4p-12);
    p = fma_f8(p, a, 0x1.d71588bc68938p-10);
    p = fma_f8(p, a, 0x1.5c7e307995693p-7);
    p = fma_f8(p, a, 0x1.14540ed9d0ca5p-5);
    p = fma_f8(p, a, 0x1.04d0374875f95p-3);
    p = fma_f8(p, a, 0x1.078222286d784p-2);
    p = fma_f8(p, a, 0x1.43822a89f566ap-1);
    p = fma_f8(p, a, 0x1.53cb5512c462fp-1);
    return p;
}
VM_INLINE double wide_serf_rising_num(double x)
{
    double p = -0x1.9f45088d9a864p-6;
    p = fma_f8(p, x, -0x1.4c43f6cf647a9p-6);
    p = fma_f8(p, x, -0x1.bacb49ce20865p-3);
    p = fma_f8(p, x, -0x1.8c1006e3b2c49p-5);
    p = fma_f8(p, x, -0x1.d146fb9ba936cp-2);
    p = fma_f8(p, x, 0x1.4ece4395c7465p-2);
    return p;
}
VM_INLINE double wide_serf_rising_den(double x)
{
    double p = 0x1.9384ed5011c95p-11;
    p = fma_f8(p, x, 0x1.02a3e93fd21ddp-6);
    p = fma_f8(p, x, 0x1.ca40564ea9b77p-6);
    p = fma_f8(p, x, 0x1.100361ec513b9p-3);
    p = fma_f8(p, x, 0x1.7d5c62a1c019fp-1);
    p = fma_f8(p, x, 0x1p+0);
    return p;
}
VM_INLINE double serf_rising_num_f8(double x)
{
    double p = 0x1.2aff6fc008ceap-21;
    p = fma_f8(p, x, -0x1.3b3a588b2ee46p-18);
    p = fma_f8(p, x, 0x1.2ef1ae06b920ap-15);
    p = fma_f8(p, x, -0x1.d8665cd8f7e7cp-13);
    p = fma_f8(p, x, 0x1.036f8aad17409p-13);
    p = fma_f8(p, x, -0x1.6dfa2b7437b3bp-8);
    p = fma_f8(p, x, -0x1.99f879d433969p-8);
    p = fma_f8(p, x, -0x1.f01a340afbe6ep-5);
    p = fma_f8(p, x, -0x1.c7e3c8afc6543p-5);
    p = fma_f8(p, x, -0x1.1a2b5fb81d7a8p-2);
    p = fma_f8(p, x, -0x1.1b91773a9df84p-4);
    p = fma_f8(p, x, -0x1.a46d7472d01e5p-2);
    return p;
}
VM_INLINE double serf_rising_den_f8(double x)
{
    double p = -0x1.b30f3e6553c07p-28;
    p = fma_f8(p, x, -0x1.f9b5b7b5ec59cp-23);
    p = fma_f8(p, x, -0x1.7466228934fap-23);
    p = fma_f8(p, x, 0x1.6f2fed2a214dbp-18);
    p = fma_f8(p, x, 0x1.2edcd82cb90ep-16);
    p = fma_f8(p, x, 0x1.1496c3628e483p-11);
    p = fma_f8(p, x, 0x1.3b76bb59d5ecdp-9);
    p = fma_f8(p, x, 0x1.648e8ca8b14b2p-7);
    p = fma_f8(p, x, 0x1.aa01c7dc821dep-5);
    p = fma_f8(p, x, 0x1.2912900da3798p-3);
    p = fma_f8(p, x, 0x1.6b67be772b132p-2);
    p = fma_f8(p, x, 0x1.c1f274b6def4dp-1);
    return p;
}
/* far left, t = e^x: f' = 2/sqrt(pi) t ((1 + x) + this) */
VM_INLINE double wide_serf_far(double t, double x)
{
    double p = -0x1.0d8205d16277ap-2;
    p = fma_f8(p, t, 0x1.feb92a71fd71ep-3);
    p = fma_f8(p, t, 0x1.a0b03f0500389p-18);
    p = fma_f8(p, t, -0x1.0000005325052p-1);
    double q = -0x1.4bec6bd459d7fp+0;
    q = fma_f8(q, t, 0x1.fe19fa0e3659fp-1);
    q = fma_f8(q, t, 0x1.35649ffab109bp-15);
    q = fma_f8(q, t, -0x1.000000f6a7eebp+0);
    return t * fma_f8(x, q, p);
}
VM_INLINE double serf_far_f8(double t, double x)
{
    double p = 0x1.ca0f37d59f518p-6;
    p = fma_f8(p, t, -0x1.bd83eb11e71f9p-4);
    p = fma_f8(p, t, 0x1.aaaae90832ec9p-3);
    p = fma_f8(p, t, -0x1.22222253839edp-2);
    p = fma_f8(p, t, 0x1.0000000024218p-2);
    p = fma_f8(p, t, -0x1.1b91f78762b5fp-47);
    p = fma_f8(p, t, -0x1p-1);
    double q = 0x1.cd0496cad7aa4p-3;
    q = fma_f8(q, t, -0x1.85dce86592b8fp-1);
    q = fma_f8(q, t, 0x1.400045331e16fp+0);
    q = fma_f8(q, t, -0x1.6aaaab182159fp+0);
    q = fma_f8(q, t, 0x1.000000005006fp+0);
    q = fma_f8(q, t, -0x1.39d509cdc2885p-44);
    q = fma_f8(q, t, -0x1p+0);
    return t * fma_f8(x, q, p);
}
/* doubles: x held where f' and f are 0 or have no more to add */
VM_INLINE double serf_clamp_f8(double x) { return at_most_f8(at_least_f8(x, -772.0), 6.2); }
VM_INLINE double serf_slope_clamp_f8(double x) { return at_most_f8(at_least_f8(x, -772.0), 6.5); }
/* the exponent, x or -x^2, with its rounding error */
VM_INLINE double serf_exponent_f8(double x, double *lo)
{
    double p = -x * x;
    *lo = x < 0.0 ? 0.0 : fma_f8(-x, x, -p);
    return x < 0.0 ? x : p;
}
#endif
