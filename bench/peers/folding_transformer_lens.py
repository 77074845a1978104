"""TransformerLens itself on the recorded models: from_pretrained with fold_ln and center_writing_weights, in float32.

Prints a JSON line for each folder: the largest difference of a logit to those of transformers in float64, or what TransformerLens
says where it doesn't take the model. 2.16.1 runs beside transformers 4.52.4, as the other scripts of this folder do; releases from 3 on want newer ones.

    python3 -m venv lens && lens/bin/pip install transformer-lens==2.16.1 transformers==4.52.4
    lens/bin/python bench/peers/folding_transformer_lens.py test/fixtures/golden/gpt2 …
"""

import importlib.metadata
import json
import os
import sys
from pathlib import Path
from unittest import mock

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import safetensors.torch  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from transformer_lens import HookedTransformer, loading_from_pretrained  # noqa: E402
from wide import load, logits_of  # noqa: E402

version = importlib.metadata.version("transformer-lens")


# TransformerLens takes models by the names of published ones and asks the hub for their configs: it gets a published model of the
# same class, and our config for the hub's answer.
published = {
    "bloom": "bigscience/bloom-560m",
    "gpt2": "gpt2",
    "gpt_neo": "EleutherAI/gpt-neo-125M",
    "gpt_neox": "EleutherAI/pythia-70m",
    "gptj": "EleutherAI/gpt-j-6B",
    "llama": "01-ai/Yi-6B",
    "mistral": "mistralai/Mistral-7B-v0.1",
    "opt": "facebook/opt-125m",
    "phi": "microsoft/phi-1",
    "phi3": "microsoft/Phi-3-mini-4k-instruct",
    "qwen2": "Qwen/Qwen2-0.5B",
    "qwen3": "Qwen/Qwen3-0.6B",
}


def measure(folder):
    wide, _ = load(folder)
    if wide.config.model_type not in published:
        return {"error": "not one of its architectures"}
    ids = safetensors.torch.load_file(folder / "golden.safetensors")["input_ids"]
    expected = logits_of(wide, ids)
    narrow = transformers.AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        float32 = (narrow.eval()(ids, use_cache=False).logits.double() - expected).abs().max().item()
    # The config that OpenAI published has both keys.
    narrow.config.n_ctx = getattr(narrow.config, "n_positions", None)
    with mock.patch.object(loading_from_pretrained, "AutoConfig") as hub:
        hub.from_pretrained.return_value = narrow.config
        processed = logits(narrow, ids, True)
        unprocessed = logits(narrow, ids, False)
    return {
        "maxAbsLogit": (processed - expected).abs().max().item(),
        "unprocessed": (unprocessed - expected).abs().max().item(),
        "float32": float32,
    }


def logits(narrow, ids, processing):
    """What HookedTransformer.from_pretrained does, but for a tokenizer, which it can't do without."""
    name = published[narrow.config.model_type]
    hub_config = narrow.config.to_dict()
    config = loading_from_pretrained.get_pretrained_model_config(name, hf_cfg=hub_config, fold_ln=processing, dtype=torch.float32)
    config.tokenizer_name, config.device = None, "cpu"
    weights = loading_from_pretrained.get_pretrained_state_dict(name, config, narrow, dtype=torch.float32)
    model = HookedTransformer(config, move_to_device=False)
    model.load_and_process_state_dict(
        weights, fold_ln=processing, center_writing_weights=processing, center_unembed=False, fold_value_biases=False
    )
    with torch.no_grad():
        return model(ids).double()


for argument in sys.argv[1:]:
    found = {"folder": argument, "transformerLens": version}
    try:
        found |= measure(Path(argument))
    # What TransformerLens refuses is a finding too.
    except Exception as error:  # noqa: BLE001
        found["error"] = " ".join(str(error).split())[:200] or type(error).__name__
    print(json.dumps(found), flush=True)
