"""What each file says of itself: made by a trained model, and by which recipe.

The mark is the IPTC digital source type ``trainedAlgorithmicMedia``, which the AI Act's
duty to label asks for. The recipe stands beside it twice: as a sentence for people, and
field by field in a namespace of our own.
"""

import datetime as dt
import json
import re
from xml.sax.saxutils import escape

from gallery import containers
from gallery.recipes import ImageRecipe

DIGITAL_SOURCE_TYPE = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
)
RECIPE_NAMESPACE = "urn:magicshot:recipe:1/"

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"{more_namespaces}>
<Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>{more}
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""

_RECIPE_NAMESPACES = f"""
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:magicshot="{RECIPE_NAMESPACE}\""""

_RECIPE = """
<xmp:CreatorTool>Magicshot</xmp:CreatorTool>
<xmp:CreateDate>{created_at}</xmp:CreateDate>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt></dc:description>
{fields}"""

MARK = _PACKET.format(
    source_type=DIGITAL_SOURCE_TYPE, more_namespaces="", more=""
).encode()
"""The mark alone, for thumbnails."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MAX_PACKET_BYTES = 60_000
# Parameters that have a field of their own, or that concern the job and not the picture.
_TOLD_ELSEWHERE = {
    "client_token",
    "negative_prompt",
    "num_images",
    "operation",
    "prompt",
    "provider_model_id",
    "seed",
}


def label(
    content: bytes,
    image_format: str,
    recipe: ImageRecipe,
    *,
    created_at: dt.datetime,
    size: tuple[int, int],
) -> bytes:
    """Return the same picture with the mark and the recipe in its XMP.

    Only the container changes, so the decoded pixels stay as they were. Raise
    ``containers.BrokenContainer`` for a file that ends early.
    """
    packet = build_packet(recipe, created_at=created_at)
    return containers.insert_xmp(content, image_format, packet, size=size)


def build_packet(recipe: ImageRecipe, *, created_at: dt.datetime) -> bytes:
    """Return the XMP packet; texts too long for one JPEG segment are cut."""
    longest = _MAX_PACKET_BYTES
    while True:
        packet = _render(recipe, created_at, longest)
        if len(packet) <= _MAX_PACKET_BYTES:
            return packet
        longest //= 2


def describe(recipe: ImageRecipe) -> str:
    """Say in one line for people what the picture is and who made it."""
    parts = [recipe.prompt.strip(), f"Made by AI with {recipe.image_model_label}"]
    if recipe.seed is not None:
        parts[-1] += f", seed {recipe.seed}"
    return " · ".join(part for part in parts if part)


def _render(recipe: ImageRecipe, created_at: dt.datetime, longest: int) -> bytes:
    fields = [
        f"<magicshot:{name}>{_text(value, longest)}</magicshot:{name}>"
        for name, value in _fields(recipe, longest).items()
        if value
    ]
    told = _RECIPE.format(
        created_at=created_at.isoformat(timespec="seconds"),
        description=_text(describe(recipe), longest),
        fields="\n".join(fields),
    )
    return _PACKET.format(
        source_type=DIGITAL_SOURCE_TYPE, more_namespaces=_RECIPE_NAMESPACES, more=told
    ).encode()


def _fields(recipe: ImageRecipe, longest: int) -> dict[str, str]:
    rest = {
        name: value
        for name, value in recipe.parameters.items()
        if name not in _TOLD_ELSEWHERE and value not in (None, "")
    }
    parameters = json.dumps(rest, ensure_ascii=False, sort_keys=True)
    return {
        "Operation": recipe.operation,
        "Prompt": recipe.prompt,
        "NegativePrompt": recipe.negative_prompt,
        "RevisedPrompt": recipe.revised_prompt,
        "Seed": "" if recipe.seed is None else str(recipe.seed),
        "Model": recipe.image_model_label,
        "ModelSlug": recipe.image_model_slug,
        "Provider": recipe.provider,
        "ProviderModel": recipe.provider_model_id,
        # Half a JSON document is of no use to anybody.
        "Parameters": parameters if rest and len(parameters) <= longest else "",
    }


def _text(value: str, longest: int) -> str:
    return escape(_NOT_XML.sub("\ufffd", value[:longest]))
