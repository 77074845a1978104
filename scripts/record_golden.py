"""Records what Hugging Face transformers computes for a tiny random model, as data to test normlab against.

  pip install torch transformers safetensors
  python scripts/record_golden.py path/to/config.json test/fixtures/golden/<case>

The config says which architecture and how large: sizes of 35 to 64 with two or three layers keep a case under 1 MB. With
`"initializer_range": 0.15` (`init_std` in some) the branches weigh as much as the stream, so that an error in them shows.
The folder gets config.json and model.safetensors as save_pretrained writes them, golden.safetensors (float64: logits,
hidden states, loss, some gradients) and golden.json (the gradient of every parameter in short, the versions, the float32
error). Tested with transformers 4.47 on PyTorch 1.13 and 2.1, and 4.52 on 2.5.
"""

import inspect
import json
import sys
import zlib
from pathlib import Path

import safetensors.torch
import torch
import transformers

source, folder = Path(sys.argv[1]), Path(sys.argv[2])
config = transformers.AutoConfig.for_model(**json.loads(source.read_text()))
seed = zlib.crc32(folder.name.encode()) & 0x7FFFFFFF
torch.manual_seed(seed)


def build():
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    return model.to(torch.get_default_dtype()).eval()


model = build()


def is_norm(name):
    return "norm" in name.removesuffix(".weight").removesuffix(".bias").rsplit(".", 1)[-1] or ".norms." in name or ".ln_" in name


# Norm weights near 1, biases and means that are not 0: with the usual start a conversion would have nothing to recentre.
with torch.no_grad():
    for name, parameter in model.named_parameters():
        if is_norm(name):
            centre = 0.0 if name.endswith("bias") or parameter.abs().max() == 0 else 1.0
            parameter.copy_(centre + (0.1 if name.endswith("bias") else 0.2) * torch.randn_like(parameter))
        elif name.endswith("bias"):
            parameter.copy_(0.1 * torch.randn_like(parameter))
        else:
            parameter.add_(0.15 if "emb" in name or ".wte" in name or ".wpe" in name else 0.02)
    # DeepSeek's router counts a bias in that training moves without a gradient.
    corrections = {name: 0.1 * torch.randn_like(b) for name, b in model.named_buffers() if name.endswith("correction_bias")}
    for name, buffer in model.named_buffers():
        if name in corrections:
            buffer.copy_(corrections[name])

input_ids = torch.randint(config.vocab_size, (2, 16))
# PyTorch's embeddings keep the padding's gradient at 0.
padding = getattr(config, "pad_token_id", None)
if padding is not None:
    input_ids[input_ids == padding] = (padding + 1) % config.vocab_size


def run(model):
    """Logits, hidden states, the last block's output and the loss; the loss is of each position's next token."""
    outputs = {}
    blocks = next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList))
    handle = blocks[-1].register_forward_hook(
        lambda _module, _inputs, output: outputs.update(last=output if torch.is_tensor(output) else output[0])
    )
    uncached = {"use_cache": False} if "use_cache" in inspect.signature(model.forward).parameters else {}
    result = model(input_ids, output_hidden_states=True, **uncached)
    handle.remove()
    flat = result.logits[:, :-1].reshape(-1, config.vocab_size)
    loss = torch.nn.functional.cross_entropy(flat, input_ids[:, 1:].reshape(-1))
    return result.logits, result.hidden_states, outputs["last"], loss


model.save_pretrained(folder)
with torch.no_grad():
    logits32 = run(model)[0].double()

# The model is made once more where float32 means float64: so its tables (rotary frequencies, sinusoidal positions,
# slopes) and the casts that are written into its code are of float64 too.
names = {"float": torch.float, "float32": torch.float32}
torch.Tensor.float = torch.Tensor.double
torch.set_default_dtype(torch.float64)
torch.float32 = torch.float = torch.float64
config.torch_dtype = None
try:
    wide = build()
    weights = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in wide.named_parameters():
            parameter.copy_(weights[name])
        for name, buffer in wide.named_buffers():
            if name in corrections:
                buffer.copy_(corrections[name])
    logits, hidden, last, loss = run(wide)
    loss.backward()
finally:
    torch.float, torch.float32 = names["float"], names["float32"]

named = dict(wide.named_parameters())
# An expert that no token chose has no gradient.
gradients = {name: p.grad if p.grad is not None else torch.zeros_like(p) for name, p in named.items()}
gradients |= {name: torch.zeros_like(correction) for name, correction in corrections.items()}
norms = [name for name in gradients if is_norm(name)]
linears = [name for name, p in named.items() if p.dim() == 2 and "emb" not in name and "wte" not in name and "wpe" not in name]
biases = [name for name in gradients if name.endswith("bias") and name not in norms]
recorded = dict.fromkeys([next(iter(named)), *norms[:1], *norms[-1:], *linears[:1], *biases[:1]])
tensors = {"input_ids": input_ids, "logits": logits, "last_block_out": last, "loss": loss.reshape(1)}
tensors |= {f"hidden_states.{i}": state for i, state in enumerate(hidden)}
tensors |= {f"grad.{name}": gradients[name] for name in recorded}
safetensors.torch.save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, folder / "golden.safetensors")

notes = {
    "case": folder.name,
    "transformers": transformers.__version__,
    "torch": torch.__version__,
    "class_name": type(model).__name__,
    "seed": seed,
    "loss": loss.item(),
    "max_abs_f32_vs_f64": (logits32 - logits).abs().max().item(),
    "parameters": {
        name: {"grad": {"sum": g.sum().item(), "l2": g.norm().item(), "first": g.flatten()[:3].tolist()}}
        for name, g in gradients.items()
    },
}
(folder / "golden.json").write_text(json.dumps(notes, indent=1) + "\n")
print(f"{folder}: {notes['class_name']}, loss {notes['loss']:.4f}, float32 error {notes['max_abs_f32_vs_f64']:.1e}")
