# The driver of the recurrent cells' gates: rows of buffers that hold several gates, cut into blocks that stay in the first cache.

cdef enum:
    GATE_BLOCK = 256
    MOST_BLOCKS = 16            # inputs and outputs, gate by gate
    MOST_BUFFERS = 8

ctypedef void (*gates_t)(void** o, const void** a, npy_intp n) noexcept nogil


cdef struct Gates:
    gates_t f4
    gates_t f8
    int inputs
    int buffers                 # inputs and outputs
    int held[MOST_BUFFERS]      # gates in each


cdef struct GateRows:
    const Gates* op
    int storage
    char** data
    npy_intp n
    const npy_intp* outer       # strides from row to row
    const npy_intp* core        # and along it


cdef void gates_from(const void* job, npy_intp first, npy_intp rows) noexcept nogil:
    cdef const Gates* op = (<const GateRows*>job).op
    cdef const npy_intp* outer = (<const GateRows*>job).outer
    cdef const npy_intp* core = (<const GateRows*>job).core
    cdef char** data = (<const GateRows*>job).data
    cdef npy_intp n = (<const GateRows*>job).n
    cdef int storage = (<const GateRows*>job).storage
    cdef double scratch[MOST_BLOCKS][GATE_BLOCK]
    cdef char* where[MOST_BLOCKS]
    cdef void* block[MOST_BLOCKS]
    cdef npy_intp row, done, m, padded, wide = computed_size(storage)
    cdef int b, g, k, inputs = 0
    cdef unsigned status = fp_status()
    for b in range(op.inputs):
        inputs += op.held[b]
    for row in range(first, first + rows):
        done = 0
        while done < n:
            m = min(<npy_intp>GATE_BLOCK, n - done)
            if m > LANES:
                m -= m % LANES                              # whole vectors where they lie, the tail padded
            padded = (m + LANES - 1) // LANES * LANES
            k = 0
            for b in range(op.buffers):
                for g in range(op.held[b]):
                    where[k] = data[b] + row * outer[b] + (g * n + done) * core[b]
                    if padded == m and in_place_of_user(storage, where[k], core[b]):
                        block[k] = where[k]
                    else:
                        block[k] = scratch[k]
                        if b < op.inputs:
                            load_block(storage, scratch[k], where[k], core[b], m)
                            memset(<char*>scratch[k] + m * wide, 0, (padded - m) * wide)
                    k += 1
            if storage == STORE_F8:
                op.f8(&block[inputs], <const void**>block, padded)
            else:
                op.f4(&block[inputs], <const void**>block, padded)
            k = inputs
            for b in range(op.inputs, op.buffers):
                for g in range(op.held[b]):
                    if block[k] != <void*>where[k]:
                        store_block(storage, where[k], core[b], block[k], m)
                    k += 1
            done += m
    fp_restore(status)


cdef int drive_gates(const Gates* op, int storage, char** data, npy_intp rows, npy_intp n, const npy_intp* outer, const npy_intp* core) noexcept nogil:
    cdef int parts = min(parts_of(rows * n * op.held[0]), rows)
    cdef GateRows job = GateRows(op, storage, data, n, outer, core)
    in_parts(gates_from, &job, rows, parts, part_length(rows, max(parts, 1), 1))
    return 0
