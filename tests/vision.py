"""A vision-language model small enough to be made and trained in a test, and pictures of one colour to show it."""

from __future__ import annotations

import io
import random
from pathlib import Path
from types import MappingProxyType
from typing import Any

COLOURS = MappingProxyType({"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 50, 220), "white": (240,) * 3})
TEMPLATE = (
    "{% macro say(content) %}{% if content is string %}{{ content }}{% else %}{% for part in content %}"
    "{{ '<image>' if part.type == 'image' else part.text }}{% endfor %}{% endif %}{% endmacro %}"
    "{% for message in messages %}<|{{ message.role }}|>{% if message.role == 'assistant' %}{% generation %}"
    "{{ say(message.content) }}<|end|>{% endgeneration %}{% else %}{{ say(message.content) }}<|end|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_vision_model(folder: Path, *, seed: int = 0) -> Path:
    """Save a LLaVA of a few thousand weights, with its processor, and return ``folder``: 5 tokens an image."""
    import torch
    from transformers import CLIPVisionConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor, Qwen2Config
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer = _make_tokenizer()
    processor = LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=16,
            patch_size=8,
            projection_dim=32,
        ),
        text_config=Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        ),
        image_token_id=processor.image_token_id,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        image_seq_length=5,
    )
    torch.manual_seed(seed)
    LlavaForConditionalGeneration(config).save_pretrained(str(folder))
    processor.save_pretrained(str(folder))
    return folder


def picture(colour: str, *, size: tuple[int, int] = (24, 20), seed: int = 0, form: str = "PNG") -> bytes:
    """Return the bytes of an image that is nearly of one colour, so that no two seeds give the same one."""
    from PIL import Image

    draw = random.Random(f"{colour}{seed}")
    shade = tuple(max(0, min(255, value + draw.randint(-12, 12))) for value in COLOURS[colour])
    out = io.BytesIO()
    Image.new("RGB", size, shade).save(out, form)
    return out.getvalue()


def write_colours(folder: Path, count: int) -> list[dict[str, Any]]:
    """Write ``count`` pictures into ``folder/pictures`` and return rows that ask for their colour."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        colour = list(COLOURS)[number % len(COLOURS)]
        name = f"pictures/{number}.png"
        (folder / name).write_bytes(picture(colour, seed=number))
        messages = [{"role": "user", "content": "colour?"}, {"role": "assistant", "content": colour}]
        rows.append({"image": name, "messages": messages})
    return rows


def _make_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    letters = {letter: place for place, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(BPE(vocab=letters, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|end|>",
        pad_token="<pad>",
        additional_special_tokens=["<|user|>", "<|assistant|>", "<|system|>", "<image>"],
    )
