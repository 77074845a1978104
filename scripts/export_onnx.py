"""Exports tiny random models to ONNX as people export theirs, with what PyTorch computes for them in float64.

  pip install torch==2.5.1 transformers==4.52.4 onnx onnxscript onnxruntime safetensors
  python scripts/export_onnx.py test/fixtures/onnx            # all cases
  python scripts/export_onnx.py test/fixtures/onnx gpt2 vit   # some
  python scripts/export_onnx.py --list

A case is a class of transformers with random weights and an exporter: PyTorch's TorchScript exporter (LayerNorm is one operator from
opset 17 on, and ten operators before it) or its dynamo exporter. As in record_golden.py the weights of norms are 1 ± 0.2, biases ± 0.1, the mean of
embeddings is 0.15 and of linears 0.02, so that recentring matters. The folder of a case gets

  model.onnx         with dynamic axes (and model.onnx_data beside it, where the case stores weights outside)
  golden.safetensors the inputs and the outputs by their names in the graph; outputs in float64, computed by the PyTorch model from the
                     stored weights widened
  case.json          class, versions, opset, norms, and the error of onnxruntime against the golden outputs

A case whose onnxruntime error is larger than float arithmetic explains is refused. The same versions write the same bytes.
"""

import argparse
import contextlib
import copy
import io
import json
import shutil
import sys
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import onnx
import onnxruntime
import safetensors.torch
import torch
import transformers
from torch import nn

BATCH, SEQUENCE, IMAGE = 2, 10, 12
# Weights spread so that a branch weighs as much as the stream.
SPREAD = 0.15


class Exported(nn.Module):
    """The model with its inputs by position and, as a tuple, the outputs that the graph is to have."""

    def __init__(self, model, inputs, outputs, fixed):
        super().__init__()
        self.model, self.inputs, self.outputs, self.fixed = model, inputs, outputs, fixed

    def forward(self, *values):
        given = dict(zip(self.inputs, values))
        past = [value for name, value in given.items() if name.startswith("past_key_values.")]
        given = {name: value for name, value in given.items() if not name.startswith("past_key_values.")}
        if past:
            pairs = tuple(zip(past[::2], past[1::2]))
            given["past_key_values"] = transformers.DynamicCache.from_legacy_cache(pairs)
        return tuple(self.outputs(self.model(**given, **self.fixed)).values())


@dataclass(frozen=True)
class Case:
    build: Callable[[], nn.Module]
    # name: (tensor, names of its axes)
    inputs: Callable[[], dict]
    outputs: Callable[[object], dict]
    opset: int = 17
    exporter: str = "torchscript"
    fixed: dict = field(default_factory=dict)
    folding: bool = True
    dtype: torch.dtype = torch.float32
    external: bool = False


def one(*names):
    return lambda result: {name: getattr(result, name) for name in names}


def tokens(vocabulary, names=("input_ids",), batch=BATCH, length=SEQUENCE):
    return {name: (torch.randint(1, vocabulary, (batch, length)), ("batch", "sequence")) for name in names}


def ones(name="attention_mask", length=SEQUENCE, padding=0, axis="sequence"):
    mask = torch.ones(BATCH, length, dtype=torch.int64)
    if padding:
        mask[-1, -padding:] = 0
    return {name: (mask, ("batch", axis))}


def pixels():
    return {"pixel_values": (torch.randn(BATCH, 3, IMAGE, IMAGE), ("batch", None, None, None))}


def gpt2():
    config = transformers.GPT2Config(
        vocab_size=96, n_positions=32, n_embd=32, n_inner=64, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0, initializer_range=SPREAD
    )
    return transformers.GPT2LMHeadModel(config)


def gpt_neox():
    config = transformers.GPTNeoXConfig(
        vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=32,
        bos_token_id=0, eos_token_id=0, initializer_range=SPREAD,
    )
    return transformers.GPTNeoXForCausalLM(config)


def vit():
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, image_size=IMAGE, patch_size=4,
        num_labels=10, initializer_range=SPREAD,
    )
    return transformers.ViTForImageClassification(config)


def clip_text():
    config = transformers.CLIPTextConfig(
        vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=24,
        projection_dim=16, bos_token_id=0, eos_token_id=95,
    )
    return transformers.CLIPTextModelWithProjection(config)


def clip_vision():
    config = transformers.CLIPVisionConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, image_size=IMAGE, patch_size=4, projection_dim=16
    )
    return transformers.CLIPVisionModelWithProjection(config)


def whisper():
    config = transformers.WhisperConfig(
        vocab_size=96, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
        encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=8, max_source_positions=12, max_target_positions=24, init_std=SPREAD,
        bos_token_id=0, eos_token_id=0, pad_token_id=0, decoder_start_token_id=1, suppress_tokens=None, begin_suppress_tokens=None,
    )
    return transformers.WhisperForConditionalGeneration(config)


class WhisperDecoder(nn.Module):
    """What Optimum exports as decoder_model.onnx, without the cache."""

    def __init__(self, whole):
        super().__init__()
        self.decoder, self.proj_out, self.config = whole.model.decoder, whole.proj_out, whole.config

    def forward(self, input_ids, encoder_hidden_states):
        hidden = self.decoder(input_ids=input_ids, encoder_hidden_states=encoder_hidden_states, use_cache=False).last_hidden_state
        return {"logits": self.proj_out(hidden)}


def dinov2():
    config = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, mlp_ratio=2, image_size=IMAGE, patch_size=4, initializer_range=SPREAD
    )
    return transformers.Dinov2Model(config)


def bert():
    config = transformers.BertConfig(
        vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=24,
        initializer_range=SPREAD,
    )
    return transformers.BertForMaskedLM(config)


def t5():
    config = transformers.T5Config(
        vocab_size=96, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, relative_attention_num_buckets=8, decoder_start_token_id=0
    )
    return transformers.T5ForConditionalGeneration(config)


def past(length=4, layers=2, heads=4, head_size=8):
    tensors = {}
    for layer in range(layers):
        for part in ("key", "value"):
            axes = ("batch", None, "past_sequence", None)
            tensors[f"past_key_values.{layer}.{part}"] = (torch.randn(BATCH, heads, length, head_size), axes)
    return tensors


def gpt2_with_past_inputs(length=4):
    ids = tokens(96)
    mask = ones(length=length + SEQUENCE, axis="past_sequence + sequence")
    positions = torch.arange(length, length + SEQUENCE).expand(BATCH, SEQUENCE).clone()
    return ids | mask | {"position_ids": (positions, ("batch", "sequence"))} | past(length)


def with_present(result):
    outputs = {"logits": result.logits}
    for layer, (key, value) in enumerate(result.past_key_values.to_legacy_cache()):
        outputs |= {f"present.{layer}.key": key, f"present.{layer}.value": value}
    return outputs


def with_hidden_states(result):
    return {"logits": result.logits} | {f"hidden_states.{i}": state for i, state in enumerate(result.hidden_states)}


def text():
    return tokens(96) | ones()


def t5_inputs():
    ids = torch.randint(1, 96, (BATCH, 6))
    return tokens(96) | ones(padding=2) | {"decoder_input_ids": (ids, ("batch", "decoder_sequence"))}


def llama():
    config = transformers.LlamaConfig(
        vocab_size=96, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=32, bos_token_id=0, eos_token_id=0, initializer_range=SPREAD,
    )
    return transformers.LlamaForCausalLM(config)


uncached = {"use_cache": False}
gpt2_case = Case(gpt2, text, one("logits"), fixed=uncached)

CASES = {
    "gpt2": gpt2_case,
    # Weights as they lie in the checkpoint: the head reads the embedding's own table through a Transpose.
    "gpt2_opset14": Case(gpt2, text, one("logits"), fixed=uncached, opset=14, folding=False),
    # Of fixed shapes: with dynamic ones this exporter of PyTorch 2.5 writes a graph for GPT-2 that no runtime loads.
    "gpt2_dynamo": Case(gpt2, lambda: {"input_ids": (tokens(96)["input_ids"][0], (None, None))}, one("logits"), fixed=uncached, opset=18, exporter="dynamo"),
    "gpt2_hidden_states": Case(gpt2, text, with_hidden_states, fixed=uncached | {"output_hidden_states": True}),
    "gpt2_with_past": Case(gpt2, gpt2_with_past_inputs, with_present, fixed={"use_cache": True}, opset=14),
    "gpt2_float16": Case(gpt2, text, one("logits"), fixed=uncached, dtype=torch.float16),
    # In float64 the constants of the graph, too, are those of PyTorch: what is left is the order of sums.
    "gpt2_float64": Case(gpt2, text, one("logits"), fixed=uncached, opset=14, dtype=torch.float64),
    "llama_float64": Case(llama, text, one("logits"), fixed=uncached, dtype=torch.float64),
    "vit_float64": Case(vit, pixels, one("logits"), dtype=torch.float64),
    "gpt_neox_external": Case(gpt_neox, text, one("logits"), fixed=uncached, external=True),
    "vit": Case(vit, pixels, one("logits")),
    "vit_dynamo": Case(vit, pixels, one("logits"), opset=18, exporter="dynamo"),
    "clip_text": Case(clip_text, text, one("text_embeds", "last_hidden_state")),
    "clip_vision": Case(clip_vision, pixels, one("image_embeds")),
    "whisper_encoder": Case(
        lambda: whisper().model.encoder,
        lambda: {"input_features": (torch.randn(BATCH, 8, 24), ("batch", None, None))},
        one("last_hidden_state"),
    ),
    "whisper_decoder": Case(
        lambda: WhisperDecoder(whisper()),
        lambda: tokens(96) | {"encoder_hidden_states": (torch.randn(BATCH, 12, 32), ("batch", "encoder_sequence", None))},
        lambda result: result,
    ),
    "dinov2": Case(dinov2, pixels, one("last_hidden_state", "pooler_output")),
    "bert": Case(
        bert,
        lambda: tokens(96)
        | ones(padding=3)
        | {"token_type_ids": (torch.randint(0, 2, (BATCH, SEQUENCE)), ("batch", "sequence"))},
        one("logits"),
    ),
    "t5": Case(t5, t5_inputs, one("logits"), fixed=uncached),
}


def is_norm(module):
    return type(module).__name__.endswith(("LayerNorm", "RMSNorm"))


def scramble(model):
    """Norm weights near 1, biases and means that are not 0: with the usual start recentring would change nothing."""
    kinds = {}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            kind = "norm" if is_norm(module) or "lambda" in name else "linear"
            if isinstance(module, nn.Embedding) or "embedding" in name or "token" in name:
                kind = "embedding"
            kinds[parameter] = "bias" if name == "bias" else kinds.get(parameter, kind)
    with torch.no_grad():
        for parameter, kind in kinds.items():
            if kind == "norm":
                parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
            elif kind == "bias":
                parameter.copy_(0.1 * torch.randn_like(parameter))
            else:
                spread = SPREAD * torch.randn_like(parameter)
                parameter.copy_(spread + (0.15 if kind == "embedding" else 0.02))


@contextlib.contextmanager
def float32_means_float64():
    """Modules that compute norms or softmax in float32 whatever their input is do it in float64 inside."""
    float32, to_float = torch.float32, torch.Tensor.float
    torch.float32, torch.Tensor.float = torch.float64, torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.float32, torch.Tensor.float = float32, to_float
        torch.set_default_dtype(torch.float32)


def widened(tensor):
    return tensor.double() if tensor.is_floating_point() else tensor


def export(case, wrapped, inputs, names, path):
    values = tuple(value for value, _ in inputs.values())
    if case.exporter == "dynamo":
        # Less than the number of positions: it makes a case of its own of a sequence as long as that.
        symbols = {axis: torch.export.Dim(axis, max=24) for _, axes in inputs.values() for axis in axes if axis}
        shapes = tuple({i: symbols[axis] for i, axis in enumerate(axes) if axis} for _, axes in inputs.values())
        program = torch.onnx.export(
            wrapped, values, dynamo=True, dynamic_shapes=(shapes,), input_names=list(inputs), output_names=names,
            opset_version=case.opset, verbose=False,
        )
        # For each node it keeps the Python lines that it came from, more bytes than all else.
        proto = program.model_proto
        for node in proto.graph.node:
            del node.metadata_props[:]
        onnx.save_model(proto, path)
        return
    dynamic = {name: {i: axis for i, axis in enumerate(axes) if axis} for name, (_, axes) in inputs.items()}
    dynamic |= {name: {0: "batch"} for name in names}
    torch.onnx.export(
        wrapped, values, path, input_names=list(inputs), output_names=names, dynamic_axes=dynamic, opset_version=case.opset,
        do_constant_folding=case.folding, dynamo=False,
    )


def record(name, case, folder):
    seed = zlib.crc32(name.encode()) & 0x7FFFFFFF
    torch.manual_seed(seed)
    model = case.build().eval()
    if hasattr(model, "set_attn_implementation"):
        model.set_attn_implementation("eager")
    else:
        model.config._attn_implementation = "eager"
    scramble(model)
    model = model.to(case.dtype)
    inputs = {
        key: (value.to(case.dtype) if value.is_floating_point() else value, axes) for key, (value, axes) in case.inputs().items()
    }
    wrapped = Exported(model, list(inputs), case.outputs, case.fixed).eval()

    values = [value for value, _ in inputs.values()]
    with torch.no_grad(), float32_means_float64():
        outputs = {}
        wide = copy.deepcopy(wrapped).double()
        wide.outputs = lambda result: outputs.update(case.outputs(result)) or outputs
        wide(*map(widened, values))

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / "model.onnx"
    # Tracing warns of every branch in Python, which is how these models are exported everywhere.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        export(case, wrapped, inputs, list(outputs), str(path))
    proto = onnx.load(str(path))
    onnx.checker.check_model(proto)
    if case.external:
        onnx.save_model(proto, str(path), save_as_external_data=True, location="model.onnx_data", size_threshold=256)

    given = {key: value.numpy() for key, (value, _) in inputs.items() if key in {i.name for i in proto.graph.input}}
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        computed = dict(zip([o.name for o in session.get_outputs()], session.run(None, given)))
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        # It has no float64 kernel for Erf.
        computed = {}
    errors = {key: (torch.from_numpy(computed[key]).double() - value).abs().max().item() for key, value in outputs.items() if key in computed}
    limit = 2e-2 if case.dtype == torch.float16 else 1e-4
    for key, error in errors.items():
        if not error <= limit * max(1, outputs[key].abs().max().item()):
            sys.exit(f"{name}: {key} of onnxruntime is off by {error:.1e} from PyTorch in float64")

    tensors = {key: value for key, (value, _) in inputs.items() if key in given} | outputs
    safetensors.torch.save_file({key: value.contiguous().clone() for key, value in tensors.items()}, folder / "golden.safetensors")
    norms = [type(module).__name__ for module in model.modules() if is_norm(module)]
    used = {node.op_type for node in proto.graph.node}
    notes = {
        "case": name,
        "class": type(model).__name__,
        "exporter": case.exporter,
        "opset": next(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")),
        "dtype": str(case.dtype).removeprefix("torch."),
        "layerNorms": sum(not n.endswith(("RMSNorm", "T5LayerNorm")) for n in norms),
        "rmsNorms": sum(n.endswith(("RMSNorm", "T5LayerNorm")) for n in norms),
        "layerNormOperator": "LayerNormalization" in used,
        "nodes": len(proto.graph.node),
        "seed": seed,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "onnxruntime": onnxruntime.__version__,
        "onnxruntimeError": errors,
    }
    (folder / "case.json").write_text(json.dumps(notes, indent=2) + "\n")
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{name}: {notes['class']}, {len(proto.graph.node)} nodes, {size / 1000:.0f} kB, error {max(errors.values(), default=float('nan')):.1e}")


def main():
    parser = argparse.ArgumentParser(description="export tiny random models to ONNX, with PyTorch's outputs in float64")
    parser.add_argument("folder", nargs="?", type=Path, help="gets a folder for each case")
    parser.add_argument("case", nargs="*", help="cases to write (all)")
    parser.add_argument("--list", action="store_true", help="print the cases' names")
    arguments = parser.parse_args()
    if arguments.list:
        print(*CASES, sep="\n")
        return
    unknown = set(arguments.case) - set(CASES)
    if arguments.folder is None or unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}" if unknown else "give the folder to write to")
    for name in arguments.case or CASES:
        record(name, CASES[name], arguments.folder / name)


if __name__ == "__main__":
    main()
