# The one loop driver: every element-by-element ufunc loop goes through drive(). It knows memory and threads, not maths.
# Results may lie where operands lie.

cdef enum:
    LONG_BLOCK = 4096           # long enough for formulas in steps
    WORTH_ALIGNING = 4096       # vectors that straddle lines take up to a third longer, and a few numbers apart some 30 ns
    STRETCH = 2048              # numbers that take the usual formula together, see by_stretches() in generate.py

ctypedef void (*kernel_t)(void* const* out, const void* const* args, npy_intp n) noexcept nogil     # n: whole vectors, LANES
ctypedef void (*kernel_around_t)(void* const* out, const void* const* args, npy_intp n, bint stays) noexcept nogil

cdef extern from "stream.h" nogil:
    enum:
        LINE
    void drive_around(
        kernel_t usual, kernel_around_t around, int data, int operands, int results, npy_intp size,
        void* const* out, const void* const* args, npy_intp n
    ) noexcept


cdef struct Operation:
    kernel_t scalar             # parameters are single values
    kernel_t array              # parameters vary by element
    int data
    int operands                # data and parameters
    int results


cdef inline bint in_place_of_user(int storage, const char* p, npy_intp stride) noexcept nogil:
    """Whether a kernel may work on this memory as it is: contiguous, aligned, and of the type it is computed in."""
    cdef npy_intp size = stored_size(storage)
    return is_wide(storage) and stride == size and (<size_t>p) % (<size_t>size) == 0


cdef inline bint disturbed(int storage, char** data, npy_intp n, const npy_intp* strides, int k, int last, int results) noexcept nogil:
    """Whether writing some result, in order, disturbs what is still to be read of operand k."""
    cdef int j
    for j in range(last, last + results):
        if disturbs(data[j], strides[j], data[k], strides[k], n, stored_size(storage)):
            return True
    return False


cdef void by_copies(
    kernel_t kernel, int data, int operands, int results, npy_intp wide, npy_intp n, const npy_intp* strides, double* scratch, void** outs, const void** args
) noexcept nogil:
    """The first n numbers, fewer than LANES of many more: from there on results begin with a line of the cache."""
    cdef const void* read[MAX_OPERANDS]
    cdef void* written[MAX_OPERANDS]
    cdef int k
    for k in range(operands):
        read[k] = args[k]
        if strides[k] != 0:
            memcpy(scratch + k * BLOCK, args[k], LANES * wide)
            read[k] = scratch + k * BLOCK
            args[k] = <const char*>args[k] + n * wide
    for k in range(results):
        written[k] = scratch + (operands + k) * BLOCK
    kernel(written, read, LANES)
    for k in range(results):
        memcpy(outs[k], written[k], n * wide)
        outs[k] = <char*>outs[k] + n * wide


cdef void last_numbers(
    kernel_t kernel, int operands, int results, npy_intp wide, npy_intp n, const npy_intp* strides, double* scratch, const void* const* args
) noexcept nogil:
    """The last LANES of n numbers to the results' scratch, while operands are what they were: a vector that ends with them."""
    cdef const void* read[MAX_OPERANDS]
    cdef void* written[MAX_OPERANDS]
    cdef int k
    for k in range(operands):
        read[k] = args[k] if strides[k] == 0 else <const char*>args[k] + (n - LANES) * wide
    for k in range(results):
        written[k] = scratch + (operands + k) * BLOCK
    kernel(written, read, LANES)


cdef inline void drive_results(const Operation* op, int results, int storage, char** data, npy_intp n, const npy_intp* strides) noexcept nogil:
    cdef double scratch[MAX_OPERANDS][BLOCK]
    cdef const void* args[MAX_OPERANDS]
    cdef void* outs[MAX_OPERANDS]
    cdef bint staged[MAX_OPERANDS]
    cdef int last = op.operands, every = op.operands + results
    cdef npy_intp wide = computed_size(storage)
    cdef npy_intp done = 0, m, padded, at_once = BLOCK
    cdef kernel_t kernel = op.scalar
    cdef bint all_direct = True
    cdef int k
    cdef unsigned status

    if n <= 0:
        return
    status = fp_status()

    for k in range(op.data, last):
        if strides[k] != 0 and n > 1:
            kernel = op.array
    for k in range(last, every):
        outs[k - last] = data[k]
        staged[k] = not in_place_of_user(storage, data[k], strides[k])
        if staged[k]:
            all_direct = False
            if n > 1 and strides[k] == 0:
                at_once = 1
    for k in range(last):
        staged[k] = False
        if strides[k] == 0 or n == 1:                       # one value: kept for the whole call
            load_block(storage, scratch[k], data[k], 0, 1)
            if k < op.data or kernel == op.array:
                fill_block(storage, scratch[k], min(n + LANES, BLOCK))
                all_direct = all_direct and k >= op.data
            args[k] = scratch[k]
        elif in_place_of_user(storage, data[k], strides[k]):
            args[k] = data[k]
        else:
            staged[k] = True
            all_direct = False
        if disturbed(storage, data, n, strides, k, last, results):
            at_once = 1                                     # accumulate, reduce: one element at a time
            all_direct = False

    if all_direct and n >= LANES:                           # whole vectors straight from and to the user's memory
        if kernel == op.array:
            for k in range(op.data, last):
                if strides[k] == 0:
                    all_direct = False                      # a filled block is only BLOCK long
        if all_direct:
            if n >= WORTH_ALIGNING:
                done = (-<size_t>outs[0] % LINE) // <size_t>wide
                if done > 0:
                    by_copies(kernel, op.data, last, results, wide, done, strides, &scratch[0][0], outs, args)
            m = n - done
            if m % LANES:
                last_numbers(kernel, last, results, wide, m, strides, &scratch[0][0], args)
            kernel(outs, args, m - m % LANES)
            if m % LANES:                                   # some are written twice, with the same bits
                for k in range(results):
                    if wide == 4:
                        memcpy(<char*>outs[k] + (m - LANES) * 4, scratch[last + k], LANES * 4)
                    else:
                        memcpy(<char*>outs[k] + (m - LANES) * 8, scratch[last + k], LANES * 8)
            done = n

    while done < n:
        m = min(at_once, n - done)
        # a whole block may be used where it lies; the tail is padded to whole vectors, so it is staged
        padded = (m + LANES - 1) // LANES * LANES
        for k in range(last):
            if strides[k] == 0 or n == 1:
                if at_once == 1 and disturbed(storage, data, n, strides, k, last, results):
                    load_block(storage, scratch[k], data[k], 0, 1)      # reduce: the operand is the output
                    fill_block(storage, scratch[k], padded)
                continue
            if staged[k] or padded != m:
                load_block(storage, scratch[k], data[k] + done * strides[k], strides[k], m)
                memset(<char*>scratch[k] + m * wide, 0, (padded - m) * wide)
                args[k] = scratch[k]
            else:
                args[k] = data[k] + done * strides[k]
        for k in range(last, every):
            outs[k - last] = <void*>scratch[k] if staged[k] or padded != m else <void*>(data[k] + done * strides[k])
        kernel(outs, args, padded)
        for k in range(last, every):
            if staged[k] or padded != m:
                store_block(storage, data[k] + done * strides[k], strides[k], scratch[k], m)
        done += m

    fp_restore(status)


cdef void drive_part(const Operation* op, int storage, char** data, npy_intp n, const npy_intp* strides) noexcept nogil:
    """One result, the usual case, is compiled for itself: short calls are quicker by a tenth."""
    if op.results == 1:
        drive_results(op, 1, storage, data, n, strides)
    else:
        drive_results(op, op.results, storage, data, n, strides)


ctypedef void (*part_t)(const void* job, npy_intp first, npy_intp n) noexcept nogil


cdef void in_parts(part_t work, const void* job, npy_intp n, int parts, npy_intp each) noexcept nogil:
    """Work on n elements, rows, ..., `each` at a time, each part in a thread of its own: the one place that starts threads."""
    cdef int part
    if parts <= 1:
        work(job, 0, n)
        return
    for part in prange(parts, num_threads=parts, schedule="static", chunksize=1):
        if part * each < n:
            work(job, part * each, min(each, n - part * each))


cdef struct Loop:
    const Operation* op
    int storage
    char** data
    const npy_intp* strides


cdef void drive_from(const void* job, npy_intp first, npy_intp n) noexcept nogil:
    """The n elements from `first` on."""
    cdef const Loop* loop = <const Loop*>job
    cdef char* moved[MAX_OPERANDS]
    cdef int k
    for k in range(loop.op.operands + loop.op.results):
        moved[k] = loop.data[k] + first * loop.strides[k]
    drive_part(loop.op, loop.storage, moved, n, loop.strides)


cdef bint independent(const Operation* op, int storage, char** data, npy_intp n, const npy_intp* strides) noexcept nogil:
    """Whether the elements may be computed in any order."""
    cdef int k
    for k in range(op.operands):
        if disturbed(storage, data, n, strides, k, op.operands, op.results):
            return False
    for k in range(op.operands, op.operands + op.results):
        if strides[k] == 0:
            return False
    return True


cdef int drive(const Operation* op, int storage, char** data, npy_intp n, const npy_intp* strides) noexcept nogil:
    cdef int parts = parts_of(n)
    cdef Loop loop = Loop(op, storage, data, strides)
    if parts > 1 and independent(op, storage, data, n, strides):
        in_parts(drive_from, &loop, n, parts, part_length(n, parts, 2 * BLOCK))
    else:
        drive_part(op, storage, data, n, strides)
    return 0


cdef void in_turn(kernel_t value, kernel_t slope, int operands, int moving, real one, void* const* out, const void* const* args, npy_intp n) noexcept nogil:
    """Value and slope, for dy = 1, of blocks that stay in the cache; the first `moving` operands, x before them, are arrays."""
    cdef real ones[LONG_BLOCK]
    cdef const void* of_slope[MAX_OPERANDS]
    cdef void* to_value
    cdef void* to_slope
    cdef npy_intp i, m, b = 0
    cdef int k
    for i in range(min(n, LONG_BLOCK)):
        ones[i] = one
    of_slope[0] = ones
    for k in range(operands):
        of_slope[1 + k] = args[k]
    while b < n:
        m = min(n - b, LONG_BLOCK)
        to_value, to_slope = <real*>out[0] + b, <real*>out[1] + b
        if to_value == of_slope[1]:                         # x is still needed
            slope(&to_slope, of_slope, m)
            value(&to_value, &of_slope[1], m)
        else:
            value(&to_value, &of_slope[1], m)
            slope(&to_slope, of_slope, m)
        for k in range(1, 1 + moving):
            of_slope[k] = <const real*>of_slope[k] + m
        b += m
