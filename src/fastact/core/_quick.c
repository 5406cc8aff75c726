/* A public function, called the usual way: plain arrays of one dtype, parameters at their defaults, nothing but out= beside.
 *
 * Then the ufunc is called at once, with the defaults as arrays of that dtype. Python code that only looks at its arguments and passes
 * them on takes as long as a ufunc with a few hundred numbers. Whatever else is given goes to the Python function, `__wrapped__`,
 * whose name, signature and documentation this has.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <numpy/ndarraytypes.h>

enum { MOST_PARAMETERS = 4, DTYPES = 3 };

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *dict, *weak;
    PyObject *wrapped, *from_x, *from_y;           /* from_y: NULL where the output does not do */
    PyObject *ready;                               /* a tuple of (dtype, parameter, ...) */
    int backward;
    int results;                                   /* 2: value and slope, out= a tuple */
} quick;

static PyObject *name_out, *name_x, *name_y;
static PyTypeObject *ndarray;

/* None, or an array; of two results a tuple of such */
static int usual_out(PyObject *out, int results)
{
    if (results == 1 || out == Py_None)
        return out == Py_None || Py_TYPE(out) == ndarray;
    int fits = PyTuple_CheckExact(out) && PyTuple_GET_SIZE(out) == results;
    for (int k = 0; fits && k < results; k++)
        fits = usual_out(PyTuple_GET_ITEM(out, k), 1);
    return fits;
}

static PyObject *quick_call(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *names)
{
    quick *self = (quick *)callable;
    PyObject *stack[MOST_PARAMETERS + 4], *x = NULL, *out = NULL, *ufunc = self->from_x;
    Py_ssize_t m = 1, count = names ? PyTuple_GET_SIZE(names) : 0;
    if (PyVectorcall_NARGS(nargsf) != 1)
        goto otherwise;
    for (Py_ssize_t k = 0; k < count; k++) {
        PyObject *name = PyTuple_GET_ITEM(names, k), *value = args[1 + k];
        if (name == name_out && usual_out(value, self->results))
            out = value == Py_None ? NULL : value;
        else if (self->backward && x == NULL && value != Py_None && (name == name_x || (name == name_y && self->from_y))) {
            x = value;
            ufunc = name == name_x ? self->from_x : self->from_y;
        } else
            goto otherwise;
    }
    stack[m++] = args[0];
    if (self->backward) {
        if (x == NULL)
            goto otherwise;
        stack[m++] = x;
    } else
        x = args[0];
    if (self->ready) {
        PyObject *found = NULL;
        if (Py_TYPE(x) != ndarray || Py_TYPE(args[0]) != ndarray)
            goto otherwise;
        PyObject *dtype = (PyObject *)PyArray_DESCR((PyArrayObject *)x);
        if ((PyObject *)PyArray_DESCR((PyArrayObject *)args[0]) != dtype)
            goto otherwise;
        for (int k = 0; k < DTYPES && found == NULL; k++) {
            PyObject *each = PyTuple_GET_ITEM(self->ready, k);
            found = PyTuple_GET_ITEM(each, 0) == dtype ? each : NULL;
        }
        if (found == NULL)
            goto otherwise;
        for (Py_ssize_t k = 1; k < PyTuple_GET_SIZE(found); k++)
            stack[m++] = PyTuple_GET_ITEM(found, k);
    }
    for (int k = 0; out && k < self->results; k++)
        stack[m++] = self->results == 1 ? out : PyTuple_GET_ITEM(out, k);
    return PyObject_Vectorcall(ufunc, stack + 1, (size_t)(m - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
otherwise:
    return PyObject_Vectorcall(self->wrapped, args, nargsf, names);
}

static PyObject *quick_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *wrapped, *from_x, *from_y, *ready;
    int backward;
    if (keywords && PyDict_GET_SIZE(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Quick takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOOp", &wrapped, &from_x, &from_y, &ready, &backward))
        return NULL;
    if (ready != Py_None) {
        int fits = PyTuple_Check(ready) && PyTuple_GET_SIZE(ready) == DTYPES;
        for (Py_ssize_t k = 0; fits && k < DTYPES; k++) {
            PyObject *each = PyTuple_GET_ITEM(ready, k);
            fits = PyTuple_Check(each) && PyTuple_GET_SIZE(each) >= 2 && PyTuple_GET_SIZE(each) <= 1 + MOST_PARAMETERS;
        }
        if (!fits) {
            PyErr_SetString(PyExc_TypeError, "ready must be a tuple of three tuples (dtype, parameter, ...)");
            return NULL;
        }
    }
    PyObject *nout = PyObject_GetAttrString(from_x, "nout");
    const long results = nout ? PyLong_AsLong(nout) : -1;
    Py_XDECREF(nout);
    if (results != 1 && results != 2) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "from_x must give one result, or two");
        return NULL;
    }
    quick *self = (quick *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->results = (int)results;
    self->vectorcall = quick_call;
    self->wrapped = Py_NewRef(wrapped);
    self->from_x = Py_NewRef(from_x);
    self->from_y = from_y == Py_None ? NULL : Py_NewRef(from_y);
    self->ready = ready == Py_None ? NULL : Py_NewRef(ready);
    self->backward = backward;
    return (PyObject *)self;
}

static int quick_traverse(PyObject *object, visitproc visit, void *arg)
{
    quick *self = (quick *)object;
    Py_VISIT(self->dict);
    Py_VISIT(self->wrapped);
    Py_VISIT(self->from_x);
    Py_VISIT(self->from_y);
    Py_VISIT(self->ready);
    return 0;
}

/* what a call reads stays until the end */
static int quick_clear(PyObject *object)
{
    Py_CLEAR(((quick *)object)->dict);
    return 0;
}

static void quick_dealloc(PyObject *object)
{
    quick *self = (quick *)object;
    PyObject_GC_UnTrack(object);
    if (self->weak)
        PyObject_ClearWeakRefs(object);
    Py_CLEAR(self->dict);
    Py_CLEAR(self->wrapped);
    Py_CLEAR(self->from_x);
    Py_CLEAR(self->from_y);
    Py_CLEAR(self->ready);
    Py_TYPE(object)->tp_free(object);
}

/* as of a function: its module has it by its name */
static PyObject *quick_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyObject_GetAttrString(self, "__qualname__");
}

static PyObject *quick_repr(PyObject *self)
{
    PyObject *name = PyObject_GetAttrString(self, "__qualname__"), *shown = NULL;
    if (name)
        shown = PyUnicode_FromFormat("<function fastact.%U>", name);
    Py_XDECREF(name);
    return shown;
}

/* as of a ufunc: an attribute of a class does not become a method */
static PyObject *quick_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)object, (void)type;
    return Py_NewRef(self);
}

static PyMethodDef quick_methods[] = {{"__reduce__", quick_reduce, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static PyGetSetDef quick_getset[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};

static PyTypeObject Quick = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "fastact._quick.Quick",
    .tp_basicsize = sizeof(quick),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_new = quick_new,
    .tp_dealloc = quick_dealloc,
    .tp_traverse = quick_traverse,
    .tp_clear = quick_clear,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(quick, vectorcall),
    .tp_dictoffset = offsetof(quick, dict),
    .tp_weaklistoffset = offsetof(quick, weak),
    .tp_methods = quick_methods,
    .tp_getset = quick_getset,
    .tp_repr = quick_repr,
    .tp_descr_get = quick_get,
};

static PyObject *for_arrays(PyObject *module, PyObject *type)
{
    (void)module;
    if (!PyType_Check(type)) {
        PyErr_SetString(PyExc_TypeError, "for_arrays takes a type");
        return NULL;
    }
    ndarray = (PyTypeObject *)Py_NewRef(type);
    Py_RETURN_NONE;
}

/* Whether any has a sign or is above 1: from 0 on, floats are in the order of their bits. */
#define OUTSIDE(NAME, UINT, ONE) \
    WIDE static int NAME(const UINT *x, npy_intp n) \
    { \
        UINT signs = 0; \
        for (npy_intp i = 0; i < n; i++) \
            signs |= (UINT)(x[i] | (UINT)(ONE - x[i])); \
        return signs >> (8 * sizeof(UINT) - 1); \
    }
OUTSIDE(outside_2, uint16_t, UINT16_C(0x3c00))
OUTSIDE(outside_4, uint32_t, UINT32_C(0x3f800000))
OUTSIDE(outside_8, uint64_t, UINT64_C(0x3ff0000000000000))

/* False where there is more to look at. Of 1000 floats it takes 0.1 us, their minimum and maximum 1.8. */
static PyObject *are_probabilities(PyObject *module, PyObject *given)
{
    (void)module;
    PyArrayObject *x = (PyArrayObject *)given;
    if (Py_TYPE(given) != ndarray || !PyArray_ISCARRAY_RO(x))
        Py_RETURN_FALSE;
    npy_intp n = 1;
    int outside = 1, type = PyArray_TYPE(x);
    for (int k = 0; k < PyArray_NDIM(x); k++)
        n *= PyArray_DIM(x, k);
    const void *data = PyArray_DATA(x);
    Py_BEGIN_ALLOW_THREADS
    outside = type == NPY_FLOAT ? outside_4(data, n) : type == NPY_DOUBLE ? outside_8(data, n) : type == NPY_HALF ? outside_2(data, n) : 1;
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(!outside);
}

static PyMethodDef functions[] = {
    {"for_arrays", for_arrays, METH_O, "The type of plain arrays, once."},
    {"are_probabilities", are_probabilities, METH_O, "Whether all numbers of a plain array are from 0 to 1, -0.0 and NaN not among them."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "fastact._quick", .m_size = -1, .m_methods = functions};

PyMODINIT_FUNC PyInit__quick(void)
{
    PyObject *made = PyModule_Create(&module);
    name_out = PyUnicode_InternFromString("out");
    name_x = PyUnicode_InternFromString("x");
    name_y = PyUnicode_InternFromString("y");
    if (made == NULL || name_out == NULL || name_x == NULL || name_y == NULL || PyModule_AddType(made, &Quick) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
#ifdef Py_GIL_DISABLED
    PyUnstable_Module_SetGIL(made, Py_MOD_GIL_NOT_USED);
#endif
    return made;
}
