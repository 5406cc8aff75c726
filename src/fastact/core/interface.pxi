# What fastact.cython_api calls in the variant that was chosen: an operation, by its number, on arrays and on one number.

cdef void over_arrays(int slot, int storage, char** data, npy_intp n, const npy_intp* strides) noexcept nogil:
    drive(&OPERATIONS[slot], storage, data, n, strides)


cdef inline real on_one(int slot, const real* operands) noexcept nogil:
    """A single element, computed as in a whole vector: the same bits, those of a NaN included."""
    cdef const Operation* op = &OPERATIONS[slot]
    cdef const void* args[MAX_OPERANDS]
    cdef real scratch[MAX_OPERANDS][LANES]
    cdef real out[LANES]
    cdef void* to = &out[0]
    cdef int k, i
    cdef unsigned status = fp_status()
    for k in range(op.operands):
        for i in range(LANES):
            scratch[k][i] = operands[k]
        args[k] = scratch[k]
    op.scalar(&to, args, LANES)
    fp_restore(status)
    return out[0]


cdef float on_one_f4(int slot, const float* operands) noexcept nogil:
    return on_one(slot, operands)


cdef double on_one_f8(int slot, const double* operands) noexcept nogil:
    return on_one(slot, operands)


def interface():
    """The addresses of the three functions above, and the number of each operation for floats; for doubles it is one more."""
    return (<size_t>over_arrays, <size_t>on_one_f4, <size_t>on_one_f8), SLOTS


def write_around(npy_intp bytes):
    """From how many bytes of operands and result on results are written around the caches, 0: more than the largest cache has.
    Returns what it was, or None where none ever is. For tests: the results are the same."""
    before = stream_beyond(bytes)
    return before if HAS_STREAMS else None
