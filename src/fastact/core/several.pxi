# The driver of ufuncs with several results, as drive(): it knows memory, not maths. Results may lie where operands lie.

ctypedef void (*several_t)(void* const* out, const void* const* args, npy_intp n) noexcept nogil


cdef int drive_several(several_t kernel, int nin, int nout, int storage, char** data, npy_intp n, const npy_intp* strides) noexcept nogil:
    cdef double scratch[MAX_OPERANDS][BLOCK]
    cdef const void* args[MAX_OPERANDS]
    cdef void* outs[MAX_OPERANDS]
    cdef bint staged[MAX_OPERANDS]
    cdef npy_intp size = stored_size(storage), wide = computed_size(storage)
    cdef npy_intp done = 0, m, padded, at_once = BLOCK
    cdef bint all_direct = True
    cdef int k, j, last = nin + nout
    cdef unsigned status

    if n <= 0:
        return 0
    status = fp_status()
    for k in range(last):
        staged[k] = not in_place_of_user(storage, data[k], strides[k])
        all_direct = all_direct and not staged[k]
    for k in range(nin):
        if strides[k] == 0 or n == 1:                       # one value: kept for the whole call
            load_block(storage, scratch[k], data[k], 0, 1)
            fill_block(storage, scratch[k], min(n + LANES, BLOCK))
            args[k] = scratch[k]
        else:
            args[k] = data[k]
        for j in range(nin, last):
            if disturbs(data[j], strides[j], data[k], strides[k], n, size):
                at_once = 1
                all_direct = False
    for k in range(nin, last):
        outs[k - nin] = data[k]
        if n > 1 and strides[k] == 0:
            at_once = 1
            all_direct = False

    if all_direct and n >= LANES:
        done = n - n % LANES
        kernel(outs, args, done)

    while done < n:
        m = min(at_once, n - done)
        padded = (m + LANES - 1) // LANES * LANES
        for k in range(nin):
            if strides[k] == 0 or n == 1:
                continue
            if staged[k] or padded != m:
                load_block(storage, scratch[k], data[k] + done * strides[k], strides[k], m)
                memset(<char*>scratch[k] + m * wide, 0, (padded - m) * wide)
                args[k] = scratch[k]
            else:
                args[k] = data[k] + done * strides[k]
        for k in range(nin, last):
            outs[k - nin] = scratch[k] if staged[k] or padded != m else <void*>(data[k] + done * strides[k])
        kernel(outs, args, padded)
        for k in range(nin, last):
            if outs[k - nin] == <void*>scratch[k]:
                store_block(storage, data[k] + done * strides[k], strides[k], scratch[k], m)
        done += m

    fp_restore(status)
    return 0
