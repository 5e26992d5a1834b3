"""Paint the small pictures of the built-in styles: ``PHOTO`` in each, to static/img/styles.

Run once, by ``.venv/bin/python -m scripts.style_thumbnails PHOTO``; the results are kept
in the repository.
"""

import io
import sys
from pathlib import Path

from PIL import Image, ImageOps

from generators.pipelines import styling
from generators.pipelines.crafts import Teller
from generators.pipelines.memory import Device
from generators.pipelines.protocol import Restyle, Stylist
from generators.providers.local.packaged import package_folder
from generators.providers.local_styling import STYLES, LocalStylingProvider

FOLDER = Path(__file__).parents[1] / "static" / "img" / "styles"
PAINTED, SHOWN = 384, 128  # pixels a side; twice what the page shows, for fine screens


def main() -> None:
    """Paint the photo in every style."""
    (photo,) = sys.argv[1:]
    square = ImageOps.fit(Image.open(photo).convert("RGB"), (PAINTED, PAINTED))
    content = io.BytesIO()
    square.save(content, "PNG")
    net = package_folder(LocalStylingProvider.package) / "multistyle26.onnx"
    stylist = Stylist(model_id="it", label="It", paths=(str(net),), file_bytes=0)
    nets = styling.load(stylist, Device(name="cpu", float_bytes=4))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in STYLES:
        painted: list[bytes] = []
        order = Restyle(
            order=0,
            checkpoint=stylist,
            shares=tuple(float(each == name) for each in STYLES),
            strength=1.0,
            payload=content.getvalue(),
        )
        styling.carry_out(nets, order, at_once=1, teller=_into(painted))
        small = Image.open(io.BytesIO(painted[0])).resize(
            (SHOWN, SHOWN), Image.Resampling.LANCZOS
        )
        small.save(FOLDER / f"{name}.webp", quality=78, method=6)


def _into(painted: list[bytes]) -> Teller:
    return Teller(
        on_step=lambda *_: None,
        on_picture=lambda _, picture, losses=(): painted.append(picture),
        is_canceled=lambda: False,
    )


if __name__ == "__main__":
    main()
