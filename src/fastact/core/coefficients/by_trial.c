/* The last bits of float coefficients, by trial: where rounding errors meet, they cost more than the fit.
 *
 *     gcc -O2 -march=x86-64-v3 -ffp-contract=off -I.. by_trial.c -lm -o by_trial && ./by_trial
 *
 * Prints the coefficients that gauss.h has for gelu beyond the seam and for gelu_tanh, then every better set that a number of
 * trials around them finds, with the largest error in ulp over every float where the error is large. The fits that they
 * started from are gauss_rational.py's and exp.sollya's. The formulas are those of activations_gauss.pxi.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gauss.h"

enum { MOST = 9 };

static double gelu(float x, const float *c)
{
    float s, rest, a = fabsf(x);
    float z = gauss_reduced_f4(a, &s, &rest), w = gauss_poly_f4(z, rest);
    float num = c[0], den = c[5];
    for (int i = 1; i < 5; i++) num = fma_f4(num, a, c[i]);
    for (int i = 6; i < 9; i++) den = fma_f4(den, a, c[i]);
    return unscale_add_f4(-gauss_tail_f4(a, s, z, w, num / fma_f4(den, a, 1.0f)), 0.0f);
}
static double gelu_exact(double x) { return 0.5 * x * erfc(-x * 0.70710678118654752440); }

static double gelu_tanh(float x, const float *c)
{
    float ds, s, unit, sx = cubic_f4(x, &ds);
    float z = divisor_reduced_f4(sx, -ds, &s), z2 = z * z;
    float q = fma_f4(c[0], z2, fma_f4(c[1], z, c[2]));
    float w = fma_f4(fma_f4(q, z2, fma_f4(c[3], z, 0.5f)), z2, z);
    return x / logistic_divisor_f4(s, w, x, &unit) * unit;
}
static double gelu_tanh_exact(double x)
{
    return x / (1.0 + exp(-1.5957691216057307117597842397375 * (x + 0.044715 * x * x * x)));
}

static const struct target {
    const char *name;
    double (*computed)(float, const float *), (*exact)(double);
    float from, to;        /* negative floats, |from| < |to| */
    int count;
    float coefficients[MOST];
} TARGETS[] = {
    {"gelu", gelu, gelu_exact, -5.5f, -8.5f, 9,
     {0x1.6bc116p-6f, 0x1.c7821cp-4f, 0x1.b94542p-3f, -0x1.82bb54p-5f, -0x1.fea92p-1f,
      0x1.48c476p-4f, 0x1.9b81c2p-2f, 0x1.273b7p+0f, 0x1.a2599ap+0f}},
    {"gelu_tanh", gelu_tanh, gelu_tanh_exact, -2.5f, -5.5f, 4,
     {0x1.6ca954p-10f, 0x1.120ac2p-7f, 0x1.55550ap-5f, 0x1.5554dep-3f}},
};

/* the largest error, given up as soon as it passes `enough` */
static double worst(const struct target *t, const float *c, uint32_t step, double enough)
{
    double most = 0.0;
    for (uint32_t b = bits_f4(t->from); b <= bits_f4(t->to) && most < enough; b += step) {
        float x = from_bits_f4(b);
        double exact = t->exact(x);
        int e;
        frexp(exact, &e);
        double error = fabs(t->computed(x, c) - exact) / ldexp(1.0, e - 24);
        if (error > most) most = error;
    }
    return most;
}

int main(int argc, char **argv)
{
    int trials = argc > 1 ? atoi(argv[1]) : 200;
    srand(1);
    for (const struct target *t = TARGETS; t < TARGETS + sizeof TARGETS / sizeof *TARGETS; t++) {
        float best[MOST];
        memcpy(best, t->coefficients, sizeof best);
        double least = 9.0;
        for (int trial = 0; trial <= trials; trial++) {
            float c[MOST];
            for (int i = 0; i < t->count; i++) c[i] = from_bits_f4(bits_f4(best[i]) + (trial ? (uint32_t)(rand() % 7 - 3) : 0));
            if (worst(t, c, 1009, least) >= least) continue;
            double error = worst(t, c, 1, least);
            if (error >= least) continue;
            least = error;
            memcpy(best, c, sizeof best);
            printf("%s %.4f ulp:", t->name, least);
            for (int i = 0; i < t->count; i++) printf(" %a", c[i]);
            printf("\n");
            fflush(stdout);
        }
    }
    return 0;
}
