"""PyTorch's side of the inference benchmark: `inference_transformers.py <folder> <threads>`.

Needs torch and transformers. Answers each line of JSON on its standard input by one on its standard output; see
bench/inference/peer.ts.
"""

import inspect
import json
import resource
import sys
import time

import torch
import transformers

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
transformers.logging.set_verbosity_error()
model = transformers.AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()
arguments = inspect.signature(model.forward).parameters
# Logits of the last position alone, where this version and class can do that.
last_only = {name: 1 for name in ("logits_to_keep", "num_logits_to_keep") if name in arguments}


def feed(ids, cache):
    result = model(torch.tensor([ids]), past_key_values=cache, use_cache=True, **last_only)
    return result.logits[0, -1], result.past_key_values


def answer(question):
    if "logits" in question:
        return {"logits": feed(question["logits"], None)[0].tolist()}
    started = time.perf_counter()
    logits, cache = feed(question["prompt"], None)
    likeliest = [int(logits.argmax())]
    prefilled = time.perf_counter()
    for token in question["tokens"]:
        logits, cache = feed([token], cache)
        likeliest.append(int(logits.argmax()))
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "prefillSeconds": prefilled - started,
        "decodeSeconds": done - prefilled,
        "likeliest": likeliest,
        "peakBytes": peak,
    }


def say(value):
    print(json.dumps(value), flush=True)


say({"description": f"PyTorch {torch.__version__}, transformers {transformers.__version__}"})
with torch.inference_mode():
    for line in sys.stdin:
        say(answer(json.loads(line)))
