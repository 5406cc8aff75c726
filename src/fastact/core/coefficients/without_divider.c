/* That divide() and multiplied_root() of vmath.h give what a processor's divider gives.
 *
 *     gcc -O2 -march=x86-64-v4 -ffp-contract=off -I.. without_divider.c -lm -o without_divider && ./without_divider
 *
 * Needs AVX-512, without which divide() divides; takes 10 s. Every line it prints must end in "wrong 0".
 *
 * Roots of floats: every mantissa and parity of the exponent, and every float up to 2^126. Of doubles, the last step is wrong at most
 * where a root is so close to k 2^-53, k odd, halfway between two numbers, that x 2^106 = k^2 + c with a small c: by the error bound
 * |c| < 32. All with |c| < 2^16 are made, from the roots of -c modulo 2^54 and 2^55. With the polynomial's constant as it was fitted one
 * of them is wrong; with one less by 2^-46, none.
 * Quotients of doubles: where the reciprocal is as rounded, Markstein's last step is right; it may not be near 2, and all b within 2^-25
 * of 2 and 2^-28 above 1 are tried. Then numerators that bring a/b closest to halfway between two numbers, and random ones.
 */
#include <math.h>
#include <stdio.h>

#include "vmath.h"

typedef __int128 wide;
typedef unsigned __int128 unsigned_wide;

static uint64_t state = 88172645463325252u;
static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}
static double between(double low, uint64_t mantissa) { return from_bits_f8(bits_f8(low) | mantissa >> 12); }

static void float_roots(void)
{
    long wrong = 0;
    for (uint32_t u = 0x0D800000; u < 0x7E800000; u++)              /* 2^-100 to 2^126 */
        wrong += multiplied_root_f4(from_bits_f4(u)) != sqrtf(from_bits_f4(u));
    printf("roots of all floats from 2^-100 to 2^126: wrong %ld\n", wrong);
}

static void hard_roots(void)
{
    long tried = 0, wrong = 0;
    for (int64_t c = -65535; c < 65536; c++) {
        if ((-c & 7) != 1)
            continue;
        for (int n = 54; n <= 55; n++) {
            const uint64_t v = (uint64_t)-c, mask = ((uint64_t)1 << n) - 1, half = (uint64_t)1 << (n - 1);
            uint64_t r = 1;
            for (int i = 3; i < n; i++)
                if ((r * r - v) >> i & 1)
                    r += (uint64_t)1 << (i - 1);
            const uint64_t roots[4] = {r & mask, -r & mask, (r + half) & mask, (half - r) & mask};
            for (int j = 0; j < 4; j++)
                for (uint64_t k = roots[j]; k < (uint64_t)1 << 54; k += (uint64_t)1 << n) {
                    if (k < (uint64_t)1 << 53 || k % 2 == 0)
                        continue;
                    const unsigned_wide b = (unsigned_wide)((wide)((unsigned_wide)k * k) + c) >> n;
                    if (b < (unsigned_wide)1 << 52 || b >= (unsigned_wide)1 << 53)
                        continue;
                    const double x = ldexp((double)(uint64_t)b, n - 106);
                    tried++;
                    wrong += multiplied_root_f8(x) != sqrt(x);
                }
        }
    }
    printf("roots of %ld hard doubles: wrong %ld\n", tried, wrong);
}

static void random_roots(void)
{
    long wrong = 0;
    for (long i = 0; i < 200000000; i++) {
        const double x = i % 2 ? between(1.0, next()) : between(2.0, next());
        wrong += multiplied_root_f8(x) != sqrt(x);
    }
    for (long i = 0; i < 100000000; i++) {
        const double x = from_bits_f8(next() >> 1);
        wrong += x > 0x1p-960 && x < 0x1p1020 && multiplied_root_f8(x) != sqrt(x);
    }
    printf("roots of random doubles: wrong %ld\n", wrong);
}

static void quotients(void)
{
    long tried = 0, wrong = 0;
    for (uint64_t k = 1; k <= (uint64_t)1 << 27; k++) {
        const double b = from_bits_f8(bits_f8(2.0) - k);
        wrong += divide_f8(1.0, b) != 1.0 / b;
    }
    for (uint64_t k = 0; k <= (uint64_t)1 << 24; k++) {
        const double b = from_bits_f8(bits_f8(1.0) + k);
        wrong += divide_f8(1.0, b) != 1.0 / b;
    }
    printf("reciprocals next to powers of 2: wrong %ld\n", wrong);
    wrong = 0;
    for (long turn = 0; turn < 6000000; turn++) {
        int64_t b = ((int64_t)1 << 52) | (int64_t)(next() >> 12);
        if (turn % 4 == 0)
            b = ((int64_t)1 << 53) - 1 - (int64_t)(next() >> (12 + next() % 40));
        const int zeros = __builtin_ctzll((uint64_t)b);
        if (zeros > 4)
            continue;
        uint64_t odd = (uint64_t)b >> zeros, inverse = odd;
        for (int i = 0; i < 6; i++)
            inverse *= 2 - odd * inverse;
        for (int w = 53; w <= 54; w++)
            for (int64_t c = -12; c <= 12; c++) {                       /* a 2^w = b k + c, k odd and of 54 bits */
                if (c == 0 || c & (((int64_t)1 << zeros) - 1))
                    continue;
                const int bits = w - zeros;
                const uint64_t first = (uint64_t)-(c >> zeros) * inverse & (((uint64_t)1 << bits) - 1);
                for (uint64_t k = first; k < (uint64_t)1 << 54; k += (uint64_t)1 << bits) {
                    const int64_t a = (int64_t)(((wide)b * (wide)k + c) >> w);
                    if (k < (uint64_t)1 << 53 || k % 2 == 0 || a < (int64_t)1 << 52 || a >= (int64_t)1 << 53 || (w == 53) != (a >= b))
                        continue;
                    tried++;
                    wrong += divide_f8((double)a, (double)b) != (double)a / (double)b;
                }
            }
    }
    printf("%ld hard quotients: wrong %ld\n", tried, wrong);
    wrong = 0;
    for (long i = 0; i < 200000000; i++) {
        const double a = between(1.0, next()), b = between(1.0, next());
        wrong += divide_f8(a, b) != a / b;
    }
    printf("random quotients: wrong %ld\n", wrong);
}

int main(void)
{
#if !defined(__AVX512F__)
    printf("without AVX-512 there is nothing to try\n");
    return 1;
#endif
    float_roots();
    hard_roots();
    random_roots();
    quotients();
    return 0;
}
