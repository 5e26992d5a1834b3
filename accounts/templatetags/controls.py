"""How form controls are drawn."""

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def control(field: BoundField) -> SafeString:
    """Draw the control without the placeholder that allauth repeats the label in."""
    return field.as_widget(attrs={"placeholder": False})
