"""Looks at the words of a press before anything is charged or kept."""

from collections.abc import Iterable, Iterator, Sequence

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


def refuse(
    user: User, requests: Iterable[GenerationRequest], *, has_pictures: bool
) -> None:
    """Raise PromptRefused for words that a rule forbids, and write down that it did.

    Call it outside a transaction, or the verdict goes with it.
    """
    requests = list(requests)
    texts = read_all(_words_of(requests))
    rule = built_in.broken_rule(texts, has_pictures=has_pictures)
    rule = rule or next(_broken(user, texts, Action.REFUSE), "")
    if rule:
        _note(user, Action.REFUSE, rule, requests)
        raise PromptRefused


def flag(
    user: User, generation: Generation, requests: Sequence[GenerationRequest]
) -> None:
    """Write down which rules say that somebody should look at this press."""
    texts = read_all(_words_of(requests))
    for rule in _broken(user, texts, Action.FLAG):
        _note(user, Action.FLAG, rule, requests, generation=generation)


def _words_of(requests: Iterable[GenerationRequest]) -> set[str]:
    """Return what is asked for; what is not wanted in the picture may be named."""
    prompts = {request.prompt for request in requests}
    options = (option.value for each in requests for option in each.options)
    return prompts | {value for value in options if isinstance(value, str)}


def _broken(user: User, texts: Sequence[str], action: Action) -> Iterator[str]:
    of_group = Q(group__isnull=True) | Q(group=user.group_id)
    rules = PromptRule.objects.filter(of_group, enabled=True, action=action)
    for phrase in rules.values_list("phrase", flat=True):
        if Phrases(phrases=(phrase,)).are_in(texts):
            yield phrase


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
