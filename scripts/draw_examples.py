"""Draws the example pictures of the site again, with the built-in model.

Run it after the model or the words of ``generators.examples`` have changed, from the
top of the repository, and look at what came out before you commit it.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
QUALITY = 90


def main() -> None:
    """Draw each example through the site's own queue and keep it as WebP."""
    sys.path.insert(0, str(ROOT))
    from generators import examples

    with tempfile.TemporaryDirectory() as folder:
        for example in examples.EXAMPLES:
            drawn = Path(folder) / f"{example.name}.png"
            _draw(example.words, example.seed, examples.MODEL, drawn, home=folder)
            kept = ROOT / "static" / example.picture
            kept.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(drawn) as picture:
                picture.convert("RGB").save(kept, quality=QUALITY, method=6)
            print(f"{example.words}: {kept.relative_to(ROOT)}")


def _draw(words: str, seed: int, model: str, out: Path, *, home: str) -> None:
    command = [sys.executable, "manage.py", "generate", words, "--model", model]
    subprocess.run(
        [*command, "--seed", str(seed), "--out", str(out)],
        cwd=ROOT,
        env=os.environ | {"MAGICSHOT_HOME": home},
        check=True,
    )


if __name__ == "__main__":
    main()
