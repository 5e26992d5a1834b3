"""Made-up keys in addresses and forms of the admin break nothing."""

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.urls import reverse

from accounts.models import Quota
from generators.models import PromptVerdict

pytestmark = pytest.mark.django_db
MADE_UP = ["9" * 30, "abc", "\x00", "-", ""]


@pytest.fixture
def boss(client, staff):
    """A client signed in as a superuser."""
    client.force_login(staff)
    return client


@pytest.fixture
def verdict(alice):
    """What a rule said to a prompt of Alice's."""
    return PromptVerdict.objects.create(
        owner=alice, action="flag", rule="d*", prompt="a dragon"
    )


def adding() -> list[str]:
    names = (each._meta.label_lower.replace(".", "_") for each in admin.site._registry)
    return sorted(f"admin:{name}_add" for name in names)


@pytest.mark.parametrize("name", adding())
@pytest.mark.parametrize("value", MADE_UP)
def test_when_an_address_names_no_row_then_the_form_opens_without_it(boss, name, value):
    links = ("user", "group", "groups", "image_model", "connection", "owner", "plan")
    response = boss.get(reverse(name), dict.fromkeys(links, value))
    assert response.status_code in {200, 403}


def test_when_an_address_names_a_person_then_the_form_begins_with_them(boss, alice):
    page = boss.get(reverse("admin:accounts_quota_add"), {"user": alice.pk})
    assert page.context["adminform"].form.initial["user"] == str(alice.pk)


@pytest.mark.parametrize("key", MADE_UP)
def test_when_a_chosen_row_cannot_be_then_nothing_is_done(boss, verdict, key):
    address = reverse("admin:generators_promptverdict_changelist")
    chosen = {"_selected_action": [key, verdict.pk], "index": "0"}
    response = boss.post(address, chosen | {"action": "dismiss_selected"})
    assert response.status_code == 302
    assert "not there" in str(next(iter(get_messages(response.wsgi_request))))
    assert PromptVerdict.objects.get() == verdict


@pytest.mark.parametrize("key", MADE_UP)
def test_when_a_row_to_delete_cannot_be_then_nothing_is_deleted(boss, alice, key):
    quota = Quota.objects.create(user=alice)
    chosen = {"_selected_action": [key, quota.pk], "post": "yes"}
    address = reverse("admin:accounts_quota_changelist")
    response = boss.post(address, chosen | {"action": "delete_selected"})
    assert response.status_code == 302
    assert Quota.objects.exists()


@pytest.mark.parametrize("key", MADE_UP)
def test_when_a_changed_row_of_a_list_cannot_be_then_nothing_is_saved(boss, key):
    form = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": key}
    address = reverse("admin:generators_promptrule_changelist")
    assert boss.post(address, form | {"_save": "Save"}).status_code == 302
