"""An admin connects providers: keys go in and stay in, services are tried, told apart."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from accounts import ledger_audit
from accounts.models import User
from generators import catalog, connections, jobs, tasks
from generators.clock import before
from generators.connection_states import Tone, state_of
from generators.contracts import Lane
from generators.errors import ModelUnavailable
from generators.hosts import checked_address, checked_hosts, is_private
from generators.models import Connection, GenerationJob, ImageModel
from tests.fakes import studio as fakes
from tests.fakes.studio import FakeStudio, submit

Breaker = Connection.Breaker
Status = GenerationJob.Status
LIST = reverse("admin:generators_connection_changelist")
ADD = reverse("admin:generators_connection_add")
OTHER_KEY = "another-key-0123456789"


@pytest.fixture
def boss(client, staff):
    """A client signed in as a superuser."""
    client.force_login(staff)
    return client


@pytest.fixture
def press(boss, django_capture_on_commit_callbacks):
    """Post as the boss does, and let what waits for the commit happen."""

    def post(address, data):
        with django_capture_on_commit_callbacks(execute=True):
            return boss.post(address, data)

    return post


def page(name, row):
    return reverse(f"admin:generators_connection_{name}", args=[row.pk])


def typed(service=None, **fields):
    """What an admin types about a connection to the studio."""
    usual = {
        "provider": "studio",
        "label": "Studio",
        "enabled": "on",
        "base_url": service.url if service else "",
        "account": "",
        "max_concurrency": "7",
        "max_per_minute": "0",
        "result_hosts": "",
        "key": FakeStudio.KEY,
    }
    return usual | fields


def said(response):
    return [str(each) for each in get_messages(response.wsgi_request)]


def key_in(row):
    row.refresh_from_db()
    return connections.access_of(row).api_key


def test_when_a_connection_is_added_then_the_provider_is_chosen_first(boss, studio):
    html = boss.get(ADD).content.decode()
    assert "?provider=studio" in html
    assert "The studio" in html
    assert "id_key" not in html
    assert "id_key" not in boss.get(ADD, {"provider": "nonsense"}).content.decode()


def test_when_a_provider_is_chosen_then_the_form_speaks_its_words(boss, studio):
    html = boss.get(ADD, {"provider": "studio"}).content.decode()
    assert "Empty for https://api.studio.example." in html
    assert "The number of your shelf." in html
    assert 'name="max_concurrency" value="7"' in html
    assert 'value="The studio"' in html


def test_when_it_is_saved_then_it_is_tried_and_the_key_is_kept_encrypted(press, studio):
    response = press(ADD, typed(studio))
    assert response.status_code == 302
    assert "Studio: works, 2 models found" in said(response)
    row = Connection.objects.get()
    assert key_in(row) == FakeStudio.KEY
    assert FakeStudio.KEY not in row.encrypted_key
    assert (row.check_passed, row.balance) == (True, "$12.40")
    assert LogEntry.objects.filter(change_message__contains=FakeStudio.KEY).count() == 0


def test_when_it_is_saved_then_it_is_not_tried_before_the_commit(
    boss, studio, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=False) as waiting:
        boss.post(ADD, typed(studio))
    assert Connection.objects.exists()
    assert studio.calls == []
    for each in waiting:
        each()
    assert len(studio.calls) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"key": OTHER_KEY}, "Studio: key refused (HTTP 401: "),
        ({"base_url": "http://127.0.0.1:9"}, "Studio: cannot be reached ("),
    ],
)
def test_when_it_does_not_work_then_it_is_saved_all_the_same(
    press, studio, fields, words
):
    response = press(ADD, typed(studio, **fields))
    assert response.status_code == 302
    assert any(each.startswith(words) for each in said(response)), said(response)
    assert Connection.objects.get().check_passed is False


def test_when_it_is_off_then_nobody_is_asked(press, studio):
    assert press(ADD, typed(studio, enabled="")).status_code == 302
    assert studio.calls == []


def test_when_the_server_offers_models_then_they_are_in_the_catalogue(press, studio):
    studio.own_models = ["sketch"]
    press(ADD, typed(studio))
    assert catalog.find("sketch").connection == Connection.objects.get()


def test_when_the_key_is_left_empty_then_it_is_kept(press, studio):
    row = fakes.connect(studio)
    response = press(page("change", row), typed(studio, key="", label="Renamed"))
    assert response.status_code == 302
    assert key_in(row) == FakeStudio.KEY
    assert row.label == "Renamed"


def test_when_another_key_is_typed_then_it_takes_the_place(press, studio):
    row = fakes.connect(studio)
    press(page("change", row), typed(studio, key=f"  {OTHER_KEY} "))
    assert key_in(row) == OTHER_KEY


def test_when_the_key_is_removed_then_none_is_kept(press, studio):
    row = fakes.connect(studio)
    press(page("change", row), typed(studio, key="", remove_key="on"))
    assert key_in(row) == ""
    assert row.encrypted_key == ""


def test_when_a_key_is_typed_and_removed_then_the_form_asks_which(press, studio):
    row = fakes.connect(studio)
    response = press(page("change", row), typed(studio, remove_key="on"))
    assert "Type another key or remove it, not both." in response.content.decode()
    assert key_in(row) == FakeStudio.KEY


def test_when_the_address_moves_then_the_kept_key_does_not_go_along(press, studio):
    row = fakes.connect(studio)
    for moved in ("http://127.0.0.1:9", "https://evil.example", ""):
        response = press(page("change", row), typed(base_url=moved, key=""))
        assert "Type the key that belongs there" in response.content.decode(), moved
    row.refresh_from_db()
    assert row.base_url == studio.url
    assert studio.calls == []
    deeper = typed(base_url=f"{studio.url}/deeper/", key="")
    assert press(page("change", row), deeper).status_code == 302
    with_key = typed(base_url="http://127.0.0.1:9", key=OTHER_KEY)
    assert press(page("change", row), with_key).status_code == 302
    assert key_in(row) == OTHER_KEY


def test_when_the_form_comes_back_then_the_key_is_not_in_it(boss, press, studio):
    response = press(ADD, typed(studio, label=""))
    assert response.status_code == 200
    assert FakeStudio.KEY not in response.content.decode()
    row = fakes.connect(studio)
    html = boss.get(page("change", row)).content.decode()
    assert "A key is kept. Type another to replace it." in html
    assert FakeStudio.KEY not in html
    assert row.encrypted_key not in html


@pytest.mark.parametrize("key", ["", "schlüssel", "two\nlines", "a\x00b"])
def test_when_a_key_cannot_be_one_then_the_form_says_so(press, studio, key):
    response = press(ADD, typed(studio, key=key))
    assert response.status_code == 200
    assert not Connection.objects.exists()


def test_when_a_service_needs_no_key_then_none_is_asked_for(press, studio, monkeypatch):
    monkeypatch.setattr(fakes.StudioProvider, "needs_key", False)
    assert press(ADD, typed(studio, key="")).status_code == 302


def test_when_a_label_is_taken_then_the_form_says_so(press, studio):
    first, second = fakes.connect(studio), fakes.connect(studio, "Second")
    assert press(ADD, typed(studio)).status_code == 200
    response = press(page("change", second), typed(studio, key=""))
    assert response.status_code == 200
    assert "already exists" in response.content.decode()
    second.refresh_from_db()
    assert second.label != first.label


def test_when_a_provider_is_sent_that_is_none_then_nothing_is_made(press, studio):
    row = fakes.connect(studio)
    assert press(f"{ADD}?provider=studio", typed(provider="nope")).status_code == 200
    press(page("change", row), typed(studio, provider="nope", key=""))
    assert [each.provider for each in Connection.objects.all()] == ["studio"]


@pytest.mark.parametrize(
    ("hosts", "kept"),
    [
        ("", ""),
        ("cdn.example.com", "cdn.example.com"),
        (
            " CDN.Example.com., .example.net,,cdn.example.com ",
            "cdn.example.com, .example.net",
        ),
        ("93.184.216.34", "93.184.216.34"),
    ],
)
def test_when_hosts_are_names_then_they_are_kept_in_their_usual_form(hosts, kept):
    assert checked_hosts(hosts) == kept


@pytest.mark.parametrize(
    "hosts",
    [
        "https://cdn.example.com",
        "cdn.example.com/pictures",
        "cdn.example.com:8080",
        "localhost",
        "com",
        ".com",
        "*.example.com",
        "127.0.0.1",
        "10.0.0.7",
        "169.254.169.254",
        "[::1]",
        "::1",
        "fd00::1",
        "2130706433",
        "127.1",
        "0x7f.0.0.0x1",
        "user@example.com",
        "bücher.example",
        "a..b",
        "good.example.com, 192.168.0.1",
    ],
)
def test_when_hosts_are_none_or_private_then_they_are_refused(hosts):
    with pytest.raises(ValueError, match=r"host|address"):
        checked_hosts(hosts)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("", ""),
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("http://comfyui:8188", "http://comfyui:8188"),
        ("http://[fd00::7]:8080/v1", "http://[fd00::7]:8080/v1"),
    ],
)
def test_when_an_address_can_be_asked_then_it_is_kept(address, kept):
    assert checked_address(address) == kept


@pytest.mark.parametrize(
    "address",
    [
        "api.example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https://user:secret@example.com",
        "https://example.com/?key=1",
        "https://example.com/#x",
        "https://exam ple.com",
        "https://example.com:99999",
        "https://[::1",
        "http://169.254.169.254/v1",
        "http://[fe80::1]/v1",
        "http://[::ffff:169.254.169.254]/v1",
        "https://a..b/",
        f"https://{'a' * 70}.com",
    ],
)
def test_when_an_address_cannot_be_asked_then_it_is_refused(address):
    with pytest.raises(ValueError, match="address"):
        checked_address(address)


def test_when_the_form_gets_wrong_words_then_each_field_says_so(press, studio):
    wrong = {"base_url": "ftp://x", "result_hosts": "10.0.0.7", "max_concurrency": "0"}
    html = press(ADD, typed(studio, **wrong)).content.decode()
    for words in ("Write a whole address", "is a private address", "at least one job"):
        assert words in html


@pytest.mark.parametrize(
    "address",
    [
        "http://api.studio.example",
        "http://eu1.api.studio.example",
        "http://gateway.example:8080/v1",
        "http://8.8.8.8",
        "http://2130706433",
        "http://[2606:4700::1111]",
    ],
)
def test_when_a_public_service_is_addressed_without_tls_then_it_is_refused(
    press, studio, address
):
    html = press(ADD, typed(base_url=address)).content.decode()
    assert "Use https" in html
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("comfyui", True),
        ("gpu.lan", True),
        ("gpu.local", True),
        ("gpu.home.arpa", True),
        ("models.internal", True),
        ("192.168.1.20", True),
        ("127.0.0.1", True),
        ("fd00::7", True),
        ("api.example.com", False),
        ("local.example.com", False),
        ("8.8.8.8", False),
        ("0x7f.1", False),
    ],
)
def test_when_a_host_is_named_then_its_name_tells_whether_it_is_ones_own(
    host, expected
):
    assert is_private(host) is expected


def row_with(**columns):
    return Connection(**({"provider": "studio", "label": "x"} | columns))


NOW = timezone.now().replace(hour=12, minute=0)
LATER, EARLIER = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)


@pytest.mark.parametrize(
    ("columns", "tone", "words"),
    [
        ({}, Tone.UNKNOWN, "not tried"),
        ({"last_success_at": EARLIER}, Tone.GOOD, "works"),
        ({"enabled": False, "last_success_at": EARLIER}, Tone.OFF, "off"),
        (
            {
                "check_passed": False,
                "checked_at": EARLIER,
                "check_words": "key refused (x)",
            },
            Tone.BAD,
            "key refused",
        ),
        (
            {
                "check_passed": False,
                "checked_at": EARLIER,
                "check_words": "key refused (x)",
                "last_success_at": NOW,
            },
            Tone.GOOD,
            "works",
        ),
        (
            {"breaker": Breaker.OPEN, "paused_until": LATER},
            Tone.TROUBLED,
            "trouble, trying again at 12:05",
        ),
        (
            {"breaker": Breaker.OPEN, "paused_until": EARLIER},
            Tone.TROUBLED,
            "trouble, the next job tries",
        ),
        (
            {"breaker": Breaker.HALF_OPEN, "paused_until": LATER},
            Tone.TROUBLED,
            "trouble, trying now",
        ),
        (
            {"paused_until": LATER, "last_success_at": EARLIER},
            Tone.TROUBLED,
            "busy, going on at 12:05",
        ),
        (
            {
                "checked_at": NOW,
                "check_words": "cannot be reached (x)",
                "last_success_at": EARLIER,
            },
            Tone.TROUBLED,
            "cannot be reached",
        ),
    ],
)
def test_when_something_is_known_then_the_dot_and_words_tell_it(columns, tone, words):
    state = state_of(row_with(**columns), NOW)
    assert (state.tone, state.words) == (tone, words)


def test_when_connections_are_listed_then_each_says_how_it_fares(boss, studio, alice):
    fakes.connect(studio, balance="$3.20", last_success_at=NOW)
    fakes.connect(studio, "Off", enabled=False)
    submit(alice)
    jobs.run_next(Lane.REMOTE, worker="test")
    html = boss.get(LIST).content.decode()
    for words in ("Works", "Off", "The studio", "1 of 100", "$3.20", "bg-green-500"):
        assert words in html


def test_when_some_are_in_trouble_then_the_sidebar_counts_them(boss, studio):
    fakes.connect(studio, breaker=Breaker.OPEN)
    html = boss.get(reverse("admin:index")).content.decode()
    link = html.partition(f'href="{LIST}"')[2].partition("</a>")[0]
    assert link.split(">")[-2].split("<")[0].strip() == "1", link
    Connection.objects.update(breaker=Breaker.CLOSED)
    html = boss.get(reverse("admin:index")).content.decode()
    assert "bg-red-100" not in html.partition(f'href="{LIST}"')[2].partition("</a>")[0]


def test_when_an_admin_tries_again_then_the_service_is_asked_at_once(boss, studio):
    row = fakes.connect(studio, breaker=Breaker.OPEN)
    assert boss.get(page("try_again", row)).status_code == 405
    response = boss.post(page("try_again", row))
    assert said(response) == ["Studio: works, 2 models found"]
    row.refresh_from_db()
    assert row.breaker == Breaker.CLOSED
    chosen = {"action": "try_again", "_selected_action": [row.pk]}
    assert said(boss.post(LIST, chosen))[-1] == "Studio: works, 2 models found"
    assert (
        boss.post(
            reverse("admin:generators_connection_try_again", args=[99])
        ).status_code
        == 404
    )


def test_when_models_have_no_price_then_the_admin_is_told(boss, studio):
    row = fakes.connect(studio)
    studio.own_models, studio.own_price = ["sketch"], None
    assert "1 model has no price yet" in said(boss.post(page("try_again", row)))[-1]


def test_when_it_is_deleted_then_the_page_warns_of_jobs_under_way(boss, studio, alice):
    studio.own_models = ["sketch"]
    row = fakes.connect(studio)
    boss.post(page("try_again", row))
    submit(alice)
    jobs.run_next(Lane.REMOTE, worker="test")
    html = boss.get(page("delete", row)).content.decode()
    assert "1 job under way: it will fail, and its credits are given back" in html
    chosen = {"action": "delete_selected", "_selected_action": [row.pk]}
    assert "1 job under way" in boss.post(LIST, chosen).content.decode()
    assert boss.post(page("delete", row), {"post": "yes"}).status_code == 302
    assert not Connection.objects.exists()
    assert not ImageModel.objects.filter(slug="sketch").exists()
    GenerationJob.objects.update(next_action_at=before(1))
    jobs.run_next(Lane.REMOTE, worker="test")
    job = GenerationJob.objects.get()
    assert (job.status, job.settled_credits) == (Status.FAILED, 0)
    assert ledger_audit.audit() == []


def test_when_a_jobs_model_goes_with_its_connection_then_it_is_not_drawn_by_another(
    boss, studio, alice
):
    studio.own_models = ["sketch"]
    row = fakes.connect(studio)
    boss.post(page("try_again", row))
    submit(alice, "sketch")
    html = boss.get(page("delete", row)).content.decode()
    assert "1 job waiting for its models: it will fail" in html
    boss.post(page("delete", row), {"post": "yes"})
    assert jobs.run_next(Lane.REMOTE, worker="test")
    job = GenerationJob.objects.get()
    assert job.failure_message == ModelUnavailable.default_message
    assert (job.call_started_at, job.settled_credits) == (None, 0)
    assert ledger_audit.audit() == []


def test_when_another_connection_is_left_then_it_does_not_draw_for_a_lost_model(
    boss, studio, alice
):
    studio.own_models = ["sketch"]
    row = fakes.connect(studio)
    boss.post(page("try_again", row))
    fakes.connect(studio, "Another")
    submit(alice, "sketch")
    boss.post(page("delete", row), {"post": "yes"})
    jobs.run_next(Lane.REMOTE, worker="test")
    job = GenerationJob.objects.get()
    assert (job.status, job.settled_credits) == (Status.FAILED, 0)
    assert studio.calls_to("POST") == []


@pytest.fixture
def helper(client, studio, alice):
    """A client of staff who may look at jobs and models, and at no connection."""
    fakes.connect(studio, "Confidential")
    submit(alice)
    jobs.run_next(Lane.REMOTE, worker="test")
    ImageModel.objects.filter(slug="studio-brush").update(
        connection=Connection.objects.get()
    )
    user = User.objects.create_user("hal@example.org", "hal's password", is_staff=True)
    names = ("view_generationjob", "view_imagemodel", "change_imagemodel")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


def test_when_staff_lack_the_right_then_they_see_nothing_of_connections(helper):
    row = Connection.objects.get()
    for address in (LIST, ADD, page("change", row), page("delete", row)):
        assert helper.get(address).status_code == 403, address
    assert helper.post(page("try_again", row)).status_code == 404
    assert helper.get(reverse("admin-costs")).status_code == 403
    addresses = [
        reverse("admin:index"),
        reverse("admin:generators_imagemodel_changelist"),
    ]
    for model in (GenerationJob, ImageModel):
        name = f"admin:generators_{model._meta.model_name}_change"
        addresses += [reverse(name, args=[each.pk]) for each in model.objects.all()]
    for address in addresses:
        response = helper.get(address)
        assert response.status_code == 200
        html = response.content.decode()
        assert "Confidential" not in html, address
        assert LIST not in html, address


def test_when_staff_may_only_look_then_they_try_nothing(client, studio, db):
    row = fakes.connect(studio)
    user = User.objects.create_user("hal@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_connection"))
    client.force_login(user)
    html = client.get(page("change", row)).content.decode()
    assert "Try again now" not in html
    client.post(page("try_again", row))
    client.post(LIST, {"action": "try_again", "_selected_action": [row.pk]})
    assert studio.calls == []
    assert row.encrypted_key not in html


def test_when_time_passes_then_those_in_trouble_are_asked_on_the_remote_lane(
    settings, studio
):
    (entry,) = (
        each
        for each in settings.CELERY_BEAT_SCHEDULE.values()
        if each["task"] == tasks.check_connections.name
    )
    assert entry["schedule"] == 300
    assert settings.CELERY_TASK_DEFAULT_QUEUE.endswith(Lane.REMOTE)
    fakes.connect(studio, check_passed=False)
    tasks.check_connections()
    assert Connection.objects.get().check_passed


def test_when_the_sites_own_key_is_lost_then_the_admin_reads_what_to_do(
    boss, studio, settings
):
    row = fakes.connect(studio)
    settings.ENCRYPTION_KEYS = ["quite another"]
    words = (
        "does not work (The key was kept under another ENCRYPTION_KEYS. Type it again.)"
    )
    assert said(boss.post(page("try_again", row))) == [f"Studio: {words}"]
    assert studio.calls == []


def test_when_it_is_saved_then_its_key_is_written_under_the_newest_key(
    press, studio, settings
):
    row = fakes.connect(studio)
    settings.ENCRYPTION_KEYS = ["new", *settings.ENCRYPTION_KEYS]
    press(page("change", row), typed(studio, key=""))
    settings.ENCRYPTION_KEYS = ["new"]
    assert key_in(row) == FakeStudio.KEY


def test_when_the_sites_own_key_is_lost_then_a_save_loses_nothing(
    press, studio, settings
):
    row = fakes.connect(studio)
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = ["quite another"]
    assert press(page("change", row), typed(studio, key="")).status_code == 302
    settings.ENCRYPTION_KEYS = old
    assert key_in(row) == FakeStudio.KEY
