"""Where models of transformers keep what a folding of norms touches: embeddings, norms with the linears that read them,
linears that write to the residual stream, the final norm and the head.

`*` stands for every entry of a list of modules. A norm that a block lacks (parallel branches share one) hands its linears to the norm
before it. What is not here has no adapter: experts that are no linears (dbrx), and norms on the branches' outputs.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    embeddings: tuple
    blocks: str
    # norm of a block: linears that read it
    reads: dict
    writes: tuple
    final: str
    head: str = "lm_head"


attention = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
gated = ("mlp.gate_proj", "mlp.up_proj")

openai = Layout(
    ("transformer.wte", "transformer.wpe"), "transformer.h", {"ln_1": ("attn.c_attn",), "ln_2": ("mlp.c_fc",)},
    ("attn.c_proj", "mlp.c_proj"), "transformer.ln_f",
)
eleuther = Layout(
    ("transformer.wte",), "transformer.h", {"ln_1": ("attn.q_proj", "attn.k_proj", "attn.v_proj", "mlp.fc_in")},
    ("attn.out_proj", "mlp.fc_out"), "transformer.ln_f",
)
fairseq = {"self_attn_layer_norm": attention, "final_layer_norm": ("fc1",)}
fused = {"input_layernorm": ("self_attention.query_key_value",), "post_attention_layernorm": ("mlp.dense_h_to_4h",)}


def llama_like(mlp=gated, attention=attention, out="self_attn.o_proj", down="mlp.down_proj"):
    reads = {"input_layernorm": attention, "post_attention_layernorm": mlp}
    return Layout(("model.embed_tokens",), "model.layers", reads, (out, down), "model.norm")


layouts = {
    "gpt2": openai,
    "gpt_bigcode": openai,
    "gpt_neo": Layout(
        openai.embeddings, openai.blocks,
        {"ln_1": tuple(f"attn.attention.{part}_proj" for part in "qkv"), "ln_2": ("mlp.c_fc",)},
        ("attn.attention.out_proj", "mlp.c_proj"), openai.final,
    ),
    "gptj": eleuther,
    "codegen": Layout(
        eleuther.embeddings, eleuther.blocks, {"ln_1": ("attn.qkv_proj", "mlp.fc_in")}, eleuther.writes, eleuther.final
    ),
    "gpt_neox": Layout(
        ("gpt_neox.embed_in",), "gpt_neox.layers",
        {"input_layernorm": ("attention.query_key_value",), "post_attention_layernorm": ("mlp.dense_h_to_4h",)},
        ("attention.dense", "mlp.dense_4h_to_h"), "gpt_neox.final_layer_norm", "embed_out",
    ),
    "opt": Layout(
        ("model.decoder.embed_tokens", "model.decoder.embed_positions"), "model.decoder.layers", fairseq,
        ("self_attn.out_proj", "fc2"), "model.decoder.final_layer_norm",
    ),
    "xglm": Layout(("model.embed_tokens",), "model.layers", fairseq, ("self_attn.out_proj", "fc2"), "model.layer_norm"),
    "biogpt": Layout(
        ("biogpt.embed_tokens", "biogpt.embed_positions"), "biogpt.layers", fairseq, ("self_attn.out_proj", "fc2"),
        "biogpt.layer_norm", "output_projection",
    ),
    "bloom": Layout(
        ("transformer.word_embeddings",), "transformer.h", fused, ("self_attention.dense", "mlp.dense_4h_to_h"), "transformer.ln_f"
    ),
    "falcon": Layout(
        ("transformer.word_embeddings",), "transformer.h",
        fused | {"ln_attn": ("self_attention.query_key_value",), "ln_mlp": ("mlp.dense_h_to_4h",)},
        ("self_attention.dense", "mlp.dense_4h_to_h"), "transformer.ln_f",
    ),
    "mpt": Layout(
        ("transformer.wte",), "transformer.blocks", {"norm_1": ("attn.Wqkv",), "norm_2": ("ffn.up_proj",)},
        ("attn.out_proj", "ffn.down_proj"), "transformer.norm_f",
    ),
    "phi": Layout(
        ("model.embed_tokens",), "model.layers", {"input_layernorm": (*attention, "mlp.fc1")}, ("self_attn.dense", "mlp.fc2"),
        "model.final_layernorm",
    ),
    "persimmon": Layout(
        ("model.embed_tokens",), "model.layers",
        {"input_layernorm": ("self_attn.query_key_value",), "post_attention_layernorm": ("mlp.dense_h_to_4h",)},
        ("self_attn.dense", "mlp.dense_4h_to_h"), "model.final_layernorm",
    ),
    "stablelm": llama_like(),
    "starcoder2": llama_like(("mlp.c_fc",), down="mlp.c_proj"),
    "cohere": llama_like(),
    "cohere2": llama_like(),
    "nemotron": llama_like(("mlp.up_proj",)),
    "olmo": llama_like(),
    "llama": llama_like(),
    "mistral": llama_like(),
    "qwen2": llama_like(),
    "qwen3": llama_like(),
    "gemma": llama_like(),
    "granite": llama_like(),
    "phi3": llama_like(("mlp.gate_up_proj",), ("self_attn.qkv_proj",)),
    "mixtral": llama_like(
        ("block_sparse_moe.gate", "block_sparse_moe.experts.*.w1", "block_sparse_moe.experts.*.w3"), down="block_sparse_moe.experts.*.w2"
    ),
}


def modules_at(root, path):
    """The modules of a path; none where a name of it is missing or None."""
    if not path:
        return [root]
    name, _, rest = path.partition(".")
    children = list(root) if name == "*" else [getattr(root, name, None)]
    return [module for child in children if child is not None for module in modules_at(child, rest)]


def norms_of(model, layout):
    """(parent, name of the norm in it, linears that read it) in the order of data flow; the head reads the final one."""
    for block in model.get_submodule(layout.blocks):
        found = []
        for name, paths in layout.reads.items():
            linears = [linear for path in paths for linear in modules_at(block, path)]
            # Falcon's two arrangements name the same linears, of which a block has one norm each.
            if getattr(block, name, None) is not None:
                taken = {id(linear) for _, _, others in found for linear in others}
                found.append((block, name, [linear for linear in linears if id(linear) not in taken]))
            elif found:
                known = {id(linear) for _, _, others in found for linear in others}
                found[-1][2].extend(linear for linear in linears if id(linear) not in known)
        yield from found
    parent, _, name = layout.final.rpartition(".")
    yield model.get_submodule(parent), name, [model.get_submodule(layout.head)]


def writers_of(model, layout):
    return [module for block in model.get_submodule(layout.blocks) for path in layout.writes for module in modules_at(block, path)]
