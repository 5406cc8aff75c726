from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_New
from cpython.ref cimport Py_INCREF
from cython.parallel cimport prange
from libc.stdint cimport uint16_t
from libc.string cimport memcpy, memset

import numpy as np

ctypedef Py_ssize_t npy_intp

ctypedef fused real:
    float
    double

cdef extern from "cpu.h" nogil:
    unsigned fp_status() noexcept
    void fp_restore(unsigned status) noexcept

cdef extern from "threads.h" nogil:
    bint HAS_THREADS
    int threads_of_caller
    int threads_shared() noexcept
    void threads_set(int of_process, int of_caller) noexcept
    void threads_start(int n) noexcept
    int threads_wanted() noexcept
    int parts_of(npy_intp size) noexcept
    npy_intp part_length(npy_intp n, int parts, npy_intp grain) noexcept

cdef extern from "vmath.h" nogil:
    bint HAS_FMA
    bint HAS_AVX512
    int fastact_nothing
    enum:
        TURN_F4
        TURN_F8
        NORMAL_ROOT_ELSE_F4
        NORMAL_ROOT_ELSE_F8
        NORMAL_ROOT_BESIDE_F4
        NORMAL_ROOT_BESIDE_F8
        WIDE_ROOT_ELSE_F4
        WIDE_ROOT_ELSE_F8
        WIDE_ROOT_BESIDE_F4
        WIDE_ROOT_BESIDE_F8
        LONE_ROOT_ELSE_F4
        LONE_ROOT_ELSE_F8
        LONE_ROOT_BESIDE_F4
        LONE_ROOT_BESIDE_F8

cdef extern from "half.h" nogil:
    void half_to_float_block(float* out, const uint16_t* x, npy_intp n) noexcept
    void float_to_half_block(uint16_t* out, const float* x, npy_intp n) noexcept

cdef extern from "stream.h" nogil:
    enum:
        STAGE_F4
        STAGE_F8
        AHEAD
        NEAR_AHEAD
        SPAN
        MAX_OPERANDS
    ctypedef float stage_f4[SPAN]
    ctypedef double stage_f8[SPAN]
    bint HAS_STREAMS
    bint streams(npy_intp bytes) noexcept
    bint spills(npy_intp bytes, int results, void* const* out) noexcept
    npy_intp stream_beyond(npy_intp bytes) noexcept
    void fetch_ahead(const void* stage, npy_intp size, npy_intp ahead) noexcept
    void claim_ahead(void* stage, npy_intp size) noexcept
    void leave_f4(float* to, const float* stage, npy_intp n, bint stays) noexcept
    void leave_f8(double* to, const double* stage, npy_intp n, bint stays) noexcept

cdef extern from "blocks.h" nogil:
    enum:
        STORE_F2
        STORE_B2
        STORE_F4
        STORE_F8
        BLOCK
        LANES
    npy_intp stored_size(int storage) noexcept
    npy_intp computed_size(int storage) noexcept
    bint is_wide(int storage) noexcept
    void load_block(int storage, void* to, const void* source, npy_intp stride, npy_intp n) noexcept
    void store_block(int storage, void* to, npy_intp stride, const void* source, npy_intp n) noexcept
    void fill_block(int storage, void* block, npy_intp n) noexcept
    bint disturbs(const char* out, npy_intp so, const char* inp, npy_intp si, npy_intp n, npy_intp size) noexcept

cdef extern from *:
    """
    #define independent_turns()       /* before a loop: independent.py has the compiler know it */
    """
    void independent_turns() noexcept nogil

cdef extern from *:
    """
    typedef float *__restrict kept_float;     /* what a step leaves is nowhere else */
    typedef double *__restrict kept_double;
    """
    ctypedef float* kept_float
    ctypedef double* kept_double
