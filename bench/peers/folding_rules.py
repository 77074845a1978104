"""What the foldings of two well-known tools do to a model's logits, by their rules, in transformers and in float64.

Written from what the tools do (microsoft/TransformerCompression: layernorm_fusion.py; TransformerLens: weight_processing.py), with
adapters of our own for the families that they lack, so that a figure is the rule's and not a missing adapter's.

  SliceGPT        The head is untied. The mean of every row is taken out of every embedding, whatever the model's norms are. Weights and
                  biases of norms go into the linears that read them; for models of LayerNorms the mean is taken out of what the
                  attention and the MLP write. Then all norms become x / √(mean(x²) + 10⁻⁵), whatever the model's epsilon.
  TransformerLens In float32. Weights and biases of norms go into the linears that read them, and for models of LayerNorms these lose their
                  means over the stream, as do embeddings and writers. The norms lose their parameters and keep the model's
                  epsilon; a LayerNorm goes on to subtract the mean.

Prints a JSON line for each folder: max |Δlogit| to the unchanged model on the recorded ids.

    venv/bin/python bench/peers/folding_rules.py test/fixtures/golden/gpt2 test/fixtures/golden/llama
"""

import copy
import json
import sys
from pathlib import Path

import safetensors.torch
import torch
from layouts import layouts, norms_of, writers_of
from torch import nn
from wide import RMSNorm, affine_of, epsilon_of, load, logits_of


class CentredNorm(RMSNorm):
    """RMSNorm of x less its mean."""

    def forward(self, x):
        return super().forward(x - x.mean(-1, keepdim=True))


def is_rms(norm):
    return "RMS" in type(norm).__name__


def transposed(linear):
    return type(linear).__name__ == "Conv1D"


def untie(model, layout):
    head = model.get_submodule(layout.head)
    head.weight = nn.Parameter(head.weight.detach().clone())


def fold(norm, linears):
    """W ← W·diag(γ), b ← b + W·β, with a bias where there was none."""
    weight, bias = affine_of(norm)
    for linear in linears:
        stored = linear.weight.data
        by_input = stored.T if transposed(linear) else stored
        if bias is not None:
            moved = by_input @ bias
            linear.bias = nn.Parameter(moved if linear.bias is None else linear.bias.data + moved)
        if weight is not None:
            by_input = by_input * weight
        linear.weight.data = by_input.T if transposed(linear) else by_input


def centre_rows(embedding):
    embedding.weight.data = embedding.weight.data - embedding.weight.data.mean(-1, keepdim=True)


def centre_outputs(linear):
    over = -1 if transposed(linear) else 0
    linear.weight.data = linear.weight.data - linear.weight.data.mean(over, keepdim=True)
    if linear.bias is not None:
        linear.bias.data = linear.bias.data - linear.bias.data.mean()


def centre_inputs(linear):
    over = 0 if transposed(linear) else -1
    linear.weight.data = linear.weight.data - linear.weight.data.mean(over, keepdim=True)


def embeddings_of(model, layout):
    return [model.get_submodule(path) for path in layout.embeddings]


@torch.no_grad()
def slicegpt(model, layout, epsilon=1e-5, embeddings=True):
    """`epsilon` None keeps the model's own, `embeddings` False leaves them as they are: what one rule does without the other."""
    norms = list(norms_of(model, layout))
    centred = not is_rms(getattr(*norms[0][:2]))
    untie(model, layout)
    if embeddings:
        for embedding in embeddings_of(model, layout):
            centre_rows(embedding)
    for parent, name, linears in norms:
        norm = getattr(parent, name)
        fold(norm, linears)
        setattr(parent, name, RMSNorm(None, None, epsilon_of(norm) if epsilon is None else epsilon))
    if centred:
        for writer in writers_of(model, layout):
            centre_outputs(writer)
    return model


@torch.no_grad()
def transformer_lens(model, layout, keeps_centring=True):
    """`keeps_centring` False leaves the norms' subtraction of the mean out: whether the weights make it needless."""
    norms = list(norms_of(model, layout))
    centred = not is_rms(getattr(*norms[0][:2]))
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(torch.float32)
    untie(model, layout)
    for parent, name, linears in norms:
        norm = getattr(parent, name)
        fold(norm, linears)
        if centred:
            for linear in linears:
                centre_inputs(linear)
        kind = CentredNorm if centred and keeps_centring else RMSNorm
        setattr(parent, name, kind(None, None, epsilon_of(norm)))
    if centred:
        for embedding in embeddings_of(model, layout):
            centre_rows(embedding)
        for writer in writers_of(model, layout):
            centre_outputs(writer)
    return model.double()


def measure(folder):
    model, _ = load(folder)
    layout = layouts.get(model.config.model_type)
    if layout is None:
        return {"error": "no adapter"}
    ids = safetensors.torch.load_file(folder / "golden.safetensors")["input_ids"]
    expected = logits_of(model, ids)

    def difference(rules, **options):
        return (logits_of(rules(copy.deepcopy(model), layout, **options), ids) - expected).abs().max().item()

    parent, name, _ = next(norms_of(model, layout))
    rms = is_rms(getattr(parent, name))
    return {
        "norm": "RMSNorm" if rms else "LayerNorm",
        "epsilon": epsilon_of(getattr(parent, name)),
        "sliceGpt": difference(slicegpt),
        "sliceGptOwnEpsilon": difference(slicegpt, epsilon=None),
        "sliceGptOwnEmbeddings": difference(slicegpt, embeddings=False) if rms else None,
        "transformerLens": difference(transformer_lens),
        "transformerLensAsRmsNorm": None if rms else difference(transformer_lens, keeps_centring=False),
    }


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        found = {"folder": argument}
        try:
            found |= measure(Path(argument))
        # What transformers can't read is a finding too.
        except Exception as error:  # noqa: BLE001
            found["error"] = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        print(json.dumps(found), flush=True)
