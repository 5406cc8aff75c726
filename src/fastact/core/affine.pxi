# Any operation on scale*x + bias, in one pass: as drive(), but the kernel gets as x what the first loop has just left in the cache.

cdef enum:
    MOST_AFFINE = MAX_OPERANDS + 3

cdef void scaled_block(real* z, const real* scale, bint one_scale, const real* x, const real* bias, bint one_bias, npy_intp n) noexcept nogil:
    cdef npy_intp i
    cdef real a = scale[0], b = bias[0]
    if one_scale and one_bias:
        independent_turns()
        for i in range(n):
            z[i] = fma(a, x[i], b)
    elif one_scale:
        independent_turns()
        for i in range(n):
            z[i] = fma(a, x[i], bias[i])
    elif one_bias:
        independent_turns()
        for i in range(n):
            z[i] = fma(scale[i], x[i], b)
    else:
        independent_turns()
        for i in range(n):
            z[i] = fma(scale[i], x[i], bias[i])


cdef void drive_affine_from(const void* job, npy_intp first, npy_intp n) noexcept nogil:
    """Operands: the operation's data, of which x is the last; scale and bias; its parameters; the output."""
    cdef const Operation* op = (<const Loop*>job).op
    cdef const npy_intp* strides = (<const Loop*>job).strides
    cdef int storage = (<const Loop*>job).storage
    cdef double scratch[MOST_AFFINE][BLOCK]
    cdef double z[LONG_BLOCK]
    cdef const void* args[MOST_AFFINE]
    cdef const void* of_kernel[MAX_OPERANDS]
    cdef bint single[MOST_AFFINE]
    cdef bint direct
    cdef void* target
    cdef char* data[MOST_AFFINE]
    cdef int k, x = op.data - 1, scale = op.data, bias = op.data + 1, last = op.operands + 2
    cdef npy_intp wide = computed_size(storage), done = 0, m, padded, longest = LONG_BLOCK
    cdef kernel_t kernel = op.scalar
    cdef unsigned status = fp_status()

    for k in range(last + 1):
        data[k] = (<const Loop*>job).data[k] + first * strides[k]
    for k in range(last):
        single[k] = strides[k] == 0 or n == 1
        if single[k]:
            load_block(storage, scratch[k], data[k], 0, 1)
            args[k] = scratch[k]
        elif k > bias:
            kernel = op.array
        if not single[k] and not in_place_of_user(storage, data[k], strides[k]):
            longest = BLOCK
    if not in_place_of_user(storage, data[last], strides[last]):
        longest = BLOCK
    for k in range(last):
        if single[k] and (k <= x or (k > bias and kernel == op.array)):
            fill_block(storage, scratch[k], min(n + LANES, BLOCK))
            longest = BLOCK

    while done < n:
        m = min(longest, n - done)
        if m > LANES:
            m -= m % LANES                                  # whole vectors where they lie, the tail padded
        padded = (m + LANES - 1) // LANES * LANES
        for k in range(last):
            if single[k]:
                continue
            if padded == m and in_place_of_user(storage, data[k], strides[k]):
                args[k] = data[k] + done * strides[k]
            else:
                load_block(storage, scratch[k], data[k] + done * strides[k], strides[k], m)
                memset(<char*>scratch[k] + m * wide, 0, (padded - m) * wide)
                args[k] = scratch[k]
        if storage == STORE_F8:
            scaled_block[double](z, <const double*>args[scale], single[scale], <const double*>args[x], <const double*>args[bias], single[bias], padded)
        else:
            scaled_block[float](<float*>z, <const float*>args[scale], single[scale], <const float*>args[x], <const float*>args[bias], single[bias], padded)
        for k in range(op.operands):
            of_kernel[k] = args[k] if k < x else args[k + 2]
        of_kernel[x] = z
        direct = padded == m and in_place_of_user(storage, data[last], strides[last])
        target = <void*>(data[last] + done * strides[last]) if direct else <void*>scratch[last]
        kernel(&target, of_kernel, padded)
        if not direct:
            store_block(storage, data[last] + done * strides[last], strides[last], scratch[last], m)
        done += m
    fp_restore(status)


cdef int drive_affine(const Operation* op, int storage, char** data, npy_intp n, const npy_intp* strides) noexcept nogil:
    cdef int parts = parts_of(n)
    cdef Loop loop = Loop(op, storage, data, strides)
    in_parts(drive_affine_from, &loop, n, parts, part_length(n, parts, LONG_BLOCK))
    return 0
