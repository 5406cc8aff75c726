"""Adapters for libraries whose activations run on NumPy. Importing fastact imports none of them, and none patches anything on import.

========================== ===================================================================================
`fastact.adapters.sklearn`  ``with activations():`` MLPClassifier and MLPRegressor with fastact, and more names
`fastact.adapters.thinc`    ``use_ops("fastact")`` for thinc and spaCy
`fastact.adapters.onnx`     ``ReferenceEvaluator(model, new_ops=OPS)``
`fastact.adapters.autograd` primitives with their gradients
`fastact.adapters.keras`    ``install()`` and ``uninstall()`` for Keras' NumPy backend
`fastact.adapters.dask`     softmax and its like over chunked axes
========================== ===================================================================================
"""
