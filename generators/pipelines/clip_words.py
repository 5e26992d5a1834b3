"""CLIP's tokenizer, for single-file checkpoints, which bring none.

``configs/clip/merges.txt.gz`` is the merge list of OpenAI's CLIP (MIT licence); the
vocabulary follows from it.
"""

import gzip
from pathlib import Path

from transformers import CLIPTokenizer

_MERGES = Path(__file__).parent / "configs" / "clip" / "merges.txt.gz"
_START, _END = "<|startoftext|>", "<|endoftext|>"


def tokenizer(*, padding: str = _END) -> CLIPTokenizer:
    """Return the tokenizer of CLIP, padding as the text encoder was trained to see."""
    lines = gzip.decompress(_MERGES.read_bytes()).decode().splitlines()
    merges = [(left, right) for left, right in (line.split() for line in lines)]
    letters = _letters()
    pieces = [*letters, *(f"{each}</w>" for each in letters)]
    pieces += ["".join(merge) for merge in merges] + [_START, _END]
    return CLIPTokenizer(
        vocab={piece: number for number, piece in enumerate(pieces)},
        merges=merges,  # type: ignore[arg-type]  # pairs, whatever its hint says
        pad_token=padding,
        model_max_length=77,
    )


def _letters() -> list[str]:
    """Return the letter that stands for each byte, in the vocabulary's order."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    shown += range(ord("®"), ord("ÿ") + 1)
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + k) for k in range(len(hidden))]
