"""The row of shapes in the form: the first model's, and what the others draw for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from generators import shapes
from generators.capabilities import Size
from generators.shapes import Shape
from generators.shares import Share
from generators.typed_values import read_size


@dataclass(frozen=True, kw_only=True)
class ShapeRow:
    """What can be chosen, and what is."""

    shares: Sequence[Share]
    values: Mapping[str, str]

    @property
    def lead(self) -> Share | None:
        """Return the first chosen model that is asked for a size."""
        sized = (share for share in self.shares if not share.is_sized_by_image)
        return next(sized, None)

    @property
    def own_size(self) -> str:
        """Return the size typed by hand, if it is none of the shapes; it goes first."""
        if self.lead is None or not self.lead.able.size_range:
            return ""
        typed = self.values.get("own_size", "").strip()
        is_shape = typed in {str(size) for size in self.lead.able.sizes}
        return "" if is_shape else typed

    @cached_property
    def size(self) -> Size | None:
        """Return the chosen size as the leading model has it, else its usual one."""
        if self.lead is None:
            return None
        usual = self.lead.able.usual_size()
        wanted = read_size(self.values.get("size", ""))
        if usual is None or wanted is None or not wanted.width or not wanted.height:
            return usual
        near = shapes.nearest(self.lead.able, wanted)
        return usual if shapes.is_other_ratio(near, wanted) else near

    def shapes(self) -> list[Shape]:
        """Return the leading model's sizes as shapes; none where no size is chosen."""
        if self.lead is None or self.size is None:
            return []
        sizes = shapes.plain_sizes(self.lead.able)
        chosen = self._among(sizes, self.size)
        if chosen not in sizes:
            sizes.insert(0, chosen)
        return [
            Shape(
                size=size,
                label=label,
                is_chosen=size == chosen and not self.own_size,
                sizes=tuple(self._drawn(share, size) for share in self.shares),
            )
            for size, label in zip(sizes, shapes.labels(sizes), strict=True)
        ]

    def _among(self, sizes: Sequence[Size], size: Size) -> Size:
        """Return the shape that stands for a size in another resolution."""
        if size in sizes or self.lead is None or size not in self.lead.able.sizes:
            return size
        ratio = shapes.ratio_words(size)
        return next((x for x in sizes if shapes.ratio_words(x) == ratio), size)

    @staticmethod
    def _drawn(share: Share, size: Size) -> Size:
        if share.is_sized_by_image:
            return share.size
        return shapes.nearest(share.able, size)
