# cython: language_level=3, freethreading_compatible=True
"""What the CPU and the operating system can run; how this build was made. Compiled for the baseline only."""

cdef extern from "cpu.h":
    unsigned cpu_features()
    enum:
        CPU_SSE2
        CPU_AVX
        CPU_AVX2
        CPU_FMA
        CPU_F16C
        CPU_BMI
        CPU_AVX512
    unsigned fp_status()

cdef extern from *:
    """
    #if defined(__clang__)
    #define FASTACT_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
    #define FASTACT_COMPILER "gcc " __VERSION__
    #else
    #define FASTACT_COMPILER "unknown"
    #endif
    """
    const char* FASTACT_COMPILER


def features():
    """The names of the CPU features that both the CPU and the operating system support."""
    found = cpu_features()
    table = (("sse2", CPU_SSE2), ("avx", CPU_AVX), ("avx2", CPU_AVX2), ("fma", CPU_FMA), ("f16c", CPU_F16C), ("bmi", CPU_BMI), ("avx512", CPU_AVX512))
    return frozenset(name for name, bit in table if found & bit)


def floating_point_status():
    """The floating-point status and control register, as an integer (MXCSR, FPSR)."""
    return fp_status()


def compiler():
    """The compiler that built this package."""
    return FASTACT_COMPILER.decode()
