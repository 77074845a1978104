"""Writes a small GGUF file with llama.cpp's own library, for the writer's test to reproduce byte for byte.

    pip install gguf
    python scripts/record_gguf.py test/fixtures/gguf/small.gguf
"""

import sys

import gguf
import numpy as np

writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_uint32("llama.block_count", 3)
writer.add_int32("test.negative", -7)
writer.add_float32("llama.rope.freq_base", 10000.5)
writer.add_bool("test.yes", True)
writer.add_string("test.text", "naïve ▁ 語")
writer.add_array("tokenizer.ggml.tokens", ["<s>", "▁a", ""])
writer.add_array("tokenizer.ggml.scores", [0.5, -1.5, 2.0])
writer.add_array("tokenizer.ggml.token_type", [1, 2, 3])
writer.add_tensor("token_embd.weight", np.arange(15, dtype=np.float32).reshape(3, 5) / 4)
writer.add_tensor("blk.0.half", np.arange(7, dtype=np.float16))
writer.add_tensor("output_norm.weight", np.array([1.0, 2.0, 3.0], dtype=np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
