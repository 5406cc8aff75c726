/* Softmax of segments, and the largest of some pieces. Included by family.h for each type. */

/* Segments of row u from k on that are as short as a segment of WIDTH and lie together: up to ROWS, padded */
static __attribute__((noinline)) ptrdiff_t NAME(short_segments)(int backward, const REAL *dy, const REAL *x, const int64_t *offsets, ptrdiff_t k, ptrdiff_t segments, REAL *out)
{
#if HAS_PLACES
    if (!backward)
        return NAME(brief_segments)(x, offsets + k, segments - k, out);
#endif
    REAL stage[ROWS * WIDTH] __attribute__((aligned(64))), d_stage[ROWS * WIDTH] __attribute__((aligned(64)));
    ptrdiff_t w = 0;
    int guess = 0;
    for (; w < ROWS && k + w < segments && offsets[k + w + 1] - offsets[k + w] <= WIDTH; w++) {
        const int64_t begin = offsets[k + w], length = offsets[k + w + 1] - begin;
        NAME(load_tail)(x + begin, length, backward || length == 0 ? 0 : (REAL)-INFINITY, stage + w * WIDTH);
        if (backward)
            NAME(load_tail)(dy + begin, length, 0, d_stage + w * WIDTH);
    }
    const lines rows = make_lines(IS_DOUBLE ? STORE_F8 : STORE_F4, (const char *)stage, WIDTH * sizeof(REAL), sizeof(REAL));
    const lines given = make_lines(IS_DOUBLE ? STORE_F8 : STORE_F4, (const char *)d_stage, WIDTH * sizeof(REAL), sizeof(REAL));
    if (w > 0 && backward)
        NAME(straight_gradients)(SOFTMAX, &given, &rows, &rows, w, WIDTH);
    else if (w > 0)
        NAME(straight_rows)(SOFTMAX, NULL, &rows, &rows, w, WIDTH, &guess);
    for (ptrdiff_t u = 0; u < w; u++)
        for (int64_t i = offsets[k + u]; i < offsets[k + u + 1]; i++)
            out[i] = stage[u * WIDTH + (i - offsets[k + u])];
    return w;
}

/* Longer ones, of a stretch at most, padded to whole segments of WIDTH: zeros add nothing. So many that little is padding. */
static __attribute__((noinline)) ptrdiff_t NAME(some_segments)(int backward, const REAL *dy, const REAL *x, const int64_t *offsets, ptrdiff_t k, ptrdiff_t segments, REAL *out)
{
    REAL stage[2 * NAME(STAGE)] __attribute__((aligned(64))), *d_stage = stage + NAME(STAGE);
    ptrdiff_t w = 0, step = 0, all = 0;
    int guess = 0;
    for (; w < ROWS && k + w < segments; w++) {
        const int64_t length = offsets[k + w + 1] - offsets[k + w];
        const ptrdiff_t longer = length > step ? (length + WIDTH - 1) / WIDTH * WIDTH : step;
        if (length <= WIDTH || length > STRETCH || longer * (w + 1) > NAME(STAGE) || longer * (w + 1) > (all + length) / 2 * 3)
            break;
        step = longer, all += length;
    }
    if (w < 2)
        return 0;
    for (ptrdiff_t u = 0; u < w; u++) {
        const int64_t begin = offsets[k + u], length = offsets[k + u + 1] - begin;
        memcpy(stage + u * step, x + begin, length * sizeof(REAL));
        if (backward)
            memcpy(d_stage + u * step, dy + begin, length * sizeof(REAL));
        for (ptrdiff_t j = length; j < step; j++)
            stage[u * step + j] = backward ? 0 : (REAL)-INFINITY;
        for (ptrdiff_t j = length; backward && j < step; j++)
            d_stage[u * step + j] = 0;
    }
    const lines rows = make_lines(IS_DOUBLE ? STORE_F8 : STORE_F4, (const char *)stage, step * (ptrdiff_t)sizeof(REAL), sizeof(REAL));
    const lines given = make_lines(IS_DOUBLE ? STORE_F8 : STORE_F4, (const char *)d_stage, step * (ptrdiff_t)sizeof(REAL), sizeof(REAL));
    if (backward)
        NAME(straight_gradients)(SOFTMAX, &given, &rows, &rows, w, step);
    else
        NAME(straight_rows)(SOFTMAX, NULL, &rows, &rows, w, step, &guess);
    for (ptrdiff_t u = 0; u < w; u++)
        memcpy(out + offsets[k + u], stage + u * step, (offsets[k + u + 1] - offsets[k + u]) * sizeof(REAL));
    return w;
}

/* [dy], x, offsets -> y */
static int NAME(segments)(int backward, int storage, char **data, const ptrdiff_t *dims, const ptrdiff_t *strides)
{
    const int at_x = backward ? 1 : 0, at_offsets = at_x + 1, at_out = at_x + 2, nargs = at_x + 3;
    const ptrdiff_t *core = strides + nargs, n = dims[1], segments = dims[2] - 1, cx = core[at_x], co = core[at_out], cd = backward ? core[0] : 0;
    const ptrdiff_t sx = strides[at_x], so = strides[at_out], sd = backward ? strides[0] : 0;
    const ptrdiff_t rows = strides[at_offsets] == 0 ? dims[0] : 1, times = strides[at_offsets] == 0 ? 1 : dims[0];
    if (n == 0)
        return 0;
    for (ptrdiff_t u = 0; u < times; u++) {
        const char *x = data[at_x] + u * sx, *dy = backward ? data[0] + u * sd : NULL, *p = data[at_offsets] + u * strides[at_offsets];
        char *out = data[at_out] + u * so;
        const lines a = make_lines(storage, x, 0, cx), b = make_lines(storage, out, 0, co), c = make_lines(storage, backward ? dy : x, 0, backward ? cd : cx);
        const int close = a.ready && b.ready && c.ready && rows == 1 && core[at_offsets] == sizeof(int64_t) && (uintptr_t)p % sizeof(int64_t) == 0;
        for (ptrdiff_t k = 0; k < segments; k++) {
            ptrdiff_t some = close ? NAME(short_segments)(backward, (const REAL *)dy, (const REAL *)x, (const int64_t *)p, k, segments, (REAL *)out) : 0;
            if (close && some == 0)
                some = NAME(some_segments)(backward, (const REAL *)dy, (const REAL *)x, (const int64_t *)p, k, segments, (REAL *)out);
            if (some > 0) {
                k += some - 1;
                continue;
            }
            int64_t begin, end;
            memcpy(&begin, p + k * core[at_offsets], sizeof begin);
            memcpy(&end, p + (k + 1) * core[at_offsets], sizeof end);
            if (end == begin)
                continue;
            if (backward)
                NAME(any_gradients)(SOFTMAX, storage, dy + begin * cd, x + begin * cx, out + begin * co, rows, end - begin, sd, sx, so, cd, cx, co);
            else
                NAME(any_rows)(SOFTMAX, storage, NULL, x + begin * cx, NULL, out + begin * co, rows, end - begin, 0, sx, 0, so, cx, 0, co);
        }
    }
    return 0;
}

/* x of p pieces -> the largest, and which it is: the first of equals, the first NaN if there is one */
static int NAME(pieces)(int storage, char **data, const ptrdiff_t *dims, const ptrdiff_t *strides)
{
    const ptrdiff_t rows = dims[0], p = dims[1], next = strides[3];
    REAL best[BLOCK], v[BLOCK];
    int32_t which[BLOCK];
    for (ptrdiff_t row = 0; row < rows && p > 0; row += BLOCK) {
        const ptrdiff_t m = rows - row < BLOCK ? rows - row : BLOCK;
        const char *x = data[0] + row * strides[0];
        load_block(storage, best, x, strides[0], m);
        for (ptrdiff_t j = 0; j < m; j++)
            which[j] = 0;
        for (ptrdiff_t k = 1; k < p; k++) {
            load_block(storage, v, x + k * next, strides[0], m);
            for (ptrdiff_t j = 0; j < m; j++) {
                const int take = (v[j] > best[j]) | ((v[j] != v[j]) & (best[j] == best[j]));
                best[j] = take ? v[j] : best[j];
                which[j] = take ? (int32_t)k : which[j];
            }
        }
        store_block(storage, data[1] + row * strides[1], strides[1], best, m);
        for (ptrdiff_t j = 0; j < m; j++) {
            const int64_t w = which[j];
            memcpy(data[2] + (row + j) * strides[2], &w, sizeof w);
        }
    }
    return 0;
}
