"""Checks exported graphs with Python's onnx and onnxruntime, and with Optimum where it is installed.

For each pair of a source and the folder that `normlab convert --format onnx` made of it: onnx's checker accepts the model
(unless its norms are ONNX Runtime's own, which the checker does not know), and onnxruntime gives the logits that Hugging Face
transformers computes in float32 for the source, on a batch of two sequences, one of them padded on the left, the last tokens
on the cache of those before. Prints a line for each; the exit code is 1 if one is off.

    python3 -m venv venv && venv/bin/pip install torch transformers onnx onnxruntime
    npx normlab convert gpt2 gpt2-onnx --to rmsnorm --format onnx
    venv/bin/python bench/peers/onnx_transformers.py gpt2 gpt2-onnx

`npm run bench:peers` does it for all recorded models: with `--json` a line is JSON, and whoever reads it judges the figures.
"""

import argparse
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from transformers import AutoModelForCausalLM

LONG, SHORT, CACHED = 12, 8, 9


def batch_of(vocabulary, seed):
    generator = np.random.default_rng(seed)
    ids = generator.integers(vocabulary, size=(2, LONG), dtype=np.int64)
    mask = np.ones_like(ids)
    mask[1, : LONG - SHORT] = 0
    return ids, mask


def positions_of(mask):
    """As generate() of transformers makes them."""
    return np.where(mask == 1, mask.cumsum(-1) - 1, 1)


def reference_of(source, ids, mask):
    """Each sequence by itself, without padding."""
    with torch.no_grad():
        return [source(torch.from_numpy(row[seen == 1])[None]).logits[0].numpy() for row, seen in zip(ids, mask)]


def run(path, ids, mask):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = {value.name: value for value in session.get_inputs()}
    names = [value.name for value in session.get_outputs()]
    cache = {
        name: np.zeros([len(ids), value.shape[1], 0, value.shape[3]], np.float32)
        for name, value in inputs.items()
        if name.startswith("past_key_values.")
    }
    parts = []
    for start, end in [(0, CACHED), (CACHED, ids.shape[1])]:
        feeds = {"input_ids": ids[:, start:end], "attention_mask": mask[:, :end], **cache}
        if "position_ids" in inputs:
            feeds["position_ids"] = positions_of(mask)[:, start:end]
        results = dict(zip(names, session.run(names, feeds)))
        parts.append(results.pop("logits"))
        cache = {name.replace("present", "past_key_values"): value for name, value in results.items()}
    return np.concatenate(parts, axis=1)


def difference(reference, logits):
    return max(np.abs(row - own[-len(row) :]).max() for row, own in zip(reference, logits))


def checked(path):
    model = onnx.load(path, load_external_data=False)
    if any(node.op_type == "SimplifiedLayerNormalization" for node in model.graph.node):
        return "norms are ONNX Runtime's own"
    onnx.checker.check_model(path, full_check=True)
    return "checked"


def with_optimum(folder, ids, mask):
    """Its logits and why there are none: it is not there, or does not know the class."""
    try:
        from optimum.onnxruntime import ORTModelForCausalLM
    except ImportError:
        return None, None
    model = ORTModelForCausalLM.from_pretrained(folder)
    inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    positions = {"position_ids": torch.from_numpy(positions_of(mask))} if "position_ids" in model.input_names else {}
    try:
        return model(**inputs, **positions).logits.numpy(), None
    except Exception as error:
        # It makes the empty cache itself, by what it knows of a class, and of some it knows nothing.
        return None, str(error).splitlines()[0]


def compare(source, folder, seed):
    """What the checker says, and how far the logits are apart, as a part of the largest one."""
    path = os.path.join(folder, "onnx", "model.onnx")
    found = {"checker": checked(path)}
    # Its eager attention: for Falcon's ALiBi the fused one computes something else.
    options = {"torch_dtype": torch.float32, "attn_implementation": "eager"}
    model = AutoModelForCausalLM.from_pretrained(source, **options).eval()
    ids, mask = batch_of(model.config.vocab_size, seed)
    reference = reference_of(model, ids, mask)
    size = max(np.abs(row).max() for row in reference)
    found["onnxruntime"] = float(difference(reference, run(path, ids, mask)) / size)
    logits, found["optimumError"] = with_optimum(folder, ids, mask)
    if logits is not None:
        found["Optimum"] = float(difference(reference, logits) / size)
    return found


def main():
    parser = argparse.ArgumentParser(description="check exported graphs against transformers")
    parser.add_argument("folders", nargs="+", help="a source and its export, and so on")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="largest difference, as a part of the largest logit")
    parser.add_argument("--seed", type=int, default=0, help="seed of the token ids")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each, and exit with 0 whatever it says")
    arguments = parser.parse_args()
    failed = False
    for source, folder in zip(arguments.folders[::2], arguments.folders[1::2]):
        try:
            found = compare(source, folder, arguments.seed)
        except Exception as error:
            if not arguments.json:
                raise
            # What transformers can't read is a finding too.
            print(json.dumps({"error": f"{type(error).__name__}: {error}".splitlines()[0]}), flush=True)
            continue
        figures = {name: found[name] for name in ("onnxruntime", "Optimum") if name in found}
        failed = failed or not all(figure <= arguments.tolerance for figure in figures.values())
        if arguments.json:
            print(json.dumps({"onnxruntimeVersion": onnxruntime.__version__, "tolerance": arguments.tolerance} | found), flush=True)
            continue
        if found["optimumError"] is not None:
            print(f"{folder}: Optimum can't run this class: {found['optimumError']}")
        print(f"{folder}: {found['checker']}; " + ", ".join(f"{name} {figure:.2e}" for name, figure in figures.items()))
    sys.exit(1 if failed and not arguments.json else 0)


if __name__ == "__main__":
    main()
