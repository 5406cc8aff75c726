/* What this machine can do at most, for floor.py: instructions of one kind per nanosecond, and copies. 32-byte vectors. */
#include <immintrin.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* twelve registers, so that no instruction waits for the one before it in its chain */
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define KEEP(k) __asm__ volatile("" : "+x"(r##k));
#define START(k) __m256 r##k = _mm256_set1_ps(1.0f + k);

/* instructions per ns; INSTRUCTION(k) works on register k, COUNT instructions for each k */
#define RATE(name, INSTRUCTION)                                                          \
    double name(long turns)                                                              \
    {                                                                                    \
        const __m256 c = _mm256_set1_ps(1.0f);                                           \
        float memory[512] __attribute__((aligned(64))) = {0};                            \
        EACH(START)                                                                      \
        const double start = now();                                                      \
        for (long i = 0; i < turns; i++) {                                               \
            EACH(INSTRUCTION)                                                            \
        }                                                                                \
        const double spent = now() - start;                                              \
        EACH(KEEP)                                                                       \
        __asm__ volatile("" : : "r"(memory), "x"(c) : "memory");                         \
        return 12.0 * turns / spent;                                                     \
    }

#define AT(k) (memory + 8 * k)
#define FMA(k) __asm__ volatile("vfmadd213ps %1, %1, %0" : "+x"(r##k) : "x"(c));
#define ADD(k) __asm__ volatile("vaddps %1, %0, %0" : "+x"(r##k) : "x"(c));
#define LOGIC(k) __asm__ volatile("vpaddd %1, %0, %0" : "+x"(r##k) : "x"(c));
#define DIVIDE4(k) __asm__ volatile("vdivps %1, %0, %0" : "+x"(r##k) : "x"(c));
#define DIVIDE8(k) __asm__ volatile("vdivpd %1, %0, %0" : "+x"(r##k) : "x"(c));
#define LOAD(k) __asm__ volatile("vmovaps %1, %0" : "=x"(r##k) : "m"(*AT(k)));
#define STORE(k) __asm__ volatile("vmovaps %1, %0" : "=m"(*AT(k)) : "x"(r##k));

RATE(rate_multiply, FMA)
RATE(rate_add, ADD)
RATE(rate_integer, LOGIC)
RATE(rate_divide_4, DIVIDE4)
RATE(rate_divide_8, DIVIDE8)
RATE(rate_load, LOAD)
RATE(rate_store, STORE)

/* bytes per ns, read and written, of a copy by memcpy and by stores that go around the caches; one copy before, so that
 * the caches hold what they can */
double copy_memcpy(char* to, const char* from, size_t n, long turns)
{
    memcpy(to, from, n);
    const double start = now();
    for (long i = 0; i < turns; i++) {
        memcpy(to, from, n);
        __asm__ volatile("" : : "r"(to) : "memory");
    }
    return 2.0 * n * turns / (now() - start);
}

double copy_streaming(char* to, const char* from, size_t n, long turns)
{
    const double start = now();
    for (long i = 0; i < turns; i++) {
        for (size_t k = 0; k + 64 <= n; k += 64) {
            const __m256i a = _mm256_loadu_si256((const __m256i*)(from + k)), b = _mm256_loadu_si256((const __m256i*)(from + k + 32));
            _mm256_stream_si256((__m256i*)(to + k), a);
            _mm256_stream_si256((__m256i*)(to + k + 32), b);
        }
        _mm_sfence();
    }
    return 2.0 * n * turns / (now() - start);
}
