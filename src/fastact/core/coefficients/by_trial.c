/* The last bits of float coefficients, by trial: where rounding errors meet, they cost more than the fit.
 *
 *     gcc -O2 -march=x86-64-v3 -ffp-contract=off -I.. by_trial.c -lm -o by_trial && ./by_trial
 *
 * Prints the coefficients that gauss.h has for gelu_tanh, and for silu' in one pass with silu, then every better set that a number
 * of trials around them finds, with the largest error in ulp over every float where the error is large. The fits that they started
 * from are exp.sollya's and falls.py's. The formulas are those of activations_gauss.pxi and activations_apart.pxi.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gauss.h"

enum { MOST = 5 };

static double in_ulp(double computed, double exact)
{
    int e;
    frexp(exact, &e);
    return fabs(computed - exact) / ldexp(1.0, e - 24);
}

static double gelu_tanh(float x, const float *c)
{
    float ds, s, unit, sx = cubic_f4(x, &ds);
    float z = divisor_reduced_f4(sx, -ds, &s), z2 = z * z;
    float q = fma_f4(c[0], z2, fma_f4(c[1], z, c[2]));
    float w = fma_f4(fma_f4(q, z2, fma_f4(c[3], z, 0.5f)), z2, z);
    double exact = x / (1.0 + exp(-1.5957691216057307117597842397375 * (x + 0.044715 * (double)x * x * x)));
    return in_ulp(x / logistic_divisor_f4(s, w, x, &unit) * unit, exact);
}

static double silu_slope(float x, const float *c)
{
    float s, a = fall_clamp_f4(x), z = fall_reduced_f4(a, &s), r = FALL_ONE_F4 * c[0];
    for (int i = 1; i < 5; i++) r = fma_f4(r, z, FALL_ONE_F4 * c[i]);
    r = fma_f4(r, z, FALL_ONE_F4 * 0x1.d25ceep-6f);
    float e = fma_f4(r, z, fma_f4(FALL_ONE_F4 * 0.25f, z, FALL_ONE_F4 * -0x1.1d1338p-26f));
    double t = exp((double)x);
    float lo, whole, p = fall_share_f4(s, e, &lo, &whole);
    return in_ulp(fall_slope_f4(x, a, s, e, p, lo, whole), t * (1.0 + x + t) / ((1.0 + t) * (1.0 + t)));
}

static const struct target {
    const char *name;
    double (*error)(float, const float *);
    float from, to;        /* negative floats, |from| < |to| */
    int count;
    float coefficients[MOST];
} TARGETS[] = {
    {"gelu_tanh", gelu_tanh, -2.5f, -5.5f, 4,
     {0x1.6ca954p-10f, 0x1.120ac2p-7f, 0x1.55550ap-5f, 0x1.5554dep-3f}},
    {"silu'", silu_slope, -0.125f, -6.75f, 5,
     {0x1.6db4fap-12f, 0x1.2fe5fp-9f, 0x1.7c4aaap-7f, 0x1.7c32dp-5f, 0x1.1d25c2p-3f}},
};

/* the largest error, given up as soon as it passes `enough` */
static double worst(const struct target *t, const float *c, uint32_t step, double enough)
{
    double most = 0.0;
    for (uint32_t b = bits_f4(t->from); b <= bits_f4(t->to) && most < enough; b += step) {
        double error = t->error(from_bits_f4(b), c);
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
