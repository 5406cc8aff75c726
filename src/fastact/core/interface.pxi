# What fastact.cython_api calls in the variant that was chosen: an operation, by its number, on arrays and on one number.

cdef void over_arrays(int slot, int storage, char** data, npy_intp n, const npy_intp* strides) noexcept nogil:
    drive(&OPERATIONS[slot], storage, data, n, strides)


cdef inline real on_one(int slot, const real* operands) noexcept nogil:
    """A single element, of which every operation rounds as in a whole vector. Which NaN of two comes out is the compiler's
    choice, so a NaN is made as the ufunc makes it."""
    cdef const Operation* op = &OPERATIONS[slot]
    cdef const void* args[MAX_OPERANDS]
    cdef real scratch[MAX_OPERANDS][LANES]
    cdef real out[LANES]
    cdef void* to = &out[0]
    cdef int k, i
    cdef unsigned status = fp_status()
    for k in range(op.operands):
        args[k] = &operands[k]
    op.scalar(&to, args, 1)
    if out[0] != out[0]:
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
