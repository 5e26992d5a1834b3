"""The moderation queue: what is flagged, who sees it, what is decided, and its trace."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Notice, User
from gallery.models import Image, StoredFile
from generators import admin_moderation, moderation
from generators.models import PromptRule, PromptVerdict
from generators.moderation import Decision, Fate
from generators.prompt_checks import PromptRefused
from tests import factories
from tests.gallery.making import make_image

pytestmark = pytest.mark.django_db
Action = AuditEntry.Action
State = PromptVerdict.State
PROMPT = "a dragon and a xylophone"
LIST = "admin:generators_promptverdict_changelist"


@pytest.fixture
def case(alice):
    """A press of Alice's that a rule flagged."""
    PromptRule.objects.create(phrase="dragon", action="flag")
    factories.make_job(alice, PROMPT, num_images=2)
    return PromptVerdict.objects.get()


@pytest.fixture
def pictures(case, alice):
    """Two pictures that came of it, and one that did not."""
    batch = case.generation.public_id
    made = [make_image(alice, shade, batch_id=batch) for shade in (10, 20)]
    make_image(alice, 30)
    return made


@pytest.fixture
def boss(client, staff):
    """A client signed in as a superuser."""
    client.force_login(staff)
    return client


@pytest.fixture
def helper(db):
    """A client of staff who may look at caught prompts and decide about them."""
    user = User.objects.create_user("hal@example.org", is_staff=True)
    rights = ("view_promptverdict", "change_promptverdict")
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


def address(case):
    return reverse("admin:generators_promptverdict_change", args=[case.pk])


def picture_address(case, image):
    name = "admin:generators_promptverdict_picture"
    return reverse(name, args=[case.pk, image.public_id])


def decide(client, case, **typed):
    """Press Decide; all pictures of the case are chosen unless told otherwise."""
    chosen = [str(each.public_id) for each in moderation.pictures_of(case)]
    typed = {"pictures": chosen, "reason": "rule 4", "warning": ""} | typed
    return client.post(address(case), typed)


def acts():
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_what_is_flagged_waits_and_what_is_refused_does_not(alice, case, rf):
    assert case.state == State.OPEN
    PromptRule.objects.create(phrase="troll", action="refuse")
    with pytest.raises(PromptRefused):
        factories.make_job(alice, "a troll")
    refused = PromptVerdict.objects.latest("pk")
    assert refused.state == ""
    assert list(moderation.open_verdicts()) == [case]
    assert admin_moderation.badge(rf.get("/")) == 1


def test_the_sidebar_counts_what_waits_but_not_without_end(rf, alice):
    rows = [
        PromptVerdict(owner=alice, action="flag", state="open", rule="r", prompt="p")
        for _ in range(120)
    ]
    PromptVerdict.objects.bulk_create(rows)
    assert admin_moderation.badge(rf.get("/")) == 99


def test_the_sidebar_leads_to_what_waits(boss, case):
    html = boss.get(reverse("admin:index")).content.decode()
    assert f"{reverse(LIST)}?state__exact=open" in html
    rows = boss.get(reverse(LIST), {"state__exact": "open"}).context["cl"].result_list
    assert list(rows) == [case]


def test_the_queue_says_how_many_pictures_there_are_in_one_query(
    boss, case, pictures, alice, django_assert_max_num_queries
):
    factories.make_job(alice, PROMPT)
    refused = PromptVerdict.objects.create(owner=alice, action="refuse", rule="x")
    with django_assert_max_num_queries(9):
        rows = boss.get(reverse(LIST)).context["cl"].result_list
    drawn_anew = PromptVerdict.objects.exclude(pk__in=[case.pk, refused.pk]).get()
    told = {row.pk: row.pictures for row in rows}
    assert told == {case.pk: 2, refused.pk: 0, drawn_anew.pk: 0}


def test_the_queue_shows_who_and_why_but_no_words(boss, case, pictures):
    html = boss.get(reverse(LIST)).content.decode()
    assert "alice@example.org" in html
    assert "xylophone" not in html
    html = boss.get(address(case)).content.decode()
    assert "xylophone" not in html
    assert "2 pictures are theirs, so they are not shown" in html.replace("\n", " ")
    for image in pictures:
        assert picture_address(case, image) not in html
        assert boss.get(picture_address(case, image)).status_code == 404


def test_words_and_pictures_are_shown_where_the_operator_says_so(
    boss, case, pictures, settings
):
    settings.STAFF_SEES_PROMPTS = True
    html = boss.get(address(case)).content.decode()
    assert PROMPT in html
    response = boss.get(picture_address(case, pictures[0]))
    assert response.content[8:12] == b"WEBP"
    assert "no-store" in response.headers["Cache-Control"]
    assert acts() == []


def test_show_this_one_takes_a_reason_and_is_written_down(
    helper, boss, case, pictures, staff
):
    assert helper.post(address(case), {"show": "1", "reason": " "}).status_code == 422
    assert "xylophone" not in helper.get(address(case)).content.decode()
    shown = helper.post(address(case), {"show": "1", "reason": "somebody wrote to us"})
    assert shown.url == address(case)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason) == (Action.SHOW, "somebody wrote to us")
    assert entry.actor_name == "hal@example.org"
    assert entry.person == case.owner
    assert PROMPT in helper.get(address(case)).content.decode()
    assert helper.get(picture_address(case, pictures[0])).status_code == 200
    assert "xylophone" not in boss.get(address(case)).content.decode(), "to them alone"


def test_what_was_shown_is_hidden_again_after_an_hour(helper, case, pictures):
    helper.post(address(case), {"show": "1", "reason": "somebody wrote to us"})
    later = timezone.now() + moderation.SHOWN_FOR + timedelta(seconds=1)
    with time_machine.travel(later, tick=False):
        assert "xylophone" not in helper.get(address(case)).content.decode()
        assert helper.get(picture_address(case, pictures[0])).status_code == 404
    assert helper.get(picture_address(case, pictures[0])).status_code == 200


def test_pictures_of_another_press_are_not_shown_through_a_case(
    boss, case, pictures, alice, bob, settings
):
    settings.STAFF_SEES_PROMPTS = True
    others = [
        make_image(alice, 40),
        make_image(bob, 50, batch_id=case.generation.public_id),
    ]
    for image in others:
        assert boss.get(picture_address(case, image)).status_code == 404
    assert list(moderation.pictures_of(case)) == pictures


def test_when_it_is_dismissed_then_nothing_else_happens(boss, case, pictures, staff):
    assert decide(boss, case, fate="dismiss").status_code == 302
    case.refresh_from_db()
    assert (case.state, case.decided_by) == (State.DISMISSED, staff)
    assert not Image.objects.trashed().exists()
    assert not Notice.objects.exists()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason) == (Action.DISMISS, "rule 4")
    assert (entry.before, entry.after) == ({"state": "open"}, {"state": "dismissed"})
    assert not moderation.open_verdicts().exists()


def test_pictures_go_into_their_owners_trash(boss, case, pictures):
    decide(boss, case, fate="trash", pictures=[str(pictures[0].public_id)])
    assert list(Image.objects.trashed()) == [pictures[0]]
    case.refresh_from_db()
    assert case.state == State.ACTED
    assert acts() == [Action.TRASH, Action.DECIDE]
    entry = AuditEntry.objects.get(action=Action.TRASH)
    trashed = "in the trash"
    assert (entry.before, entry.after) == ({trashed: False}, {trashed: True})
    assert entry.target_pk == str(pictures[0].pk)
    assert entry.person == case.owner


def test_pictures_are_deleted_for_ever_with_their_files(
    boss, case, pictures, django_capture_on_commit_callbacks
):
    pictures[1].trashed_at = timezone.now()
    pictures[1].save()
    paths = [p for image in pictures for p in (image.file.path, image.file.small_path)]
    assert all(default_storage.exists(path) for path in paths)
    with django_capture_on_commit_callbacks(execute=True):
        decide(boss, case, fate="erase")
    assert not Image.objects.filter(batch_id=case.generation.public_id).exists()
    assert not any(default_storage.exists(path) for path in paths)
    assert StoredFile.objects.count() == 1, "that of the other press"
    assert acts() == [Action.ERASE, Action.ERASE, Action.DECIDE]
    assert boss.get(reverse("admin:accounts_auditentry_changelist")).status_code == 200


def test_a_person_is_warned_on_their_next_visit(boss, case, alice):
    decide(boss, case, fate="leave", warning="No dragons, please.")
    client = Client()
    client.force_login(alice)
    assert "No dragons, please." in client.get("/").content.decode()
    notice = Notice.objects.get()
    assert notice.level == Notice.Level.WARNING
    assert acts() == [Action.WARN, Action.DECIDE]
    assert AuditEntry.objects.get(action=Action.WARN).after == {
        "words": "No dragons, please."
    }


def test_a_person_is_stopped_at_once(boss, case, alice):
    client = Client()
    login = {"login": alice.email, "password": "alice's password"}
    client.post(reverse("account_login"), login)
    assert client.get("/gallery/").status_code == 200
    decide(boss, case, fate="leave", is_stopped="on")
    assert client.get("/gallery/").status_code == 302
    alice.refresh_from_db()
    assert not alice.is_active
    assert acts() == [Action.STOP, Action.DECIDE]
    entry = AuditEntry.objects.get(action=Action.STOP)
    assert (entry.before, entry.after) == ({"is_active": True}, {"is_active": False})
    User.objects.filter(pk=alice.pk).update(is_active=True)
    assert client.get("/gallery/").status_code == 302, "that session is over"


def test_several_things_are_done_with_one_press(boss, case, pictures, alice):
    decide(boss, case, fate="trash", warning="No dragons.", is_stopped="on")
    assert acts() == [
        Action.TRASH,
        Action.TRASH,
        Action.WARN,
        Action.STOP,
        Action.DECIDE,
    ]
    assert set(AuditEntry.objects.values_list("reason", flat=True)) == {"rule 4"}
    assert AuditEntry.objects.latest("pk").after == {
        "state": "acted",
        "pictures": "trash",
        "warned": True,
        "stopped": True,
    }


def test_a_second_press_of_the_button_does_nothing(boss, case, alice):
    press = {"fate": "leave", "warning": "No dragons.", "is_stopped": "on", "seen": ""}
    decide(boss, case, **press)
    told = [
        str(each) for each in get_messages(decide(boss, case, **press).wsgi_request)
    ]
    assert admin_moderation.DECIDED_MEANWHILE in told
    assert Notice.objects.count() == 1
    assert acts() == [Action.WARN, Action.STOP, Action.DECIDE]


def test_what_was_decided_is_decided_again_from_its_page(boss, case):
    decide(boss, case, fate="dismiss")
    page = boss.get(address(case))
    seen = page.context["form"]["seen"].value()
    assert f'name="seen" value="{seen}"' in page.content.decode()
    decide(boss, case, fate="leave", warning="No dragons.", seen=seen)
    case.refresh_from_db()
    assert case.state == State.ACTED
    assert acts() == [Action.DISMISS, Action.WARN, Action.DECIDE]
    entry = AuditEntry.objects.get(action=Action.DECIDE)
    assert entry.before == {"state": "dismissed"}


def test_what_is_gone_is_not_decided(case, staff):
    PromptVerdict.objects.all().delete()
    decision = Decision(seen="", fate=Fate.DISMISS, reason="rule 4")
    assert not moderation.decide(case, staff, decision)
    assert acts() == []


def test_other_rules_that_flagged_the_same_press_are_decided_with_it(boss, alice, case):
    PromptRule.objects.create(phrase="xylophone", action="flag")
    factories.make_job(alice, PROMPT)
    one, other = PromptVerdict.objects.exclude(pk=case.pk)
    decide(boss, one, fate="dismiss")
    assert list(moderation.open_verdicts()) == [case]
    other.refresh_from_db()
    assert other.state == State.DISMISSED


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"fate": "dismiss", "reason": ""}, "reason"),
        ({"fate": "dismiss", "reason": "  "}, "reason"),
        ({"fate": "dismiss", "reason": "x" * 301}, "reason"),
        ({"fate": "dismiss", "reason": "\0"}, "reason"),
        ({"fate": ""}, "fate"),
        ({"fate": "burn"}, "fate"),
        ({"fate": "dismiss", "warning": "No."}, "fate"),
        ({"fate": "dismiss", "is_stopped": "on"}, "fate"),
        ({"fate": "leave"}, "fate"),
        ({"fate": "trash", "pictures": []}, "pictures"),
        ({"fate": "erase", "pictures": ["x"]}, "pictures"),
        ({"fate": "leave", "warning": "x" * 501}, "warning"),
    ],
)
def test_a_decision_that_makes_no_sense_is_an_error_of_its_field(
    boss, case, pictures, typed, field
):
    response = decide(boss, case, **typed)
    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert moderation.open_verdicts().exists()
    assert acts() == []


def test_deleting_and_stopping_take_the_rights_to(helper, case, pictures, alice):
    html = helper.get(address(case)).content.decode()
    assert 'value="erase"' not in html
    assert "Stop the person" not in html
    assert decide(helper, case, fate="erase").status_code == 422
    decide(helper, case, fate="leave", warning="No.", is_stopped="on")
    alice.refresh_from_db()
    assert alice.is_active
    assert Image.objects.count() == 3


@pytest.mark.parametrize("name", ["hal@example.org", "stan@example.org"])
def test_what_staff_asked_for_is_decided_by_superusers(boss, helper, case, name):
    hal = User.objects.get(email="hal@example.org")
    hal.user_permissions.set(Permission.objects.all())
    case.owner = User.objects.get(email=name)
    case.save()
    assert decide(helper, case, fate="dismiss").status_code == 403
    assert helper.post(address(case), {"show": "1", "reason": "x"}).status_code == 403
    chosen = {"action": "dismiss_selected", "_selected_action": [case.pk]}
    helper.post(reverse(LIST), chosen | {"reason": "x"})
    assert moderation.open_verdicts().exists()
    assert decide(boss, case, fate="dismiss").status_code == 302


def test_nobody_stops_themselves(boss, case, staff):
    case.owner = staff
    case.save()
    decide(boss, case, fate="leave", warning="No.", is_stopped="on")
    staff.refresh_from_db()
    assert staff.is_active


def test_who_may_only_look_decides_nothing(helper, case, pictures):
    hal = User.objects.get(email="hal@example.org")
    right = Permission.objects.get(codename="view_promptverdict")
    hal.user_permissions.set([right])
    html = helper.get(address(case)).content.decode()
    assert "Show this one" not in html
    assert "Decide" not in html
    assert decide(helper, case, fate="dismiss").status_code == 403
    assert helper.post(address(case), {"show": "1", "reason": "x"}).status_code == 403
    chosen = {"action": "dismiss_selected", "_selected_action": [case.pk]}
    helper.post(reverse(LIST), chosen | {"reason": "x"})
    assert moderation.open_verdicts().exists()
    assert acts() == []


def test_without_any_right_there_is_no_queue(helper, case, pictures, client, alice):
    User.objects.get(email="hal@example.org").user_permissions.clear()
    for each in (address(case), picture_address(case, pictures[0])):
        assert helper.get(each).status_code in {403, 404}
    assert helper.get(reverse(LIST)).status_code == 403
    assert helper.post(address(case), {"fate": "dismiss"}).status_code in {403, 404}
    client.force_login(alice)
    assert client.get(address(case), follow=True).status_code == 403


def test_many_are_dismissed_at_once_with_one_reason(boss, alice, case):
    rows = [
        PromptVerdict(owner=alice, action="flag", state="open", rule="r", prompt="p"),
        PromptVerdict(owner=alice, action="flag", state="acted", rule="r", prompt="p"),
    ]
    PromptVerdict.objects.bulk_create(rows)
    keys = list(PromptVerdict.objects.values_list("pk", flat=True))
    chosen = {"action": "dismiss_selected", "_selected_action": keys}
    asked = boss.post(reverse(LIST), chosen | {"index": "0"})
    assert "2 flagged presses leave the queue" in asked.content.decode()
    assert boss.post(reverse(LIST), chosen | {"reason": " "}).status_code == 422
    assert moderation.open_verdicts().count() == 2
    assert boss.post(reverse(LIST), chosen | {"reason": "harmless"}).status_code == 302
    assert not moderation.open_verdicts().exists()
    assert acts() == [Action.DISMISS, Action.DISMISS]
    assert PromptVerdict.objects.filter(state="acted").count() == 1
    again = boss.post(reverse(LIST), chosen | {"index": "0"})
    assert "None of these waits" in again.content.decode()


def test_a_refused_press_has_its_case_too(boss, alice):
    PromptRule.objects.create(phrase="troll", action="refuse")
    with pytest.raises(PromptRefused):
        factories.make_job(alice, "a troll")
    case = PromptVerdict.objects.get()
    html = boss.get(address(case)).content.decode()
    assert "nothing was drawn" in html
    assert decide(boss, case, fate="leave", warning="No trolls.").status_code == 302
    case.refresh_from_db()
    assert case.state == State.ACTED
    assert decide(boss, case, fate="trash").status_code == 422


def test_a_case_that_is_not_there_is_not_found(boss, case, pictures):
    for key in ("999999", "abc", "9" * 30):
        wrong = reverse("admin:generators_promptverdict_change", args=[key])
        assert boss.get(wrong).status_code == 404
        assert boss.post(wrong, {"fate": "dismiss"}).status_code == 404


def test_no_words_or_pictures_reach_the_log(boss, case, pictures):
    boss.post(address(case), {"show": "1", "reason": "somebody wrote"})
    decide(boss, case, fate="erase", warning="No.", is_stopped="on")
    assert "xylophone" not in str(list(AuditEntry.objects.values()))
    html = boss.get(address(case)).content.decode()
    assert "pictures: erase" in html


def test_the_list_asks_a_fixed_number_of_times(
    boss, alice, case, pictures, django_assert_max_num_queries
):
    PromptRule.objects.create(phrase="apple", action="flag")
    for _ in range(12):
        factories.make_job(alice, "an apple")
    with django_assert_max_num_queries(12):
        boss.get(reverse(LIST))
