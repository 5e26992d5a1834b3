"""What the Create page's form shows one person, and what they typed into it.

The form is drawn from the chosen models' capabilities and checked by
``generators.validation``; here are only the choices, the values and the errors.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from accounts import monthly_credits
from accounts.credit_words import credit_words, price_words
from accounts.quotas import Rule
from generators import catalog, form_pictures, operations, quota_checks
from generators.controls import Control, Panel
from generators.form_pictures import FormPictures, Picture
from generators.models import GenerationJob
from generators.notes import notes_on
from generators.picker import Picker, recent_slugs
from generators.shape_row import ShapeRow
from generators.shares import PLAIN_FIELDS, RESOLUTION, Share
from generators.tray import Tray
from generators.unplaced import unplaced_errors
from generators.usage import usage_of
from generators.validation import OPTION_PREFIX

if TYPE_CHECKING:
    from accounts.models import User, Wallet

MOST_MODELS: Final = 8
"""More columns than that are no comparison any more."""

FORM_FIELDS: Final = (*PLAIN_FIELDS, "size", "own_size", RESOLUTION)


@dataclass(frozen=True, kw_only=True)
class Composer:
    """The form for one person: what may be chosen, what was typed, what is wrong.

    ``rules`` are the quotas in force for them, ``values`` raw strings by field name,
    ``choices`` all models people may see, or of a press only those asked for,
    ``slugs`` the models asked for, ``errors`` messages by field name. What only the
    drawn form shows is looked up when it is drawn: a press needs none of it.
    """

    user: "User"
    rules: Mapping[str, Rule]
    choices: tuple[catalog.Choice, ...]
    values: Mapping[str, str]
    slugs: Sequence[str] = ()
    given: FormPictures = field(default_factory=lambda: FormPictures(errors={}))
    errors: Mapping[str, str] = field(default_factory=dict)
    client_token: uuid.UUID = field(default_factory=uuid.uuid4)

    def with_errors(self, errors: Mapping[str, str]) -> Self:
        """Return the same form with all choices, saying what is wrong.

        It has a token of its own.
        """
        return replace(self, errors=errors, choices=_choices(self.rules))

    @cached_property
    def wallet(self) -> "Wallet":
        """Return the wallet that pays, with this month's free credits in it."""
        return monthly_credits.renew(self.user, self.rules)

    @property
    def balance(self) -> int:
        """Return the credits there are to spend."""
        return self.wallet.balance

    @cached_property
    def chosen(self) -> list[catalog.Choice]:
        """Return the models that are chosen; the first usable one without a choice."""
        of_slug = {choice.image_model.slug: choice for choice in self.choices}
        wanted = [of_slug[slug] for slug in self.slugs if slug in of_slug]
        if wanted:
            return list({id(each): each for each in wanted}.values())[:MOST_MODELS]
        usable = [choice for choice in self.choices if choice.is_usable]
        return usable[:1]

    @cached_property
    def shares(self) -> list[Share]:
        """Return what each chosen model is asked."""
        return [
            Share(
                choice=choice,
                values=self.values,
                pictures=self.given.pictures,
                beside=[
                    each.capabilities for each in self.chosen if each is not choice
                ],
            )
            for choice in self.chosen
        ]

    @property
    def is_comparing(self) -> bool:
        """Say whether several models are chosen."""
        return len(self.chosen) > 1

    @property
    def name(self) -> str:
        """Return what the picker's button says."""
        if self.is_comparing:
            return f"{len(self.chosen)} models"
        return self.chosen[0].image_model.label if self.chosen else "No models yet"

    @cached_property
    def picker(self) -> Picker:
        """Return the cards of the picker."""
        recent = recent_slugs(self.user)
        return Picker(choices=self.choices, chosen=self.chosen, recent=recent)

    @cached_property
    def tray(self) -> Tray:
        """Return the place of the pictures to work on."""
        return Tray(
            shares=self.shares,
            pictures=self.given.pictures,
            errors=self.errors,
        )

    @cached_property
    def controls(self) -> list[Control]:
        """Return the controls under Advanced."""
        values = {**self.values, "own_size": self.shape_row.own_size}
        return Panel(shares=self.shares, values=values, errors=self.errors).controls()

    @cached_property
    def looks(self) -> list[Control]:
        """Return what is chosen by pictures."""
        panel = Panel(shares=self.shares, values=self.values, errors=self.errors)
        return panel.looks()

    @cached_property
    def shape_row(self) -> ShapeRow:
        """Return the row of shapes."""
        return ShapeRow(shares=self.shares, values=self.values)

    @property
    def given_sizes(self) -> str:
        """Return the sizes that follow from the start picture, with spaces between."""
        return " ".join(str(share.size) for share in self.shares)

    @property
    def most_images(self) -> int:
        """Return how many pictures each of the chosen models draws at most."""
        return min((each.capabilities.max_images for each in self.chosen), default=1)

    @cached_property
    def num_images(self) -> int:
        """Return how many pictures are asked for of each, within what they draw."""
        typed = self.values.get("num_images", "")
        count = int(typed) if typed.isdecimal() and len(typed) < 4 else 1
        return min(max(count, 1), self.most_images)

    @property
    def price(self) -> int:
        """Return the credits of one picture of each model, by the settings as they are."""
        return sum(share.price for share in self.shares)

    @property
    def cost(self) -> int:
        """Return the credits of one press."""
        return self.price * self.num_images

    @property
    def cost_words(self) -> str:
        """Return the price of one press as the button says it."""
        return price_words(self.cost)

    @property
    def has_price_by_settings(self) -> bool:
        """Say whether a setting changes the price, or what is to be said of it."""
        by_settings = any(share.has_price_by_settings for share in self.shares)
        return by_settings or self.is_comparing

    @property
    def short_words(self) -> str:
        """Say what is missing to pay for one press."""
        return short_of_credits(self.cost, self.balance, num_images=self.num_images)

    @property
    def blocked_reason(self) -> str:
        """Say why Generate cannot be pressed; empty when it can."""
        if not self.chosen:
            return "No model can be used right now. Ask your admin."
        for choice in self.chosen:
            if not choice.is_usable:
                reason = choice.availability.reason
                return self._of_model(choice, reason)
        return ""

    @property
    def missing_words(self) -> str:
        """Say which picture is missing or too much; empty when all can begin."""
        for share in self.shares:
            if share.problem:
                return self._of_model(share.choice, share.problem)
        return ""

    @property
    def is_short_of_credits(self) -> bool:
        """Say whether the balance does not pay for one press."""
        return self.cost > self.balance

    @cached_property
    def notes(self) -> list[str]:
        """Say before the press what a person would not expect."""
        warnings = quota_checks.warnings(usage_of(self.user, self.rules))
        notes = notes_on(self.shares, self.given.pictures, self.shape_row.size)
        return [*warnings, *self._approval_note(), *notes]

    def _approval_note(self) -> list[str]:
        rule = self.rules.get("ask_above")
        if rule is None or self.cost <= rule.limit:
            return []
        return [
            f"This costs more than {credit_words(rule.limit)}: "
            "it waits until an admin agrees."
        ]

    @property
    def is_wordless(self) -> bool:
        """Say whether none of the chosen models reads words for this."""
        return bool(self.shares) and not any(each.reads_prompt for each in self.shares)

    @property
    def is_advanced_open(self) -> bool:
        """Say whether an error hides under Advanced."""
        return any(control.error for control in self.controls)

    @property
    def unplaced_errors(self) -> list[str]:
        """Return what is wrong with settings that are not drawn."""
        return unplaced_errors(self.errors, [*self.controls, *self.looks], self.choices)

    def _of_model(self, choice: catalog.Choice, words: str) -> str:
        return f"{choice.image_model.label}: {words}" if self.is_comparing else words


def compose(
    user: "User",
    typed: MultiValueDict[str, str],
    *,
    rules: Mapping[str, Rule],
    files: "MultiValueDict[str, UploadedFile[Any]] | None" = None,
    is_pressed: bool = False,
) -> Composer:
    """Return the form for a person with what they typed, or their last choice.

    ``rules`` are the quotas in force for them. What ``is_pressed`` is not drawn unless
    it is refused: it looks up no other models than those asked for.
    """
    values = {
        name: texts[-1]
        for name, texts in typed.lists()
        if texts and (name in FORM_FIELDS or name.startswith(OPTION_PREFIX))
    }
    slugs = [slug for slug in typed.getlist("image_model") if slug]
    given = form_pictures.read(user, typed, files)
    choices = _choices(rules, slugs if is_pressed and slugs else None)
    if meant := catalog.slugs_of_aliases(
        set(slugs) - {choice.image_model.slug for choice in choices}
    ):
        slugs = [meant.get(slug, slug) for slug in slugs]
        choices = _choices(rules, slugs if is_pressed else None)
    if "image_model" not in typed and (last := _last_job(user)) is not None:
        values = {"size": f"{last.width}x{last.height}"} | values
        slugs = _slugs_of(last)
    if "image_model" not in typed and given.pictures:
        slugs = _able_first(slugs, choices, given.pictures)
    return Composer(
        user=user,
        rules=rules,
        choices=choices,
        values=values,
        slugs=slugs,
        given=given,
        errors=given.errors,
    )


def _choices(
    rules: Mapping[str, Rule], slugs: Collection[str] | None = None
) -> tuple[catalog.Choice, ...]:
    return tuple(quota_checks.narrowed(catalog.choices(slugs), rules))


def short_of_credits(needed: int, available: int, *, num_images: int) -> str:
    """Say that the balance does not pay for a press, and what would."""
    way_out = "Ask for fewer pictures" if num_images > 1 else "Choose another model"
    return (
        f"This costs {price_words(needed)} and you have {available}. "
        f"{way_out}, or ask your admin for credits."
    )


def _last_job(user: "User") -> GenerationJob | None:
    return GenerationJob.objects.filter(owner=user).order_by("-id").first()


def _slugs_of(job: GenerationJob) -> list[str]:
    """Return the models of the press that a job came from."""
    jobs = GenerationJob.objects.filter(generation=job.generation_id).order_by("pk")
    return list(dict.fromkeys(jobs.values_list("image_model_slug", flat=True)))


def _able_first(
    slugs: Sequence[str],
    choices: Sequence[catalog.Choice],
    pictures: Sequence[Picture],
) -> list[str]:
    """Return a model that has a use for the pictures: the last one, else the first.

    One that reads words comes before one that only enlarges: most want a new picture.
    """
    roles = {each.role for each in pictures}
    usable = [
        choice
        for choice in choices
        if choice.is_usable and roles <= {*operations.usable_roles(choice.capabilities)}
    ]
    usable.sort(key=lambda choice: not choice.capabilities.prompted)
    able = [choice.image_model.slug for choice in usable]
    kept = [slug for slug in slugs if slug in able]
    return kept or able[:1] or list(slugs)
