"""Models that run without torch: a graph in the ONNX format, run by onnxruntime, and what follows it in NumPy.

session  the graph and its weights in onnxruntime
model    the model: windows in, pooled states out; states in, readings out
load     a model by name or folder
export   makes the graph of a model; needs torch and onnx
"""
