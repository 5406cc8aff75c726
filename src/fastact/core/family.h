/* What else runs over an axis: losses, projections on the simplex, segments, pieces. Built on row.h. */
#ifndef FASTACT_FAMILY_H
#define FASTACT_FAMILY_H

#include <stdlib.h>
#include "row.h"

enum { HARDMAX, SPARSEMAX, ENTMAX };
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
