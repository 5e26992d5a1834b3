"""Takes away what no model promises any more, which would be refused as unknown."""

from typing import Any

from django.db import migrations

UNREAD = {"has_progress", "has_previews", "can_cancel"}


def drop_unread(apps: Any, _: Any) -> None:
    """Drop it from what the site uses and from what the catalogue wrote last."""
    for row in apps.get_model("generators", "ImageModel").objects.all():
        for able in (row.capabilities, row.catalog_entry.get("capabilities")):
            if isinstance(able, dict):
                for name in UNREAD & able.keys():
                    del able[name]
        row.save(update_fields=["capabilities", "catalog_entry"])


class Migration(migrations.Migration):
    dependencies = [("generators", "0002_drawing_since")]

    operations = [migrations.RunPython(drop_unread, migrations.RunPython.noop)]
