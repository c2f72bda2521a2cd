"""Makes corpus/: small valid inputs of each kind, for the fuzzers to start from.

    pip install gguf numpy && python tests/fuzz/make_corpus.py
"""

import json
import struct
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, MODEL_ARCH, GGMLQuantizationType, GGUFValueType, GGUFWriter, get_tensor_name_map

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
FIXTURES = HERE / "../fixtures/formats"


def put(target, name, data):
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    (CORPUS / target / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def halves(first, second):
    return struct.pack("<I", len(first)) + first + second


def tensor_file(header, payload):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + payload


def gguf_file(path, model):
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_context_length(8)
    writer.add_tokenizer_model(model)
    characters = [chr(code) for code in range(33, 127)]
    if model == "gpt2":
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_list(characters + ["Ġ", "he", "<s>"])
        writer.add_token_merges(["h e"])
    else:
        writer.add_token_list(["<unk>", "▁", "he"] + characters)
        writer.add_token_scores([0.0, -1.0, -0.5] + [-2.0] * len(characters))
    writer.add_tensor("a", np.arange(64, dtype=np.float32).reshape(2, 32))
    writer.add_tensor("b", np.zeros((2, 18), np.uint8), raw_dtype=GGMLQuantizationType.Q4_0)
    writer.add_tensor("c", np.zeros((1, 144), np.uint8), raw_dtype=GGMLQuantizationType.Q4_K)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL"]


def types_file(path):
    """Two rows of one block of every tensor type."""
    writer = GGUFWriter(path, "llama")
    for number, name in enumerate(TYPES):
        dtype = GGMLQuantizationType[name]
        length, size = GGML_QUANT_SIZES[dtype]
        rows = np.arange(2 * size * (4 if length == 1 else 1), dtype=np.uint8).reshape(2, -1) // 4
        if name == "F32":
            rows = np.arange(8, dtype=np.float32).reshape(2, 4)
        writer.add_tensor(f"blk.{number}.{name}", rows, raw_dtype=dtype)
    finish(writer)


def arrays_file(path):
    """Metadata of every type, and an array of each; another alignment."""
    writer = GGUFWriter(path, "llama")
    writer.add_custom_alignment(64)
    scalars = {"UINT8": 200, "INT8": -5, "UINT16": 60_000, "INT16": -3, "UINT32": 7, "INT32": -7, "UINT64": 1 << 40, "INT64": -1, "FLOAT32": 0.5, "FLOAT64": 0.25, "BOOL": True, "STRING": "text"}
    for name, value in scalars.items():
        kind = GGUFValueType[name]
        writer.add_key_value(f"one.{name}", value, kind)
        writer.add_key_value(f"list.{name}", [value] * 3, GGUFValueType.ARRAY, kind)
    writer.add_tensor("a", np.ones((2, 3, 4), np.float32))
    finish(writer)


# Each architecture's config beyond what all share.
ARCHITECTURES = {
    "llama": {}, "qwen2": {}, "qwen3": {"head_dim": 6}, "gemma3": {"model_type": "gemma3_text", "head_dim": 6}, "smollm3": {}, "phi3": {},
}
WIDTH, INNER, HEADS, KV_HEADS, VOCABULARY = 8, 12, 2, 1, 9


def config_of(architecture):
    common = {"model_type": architecture, "num_hidden_layers": 1, "hidden_size": WIDTH, "intermediate_size": INNER, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "max_position_embeddings": 16, "vocab_size": VOCABULARY, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": True}
    return common | ARCHITECTURES[architecture]


def shapes_of(architecture):
    """Tensors under Hugging Face's names."""
    head = config_of(architecture).get("head_dim", WIDTH // HEADS)
    q, kv = HEADS * head, KV_HEADS * head
    layer = {"self_attn.o_proj": [WIDTH, q], "mlp.down_proj": [WIDTH, INNER], "input_layernorm": [WIDTH], "post_attention_layernorm": [WIDTH]}
    if architecture == "phi3":
        layer |= {"self_attn.qkv_proj": [q + 2 * kv, WIDTH], "mlp.gate_up_proj": [2 * INNER, WIDTH]}
    else:
        layer |= {"self_attn.q_proj": [q, WIDTH], "self_attn.k_proj": [kv, WIDTH], "self_attn.v_proj": [kv, WIDTH], "mlp.gate_proj": [INNER, WIDTH], "mlp.up_proj": [INNER, WIDTH]}
    if architecture in ("qwen3", "gemma3"):
        layer |= {"self_attn.q_norm": [head], "self_attn.k_norm": [head]}
    if architecture == "gemma3":
        layer |= {"pre_feedforward_layernorm": [WIDTH], "post_feedforward_layernorm": [WIDTH]}
    shapes = {"model.embed_tokens.weight": [VOCABULARY, WIDTH], "model.norm.weight": [WIDTH]}
    shapes |= {f"model.layers.0.{name}.weight": shape for name, shape in layer.items()}
    if architecture == "qwen2":
        shapes |= {f"model.layers.0.self_attn.{name}_proj.bias": [rows] for name, rows in {"q": q, "k": kv, "v": kv}.items()}
    return shapes


def values_of(shape):
    return (np.arange(np.prod(shape), dtype=np.float32).reshape(shape) % 7 - 3) / 8


def model_file(path, architecture):
    config = config_of(architecture)
    writer = GGUFWriter(path, architecture)
    writer.add_block_count(1)
    writer.add_context_length(16)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    if "head_dim" in config:
        writer.add_key_length(config["head_dim"])
    writer.add_token_list([f"t{number}" for number in range(VOCABULARY)])
    names = get_tensor_name_map(next(arch for arch in MODEL_ARCH if arch.name.lower() == architecture), 1)
    for name, shape in shapes_of(architecture).items():
        values = values_of(shape)
        writer.add_tensor(names.get_name(name, (".weight", ".bias")), values if len(shape) == 1 else values.astype(np.float16))
    finish(writer)


def model_weights(architecture, dtype):
    """One safetensors file of all tensors."""
    header, payload = {}, b""
    for name, shape in shapes_of(architecture).items():
        values = values_of(shape)
        # The upper half of an F32 is a BF16.
        part = {"F32": values, "F16": values.astype(np.float16), "BF16": (values.view(np.uint32) >> 16).astype(np.uint16)}[dtype].tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(payload), len(payload) + len(part)]}
        payload += part
    return tensor_file(header, payload)


def models():
    types_file(CORPUS / "gguf/types")
    arrays_file(CORPUS / "gguf/arrays")
    data = bytearray((CORPUS / "gguf/gpt2").read_bytes())
    data[4] = 2
    put("gguf", "version_2", bytes(data))
    writer = GGUFWriter(CORPUS / "gguf/split", "llama")
    writer.add_uint16("split.no", 0)
    writer.add_uint16("split.count", 1)
    writer.add_int32("split.tensors.count", 1)
    writer.add_tensor("a", np.ones((2, 4), np.float32))
    finish(writer)
    for architecture, dtype in zip(ARCHITECTURES, ["F32", "F16", "BF16"] * 2):
        model_file(CORPUS / "gguf" / f"model_{architecture}", architecture)
        weights = model_weights(architecture, dtype)
        put("safetensors", f"model_{architecture}", halves(json.dumps(config_of(architecture)).encode(), weights))


def main():
    for model in ["gpt2", "llama"]:
        (CORPUS / "gguf").mkdir(parents=True, exist_ok=True)
        gguf_file(CORPUS / "gguf" / model, model)
    models()
    config = (FIXTURES / "hf/config.json").read_bytes()
    put("safetensors", "weights", halves(config, (FIXTURES / "hf/model-00002-of-00002.safetensors").read_bytes()))
    small = {
        "added_tokens": [{"id": 3, "content": "<s>", "special": True}], "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": None, "post_processor": None,
        "model": {"type": "BPE", "unk_token": None, "fuse_unk": True, "byte_fallback": True, "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]},
    }
    put("safetensors", "tokenizer", halves(b'{"eos_token":"</s>"}', json.dumps(small).encode()))
    for path in (FIXTURES / "templates").glob("*.jinja"):
        put("template", path.stem, path.read_text())
    put("dataset", "messages", '\x00{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n')
    put("dataset", "sharegpt", '\x00[{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}]')
    put("dataset", "alpaca", '\x00{"instruction":"a","input":"b","output":"c"}\r\n')
    put("dataset", "pairs", '\x00{"prompt":"a","completion":"b"}\n{"prompt":"c","completion":"d"}')
    put("dataset", "preference", '\x00{"prompt":"a","chosen":"b","rejected":"c"}')
    put("dataset", "csv", '\x01prompt,completion\na,"b, ""c"""\n')
    put("dataset", "tsv", "\x02text\tid\nhello\t1\n")
    put("dataset", "spread", '\x00{\n  "prompt": "a",\n  "completion": "b"\n}\n{\n  "prompt": "c",\n  "completion": "d"\n}\n')
    put("dataset", "turns", '\x00{"system":"s","conversations":[{"from":"system","value":"s"},{"from":"human","role":"user","value":"a"},{"from":"gpt","value":"b","content":"b"}]}')
    put("dataset", "text", "\x03one line\nanother line\n")
    keys = [f"base_model.model.model.layers.0.self_attn.q_proj.lora_{side}.weight" for side in "AB"]
    header = {
        keys[0]: {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]},
        keys[1]: {"dtype": "F32", "shape": [4, 2], "data_offsets": [32, 64]},
    }
    weights = tensor_file(header, np.arange(16, dtype=np.float32).tobytes())
    put("adapter", "lora", halves(b'{"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":["q_proj"]}', weights))
    put("adapter", "ia3", halves(b'{"peft_type":"IA3"}', tensor_file({"base_model.model.model.layers.0.self_attn.k_proj.ia3_l": {"dtype": "F16", "shape": [2, 1], "data_offsets": [0, 4]}}, bytes(4))))
    writer = GGUFWriter(CORPUS / "adapter" / "gguf", "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    writer.add_tensor("blk.0.attn_q.weight.lora_a", np.arange(8, dtype=np.float32).reshape(2, 4))
    writer.add_tensor("blk.0.attn_q.weight.lora_b", np.arange(8, dtype=np.float32).reshape(4, 2))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
