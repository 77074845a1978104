"""Records what operators of ONNX give, as data to test the float64 evaluator against.

  pip install onnx onnxruntime
  python scripts/record_onnx_nodes.py src/graph/onnx/evaluate/fixtures/nodes.bin.gz

The cases are those of ONNX's own conformance suite (with the package `onnx`), recomputed in float64 by its reference
implementation where that can, and some of older operator sets and of ONNX Runtime's own operators, computed by
ONNX Runtime. The file is gzip of models, each after its length (4 bytes, little-endian). A model's test inputs are initializers
named like its inputs, and what it should give are initializers named `expected/<output>`. Tested with onnx 1.19.
"""

import gzip
import re
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test import __file__ as suite
from onnx.reference import ReferenceEvaluator

wanted = """Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization Cast CastLike Ceil Celu
Clip Concat Constant ConstantOfShape Conv Cos Cosh CumSum Div Dropout Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor Gather
GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish
Hardmax Identity If InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop
LpNormalization MatMul Max MaxPool Mean Min Mish Mod Mul Neg NonZero Not OneHot Or PRelu Pad Pow RMSNormalization Range Reciprocal
ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape
Resize Round ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub
Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Where Xor""".split()
known = {getattr(TensorProto, name) for name in "FLOAT DOUBLE FLOAT16 BFLOAT16 INT64 INT32 INT16 INT8 UINT64 UINT32 UINT16 UINT8 BOOL".split()}
limit = 12_000
# Their reference casts to float32 inside.
narrow = {"Gelu", "GroupNormalization", "HardSwish"}


def is_dense(info):
    return info.type.HasField("tensor_type") and info.type.tensor_type.elem_type in known


def widen(model):
    """The same model with float64 for float32."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)

    def graph(g):
        for info in [*g.input, *g.output, *g.value_info]:
            if info.type.tensor_type.elem_type == TensorProto.FLOAT:
                info.type.tensor_type.elem_type = TensorProto.DOUBLE
        for i, tensor in enumerate(g.initializer):
            if tensor.data_type == TensorProto.FLOAT:
                g.initializer[i].CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
        for node in g.node:
            for a in node.attribute:
                if a.type == onnx.AttributeProto.GRAPH:
                    graph(a.g)
                elif a.type == onnx.AttributeProto.TENSOR and a.t.data_type == TensorProto.FLOAT:
                    a.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(a.t).astype(np.float64), a.t.name))
                elif node.op_type == "Cast" and a.name == "to" and a.i == TensorProto.FLOAT:
                    a.i = TensorProto.DOUBLE

    graph(wide.graph)
    return wide


def widened(array):
    return array.astype(np.float64) if array.dtype == np.float32 else array


def in_float64(model, inputs, outputs):
    """The outputs in float64, or None where the reference has them in float32 only or disagrees with the suite."""
    if model.graph.node[0].op_type in narrow or not any(array.dtype == np.float32 for array in outputs):
        return None
    try:
        wide = widen(model)
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(wide).run(None, {info.name: widened(array) for info, array in zip(wide.graph.input, inputs)})
        for result, old in zip(results, outputs):
            if result.shape != old.shape or (old.dtype == np.float32) != (result.dtype == np.float64):
                return None
            if not np.allclose(result.astype(np.float64), old.astype(np.float64), rtol=1e-3, atol=1e-5, equal_nan=True):
                return None
        return wide, [widened(a) for a in inputs], results
    except Exception:
        return None


def packed(name, model, inputs, outputs):
    case = onnx.ModelProto()
    case.CopyFrom(model)
    case.graph.name = name
    case.doc_string = case.graph.doc_string = ""
    del case.graph.value_info[:]
    for info, array in zip(model.graph.input, inputs):
        case.graph.initializer.append(numpy_helper.from_array(array, info.name))
    for info, array in zip(model.graph.output, outputs):
        case.graph.initializer.append(numpy_helper.from_array(np.asarray(array), f"expected/{info.name}"))
    return case.SerializeToString(deterministic=True)


def conformance():
    for folder in sorted((Path(suite).parent / "data" / "node").iterdir()):
        if folder.name.endswith("_expanded") or re.search(r"_expanded_|training_|_random_", folder.name):
            continue
        model = onnx.load(folder / "model.onnx")
        if any(node.op_type not in wanted or node.domain not in ("", "ai.onnx") for node in model.graph.node):
            continue
        if not all(map(is_dense, [*model.graph.input, *model.graph.output])):
            continue

        def tensors(kind, count):
            files = [folder / "test_data_set_0" / f"{kind}_{i}.pb" for i in range(count)]
            return [onnx.load_tensor(str(file)) for file in files]

        ins, outs = tensors("input", len(model.graph.input)), tensors("output", len(model.graph.output))
        if sum(len(t.raw_data) + 16 for t in [*ins, *outs]) > limit or any(t.data_type == TensorProto.BFLOAT16 for t in [*ins, *outs]):
            continue
        inputs, outputs = map(numpy_helper.to_array, ins), map(numpy_helper.to_array, outs)
        inputs, outputs = list(inputs), list(outputs)
        wide = in_float64(model, inputs, outputs)
        yield folder.name.removeprefix("test_"), *(wide or (model, inputs, outputs))


random = np.random.default_rng(20240229)


def floats(*shape, dtype=np.float32):
    return (random.standard_normal(shape) * 2).astype(dtype)


def ints(*values):
    return np.array(values, np.int64)


def by_runtime():
    """Older operator sets and ONNX Runtime's own operators: name, opset, operator, inputs, attributes, outputs."""
    x, image = floats(2, 3, 4), floats(2, 4, 6, 5)
    ms = "com.microsoft"
    gain, shift, skip = floats(4), floats(4), floats(2, 3, 4)
    cases = [
        ("softmax_12_default", 12, "Softmax", [x], {}),
        ("softmax_11_axis_0", 11, "Softmax", [x], {"axis": 0}),
        ("logsoftmax_12", 12, "LogSoftmax", [x], {"axis": 2}),
        ("squeeze_11", 11, "Squeeze", [floats(1, 3, 1)], {"axes": [0]}),
        ("squeeze_11_all", 11, "Squeeze", [floats(1, 3, 1)], {}),
        ("unsqueeze_11", 11, "Unsqueeze", [x], {"axes": [0, -1]}),
        ("clip_7", 7, "Clip", [x], {"min": -0.5, "max": 1.0}),
        ("clip_12_max_only", 12, "Clip", [x, None, np.float32(0.5)], {}),
        ("slice_9", 9, "Slice", [x], {"starts": [1, -3], "ends": [9, -1], "axes": [1, 2]}),
        ("slice_13_to_the_end", 13, "Slice", [x, ints(1), ints(2**63 - 1), ints(-1)], {}),
        ("slice_13_backwards", 13, "Slice", [x, ints(-1), ints(-(2**63)), ints(2), ints(-2)], {}),
        ("pad_8", 8, "Pad", [x], {"pads": [0, 1, 0, 2, 0, 0], "value": 1.5}),
        ("pad_13_negative", 13, "Pad", [x, ints(0, -1, 2, 0, 0, -1)], {}),
        ("reducemean_13", 13, "ReduceMean", [x], {"axes": [0, -1], "keepdims": 0}),
        ("reducesum_11", 11, "ReduceSum", [x], {"axes": [1]}),
        ("reducesum_13_no_axes", 13, "ReduceSum", [x], {"keepdims": 0}),
        ("reducel2_13", 13, "ReduceL2", [x], {"axes": [-1], "keepdims": 1}),
        ("split_11", 11, "Split", [floats(2, 7)], {"axis": 1, "split": [3, 0, 4]}, 3),
        ("split_13_even", 13, "Split", [floats(2, 6)], {"axis": -1}, 3),
        ("dropout_11", 11, "Dropout", [x], {"ratio": 0.9}),
        ("dropout_13_mask", 13, "Dropout", [x, np.float32(0.5)], {}, 2),
        ("cast_wraps", 13, "Cast", [np.array([300, -129, 2**31 + 5], np.int64)], {"to": TensorProto.INT8}),
        ("cast_truncates", 13, "Cast", [np.array([-1.9, 1.9, -0.2, 3e9], np.float32)], {"to": TensorProto.INT64}),
        ("div_truncates", 13, "Div", [ints(-7, 7, 6), ints(2, -2, -3)], {}),
        ("mod_signs", 13, "Mod", [ints(-7, 7, 6), ints(3, -3, -4)], {}),
        ("fmod_signs", 13, "Mod", [floats(5), floats(5)], {"fmod": 1}),
        ("pow_ints", 13, "Pow", [ints(2, -3, 0), np.array([3, 2, 0], np.int64)], {}),
        ("round_halves", 13, "Round", [np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997], np.float32)], {}),
        ("matmul_vector_left", 13, "MatMul", [floats(4), floats(3, 4, 5)], {}),
        ("matmul_vector_right", 13, "MatMul", [floats(3, 2, 4), floats(4)], {}),
        ("matmul_vectors", 13, "MatMul", [floats(4), floats(4)], {}),
        ("matmul_broadcast", 13, "MatMul", [floats(2, 1, 3, 4), floats(5, 4, 2)], {}),
        ("gemm_scaled", 13, "Gemm", [floats(4, 3), floats(5, 4), floats(3, 1)], {"transA": 1, "transB": 1, "alpha": 0.5, "beta": -2.0}),
        ("conv_groups", 13, "Conv", [image, floats(6, 2, 3, 2), floats(6)], {"group": 2, "strides": [2, 1], "pads": [1, 0, 2, 1], "dilations": [1, 2]}),
        ("conv_depthwise", 13, "Conv", [image, floats(4, 1, 3, 3)], {"group": 4, "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ("conv_same_lower", 13, "Conv", [image, floats(2, 4, 2, 4)], {"auto_pad": "SAME_LOWER"}),
        ("conv_1d", 13, "Conv", [floats(2, 3, 9), floats(4, 3, 3), floats(4)], {"pads": [1, 1], "strides": [2]}),
        ("conv_3d", 13, "Conv", [floats(1, 2, 3, 4, 3), floats(2, 2, 2, 2, 2)], {}),
        ("maxpool_ceil", 13, "MaxPool", [image], {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 0, 1], "ceil_mode": 1}),
        ("averagepool_pad", 13, "AveragePool", [image], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
        ("averagepool_no_pad", 13, "AveragePool", [image], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        ("layernorm_axis_1", 17, "LayerNormalization", [x, floats(3, 4), floats(3, 4)], {"axis": 1, "epsilon": 0.01}, 3),
        ("layernorm_far_mean", 17, "LayerNormalization", [x * np.float32(0.1) + np.float32(30), gain], {"epsilon": 1e-6}),
        ("groupnorm_18", 18, "GroupNormalization", [image, floats(2), floats(2)], {"num_groups": 2}),
        ("scatternd_add", 18, "ScatterND", [floats(4, 3), np.array([[1], [3], [1]], np.int64), floats(3, 3)], {"reduction": "add"}),
        ("gather_negative", 13, "Gather", [x, np.array([[-1, 0], [1, -3]], np.int64)], {"axis": 1}),
        ("gather_scalar", 13, "Gather", [x, np.array(-1, np.int64)], {"axis": 2}),
        ("expand_both_ways", 13, "Expand", [floats(3, 1), ints(2, 1, 4)], {}),
        ("where_broadcast", 13, "Where", [np.array([[True], [False]]), floats(3), np.float32(7)], {}),
        ("min_three", 13, "Min", [floats(3, 1), floats(1, 4), np.float32(0)], {}),
        ("einsum_attention", 13, "Einsum", [floats(2, 3, 4, 5), floats(2, 6, 4, 5)], {"equation": "bqhd,bkhd->bhqk"}),
        ("einsum_implicit", 13, "Einsum", [floats(3, 4), floats(4, 2)], {"equation": "ij,jk"}),
        ("einsum_sums", 13, "Einsum", [floats(3, 4), floats(2)], {"equation": "ij,k->k"}),
        ("resize_linear_half", 13, "Resize", [image, None, np.array([1, 1, 0.5, 1.7], np.float32)], {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"}),
        ("resize_cubic", 13, "Resize", [image, None, None, ints(2, 4, 9, 3)], {"mode": "cubic", "coordinate_transformation_mode": "half_pixel"}),
        ("trilu_offset", 14, "Trilu", [floats(2, 3, 4), np.array(-1, np.int64)], {"upper": 0}),
        ("cumsum_back", 14, "CumSum", [x, np.array(1, np.int64)], {"reverse": 1, "exclusive": 1}),
        ("range_down", 13, "Range", [np.array(5, np.int64), np.array(-4, np.int64), np.array(-3, np.int64)], {}),
        ("reshape_zero", 14, "Reshape", [floats(0, 3), ints(0, 3, 1)], {}),
        ("erf", 13, "Erf", [np.array([0, -0.0, 1e-3, -0.4, 1, -3, 9, np.inf, np.nan], np.float32)], {}),
        ("mish", 18, "Mish", [np.array([0, 1, -2, 40, -90], np.float32)], {}),
        ("simplified_layernorm", 17, "SimplifiedLayerNormalization", [x, gain], {"epsilon": 0.01, "axis": -1}),
        ("fastgelu_bias", 17, "FastGelu", [x, shift], {}, 1, ms),
        ("biasgelu", 17, "BiasGelu", [x, shift], {}, 1, ms),
        ("gelu_ms", 17, "Gelu", [x], {}, 1, ms),
        ("quickgelu", 17, "QuickGelu", [x], {"alpha": 1.25}, 1, ms),
        ("fusedmatmul", 17, "FusedMatMul", [floats(2, 4, 3), floats(2, 5, 4)], {"transA": 1, "transB": 1, "alpha": 0.25}, 1, ms),
        ("skiplayernorm", 17, "SkipLayerNormalization", [x, skip, gain, shift, floats(4)], {"epsilon": 0.01}, (0, 3), ms),
        ("skiplayernorm_no_beta", 17, "SkipLayerNormalization", [x, skip, gain], {}, 1, ms),
        ("skip_simplified", 17, "SkipSimplifiedLayerNormalization", [x, skip, gain, floats(4)], {"epsilon": 0.01}, (0, 3), ms),
    ]
    for name, opset, op, inputs, attributes, *rest in cases:
        count, domain = rest[0] if rest else 1, rest[1] if len(rest) > 1 else ""
        places = count if isinstance(count, tuple) else tuple(range(count))
        outputs = [f"y{i}" if i in places else "" for i in range(max(places) + 1)]
        names = ["" if array is None else f"x{i}" for i, array in enumerate(inputs)]
        given = {n: np.asarray(a) for n, a in zip(names, inputs) if n}
        infos = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in given.items()]
        node = helper.make_node(op, names, outputs, domain=domain, **attributes)
        unknown = [helper.make_empty_tensor_value_info(n) for n in outputs if n]
        imports = [helper.make_opsetid("", opset), helper.make_opsetid(ms, 1)]
        model = helper.make_model(helper.make_graph([node], name, infos, unknown), opset_imports=imports, ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        results = session.run(None, given)
        typed = [helper.make_tensor_value_info(info.name, helper.np_dtype_to_tensor_dtype(r.dtype), r.shape) for info, r in zip(unknown, results)]
        del model.graph.output[:]
        model.graph.output.extend(typed)
        yield f"runtime_{name}", model, list(given.values()), results


with gzip.GzipFile(sys.argv[1], "wb", mtime=0) as file:
    total = 0
    for case in [*conformance(), *by_runtime()]:
        data = packed(*case)
        file.write(struct.pack("<I", len(data)) + data)
        total += 1
print(total, "cases", Path(sys.argv[1]).stat().st_size, "bytes")
