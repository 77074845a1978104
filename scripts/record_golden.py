"""Records what Hugging Face transformers computes for a tiny random model, as data to test normlab against.

  pip install torch transformers safetensors
  python scripts/record_golden.py path/to/config.json test/fixtures/golden/<case>

The config says which architecture and how large: sizes of 35 to 64 with two or three layers keep a case under 1 MB. The
folder gets config.json and model.safetensors as save_pretrained writes them, golden.safetensors (float64: logits, hidden
states, loss, some gradients) and golden.json (the gradient of every parameter in short, the versions, the float32 error).
"""

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
model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()

# Norm weights near 1, biases and means that are not 0: with the usual start a conversion would have nothing to recentre.
with torch.no_grad():
    for name, parameter in model.named_parameters():
        if "norm" in name or ".ln_" in name:
            centre = 0.0 if name.endswith("bias") or parameter.abs().max() == 0 else 1.0
            parameter.copy_(centre + (0.1 if name.endswith("bias") else 0.2) * torch.randn_like(parameter))
        elif name.endswith("bias"):
            parameter.copy_(0.1 * torch.randn_like(parameter))
        else:
            parameter.add_(0.15 if "emb" in name or ".wte" in name or ".wpe" in name else 0.02)

input_ids = torch.randint(config.vocab_size, (2, 16))
blocks = next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList))


def run(dtype):
    """Logits, hidden states, the last block's output and the loss; the loss is of each position's next token."""
    outputs = {}
    handle = blocks[-1].register_forward_hook(
        lambda _module, _inputs, output: outputs.update(last=output[0] if isinstance(output, tuple) else output)
    )
    result = model.to(dtype)(input_ids, output_hidden_states=True, use_cache=False)
    handle.remove()
    flat = result.logits[:, :-1].reshape(-1, config.vocab_size)
    loss = torch.nn.functional.cross_entropy(flat, input_ids[:, 1:].reshape(-1))
    return result.logits, result.hidden_states, outputs["last"], loss


model.save_pretrained(folder)
logits32 = run(torch.float32)[0].detach().double()
# The models' own casts to float32 would otherwise stay inside of the float64 run.
torch.Tensor.float = torch.Tensor.double
single = torch.float32
torch.float32 = torch.float = torch.float64
# Rotary frequencies were computed in float32 when the model was made.
for module in model.modules():
    if hasattr(module, "inv_freq"):
        theta, count = config.rope_parameters["rope_theta"], module.inv_freq.numel()
        module.inv_freq = theta ** -(torch.arange(count, dtype=torch.float64) / count)
try:
    logits, hidden, last, loss = run(torch.float64)
    loss.backward()
finally:
    torch.float32 = torch.float = single

named = dict(model.named_parameters())
gradients = {name: parameter.grad for name, parameter in named.items() if parameter.grad is not None}
norms = [name for name in named if "norm" in name or ".ln_" in name]
linears = [name for name, p in named.items() if p.dim() == 2 and "emb" not in name and "wte" not in name and "wpe" not in name]
biases = [name for name in named if name.endswith("bias") and name not in norms]
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
