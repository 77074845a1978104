"""Records what gguf-py, llama.cpp's own package, calls the tensors of golden cases: test/fixtures/gguf/names.json.

    python3 -m venv .venv && .venv/bin/pip install gguf safetensors
    .venv/bin/python scripts/record_gguf_names.py
"""

import glob
import json
import pathlib

import gguf
from safetensors import safe_open

ARCHITECTURES = {
    "bloom": "BLOOM",
    "dbrx": "DBRX",
    "falcon_new_arch": "FALCON",
    "gpt2_bf16": "GPT2",
    "gpt_bigcode": "STARCODER",
    "gpt_neox_parallel": "GPTNEOX",
    "mpt": "MPT",
    "nemotron_square": "NEMOTRON",
    "olmo": "LLAMA",
    "phi": "PHI2",
    "qwen2": "LLAMA",
    "stablelm": "STABLELM",
    "starcoder2": "STARCODER2",
}

fixtures = pathlib.Path(__file__).parent.parent / "test" / "fixtures"


def names_of(case, architecture):
    table = gguf.get_tensor_name_map(getattr(gguf.MODEL_ARCH, architecture), 2)
    names = {}
    for path in sorted(glob.glob(str(fixtures / "golden" / case / "model*.safetensors"))):
        with safe_open(path, "np") as file:
            for name in file.keys():
                # BLOOM's converter takes the prefix away first.
                candidates = [name, name.removeprefix("transformer.")]
                found = [table.get_name(key, try_suffixes=(".weight", ".bias")) for key in candidates]
                own = next(entry for entry in found if entry is not None)
                names[name] = own if own.endswith((".weight", ".bias")) else f"{own}.weight"
    return {"architecture": gguf.MODEL_ARCH_NAMES[getattr(gguf.MODEL_ARCH, architecture)], "names": names}


recorded = {case: names_of(case, architecture) for case, architecture in ARCHITECTURES.items()}
(fixtures / "gguf" / "names.json").write_text(json.dumps(recorded, indent=1) + "\n")
