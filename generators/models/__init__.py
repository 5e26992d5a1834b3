"""The tables of the generators app."""

from generators.models.connections import Connection
from generators.models.figures import DayFigure, PersonDay
from generators.models.image_models import ImageModel, ImageModelAlias
from generators.models.jobs import Generation, GenerationJob, JobEvent, JobInput
from generators.models.moderation import PromptRule, PromptVerdict
from generators.models.prices import Price

__all__ = [
    "Connection",
    "DayFigure",
    "Generation",
    "GenerationJob",
    "ImageModel",
    "ImageModelAlias",
    "JobEvent",
    "JobInput",
    "PersonDay",
    "Price",
    "PromptRule",
    "PromptVerdict",
]
