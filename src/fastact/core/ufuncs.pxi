# Ufuncs: one new-style loop per dtype, and one promoter that says which loop mixed, integer and Python operands take.

cdef extern from "numpy/arrayobject.h":
    int _import_array() except -1

cdef extern from "numpy/ufuncobject.h":
    int _import_umath() except -1
    ctypedef struct PyArray_DTypeMeta:
        int type_num
    ctypedef struct PyType_Slot:
        int slot
        void* pfunc
    ctypedef enum NPY_CASTING:
        NPY_NO_CASTING
    ctypedef enum NPY_ARRAYMETHOD_FLAGS:
        NPY_METH_NO_FLOATINGPOINT_ERRORS
        NPY_METH_SUPPORTS_UNALIGNED
    int NPY_METH_strided_loop
    int NPY_METH_unaligned_strided_loop
    ctypedef struct PyArrayMethod_Spec:
        const char* name
        int nin
        int nout
        NPY_CASTING casting
        NPY_ARRAYMETHOD_FLAGS flags
        PyArray_DTypeMeta** dtypes
        PyType_Slot* slots
    enum:
        PyUFunc_None
    object PyUFunc_FromFuncAndDataAndSignature(void* func, void* data, const char* types, int ntypes, int nin, int nout, int neutral,
                                               const char* name, const char* doc, int unused, const char* signature)
    int PyUFunc_AddLoopFromSpec(object ufunc, PyArrayMethod_Spec* spec) except -1
    int PyUFunc_AddPromoter(object ufunc, object dtypes, object promoter) except -1
    PyArray_DTypeMeta PyArray_PyLongDType, PyArray_PyFloatDType

_import_array()
_import_umath()

from _thread import allocate_lock

cdef list KEPT = []                     # NumPy keeps pointers to names and signatures
cdef dict OPERANDS = {}                 # ufunc name -> the names of its operands, for messages
cdef dict KINDS = {}                    # ufunc name -> the kinds of its operands and results, see new_ufunc

cdef object BOOL = type(np.dtype(np.bool_))
cdef object HALF = type(np.dtype(np.float16))
cdef object FLOAT = type(np.dtype(np.float32))
cdef object DOUBLE = type(np.dtype(np.float64))
cdef object BFLOAT = None               # ml_dtypes' bfloat16, as soon as one is met
cdef dict BFLOAT_LOOPS = {}             # id of a ufunc -> the address of its loop, until it has it
cdef object ADDING = allocate_lock()    # so that no thread takes a loop for added that another is adding
cdef dict OTHER_KINDS = {"b": BOOL, "l": type(np.dtype(np.int64))}
cdef frozenset INTEGERS = frozenset(type(np.dtype(c)) for c in "?bBhHiIlLqQ")


cdef extern from "Python.h":
    void PyErr_SetObject(object kind, object value)
    void PyErr_SetString(object kind, const char* message)
    void PyErr_NoMemory()


cdef int no_memory() noexcept with gil:
    PyErr_NoMemory()
    return -1


cdef int refused(const char* why) noexcept with gil:
    PyErr_SetString(ValueError, why)
    return -1


cdef bint is_bfloat(object dtype):
    """Whether it is ml_dtypes' bfloat16, which NumPy does not know until that is imported."""
    global BFLOAT
    if BFLOAT is None:
        kind = getattr(dtype, "type", None)
        if getattr(kind, "__name__", "") == "bfloat16" and getattr(kind, "__module__", "").partition(".")[0] == "ml_dtypes":
            BFLOAT = dtype
    return dtype is BFLOAT and dtype is not None


cdef object common_type(str name, list given, list signature):
    """The one floating type that all operands are computed in."""
    cdef object dtype
    for dtype in signature:
        if dtype is not None:
            if dtype is HALF or dtype is FLOAT or dtype is DOUBLE or is_bfloat(dtype):
                return dtype
            raise refusal(name, dtype, "dtype or signature")
    found = None
    for position, dtype in enumerate(given):
        if dtype is None or dtype is <object>&PyArray_PyFloatDType or dtype is <object>&PyArray_PyLongDType:
            continue                     # not given, or a Python number: takes the others' type
        if dtype is DOUBLE or dtype in INTEGERS:
            found = DOUBLE
        elif dtype is FLOAT:
            found = FLOAT if found is not DOUBLE else found
        elif dtype is HALF or is_bfloat(dtype):
            if found is None:
                found = dtype
            elif found is not DOUBLE and found is not dtype:
                found = FLOAT            # float16 and bfloat16
        else:
            raise refusal(name, dtype, OPERANDS[name][position])
    return DOUBLE if found is None else found


cdef object refusal(str name, object dtype, str where):
    try:
        shown = dtype.type.__name__
    except AttributeError:
        shown = getattr(dtype, "__name__", repr(dtype))
    return TypeError(f"fastact.{name}: {where} is {shown}; accepted are float16, bfloat16, float32 and float64, and bool and integers (computed in float64)")


cdef int promote(PyObject* ufunc, PyArray_DTypeMeta** given, PyArray_DTypeMeta** signature, PyArray_DTypeMeta** chosen) noexcept with gil:
    cdef int i, nin, nargs
    try:
        nin, nargs, kinds = (<object>ufunc).nin, (<object>ufunc).nargs, KINDS[(<object>ufunc).__name__]
        inputs, fixed = [], []
        for i in range(nargs):
            if kinds[i] == "r":
                if i < nin:
                    inputs.append(None if given[i] == NULL else <object>given[i])
                fixed.append(None if signature[i] == NULL else <object>signature[i])
            elif i < nin:
                inputs.append(None)
        dtype = common_type((<object>ufunc).__name__, inputs, fixed)
        if dtype is BFLOAT and dtype is not None:
            add_bfloat(<object>ufunc)
        for i in range(nargs):
            chosen_type = OTHER_KINDS.get(kinds[i], dtype)
            Py_INCREF(chosen_type)
            chosen[i] = <PyArray_DTypeMeta*><PyObject*>chosen_type
    except BaseException as error:
        PyErr_SetObject(type(error), error)
        return -1
    return 0


cdef int add_loop(object ufunc, object dtype, void* loop) except -1:
    """The loop for operands and results of one dtype, but for those of another kind."""
    cdef PyArrayMethod_Spec spec
    cdef PyType_Slot slots[3]
    cdef PyArray_DTypeMeta* dtypes[8]
    cdef int k
    label, kinds = ufunc.__name__.encode(), KINDS[ufunc.__name__]
    for k in range(ufunc.nargs):
        kind = OTHER_KINDS.get(kinds[k], dtype)
        dtypes[k] = <PyArray_DTypeMeta*><PyObject*>kind
    slots[0].slot, slots[0].pfunc = NPY_METH_strided_loop, loop
    slots[1].slot, slots[1].pfunc = NPY_METH_unaligned_strided_loop, loop
    slots[2].slot, slots[2].pfunc = 0, NULL
    spec.name, spec.nin, spec.nout, spec.casting = label, ufunc.nin, ufunc.nout, NPY_NO_CASTING
    spec.flags = <NPY_ARRAYMETHOD_FLAGS>(NPY_METH_NO_FLOATINGPOINT_ERRORS | NPY_METH_SUPPORTS_UNALIGNED)
    spec.dtypes, spec.slots = dtypes, slots
    PyUFunc_AddLoopFromSpec(ufunc, &spec)
    return 0


cdef int add_bfloat(object ufunc) except -1:
    """bfloat16 comes with ml_dtypes, which may be imported later or never: a ufunc gets its loop when it first meets one."""
    with ADDING:
        loop = BFLOAT_LOOPS.get(id(ufunc))
        if loop is not None:
            add_loop(ufunc, BFLOAT, <void*><size_t>loop)
            del BFLOAT_LOOPS[id(ufunc)]
    return 0


cdef object new_ufunc(str name, tuple operands, bytes doc, bytes signature, object kinds, void* f2, void* b2, void* f4, void* f8):
    """A ufunc with a loop for each dtype, and the promoter for everything else.

    `kinds` has a letter for each operand, ">", and one for each result: r for the dtype, b for bool, l for 64-bit integers. True
    stands for one result and a mask as the last operand, False for one result and no mask.
    """
    cdef const char* cores = NULL
    cdef int nin = len(operands), nout
    label = name.encode()
    OPERANDS[name] = operands
    if isinstance(kinds, bool):
        kinds = "r" * (nin - kinds) + "b" * kinds + ">r"
    KINDS[name] = kinds = kinds.replace(">", "")
    nout = len(kinds) - nin
    KEPT.append(label)
    KEPT.append(signature)
    KEPT.append(doc)
    if signature is not None:
        cores = signature
    ufunc = PyUFunc_FromFuncAndDataAndSignature(NULL, NULL, NULL, 0, nin, nout, PyUFunc_None, label, doc, 0, cores)
    add_loop(ufunc, HALF, f2)
    add_loop(ufunc, FLOAT, f4)
    add_loop(ufunc, DOUBLE, f8)
    KEPT.append(ufunc)                   # its id is a key
    BFLOAT_LOOPS[id(ufunc)] = <size_t>b2
    capsule = PyCapsule_New(<void*>promote, "numpy._ufunc_promoter", NULL)
    PyUFunc_AddPromoter(ufunc, (np.dtype,) * (nin + nout), capsule)
    return ufunc


# What is called once for each ufunc is short where it is called: hundreds of times.

cdef int add_ufunc(
    dict made, dict docs, str key, str name, tuple operands, bytes signature, object kinds, void* f2, void* b2, void* f4, void* f8
) except -1:
    """new_ufunc() by its name."""
    made[key] = new_ufunc(name, operands, docs[key], signature, kinds, f2, b2, f4, f8)
    return 0


cdef void set_operations(int number, kernel_t f4, kernel_t f4_array, kernel_t f8, kernel_t f8_array, int data, int operands, int results) noexcept:
    """One operation, of floats and of doubles."""
    OPERATIONS[2 * number] = Operation(f4, f4_array, data, operands, results)
    OPERATIONS[2 * number + 1] = Operation(f8, f8_array, data, operands, results)
