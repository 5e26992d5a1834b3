"""Make Spark's own tokenizer and text encoder, in the form that CLIP's classes load."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

from training.parts import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    TextEncoder,
    WordTokenizer,
)

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
MAX_TOKENS = 24
# CLIP's own way of cutting text into words (openai/CLIP, simple_tokenizer.py).
CUT = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TextSize:
    """Widths of the text encoder; tests use smaller ones."""

    width: int = 256
    layers: int = 2
    heads: int = 4
    vocabulary: int = 2800


def train_tokenizer(lines: Iterable[str], folder: Path, size: int) -> WordTokenizer:
    """Learn byte-pair merges from captions and save them as a CLIPTokenizer.

    Every byte, alone and at a word's end, stays in the vocabulary, so any Unicode text
    can be encoded.
    """
    learner = Tokenizer(models.BPE(end_of_word_suffix=WORD_END))
    learner.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase()]
    )
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CUT), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    learner.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(alphabet) - 2,
        initial_alphabet=alphabet,
        end_of_word_suffix=WORD_END,
        show_progress=False,
    )
    learner.train_from_iterator(lines, trainer)
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    words = [left + right for left, right in merges]
    endings = [byte + WORD_END for byte in alphabet]
    tokens = dict.fromkeys([*alphabet, *endings, *words, START, END])
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,
        model_max_length=MAX_TOKENS,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        unk_token=END,
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def build_text_encoder(tokenizer: WordTokenizer, size: TextSize) -> TextEncoder:
    """Make an untrained CLIP text encoder for a tokenizer."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.width,
        intermediate_size=4 * size.width,
        projection_dim=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        max_position_embeddings=MAX_TOKENS,
        hidden_act="quick_gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)
