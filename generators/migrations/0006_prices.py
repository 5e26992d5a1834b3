import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

MOST_CREDITS = 10**9  # a slip of the pen, should there be more


def make_first_versions(apps, schema_editor):
    """Keep today's prices and costs as the first version of each image model."""
    ImageModel = apps.get_model("generators", "ImageModel")
    Price = apps.get_model("generators", "Price")
    now = timezone.now()
    for row in ImageModel.objects.exclude(price_credits=None):
        row.price = Price.objects.create(
            image_model=row,
            credits=min(row.price_credits, MOST_CREDITS),
            costs=row.costs,
            valid_from=now,
            note="As it was before prices had versions.",
        )
        row.save(update_fields=["price"])
    _check_constraints_now(schema_editor)


def keep_prices_in_force(apps, schema_editor):
    """Write the price in force back into its image model; its rules have no place."""
    ImageModel = apps.get_model("generators", "ImageModel")
    for row in ImageModel.objects.exclude(price=None).select_related("price"):
        row.price_credits, row.costs = row.price.credits, row.price.costs
        row.save(update_fields=["price_credits", "costs"])
    _check_constraints_now(schema_editor)


def _check_constraints_now(schema_editor):
    """PostgreSQL alters no table that has rows whose references are still to check."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")


class Migration(migrations.Migration):
    dependencies = [
        ("generators", "0005_quotas_rules_and_approvals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Price",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "credits",
                    models.PositiveIntegerField(
                        help_text="Whole credits a picture by the usual settings; 0 is free.",
                        validators=[
                            django.core.validators.MaxValueValidator(1000000000)
                        ],
                    ),
                ),
                (
                    "rules",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="As generators.terms.PriceRule records.",
                    ),
                ),
                (
                    "costs",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="What the operator pays, as generators.terms.CostRule records.",
                    ),
                ),
                ("valid_from", models.DateTimeField()),
                ("note", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "image_model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="prices",
                        to="generators.imagemodel",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty where the catalogue made it.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-valid_from"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("image_model", "valid_from"),
                        name="price_once_a_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("credits__lte", 1000000000)),
                        name="price_is_not_huge",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="imagemodel",
            name="price",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                help_text="The version in force; empty until one has begun.",
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="+",
                to="generators.price",
            ),
        ),
        migrations.RunPython(make_first_versions, migrations.RunPython.noop),
        migrations.RemoveConstraint(
            model_name="imagemodel",
            name="image_model_enabled_has_a_price",
        ),
        migrations.RunPython(migrations.RunPython.noop, keep_prices_in_force),
        migrations.RemoveField(
            model_name="imagemodel",
            name="price_credits",
        ),
        migrations.RemoveField(
            model_name="imagemodel",
            name="costs",
        ),
        migrations.AddConstraint(
            model_name="imagemodel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("enabled", False),
                    ("retired", True),
                    ("price__isnull", False),
                    _connector="OR",
                ),
                name="image_model_enabled_has_a_price",
                violation_error_message="Set a price before enabling this model.",
            ),
        ),
        migrations.AddField(
            model_name="generationjob",
            name="price",
            field=models.ForeignKey(
                blank=True,
                help_text="The version by which credits were set aside; empty in old rows.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="generators.price",
            ),
        ),
    ]
