"""Draws the example pictures of the site again, with the built-in model.

Run it after the model or the words of ``generators.examples`` have changed, from the
top of the repository, and look at what came out before you commit it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
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
            options = {"--seed": example.seed, "--model": examples.MODEL}
            _draw(example.words, drawn, home=folder, options=options)
            kept = ROOT / "static" / example.picture
            kept.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(drawn) as picture:
                picture.convert("RGB").save(kept, quality=QUALITY, method=6)
            print(f"{example.words}: {kept.relative_to(ROOT)}")


def _draw(words: str, out: Path, *, home: str, options: Mapping[str, object]) -> None:
    command = [sys.executable, "manage.py", "generate", words, "--out", str(out)]
    for name, value in options.items():
        command += [name, str(value)]
    subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"MAGICSHOT_HOME": home},
        check=True,
    )


if __name__ == "__main__":
    main()
