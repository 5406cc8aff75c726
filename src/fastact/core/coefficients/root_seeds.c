/* Whether explicit_root() of explicit.h gives the right root of every float, whatever rsqrt14 gives within 2^-14.
 *
 *     gcc -O2 -mfma -ffp-contract=off root_seeds.c -o root_seeds -lm && ./root_seeds
 *
 * For each mantissa and parity of the exponent: g up to one, h up to two units in the last place off. Where one of these pairs fails, all
 * seeds are tried. Prints how many numbers that were, how many seeds, and how many gave a wrong root: 10, 14130, 0.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t bits(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
static float of(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }

int main(void)
{
    long numbers = 0, seeds = 0, wrong = 0;
    for (uint32_t u = 0x3F800000; u < 0x40800000; u++) {                /* 1 to 4 */
        const float x = of(u), root = sqrtf(x);
        const double inverse = 1 / sqrt((double)x);
        int fails = 0;
        for (int i = -1; i <= 1; i++)
            for (int k = -2; k <= 2; k++) {
                const float g = of(bits(root) + i), h = of(bits((float)(0.5 * inverse)) + k);
                fails |= fmaf(fmaf(-g, g, x), h, g) != root;
            }
        if (!fails)
            continue;
        numbers++;
        const uint32_t last = bits((float)(inverse * (1 + 0x1.01p-14)));
        for (uint32_t w = bits((float)(inverse * (1 - 0x1.01p-14))); w <= last; w++) {
            float y = of(w), g = x * y, h = 0.5f * y, e = fmaf(-g, h, 0.5f);
            g = fmaf(g, e, g);
            h = fmaf(h, e, h);
            seeds++;
            wrong += fmaf(fmaf(-g, g, x), h, g) != root;
        }
    }
    printf("%ld numbers, %ld seeds, %ld wrong\n", numbers, seeds, wrong);
    return wrong != 0;
}
