"""Models of Hugging Face transformers in float64 throughout, whatever their code casts to float32 inside."""

import contextlib

import torch
from torch import nn
from transformers import AutoModelForCausalLM, modeling_utils


@contextlib.contextmanager
def float32_means_float64():
    """Modules that make tables, norms or softmax in float32 whatever their input is do it in float64 inside."""
    float32, short, to_float = torch.float32, torch.float, torch.Tensor.float
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = float32, short, to_float
        torch.set_default_dtype(float32)


def load(folder):
    """The model of a folder with its weights widened after loading, and what transformers found missing or unused.

    The model is made once more in float64, so that rotary frequencies, sinusoids and slopes are of float64 too.
    """
    stored, report = AutoModelForCausalLM.from_pretrained(
        folder, output_loading_info=True, torch_dtype="auto", attn_implementation="eager"
    )
    problems = [f"{what}: {sorted(report[what])}" for what in ("missing_keys", "unexpected_keys") if report.get(what)]
    stored.config.torch_dtype = None
    with float32_means_float64(), modeling_utils.no_init_weights():
        model = AutoModelForCausalLM.from_config(stored.config, attn_implementation="eager").eval()
        model.tie_weights()
    weights = dict(stored.named_parameters()) | dict(stored.named_buffers())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])
        for name, buffer in model.named_buffers():
            # A buffer that is in the file is no table but a weight that training moves without a gradient.
            if name.endswith("correction_bias"):
                buffer.copy_(weights[name])
    return model, problems


def logits_of(model, ids):
    with torch.no_grad(), float32_means_float64():
        return model(ids, use_cache=False).logits


class RMSNorm(nn.Module):
    """x / √(mean(x²) + ε) · weight + bias, with the parameters of a LayerNorm: where the mean of x is 0, the same."""

    def __init__(self, weight, bias, epsilon):
        super().__init__()
        self.weight, self.bias, self.epsilon = weight, bias, epsilon

    def forward(self, x):
        y = x / torch.sqrt(x.square().mean(-1, keepdim=True) + self.epsilon)
        y = y if self.weight is None else y * self.weight
        return y if self.bias is None else y + self.bias


def epsilon_of(norm):
    """OLMo's norm has neither parameters nor an attribute for the epsilon that its code names."""
    return getattr(norm, "eps", getattr(norm, "variance_epsilon", 1e-5))


def affine_of(norm):
    """Weight and bias of a norm by which it multiplies, or None where it has none."""
    weight, bias = getattr(norm, "weight", None), getattr(norm, "bias", None)
    if weight is not None and type(norm).__name__ in ("NemotronLayerNorm1P", "GemmaRMSNorm", "Gemma2RMSNorm", "Gemma3RMSNorm"):
        weight = weight + 1
    return weight, bias


on_queries_or_keys = ("q_norm", "k_norm", "q_layernorm", "k_layernorm")


def layer_norms_of(model, heads=False):
    """Name and module of the LayerNorms that read the residual stream; with `heads` those on queries and keys too.

    A norm on the embeddings makes the stream, it does not read it.
    """
    for name, module in model.named_modules():
        kind, last = type(module).__name__, name.rsplit(".", 1)[-1]
        on_heads = any(part in on_queries_or_keys for part in name.split("."))
        if "LayerNorm" not in kind or any(True for _ in module.children()) or last == "word_embeddings_layernorm":
            continue
        if heads or not on_heads:
            yield name, module


def replace(model, name, module):
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)


def with_rmsnorms(model, heads=False):
    """Replaces the model's LayerNorms by RMSNorms of the same parameters, in place; what the folder's `normlab` key says
    of the embeddings' mean is done before the first block."""
    for name, norm in list(layer_norms_of(model, heads)):
        weight, bias = affine_of(norm)
        replace(model, name, RMSNorm(weight, bias, epsilon_of(norm)))
    if (getattr(model.config, "normlab", None) or {}).get("recentreInput"):
        first_block(model).register_forward_pre_hook(recentred, with_kwargs=True)
    return model


def first_block(model):
    return next(module for module in model.modules() if isinstance(module, nn.ModuleList))[0]


def recentred(_block, args, kwargs):
    centre = lambda x: x - x.mean(-1, keepdim=True)  # noqa: E731
    if args:
        return (centre(args[0]), *args[1:]), kwargs
    return args, kwargs | {"hidden_states": centre(kwargs["hidden_states"])}
