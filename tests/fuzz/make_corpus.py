"""Makes corpus/: small valid inputs of each kind, for the fuzzers to start from.

    pip install gguf numpy && python tests/fuzz/make_corpus.py
"""

import json
import struct
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter

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


def main():
    for model in ["gpt2", "llama"]:
        (CORPUS / "gguf").mkdir(parents=True, exist_ok=True)
        gguf_file(CORPUS / "gguf" / model, model)
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
