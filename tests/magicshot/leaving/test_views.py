"""The pages of one's own data: shown, polled, downloaded by their owner alone."""

import asyncio
import html
import io
import uuid
import zipfile
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.files.storage import default_storage
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Export
from gallery import large_files
from gallery.browser_time import COOKIE
from magicshot.leaving import building, exports
from tests.gallery.making import make_image
from tests.magicshot.leaving.test_exports import export_of

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = reverse("leaving:your-data")
PRESS = reverse("leaving:export-create")
STATE = reverse("leaving:export-state")
DELETE = reverse("leaving:account-delete")
HTMX = {"HX-Request": "true"}


def text_of(response):
    return html.unescape(response.content.decode())


def download(export):
    return reverse("leaving:export-download", args=[export.public_id])


def body_of(response):
    return b"".join(response.streaming_content)


@pytest.fixture
def page(client, alice):
    client.force_login(alice)
    return client


@pytest.mark.parametrize("address", [PAGE, STATE, DELETE])
def test_strangers_are_asked_to_sign_in(client, address):
    response = client.get(address)
    assert response.status_code == 302
    assert response.url.startswith(reverse("account_login"))


def test_pages_lead_there(page):
    for address in ("/", reverse("mfa_index")):
        assert f'href="{PAGE}"' in page.get(address).content.decode()


def test_the_page_tells_every_state(page, alice):
    assert "Put it together" in text_of(page.get(PAGE))
    assert page.post(PRESS).url == PAGE
    waiting = text_of(page.get(PAGE))
    assert "Waiting for its turn" in waiting
    assert 'hx-trigger="every 2s"' in waiting
    claim = exports.claim_next()
    claim.write(num_pictures=8, num_done=2)
    shown = text_of(page.get(STATE, headers=HTMX))
    assert "2 of 8" in shown
    assert 'value="25"' in shown
    assert "every 2s" in shown
    exports.fail(claim, "There is no room left.")
    failed = text_of(page.get(STATE, headers=HTMX))
    assert "There is no room left." in failed
    assert "Try again" in failed
    assert "every 2s" not in failed


def test_what_is_ready_says_how_large_it_is_and_until_when(page, alice):
    export = export_of(alice)
    for address in (PAGE, STATE):
        shown = text_of(page.get(address))
        assert f"Ready: {export.size / 1024:.1f}\xa0KB" in shown
        assert f"removed on {timezone.localtime(export.expires_at):%-d %B}" in shown
        assert download(export) in shown
        assert "every 2s" not in shown


def test_pictures_that_are_not_in_it_are_told(page, alice):
    image = make_image(alice)
    default_storage.delete(image.file.path)
    export_of(alice)
    assert "1 picture could not be taken along" in text_of(page.get(PAGE))


def test_a_double_press_is_one_export(page):
    page.post(PRESS)
    page.post(PRESS)
    assert Export.objects.count() == 1


def test_a_new_one_can_be_made_an_hour_after_the_last_was_ready(page, alice):
    export = export_of(alice)
    again_at = export.ready_at + exports.PAUSE
    page.cookies[COOKIE] = "Asia/Tokyo"
    when = f"{timezone.localtime(again_at, ZoneInfo('Asia/Tokyo')):%H:%M}"
    shown = text_of(page.get(PAGE))
    assert f"You can make a new one from {when}" in shown
    assert f'action="{PRESS}"' not in shown
    page.post(PRESS)
    assert f"You can make another from {when}" in text_of(page.get(PAGE))
    assert exports.of(alice) == export
    with time_machine.travel(again_at + timedelta(seconds=1), tick=False):
        assert f'action="{PRESS}"' in text_of(page.get(PAGE))
        page.post(PRESS)
        assert exports.of(alice).state == Export.State.WAITING


def test_one_that_failed_can_be_tried_again_at_once(page, alice):
    page.post(PRESS)
    exports.fail(exports.claim_next(), "There is no room left.")
    page.post(PRESS)
    assert exports.of(alice).state == Export.State.WAITING


def test_pressing_takes_a_post(page):
    assert page.get(PRESS).status_code == 405
    assert page.get(reverse("leaving:account-keep")).status_code == 405


def test_the_owner_downloads_it_whole(fresh, alice):
    make_image(alice)
    export = export_of(alice)
    response = fresh.get(download(export))
    assert response.status_code == 200
    assert response["Content-Type"] == "application/zip"
    day = timezone.localdate()
    expected = f'attachment; filename="magicshot-{day}.zip"'
    assert response["Content-Disposition"] == expected
    assert response["Cache-Control"] == "private, no-store"
    content = body_of(response)
    assert len(content) == int(response["Content-Length"]) == export.size
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    response.close()
    head = fresh.head(download(export))
    assert head.status_code == 200
    head.close()


def test_without_a_fresh_proof_it_is_asked_for_first(page, alice):
    export = export_of(alice)
    response = page.get(download(export))
    assert response.url == reverse("leaving:export-proof")
    asked = page.get(response.url)
    assert asked.url.startswith(reverse("account_reauthenticate"))
    back = page.post(asked.url, {"password": "alice's password"}, follow=True)
    assert back.redirect_chain[-1][0] == PAGE
    assert "Press Download now" in text_of(back)
    response = page.get(download(export))
    assert response.status_code == 200
    response.close()
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert page.get(download(export)).status_code == 302


def test_nobody_else_finds_it(alice, bob, staff):
    export = export_of(alice)
    for email, password in (
        ("bob@example.org", "bob's password"),
        ("stan@example.org", "stan's password"),
    ):
        other = Client()
        other.post(reverse("account_login"), {"login": email, "password": password})
        assert other.get(download(export)).status_code == 404
        assert download(export) not in text_of(other.get(PAGE))
    assert Client().get(download(export)).status_code == 302


def test_what_is_not_ready_or_over_or_gone_is_not_found(fresh, alice):
    export = exports.ask(alice)
    assert fresh.get(download(export)).status_code == 404
    building.build_waiting()
    export = exports.of(alice)
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        assert exports.ready_ones(alice).count() == 0
    default_storage.delete(export.path)
    assert fresh.get(download(export)).status_code == 404
    unknown = reverse("leaving:export-download", args=[uuid.uuid4()])
    assert fresh.get(unknown).status_code == 404


def test_the_asynchronous_server_sends_it_in_pieces(fresh, alice, monkeypatch):
    monkeypatch.setattr(large_files, "PIECE_BYTES", 100)
    export = export_of(alice)

    async def fetch():
        visitor = AsyncClient()
        visitor.cookies = fresh.cookies
        response = await visitor.get(download(export))
        return response, [piece async for piece in response.streaming_content]

    response, pieces = asyncio.run(fetch())
    assert len(pieces) > 5
    assert max(map(len, pieces)) == 100
    assert sum(map(len, pieces)) == export.size
    response.close()
