"""Trains two small tokenizers on a text and records what Hugging Face's `tokenizers` encodes with them.

    python scripts/record_tokenizers.py text.txt test/fixtures/tokenizers

`byte-level` is made as GPT-2's, `sentencepiece` as Llama's (spaces as U+2581, bytes for what is unknown).
"""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = [
    "Hello world",
    "  two  spaces\n\n\tand tabs ",
    "The People's Congress, 1847: $5,000.00!",
    "naïve café ﬁ",
    "日本語 テキスト",
    "🙂🏳️‍🌈👩‍👩‍👧",
    "a\u0000b c",
    "مرحبا",
    "don't we'll I'M 3rd 12345",
    "<s>inside</s> <|endoftext|> end",
    "",
    "x" * 50,
    "\u202eRTL\u0301 e\u0301",
]
# The library in JavaScript loses a byte order mark that is made of byte tokens.
BYTE_LEVEL_TEXTS = [*TEXTS, "a\ufeffb"]


def byte_level(text):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def sentencepiece(text):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=[*special, *(f"<0x{byte:02X}>" for byte in range(256))],
        max_token_length=12,
        show_progress=False,
    )
    tokenizer.train_from_iterator(text.split("\n"), trainer)
    # Bytes are tokens like any other, not special ones.
    description = json.loads(tokenizer.to_str())
    description["added_tokens"] = [token for token in description["added_tokens"] if token["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(description))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def record(folder, tokenizer, config, texts):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps(config) + "\n")
    rows = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        rows.append({"text": text, "ids": ids, "plain": plain, "decoded": tokenizer.decode(ids)})
    lines = ",\n".join(json.dumps(row) for row in rows)
    (folder / "recorded.json").write_text(f"[\n{lines}\n]\n")


def main():
    text = Path(sys.argv[1]).read_text()
    target = Path(sys.argv[2])
    end = "<|endoftext|>"
    bytes_tokenizer = byte_level(text)
    record(
        target / "byte-level",
        bytes_tokenizer,
        {"bos_token": end, "eos_token": end, "add_bos_token": False},
        BYTE_LEVEL_TEXTS,
    )
    bytes_tokenizer.model.save(str(target / "byte-level"))
    record(
        target / "sentencepiece",
        sentencepiece(text),
        {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True},
        TEXTS,
    )


main()
