"""Checks converted models against Hugging Face transformers: code that knows nothing of normlab.

Loads the source and folders that `normlab convert` wrote as `--format hf` or `--format llama`, all of them as transformers
loads any checkpoint, in float64, and compares their logits. A folder of the source's own class still has LayerNorms there:
it is compared a second time with RMSNorms in their place, since that is what the conversion claims.
A folder written with `--dtype float64` must agree within 1e-10; for another element type give the tolerance that its
certificate allows. Prints a line for each folder; the exit code is 1 if one is off or if transformers reports missing or
unused weights.

    python3 -m venv venv && venv/bin/pip install torch transformers
    npx normlab convert gpt2 gpt2-rms --to rmsnorm --dtype float64
    venv/bin/python bench/peers/convert_transformers.py gpt2 gpt2-rms
    venv/bin/python bench/peers/convert_transformers.py --tolerance 1e-5 gpt2 gpt2-rms-float32

`npm run bench:peers` does it for all recorded models: it gives `--jobs` a JSON list of {source, ids, converted: [folder]} and reads
a JSON line for each job.
"""

import argparse
import json
import sys
from pathlib import Path

import safetensors.torch
import torch
import transformers
from wide import layer_norms_of, load, logits_of, with_rmsnorms


def compare(source, folder, ids):
    """max |Δlogit| of a converted folder to logits of its source: as its class is, and with RMSNorms."""
    reference = logits_of(source, ids)
    model, problems = load(folder)
    difference = lambda: (logits_of(model, ids) - reference).abs().max().item()  # noqa: E731
    found = {"class": type(model).__name__, "problems": problems, "maxAbsLogit": difference(), "withRmsNorms": None}
    heads = "qkNorm" in getattr(model.config, "normlab", {})
    if any(True for _ in layer_norms_of(model, heads)):
        with_rmsnorms(model, heads)
        found["withRmsNorms"] = difference()
    return found


def run_job(job):
    try:
        source, problems = load(job["source"])
    # What transformers can't read is a finding too.
    except Exception as error:  # noqa: BLE001
        return {"error": f"{type(error).__name__}: {error}".split("\n")[0]}
    ids = torch.tensor(job["ids"])
    golden = safetensors.torch.load_file(Path(job["source"]) / "golden.safetensors")
    recorded = (logits_of(source, golden["input_ids"]) - golden["logits"]).abs().max().item()
    return {
        "class": type(source).__name__,
        "transformers": transformers.__version__,
        "problems": problems,
        "toRecorded": recorded,
        "converted": [compare(source, folder, ids) for folder in job["converted"]],
    }


def main():
    parser = argparse.ArgumentParser(description="compare converted checkpoints with their source in transformers")
    parser.add_argument("source", nargs="?", help="the folder that was converted")
    parser.add_argument("converted", nargs="*", help="folders that normlab convert wrote (format hf or llama)")
    parser.add_argument("--tolerance", type=float, default=1e-10, help="largest difference of a logit (default 1e-10)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the token ids")
    parser.add_argument("--jobs", type=Path, help="a JSON file with many comparisons; prints JSON lines and checks nothing")
    arguments = parser.parse_args()
    if arguments.jobs is not None:
        for job in json.loads(arguments.jobs.read_text()):
            print(json.dumps(run_job(job)), flush=True)
        return 0
    if not arguments.converted:
        parser.error("give the source and at least one converted folder")

    source, _ = load(arguments.source)
    # Falcon's and BLOOM's configs have no such key.
    length = min(32, getattr(source.config, "max_position_embeddings", 32))
    generator = torch.Generator().manual_seed(arguments.seed)
    ids = torch.randint(source.config.vocab_size, (2, length), generator=generator)

    failed = False
    for folder in arguments.converted:
        found = compare(source, folder, ids)
        differences = [found["maxAbsLogit"]] + ([] if found["withRmsNorms"] is None else [found["withRmsNorms"]])
        ok = all(difference <= arguments.tolerance for difference in differences) and not found["problems"]
        failed = failed or not ok
        inside = "" if found["withRmsNorms"] is None else f", {found['withRmsNorms']:.2e} with RMSNorms"
        print(f"{'ok  ' if ok else 'FAIL'} {folder}: {found['class']}, max |Δlogit| {differences[0]:.2e}{inside}", *found["problems"])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
