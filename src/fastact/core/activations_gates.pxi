# The gates of recurrent cells, forward and backward, a block at a time: once for floats and once for doubles (_fX).
#
# A buffer of gates holds them one behind the other. `a` are the blocks of the inputs in order, gate by gate, `o` those of the
# outputs. An output may be the input at its place, so that each is read for the last time before it is written.

cdef void lstm_gates_fX(real** o, const real** a, npy_intp n) noexcept nogil:
    # i, f, g, o and c -> their activations, h = o tanh(c') and c' = f c + i g
    cdef real* i = o[0]
    cdef real* f = o[1]
    cdef real* g = o[2]
    cdef real* e = o[3]
    cdef real* h = o[4]
    cdef real* later = o[5]
    cdef const real* c = a[4]
    cdef npy_intp k
    k_sigmoid_fX_scalar(<void* const*>&o[0], <const void* const*>&a[0], n)
    k_sigmoid_fX_scalar(<void* const*>&o[1], <const void* const*>&a[1], n)
    k_tanh_fX_scalar(<void* const*>&o[2], <const void* const*>&a[2], n)
    k_sigmoid_fX_scalar(<void* const*>&o[3], <const void* const*>&a[3], n)
    for k in range(n):
        later[k] = fma_fX(f[k], c[k], i[k] * g[k])
    k_tanh_fX_scalar(<void* const*>&o[4], <const void* const*>&o[5], n)
    for k in range(n):
        h[k] = h[k] * e[k]


cdef void lstm_gates_backward_fX(real** o, const real** a, npy_intp n) noexcept nogil:
    # i, f, g, o activated, c, c', dh, dc' -> their gradients before activation, and dc
    cdef const real* i = a[0]
    cdef const real* f = a[1]
    cdef const real* g = a[2]
    cdef const real* e = a[3]
    cdef const real* c = a[4]
    cdef const real* dh = a[6]
    cdef const real* dlater = a[7]
    cdef real* di = o[0]
    cdef real* df = o[1]
    cdef real* dg = o[2]
    cdef real* de = o[3]
    cdef real* dc = o[4]
    cdef real t[GATE_BLOCK]
    cdef real s[GATE_BLOCK]
    cdef real* tanhs = t
    cdef real u, v
    cdef npy_intp k
    k_tanh_fX_scalar(<void* const*>&tanhs, <const void* const*>&a[5], n)
    for k in range(n):
        u = dh[k] * e[k]
        s[k] = fma_fX(u, fma_fX(-t[k], t[k], <real>1.0), dlater[k])
        t[k] = dh[k] * t[k]
    for k in range(n):
        de[k] = t[k] * fma_fX(-e[k], e[k], e[k])
    for k in range(n):
        t[k] = s[k] * c[k] * fma_fX(-f[k], f[k], f[k])
    for k in range(n):
        dc[k] = s[k] * f[k]
    memcpy(df, t, n * sizeof(real))
    for k in range(n):
        u = i[k]
        v = g[k]
        t[k] = s[k] * v * fma_fX(-u, u, u)
        s[k] = s[k] * u * fma_fX(-v, v, <real>1.0)
    memcpy(di, t, n * sizeof(real))
    memcpy(dg, s, n * sizeof(real))


cdef void gru_gates_fX(real** o, const real** a, npy_intp n) noexcept nogil:
    # r, z, n of the input and of h, and h -> their activations, where r scales n's part of h, and h' = (1 - z) n + z h
    cdef real* r = o[0]
    cdef real* z = o[1]
    cdef real* new = o[2]
    cdef real* later = o[3]
    cdef const real* xr = a[0]
    cdef const real* xz = a[1]
    cdef const real* xn = a[2]
    cdef const real* hr = a[3]
    cdef const real* hz = a[4]
    cdef const real* hn = a[5]
    cdef const real* h = a[6]
    cdef npy_intp k
    for k in range(n):
        r[k] = xr[k] + hr[k]
    for k in range(n):
        z[k] = xz[k] + hz[k]
    k_sigmoid_fX_scalar(<void* const*>&o[0], <const void* const*>&o[0], n)
    k_sigmoid_fX_scalar(<void* const*>&o[1], <const void* const*>&o[1], n)
    for k in range(n):
        new[k] = fma_fX(r[k], hn[k], xn[k])
    k_tanh_fX_scalar(<void* const*>&o[2], <const void* const*>&o[2], n)
    for k in range(n):
        later[k] = fma_fX(z[k], h[k], (<real>1.0 - z[k]) * new[k])


cdef void gru_gates_backward_fX(real** o, const real** a, npy_intp n) noexcept nogil:
    # r, z, n activated, the part of h (of which n's is needed), h, dh' -> the gradients of both parts, and dh
    cdef const real* r = a[0]
    cdef const real* z = a[1]
    cdef const real* new = a[2]
    cdef const real* hn = a[5]
    cdef const real* h = a[6]
    cdef const real* dlater = a[7]
    cdef real* xr = o[0]
    cdef real* xz = o[1]
    cdef real* xn = o[2]
    cdef real* hr = o[3]
    cdef real* hz = o[4]
    cdef real* dhn = o[5]
    cdef real* dh = o[6]
    cdef real dr[GATE_BLOCK]
    cdef real dz[GATE_BLOCK]
    cdef real dn[GATE_BLOCK]
    cdef real dn_of_h[GATE_BLOCK]
    cdef npy_intp k
    for k in range(n):
        dn[k] = dlater[k] * (<real>1.0 - z[k]) * fma_fX(-new[k], new[k], <real>1.0)
        dz[k] = dlater[k] * (h[k] - new[k]) * fma_fX(-z[k], z[k], z[k])
    for k in range(n):
        dr[k] = dn[k] * hn[k] * fma_fX(-r[k], r[k], r[k])
        dn_of_h[k] = dn[k] * r[k]
    for k in range(n):
        dh[k] = dlater[k] * z[k]
    memcpy(xr, dr, n * sizeof(real))
    memcpy(xz, dz, n * sizeof(real))
    memcpy(xn, dn, n * sizeof(real))
    memcpy(hr, dr, n * sizeof(real))
    memcpy(hz, dz, n * sizeof(real))
    memcpy(dhn, dn_of_h, n * sizeof(real))
