"""Looks at the words of a press before anything is charged or kept."""

from collections.abc import Iterable, Sequence

from django.db.models import Q

from accounts.models import User
from generators.contracts import GenerationRequest
from generators.models import Generation, PromptRule, PromptVerdict
from generators.models.moderation import Action
from generators.prompt_rules import built_in
from generators.prompt_rules.matching import Phrases, read_all
from generators.refusals import CannotSubmit

WORDS = "These words are not allowed here. Change them and press again; nothing was charged."


class PromptRefused(CannotSubmit):
    """A rule forbids its words. The page says so and no more; the rule is kept."""

    field = "prompt"

    def __init__(self) -> None:
        super().__init__(WORDS)


def look(
    user: User, requests: Iterable[GenerationRequest], *, has_pictures: bool
) -> Sequence[str]:
    """Return the rules that say that somebody should look at this press: see ``flag``.

    Raises PromptRefused for words that a rule forbids, and writes down that it did:
    call it outside a transaction, or the verdict goes with it.
    """
    requests = list(requests)
    texts = read_all(_words_of(requests))
    forbidden = built_in.broken_rule(texts, has_pictures=has_pictures)
    broken = [] if forbidden else _broken(user, texts)
    refusing = (phrase for phrase, action in broken if action == Action.REFUSE)
    if rule := forbidden or next(refusing, ""):
        _note(user, Action.REFUSE, rule, requests)
        raise PromptRefused
    return [phrase for phrase, action in broken if action == Action.FLAG]


def flag(
    user: User,
    generation: Generation,
    requests: Sequence[GenerationRequest],
    rules: Iterable[str],
) -> None:
    """Write down which rules say that somebody should look at this press."""
    for rule in rules:
        _note(user, Action.FLAG, rule, requests, generation=generation)


def _words_of(requests: Iterable[GenerationRequest]) -> set[str]:
    """Return what is asked for; what is not wanted in the picture may be named."""
    prompts = {request.prompt for request in requests}
    options = (option.value for each in requests for option in each.options)
    return prompts | {value for value in options if isinstance(value, str)}


def _broken(user: User, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return the phrases of the admin's rules that are in these texts, with the action."""
    of_group = Q(group__isnull=True) | Q(group=user.group_id)
    rules = PromptRule.objects.filter(of_group, enabled=True)
    return [
        (phrase, action)
        for phrase, action in rules.values_list("phrase", "action")
        if Phrases(phrases=(phrase,)).are_in(texts)
    ]


def _note(
    user: User,
    action: Action,
    rule: str,
    requests: Sequence[GenerationRequest],
    *,
    generation: Generation | None = None,
) -> None:
    is_to_decide = action is Action.FLAG
    PromptVerdict.objects.create(
        owner=user,
        generation=generation,
        action=action,
        state=PromptVerdict.State.OPEN if is_to_decide else "",
        rule=rule,
        prompt="\n".join(sorted(_words_of(requests))),
    )
