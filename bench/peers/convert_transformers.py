"""Checks converted models against Hugging Face transformers: code that knows nothing of normlab.

Loads the source and folders that `normlab convert` wrote as `--format hf` or `--format llama`, all of them as
transformers loads any checkpoint, in float64, and compares their logits on random token ids. A folder written with
`--dtype float64` must agree within 1e-10; for another element type give the tolerance that its certificate allows.
Prints a line for each folder; the exit code is 1 if one is off or if transformers reports missing or unused weights.

    python3 -m venv venv && venv/bin/pip install torch transformers
    npx normlab convert gpt2 gpt2-rms --to rmsnorm --dtype float64
    venv/bin/python bench/peers/convert_transformers.py gpt2 gpt2-rms
    venv/bin/python bench/peers/convert_transformers.py --tolerance 1e-5 gpt2 gpt2-rms-float32
"""

import argparse
import contextlib
import sys

import torch
from transformers import AutoModelForCausalLM


def load(folder):
    # The weights are widened after loading: what is compared is the function, not float32 arithmetic.
    model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, torch_dtype="auto")
    problems = [f"{what}: {sorted(report[what])}" for what in ("missing_keys", "unexpected_keys") if report.get(what)]
    return model.double().eval(), problems


@contextlib.contextmanager
def float32_means_float64():
    """Modules that compute norms, softmax or rotations in float32 whatever their input is do it in float64 inside."""
    float32, to_float = torch.float32, torch.Tensor.float
    torch.float32, torch.Tensor.float = torch.float64, torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.Tensor.float = float32, to_float


def logits_of(model, ids):
    with torch.no_grad(), float32_means_float64():
        return model(ids).logits


def main():
    parser = argparse.ArgumentParser(description="compare converted checkpoints with their source in transformers")
    parser.add_argument("source", help="the folder that was converted")
    parser.add_argument("converted", nargs="+", help="folders that normlab convert wrote (format hf or llama)")
    parser.add_argument("--tolerance", type=float, default=1e-10, help="largest difference of a logit (default 1e-10)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the token ids")
    arguments = parser.parse_args()

    source, _ = load(arguments.source)
    length = min(32, source.config.max_position_embeddings)
    generator = torch.Generator().manual_seed(arguments.seed)
    ids = torch.randint(source.config.vocab_size, (2, length), generator=generator)
    reference = logits_of(source, ids)

    failed = False
    for folder in arguments.converted:
        model, problems = load(folder)
        difference = (logits_of(model, ids) - reference).abs().max().item()
        ok = difference <= arguments.tolerance and not problems
        failed = failed or not ok
        print(f"{'ok  ' if ok else 'FAIL'} {folder}: {type(model).__name__}, max |Δlogit| {difference:.2e}", *problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
