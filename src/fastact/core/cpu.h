/* What this CPU and operating system can run, and the floating-point status register. */
#ifndef FASTACT_CPU_H
#define FASTACT_CPU_H

#include <stdint.h>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>

/* The sticky exception flags go back to what the caller had: a kernel that works on padding or clamps after the fact
 * must not report. Rounding mode and flush-to-zero bits are never touched. */
static inline unsigned fp_status(void) { return _mm_getcsr(); }
static inline void fp_restore(unsigned status)
{
    if (_mm_getcsr() != status)
        _mm_setcsr(status);
}
#elif defined(__aarch64__)
static inline unsigned fp_status(void) { uint64_t s; __asm__ volatile("mrs %0, fpsr" : "=r"(s)); return (unsigned)s; }
static inline void fp_restore(unsigned status) { uint64_t s = status; __asm__ volatile("msr fpsr, %0" : : "r"(s)); }
#else
#include <fenv.h>
static inline unsigned fp_status(void) { return (unsigned)fetestexcept(FE_ALL_EXCEPT); }
static inline void fp_restore(unsigned status) { feclearexcept(FE_ALL_EXCEPT & ~(int)status); }
#endif

#if (defined(__x86_64__)) && defined(__GNUC__)
#include <cpuid.h>

enum {
    CPU_SSE2 = 1 << 0, CPU_AVX = 1 << 1, CPU_AVX2 = 1 << 2, CPU_FMA = 1 << 3, CPU_F16C = 1 << 4, CPU_BMI = 1 << 5, CPU_AVX512 = 1 << 6,
};

/* Feature bits that the CPU has and whose registers the OS saves (XCR0). */
static inline unsigned cpu_features(void)
{
    unsigned a, b, c, d, found = 0, xcr0 = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return 0;
    found |= (d >> 26) & 1u ? CPU_SSE2 : 0u;
    unsigned osxsave = (c >> 27) & 1u, leaf1 = c;
    if (osxsave) {
        unsigned high;
        __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    }
    if ((xcr0 & 0x6u) != 0x6u)
        return found;
    unsigned leaf7b = 0, ext_c = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
        leaf7b = b;
    if (__get_cpuid(0x80000001u, &a, &b, &c, &d))
        ext_c = c;
    found |= (leaf1 >> 28) & 1u ? CPU_AVX : 0u;
    found |= (leaf1 >> 12) & 1u ? CPU_FMA : 0u;
    found |= (leaf1 >> 29) & 1u ? CPU_F16C : 0u;
    found |= (leaf7b >> 5) & 1u ? CPU_AVX2 : 0u;
    /* x86-64-v3 also has MOVBE, BMI1, BMI2 and LZCNT: the compiler may use them */
    found |= ((leaf1 >> 22) & (leaf7b >> 3) & (leaf7b >> 8) & (ext_c >> 5)) & 1u ? CPU_BMI : 0u;
    /* x86-64-v4: AVX-512 F, DQ, CD, BW, VL, and opmask, ZMM state saved */
    if ((xcr0 & 0xe0u) == 0xe0u)
        found |= ((leaf7b >> 16) & (leaf7b >> 17) & (leaf7b >> 28) & (leaf7b >> 30) & (leaf7b >> 31)) & 1u ? CPU_AVX512 : 0u;
    return found;
}
#else
enum { CPU_SSE2 = 1, CPU_AVX = 2, CPU_AVX2 = 4, CPU_FMA = 8, CPU_F16C = 16, CPU_BMI = 32, CPU_AVX512 = 64 };
static inline unsigned cpu_features(void) { return 0; }
#endif
#endif
