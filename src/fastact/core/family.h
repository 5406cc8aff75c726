/* What else runs over an axis: losses, projections on the simplex, segments, pieces. Built on row.h. */
#ifndef FASTACT_FAMILY_H
#define FASTACT_FAMILY_H

#include <stdlib.h>
#include "row.h"

enum { HARDMAX, SPARSEMAX, ENTMAX };
/* What no caller of a ufunc has checked, before anything is read by it or written: whether each label is below n ... */
static int labels_fit(const char *labels, ptrdiff_t rows, ptrdiff_t next, ptrdiff_t n)
{
    int fit = 1;
    for (ptrdiff_t u = 0; u < rows; u++) {
        int64_t label;
        memcpy(&label, labels + u * next, sizeof label);
        fit &= label < n;
    }
    return fit;
}

/* ... and whether the m offsets of each row begin with 0, never fall, and end with n */
static int offsets_fit(const char *offsets, ptrdiff_t rows, ptrdiff_t line, ptrdiff_t m, ptrdiff_t next, ptrdiff_t n)
{
    int fit = m > 0 || rows == 0;
    for (ptrdiff_t u = 0; fit && u < (line == 0 ? rows > 0 : rows); u++) {
        int64_t last = 0, offset = 0;
        for (ptrdiff_t k = 0; k < m; k++, last = offset) {
            memcpy(&offset, offsets + u * line + k * next, sizeof offset);
            fit &= k == 0 ? offset == 0 : offset >= last;
        }
        fit &= last == n;
    }
    return fit;
}

enum { HALF = WIDTH / 2 };                         /* of a segment; the second is left out where the row has ended */

#define REAL float
#define IS_DOUBLE 0
#define NAME(name) name##_f4
#include "tiles.h"
#include "crossentropy.h"
#include "simplex.h"
#include "tempered.h"
#include "ragged.h"
#undef REAL
#undef IS_DOUBLE
#undef NAME

#define REAL double
#define IS_DOUBLE 1
#define NAME(name) name##_f8
#include "tiles.h"
#include "crossentropy.h"
#include "simplex.h"
#include "tempered.h"
#include "ragged.h"
#undef REAL
#undef IS_DOUBLE
#undef NAME
#endif
